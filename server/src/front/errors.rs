//! The outermost layer: request ids, answers to errors, headers, the log line.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;
use web::pages::errors::ErrorPage;
use web::{Lang, PageFrame};

use crate::app::App;
use crate::error::{AppError, ClientError};
use crate::platform::http::headers;

/// Id of one request, in `x-request-id`, in the log and on error pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// What the caller reads: known before anything else of the request is.
#[derive(Clone, Debug)]
pub struct Reader {
    /// language of the answer
    pub lang: Lang,
    /// 大字
    pub large: bool,
    /// path and query
    pub path: String,
    /// whether JSON is wanted
    pub json: bool,
}

impl Reader {
    fn of(request: &Request) -> Self {
        let jar = CookieJar::from_headers(request.headers());
        let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let lang = jar
            .get("lang")
            .and_then(|cookie| Lang::from_tag(cookie.value()))
            .or_else(|| header(ACCEPT_LANGUAGE).map(Lang::from_accept))
            .unwrap_or_default();
        let accept = header(ACCEPT).unwrap_or("");
        let json = request.uri().path().starts_with("/api/")
            || request.headers().contains_key(AUTHORIZATION)
            || (accept.contains("json") && !accept.contains("text/html"));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Self { lang, large: jar.get("large").is_some_and(|cookie| cookie.value() == "1"), path, json }
    }
}

/// See the module.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = uuid::Uuid::from_bytes(crate::platform::secrets::random()).simple().to_string();
    let reader = Reader::of(&request);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(reader.clone());
    let response = next.run(request).await;
    let mut response = explain(&app, &reader, &id, response).await;
    headers::protect(response.headers_mut(), app.installation.load().base_url.starts_with("https://"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    let (status, took) = (response.status(), began.elapsed());
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    // The route, never the path: paths and queries may carry what people typed.
    let (code, took_us) = (status.as_u16(), took.as_micros() as u64);
    // A line for each would cost more than some requests do: `HUTONG_LOG=server=debug` has them all.
    if status.is_server_error() || took >= SLOW {
        tracing::info!(request = %id, %method, %route, status = code, took_us, "answered");
    } else {
        tracing::debug!(request = %id, %method, %route, status = code, took_us, "answered");
    }
    crate::platform::metrics::request(&method, route, status.as_u16(), took);
    response
}

/// A request that takes longer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// A panic inside a handler.
pub fn panicked(fault: Box<dyn Any + Send + 'static>) -> Response {
    let text = fault
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| fault.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    AppError::Internal(format!("a handler panicked: {text}")).into_response()
}

/// Gives a request up after a while; the live stream and uploads of large sheets run on.
pub async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/events" || super::uploads(path) {
        return next.run(request).await;
    }
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => super::admission::busy().into_response(),
    }
}

async fn explain(app: &App, reader: &Reader, id: &str, response: Response) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let error = match parts.extensions.remove::<ClientError>() {
        Some(error) => error,
        // A handler's own page with a client error status (a form shown again) stays as it is.
        None if is_ours(&parts.headers) => return Response::from_parts(parts, body),
        None => bare(status, body, reader.json).await,
    };
    if error.status == StatusCode::UNAUTHORIZED && !reader.json {
        return to_sign_in(reader);
    }
    let mut kept = HeaderMap::new();
    for name in ["retry-after", "allow", "set-cookie"] {
        for value in parts.headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    let mut answer = if reader.json { problem(&error, reader, id) } else { page(app, &error, reader, id) };
    *answer.status_mut() = error.status;
    answer.headers_mut().extend(kept);
    answer
}

fn is_ours(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    kind.starts_with("text/html")
        || kind.starts_with("application/json")
        || kind.starts_with("application/problem+json")
}

/// An error that a library answered with plain words: the status says which of ours it is. API callers
/// also get the words (what was missing in their JSON).
async fn bare(status: StatusCode, body: Body, json: bool) -> ClientError {
    let code = match status {
        StatusCode::BAD_REQUEST => "bad-request",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::METHOD_NOT_ALLOWED => "method",
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media-type",
        StatusCode::UNPROCESSABLE_ENTITY => "invalid",
        StatusCode::NOT_FOUND => "not-found",
        other if other.is_client_error() => "bad-request",
        _ => "internal",
    };
    let mut error = ClientError::of(status, code);
    if json && status.is_client_error() {
        let words = to_bytes(body, 4096).await.unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        error.said = Some(words.chars().take(300).collect()).filter(|words: &String| !words.is_empty());
    }
    error
}

fn to_sign_in(reader: &Reader) -> Response {
    let next: String = percent(&reader.path);
    let location = format!("/sign-in?next={next}");
    let value = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static("/sign-in"));
    (StatusCode::SEE_OTHER, [(LOCATION, value)]).into_response()
}

fn percent(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn problem(error: &ClientError, reader: &Reader, id: &str) -> Response {
    let body = error.problem(reader.lang, id).to_string();
    ([(CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn page(app: &App, error: &ClientError, reader: &Reader, id: &str) -> Response {
    let mut page = ErrorPage::new(error.status.as_u16());
    page.request_id = Some(id.to_owned());
    page.wait_seconds = error.retry_after.unwrap_or(page.wait_seconds);
    let words = error.detail.map(|key| web::text(reader.lang, key, &[]));
    page.messages.extend(words);
    page.messages.extend(error.faults.iter().map(|fault| fault.text(reader.lang)));
    if page.messages.is_empty() && !web::pages::errors::STATUSES.contains(&error.status.as_u16()) {
        page.messages.push(web::text(reader.lang, &format!("errors-code-{}", error.code), &[]));
    }
    let mut frame = PageFrame::new("", app.installation.load().name.clone()).at(reader.path.clone());
    frame.large = reader.large;
    match page.render(&app.renderer, reader.lang, &frame) {
        Ok(html) => Html(html).into_response(),
        Err(fault) => {
            tracing::error!(%fault, "the error page failed");
            error.status.into_response()
        }
    }
}
