//! The steps of a rotation: a new version that everybody knows, then one that writes, then the work, then
//! the end of the old version.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};

use super::run::{Pass, pass};
use crate::app::App;
use crate::entities::claim;
use crate::error::AppError;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::Id;
use crate::platform::jobs::JobHandle;

/// Kind of the job.
pub const JOB: &str = "keys.rekey";
/// How often a process looks whether the key file has changed.
pub const LOOK: Duration = Duration::from_secs(1);
/// After so long every process knows what is in the key file.
pub const KNOWN: Duration = Duration::from_secs(3);
/// Passes of one run: each finds only what was written from an older reading during the one before.
const PASSES: usize = 20;

/// Adds a version, waits until every process knows it, makes it the one that writes, and enqueues the job
/// that makes everything anew. A rotation that was interrupted goes on.
pub async fn rotate(app: &App, known: Duration) -> Result<(i64, Id), AppError> {
    app.keys.add_next()?;
    tokio::time::sleep(known).await;
    let version = app.keys.activate()?;
    let event = event(app, "keys.rotated", json!({"version": version}));
    let jobs = app.jobs.clone();
    let job = app
        .lanes
        .write(0, vec![], move |tx| {
            let (event, jobs) = (event.clone(), jobs.clone());
            Box::pin(async move {
                event.write(tx, 0).await?;
                jobs.enqueue(tx, JOB, &json!({}), None).await.map_err(AppError::from)
            })
        })
        .await?;
    Ok((version, job))
}

fn event(app: &App, kind: &'static str, payload: Value) -> Event {
    let (subject_class, actor) = ("installation", Actor::default());
    Event { kind, subject_class, subject_id: None, actor, at: app.now(), payload }
}

/// Passes over everything until nothing of an older version is found.
pub fn job(app: App, handle: JobHandle) -> BoxFuture<'static, Result<Value, AppError>> {
    Box::pin(async move {
        let (mut done, begin) = (0, Instant::now());
        for _ in 0..PASSES {
            // A process that has not heard of the new version would find everything in order.
            app.keys.refresh()?;
            let now = pass(&app, Some(&handle)).await?;
            done += now.done;
            if now.found == now.unreadable {
                // One that has not heard yet still writes with the old one: the last pass comes after it has.
                if let Some(rest) = KNOWN.checked_sub(begin.elapsed()) {
                    tokio::time::sleep(rest).await;
                    continue;
                }
                return Ok(json!({"version": app.keys.version(), "done": done, "unreadable": now.unreadable}));
            }
        }
        Err(AppError::Internal("values of an older version keep coming: does every process know the new keys?".into()))
    })
}

/// What became of the old versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Retired {
    /// taken out of the key file
    Versions(Vec<i64>),
    /// something still needs them
    Needed(Pass),
}

/// Takes the older versions out, if nothing stored needs them any more.
pub async fn retire(app: &App, known: Duration) -> Result<Retired, AppError> {
    app.keys.refresh()?;
    let found = pass(app, None).await?;
    if found.found > 0 {
        return Ok(Retired::Needed(found));
    }
    let versions = app.keys.retire()?;
    tokio::time::sleep(known).await;
    let (version, event) = (app.keys.version(), event(app, "keys.retired", json!({"versions": versions})));
    app.lanes
        .write(0, vec![], move |tx| {
            let event = event.clone();
            Box::pin(async move {
                claim::forget_old(tx, version).await?;
                event.write(tx, 0).await.map_err(AppError::from)
            })
        })
        .await?;
    Ok(Retired::Versions(versions))
}
