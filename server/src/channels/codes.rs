//! Query codes, and what a resident's browser keeps for a while.
//!
//! A query code has 50 bits and is a keyed function of the client's id and the community, so that a
//! repeated submission gets the same one; only its keyed digest is stored. What the browser keeps is
//! sealed, ends by itself, and is never part of an address.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::platform::ids::Id;

/// Signs of a code: none that looks like another.
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Microseconds for which the slip and an opened case stay with the browser.
const KEPT: i64 = 30 * 60 * 1_000_000;

/// The query code of a submission: `7K4M9-2QHWT`.
pub fn query_code(app: &App, channel: Id, community: Id, client: Id) -> String {
    let bytes = app.keys.lasting_digest("query-code", &format!("{channel} {community} {client}"));
    let signs: String = bytes.iter().take(10).map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    format!("{}-{}", &signs[..5], &signs[5..])
}

/// The keyed digest of a code as typed: case, spaces, dashes and look-alikes do not matter. None when it
/// cannot be a code.
pub fn digest(app: &App, typed: &str) -> Option<Vec<u8>> {
    use unicode_normalization::UnicodeNormalization;
    let plain: String = typed
        .nfkc()
        .flat_map(char::to_uppercase)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '—' | '－'))
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let fits = plain.len() == 10 && plain.bytes().all(|byte| SIGNS.contains(&byte));
    fits.then(|| app.keys.lasting_digest("query_code", &plain))
}

/// What the slip page shows, kept for half an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slip {
    /// the case
    pub case: Id,
    /// the channel's address
    pub slug: String,
    /// slip code
    pub slip: String,
    /// query code
    pub code: String,
    /// until when it is shown, UTC microseconds
    pub until: i64,
}

/// What a worker prints after filing for somebody, kept for half an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// the case
    pub case: Id,
    /// query code
    pub code: String,
    /// until when, UTC microseconds
    pub until: i64,
}

/// A case that was opened by its query code, for half an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// the case
    pub case: Id,
    /// until when, UTC microseconds
    pub until: i64,
}

/// Something the browser keeps, sealed.
pub trait Kept: Serialize + DeserializeOwned {
    /// name of the cookie, also the context it is sealed in
    const NAME: &'static str;
    /// where it is sent
    const PATH: &'static str;
    /// when it ends
    fn until(&self) -> i64;
}

impl Kept for Slip {
    const NAME: &'static str = "slip";
    const PATH: &'static str = "/c";
    fn until(&self) -> i64 {
        self.until
    }
}

impl Kept for Filed {
    const NAME: &'static str = "filed_case";
    const PATH: &'static str = "/cases";
    fn until(&self) -> i64 {
        self.until
    }
}

impl Kept for Opened {
    const NAME: &'static str = "opened_case";
    const PATH: &'static str = "/query";
    fn until(&self) -> i64 {
        self.until
    }
}

/// The instant at which what is kept from now on ends.
pub fn until(app: &App) -> i64 {
    app.now() + KEPT
}

/// Lets the browser keep it.
pub fn keep<T: Kept>(app: &App, response: &mut Response, kept: &T) {
    let Ok(text) = serde_json::to_string(kept) else { return };
    let sealed = app.keys.seal_text(T::NAME, &text);
    let value = sealed.trim_start_matches("enc:").replace('+', "-").replace('/', "_").replace('=', ".");
    let secure = if app.installation.load().base_url.starts_with("https://") { "; Secure" } else { "" };
    let cookie =
        format!("{}={value}; Path={}; Max-Age={}; SameSite=Lax; HttpOnly{secure}", T::NAME, T::PATH, KEPT / 1_000_000);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

/// What the browser kept, while it holds.
pub fn kept<T: Kept>(app: &App, headers: &HeaderMap) -> Option<T> {
    let jar = CookieJar::from_headers(headers);
    let value = jar.get(T::NAME)?.value().replace('-', "+").replace('_', "/").replace('.', "=");
    let text = app.keys.open_text(T::NAME, &format!("enc:{value}")).ok()?;
    serde_json::from_str::<T>(&text).ok().filter(|kept| app.now() < kept.until())
}
