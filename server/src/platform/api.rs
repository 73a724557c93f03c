//! Conventions of `/api/v1`: cursors, limits, versions. Errors are `AppError`, rendered outside.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::rejection::JsonRejection;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// Rows of a page when the caller does not say.
pub const USUAL: i64 = 50;
/// Most rows of a page.
pub const MOST: i64 = 200;

/// `?cursor=…&limit=…` of a list; flatten it into a query struct of one's own filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Paging {
    /// opaque: `next_cursor` of the page before
    pub cursor: Option<String>,
    /// 1 to 200, as text since a flattened query is text
    pub limit: Option<String>,
}

impl Paging {
    /// How many rows are wanted.
    pub fn limit(&self) -> Result<i64, AppError> {
        match self.limit.as_deref().map(str::parse::<i64>) {
            None => Ok(USUAL),
            Some(Ok(limit)) if (1..=MOST).contains(&limit) => Ok(limit),
            Some(_) => Err(AppError::invalid("limit", "errors-api-limit")),
        }
    }

    /// The key after which the page begins.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, AppError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        key.map(Some).ok_or_else(|| AppError::invalid("cursor", "errors-api-cursor"))
    }
}

/// An opaque cursor over the sort key of a row.
pub fn cursor(key: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// A page of a list: `{"items": […], "next_cursor": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed<T> {
    /// the rows
    pub items: Vec<T>,
    /// none on the last page
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// Cuts `rows`, read with `limit + 1`, to a page; `key` is the sort key of a row.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let limit = limit.max(1) as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| cursor(&key(row)));
        Self { items: rows, next_cursor }
    }

    /// The same page with its rows changed into what is shown.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

/// The version of a row as `ETag`.
pub fn etag(version: i64) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""));
    (ETAG, value)
}

/// A JSON body that a handler reads after it has asked who may ([`sent`]): whoever may not is told so,
/// whatever was sent.
pub type Sent<T> = Result<Json<T>, JsonRejection>;

/// The body, or what its reader found wrong.
pub fn sent<T>(body: Sent<T>) -> Result<T, AppError> {
    body.map(|Json(value)| value).map_err(|fault| AppError::Unreadable(fault.status(), fault.body_text()))
}

/// The version that a change was made from: `If-Match: "3"`. A handler takes it as `Result<IfMatch, AppError>`
/// and opens it after it has asked who may. Without it 428; what is not a version of
/// ours never matches and is 412 for the handler that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        let header = parts.headers.get(IF_MATCH).ok_or(AppError::PreconditionRequired)?;
        let text = header.to_str().unwrap_or_default().trim().trim_start_matches("W/").trim_matches('"');
        Ok(Self(text.parse().unwrap_or(-1)))
    }
}

/// Fields of a use-case named as pointers into the body: a program finds what was wrong where it put it.
pub fn pointed(error: AppError) -> AppError {
    let AppError::Invalid(mut faults) = error else { return error };
    for fault in &mut faults {
        if !fault.at.is_empty() && !fault.at.starts_with('/') {
            fault.at = format!("/{}", fault.at.replace('-', "_"));
        }
    }
    AppError::Invalid(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(cursor: Option<&str>, limit: Option<&str>) -> Paging {
        Paging { cursor: cursor.map(str::to_owned), limit: limit.map(str::to_owned) }
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(paging(None, None).limit().expect("usual"), USUAL);
        assert_eq!(paging(None, Some("200")).limit().expect("most"), 200);
        for bad in ["0", "201", "-1", "many", "99999999999999999999"] {
            assert!(paging(None, Some(bad)).limit().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_the_key_it_was() {
        let page = Listed::cut(vec![1, 2, 3], 2, |row| (*row, "名"));
        assert_eq!(page.items, [1, 2]);
        let next = page.next_cursor.expect("more");
        let key: Option<(i64, String)> = paging(Some(&next), None).after().expect("read");
        assert_eq!(key, Some((2, "名".to_owned())));
        assert_eq!(Listed::cut(vec![1, 2], 2, |row| *row).next_cursor, None);
        for bad in ["", "%%%", "e30", &next[1..]] {
            assert!(paging(Some(bad), None).after::<(i64, String)>().is_err(), "{bad}");
        }
    }
}
