//! Everything that works in the background: the closed list of kinds of jobs, the leased work, and
//! starting and ending both. A room adds a line here and nothing else.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::App;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::jobs::{self, JobHandle, JobKind};
use crate::platform::lane::mark;
use crate::platform::leases::{self, Lease, Leased};
use crate::platform::sessions::Sessions;
use crate::platform::{files, metrics};

/// Every kind of job.
pub const JOBS: &[JobKind] = &[
    JobKind { kind: "platform.tidy", attempts: 3, every: Some(DAY / 24), run: tidy },
    JobKind { kind: crate::rekeying::JOB, attempts: 20, every: None, run: crate::rekeying::job },
    JobKind { kind: crate::tasks::jobs::DISPATCH, attempts: 10, every: None, run: crate::tasks::jobs::dispatch },
    JobKind {
        kind: crate::administration::import::PLACES,
        attempts: 5,
        every: None,
        run: crate::administration::import::run_places,
    },
];

/// Everything that one node does at a time.
pub const LEASED: &[Leased] = &[
    Leased { name: crate::measures::fold::LEASE, every: crate::measures::fold::EVERY, run: fold },
    Leased { name: "entities.outbox", every: Duration::from_millis(300), run: outbox },
    Leased { name: "audit.seal", every: crate::audit::EVERY, run: seal },
    Leased { name: "tasks.pass_on", every: Duration::from_secs(30), run: pass_on },
    Leased { name: "database.stock", every: Duration::from_secs(5), run: stock },
];

/// What runs in the background of one process.
pub struct Workers(JoinSet<()>);

/// Starts the runner of jobs and the leased work.
pub fn start(app: &App) -> Workers {
    app.peers.heed();
    let mut tasks = JoinSet::new();
    tasks.spawn(jobs::work(app.clone()));
    for leased in LEASED {
        tasks.spawn(leases::keep(app.clone(), *leased));
    }
    tasks.spawn(measure(app.clone()));
    tasks.spawn(watch_keys(app.clone()));
    tasks.spawn(crate::peers::watch(app.clone()));
    tasks.spawn(crate::peers::beat(app.clone()));
    tasks.spawn(crate::health::watch(app.clone()));
    Workers(tasks)
}

impl Workers {
    /// Waits until everything has ended after [`App::stop`].
    pub async fn ended(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

fn tidy(app: App, handle: JobHandle) -> BoxFuture<'static, Result<Value, AppError>> {
    Box::pin(async move {
        let sessions = Sessions::new(app.db.clone(), app.lanes.clone(), app.clock.clone(), app.limits).purge().await?;
        handle.progress(1, 3, "jobs-running").await?;
        let files = files::purge(&app).await?;
        handle.progress(2, 3, "jobs-running").await?;
        let jobs = jobs::forget_old(&app).await?;
        let keys = crate::front::idempotency::purge(&app, app.now() - 7 * DAY).await?;
        let marks: u64 = app.lanes.write(0, vec![], |tx| Box::pin(mark::forget_all_shards(tx))).await?;
        let processes = crate::peers::forget_old(&app).await?;
        Ok(json!({
            "sessions": sessions, "files": files, "jobs": jobs, "keys": keys, "marks": marks, "processes": processes,
        }))
    })
}

fn fold(app: App, lease: Lease) -> BoxFuture<'static, Result<(), AppError>> {
    Box::pin(async move {
        loop {
            let lease = lease.clone();
            let folded: usize = app
                .lanes
                .write(0, vec![], move |tx| {
                    let lease = lease.clone();
                    Box::pin(async move {
                        lease.guard(tx).await?;
                        crate::measures::fold::fold_batch(tx).await
                    })
                })
                .await?;
            // What is left of a full batch is folded at once; few deltas wait for others, since whatever they add to
            // meets in the same rows further up.
            if folded < crate::measures::fold::BATCH {
                return Ok(());
            }
        }
    })
}

fn seal(app: App, lease: Lease) -> BoxFuture<'static, Result<(), AppError>> {
    Box::pin(async move { crate::audit::seal::round(&app, &lease).await.map(|_| ()) })
}

fn outbox(app: App, _: Lease) -> BoxFuture<'static, Result<(), AppError>> {
    // Every row is applied once by its own id: a second drainer after a take-over does no harm.
    Box::pin(async move {
        while crate::entities::outbox::drain_all_shards(&app).await? > 0 {}
        Ok(())
    })
}

fn pass_on(app: App, _: Lease) -> BoxFuture<'static, Result<(), AppError>> {
    // Every item moves under its own version: a second runner after a take-over finds nothing left.
    Box::pin(async move { crate::tasks::pass_on::pass_due(&app).await.map(|_| ()) })
}

fn stock(app: App, _: Lease) -> BoxFuture<'static, Result<(), AppError>> {
    Box::pin(async move { Ok(app.db.take_stock().await.map(|_| ())?) })
}

/// Sees that another process rotated the keys, well before anybody writes with the new ones.
async fn watch_keys(app: App) {
    let mut stopping = app.stopping();
    while !*stopping.borrow() {
        match app.keys.refresh() {
            Ok(true) => tracing::info!(version = app.keys.version(), "the key file has changed and was read again"),
            Ok(false) => {}
            Err(fault) => tracing::warn!(%fault, "the key file could not be read again"),
        }
        tokio::select! {
            () = tokio::time::sleep(crate::rekeying::rotate::LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Gauges that no request sets.
async fn measure(app: App) {
    let mut stopping = app.stopping();
    while !*stopping.borrow() {
        metrics::gauge("live_streams", app.hub.open() as f64);
        metrics::gauge("lane_commits", app.lanes.commits() as f64);
        if let Ok(waiting) = jobs::waiting(&mut app.read()).await {
            let of = |state: &str| waiting.iter().find(|row| row.0 == state).map_or(0, |row| row.1);
            metrics::gauge("jobs_queued", of("queued") as f64);
            metrics::gauge("jobs_running", of("running") as f64);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            _ = stopping.changed() => {}
        }
    }
}
