//! The wall clock jumps by an hour and by a year, both ways, under the program and under PostgreSQL: work goes on at
//! once, ids stay unique, leases stay where they are, heads are signed, sessions end in time and never later.

use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::clock::Clock;
use server::platform::database::{Db, Exec};
use server::platform::ids::{Id, new_free_id};

use super::away::signed_in;
use super::common::NOW;
use super::http;
use super::load::visit;
use super::program::Serving;
use super::world::World;
use super::{check, on_both};

const SOON: Duration = Duration::from_secs(10);
const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;

async fn leases(db: &Db) -> Vec<(String, i64)> {
    db.clone().all("SELECT name, epoch FROM lease WHERE owner <> '' ORDER BY name", vec![]).await.expect("leases")
}

/// How many blocks the signed list outside covers.
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

async fn jumps(engine: &'static str, more: &[(&str, &str)]) {
    let world = World::new(engine).await;
    let shim = world.shim();
    let pg = world.here().postgres(Some(&shim), &[]).expect("starts");
    let serving = world.serve(pg.as_ref(), Some(&shim), more);
    serving.becomes(true, SOON);
    let db = match &pg {
        None => Db::open_sqlite(&world.root.join("data/hutong.db")).await,
        Some(pg) => Db::open_postgres_within(&pg.url(), 1).await,
    }
    .expect("opens");
    let is_in = |session: &str| {
        let answer = http::ask(&serving.address, "GET", "/", session, b"").expect("answers");
        assert!(answer.status < 400, "{}", answer.text());
        !answer.header("location").is_some_and(|place| place.starts_with("/sign-in"))
    };
    let zone = Clock::system(server::start::ZONE).expect("the zone of the house");
    let granted = zone.date_of(zone.now());
    let mut acks: Vec<Id> = Vec::new();
    let mut before = leases(&db).await;
    while before.len() < server::jobs::LEASED.len() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        before = leases(&db).await;
    }
    let first = signed_in(&serving, "manager");
    // Each from where the one before left the clock.
    for (step, clock) in [
        ("an hour ahead", HOUR),
        ("back by an hour", 0),
        ("an hour behind", -HOUR),
        ("right again after an hour", 0),
        ("a year ahead", YEAR),
        ("back by a year", 0),
        ("a year behind", -YEAR),
        ("right again after a year", 0),
    ] {
        let login = &world.told.workers[acks.len()].login;
        let session = signed_in(&serving, login);
        let position = signed(&world);
        shim.clock(clock);
        let worker = &world.told.workers[acks.len()];
        let client = new_free_id(NOW);
        let answer = visit(&serving.address, &worker.token, worker.items[0], client).expect("answers");
        // Rights count from the day on which they were given, and a year ago, or an hour ago just after midnight,
        // that was still to come.
        let early = zone.date_of(zone.now() + clock * 1_000_000) < granted;
        let expected = if early { 403 } else { 201 };
        assert_eq!(answer.status, expected, "{step}: {}", answer.text());
        acks.extend((expected == 201).then_some(client));
        soon("the board shows it", || expected == 403 || ended(&serving, &world) == acks.len() as i64);
        soon("what happened is sealed, and signed outside", || signed(&world) > position);
        assert!(serving.is_ready(), "{step}");
        // Two hours without a request end a session, and twelve in any case; an hour does not. One that seems to
        // begin in a year has ended as well.
        assert_eq!(is_in(&session), !step.contains("a year"), "{step}");
        assert!(is_in(&signed_in(&serving, login)), "{step}: whoever signs in is in");
        assert!(!step.contains("hour") || is_in(&first), "{step}");
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

#[test]
fn a_clock_that_jumps() {
    on_both(|engine| jumps(engine, &[]));
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_heads_that_wait_for_the_clock() {
    let without = tokio::spawn(jumps(super::world::SQLITE, &[("HUTONG_TEST_WITHOUT", "ClockBack")])).await;
    assert!(without.is_err_and(|fault| fault.is_panic()), "nothing waits for the clock");
}
