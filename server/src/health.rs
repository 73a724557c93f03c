//! `/healthz`: the process answers. `/readyz`: it can do its work. `/metrics`: figures for operators.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Extension, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::StoreError;
use crate::platform::faults::{self, Protection};
use crate::platform::{locked, metrics, settings};

/// The process is up.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The database answers within two seconds, writes pass, other processes are heard, and the house is not closing.
pub async fn ready(State(app): State<App>) -> Response {
    let closing = *app.stopping().borrow();
    let mut db = app.read();
    let answers = tokio::time::timeout(Duration::from_secs(2), settings::all(&mut db)).await;
    let why = match answers {
        _ if closing => "closing",
        _ if app.peers.deaf() => "peers",
        Ok(Ok(_)) => match app.pulse.trouble() {
            None => return "ready\n".into_response(),
            Some(why) => why,
        },
        _ => "database",
    };
    // Plain words with a type of their own: the layer outside leaves them as they are.
    let body = format!("{{\"ready\":false,\"why\":\"{why}\"}}\n");
    (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// How often a write of nothing is tried.
const EVERY: Duration = Duration::from_secs(1);
/// A write that takes longer does not pass.
const SLOW: Duration = Duration::from_secs(3);

/// Whether writes pass in this process: since when one is under way, and what was wrong with the last.
#[derive(Default)]
pub struct Pulse(Mutex<(Option<Instant>, Option<&'static str>)>);

impl Pulse {
    fn state(&self) -> MutexGuard<'_, (Option<Instant>, Option<&'static str>)> {
        locked(&self.0)
    }

    /// Why no write passes: `storage` (full, read-only or failing), `damaged`, `database` (away), `writes` (none
    /// passes, as when another process holds a lock); none while all is well or nobody has tried.
    pub fn trouble(&self) -> Option<&'static str> {
        let (since, trouble) = *self.state();
        trouble.or_else(|| since.is_some_and(|since| since.elapsed() >= SLOW).then_some("writes"))
    }

    fn told(&self, result: &Result<(), StoreError>) {
        let trouble = result.as_ref().err().map(|fault| match fault {
            StoreError::Unwritable(_) => "storage",
            StoreError::Damaged(_) => "damaged",
            StoreError::Lost(_) => "database",
            _ => "writes",
        });
        let before = std::mem::replace(&mut *self.state(), (None, trouble)).1;
        match result {
            Ok(()) if before.is_some() => tracing::info!("writes pass again"),
            Err(fault) if before != trouble => tracing::error!(%fault, "no write passes"),
            _ => {}
        }
    }
}

/// Tries again and again whether writes pass, until the house closes.
pub async fn watch(app: App) {
    let mut stopping = app.stopping();
    while !*stopping.borrow() && !faults::out(Protection::Pulse) {
        app.pulse.state().0 = Some(Instant::now());
        let result = app.lanes.pulse().await;
        app.pulse.told(&result);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Figures, for this machine's own collector or an administrator.
pub async fn figures(viewer: Viewer, info: Option<Extension<ConnectInfo<SocketAddr>>>) -> Result<Response, AppError> {
    let near = info.is_some_and(|Extension(ConnectInfo(peer))| peer.ip().is_loopback());
    if !near {
        viewer.principal.require(Permission::Administer)?;
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render()).into_response())
}
