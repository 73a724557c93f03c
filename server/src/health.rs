//! `/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: figures for operators.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Extension, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::{metrics, settings};

/// The process is up.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The database answers within two seconds, other processes are heard, and the house is not closing.
pub async fn ready(State(app): State<App>) -> Response {
    let closing = *app.stopping().borrow();
    let mut db = app.read();
    let answers = tokio::time::timeout(Duration::from_secs(2), settings::all(&mut db)).await;
    if !closing && !app.peers.deaf() && matches!(answers, Ok(Ok(_))) {
        return "ready\n".into_response();
    }
    // Plain words with a type of their own: the layer outside leaves them as they are.
    (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, "application/json")], "{\"ready\":false}\n").into_response()
}

/// Figures, for this machine's own collector or an administrator.
pub async fn figures(viewer: Viewer, info: Option<Extension<ConnectInfo<SocketAddr>>>) -> Result<Response, AppError> {
    let near = info.is_some_and(|Extension(ConnectInfo(peer))| peer.ip().is_loopback());
    if !near {
        viewer.principal.require(Permission::Administer)?;
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response())
}
