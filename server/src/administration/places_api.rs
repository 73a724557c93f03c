//! JSON of places, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Ask, PARENT, SEARCH, paged, stale};
use super::places::editable;
use super::tree::staff_only;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::geography::{self, PlaceRef, change as place_change};
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Listed, Sent, etag, sent};
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/places",
        tag: "places",
        summary: "Places below one, or those that match",
        query: &[PARENT, SEARCH],
        paged: true,
        response: Some(place_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/places",
        tag: "places",
        summary: "Add a place",
        permission: Some(Permission::PlaceEdit),
        request: Some(new_place_schema),
        response: Some(place_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/places/{id}",
        tag: "places",
        summary: "One place",
        response: Some(place_schema),
        ..Operation::GET
    },
    Operation {
        method: "patch",
        path: "/api/v1/places/{id}",
        tag: "places",
        summary: "Rename a place",
        permission: Some(Permission::PlaceEdit),
        if_match: true,
        request: Some(rename_schema),
        response: Some(place_schema),
        ..Operation::GET
    },
    Operation {
        method: "delete",
        path: "/api/v1/places/{id}",
        tag: "places",
        summary: "End a place today; it stays in the records",
        permission: Some(Permission::PlaceEdit),
        if_match: true,
        status: 204,
        ..Operation::GET
    },
];

fn place_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "parent": {"type": ["string", "null"]}, "level": {"type": "integer"},
        "kind": {"type": "string"}, "name": {"type": "string"}, "official_name": {"type": "string"}, "full_name": {"type": "string"},
        "code": {"type": ["string", "null"]}, "in_list": {"type": "boolean"}, "valid_from": {"type": "string", "format": "date"},
        "has_children": {"type": "boolean"}, "version": {"type": "integer"}}})
}

fn new_place_schema() -> Value {
    json!({"type": "object", "required": ["name", "level"], "properties": {"parent": {"type": "string"}, "name": {"type": "string", "maxLength": 80},
        "level": {"type": "integer", "minimum": 1, "maximum": 5}, "code": {"type": "string", "maxLength": 32}}})
}

fn rename_schema() -> Value {
    json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 80}}})
}

fn place_json(app: &App, place: PlaceRef<'_>) -> Value {
    json!({"id": place.id, "parent": place.parent, "level": place.level, "kind": place.kind, "name": place.name,
        "official_name": place.official_name, "full_name": place.full_name.to_string(), "code": place.code, "in_list": place.in_list,
        "valid_from": place.valid_from, "has_children": app.geography().children(place.id).next().is_some(), "version": place.version})
}

/// `GET /api/v1/places`
pub async fn places(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Listed<Value>>, AppError> {
    staff_only(&viewer)?;
    let book = app.geography();
    let list: Vec<PlaceRef> = match (&ask.q, ask.parent) {
        (Some(text), within) => geography::search(&book, text, within, 200),
        (None, Some(parent)) => {
            book.get(parent).ok_or(AppError::NotFound)?;
            book.shown_children(parent)
        }
        (None, None) => book.root().into_iter().collect(),
    };
    paged(list, &ask.paging, |place| place_json(&app, place))
}

fn one_place(app: &App, id: Id) -> Result<Response, AppError> {
    let book = app.geography();
    let place = book.get(id).ok_or(AppError::NotFound)?;
    Ok(([etag(place.version)], Json(place_json(app, place))).into_response())
}

/// `GET /api/v1/places/{id}`
pub async fn place(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    staff_only(&viewer)?;
    one_place(&app, id)
}

/// Body of a new place.
#[derive(Deserialize)]
pub struct NewPlace {
    parent: Option<Id>,
    name: String,
    level: i64,
    #[serde(default)]
    code: String,
}

/// `POST /api/v1/places`
pub async fn add_place(State(app): State<App>, viewer: Viewer, body: Sent<NewPlace>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PlaceEdit)?;
    let body = sent(body)?;
    viewer.require_at(&app, Permission::PlaceEdit, body.parent, None)?;
    let new = place_change::NewPlace { parent: body.parent, name: body.name, level: body.level, code: body.code };
    let id = place_change::add(&app, new, viewer.actor()).await?;
    Ok((StatusCode::CREATED, one_place(&app, id)?).into_response())
}

/// Body of a new name.
#[derive(Deserialize)]
pub struct Rename {
    name: String,
}

fn place_now(app: &App, id: Id) -> Value {
    app.geography().get(id).map_or(Value::Null, |place| place_json(app, place))
}

/// `PATCH /api/v1/places/{id}`
pub async fn rename_place(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Rename>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, Permission::PlaceEdit, id)?;
    let (IfMatch(version), body) = (version?, sent(body)?);
    stale(place_change::rename(&app, id, &body.name, version, viewer.actor()).await, || place_now(&app, id))?;
    one_place(&app, id)
}

/// `DELETE /api/v1/places/{id}`
pub async fn end_place(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<StatusCode, AppError> {
    editable(&app, &viewer, Permission::PlaceEdit, id)?;
    let IfMatch(version) = version?;
    if app.directory().at_place(id).next().is_some() {
        return Err(AppError::Conflict("geography-end-organizations"));
    }
    stale(place_change::end(&app, id, version, viewer.actor()).await, || place_now(&app, id))?;
    Ok(StatusCode::NO_CONTENT)
}
