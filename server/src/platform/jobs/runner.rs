//! Runs jobs: claims what is due, watches what others run, tries again with back-off.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::store::{self, Job};
use super::{BEAT, JobHandle, JobKind, STALE};
use crate::app::App;
use crate::error::{AppError, ClientError};
use crate::platform::clock::DAY;
use crate::platform::database::StoreError;
use crate::platform::ids::{Id, derived_id, shard_by_hash, shard_of};
use crate::platform::secrets::{hex, random};

/// Jobs that one process runs at the same time.
const AT_ONCE: usize = 4;
/// How often the table is looked at when nothing wakes us.
const LOOK: Duration = Duration::from_millis(500);
/// Finished jobs are forgotten after so long.
const KEPT: i64 = 30 * DAY;

/// What other nodes' jobs look like from here: the last beat seen and when, by our own monotonic clock.
#[derive(Default)]
pub struct Peers(HashMap<Id, (i64, i64, Instant)>);

impl Peers {
    /// Notes a beat; true when it has stood still for longer than [`STALE`].
    pub fn stale(&mut self, id: Id, epoch: i64, beat: i64, now: Instant) -> bool {
        match self.0.get(&id) {
            Some((e, b, since)) if *e == epoch && *b == beat => now.duration_since(*since) >= STALE,
            _ => {
                self.0.insert(id, (epoch, beat, now));
                false
            }
        }
    }

    fn keep_only(&mut self, ids: &HashSet<Id>) {
        self.0.retain(|id, _| ids.contains(id));
    }
}

/// Works until the house closes. Where the database has one process only, a job that runs already at the start was left
/// by a dead one.
pub async fn work(app: App) {
    let owner = hex(&random::<8>());
    let (mut own, mut peers, mut running) = (HashSet::new(), Peers::default(), JoinSet::new());
    let mut stopping = app.stopping();
    let mut alone = !app.db.is_shared();
    while !*stopping.borrow() {
        match look(&app, &owner, &mut own, &mut peers, &mut running, alone).await {
            Ok(()) => alone = false,
            Err(fault) => tracing::warn!(%fault, "jobs could not be looked at"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.jobs.wake.notified() => {}
            Some(done) = running.join_next() => { if let Ok(id) = done { own.remove(&id); } }
            _ = stopping.changed() => {}
        }
    }
    // What still runs sees the closing at its next slice; a peer or the next start takes it over.
    let _ = tokio::time::timeout(Duration::from_secs(3), async { while running.join_next().await.is_some() {} }).await;
}

/// Runs everything that is due now, one after the other, until nothing is; for commands and tests.
pub async fn run_until_idle(app: &App) -> Result<usize, AppError> {
    let mut count = 0;
    loop {
        let mut ran = false;
        for job in store::due(&mut app.read(), app.now()).await? {
            if let Some(handle) = take(app, &job, "idle").await? {
                run(app.clone(), handle).await;
                count += 1;
                ran = true;
            }
        }
        if !ran {
            return Ok(count);
        }
    }
}

async fn look(
    app: &App,
    owner: &str,
    own: &mut HashSet<Id>,
    peers: &mut Peers,
    running: &mut JoinSet<Id>,
    alone: bool,
) -> Result<(), AppError> {
    let now = app.now();
    repeat(app, now).await?;
    let mut db = app.read();
    let mut todo = store::due(&mut db, now).await?;
    let others = store::running(&mut db).await?;
    peers.keep_only(&others.iter().map(|job| job.id).collect());
    todo.extend(
        others
            .into_iter()
            .filter(|job| !own.contains(&job.id))
            .filter(|job| alone || peers.stale(job.id, job.epoch, job.beat, Instant::now())),
    );
    for job in todo {
        if own.len() >= AT_ONCE || *app.stopping().borrow() {
            break;
        }
        if let Some(handle) = take(app, &job, owner).await? {
            own.insert(job.id);
            let app = app.clone();
            running.spawn(async move {
                let id = handle.id;
                run(app, handle).await;
                id
            });
        }
    }
    Ok(())
}

/// Kinds that are due again by themselves: one row per kind and period, whoever writes it first.
async fn repeat(app: &App, now: i64) -> Result<(), AppError> {
    for kind in app.jobs.kinds() {
        let Some(every) = kind.every else { continue };
        let begins = now - now.rem_euclid(every);
        let id = derived_id(shard_by_hash(kind.kind.as_bytes()), begins, &[kind.kind.as_bytes()]);
        if store::find(&mut app.read(), id).await?.is_none() {
            app.lanes
                .write(shard_of(id), vec![], move |tx| {
                    Box::pin(async move { store::insert(tx, id, kind.kind, "{}", None, now, begins).await })
                })
                .await
                .map_err(AppError::from)?;
        }
    }
    Ok(())
}

async fn take(app: &App, job: &Job, owner: &str) -> Result<Option<JobHandle>, AppError> {
    let (id, epoch, owner) = (job.id, job.epoch, owner.to_owned());
    let taken: bool = app
        .lanes
        .write(shard_of(id), vec![id], move |tx| {
            let owner = owner.clone();
            Box::pin(async move { store::claim(tx, id, epoch, &owner).await })
        })
        .await
        .map_err(AppError::from)?;
    Ok(taken.then(|| JobHandle {
        app: app.clone(),
        id,
        epoch: epoch + 1,
        payload: job.payload.clone(),
        created_by: job.created_by,
        attempt: job.attempts + 1,
        lost: Arc::new(AtomicBool::new(false)),
    }))
}

async fn run(app: App, handle: JobHandle) {
    let kind = match store::find(&mut app.read(), handle.id).await {
        Ok(Some(job)) => app.jobs.kind(&job.kind),
        _ => None,
    };
    let result = match kind {
        Some(kind) if handle.attempt > kind.attempts => Err(AppError::Internal("its node stopped too often".into())),
        Some(kind) => watched(kind, app.clone(), handle.clone()).await,
        None => Err(AppError::Internal("a job of another version".into())),
    };
    if handle.lost.load(Ordering::Relaxed) {
        return;
    }
    // Closing: it stays `running`; its beat stands still and whoever runs next takes it over.
    if result.is_err() && *app.stopping().borrow() {
        return;
    }
    if let Err(fault) = settle(&app, &handle, kind, result).await {
        tracing::warn!(%fault, job = %handle.id, "the end of a job could not be written");
    }
}

/// Runs the work in a task of its own (a panic is a failure) while the beat goes on.
async fn watched(kind: &'static JobKind, app: App, handle: JobHandle) -> Result<Value, AppError> {
    let beating = handle.clone();
    let mut task = tokio::spawn((kind.run)(app, handle));
    loop {
        tokio::select! {
            done = &mut task => {
                return done.unwrap_or_else(|fault| Err(AppError::Internal(format!("a job panicked: {fault}"))));
            }
            () = tokio::time::sleep(BEAT) => {
                if beating.beat().await.is_err() && beating.lost() {
                    // It ends by itself at its next slice; its writes are guarded by the epoch.
                    return task.await.unwrap_or_else(|_| Err(super::handle::taken_over()));
                }
            }
        }
    }
}

async fn settle(
    app: &App,
    handle: &JobHandle,
    kind: Option<&'static JobKind>,
    result: Result<Value, AppError>,
) -> Result<(), StoreError> {
    let (id, epoch, now) = (handle.id, handle.epoch, app.now());
    let attempts = kind.map_or(1, |kind| kind.attempts);
    let (state, message, body) = match result {
        Ok(value) => ("done", "jobs-done", value.to_string()),
        Err(error) => {
            let lasting = matches!(
                error,
                AppError::Invalid(_) | AppError::Conflict(_) | AppError::Forbidden | AppError::NotFound
            );
            let client = ClientError::from(error);
            let body = json!({"code": client.code, "detail": client.detail,
                "faults": client.faults.iter().map(|f| json!({"at": f.at, "key": f.key, "args": f.args})).collect::<Vec<_>>()});
            if lasting || handle.attempt >= attempts {
                ("failed", "jobs-failed", body.to_string())
            } else {
                ("queued", "jobs-again", body.to_string())
            }
        }
    };
    let run_at = now + (1_000_000_i64 << handle.attempt.clamp(0, 8)).min(super::LONGEST_WAIT);
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let body = body.clone();
            Box::pin(async move {
                match state {
                    "queued" => store::again(tx, id, epoch, run_at, message).await,
                    state => store::finish(tx, id, epoch, state, message, &body, now).await,
                }
            })
        })
        .await
        .map(|_| ())
}

/// Forgets jobs that ended long ago: part of the daily tidying.
pub async fn forget_old(app: &App) -> Result<u64, AppError> {
    let before = app.now() - KEPT;
    app.lanes
        .write(0, vec![], move |tx| Box::pin(async move { store::forget(tx, before).await }))
        .await
        .map_err(AppError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_stale_only_when_it_stands_still_by_our_own_clock() {
        let mut peers = Peers::default();
        let (id, start) = (Id::from_u128(1), Instant::now());
        assert!(!peers.stale(id, 1, 7, start));
        assert!(!peers.stale(id, 1, 7, start + Duration::from_secs(4)));
        assert!(peers.stale(id, 1, 7, start + Duration::from_secs(5)));
        assert!(!peers.stale(id, 1, 8, start + Duration::from_secs(6)), "it lives");
        assert!(!peers.stale(id, 2, 8, start + Duration::from_secs(12)), "somebody else took it");
        assert!(peers.stale(id, 2, 8, start + Duration::from_secs(17)));
    }
}
