//! What is wrong with a definition, a model or a schema, and where.

use std::fmt;

use serde::Serialize;

/// One fault of a document written by a person. Not for residents: it is
/// shown to whoever made the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer into the document; empty for the document itself.
    pub pointer: String,
    /// Chinese, what is wrong and what to do.
    pub message: String,
    /// The same in English.
    pub message_en: String,
}

impl Fault {
    /// A fault at a pointer, in both languages.
    pub fn new(pointer: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: zh.into(), message_en: en.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{at}: {}", self.message)
    }
}

impl std::error::Error for Fault {}

/// A token of a JSON pointer, escaped (RFC 6901).
pub(crate) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
