//! Jobs, leases and files on both databases.

mod common;

use std::time::{Duration, Instant};

use serde_json::json;
use server::app::{App, Parts};
use server::error::AppError;
use server::platform::clock::Clock;
use server::platform::database::{Db, Exec, migrate};
use server::platform::files::{self, NewFile};
use server::platform::ids::Id;
use server::platform::jobs::{self, JobKind, Jobs};
use server::platform::leases::{Lease, Watch};
use server::platform::limits::Limits;
use server::platform::secrets::Keys;

/// Kinds only of this test: one that needs three tries, one that panics, one that slices.
static KINDS: &[JobKind] = &[
    JobKind {
        kind: "test.third",
        attempts: 3,
        every: None,
        run: |_, handle| {
            Box::pin(async move {
                handle.progress(handle.attempt(), 3, "jobs-running").await?;
                if handle.attempt() < 3 {
                    return Err(AppError::Internal("not yet".into()));
                }
                Ok(json!({"href": "/", "payload": handle.payload::<serde_json::Value>()?}))
            })
        },
    },
    JobKind { kind: "test.panics", attempts: 2, every: None, run: |_, _| Box::pin(async { panic!("on purpose") }) },
    JobKind {
        kind: "test.refuses",
        attempts: 9,
        every: None,
        run: |_, _| Box::pin(async { Err(AppError::invalid("row 3", "errors-code-invalid")) }),
    },
    JobKind {
        kind: "test.slices",
        attempts: 5,
        every: None,
        run: |_, handle| {
            Box::pin(async move {
                for _ in 0..200 {
                    handle
                        .slice(0, vec![], |tx| {
                            Box::pin(async move {
                                tx.execute("UPDATE setting SET version = version + 1 WHERE key = 'count'", vec![])
                                    .await?;
                                Ok(())
                            })
                        })
                        .await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(json!({}))
            })
        },
    },
];

async fn on_both<F: Future<Output = ()>>(body: impl Fn(App) -> F) {
    common::each_db(|db: Db| {
        let body = &body;
        async move {
            migrate(&db, common::NOW).await.expect("migrates");
            let folder = tempfile::tempdir().expect("temp");
            body(app(&db, folder.path())).await;
        }
    })
    .await;
}

fn app(db: &Db, folder: &std::path::Path) -> App {
    let clock = Clock::fixed(common::NOW);
    let mut parts = Parts::new(db.clone(), clock.clone(), Keys::ephemeral(), folder.to_owned(), Limits::generous());
    parts.jobs = Jobs::new(clock, KINDS);
    App::new(parts)
}

async fn enqueue(app: &App, kind: &'static str) -> Id {
    let jobs = app.jobs.clone();
    app.lanes
        .write(0, vec![], move |tx| {
            let jobs = jobs.clone();
            Box::pin(async move { jobs.enqueue(tx, kind, &json!({"n": 1}), None).await })
        })
        .await
        .map_err(AppError::from)
        .expect("enqueued")
}

async fn job(app: &App, id: Id) -> jobs::Job {
    jobs::find(&mut app.read(), id).await.expect("read").expect("there")
}

#[tokio::test]
async fn a_failing_job_is_tried_again_later_and_then_succeeds() {
    on_both(|app| async move {
        let id = enqueue(&app, "test.third").await;
        for attempt in 1..=3 {
            assert_eq!(jobs::run_until_idle(&app).await.expect("ran"), 1, "attempt {attempt}");
            assert_eq!(jobs::run_until_idle(&app).await.expect("ran"), 0, "it waits before the next try");
            let now = job(&app, id).await;
            assert_eq!((now.attempts, now.done, now.total), (attempt, attempt, 3));
            assert_eq!(now.state, if attempt < 3 { "queued" } else { "done" });
            app.clock.advance(1_000_000 << attempt);
        }
        let result: serde_json::Value =
            serde_json::from_str(&job(&app, id).await.result.expect("result")).expect("json");
        assert_eq!(result["payload"]["n"], 1);
    })
    .await;
}

#[tokio::test]
async fn panics_and_lasting_faults_end_as_failed() {
    on_both(|app| async move {
        let (panics, refuses) = (enqueue(&app, "test.panics").await, enqueue(&app, "test.refuses").await);
        for _ in 0..3 {
            jobs::run_until_idle(&app).await.expect("ran");
            app.clock.advance(60_000_000);
        }
        assert_eq!((job(&app, panics).await.state.as_str(), job(&app, panics).await.attempts), ("failed", 2));
        let refused = job(&app, refuses).await;
        assert_eq!((refused.state.as_str(), refused.attempts), ("failed", 1), "bad input is not tried again");
        assert!(refused.result.expect("result").contains("row 3"));
        let jobs = app.jobs.clone();
        let unknown: Result<Id, AppError> = app
            .lanes
            .write(0, vec![], move |tx| {
                let jobs = jobs.clone();
                Box::pin(async move { Ok(jobs.enqueue(tx, "test.unknown", &json!({}), None).await?) })
            })
            .await;
        assert!(unknown.is_err(), "the list of kinds is closed");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_was_taken_over_changes_nothing_more() {
    on_both(|app| async move {
        let mut db = app.read();
        app.lanes
            .write(0, vec![], |tx| Box::pin(async move { server::platform::settings::put(tx, "count", "x").await }))
            .await
            .map_err(AppError::from)
            .expect("set");
        let id = enqueue(&app, "test.slices").await;
        let worker = tokio::spawn(jobs::work(app.clone()));
        let count = async |db: &mut Db| -> i64 {
            db.one::<(i64,)>("SELECT version FROM setting WHERE key = 'count'", vec![]).await.expect("read").0
        };
        while count(&mut db).await < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // A peer raises the epoch (as after five seconds of silence) and holds the job.
        app.lanes
            .write(0, vec![], move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE job SET epoch = epoch + 1, owner = 'peer', beat = 0 WHERE id = $1";
                    tx.execute(sql, server::args![id]).await
                })
            })
            .await
            .map_err(AppError::from)
            .expect("taken");
        let at = count(&mut db).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(count(&mut db).await, at, "not one slice after the epoch was raised");
        assert_eq!(job(&app, id).await.state, "running", "and its end is the peer's to write");
        app.stop();
        worker.await.expect("ends");
    })
    .await;
}

async fn guards(app: &App, lease: &Lease) -> bool {
    let lease = lease.clone();
    let result: Result<(), AppError> = app
        .lanes
        .write(0, vec![], move |tx| {
            let lease = lease.clone();
            Box::pin(async move { Ok(lease.guard(tx).await?) })
        })
        .await;
    result.is_ok()
}

#[tokio::test]
async fn a_lease_whose_beat_moves_is_left_alone() {
    on_both(|app| async move {
        let (mut one, mut two) = (Watch::new("test"), Watch::new("test"));
        let start = Instant::now();
        let held = one.try_take(&app, start).await.expect("asked").expect("free");
        for seconds in [0, 4, 8, 12] {
            assert!(
                two.try_take(&app, start + Duration::from_secs(seconds)).await.expect("asked").is_none(),
                "{seconds}"
            );
            assert!(guards(&app, &held).await, "the holder works and so beats");
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_holder_loses_its_lease_and_its_guard_refuses() {
    on_both(|app| async move {
        let (mut one, mut two) = (Watch::new("test"), Watch::new("test"));
        let start = Instant::now();
        let held = one.try_take(&app, start).await.expect("asked").expect("free");
        assert!(two.try_take(&app, start).await.expect("asked").is_none(), "first seen");
        let taken = two.try_take(&app, start + Duration::from_secs(5)).await.expect("asked").expect("stood still");
        assert_eq!((held.epoch, taken.epoch), (1, 2));
        assert!(!guards(&app, &held).await, "the old holder works no more");
        assert!(guards(&app, &taken).await);
    })
    .await;
}

#[tokio::test]
async fn files_are_sealed_on_disk_and_end() {
    on_both(|app| async move {
        let clear = "姓名,身份证号\n王强,140202194501011234".as_bytes().to_vec();
        let file = NewFile {
            purpose: "test",
            name: "名单.csv".into(),
            media_type: "text/csv".into(),
            bytes: clear.clone(),
            owner: None,
            expires_at: Some(app.now() + 10),
        };
        let id = files::put(&app, file).await.expect("stored");
        let (row, bytes) = files::get(&app, id).await.expect("read");
        assert_eq!((row.name.as_str(), bytes), ("名单.csv", clear));
        let folder = app.data.join("files");
        let stored: Vec<_> = std::fs::read_dir(&folder)
            .expect("folder")
            .flat_map(|f| std::fs::read_dir(f.expect("entry").path()).expect("folder"))
            .map(|f| f.expect("entry").path())
            .collect();
        assert_eq!(stored.len(), 1);
        let raw = std::fs::read(&stored[0]).expect("read");
        assert!(!raw.windows(6).any(|w| w == b"140202"), "nothing in clear on disk");
        let mut broken = raw.clone();
        *broken.last_mut().expect("bytes") ^= 1;
        std::fs::write(&stored[0], broken).expect("written");
        assert!(files::get(&app, id).await.is_err(), "a changed file is not served");
        app.clock.advance(20);
        assert!(matches!(files::get(&app, id).await, Err(AppError::NotFound)));
        assert_eq!(files::purge(&app).await.expect("purged"), 1);
        assert!(!stored[0].exists());
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_no_job_up() {
    on_both(|app| async move {
        let id = enqueue(&app, "test.third").await;
        app.clock.advance(-365 * server::platform::clock::DAY);
        assert_eq!(jobs::run_until_idle(&app).await.expect("ran"), 1);
        assert_eq!(jobs::run_until_idle(&app).await.expect("ran"), 0, "it waits before the next try");
        app.clock.advance(-3_600_000_000);
        assert_eq!(jobs::run_until_idle(&app).await.expect("ran"), 1, "a try that is an hour away is due");
        assert_eq!(job(&app, id).await.attempts, 2);
    })
    .await;
}
