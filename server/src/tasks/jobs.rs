//! Dispatches that run beside the requests. A task in state `dispatching` is the durable job: what a
//! stop interrupted goes on at the next start, after its last slice.

use super::model::Task;
use super::{dispatch, store};
use crate::app::App;
use crate::error::AppError;
use crate::platform::events::Actor;

/// Carries a begun dispatch on in a task of its own.
pub async fn start(app: &App, task: &Task, actor: &Actor) -> Result<(), AppError> {
    let (app, id, actor) = (app.clone(), task.id, actor.clone());
    tokio::spawn(async move {
        if let Err(error) = dispatch::carry_on(&app, id, &actor, |_, _| ()).await {
            tracing::error!(%error, task = %id, "dispatch stopped");
        }
    });
    Ok(())
}

/// At start: goes on with every dispatch that a stop interrupted.
pub async fn resume(app: &App) -> Result<usize, AppError> {
    let waiting = store::dispatching(&mut app.read()).await?;
    for task in &waiting {
        start(app, task, &Actor::default()).await?;
    }
    Ok(waiting.len())
}
