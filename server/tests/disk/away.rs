//! A database that goes away: stopped and started, its connections ended, its rows locked by somebody else. A clear
//! refusal, `/readyz` tells, all goes on by itself, nothing acknowledged is lost.

use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::database::{Db, Exec};
use server::platform::ids::new_free_id;

use super::common::NOW;
use super::http;
use super::load::{Journal, visit};
use super::postgres::Postgres;
use super::program::Serving;
use super::world::{POSTGRES, World};
use super::{check, on_both, rounds};

const SOON: Duration = Duration::from_secs(15);

fn await_more(journal: &Journal, more: usize) {
    let (begin, until) = (Instant::now(), journal.count() + more);
    while journal.count() < until {
        assert!(begin.elapsed() < Duration::from_secs(30), "stuck at {}", journal.count());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every answer was an acknowledgement or a refusal that asks to come again.
fn only_clear_refusals(journal: &Journal) -> usize {
    let refusals = journal.refusals.lock().expect("journal");
    assert!(refusals.iter().all(|(status, _)| *status == 503), "{refusals:?}");
    assert_eq!(*journal.silent.lock().expect("journal"), 0, "the server answers always");
    refusals.len()
}

async fn all_there(world: &World, pg: Option<Postgres>, journal: &Journal) {
    drop(pg);
    let (acks, _) = journal.until(u64::MAX);
    let wrong = check::wrong(&world.here(), &acks, 0).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A session with a cookie, for pages.
pub fn signed_in(serving: &Serving, login: &str) -> String {
    let answer = http::sign_in(&serving.address, login);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let cookie = answer.header("set-cookie").expect("a cookie").split(';').next().expect("a value").to_owned();
    format!("Cookie: {cookie}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_stopped_started_and_its_connections_ended() {
    let world = World::new(POSTGRES).await;
    let pg = world.here().postgres(None, &[]).expect("starts").expect("PostgreSQL");
    let serving = world.serve(Some(&pg), None, &[]);
    serving.becomes(true, SOON);
    let session = signed_in(&serving, "manager");
    let admin = Db::open_postgres_within(&pg.url(), 1).await.expect("opens");
    let journal = Journal::default();
    let story = |journal: &Journal| {
        await_more(journal, 8);
        pg.stop("fast");
        let told = serving.becomes(false, SOON);
        let page = http::ask(&serving.address, "GET", "/", &session, b"").expect("answers");
        assert_eq!(page.status, 503, "a page while the database is away: {}", page.text());
        pg.again(None, &[]);
        let again = serving.becomes(true, SOON);
        await_more(journal, 8);
        println!("away: told after {told:?}, ready again {again:?} after it came back");
        let page = http::ask(&serving.address, "GET", "/", &session, b"").expect("answers");
        assert_eq!(page.status, 200, "the session is still there");
        for _ in 0..5 {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE application_name = 'hutong' AND pid <> pg_backend_pid()";
            // Those ended last may not have been opened again yet.
            let begin = Instant::now();
            loop {
                let ended: (i64,) = tokio::runtime::Handle::current()
                    .block_on(async { admin.clone().one(end, vec![]).await })
                    .expect("ended");
                if ended.0 > 0 {
                    break;
                }
                assert!(begin.elapsed() < SOON, "the server has no connection to end");
                std::thread::sleep(Duration::from_millis(20));
            }
            await_more(journal, 3);
        }
        true
    };
    tokio::task::block_in_place(|| journal.fill(&serving.address, &world.told, None, 0, story));
    println!("{} acknowledged, {} refused", journal.count(), only_clear_refusals(&journal));
    serving.becomes(true, SOON);
    admin.close().await;
    drop(serving);
    all_there(&world, Some(pg), &journal).await;
}

/// Somebody holds a lock for so long.
async fn locked(engine: &'static str) {
    let world = World::new(engine).await;
    let pg = world.here().postgres(None, &[]).expect("starts");
    let serving = world.serve(pg.as_ref(), None, &[]);
    serving.becomes(true, SOON);
    let other = match &pg {
        None => Db::open_sqlite(&world.root.join("data/hutong.db")).await,
        Some(pg) => Db::open_postgres_within(&pg.url(), 1).await,
    }
    .expect("opens");
    // Longer than a write is tried again; half a minute in the soak.
    let length = Duration::from_secs(if rounds(5) > 5 { 30 } else { 12 });
    let mut tx = other.begin_write().await.expect("begins");
    if pg.is_some() {
        tx.execute("SET LOCAL idle_in_transaction_session_timeout = 0", vec![]).await.expect("for long");
        tx.execute_built("LOCK TABLE submission IN EXCLUSIVE MODE".into(), vec![]).await.expect("locked");
    }
    let begin = Instant::now();
    let worker = &world.told.workers[0];
    let client = new_free_id(NOW);
    let waiting = {
        let (address, token, item) = (serving.address.clone(), worker.token.clone(), worker.items[0]);
        std::thread::spawn(move || (visit(&address, &token, item, client), Instant::now()))
    };
    let told = serving.becomes(false, Duration::from_secs(8));
    assert!(serving.get("/readyz").text().contains("writes"));
    let read = http::json(&serving.address, "GET", "/api/v1/items?limit=1", &worker.token, &Value::Null);
    assert_eq!(read.expect("answers").status, 200, "reads go on");
    tokio::time::sleep(length.saturating_sub(begin.elapsed())).await;
    let (answer, at) = waiting.join().expect("ended");
    let answer = answer.expect("answers");
    assert_eq!(answer.status, 503, "{}", answer.text());
    tx.rollback().await.expect("let go");
    let again = serving.becomes(true, SOON);
    println!("{engine}: told after {told:?}, refused after {:?}, ready {again:?} after it was let go", at - begin);
    other.close().await;
    let journal = Journal::default();
    journal.fill(&serving.address, &world.told, None, 1, |journal| journal.count() > 16);
    only_clear_refusals(&journal);
    let same = visit(&serving.address, &worker.token, worker.items[0], client).expect("answers");
    assert!(same.status < 300, "{}", same.text());
    drop(serving);
    all_there(&world, pg, &journal).await;
}

#[test]
fn a_lock_that_is_held() {
    on_both(locked);
}
