//! The job that carries a begun dispatch to its end: killed at any moment, it goes on after its last slice.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::dispatch;
use crate::app::App;
use crate::error::AppError;
use crate::platform::events::Actor;
use crate::platform::ids::Id;
use crate::platform::jobs::JobHandle;

/// Kind of the dispatching job.
pub const DISPATCH: &str = "tasks.dispatch";

#[derive(Deserialize)]
struct Payload {
    task: Id,
    post: Option<Id>,
}

/// Runs a dispatch.
pub fn dispatch(app: App, handle: JobHandle) -> BoxFuture<'static, Result<Value, AppError>> {
    Box::pin(async move {
        let payload: Payload = handle.payload()?;
        let actor = Actor { account: handle.created_by(), post: payload.post, ..Actor::default() };
        let done = dispatch::carry_on(&app, payload.task, &actor, &handle).await?;
        Ok(json!({ "href": format!("/tasks/{}", payload.task), "items": done.items, "orphans": done.orphans }))
    })
}
