//! The real program, killed at any moment while it restores or moves; two servers on one folder; memory.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::database::bulk::{OnKey, Shape};
use server::platform::database::migrate;
use server::platform::ids::new_id;
use server::platform::secrets::{Keys, random};
use server::{args, keeping, start};

use super::common;
use super::program::{Serving, fault, hutong, run, said};
use super::stage::{ENGINES, Site, city, is_well};

/// Starts the program, kills it after a part of `usual`, and says whether it had ended by itself.
fn killed(arguments: &[&str], options: &[String], usual: Duration) -> bool {
    let mut child = hutong(arguments, options).spawn().expect("starts");
    let part = u32::from(random::<1>()[0]);
    std::thread::sleep(usual * part / 256);
    let ended = child.try_wait().expect("asks").is_some();
    let _ = child.kill();
    child.wait().expect("ends");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_is_not_served_and_is_done_again() {
    let clock = Instant::now();
    let (site, ..) = city("sqlite").await;
    println!("city in {:?}", clock.elapsed());
    let file = site.beside("city.hutong");
    let kept = site.backup(&file, true).await.expect("kept");
    let name = file.display().to_string();
    for engine in ENGINES {
        let whole = Site::on(engine).await;
        let begin = Instant::now();
        let done = said(&run(&["restore", &name], &whole.options()));
        let usual = begin.elapsed();
        assert_eq!(done["faults"], serde_json::json!([]), "{done}");
        let mut broken_off = 0;
        for round in 0..3 {
            let other = Site::on(engine).await;
            // Some are killed more than once.
            let mut ended = false;
            for _ in 0..=round % 3 {
                ended = ended || killed(&["restore", &name], &other.options(), usual);
            }
            let marked = other.is_unfinished().await;
            if marked {
                broken_off += 1;
                let text = fault(&run(&["doctor"], &other.options()));
                assert!(text.contains("broken off half way"), "{text}");
                let text = fault(&run(&["serve", "--listen", "127.0.0.1:0"], &other.options()));
                assert!(text.contains("run it again"), "{text}");
            }
            let again = run(&["restore", &name], &other.options());
            if marked || !ended {
                let complete = String::from_utf8_lossy(&again.stderr).contains("not empty");
                assert!(again.status.success() || (!marked && complete), "{}", fault(&again));
            }
            let app = other.open().await;
            is_well(&app).await;
            app.db.close().await;
            let copy = other.backup(&other.beside("copy.hutong"), false).await.expect("kept");
            assert_eq!(copy.manifest.tables, kept.manifest.tables, "{engine}");
        }
        println!("{engine}: {broken_off} of 3 were broken off half way, one takes {usual:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_killed_leaves_the_source_and_is_done_again() {
    for (from, to) in [("sqlite", "postgresql"), ("postgresql", "sqlite")] {
        let (site, accounts, _) = city(from).await;
        let kept = site.backup(&site.beside("city.hutong"), false).await.expect("kept");
        let first = Site::on(to).await;
        let begin = Instant::now();
        let done = said(&run(&["move", "--to", &first.url()], &site.options()));
        let usual = begin.elapsed();
        let tables: Vec<keeping::TableCount> = serde_json::from_value(done["tables"].clone()).expect("tables");
        assert_eq!(tables, kept.manifest.tables);
        let text = fault(&run(&["serve", "--listen", "127.0.0.1:0"], &site.options()));
        assert!(text.contains("was moved to") && text.contains("--undo"), "{text}");
        said(&run(&["move", "--undo"], &site.options()));
        let mut broken_off = 0;
        for _ in 0..2 {
            let other = Site::on(to).await;
            let ended = killed(&["move", "--to", &other.url()], &site.options(), usual);
            let place = keeping::target_of(&site.place, &other.url()).expect("understood");
            let copy = Site { place: place.clone(), folder: other.folder.clone() };
            let marked = copy.is_unfinished().await;
            if !ended && marked {
                broken_off += 1;
                let text = fault(&run(&["doctor"], &copy.options()));
                assert!(text.contains("broken off half way"), "{text}");
            }
            if !ended {
                let again = run(&["move", "--to", &other.url()], &site.options());
                let complete = String::from_utf8_lossy(&again.stderr).contains("not empty");
                assert!(again.status.success() || (!marked && complete), "{}", fault(&again));
            }
            let app = start::open(&place).await.expect("opens");
            is_well(&app).await;
            super::stage::board(&app, &accounts).await;
            app.db.close().await;
            let copy = copy.backup(&other.beside("copy.hutong"), false).await.expect("kept");
            assert_eq!(copy.manifest.tables, kept.manifest.tables, "{from} to {to}");
            said(&run(&["move", "--undo"], &site.options()));
        }
        println!("{from} to {to}: {broken_off} of 2 were broken off half way, one takes {usual:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_a_folder_and_a_backup_may_be_taken_beside_it() {
    let site = Site::on("sqlite").await;
    let server = Serving::begin(&site.options(), &[]);
    let by = format!("process {}", server.id());
    let text = fault(&run(&["serve", "--listen", "127.0.0.1:0"], &site.options()));
    assert!(text.contains("in use by another hutong") && text.contains(&by), "{text}");
    let text = fault(&run(&["demo", "--listen", "127.0.0.1:0"], &site.options()));
    assert!(text.contains(&by), "{text}");
    let target = Site::on("sqlite").await;
    let text = fault(&run(&["move", "--to", &target.url()], &site.options()));
    assert!(text.contains(&by), "{text}");
    let file = site.beside("beside.hutong").display().to_string();
    let kept = said(&run(&["backup", &file], &site.options()));
    let whole = said(&run(&["restore", &file, "--check"], &[]));
    assert_eq!(whole["manifest"], kept["manifest"]);
    let text = fault(&run(&["restore", &file], &site.options()));
    assert!(text.contains("not empty"), "{text}");
    drop(server);
    // A killed server's lock is gone with it.
    let _folder = site.place.take_folder().expect("free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_an_installation_says_so_and_makes_none() {
    let site = Site::on("sqlite").await;
    let file = site.beside("x").display().to_string();
    let text = fault(&run(&["backup", &file], &site.options()));
    assert!(text.contains("no installation"), "{text}");
    let text = fault(&run(&["move", "--to", &format!("sqlite:{}", site.beside("none").display())], &site.options()));
    assert!(text.contains("no installation"), "{text}");
    let text = fault(&run(&["move", "--to", "mysql://x"], &site.options()));
    assert!(text.contains("--to wants"), "{text}");
    assert!(!site.place.data.exists());
}

/// The most memory that the program took, in MiB, and what it said.
fn measured(arguments: &[&str], options: &[String]) -> (u64, Output) {
    let child = hutong(arguments, options).spawn().expect("starts");
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { break };
            most = most.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 10);
            std::thread::sleep(Duration::from_millis(20));
        }
        most
    });
    let output = child.wait_with_output().expect("ends");
    (watch.join().expect("watched"), output)
}

/// An installation with this many events of a kilobyte each, kept in a file.
async fn much(rows: usize) -> (Site, String, Value) {
    const EVENT: Shape = Shape {
        table: "event",
        columns: &["shard", "id", "kind", "version", "subject_class", "occurred_at", "recorded_at", "payload"],
        key: &["shard", "id"],
    };
    let clock = Instant::now();
    let site = Site::on("sqlite").await;
    std::fs::create_dir_all(&site.place.data).expect("folder");
    let db = site.place.connect().await.expect("opens");
    migrate(&db, common::NOW).await.expect("migrates");
    Keys::open(&site.place.keys_file(), true).expect("made");
    let mut tx = db.begin_write().await.expect("begins");
    for slice in 0..rows / 10_000 {
        let rows = (0..10_000_i64)
            .map(|n| {
                let shard = n % 1024;
                let payload = format!("{{\"at\":\"{}\"}}", format!("{slice}.{n} 互通").repeat(60));
                args![shard, new_id(shard, common::NOW), "test", 1_i64, "thing", 1_i64, 1_i64, payload]
            })
            .collect();
        EVENT.write(&mut tx, rows, OnKey::Fail).await.expect("written");
    }
    tx.commit().await.expect("commits");
    db.close().await;
    println!("{rows} rows are there after {:?}", clock.elapsed());
    let file = site.beside("much.hutong").display().to_string();
    let (most, output) = measured(&["backup", &file, "--with-keys"], &site.options());
    let kept = said(&output);
    let on_disk = std::fs::metadata(site.place.sqlite_file()).expect("file").len() >> 20;
    println!("backup of {on_disk} MiB: {most} MiB, after {:?}", clock.elapsed());
    assert!(most < 110, "{on_disk} MiB were kept with {most} MiB");
    assert!(on_disk > rows as u64 / 1100, "{on_disk} MiB");
    (site, file, kept)
}

/// The other direction with fewer rows: what is held at once is the same.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_thousand_rows_pass_within_little_memory() {
    for (engine, rows) in [("sqlite", 200_000), ("postgresql", 20_000)] {
        let (_site, file, kept) = much(rows).await;
        let other = Site::on(engine).await;
        let clock = Instant::now();
        let (most, output) = measured(&["restore", &file], &other.options());
        let done = said(&output);
        println!("restore to {engine}: {most} MiB in {:?}", clock.elapsed());
        assert_eq!(done["tables"], kept["manifest"]["tables"]);
        assert!(most < 140, "{engine}: restored with {most} MiB");
    }
}
