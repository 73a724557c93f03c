//! `GET /events?topics=a,b`: one live stream per browser, for all of its pages' topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderName;
use axum::response::sse::Sse;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::access::{Principal, Viewer, load_principal};
use crate::app::App;
use crate::error::AppError;
use crate::platform::hub::{self, Hearing, StillAllowed};
use crate::platform::ids::Id;
use crate::topics;

/// What a page asks for.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    topics: String,
}

/// Opens the stream. A topic that the viewer may not hear of is refused like one that does not exist.
pub async fn stream(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let mut wanted = BTreeMap::new();
    for topic in asked.topics.split(',').map(str::trim).filter(|topic| !topic.is_empty()) {
        let id = hub::topic_id(topic).ok_or(AppError::NotFound)?;
        wanted.insert(id, topic.to_owned());
    }
    if wanted.len() > hub::TOPICS {
        return Err(AppError::invalid("topics", "errors-code-invalid"));
    }
    for id in wanted.keys() {
        if !topics::may_listen(&app, &viewer.principal, *id).await? {
            return Err(AppError::NotFound);
        }
    }
    let seat = app.hub.seat().ok_or(AppError::TooMany(30))?;
    let allowed = still(app.clone(), account, viewer.principal.post(), wanted.keys().copied().collect());
    let own = [Some(account), viewer.principal.post()].into_iter().flatten().collect();
    let hearing = Hearing { topics: wanted, own, allowed, stopping: app.stopping() };
    let events = app.hub.listen(hearing, seat);
    // Proxies must not gather the stream.
    Ok(([(HeaderName::from_static("x-accel-buffering"), "no")], Sse::new(events)).into_response())
}

/// Whether the same account in the same post may still hear of all its topics.
fn still(app: App, account: Id, post: Option<Id>, ids: Vec<Id>) -> StillAllowed {
    Arc::new(move || {
        let (app, ids) = (app.clone(), ids.clone());
        Box::pin(async move {
            let Ok(now): Result<Principal, AppError> = load_principal(&app, account, post).await else { return false };
            if now.account() != Some(account) || now.post() != post {
                return false;
            }
            for id in ids {
                if !matches!(topics::may_listen(&app, &now, id).await, Ok(true)) {
                    return false;
                }
            }
            true
        })
    })
}
