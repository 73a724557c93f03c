//! A message that the next page shows once.
//!
//! The handler attaches it to its redirect; the front door seals it into a cookie of one minute, since
//! residents without a session get messages as well.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use web::{Toast, ToastKind, Undo};

/// The message as it travels in the cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// what is said
    pub text: String,
    /// `good`, `warn`, `danger`
    pub kind: String,
    /// address and fields of the way back
    pub undo: Option<(String, Vec<(String, String)>)>,
}

impl From<Flash> for Toast {
    fn from(flash: Flash) -> Self {
        let kind = match flash.kind.as_str() {
            "warn" => ToastKind::Warn,
            "danger" => ToastKind::Danger,
            _ => ToastKind::Good,
        };
        Self { text: flash.text, kind, undo: flash.undo.map(|(action, fields)| Undo { action, fields }) }
    }
}

fn kind_key(kind: ToastKind) -> &'static str {
    match kind {
        ToastKind::Good => "good",
        ToastKind::Warn => "warn",
        ToastKind::Danger => "danger",
    }
}

/// 303 to `path` (a path of ours; anything else leads home).
pub fn redirect(path: &str) -> Response {
    let safe = local_path(path);
    let location = HeaderValue::from_str(&ascii(safe)).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

/// 303 to `path`; the page there shows `text`, already in the reader's language.
pub fn redirect_with_toast(path: impl AsRef<str>, kind: ToastKind, text: impl Into<String>) -> Response {
    flash(path.as_ref(), Flash { text: text.into(), kind: kind_key(kind).into(), undo: None })
}

/// The same with a way back: a POST to `action` with `fields`.
pub fn redirect_with_undo(
    path: impl AsRef<str>,
    text: impl Into<String>,
    action: impl Into<String>,
    fields: Vec<(String, String)>,
) -> Response {
    flash(path.as_ref(), Flash { text: text.into(), kind: "good".into(), undo: Some((action.into(), fields)) })
}

fn flash(path: &str, flash: Flash) -> Response {
    let mut response = redirect(path);
    response.extensions_mut().insert(flash);
    response
}

/// The path when it stays in this house, else `/`. A path that browsers read as another host
/// (`//host`, `/\host`) does not stay.
pub fn local_path(path: &str) -> &str {
    let foreign =
        !path.starts_with('/') || path.starts_with("//") || path.contains('\\') || path.chars().any(char::is_control);
    if foreign { "/" } else { path }
}

/// Percent-encodes what a header may not carry.
fn ascii(path: &str) -> String {
    use std::fmt::Write;
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_in_the_house() {
        for (path, expected) in [
            ("/tasks?q=a", "/tasks?q=a"),
            ("//evil.example/x", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("", "/"),
            ("/台账", "/%E5%8F%B0%E8%B4%A6"),
        ] {
            let response = redirect(path);
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(response.headers()[LOCATION], expected, "{path}");
        }
    }
}
