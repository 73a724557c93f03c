//! Disks that are full, read-only or fail: a clear refusal, reads go on, `/readyz` tells, and when the cause is
//! gone everything goes on by itself. Nothing is acknowledged after a sync that failed, nothing acknowledged lost.

use std::time::Duration;

use super::check;
use super::filing::{Filing, SOON, is_clear, reads};
use super::http;
use super::load::{Journal, sheet};
use super::shim::{CREATE, EIO, ENOSPC, EROFS, RENAME, RESIZE, SYNC, WRITE};
use super::world::{POSTGRES, SQLITE, World, copy};

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_under_sqlite_is_told_and_passes() {
    let world = World::new(SQLITE).await;
    let base = world.beside("base");
    copy(&world.root, &base);
    let shim = world.shim();
    let serving = world.serve(None, Some(&shim), &[]);
    let mut filing = Filing::new(&world, &shim);
    serving.becomes(true, SOON);
    let all = WRITE | SYNC | CREATE | RENAME | RESIZE;
    for (operations, error, part) in [
        (WRITE | RESIZE, ENOSPC, "hutong.db"),
        (WRITE, EIO, "hutong.db"),
        (SYNC, EIO, "hutong.db"),
        (all, EROFS, "/data/"),
        (all, ENOSPC, "/data/"),
    ] {
        filing.taken(&serving.address);
        let failing = shim.fail(operations, error, -1, part);
        let (answer, token, item, client) = filing.refused(&serving.address);
        is_clear(&answer);
        reads(&serving, &world);
        assert_eq!(http::sign_in(&serving.address, "manager").status, 503, "{error} of {operations} on {part}");
        let passed = serving.becomes(false, SOON);
        let why = serving.get("/readyz").text();
        assert!(why.contains("storage"), "{error} of {operations} on {part}: {why}\n{}", serving.log());
        if part == "/data/" {
            assert!(!sheet(&serving.address, &token, world.told.task), "a sheet without a disk to keep it on");
        }
        assert!(failing.hits() > 0);
        drop(failing);
        filing.insist(&serving.address, &token, item, client, SOON);
        let again = serving.becomes(true, SOON);
        println!("error {error} of {operations} on {part}: told after {passed:?}, ready again after {again:?}");
        assert!(sheet(&serving.address, &token, world.told.task));
    }
    assert_eq!(http::sign_in(&serving.address, "d1").status, 303);
    drop(serving);
    // What a failed sync left behind is not on the disk: what came after it must be, all the same.
    let wrong = filing.after_a_cut(&base).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    let wrong = check::wrong(&world.here(), &filing.acks, 0).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A disk that was full for a moment, with the protection out: nothing is taken ever again.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_a_connection_that_is_left_in_a_transaction() {
    let world = World::new(SQLITE).await;
    let shim = world.shim();
    let serving = world.serve(None, Some(&shim), &[("HUTONG_TEST_WITHOUT", "CleanLoan")]);
    let mut filing = Filing::new(&world, &shim);
    filing.taken(&serving.address);
    let failing = shim.fail(WRITE, ENOSPC, -1, "hutong.db");
    let (answer, ..) = filing.refused(&serving.address);
    is_clear(&answer);
    // Visits have a connection of their own that writes; a session is a transaction of the driver's.
    assert_eq!(http::sign_in(&serving.address, "manager").status, 503);
    drop(failing);
    std::thread::sleep(SOON);
    assert!(!serving.is_ready());
    let answer = http::sign_in(&serving.address, "manager");
    println!("{} {}", answer.status, answer.text());
    assert!(matches!(answer.status, 500 | 503), "{}", answer.text());
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_a_readiness_that_is_not_tried() {
    let world = World::new(SQLITE).await;
    let shim = world.shim();
    let serving = world.serve(None, Some(&shim), &[("HUTONG_TEST_WITHOUT", "Pulse")]);
    let mut filing = Filing::new(&world, &shim);
    let _failing = shim.fail(WRITE, EIO, -1, "hutong.db");
    filing.refused(&serving.address);
    std::thread::sleep(Duration::from_secs(4));
    assert!(serving.is_ready(), "it says that it is ready, and takes nothing");
}

/// A sync fails, the process dies, the next one works on, the power goes.
async fn dies_after_a_failed_sync(more: &[(&str, &str)]) -> Vec<String> {
    let world = World::new(SQLITE).await;
    let base = world.beside("base");
    copy(&world.root, &base);
    let shim = world.shim();
    let mut filing = Filing::new(&world, &shim);
    let mut serving = world.serve(None, Some(&shim), more);
    filing.taken(&serving.address);
    let failing = shim.fail(SYNC, EIO, -1, "hutong.db-wal");
    let (answer, ..) = filing.refused(&serving.address);
    is_clear(&answer);
    serving.kill();
    drop(failing);
    let mut serving = world.serve(None, Some(&shim), more);
    (0..8).for_each(|_| filing.taken(&serving.address));
    serving.kill();
    filing.after_a_cut(&base).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_failed_sync_and_a_dead_process_is_on_the_disk() {
    let wrong = dies_after_a_failed_sync(&[]).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_a_log_that_is_not_written_again() {
    let wrong = dies_after_a_failed_sync(&[("HUTONG_TEST_WITHOUT", "LogAgain")]).await;
    println!("{wrong:#?}");
    assert!(wrong.iter().any(|text| text.contains("are lost")), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_under_postgresql_is_told_and_passes() {
    let world = World::new(POSTGRES).await;
    let base = world.beside("base");
    copy(&world.root, &base);
    let shim = world.shim();
    let here = world.here();
    let pg = here.postgres(Some(&shim), &[]).expect("starts").expect("PostgreSQL");
    let serving = world.serve(Some(&pg), Some(&shim), &[]);
    let mut filing = Filing::new(&world, &shim);
    serving.becomes(true, SOON);

    // No room for tables: what needs a new page is refused.
    let failing = shim.fail(WRITE | RESIZE, ENOSPC, -1, "/pg/base/");
    let (answer, token, item, client) = filing.refused(&serving.address);
    is_clear(&answer);
    reads(&serving, &world);
    drop(failing);
    filing.insist(&serving.address, &token, item, client, SOON);

    // The program's own folder is full: files are refused, work goes on.
    let failing = shim.fail(WRITE | CREATE, ENOSPC, -1, "/data/");
    assert!(!sheet(&serving.address, &token, world.told.task));
    filing.taken(&serving.address);
    drop(failing);
    assert!(sheet(&serving.address, &token, world.told.task));

    // A sync of the log fails: PostgreSQL gives up, replays what it has and comes again by itself.
    let failing = shim.fail(SYNC, EIO, 1, "/pg/pg_wal/");
    let journal = Journal::default();
    let told = &world.told;
    let before = filing.next / told.workers.len() + 1;
    journal.fill(&serving.address, told, Some(&shim), before, |journal| {
        failing.hits() > 0 && journal.count() > 16 && serving.is_ready()
    });
    let refusals = journal.refusals.lock().expect("journal").clone();
    println!("after a failed sync {} were acknowledged, {} refused", journal.count(), refusals.len());
    assert!(refusals.iter().all(|(status, _)| *status == 503), "{refusals:?}");
    filing.acks.extend(journal.until(u64::MAX).0);
    drop(failing);

    // The disk turns read-only: PostgreSQL cannot go on. Started again when it is mended, all goes on by itself.
    let failing = shim.fail(WRITE | SYNC | CREATE | RENAME | RESIZE, EROFS, -1, "/pg/");
    serving.becomes(false, Duration::from_secs(15));
    pg.stop("immediate");
    drop(failing);
    pg.again(Some(&shim), &[]);
    let again = serving.becomes(true, Duration::from_secs(20));
    println!("PostgreSQL came again, the program {again:?} later");
    filing.next = (before + journal.count()).max(40) * told.workers.len();
    filing.taken(&serving.address);
    reads(&serving, &world);
    drop(serving);
    drop(pg);
    let wrong = filing.after_a_cut(&base).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    let wrong = check::wrong(&here, &filing.acks, 0).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
