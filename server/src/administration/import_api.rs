//! JSON of imports: a file is looked at and kept, then carried out by its id. The answer of the first
//! says all that is wrong with it.

use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::form::uploaded;
use super::import::{self, Kind, Looked, allowed};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/places/import",
        tag: "places",
        summary: "Look at a file of places (multipart, part `file`); nothing is written",
        permission: Some(Permission::PlaceEdit),
        status: 200,
        response: Some(looked_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/places/import/{file}",
        tag: "places",
        summary: "Import a file that was looked at; the job tells how far it is",
        permission: Some(Permission::PlaceEdit),
        status: 202,
        response: Some(job_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/address-book/import",
        tag: "directory",
        summary: "Look at an address book (multipart, part `file`); nothing is written",
        permission: Some(Permission::DirectoryEdit),
        status: 200,
        response: Some(looked_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/address-book/import/{file}",
        tag: "directory",
        summary: "Import an address book that was looked at; passwords of new accounts are told once",
        permission: Some(Permission::DirectoryEdit),
        response: Some(book_schema),
        ..Operation::POST
    },
];

fn looked_schema() -> Value {
    json!({"type": "object", "properties": {
        "file": {"type": ["string", "null"], "description": "to carry it out, for a day; none when there is a fault or nothing new"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}}, "news": {"type": "integer"},
        "faults": {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}}}},
        "fault_count": {"type": "integer"}}})
}

fn job_schema() -> Value {
    json!({"type": "object", "properties": {"job": {"type": "string"}, "href": {"type": "string"}}})
}

fn book_schema() -> Value {
    json!({"type": "object", "properties": {"counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "accounts": {"type": "array", "items": {"type": "object", "properties": {"login": {"type": "string"}, "name": {"type": "string"}, "password": {"type": "string"}}}}}})
}

/// Counts by the last word of their text keys: `organizations`, `renamed`, `township`.
fn counts(looked: &Looked) -> Map<String, Value> {
    let word = |key: &'static str| key.rsplit('-').next().unwrap_or(key).to_owned();
    looked.counts.iter().map(|(key, count)| (word(key), json!(count))).collect()
}

async fn look(
    app: &App,
    viewer: &Viewer,
    kind: Kind,
    body: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, AppError> {
    allowed(app, viewer, kind)?;
    let parts = body.map_err(|fault| AppError::Unreadable(fault.status(), fault.body_text()))?;
    let (name, bytes) =
        uploaded(parts).await?.ok_or_else(|| AppError::invalid("/file", "administration-upload-missing"))?;
    let (looked, file) = import::look(app, viewer, kind, &name, bytes).await?;
    let faults: Vec<Value> = looked
        .faults
        .iter()
        .map(|fault| json!({"at": fault.at, "code": fault.key, "message": fault.text(viewer.lang)}))
        .collect();
    Ok(Json(json!({
        "file": file, "counts": counts(&looked), "news": looked.news, "faults": faults, "fault_count": looked.fault_count,
    })))
}

/// `POST /api/v1/places/import`
pub async fn look_places(
    State(app): State<App>,
    viewer: Viewer,
    body: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, AppError> {
    look(&app, &viewer, Kind::Places, body).await
}

/// `POST /api/v1/places/import/{file}`
pub async fn import_places(
    State(app): State<App>,
    viewer: Viewer,
    Path(file): Path<Id>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    allowed(&app, &viewer, Kind::Places)?;
    import::kept(&app, &viewer, Kind::Places, file).await?;
    let job = import::enqueue_places(&app, &viewer, file).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"job": job, "href": format!("/api/v1/jobs/{job}")}))))
}

/// `POST /api/v1/address-book/import`
pub async fn look_book(
    State(app): State<App>,
    viewer: Viewer,
    body: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, AppError> {
    look(&app, &viewer, Kind::AddressBook, body).await
}

/// `POST /api/v1/address-book/import/{file}`: at once, since a job keeps its result and a password is told
/// only once.
pub async fn import_book(
    State(app): State<App>,
    viewer: Viewer,
    Path(file): Path<Id>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    allowed(&app, &viewer, Kind::AddressBook)?;
    let (row, bytes) = import::kept(&app, &viewer, Kind::AddressBook, file).await?;
    let report = import::address_book(&app, &viewer, &row.name, &bytes).await?;
    if report.fault_count > 0 {
        return Err(AppError::Invalid(report.faults));
    }
    let accounts = report.logins.clone();
    let told = json!({"counts": counts(&Looked::of_book(report)), "accounts": accounts});
    Ok((StatusCode::CREATED, Json(told)))
}
