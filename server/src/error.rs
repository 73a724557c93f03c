//! The one place that decides what a person may see of an error.
//!
//! `AppError` is what rooms return; `ClientError` is what leaves the house: a status, a stable code,
//! messages by field, and the request id. API callers get `application/problem+json` (RFC 9457),
//! browsers a page in their language that says what to do next (see `front::errors`).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::platform::database::StoreError;
use crate::platform::lane::LaneError;
use crate::platform::secrets::SecretError;

/// One thing that is wrong with what was sent, at a named place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer, field name, or `row 5, column C`
    pub at: String,
    /// text key in the catalogue
    pub key: String,
    /// arguments of the text
    pub args: Vec<(String, String)>,
}

impl Fault {
    /// A fault at a field.
    pub fn new(at: impl Into<String>, key: impl Into<String>) -> Self {
        Self { at: at.into(), key: key.into(), args: Vec::new() }
    }

    /// With an argument for its text.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.push((name.to_owned(), value.to_string()));
        self
    }
}

/// What a use-case, page or API handler can fail with.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Not signed in: pages go to sign-in, the API answers 401.
    #[error("sign-in needed")]
    SignIn,
    /// Signed in, but not allowed; never says whether the thing exists.
    #[error("not allowed")]
    Forbidden,
    /// No such thing, or none that this principal may know of.
    #[error("not found")]
    NotFound,
    /// What was sent is wrong, field by field.
    #[error("invalid input")]
    Invalid(Vec<Fault>),
    /// The act does not fit the present state; the text key says why and what to do.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// If-Match named an older version; the newer value travels along.
    #[error("stale version")]
    Stale(Value),
    /// A change without If-Match.
    #[error("If-Match needed")]
    PreconditionRequired,
    /// Closed for ever (an ended channel, an expired link).
    #[error("gone")]
    Gone(&'static str),
    /// The body is larger than allowed.
    #[error("too large")]
    TooLarge,
    /// The media type is not one that this route reads.
    #[error("unsupported media type")]
    UnsupportedMedia,
    /// A body that is not what the route reads: its status, and what its reader said.
    #[error("unreadable body")]
    Unreadable(StatusCode, String),
    /// Too many tries; seconds until the next.
    #[error("too many requests")]
    TooMany(u64),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys or ciphertext.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A fault of ours; the text goes to the log, never out.
    #[error("{0}")]
    Internal(String),
}

impl AppError {
    /// One fault at one field.
    pub fn invalid(at: impl Into<String>, key: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(at, key)])
    }
}

/// The error in words for the command line: what a browser would be told, a fault a line.
pub fn plain_text(error: AppError, lang: web::Lang) -> String {
    if let AppError::Store(fault @ (StoreError::Unwritable(_) | StoreError::Damaged(_))) = &error {
        // Whoever sits at the machine is told what its disk says.
        return fault.to_string();
    }
    let inside = match &error {
        AppError::Internal(text) => Some(text.clone()),
        AppError::Store(fault) => Some(fault.to_string()),
        _ => None,
    };
    let client = ClientError::from(error);
    let mut text = web::text(lang, &format!("errors-code-{}", client.code), &[]);
    if let Some(inside) = inside.filter(|_| client.code == "internal") {
        // There is no request id here: whoever sits at the machine is told what it is.
        text = format!("{text}: {inside}");
    }
    if let Some(detail) = client.detail {
        text = format!("{text}: {}", web::text(lang, detail, &[]));
    }
    for fault in &client.faults {
        text.push_str(&format!("\n  {}: {}", fault.at, fault.text(lang)));
    }
    text
}

impl LaneError for AppError {
    fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

impl From<web::RenderError> for AppError {
    fn from(error: web::RenderError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// What leaves the house.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientError {
    /// HTTP status
    pub status: StatusCode,
    /// stable code, also the text key `errors-code-CODE`
    pub code: &'static str,
    /// text key that says more (why it conflicts), if any
    pub detail: Option<&'static str>,
    /// what the reader of the request said (what is missing in a JSON body), for API callers
    pub said: Option<String>,
    /// by field
    pub faults: Vec<Fault>,
    /// the newer value of a stale change
    pub current: Option<Value>,
    /// seconds to wait
    pub retry_after: Option<u64>,
}

impl ClientError {
    /// An error that no [`AppError`] stands for (a timeout, a method that a path has not).
    pub fn of(status: StatusCode, code: &'static str) -> Self {
        Self::new(status, code)
    }

    fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, detail: None, said: None, faults: Vec::new(), current: None, retry_after: None }
    }

    /// The body of RFC 9457 in the reader's language.
    pub fn problem(&self, lang: web::Lang, request_id: &str) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), json!("about:blank"));
        body.insert("title".into(), json!(web::text(lang, &format!("errors-code-{}", self.code), &[])));
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("code".into(), json!(self.code));
        if let Some(detail) = self.detail {
            body.insert("detail".into(), json!(web::text(lang, detail, &[])));
        } else if let Some(said) = &self.said {
            body.insert("detail".into(), json!(said));
        }
        if !self.faults.is_empty() {
            let errors: Vec<Value> = self
                .faults
                .iter()
                .map(|fault| json!({"pointer": fault.at, "code": fault.key, "message": fault.text(lang)}))
                .collect();
            body.insert("errors".into(), errors.into());
        }
        if let Some(current) = &self.current {
            body.insert("current".into(), current.clone());
        }
        body.insert("request_id".into(), json!(request_id));
        Value::Object(body)
    }
}

impl Fault {
    /// The message in the reader's language.
    pub fn text(&self, lang: web::Lang) -> String {
        let args: Vec<(&str, web::TextArg<'_>)> =
            self.args.iter().map(|(name, value)| (name.as_str(), value.as_str().into())).collect();
        web::text(lang, &self.key, &args)
    }
}

impl From<AppError> for ClientError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::SignIn => Self::new(StatusCode::UNAUTHORIZED, "sign-in"),
            AppError::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden"),
            AppError::NotFound | AppError::Store(StoreError::NotFound) => Self::new(StatusCode::NOT_FOUND, "not-found"),
            AppError::Invalid(faults) => Self { faults, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid") },
            AppError::Conflict(detail) => Self { detail: Some(detail), ..Self::new(StatusCode::CONFLICT, "conflict") },
            AppError::Store(StoreError::Duplicate) => Self::new(StatusCode::CONFLICT, "conflict"),
            AppError::Stale(current) => {
                Self { current: Some(current), ..Self::new(StatusCode::PRECONDITION_FAILED, "stale") }
            }
            AppError::Store(StoreError::Stale) => Self::new(StatusCode::PRECONDITION_FAILED, "stale"),
            AppError::PreconditionRequired => Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition"),
            AppError::Gone(detail) => Self { detail: Some(detail), ..Self::new(StatusCode::GONE, "gone") },
            AppError::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            AppError::UnsupportedMedia => Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type"),
            AppError::Unreadable(status, said) => {
                let code = match status {
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => "media-type",
                    StatusCode::PAYLOAD_TOO_LARGE => "too-large",
                    StatusCode::UNPROCESSABLE_ENTITY => "invalid",
                    _ => "bad-request",
                };
                Self { said: Some(said), ..Self::new(status, code) }
            }
            AppError::TooMany(seconds) => {
                Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many") }
            }
            AppError::Store(ref fault @ (StoreError::Retry(_) | StoreError::Lost(_))) => {
                tracing::warn!(%fault, "store not available");
                Self { retry_after: Some(2), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy") }
            }
            AppError::Store(ref fault @ (StoreError::Unwritable(_) | StoreError::Damaged(_))) => {
                tracing::error!(%fault, "storage fails");
                let detail = Some("errors-storage-detail");
                Self { detail, retry_after: Some(10), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "storage") }
            }
            AppError::Store(fault) => {
                tracing::error!(%fault, "store fault");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
            AppError::Secret(fault) => {
                tracing::error!(%fault, "secret fault");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
            AppError::Internal(fault) => {
                tracing::error!(%fault, "internal fault");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        ClientError::from(self).into_response()
    }
}

impl IntoResponse for ClientError {
    /// Bare status with the error attached; a layer outside renders it in the reader's language, as a
    /// page or as problem+json.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
