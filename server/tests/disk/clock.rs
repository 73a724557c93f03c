//! The wall clock jumps by an hour and by a year, both ways, under the program and under PostgreSQL: work goes on at
//! once, ids stay unique, leases stay where they are, heads are signed, sessions end in time and never later.

use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::database::{Db, Exec};
use server::platform::ids::{Id, new_free_id};

use super::away::signed_in;
use super::check;
use super::common::NOW;
use super::http;
use super::load::visit;
use super::program::Serving;
use super::world::{POSTGRES, SQLITE, World};

const SOON: Duration = Duration::from_secs(10);
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

async fn leases(db: &Db) -> Vec<(String, i64)> {
    db.clone().all("SELECT name, epoch FROM lease ORDER BY name", vec![]).await.expect("leases")
}

/// The number of the signed list outside and how many events wait to be sealed are told by files and rows.
fn signed(world: &World) -> i64 {
    let text = std::fs::read(world.root.join("data/heads.json")).expect("heads");
    let list: Value = serde_json::from_slice(&text).expect("a list");
    list["position"].as_i64().expect("a position")
}

fn ended(serving: &Serving, world: &World) -> i64 {
    let board = format!("/api/v1/boards/{}", world.told.task);
    let board = http::json(&serving.address, "GET", &board, &world.told.manager, &Value::Null).expect("answers");
    board.json()["here"]["ended"].as_i64().unwrap_or(-1)
}

fn soon(what: &str, mut is: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < SOON, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn jumps(engine: &'static str) {
    let world = World::new(engine).await;
    let shim = world.shim();
    let pg = world.here().postgres(Some(&shim), &[]).expect("starts");
    let serving = world.serve(pg.as_ref(), Some(&shim), &[]);
    serving.becomes(true, SOON);
    let db = match &pg {
        None => Db::open_sqlite(&world.root.join("data/hutong.db")).await,
        Some(pg) => Db::open_postgres_within(&pg.url(), 1).await,
    }
    .expect("opens");
    let page = |session: &str| http::ask(&serving.address, "GET", "/", session, b"").expect("answers").status;
    let mut acks: Vec<Id> = Vec::new();
    soon("leases are taken", || tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(leases(&db))).len() == 4);
    let before = leases(&db).await;
    let first = signed_in(&serving);
    // Each from where the one before left the clock.
    for (step, clock, lasts) in [
        ("an hour ahead", HOUR, true),
        ("back by an hour", 0, true),
        ("an hour behind", -HOUR, true),
        ("right again", 0, true),
        ("a year ahead", YEAR, false),
        ("back by a year", 0, true),
        ("a year behind", -YEAR, false),
        ("right again", 0, true),
    ] {
        let session = signed_in(&serving);
        let position = signed(&world);
        shim.clock(clock);
        let worker = &world.told.workers[acks.len() % world.told.workers.len()];
        let client = new_free_id(NOW);
        let answer = visit(&serving.address, &worker.token, worker.items[0], client).expect("answers");
        assert_eq!(answer.status, 201, "{step}: {}", answer.text());
        acks.push(client);
        soon("the board shows it", || ended(&serving, &world) == acks.len() as i64);
        soon("what happened is sealed, and signed outside", || signed(&world) > position);
        assert!(serving.is_ready(), "{step}");
        // Two hours without a request end a session, and twelve in any case; an hour does not.
        let over = if step.contains("a year") { 303 } else { 200 };
        assert_eq!(page(&session), over, "{step}");
        assert_eq!(page(&signed_in(&serving)), 200, "{step}: whoever signs in is in");
        if lasts && clock != 0 {
            assert_eq!(page(&first), 200, "{step}");
        }
        println!("{engine}, {step}: {} acknowledged", acks.len());
    }
    assert_eq!(leases(&db).await, before, "nobody lost a lease");
    let twice: Vec<(String, i64)> =
        db.clone().all("SELECT kind, attempts FROM job WHERE attempts <> 1", vec![]).await.expect("jobs");
    assert!(twice.is_empty(), "run twice or never: {twice:?}");
    db.close().await;
    drop(serving);
    drop(pg);
    let wrong = check::wrong(&world.here(), &acks, 0).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_over_sqlite() {
    jumps(SQLITE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_under_postgresql() {
    jumps(POSTGRES).await;
}
