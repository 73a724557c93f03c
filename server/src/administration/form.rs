//! What the forms of this room share: reading what was posted, and fields with their faults.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use serde::Serialize;
use web::{Choice, Field, FieldKind};

use crate::access::Viewer;
use crate::error::{AppError, Fault};
use crate::platform::ids::Id;

/// What a form posted, by name.
pub type Posted = BTreeMap<String, String>;

/// A trimmed value; absent is empty.
pub fn text<'p>(posted: &'p Posted, name: &str) -> &'p str {
    posted.get(name).map_or("", |value| value.trim())
}

/// An id, if one was chosen.
pub fn id(posted: &Posted, name: &str) -> Option<Id> {
    text(posted, name).parse().ok()
}

/// A whole number.
pub fn number(posted: &Posted, name: &str) -> Option<i64> {
    text(posted, name).parse().ok()
}

/// One line of the error summary.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine {
    /// the field, empty for the whole form
    pub name: String,
    /// what is wrong and what to do
    pub text: String,
}

/// Faults as lines.
pub fn told(viewer: &Viewer, faults: &[Fault]) -> Vec<ErrorLine> {
    faults.iter().map(|fault| ErrorLine { name: fault.at.clone(), text: fault.text(viewer.lang) }).collect()
}

/// The message at one field, empty if there is none.
pub fn error_at(errors: &[ErrorLine], name: &str) -> String {
    errors.iter().find(|error| error.name == name).map(|error| error.text.clone()).unwrap_or_default()
}

/// A field whose label is the text key `KEY`, with what was posted and what is wrong with it.
pub fn field(viewer: &Viewer, kind: FieldKind, name: &str, key: &str, posted: &Posted, errors: &[ErrorLine]) -> Field {
    let mut field = Field::new(kind, name, viewer.text(key, &[]));
    field.value = text(posted, name).to_owned();
    field.error = errors.iter().find(|error| error.name == name).map(|error| error.text.clone());
    field
}

/// Choices whose labels are text keys `PREFIX-VALUE`, underscores as hyphens.
pub fn choices(viewer: &Viewer, prefix: &str, values: &[&str]) -> Vec<Choice> {
    values.iter().map(|value| Choice::new(*value, viewer.text(&format!("{prefix}-{}", value.replace('_', "-")), &[]))).collect()
}

/// A picked node of a tree, as the tree picker shows it again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Picked {
    /// id
    pub value: String,
    /// name
    pub label: String,
    /// what is wrong
    pub error: String,
}

/// Turns the faults of a use-case into faults to show; anything else stays an error.
pub fn faults_of<T>(result: Result<T, AppError>) -> Result<Result<T, Vec<Fault>>, AppError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(AppError::Invalid(faults)) => Ok(Err(faults)),
        Err(AppError::Conflict(key)) => Ok(Err(vec![Fault::new("", key)])),
        Err(AppError::Store(crate::platform::database::StoreError::Stale)) => Ok(Err(vec![Fault::new("", "administration-stale")])),
        Err(other) => Err(other),
    }
}

/// The file of a multipart form, by its name and bytes; none when nothing was chosen.
pub async fn uploaded(mut parts: Multipart) -> Result<Option<(String, Vec<u8>)>, AppError> {
    while let Some(part) = parts.next_field().await.map_err(|fault| refused(&fault))? {
        if part.name() != Some("file") {
            continue;
        }
        let name = part.file_name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(|fault| refused(&fault))?.to_vec();
        return Ok((!bytes.is_empty()).then_some((name, bytes)));
    }
    Ok(None)
}

fn refused(fault: &axum::extract::multipart::MultipartError) -> AppError {
    if fault.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        AppError::TooLarge
    } else {
        AppError::invalid("file", "administration-upload-broken")
    }
}
