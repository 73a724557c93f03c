//! SIGKILL at random moments under load: what was acknowledged is there exactly once, what was not is there
//! whole or not at all, and everything that is counted agrees.
//!
//! `HUTONG_TEST_ROUNDS` sets the kills for each database (10; `make soak` 200).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::dice::{Dice, seed};
use super::journal::Journal;
use super::load::{hands, send_again, work};
use super::stage::Stage;
use super::{setting, truth};

const HANDS: u64 = 6;
/// Longest load before a kill, in milliseconds.
const LOAD: u64 = 1400;

struct Killed {
    rounds: u64,
    wrong: Vec<String>,
    done: BTreeMap<&'static str, u64>,
    again: usize,
}

/// So many rounds, or until something is wrong.
async fn rounds(engine: &str, rounds: u64, seed: u64, variables: &[(&str, &str)]) -> Killed {
    let stage = Stage::build(engine, 24, 0).await;
    let city = Arc::new(stage.city.clone());
    let journal = Arc::new(Journal::at(&stage.site.beside("journal")));
    let mut hands = hands(&city, &journal, HANDS, seed);
    let mut dice = Dice(seed | 1);
    let db = stage.site.place.connect().await.expect("opens");
    let mut killed = Killed { rounds: 0, wrong: vec![], done: BTreeMap::new(), again: 0 };
    let mut server = stage.serve(variables).await;
    while killed.rounds < rounds && killed.wrong.is_empty() {
        // Once in a while it lives long enough to take over what a dead one held.
        if killed.rounds % 8 == 7 {
            killed.wrong.extend(truth::on_their_way(&db).await);
        }
        killed.rounds += 1;
        let load = Duration::from_millis(100 + dice.roll(LOAD));
        let stop = Arc::new(AtomicBool::new(false));
        let address = server.address.clone();
        let working = tokio::spawn(async move { work(hands, &address, &stop).await });
        tokio::time::sleep(load).await;
        drop(server);
        hands = working.await.expect("clients");
        let begin = Instant::now();
        server = stage.serve(variables).await;
        assert!(begin.elapsed() < Duration::from_secs(45), "ready again after {:?}", begin.elapsed());
        killed.wrong.extend(truth::faults(&db, &journal).await);
        for (sent, answer) in send_again(&journal, &server.address).await {
            killed.again += 1;
            // Its client has done nothing since: whatever it meant to do still fits.
            if ![200, 201].contains(&answer.status) {
                killed.wrong.push(format!("AGAIN: {} {}", sent.client_id, answer.text()));
            }
        }
        let known = journal.read();
        let left = known.values().filter(|known| known.acknowledged.is_empty() && !known.refused).count();
        if left > 0 {
            killed.wrong.push(format!("AGAIN: {left} have no answer"));
        }
        killed.wrong.extend(truth::faults(&db, &journal).await);
        killed.wrong.extend(truth::boards(&db, &city, &server.address, city.task).await);
        killed.wrong.extend(truth::own_checks(&stage.site));
    }
    for hand in &hands {
        for (kind, times) in &hand.done {
            *killed.done.entry(*kind).or_default() += times;
        }
    }
    db.close().await;
    killed
}

async fn survives(engine: &str) {
    let (seed, begin) = (seed(), Instant::now());
    let wanted = setting("HUTONG_TEST_ROUNDS", 10);
    let killed = rounds(engine, wanted, seed, &[]).await;
    println!(
        "{engine}: {} kills in {:?}, acknowledged {:?}, sent again {}",
        killed.rounds,
        begin.elapsed(),
        killed.done,
        killed.again
    );
    assert!(killed.wrong.is_empty(), "{engine} round {}: {:#?}", killed.rounds, killed.wrong);
    for kind in ["visit", "case", "correct", "return", "transfer"] {
        assert!(killed.done.contains_key(kind), "no {kind} at all: {:?}", killed.done);
    }
    assert!(killed.done["visit"] > wanted * 2, "hardly any load: {:?}", killed.done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill_on_sqlite() {
    survives("sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill_on_postgresql() {
    survives("postgresql").await;
}

/// An answer before the commit, and a write that is not one transaction: both are seen after a few kills.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_notices_what_a_kill_takes() {
    let seed = seed();
    for engine in ["sqlite", "postgresql"] {
        for (protection, sign) in [("AnswerAfterCommit", "LOST"), ("OneTransaction", "")] {
            let killed = rounds(engine, 20, seed, &[("HUTONG_TEST_WITHOUT", protection)]).await;
            println!("{engine} without {protection}, round {}: {:?}", killed.rounds, killed.wrong.first());
            assert!(
                killed.wrong.iter().any(|wrong| wrong.contains(sign)),
                "{engine} {protection}: {:#?}",
                killed.wrong
            );
        }
    }
}
