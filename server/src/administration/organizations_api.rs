//! JSON of organizations, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Ask, PARENT, SEARCH, paged, stale};
use super::organizations;
use super::tree::{inside, roots, staff_only};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::{self, Organization, change as directory_change};
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Listed, Sent, etag, sent};
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/organizations",
        tag: "directory",
        summary: "Organizations inside one, or those that match",
        query: &[PARENT, SEARCH],
        paged: true,
        response: Some(organization_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/organizations",
        tag: "directory",
        summary: "Add an organization",
        permission: Some(Permission::DirectoryEdit),
        request: Some(new_organization_schema),
        response: Some(organization_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/organizations/{id}",
        tag: "directory",
        summary: "One organization",
        response: Some(organization_schema),
        ..Operation::GET
    },
    Operation {
        method: "patch",
        path: "/api/v1/organizations/{id}",
        tag: "directory",
        summary: "Rename or transfer an organization",
        permission: Some(Permission::DirectoryEdit),
        if_match: true,
        request: Some(change_organization_schema),
        response: Some(organization_schema),
        ..Operation::GET
    },
    Operation {
        method: "delete",
        path: "/api/v1/organizations/{id}",
        tag: "directory",
        summary: "End an organization and its posts today",
        permission: Some(Permission::DirectoryEdit),
        if_match: true,
        status: 204,
        ..Operation::GET
    },
];

fn organization_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "parent": {"type": ["string", "null"]},
        "counterpart": {"type": ["string", "null"]}, "place": {"type": ["string", "null"]}, "kind": {"enum": directory::KINDS},
        "level": {"type": "integer"}, "name": {"type": "string"}, "short_name": {"type": "string"},
        "valid_from": {"type": "string", "format": "date"}, "has_children": {"type": "boolean"}, "version": {"type": "integer"}}})
}

fn new_organization_schema() -> Value {
    json!({"type": "object", "required": ["name", "kind"], "properties": {"name": {"type": "string", "maxLength": 80}, "short_name": {"type": "string"},
        "kind": {"enum": directory::KINDS}, "parent": {"type": "string"}, "counterpart": {"type": "string"}, "place": {"type": "string"}}})
}

fn change_organization_schema() -> Value {
    json!({"type": "object", "description": "either the names, or parent and counterpart", "properties": {"name": {"type": "string"},
        "short_name": {"type": "string"}, "parent": {"type": ["string", "null"]}, "counterpart": {"type": ["string", "null"]}}})
}

fn organization_json(app: &App, unit: &Organization) -> Value {
    json!({"id": unit.id, "parent": unit.parent, "counterpart": unit.counterpart, "place": unit.place, "kind": unit.kind,
        "level": unit.level, "name": unit.name, "short_name": unit.short_name, "valid_from": unit.valid_from,
        "has_children": app.directory().children(unit.id).next().is_some(), "version": unit.version})
}

/// `GET /api/v1/organizations`
pub async fn list_organizations(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Listed<Value>>, AppError> {
    staff_only(&viewer)?;
    let (geography, book) = (app.geography(), app.directory());
    let list: Vec<&Organization> = match (&ask.q, ask.parent) {
        (Some(text), _) => directory::search::organizations(&book, text, 200),
        (None, Some(parent)) => {
            book.organization(parent).ok_or(AppError::NotFound)?;
            inside(&geography, &book, parent)
        }
        (None, None) => roots(&book),
    };
    paged(list, &ask.paging, |unit| organization_json(&app, unit))
}

fn one_organization(app: &App, id: Id) -> Result<Response, AppError> {
    let book = app.directory();
    let unit = book.organization(id).ok_or(AppError::NotFound)?;
    Ok(([etag(unit.version)], Json(organization_json(app, unit))).into_response())
}

/// `GET /api/v1/organizations/{id}`
pub async fn organization(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    staff_only(&viewer)?;
    one_organization(&app, id)
}

/// Body of a new organization.
#[derive(Deserialize)]
pub struct NewUnit {
    name: String,
    #[serde(default)]
    short_name: String,
    kind: String,
    parent: Option<Id>,
    counterpart: Option<Id>,
    place: Option<Id>,
}

/// `POST /api/v1/organizations`
pub async fn add_organization(
    State(app): State<App>,
    viewer: Viewer,
    body: Sent<NewUnit>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let body = sent(body)?;
    organizations::may_add(&app, &viewer, body.parent, body.place)?;
    let new = directory_change::NewOrganization {
        name: body.name,
        short_name: body.short_name,
        kind: body.kind,
        parent: body.parent,
        counterpart: body.counterpart,
        place: body.place,
    };
    let id = directory_change::add_organization(&app, &new, viewer.actor()).await?;
    Ok((StatusCode::CREATED, one_organization(&app, id)?).into_response())
}

fn organization_now(app: &App, id: Id) -> Value {
    app.directory().organization(id).map_or(Value::Null, |unit| organization_json(app, unit))
}

/// A text of the body, or what stands where it is absent.
fn text_or<'b>(body: &'b Value, key: &str, usual: &'b str) -> Result<&'b str, AppError> {
    match body.get(key) {
        None => Ok(usual),
        Some(value) => value.as_str().ok_or_else(|| AppError::invalid(format!("/{key}"), "directory-name-bad")),
    }
}

/// An organization of the body, none for `null`, or what stands where it is absent.
fn unit_or(body: &Value, key: &str, usual: Option<Id>) -> Result<Option<Id>, AppError> {
    match body.get(key) {
        None => Ok(usual),
        Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|text| text.parse::<Id>().ok())
            .map(Some)
            .ok_or_else(|| AppError::invalid(format!("/{key}"), "directory-organization-missing")),
    }
}

/// `PATCH /api/v1/organizations/{id}`: names, or where it belongs.
pub async fn change_organization(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Value>,
) -> Result<Response, AppError> {
    organizations::editable(&app, &viewer, id)?;
    let (IfMatch(version), body) = (version?, sent(body)?);
    let before = app.directory().organization(id).cloned().ok_or(AppError::NotFound)?;
    let names = body.get("name").is_some() || body.get("short_name").is_some();
    let result = if names {
        if body.get("parent").is_some() || body.get("counterpart").is_some() {
            return Err(AppError::invalid("/parent", "directory-change-one"));
        }
        let name = text_or(&body, "name", &before.name)?;
        // Who gives a new name alone means the short one to follow it.
        let usual = if body.get("name").is_some() { "" } else { before.short_name.as_str() };
        let short = text_or(&body, "short_name", usual)?;
        directory_change::rename_organization(&app, id, name, short, version, viewer.actor()).await
    } else {
        let parent = unit_or(&body, "parent", before.parent)?;
        let counterpart = unit_or(&body, "counterpart", before.counterpart)?;
        organizations::may_move(&app, &viewer, id, parent)?;
        directory_change::transfer_organization(
            &app,
            id,
            parent,
            counterpart,
            version,
            viewer.actor(),
            crate::measures::follow::organization,
        )
        .await
    };
    stale(result, || organization_now(&app, id))?;
    one_organization(&app, id)
}

/// `DELETE /api/v1/organizations/{id}`
pub async fn end_organization(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<StatusCode, AppError> {
    organizations::editable(&app, &viewer, id)?;
    let IfMatch(version) = version?;
    stale(organizations::end_one(&app, &viewer, id, version).await, || organization_now(&app, id))?;
    Ok(StatusCode::NO_CONTENT)
}
