//! Headers of every answer.

use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

/// Only what comes from this house; frames only of ourselves (the designer's preview).
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
     manifest-src 'self'";

const FIXED: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// Sets what the handler has not set itself. Pages are never stored by caches on the way.
pub fn protect(headers: &mut HeaderMap, https: bool) {
    // With the others of an answer: the map grows once.
    headers.reserve(FIXED.len() + 4);
    for (name, value) in FIXED {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if https {
        headers
            .entry(HeaderName::from_static("strict-transport-security"))
            .or_insert(HeaderValue::from_static("max-age=31536000"));
    }
}
