//! A dispatch whose process is killed again and again: it goes on, no item is there twice or missing, and
//! nothing shows before everything does.

use std::time::{Duration, Instant};

use serde_json::Value;
use server::args;
use server::platform::database::{Db, Exec};

use super::client::Client;
use super::dice::{Dice, seed};
use super::stage::{City, Stage};
use super::{setting, truth};

/// Longest wait for it to go on; a job is taken over when its beat has stood still for five seconds.
const LONGEST: Duration = Duration::from_mins(1);

struct Watch<'a> {
    db: &'a Db,
    city: &'a City,
    wrong: Vec<String>,
}

impl Watch<'_> {
    async fn written(&self) -> i64 {
        let sql = "SELECT count(*) FROM item WHERE task_id = $1";
        self.db.clone().one::<(i64,)>(sql, args![self.city.draft]).await.expect("counts").0
    }

    /// What a reader sees of it; whether it is published.
    async fn look(&mut self, client: &mut Client) -> bool {
        let (task, manager) = (self.city.draft, &self.city.manager);
        // In this order: what shows before the task says so was there too early.
        let list = client.get(&format!("/api/v1/items?task={task}&limit=1"), manager).await.expect("a list").json();
        let board = client.get(&format!("/api/v1/boards/{task}"), manager).await.expect("a board").json();
        let told = client.get(&format!("/api/v1/tasks/{task}"), manager).await.expect("a task").json();
        let published = told["state"] == "running";
        let listed = list["items"].as_array().map_or(0, Vec::len);
        let counted = board["here"]["totals"]["assigned"].as_i64().unwrap_or(0);
        if !published && (listed > 0 || counted > 0) {
            self.wrong.push(format!("EARLY: {listed} listed, {counted} on the board while {}", told["state"]));
        }
        published
    }
}

/// Dispatches so many rows and kills the program so often meanwhile.
async fn dispatch(engine: &str, rows: usize, kills: u64, longest: Duration, variables: &[(&str, &str)]) -> Vec<String> {
    let seed = seed();
    let stage = Stage::build(engine, 0, rows).await;
    let (city, mut dice) = (&stage.city, Dice(seed | 1));
    let db = stage.site.place.connect().await.expect("opens");
    let mut watch = Watch { db: &db, city, wrong: vec![] };
    let mut server = stage.serve(variables).await;
    let path = format!("/api/v1/tasks/{}/dispatch", city.draft);
    let begun = Client::to(&server.address).json("POST", &path, &city.manager, &Value::Null).await.expect("begun");
    assert_eq!(begun.status, 202, "{}", begun.text());
    let mut moments = Vec::new();
    for done in 0..kills {
        let (before, begin) = (watch.written().await, Instant::now());
        // However quick the machine is, the kill falls into what is left.
        let stretch = (rows as i64 - before) / (kills - done + 1) as i64;
        let wanted = before + 1 + dice.roll(stretch.max(1) as u64) as i64;
        let (mut client, mut polls) = (Client::to(&server.address), 0);
        while watch.written().await < wanted && begin.elapsed() < longest {
            polls += 1;
            if polls % 16 == 0 && watch.look(&mut client).await {
                break;
            }
        }
        drop(server);
        moments.push(watch.written().await);
        server = stage.serve(variables).await;
    }
    let (begin, mut client) = (Instant::now(), Client::to(&server.address));
    while !watch.look(&mut client).await {
        if begin.elapsed() > longest {
            return vec![format!("STUCK: {} of {rows} items, not published after {longest:?}", watch.written().await)];
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{engine}: {rows} rows, killed at {moments:?}, published after {:?}", begin.elapsed());
    const COUNTS: &str = "SELECT count(*), count(DISTINCT i.position), count(DISTINCT i.subject_id), count(DISTINCT r.position) \
         FROM item i JOIN task_row r ON r.task_id = i.task_id AND r.position = i.position AND r.subject_id = i.subject_id \
         WHERE i.task_id = $1";
    let counts: (i64, i64, i64, i64) = db.clone().one(COUNTS, args![city.draft]).await.expect("counts");
    let all = rows as i64;
    let mut wrong = watch.wrong;
    if counts != (all, all, all, all) {
        wrong.push(format!("ITEMS: items, positions, subjects, rows of {all}: {counts:?}"));
    }
    const TOLD: &str = "SELECT payload FROM event WHERE kind = 'items.dispatched' AND subject_id = $1";
    let told: Vec<(String,)> = db.clone().all(TOLD, args![city.draft]).await.expect("events");
    let count = |text: &String| serde_json::from_str::<Value>(text).ok()?["count"].as_i64();
    let told: i64 = told.iter().filter_map(|row| count(&row.0)).sum();
    if told != all {
        wrong.push(format!("EVENTS: {told} of {all} items are told"));
    }
    wrong.extend(truth::boards(&db, city, &server.address, city.draft).await);
    wrong.extend(truth::conservation(&db).await);
    wrong.extend(truth::own_checks(&stage.site));
    db.close().await;
    assert!(moments.iter().any(|at| (1..all).contains(at)), "no kill fell into the dispatch: {moments:?}");
    wrong
}

async fn goes_on(engine: &str) {
    let kills = setting("HUTONG_TEST_DISPATCH_KILLS", 3);
    let rows = setting("HUTONG_TEST_DISPATCH_ROWS", 5000);
    let wrong = dispatch(engine, rows as usize, kills, LONGEST, &[]).await;
    assert!(wrong.is_empty(), "{engine}: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_goes_on_after_every_kill_on_sqlite() {
    goes_on("sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_goes_on_after_every_kill_on_postgresql() {
    goes_on("postgresql").await;
}

/// One that begins anew never ends: each row has one item, whoever makes it.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_recount_notices_a_dispatch_that_goes_on_in_the_wrong_place() {
    let short = Duration::from_secs(12);
    let wrong = dispatch("sqlite", 5000, 1, short, &[("HUTONG_TEST_WITHOUT", "Resume")]).await;
    println!("without Resume: {wrong:?}");
    assert!(wrong.iter().any(|wrong| wrong.contains("STUCK")), "{wrong:#?}");
}
