//! The power goes at any moment: what was acknowledged is there, once; and without syncs it is not.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use server::platform::database::{Db, Exec};

use super::check;
use super::load::Journal;
use super::log::Log;
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
    /// Lets everybody work for a while under the shim. `settings` are PostgreSQL's, `more` the program's environment.
    async fn run(engine: &'static str, settings: &[&str], more: &[(&str, &str)], seconds: u64) -> Self {
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
            journal.fill(&serving.address, &world.told, Some(&shim), 0, |_| begin.elapsed() > Duration::from_secs(seconds));
        });
        serving.kill();
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
        assert!(journal.count() > 20 && count(b'E') > 10, "the shim saw {} syncs", count(b'E'));
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

    fn some_place(&self, dice: &mut Dice) -> usize {
        let (first, last) = self.journal.span();
        let (first, last) = (self.log.records_before(first), self.log.records_before(last));
        first + dice.below((last - first) as u64 + 1) as usize
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
    let run = Recorded::run(engine, &[], &[], if rounds > 5 { 20 } else { 2 }).await;
    for n in 0..rounds {
        let style = match n % 5 {
            0 => Style::Drop,
            3 => Style::Keep,
            _ => Style::Mix(dice.next()),
        };
        let wrong = run.cut(run.some_place(&mut dice), style, true).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    // Control: had no sync brought anything to the disk, this check would say so.
    let wrong = run.cut(run.some_place(&mut dice), Style::Drop, false).await;
    assert!(!wrong.is_empty(), "a disk without syncs lost nothing: the check sees nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_on_sqlite() {
    survives(SQLITE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_power_cut_on_postgresql() {
    survives(POSTGRES).await;
}
