//! Nothing happens twice, nothing acknowledged is lost: conflicts before a commit, silence after it, and a
//! real wire that breaks.

use futures_util::future::join_all;
use server::args;
use server::platform::database::{Db, Exec, migrate};
use server::platform::faults::{Protection, throw, thrown};
use server::platform::ids::{Id, new_id};
use server::platform::lane::{Lanes, Outcome};

use super::common::{self, NOW};
use super::dice::seed;
use super::proxy::Proxy;
use super::without::Without;
use super::{add_one, create, entities, submission, total};

/// What went wrong in a round of closures, submissions and rows that are known beforehand, side by side.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    doubled: usize,
    lost: usize,
    refused: usize,
    strange: usize,
}

async fn round(db: &Db, lanes: &Lanes, name: &str, count: usize) -> Wrong {
    let mut wrong = Wrong::default();
    for batch in 0..count.div_ceil(20) {
        let numbers: Vec<usize> = (batch * 20..((batch + 1) * 20).min(count)).collect();
        let shard = |n: usize| (n * 37 % 1024) as i64;
        let writes = join_all(numbers.iter().map(|n| create(lanes, shard(*n), format!("{name}-w{n}"))));
        let sets = join_all(
            numbers
                .iter()
                .map(|n| lanes.submit(submission(shard(*n), new_id(shard(*n), NOW), &format!("{name}-s{n}")))),
        );
        let totals: Vec<Id> = numbers.iter().map(|n| new_id(shard(*n), NOW)).collect();
        let added = join_all(numbers.iter().zip(&totals).map(|(n, id)| add_one(lanes, shard(*n), *id)));
        let (writes, sets, added) = tokio::join!(writes, sets, added);
        for (id, added) in totals.into_iter().zip(added) {
            let there = total(db, id).await;
            wrong.doubled += usize::from(there > 1);
            match added {
                Ok(added) => wrong.lost += usize::from(!added || there == 0),
                Err(_) => wrong.refused += 1,
            }
        }
        for (n, written) in numbers.iter().zip(writes) {
            let there = entities(db, &format!("{name}-w{n}")).await;
            wrong.doubled += usize::from(there.len() > 1);
            match written {
                Ok(id) => wrong.lost += usize::from(!there.contains(&id)),
                Err(_) => wrong.refused += 1,
            }
        }
        for (n, stored) in numbers.iter().zip(sets) {
            let there = entities(db, &format!("{name}-s{n}")).await;
            wrong.doubled += usize::from(there.len() > 1);
            match stored {
                Ok(Outcome::Stored) => wrong.lost += usize::from(there.is_empty()),
                // Nobody else sends it: any other answer is about its own first run.
                Ok(_) => wrong.strange += 1,
                Err(_) => wrong.refused += 1,
            }
        }
    }
    wrong
}

#[tokio::test]
async fn conflicts_and_silence_do_nothing_twice_and_lose_nothing() {
    let seed = seed();
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        throw(seed, 100, 100);
        let before = thrown();
        let wrong = round(&db, &lanes, "all", 200).await;
        assert!(thrown() > before + 20, "faults were thrown");
        assert_eq!(wrong, Wrong::default(), "{}", db.engine());
        // One row per process and shard, however many writes.
        let marks: (i64,) = db.clone().one("SELECT count(*) FROM lane_mark", vec![]).await.expect("marks");
        assert!(marks.0 <= 200);

        // Without the mark a write whose answer is lost happens again.
        throw(seed, 0, 200);
        let without = Without::the(Protection::WriteMark);
        assert!(round(&db, &lanes, "no-mark", 100).await.doubled > 0, "{}: the mark is needed", db.engine());
        drop(without);

        // Without another run a passing fault reaches people.
        throw(seed, 300, 0);
        let without = Without::the(Protection::RunAgain);
        assert!(round(&db, &lanes, "no-run", 40).await.refused > 0, "{}: running again is needed", db.engine());
        drop(without);
        throw(seed, 0, 0);
    })
    .await;
}

#[tokio::test]
async fn a_wire_that_breaks_does_nothing_twice_and_loses_nothing() {
    let seed = seed();
    let url = common::schema_url("").await;
    let direct = Db::open_postgres(&url).await.expect("opens");
    migrate(&direct, NOW).await.expect("migrates");
    let proxy = Proxy::start(&url, seed).await;
    let db = Db::open_postgres_within(&proxy.url(&url), 6).await.expect("opens");
    let lanes = Lanes::start(&db);
    assert_eq!(round(&direct, &lanes, "calm", 20).await, Wrong::default());

    proxy.cuts.set(60, 60, 5);
    let wrong = round(&direct, &lanes, "storm", 200).await;
    proxy.cuts.set(0, 0, 0);
    assert!(proxy.cuts.made() > 10, "{} wires were cut", proxy.cuts.made());
    // After six broken wires in a row a caller is told to come again; that is not wrong.
    assert_eq!(wrong, Wrong { refused: wrong.refused, ..Wrong::default() });
    assert!(wrong.refused < 20, "{wrong:?}");

    proxy.cuts.set(200, 0, 0);
    let without = Without::the(Protection::WriteMark);
    assert!(round(&direct, &lanes, "no-mark", 60).await.doubled > 0, "the mark is needed");
    drop(without);
    proxy.cuts.set(0, 0, 0);

    // Every connection dead at once: the next write opens a new one.
    proxy.cut_all();
    assert_eq!(round(&direct, &lanes, "after", 20).await, Wrong::default());
}

/// The same submission sent to two processes at the same moment.
async fn twins(db: &Db, rounds: usize, name: &str) -> (usize, usize) {
    let (one, two) = (Lanes::start(db), Lanes::start(db));
    let (mut refused, mut wrong) = (0, 0);
    for n in 0..rounds {
        let client = new_id(7, NOW);
        let tag = format!("{name}-{n}");
        let sets = (submission(7, client, &tag), submission(7, client, &tag));
        let (a, b) = tokio::join!(one.submit(sets.0), two.submit(sets.1));
        refused += [&a, &b].iter().filter(|outcome| outcome.is_err()).count();
        let stored = [&a, &b].iter().filter(|outcome| matches!(outcome, Ok(Outcome::Stored))).count();
        wrong += usize::from(stored != 1 || entities(db, &tag).await.len() != 1);
    }
    (refused, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_submission_to_two_processes_is_stored_once() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        assert_eq!(twins(&db, 100, "both").await, (0, 0), "{}", db.engine());
        if db.engine() == "postgresql" {
            // SQLite has one writer: the second always sees the first.
            let _without = Without::the(Protection::SecondLook);
            assert!(twins(&db, 100, "no-look").await.0 > 0, "the second look is needed");
        }
        let (submissions,): (i64,) =
            db.clone().one("SELECT count(*) FROM submission", args![]).await.expect("submissions");
        assert!(submissions >= 100);
    })
    .await;
}
