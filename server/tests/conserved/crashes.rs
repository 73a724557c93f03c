//! The same life with crashes in it: the house is torn down at a random moment inside a step, wherever its
//! tasks stand, and opened again on the same database. What was half done must not be there.
//!
//! `HUTONG_CRASH_STEPS` sets the steps on each database (300, on PostgreSQL, where opening takes longer, 150;
//! `make soak` 10000).

use std::time::{Duration, Instant};

use server::app::App;
use server::platform::clock::Clock;
use server::platform::database::{Db, Exec, StoreError, migrate};
use server::platform::jobs::run_until_idle;
use server::platform::limits::Limits;
use server::platform::secrets::Keys;
use server::start;
use tokio::runtime::Runtime;

use super::common::{self, NOW};
use super::dice::Dice;
use super::{Life, setting};

/// What stays when a house is torn down.
struct Ground {
    folder: tempfile::TempDir,
    url: Option<String>,
    clock: Clock,
    keys: Keys,
}

impl Ground {
    async fn on(engine: &str) -> Self {
        let url = if engine == "sqlite" { None } else { Some(common::schema_url("").await) };
        let folder = tempfile::tempdir().expect("temp folder");
        Self { folder, url, clock: Clock::fixed(NOW), keys: Keys::ephemeral() }
    }

    async fn open(&self) -> App {
        let db = match &self.url {
            None => Db::open_sqlite(&self.folder.path().join("test.db")).await,
            Some(url) => Db::open_postgres(url).await,
        };
        let db = db.expect("opens");
        migrate(&db, NOW).await.expect("migrates");
        let (clock, keys) = (self.clock.clone(), self.keys.clone());
        start::assemble_within(db, clock, keys, self.folder.path(), Limits::generous()).await.expect("opens")
    }

    /// Opens again; a job that was running is taken over at once, as it would be after five seconds.
    async fn open_again(&self) -> App {
        const TAKE_OVER: &str = "UPDATE job SET state = 'queued', run_at = 0 WHERE state = 'running'";
        let app = self.open().await;
        let freed: Result<u64, StoreError> =
            app.lanes.write(0, vec![], |tx| Box::pin(async move { tx.execute(TAKE_OVER, vec![]).await })).await;
        freed.expect("freed");
        run_until_idle(&app).await.expect("goes on");
        app
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime")
}

/// So many steps, about every fourth with a crash in it; the first difference.
fn live(engine: &str, seed: u64, steps: u64) -> Option<String> {
    println!("HUTONG_SEED={seed} HUTONG_CRASH_STEPS={steps} ({engine})");
    let (mut dice, begin) = (Dice(seed | 1), Instant::now());
    let mut running = runtime();
    let ground = running.block_on(Ground::on(engine));
    let mut life = running.block_on(async { Life::begin(&ground.open().await).await });
    let (mut usual, mut crashes, mut inside) = (Duration::from_millis(10), 0, 0);
    for n in 0..steps {
        let step = (dice.roll(256) as u8, dice.roll(65_536) as u16, dice.roll(65_536) as u16);
        let crash = dice.roll(4) == 0;
        let name = if crash {
            let at = usual * dice.roll(1300) as u32 / 1000;
            let ended = running.block_on(async { tokio::time::timeout(at, life.step(step)).await });
            crashes += 1;
            inside += u64::from(ended.is_err());
            // Whatever runs is dropped where it stands: the lanes, their transactions, their connections.
            std::mem::replace(&mut running, runtime()).shutdown_background();
            life.app = running.block_on(ground.open_again());
            "a crash"
        } else {
            let begin = Instant::now();
            let name = running.block_on(life.step(step));
            usual = (usual * 7 + begin.elapsed()) / 8;
            name
        };
        if crash || n % 10 == 9 || n + 1 == steps {
            let all = crashes % 8 == 0 || n + 1 == steps;
            if let Some(difference) = running.block_on(life.difference(all)) {
                return Some(format!("{engine} after step {n}, {name}: {difference}"));
            }
        }
    }
    println!(
        "{engine}: {steps} steps, {crashes} crashes, {inside} of them inside a step, in {:?}; {:?}",
        begin.elapsed(),
        life.done
    );
    // In a long life ever more steps find nothing left to do and are over at once.
    let share = if steps > 1000 { 10 } else { 5 };
    assert!(steps < 100 || inside * share > crashes, "{inside} of {crashes} crashes fell into a step");
    running.shutdown_background();
    None
}

fn crashing_life(engine: &str, usual: u64) {
    let steps = setting("HUTONG_CRASH_STEPS", usual);
    assert_eq!(live(engine, setting("HUTONG_SEED", 20_261_127), steps), None);
}

#[test]
fn nothing_is_lost_whatever_crashes_on_sqlite() {
    crashing_life("sqlite", 300);
}

#[test]
fn nothing_is_lost_whatever_crashes_on_postgresql() {
    crashing_life("postgresql", 150);
}

/// A write whose statements each stand for themselves is half done after a crash. On PostgreSQL a crash falls into
/// one too seldom to wait for; there `crash::kills` shows it.
#[cfg(feature = "fault-hooks")]
#[test]
fn the_property_notices_a_write_that_is_not_one_transaction() {
    use server::platform::faults::{Protection, take_out};
    take_out(Some(Protection::OneTransaction));
    let seed = setting("HUTONG_SEED", 20_261_127);
    let difference = (seed..seed + 4).find_map(|seed| live("sqlite", seed, 300));
    println!("without OneTransaction: {difference:?}");
    assert!(difference.is_some(), "nothing was noticed");
}
