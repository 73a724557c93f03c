//! The power goes at any moment: what was acknowledged is there, once; and without syncs it is not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use server::platform::database::{Db, Exec};

use super::check;
use super::load::Journal;
use super::log::Log;
use super::program::Serving;
use super::replay::{Disk, Names, Style};
use super::world::{POSTGRES, SQLITE, World, copy};
use super::{Dice, rounds};

/// A run that was written down.
struct Recorded {
    world: World,
    base: PathBuf,
    log: Log,
    journal: Journal,
}

impl Recorded {
    /// Lets everybody work under the shim until so much is acknowledged. `settings` are PostgreSQL's, `more` the
    /// program's environment.
    async fn run(engine: &'static str, settings: &[&str], more: &[(&str, &str)], much: usize) -> Self {
        let world = World::new(engine).await;
        let base = world.beside("base");
        copy(&world.root, &base);
        let shim = world.shim();
        shim.sync_takes(1500);
        let pg = world.here().postgres(Some(&shim), settings).expect("starts");
        let mut serving = world.serve(pg.as_ref(), Some(&shim), more);
        let journal = Journal::default();
        let begin = Instant::now();
        let checkpoints = pg.as_ref().map(|pg| tokio::spawn(checkpoints(pg.url())));
        tokio::task::block_in_place(|| {
            let enough = |journal: &Journal| {
                let files = journal.sheets.lock().expect("journal").len();
                let worked = begin.elapsed();
                let slow = worked > Duration::from_secs(20);
                journal.count() >= much && (files > 0 || slow) && worked > Duration::from_secs(2)
            };
            journal.fill(&serving.address, &world.told, Some(&shim), 0, enough);
        });
        // Its end is in the log: SQLite carries its own log over.
        serving.close();
        checkpoints.inspect(tokio::task::JoinHandle::abort);
        drop(pg);
        let refusals = journal.refusals.lock().expect("journal").clone();
        assert!(refusals.is_empty(), "{refusals:?}");
        let log = shim.log();
        let count = |kind: u8| log.records.iter().filter(|record| record.kind == kind).count();
        println!(
            "{engine}: {} acknowledged, {} writes, {} syncs, {} MiB of log",
            journal.count(),
            count(b'W'),
            count(b'E'),
            shim.position() >> 20
        );
        assert!(journal.count() > 20 && count(b'E') > 0, "the shim sees nothing");
        Self { world, base, log, journal }
    }

    fn names(&self) -> Names {
        if self.world.engine == SQLITE { Names::Strict } else { Names::Journaled }
    }

    /// Cuts the power after so many records and says what is wrong then.
    async fn cut(&self, records: usize, style: Style, syncs_count: bool) -> Vec<String> {
        let mut disk = Disk::new(&self.base, self.names());
        disk.syncs_count = syncs_count;
        for record in &self.log.records[..records] {
            disk.play(&self.log, record);
        }
        let target = self.world.beside(&format!("cut-{}", super::rising()));
        disk.leave(&target, style);
        let (acks, sheets) = self.journal.until(self.log.records[records - 1].end);
        let wrong = check::wrong(&self.world.at(target.clone()), &acks, sheets).await;
        if wrong.is_empty() {
            std::fs::remove_dir_all(target).expect("removed");
        }
        println!("cut after {records} records, {style:?}: {} acknowledged, {sheets} sheets, {wrong:?}", acks.len());
        wrong
    }

    /// After so many records: twice of three times while people work, else while the program closes.
    fn some_place(&self, dice: &mut Dice) -> usize {
        let (first, last) = self.journal.span();
        let (first, last) = (self.log.records_before(first), self.log.records_before(last));
        let (from, to) = if dice.below(3) > 0 { (first, last) } else { (last, self.log.records.len()) };
        from + dice.below((to - from) as u64 + 1) as usize
    }
}

/// Tables are written while work goes on: half done is how a cut finds them.
async fn checkpoints(url: String) {
    let db = Db::open_postgres_within(&url, 1).await.expect("opens");
    loop {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let _ = db.clone().execute("CHECKPOINT", vec![]).await;
    }
}

async fn survives(engine: &'static str) {
    let mut dice = Dice::thrown();
    let rounds = rounds(5);
    let run = Recorded::run(engine, &[], &[], if rounds > 5 { 400 } else { 80 }).await;
    for n in 0..rounds {
        let style = match n % 5 {
            0 => Style::Drop,
            3 => Style::Keep,
            _ => Style::Mix(dice.any()),
        };
        let wrong = run.cut(run.some_place(&mut dice), style, true).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    // Control: had no sync brought anything to the disk, this check would say so.
    let wrong = run.cut(run.some_place(&mut dice), Style::Drop, false).await;
    assert!(!wrong.is_empty(), "a disk without syncs lost nothing: the check sees nothing");
}

/// The same with a database that does not sync: the check must see it.
#[cfg(feature = "fault-hooks")]
async fn notices(engine: &'static str) {
    let mut dice = Dice::thrown();
    let run = Recorded::run(engine, &["fsync=off"], &[("HUTONG_TEST_WITHOUT", "Synced")], 40).await;
    let all = run.log.records.len();
    for style in [Style::Drop, Style::Mix(dice.any())] {
        let wrong = run.cut(all, style, true).await;
        assert!(!wrong.is_empty(), "{style:?}: without syncs nothing was lost");
    }
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_sqlite_that_does_not_sync() {
    notices(SQLITE).await;
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_postgresql_that_does_not_sync() {
    notices(POSTGRES).await;
}

/// The very first start, from nothing: wherever the power goes, the next start finds an installation that it can
/// open with its keys, or none and makes one.
async fn first_start(engine: &'static str, more: &[(&str, &str)]) {
    let mut dice = Dice::thrown();
    let world = World::empty(engine);
    let base = world.beside("base");
    copy(&world.root, &base);
    let shim = world.shim();
    shim.sync_takes(500);
    let pg = world.here().postgres(Some(&shim), &[]).expect("starts");
    let begin = shim.position();
    let mut serving = world.serve(pg.as_ref(), Some(&shim), more);
    let served = shim.position();
    serving.becomes(true, Duration::from_secs(5));
    serving.kill();
    drop(pg);
    let log = shim.log();
    let (first, last) = (log.records_before(begin), log.records_before(served));
    println!("{engine}: the first start is {} records", last - first);
    for n in 0..rounds(5) {
        let style = if n % 3 == 0 { Style::Drop } else { Style::Mix(dice.any()) };
        // The last one when it served already: then there is something to be lost.
        let records = if n == 0 { last } else { first + dice.below((last - first) as u64) as usize };
        let mut disk = Disk::new(&base, if engine == SQLITE { Names::Strict } else { Names::Journaled });
        log.records[..records].iter().for_each(|record| disk.play(&log, record));
        let target = world.beside(&format!("cut-{}", super::rising()));
        disk.leave(&target, style);
        let keys = std::fs::read(target.join("data/keys")).ok();
        let copy = world.at(target.clone());
        let pg = copy.postgres(None, &["fsync=off"]).expect("starts after the cut");
        let again = Serving::start(&copy.options(pg.as_ref()), None, &[], world.folder.path());
        let told = again.as_ref().map_or_else(Clone::clone, |serving| serving.address.clone());
        println!("cut after {records} records, {style:?}: keys {}, {told}", keys.is_some());
        assert!(again.is_ok(), "{told}");
        assert!(n > 0 || keys.is_some(), "it served, and its keys are gone");
        if let Some(keys) = keys {
            assert_eq!(std::fs::read(target.join("data/keys")).expect("keys"), keys, "the keys stay");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_survives_a_power_cut() {
    for engine in [SQLITE, POSTGRES] {
        first_start(engine, &[]).await;
    }
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_a_folder_that_is_not_synced() {
    let without = tokio::spawn(first_start(SQLITE, &[("HUTONG_TEST_WITHOUT", "FolderSynced")])).await;
    assert!(without.is_err_and(|fault| fault.is_panic()), "the keys are there all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_on_sqlite() {
    survives(SQLITE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_on_postgresql() {
    survives(POSTGRES).await;
}
