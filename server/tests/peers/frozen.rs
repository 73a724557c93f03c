//! A process that is killed, or frozen and resumed: its work moves to the other within ten seconds, and when it
//! wakes up it does nothing any more that is not its own.
//!
//! `HUTONG_TEST_FREEZE` says for how many seconds it is frozen (8; `make soak` 60).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::app::App;
use server::args;
use server::geography::{self, PlaceLine};
use server::platform::database::{Db, Exec, StoreError};
use server::platform::faults::Protection;
use server::platform::ids::Id;
use server::platform::jobs::{self, JobHandle, JobKind, Jobs};

use super::client::Client;
use super::dice::{Dice, seed};
use super::journal::Journal;
use super::load::{self, hands};
use super::pair::{Pair, cookie, get, signal, until};
use super::program::Serving;
use super::setting;
use super::without::Without;

/// Jobs and the folder must have moved within this.
const MOVES: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(1);

/// Epoch of the dispatch, how often it was begun, and how many items it has written.
async fn job(db: &Db, task: Id) -> (i64, i64, i64) {
    const JOB: &str = "SELECT epoch, attempts, (SELECT count(*) FROM item WHERE task_id = $1) FROM job WHERE kind = 'tasks.dispatch' \
         AND state IN ('queued', 'running') OR kind = 'tasks.dispatch' AND created_at = (SELECT max(created_at) FROM job WHERE kind = 'tasks.dispatch') \
         ORDER BY created_at DESC LIMIT 1";
    db.clone().one(JOB, args![task]).await.expect("a job")
}

async fn leases(db: &Db) -> Vec<(String, i64)> {
    let sql = "SELECT name, epoch FROM lease WHERE owner <> '' ORDER BY name";
    db.clone().all(sql, vec![]).await.expect("leases")
}

/// The server on which everything runs goes away in the middle of a dispatch and of other people's work.
async fn goes_away(frozen: bool) {
    let (seed, rows) = (seed(), setting("HUTONG_TEST_DISPATCH_ROWS", 8000));
    let pair = Pair::build(6, rows as usize).await;
    let (site, city) = (&pair.stage.site, Arc::new(pair.stage.city.clone()));
    let db = site.place.connect().await.expect("opens");
    let one = pair.stage.serve(&[]).await;
    let cookie = cookie(&one, "manager").await;
    let two = pair.stage.serve(&[]).await;
    let journal = Arc::new(Journal::at(&site.beside("journal")));
    let stop = Arc::new(AtomicBool::new(false));
    let working = {
        let (hands, address, stop) = (hands(&city, &journal, 3, seed), two.address.clone(), stop.clone());
        tokio::spawn(async move { load::work(hands, &address, &stop).await })
    };
    // The leases are with the first already; the job shall be too.
    signal(&two, "STOP");
    let path = format!("/api/v1/tasks/{}/dispatch", city.draft);
    let begun = Client::to(&one.address).json("POST", &path, &city.manager, &Value::Null).await.expect("begun");
    assert_eq!(begun.status, 202, "{}", begun.text());
    let taken = until(LONGEST, async || job(&db, city.draft).await.0 > 0).await;
    taken.expect("the job is taken");
    signal(&two, "CONT");
    let written = until(LONGEST, async || job(&db, city.draft).await.2 > 0).await;
    written.expect("the dispatch writes");
    tokio::time::sleep(Duration::from_millis(Dice(seed | 1).roll(150))).await;
    let (before, held) = (job(&db, city.draft).await, leases(&db).await);
    assert!(before.2 < rows as i64 && held.len() == server::jobs::LEASED.len(), "{before:?} {held:?}");
    signal(&one, if frozen { "STOP" } else { "KILL" });
    let away = Instant::now();
    let moved = until(LONGEST, async || {
        let now = leases(&db).await;
        job(&db, city.draft).await.0 > before.0 && held.iter().zip(&now).all(|(old, new)| new.1 > old.1)
    });
    let moved = moved.await.expect("they move");
    println!("away at {} of {rows} items; job and leases moved after {moved:?}", before.2);
    assert!(moved <= MOVES, "they move within ten seconds");
    if frozen {
        let longest = Duration::from_secs(setting("HUTONG_TEST_FREEZE", 8));
        tokio::time::sleep(longest.saturating_sub(away.elapsed())).await;
        let taken = leases(&db).await;
        signal(&one, "CONT");
        let ready = until(LONGEST, async || get(&one, "/readyz", "").await.status == 200).await;
        println!("resumed after {:?}, ready after {:?}", away.elapsed(), ready.expect("it wakes up"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(leases(&db).await, taken, "nothing is taken back");
    }
    let published = until(LONGEST, async || {
        let task = get(&two, &format!("/api/v1/tasks/{}", city.draft), &city.manager).await;
        task.json()["state"] == "running"
    });
    println!("published {:?} later", published.await.expect("the dispatch ends"));
    stop.store(true, Ordering::Relaxed);
    working.await.expect("clients");
    // Signed in at the one that went away.
    let head = format!("cookie: {cookie}\r\n");
    let page = Client::to(&two.address).ask("GET", "/", &head, b"").await.expect("a page");
    assert_eq!(page.status, 200, "sessions survive");
    let (_, attempts, items) = job(&db, city.draft).await;
    assert_eq!((attempts, items), (2, rows as i64), "begun twice, each item once");
    let servers: Vec<&Serving> = if frozen { vec![&one, &two] } else { vec![&two] };
    let wrong = pair.faults(&servers, &journal, &[city.task, city.draft]).await;
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_process_that_is_killed_moves_to_the_other() {
    goes_away(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_process_that_is_frozen_moves_and_stays_when_it_wakes_up() {
    goes_away(true).await;
}

/// A request that reaches a frozen process is answered when it wakes up; what it is told was renamed meanwhile.
/// The first round in which the answer was old; 0: none was.
async fn asked_while_frozen(pair: &Pair, servers: &[Serving; 2], rounds: usize) -> usize {
    let [one, two] = servers;
    let path = format!("/api/v1/places/{}", pair.stage.city.communities[1]);
    for round in 0..rounds {
        signal(two, "STOP");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let version = get(one, &path, &pair.root).await.json()["version"].clone();
        let name = format!("第{round}次更名社区居民委员会");
        let head = format!(
            "authorization: Bearer {}\r\ncontent-type: application/json\r\nif-match: \"{version}\"\r\n",
            pair.root
        );
        let body = json!({"name": name}).to_string();
        let renamed = Client::to(&one.address).ask("PATCH", &path, &head, body.as_bytes()).await.expect("renamed");
        assert_eq!(renamed.status, 200, "{}", renamed.text());
        tokio::time::sleep(Duration::from_millis(2200)).await;
        let mut asked = Client::to(&two.address);
        let (answer, ()) = tokio::join!(asked.get(&path, &pair.root), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            signal(two, "CONT");
        });
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json()["official_name"].clone();
        if told != name.as_str() {
            return round + 1;
        }
        until(Duration::from_secs(2), async || {
            get(two, &path, &pair.root).await.json()["official_name"] == name.as_str()
        })
        .await
        .expect("heard in the end");
    }
    0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_wakes_up_hears_before_it_answers() {
    let pair = Pair::build(1, 0).await;
    let servers = pair.serve("").await;
    assert_eq!(asked_while_frozen(&pair, &servers, 2).await, 0);
    drop(servers);
    let servers = pair.serve("PeerFresh").await;
    let old = asked_while_frozen(&pair, &servers, 5).await;
    println!("without PeerFresh: the answer was old in round {old}");
    assert!(old > 0, "waiting until it has heard is needed");
}

/// A job that imports the district's new places and stops in the middle of it until it is let go.
static IMPORT: &[JobKind] = &[JobKind {
    kind: "test.import",
    attempts: 5,
    every: None,
    run: |app, handle| Box::pin(async move { import(&app, &handle).await }),
}];

/// The process of the first attempt stands still.
static STANDS: AtomicBool = AtomicBool::new(false);
static ASLEEP: AtomicBool = AtomicBool::new(false);

const NEW: usize = 1200;

async fn import(app: &App, handle: &JobHandle) -> Result<Value, server::error::AppError> {
    let above = app.geography().root().expect("a root").code.map(str::to_owned);
    let new = |n: usize| PlaceLine {
        line: n as u32 + 1,
        code: format!("1499{n:05}"),
        level: 3,
        name: format!("新{n}区"),
        parent: above.clone(),
    };
    let lines: Vec<PlaceLine> = (0..NEW).map(new).collect();
    let plan = geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text());
    assert_eq!(plan.fault_count, 0, "{:?}", plan.faults);
    let first = handle.attempt() == 1;
    let done = geography::import_by(app, Some(handle), plan, Default::default(), "test", |written, _| {
        if first && written >= NEW / 2 {
            ASLEEP.store(true, Ordering::Relaxed);
            // The other process of this test has its tasks on the same threads.
            tokio::task::block_in_place(|| {
                while STANDS.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    });
    Ok(json!({"made": done.await?.made}))
}

/// The import is taken over while its process stands still; then that wakes up. Places that are there too often,
/// and how the job ended.
async fn woken(pair: &Pair) -> (i64, String) {
    let apps = pair.open().await.map(|app| {
        let (clock, keys, data) = (app.clock.clone(), app.keys.clone(), app.data.clone());
        let mut parts = server::app::Parts::new(app.db.clone(), clock.clone(), keys, data, app.limits);
        parts.jobs = Jobs::new(clock, IMPORT);
        App::new(parts)
    });
    for app in &apps {
        server::start::reload(app).await.expect("books");
    }
    let [one, two] = apps;
    STANDS.store(true, Ordering::Relaxed);
    ASLEEP.store(false, Ordering::Relaxed);
    let jobs = one.jobs.clone();
    let id: Id = one
        .lanes
        .write(0, vec![], move |tx| {
            let jobs = jobs.clone();
            Box::pin(async move { jobs.enqueue(tx, "test.import", &json!({}), None).await })
        })
        .await
        .map_err(|fault: StoreError| fault.to_string())
        .expect("enqueued");
    let frozen = tokio::spawn(jobs::work(one.clone()));
    until(LONGEST, async || ASLEEP.load(Ordering::Relaxed)).await.expect("half of it is written");
    // As after five seconds of silence: a thread that stands still does not stop the beat of this process.
    let mut db = two.read();
    let put_back = "UPDATE job SET state = 'queued', epoch = epoch + 1 WHERE id = $1";
    two.lanes
        .write::<u64, StoreError, _>(0, vec![], move |tx| {
            Box::pin(async move { tx.execute(put_back, args![id]).await })
        })
        .await
        .expect("taken");
    jobs::run_until_idle(&two).await.expect("ran");
    STANDS.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    one.stop();
    frozen.await.expect("ends");
    let count = "SELECT count(*) FROM place WHERE code LIKE '1499%'";
    let (places,): (i64,) = db.one(count, vec![]).await.expect("counted");
    let job = jobs::find(&mut db, id).await.expect("read").expect("there");
    (places - NEW as i64, job.state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_that_was_taken_over_writes_not_one_place_more() {
    let pair = Pair::build(1, 0).await;
    assert_eq!(woken(&pair).await, (0, "done".into()));
    let bare = Pair::build(1, 0).await;
    let _without = Without::the(Protection::Epochs);
    let (doubled, state) = woken(&bare).await;
    println!("without Epochs: {doubled} places are there twice, the job is {state}");
    assert!(doubled > 0, "the epoch before a slice is needed");
}
