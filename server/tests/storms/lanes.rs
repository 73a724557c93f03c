//! A lane holds: poisoned members, panics, writes that hang, full queues, a database that is locked, long work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use server::error::{AppError, ClientError};
use server::platform::database::bulk::OnKey;
use server::platform::database::{Db, Exec, StoreError, migrate};
use server::platform::entity::{ENTITY, entity_row};
use server::platform::faults::Protection;
use server::platform::ids::new_id;
use server::platform::lane::{Bounds, Lanes, Outcome};

use super::common::{self, NOW};
use super::without::Without;
use super::{create, submission};

/// Sends 256 at once, `spoil` spoils number 100; gives the refused numbers and how many are stored.
async fn group(db: &Db, lanes: &Lanes, spoil: impl Fn(&mut server::platform::lane::WriteSet)) -> (Vec<usize>, i64) {
    let count = "SELECT count(*) FROM submission";
    let before: (i64,) = db.clone().one(count, vec![]).await.expect("counts");
    let sets = (0..256).map(|n| {
        let mut set = submission(3, new_id(3, NOW), "member");
        if n == 100 {
            spoil(&mut set);
        }
        lanes.submit(set)
    });
    let outcomes = join_all(sets).await;
    let refused = outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).map(|(n, _)| n).collect();
    let after: (i64,) = db.clone().one(count, vec![]).await.expect("counts");
    (refused, after.0 - before.0)
}

#[tokio::test]
async fn one_poisoned_or_panicking_member_of_256_fails_alone() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let twin = entity_row(3, new_id(3, NOW), "person", None, NOW);
        let mut tx = db.begin_write().await.expect("begins");
        ENTITY.write(&mut tx, vec![twin.clone()], OnKey::Fail).await.expect("written");
        tx.commit().await.expect("commits");
        let poison = |set: &mut server::platform::lane::WriteSet| set.puts[1].row = twin.clone();
        assert_eq!(group(&db, &lanes, poison).await, (vec![100], 255), "{}", db.engine());
        // A row with a column missing: the code that binds it panics.
        let short = |set: &mut server::platform::lane::WriteSet| drop(set.puts[1].row.pop());
        assert_eq!(group(&db, &lanes, short).await, (vec![100], 255), "{}", db.engine());

        let without = Without::the(Protection::Halving);
        let (refused, stored) = group(&db, &lanes, poison).await;
        assert!(refused.len() > 1 && stored < 255, "halving is needed: {} refused", refused.len());
        drop(without);

        let without = Without::the(Protection::PanicCaught);
        let (refused, _) = group(&db, &lanes, short).await;
        drop(without);
        assert!(refused.len() > 1, "catching is needed");
        assert!(lanes.submit(submission(3, new_id(3, NOW), "dead")).await.is_err(), "the lane is dead without it");
    })
    .await;
}

#[tokio::test]
async fn a_write_that_hangs_or_panics_gives_its_lane_back() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let bounds = Bounds { longest: Duration::from_millis(300), ..Bounds::default() };
        let lanes = Lanes::start_within(&db, bounds);
        let hang = || {
            lanes.write::<(), StoreError, _>(1, vec![], |tx| {
                Box::pin(async move {
                    let row = entity_row(1, new_id(1, NOW), "hung", None, NOW);
                    ENTITY.write(tx, vec![row], OnKey::Fail).await?;
                    std::future::pending().await
                })
            })
        };
        let panics = lanes.write::<(), StoreError, _>(1, vec![], |_| Box::pin(async { panic!("on purpose") }));
        assert!(matches!(panics.await, Err(StoreError::Corrupt(text)) if text.contains("panicked")));
        assert!(matches!(hang().await, Err(StoreError::Corrupt(text)) if text.contains("longer")));
        create(&lanes, 1, "after".into()).await.expect("the lane serves");
        assert!(super::entities(&db, "hung").await.is_empty(), "nothing of it stays");

        let _without = Without::the(Protection::TimeLimit);
        let both = async { tokio::join!(hang(), create(&lanes, 1, "behind".into())) };
        assert!(tokio::time::timeout(Duration::from_secs(1), both).await.is_err(), "the limit is needed");
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_turns_callers_away_at_once() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let lanes = Lanes::start_within(&db, Bounds { queue: 8, ..Bounds::default() });
        let slow = || {
            lanes.write::<(), StoreError, _>(1, vec![], |_| {
                Box::pin(async {
                    tokio::time::sleep(Duration::from_millis(700)).await;
                    Ok(())
                })
            })
        };
        let crowd = || async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            join_all((0..100).map(|n| {
                let lanes = lanes.clone();
                async move {
                    let begun = Instant::now();
                    let result = match n % 2 {
                        0 => lanes.submit(submission(1, new_id(1, NOW), "crowd")).await.map(|_| ()),
                        _ => create(&lanes, 1, "crowd".into()).await.map(|_| ()),
                    };
                    (result, begun.elapsed())
                }
            }))
            .await
        };
        let (first, answers) = tokio::join!(slow(), crowd());
        first.expect("written");
        let turned: Vec<_> = answers.iter().filter(|(result, _)| result.is_err()).collect();
        assert!(turned.len() >= 90, "{}: {} of 100 turned away", db.engine(), turned.len());
        let late = turned.iter().map(|(_, waited)| *waited).max().expect("some");
        assert!(late < Duration::from_millis(400), "told at once, not after {late:?}");
        let told = ClientError::from(AppError::from(StoreError::Retry(sqlx::Error::PoolTimedOut)));
        assert_eq!((told.status.as_u16(), told.retry_after.is_some()), (503, true));
        create(&lanes, 1, "later".into()).await.expect("room again");

        let _without = Without::the(Protection::QueueBound);
        let (_, answers) = tokio::join!(slow(), crowd());
        assert!(answers.iter().all(|(result, _)| result.is_ok()), "without the bound everybody waits");
    })
    .await;
}

/// How many of 200 waiting writes came before one that goes first, once it had lined up. It is counted where the lane
/// runs them: while its database answers at once a lane goes on without giving way to whoever comes or is told.
async fn ended_before(lanes: &Lanes) -> usize {
    let begun = Arc::new(AtomicUsize::new(0));
    let crowd = join_all((0..200).map(|_| {
        let begun = begun.clone();
        async move {
            let run = lanes.write::<u64, StoreError, _>(1, vec![], move |tx| {
                begun.fetch_add(1, Ordering::Relaxed);
                let row = entity_row(1, new_id(1, NOW), "crowd", None, NOW);
                Box::pin(ENTITY.write(tx, vec![row], OnKey::Fail))
            });
            run.await.expect("written");
        }
    }));
    let beat = async {
        tokio::task::yield_now().await;
        let (lined_up, begun) = (begun.load(Ordering::Relaxed), begun.clone());
        let run = lanes.write_first::<usize, StoreError, _>(1, vec![], move |_| {
            let before = begun.load(Ordering::Relaxed) - lined_up;
            Box::pin(async move { Ok(before) })
        });
        run.await.expect("written")
    };
    tokio::join!(crowd, beat).1
}

#[tokio::test]
async fn a_beat_does_not_wait_behind_a_crowd() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let before = ended_before(&lanes).await;
        assert!(before < 5, "{}: {before} went before it", db.engine());
        let _without = Without::the(Protection::FirstLine);
        let before = ended_before(&lanes).await;
        assert!(before > 100, "{}: the first line is needed, {before} went before it", db.engine());
    })
    .await;
}

#[tokio::test]
async fn a_database_file_that_another_holds_is_waited_for() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("test.db");
    let db = Db::open_sqlite(&file).await.expect("opens");
    migrate(&db, NOW).await.expect("migrates");
    let other = Db::open_sqlite(&file).await.expect("opens");
    let lanes = Lanes::start(&db);
    let held = |length: Duration| {
        let other = other.clone();
        async move {
            let tx = other.begin_write().await.expect("held");
            tokio::time::sleep(length).await;
            tx.rollback().await.expect("let go");
        }
    };
    // Longer than the driver itself waits.
    let write = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        create(&lanes, 1, "patient".into()).await
    };
    let ((), written) = tokio::join!(held(Duration::from_secs(7)), write);
    written.expect("waited for");

    let _without = Without::the(Protection::RunAgain);
    let write = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        create(&lanes, 1, "impatient".into()).await
    };
    let ((), written) = tokio::join!(held(Duration::from_secs(7)), write);
    assert!(matches!(written, Err(StoreError::Retry(_))), "running again is needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_work_in_slices_lets_submissions_pass() {
    common::each_db(|db| async move {
        migrate(&db, NOW).await.expect("migrates");
        let lanes = Lanes::start(&db);
        let slices = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (bulk, done) = (lanes.clone(), slices.clone());
        let job = tokio::spawn(async move {
            loop {
                let sliced: Result<(), StoreError> = bulk
                    .write(1, vec![], |tx| {
                        Box::pin(async move {
                            let rows = (0..512).map(|_| entity_row(1, new_id(1, NOW), "bulk", None, NOW)).collect();
                            ENTITY.write(tx, rows, OnKey::Fail).await.map(|_| ())
                        })
                    })
                    .await;
                sliced.expect("a slice");
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let passed = || slices.load(std::sync::atomic::Ordering::Relaxed);
        while passed() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (mut waits, mut most_slices) = (Vec::new(), 0);
        for _ in 0..100 {
            let (begun, before) = (Instant::now(), passed());
            let outcome = lanes.submit(submission(1, new_id(1, NOW), "quick")).await.expect("answered");
            assert_eq!(outcome, Outcome::Stored);
            waits.push(begun.elapsed());
            most_slices = most_slices.max(passed() - before);
        }
        job.abort();
        waits.sort_unstable();
        println!(
            "{}: a submission beside slices of 512 rows waits p50 {:?}, p99 {:?}, at most {most_slices} slices",
            db.engine(),
            waits[50],
            waits[98]
        );
        // The one that runs and the one that waits already; a third may end while the answer is on its way.
        assert!(most_slices <= 3, "{most_slices} slices passed before it");
    })
    .await;
}
