//! Pages that rot and logs that were cut: found by `doctor` or refused at the start, with what to restore.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::database::{Db, Exec};
use server::platform::ids::new_free_id;

use super::Dice;
use super::common::NOW;
use super::load::visit;
use super::postgres::{self, Postgres};
use super::program::{self, Serving};
use super::world::{POSTGRES, SQLITE, World};

const SOON: Duration = Duration::from_secs(10);

/// Work is filed, sealed and signed outside; then the program is killed.
fn filed_and_killed(world: &World, pg: Option<&Postgres>) {
    let mut serving = world.serve(pg, None, &[]);
    serving.becomes(true, SOON);
    let position = || -> i64 {
        let text = std::fs::read(world.root.join("data/heads.json")).expect("heads");
        serde_json::from_slice::<Value>(&text).expect("a list")["position"].as_i64().expect("a position")
    };
    let before = position();
    // Little enough that SQLite's log still holds all of it.
    for worker in &world.told.workers[..3] {
        let taken = visit(&serving.address, &worker.token, worker.items[0], new_free_id(NOW)).expect("answers");
        assert_eq!(taken.status, 201, "{}", taken.text());
    }
    let begin = Instant::now();
    while position() == before {
        assert!(begin.elapsed() < SOON, "nothing is signed");
        std::thread::sleep(Duration::from_millis(20));
    }
    serving.kill();
}

/// The program does not serve this, and says what is to be restored.
fn is_refused(world: &World, pg: Option<&Postgres>) -> String {
    let refused = Serving::start(&world.here().options(pg), None, &[], world.folder.path());
    let told = refused.err().expect("a damaged installation is served");
    assert!(told.to_lowercase().contains("restore the latest backup"), "{told}");
    told
}

/// `doctor` finds it, and says what is to be restored.
fn is_found(world: &World, pg: Option<&Postgres>) -> String {
    let done = program::run(&["doctor"], &world.here().options(pg));
    let told = program::said(&done);
    assert!(!done.status.success(), "doctor sees nothing: {told}");
    assert!(told.contains("restore the latest backup"), "{told}");
    told
}

fn rubbish(file: &Path, at: u64, size: usize, dice: &mut Dice) {
    let bytes: Vec<u8> = (0..size).map(|_| dice.any() as u8).collect();
    let out = std::fs::OpenOptions::new().write(true).open(file).expect("opens");
    out.write_all_at(&bytes, at).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_sqlite_that_was_cut_is_refused_at_the_start() {
    let mut dice = Dice::thrown();
    let world = World::new(SQLITE).await;
    filed_and_killed(&world, None);
    let log = world.root.join("data/hutong.db-wal");
    let length = std::fs::metadata(&log).expect("a log").len();
    // In the first frames: what was signed last is behind them.
    let cut = 32 + dice.below(8 * 4120);
    std::fs::OpenOptions::new().write(true).open(&log).and_then(|file| file.set_len(cut)).expect("cut");
    println!("cut at {cut} of {length}: {}", is_refused(&world, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_sqlite_that_is_rubbish_is_found() {
    let mut dice = Dice::thrown();
    let world = World::new(SQLITE).await;
    let file = world.root.join("data/hutong.db");
    let well = program::run(&["doctor"], &world.here().options(None));
    assert!(well.status.success(), "{}", program::said(&well));
    let whole = std::fs::read(&file).expect("read");
    let pages = whole.len() as u64 / 4096;
    for round in 0..5 {
        let page = if round == 0 { 0 } else { 1 + dice.below(pages - 1) };
        rubbish(&file, page * 4096, 4096, &mut dice);
        println!("page {page} of {pages}: {}", is_found(&world, None).lines().last().unwrap_or_default());
        std::fs::write(&file, &whole).expect("mended");
    }
}

/// The file of a table below the folder of the cluster.
async fn file_of(pg: &Postgres, table: &str) -> String {
    let db = Db::open_postgres_within(&pg.url(), 1).await.expect("opens");
    db.clone().execute("CHECKPOINT", vec![]).await.expect("written");
    let sql = format!("SELECT pg_relation_filepath('{table}')");
    let path: Vec<(String,)> = db.clone().all_built(sql, vec![]).await.expect("a path");
    db.close().await;
    path[0].0.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_postgresql_that_rots_is_found() {
    let mut dice = Dice::thrown();
    // Without checksums a page whose head is rubbish, with them any bit.
    for (checksums, tables) in [(false, &["item"][..]), (true, &["observation", "event"])] {
        let world = World::new(POSTGRES).await;
        let data = world.root.join("pg");
        if checksums {
            postgres::enable_checksums(&data);
        }
        for table in tables {
            let pg = world.here().postgres(None, &[]).expect("starts").expect("PostgreSQL");
            let file = data.join(file_of(&pg, table).await);
            pg.stop("fast");
            let whole = std::fs::read(&file).expect("read");
            let page = dice.below(whole.len() as u64 / 8192) * 8192;
            if checksums {
                let at = page + 4096 + dice.below(4096);
                let bit = whole[at as usize] ^ (1 << dice.below(8));
                let out = std::fs::OpenOptions::new().write(true).open(&file).expect("opens");
                out.write_all_at(&[bit], at).expect("written");
            } else {
                rubbish(&file, page, 24, &mut dice);
            }
            let pg = world.here().postgres(None, &[]).expect("starts").expect("PostgreSQL");
            let told = is_found(&world, Some(&pg));
            println!("{table}, checksums {checksums}: {}", told.lines().last().unwrap_or_default());
            drop(pg);
            std::fs::write(&file, &whole).expect("mended");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_postgresql_that_was_cut_is_refused_at_the_start() {
    let world = World::new(POSTGRES).await;
    let data = world.root.join("pg");
    let pg = world.here().postgres(None, &[]).expect("starts").expect("PostgreSQL");
    let log = |pg: &Postgres| {
        let url = pg.url();
        async move {
            let db = Db::open_postgres_within(&url, 1).await.expect("opens");
            let sql = "SELECT pg_walfile_name(pg_current_wal_insert_lsn()), \
                cast(pg_current_wal_insert_lsn() - '0/0' as bigint) % 1048576";
            let place: (String, i64) = db.clone().one(sql, vec![]).await.expect("a place");
            db.close().await;
            place
        }
    };
    let (file, offset) = log(&pg).await;
    filed_and_killed(&world, Some(&pg));
    pg.stop("immediate");
    // Everything behind the place where work began is gone.
    for entry in std::fs::read_dir(data.join("pg_wal")).expect("folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let from = if name == file { offset as u64 } else { 0 };
        if name.len() == 24 && name >= file {
            let out = std::fs::OpenOptions::new().write(true).open(entry.path()).expect("opens");
            out.write_all_at(&vec![0; (1_048_576 - from) as usize], from).expect("written");
        }
    }
    let pg = world.here().postgres(None, &[]).expect("starts").expect("PostgreSQL");
    println!("{}", is_refused(&world, Some(&pg)));
}
