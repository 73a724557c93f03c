//! The front door: the layers around the URL table, from the outside in.
//!
//! 0. **gzip** (not of the live stream)
//! 1. **errors**: gives every request an id, remembers language and kind of caller, turns whatever went
//!    wrong inside (also a panic, a timeout, a refused origin) into a page or problem+json, sets the
//!    headers of every answer, counts and logs it without personal data
//! 2. **panic** caught, **timeout** (not around the live stream and uploads)
//! 3. **csrf** by Origin and Fetch metadata: no tokens in forms
//! 4. **admission**: how many are worked on at once, the rest is told to come again
//! 5. **session** by cookie, then **viewer**: who asks, from session or bearer token
//! 6. **body limit** by route, **idempotency** of API writes
//!
//! Nothing here decides what somebody may see: that is `access`.

mod admission;
mod errors;
pub mod events;
pub mod idempotency;
pub mod jobs;
mod serve;
mod viewer_layer;

use std::time::Duration;

use axum::Router;
use axum::middleware;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use self::admission::Admission;
use crate::app::App;
use crate::error::AppError;
use crate::platform::sessions::Sessions;
use crate::routes;
pub use serve::serve;

/// The whole server as one service: [`routes::table`] with every layer around it.
pub fn app_router(app: App) -> Router {
    let https = app.installation.load().base_url.starts_with("https://");
    let sessions = Sessions::new(app.db.clone(), app.lanes.clone(), app.clock.clone(), app.limits);
    // Lax, not strict: a link from a chat or a mail must find its reader signed in.
    let session = SessionManagerLayer::new(sessions)
        .with_name(if https { "__Host-session" } else { "session" })
        .with_same_site(SameSite::Lax)
        .with_secure(https)
        .with_expiry(Expiry::OnSessionEnd);
    // From the outside in, and one layer for the router: it makes a box of each, and a box is copied, with all that is in
    // it, by each of those around it.
    let around = ServiceBuilder::new()
        // Not of the live stream: tower-http leaves `text/event-stream` alone.
        .layer(CompressionLayer::new().gzip(true))
        .layer(middleware::from_fn_with_state(app.clone(), errors::layer))
        .layer(CatchPanicLayer::custom(errors::panicked))
        .layer(middleware::from_fn_with_state(Duration::from_secs(app.limits.request_seconds), errors::in_time))
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn_with_state(Admission::new(), admission::layer))
        .layer(session)
        .layer(middleware::from_fn_with_state(app.clone(), viewer_layer::layer))
        .layer(middleware::from_fn_with_state(app.clone(), idempotency::layer));
    routes::table().fallback(not_found).layer(around).with_state(app)
}

async fn not_found() -> AppError {
    AppError::NotFound
}

/// Whether a path takes uploads: by convention its last part is `upload` or `import`.
fn uploads(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("upload" | "import"))
}
