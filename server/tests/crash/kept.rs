//! A backup while the program serves at full load, restored elsewhere; a move, which wants nobody at work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::ready;
use super::dice::seed;
use super::journal::{Journal, Known};
use super::load::{Hand, hands, send_again, work};
use super::program::{Serving, fault, hutong, run, said};
use super::site::{ENGINES, Site};
use super::stage::Stage;
use super::truth;

const HANDS: u64 = 8;

struct Busy {
    stage: Stage,
    journal: Arc<Journal>,
    server: Serving,
    stop: Arc<AtomicBool>,
    working: tokio::task::JoinHandle<Vec<Hand>>,
}

impl Busy {
    /// A served city with everybody at work for a while.
    async fn begin(engine: &str) -> Self {
        let stage = Stage::build(engine, 24, 5000).await;
        let city = Arc::new(stage.city.clone());
        let journal = Arc::new(Journal::at(&stage.site.beside("journal")));
        let hands = hands(&city, &journal, HANDS, seed());
        let server = stage.serve(&[]).await;
        let stop = Arc::new(AtomicBool::new(false));
        let (address, told) = (server.address.clone(), stop.clone());
        let working = tokio::spawn(async move { work(hands, &address, &told).await });
        let begin = Instant::now();
        while acknowledged(&journal.read()) < 30 {
            assert!(begin.elapsed() < Duration::from_secs(20), "hardly any load");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { stage, journal, server, stop, working }
    }
}

fn acknowledged(journal: &BTreeMap<String, Known>) -> usize {
    journal.values().filter(|known| !known.acknowledged.is_empty()).count()
}

/// A command beside the load: it must not hold up the clients.
async fn beside(arguments: Vec<String>, options: Vec<String>, variables: &[(&str, &str)]) -> std::process::Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = hutong(&arguments, &options);
    command.envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("joins")
}

/// What was acknowledged later than `before` may be missing.
fn as_of(before: &BTreeMap<String, Known>, mut after: BTreeMap<String, Known>) -> BTreeMap<String, Known> {
    for (client, known) in &mut after {
        if before.get(client).is_none_or(|known| known.acknowledged.is_empty()) {
            known.acknowledged.clear();
            known.refused = false;
        }
    }
    after
}

/// A backup under load of `from`, restored to `to`; what is wrong with it.
async fn kept(from: &str, to: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let busy = Busy::begin(from).await;
    let file = busy.stage.site.beside("busy.hutong").display().to_string();
    let before = busy.journal.read();
    let arguments = vec!["backup".to_owned(), file.clone(), "--with-keys".to_owned()];
    let output = beside(arguments, busy.stage.site.options(), variables).await;
    let during = busy.journal.read();
    tokio::time::sleep(Duration::from_millis(300)).await;
    busy.stop.store(true, Ordering::Relaxed);
    busy.working.await.expect("clients");
    if !output.status.success() {
        return vec![format!("BACKUP: {}", String::from_utf8_lossy(&output.stderr))];
    }
    let acknowledged =
        |known: &BTreeMap<String, Known>| known.values().filter(|one| !one.acknowledged.is_empty()).count();
    let after = busy.journal.read();
    let counts = [&before, &during, &after].map(acknowledged);
    let other = Site::on(to).await;
    let restored = run(&["restore", &file], &other.options());
    if !restored.status.success() {
        let said = String::from_utf8_lossy(&restored.stdout);
        return vec![format!("RESTORE: {said} {}", String::from_utf8_lossy(&restored.stderr))];
    }
    let mut wrong = truth::own_checks(&other);
    let db = other.place.connect().await.expect("opens");
    let rows = truth::stored(&db).await;
    wrong.extend(truth::against_journal(&rows, &as_of(&before, after)));
    wrong.extend(truth::halves(&db, &rows).await);
    wrong.extend(truth::conservation(&db).await);
    println!("{from} to {to}: acknowledged before, during, after {counts:?}; {} in the backup", rows.len());
    assert!(rows.len() < counts[2], "{from}: nothing was written after the moment of the backup");
    let server = Serving::begin(&other.options(), &[]);
    ready(&server).await;
    wrong.extend(truth::boards(&db, &busy.stage.city, &server.address, busy.stage.city.task).await);
    drop(server);
    db.close().await;
    // And the house that went on serving is as well as before.
    wrong.extend(truth::own_checks(&busy.stage.site));
    drop(busy.server);
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_at_full_load_is_one_moment() {
    for (from, to) in ENGINES.into_iter().zip(["postgresql", "sqlite"]) {
        let wrong = kept(from, to, &[]).await;
        assert!(wrong.is_empty(), "{from} to {to}: {wrong:#?}");
    }
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_notices_a_backup_of_many_moments() {
    for engine in ENGINES {
        let mut wrong = Vec::new();
        // Only what changes while it reads can tell.
        for _ in 0..5 {
            wrong = kept(engine, engine, &[("HUTONG_TEST_WITHOUT", "OneMoment")]).await;
            if !wrong.is_empty() {
                break;
            }
        }
        println!("{engine} without OneMoment: {:?}", wrong.first());
        assert!(!wrong.is_empty(), "{engine}");
    }
}

/// Refused while a server is at work, whatever the database; the clients do not notice. Once it is closed or
/// killed, everything is moved: what was acknowledged, exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_waits_for_nobody_and_takes_everything() {
    for (from, to) in ENGINES.into_iter().zip(["postgresql", "sqlite"]) {
        let busy = Busy::begin(from).await;
        let (site, city) = (&busy.stage.site, &busy.stage.city);
        let target = Site::on(to).await;
        let arguments = vec!["move".to_owned(), "--to".to_owned(), target.url()];
        let text = fault(&beside(arguments.clone(), site.options(), &[]).await);
        assert!(text.contains("stop it first"), "{text}");
        // Closed while everybody is at work, or killed.
        if from == "sqlite" {
            drop(busy.server)
        } else {
            busy.server.close()
        }
        busy.working.await.expect("clients");
        let moved = said(&beside(arguments, site.options(), &[]).await);
        let place = server::keeping::target_of(&site.place, &target.url()).expect("understood");
        let there = Site { place, folder: target.folder.clone() };
        let text = fault(&run(&["serve", "--listen", "127.0.0.1:0"], &site.options()));
        assert!(text.contains("was moved to"), "{text}");
        let server = Serving::begin(&there.options(), &[]);
        ready(&server).await;
        let db = there.place.connect().await.expect("opens");
        let mut wrong = truth::faults(&db, &busy.journal).await;
        for (sent, answer) in send_again(&busy.journal, &server.address).await {
            if ![200, 201].contains(&answer.status) {
                wrong.push(format!("AGAIN: {} {}", sent.client_id, answer.text()));
            }
        }
        wrong.extend(truth::faults(&db, &busy.journal).await);
        wrong.extend(truth::boards(&db, city, &server.address, city.task).await);
        wrong.extend(truth::own_checks(&there));
        println!("{from} to {to}: {} rows moved, {} tries", moved["rows"], busy.journal.read().len());
        assert!(wrong.is_empty(), "{from} to {to}: {wrong:#?}");
        db.close().await;
    }
}
