//! `Idempotency-Key` on writes of the API: the first answer is kept and given again.
//!
//! The key is noted before the work begins. A repeat with the same content gets the first answer; other
//! content under the same key is refused; a repeat while the first has no answer (it runs, or its node
//! died) is told to look again, and nothing is ever done twice.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::Viewer;
use crate::app::App;
use crate::args;
use crate::error::{AppError, ClientError};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::shard_by_hash;
use crate::platform::secrets::{digest, hex};

const NOTE: &str = "INSERT INTO idempotency (key, request_hash, status, body, created_at) VALUES ($1, $2, 0, '', $3) ON CONFLICT (key) DO NOTHING";
const FIND: &str = "SELECT request_hash, status, body FROM idempotency WHERE key = $1";
const KEEP: &str = "UPDATE idempotency SET status = $2, body = $3 WHERE key = $1";
const FORGET: &str = "DELETE FROM idempotency WHERE key = $1";
const PURGE: &str = "DELETE FROM idempotency WHERE created_at < $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[NOTE, FIND, KEEP, FORGET, PURGE];

/// The header.
pub const HEADER: &str = "idempotency-key";
const LARGEST: usize = 1 << 20;
/// The context an answer is sealed under.
pub const CONTEXT: &str = "idempotency";

/// See the module.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let wanted = request.method() == Method::POST && request.uri().path().starts_with("/api/");
    let key = request.headers().get(HEADER).cloned().filter(|_| wanted);
    let Some(key) = key else { return next.run(request).await };
    let account = request.extensions().get::<Viewer>().and_then(|viewer| viewer.principal.account());
    let (Some(account), true) = (account, (1..=200).contains(&key.len())) else { return next.run(request).await };
    let key = hex(&digest(&[account.as_bytes(), key.as_bytes()].concat()));
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return AppError::TooLarge.into_response() };
    let hash = digest(&[parts.uri.to_string().as_bytes(), &[0], &body].concat());
    match begin(&app, &key, &hash).await {
        Ok(None) => {}
        Ok(Some(answer)) => return answer,
        Err(error) => return AppError::from(error).into_response(),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    finish(&app, key, response).await
}

async fn write(app: &App, key: &str, sql: &'static str, args: Vec<Arg>) -> Result<u64, StoreError> {
    app.lanes
        .write(shard_by_hash(key.as_bytes()), vec![], move |tx| {
            let args = args.clone();
            Box::pin(async move { tx.execute(sql, args).await })
        })
        .await
}

/// Notes the key, or says what to answer instead of working.
async fn begin(app: &App, key: &str, hash: &[u8]) -> Result<Option<Response>, StoreError> {
    if write(app, key, NOTE, args![key, hash, app.now()]).await? > 0 {
        return Ok(None);
    }
    let row: Option<(Vec<u8>, i64, String)> = app.read().optional(FIND, args![key]).await?;
    let refuse = |code| Ok(Some(ClientError::of(StatusCode::CONFLICT, code).into_response()));
    match row {
        Some((known, ..)) if known != hash => refuse("idempotency"),
        Some((_, 0, _)) | None => refuse("unfinished"),
        Some((_, status, body)) => {
            let body = app.keys.open_text(CONTEXT, &body).map_err(|fault| StoreError::Corrupt(fault.to_string()))?;
            let status = StatusCode::from_u16(status as u16).unwrap_or(StatusCode::OK);
            let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
            response.headers_mut().insert("idempotent-replay", HeaderValue::from_static("true"));
            Ok(Some(response))
        }
    }
}

/// Keeps a good answer; a refusal changed nothing, so its key may be used again.
async fn finish(app: &App, key: String, response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("application/json");
    if !kind.starts_with("application/json") && status.is_success() {
        // A download is not kept: asking again makes it again and changes nothing else.
        if let Err(fault) = write(app, &key, FORGET, args![&key]).await {
            tracing::warn!(%fault, "an idempotency key has no answer kept");
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return AppError::Internal("an answer that cannot be kept".into()).into_response();
    };
    let written = if status.is_success() {
        let text = app.keys.seal_text(CONTEXT, &String::from_utf8_lossy(&body));
        write(app, &key, KEEP, args![&key, i64::from(status.as_u16()), text]).await
    } else if status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE {
        write(app, &key, FORGET, args![&key]).await
    } else {
        Ok(0)
    };
    if let Err(fault) = written {
        tracing::warn!(%fault, "an idempotency key has no answer kept");
    }
    Response::from_parts(parts, Body::from(body))
}

/// Forgets keys older than `before`: part of the hourly tidying.
pub async fn purge(app: &App, before: i64) -> Result<u64, StoreError> {
    write(app, "", PURGE, args![before]).await
}
