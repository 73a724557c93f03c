//! JSON of places and the address book, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tree::{inside, roots, staff_only};
use super::{organizations, staff};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::{self, Organization, change as directory_change};
use crate::error::AppError;
use crate::geography::{self, Place, change as place_change};
use crate::openapi::{Operation, Param};
use crate::platform::api::{IfMatch, Listed, Paging, Sent, etag, sent};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

const PARENT: Param = Param { name: "parent", about: "id of the node whose children are wanted; absent: the root" };
const SEARCH: Param = Param { name: "q", about: "name, pinyin, initials or code; best first" };

/// What this room offers.
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
    Operation {
        path: "/api/v1/organizations/{id}/posts",
        tag: "directory",
        summary: "Posts of an organization, highest first",
        response: Some(posts_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/organizations/{id}/posts",
        tag: "directory",
        summary: "Make a post, perhaps with a new person and account",
        permission: Some(Permission::DirectoryEdit),
        request: Some(new_post_schema),
        response: Some(appointed_schema),
        ..Operation::POST
    },
    Operation {
        method: "delete",
        path: "/api/v1/posts/{id}",
        tag: "directory",
        summary: "End a post today with what is held through it",
        permission: Some(Permission::DirectoryEdit),
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

fn posts_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"},
        "title": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}, "holder": {"type": ["object", "null"],
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "state": {"type": "string"}}}, "version": {"type": "integer"}}}}}})
}

fn new_post_schema() -> Value {
    json!({"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}, "staff": {"type": "string"},
        "name": {"type": "string"}, "phone": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
        "role": {"type": "string"}, "login": {"type": "string"}}})
}

fn appointed_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "password": {"type": ["string", "null"], "description": "of the new account, told once"}}})
}

fn place_json(app: &App, place: &Place) -> Value {
    json!({"id": place.id, "parent": place.parent, "level": place.level, "kind": place.kind, "name": place.name,
        "official_name": place.official_name, "full_name": place.full_name, "code": place.code, "in_list": place.in_list,
        "valid_from": place.valid_from, "has_children": app.geography().children(place.id).next().is_some(), "version": place.version})
}

fn organization_json(app: &App, unit: &Organization) -> Value {
    json!({"id": unit.id, "parent": unit.parent, "counterpart": unit.counterpart, "place": unit.place, "kind": unit.kind,
        "level": unit.level, "name": unit.name, "short_name": unit.short_name, "valid_from": unit.valid_from,
        "has_children": app.directory().children(unit.id).next().is_some(), "version": unit.version})
}

/// Query of the two lists.
#[derive(Deserialize)]
pub struct Ask {
    parent: Option<Id>,
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Cuts a list in memory to a page; the cursor is the position after it.
fn paged<T>(all: Vec<T>, paging: &Paging, show: impl FnMut(T) -> Value) -> Result<Json<Listed<Value>>, AppError> {
    let (limit, start) = (paging.limit()?, paging.after::<usize>()?.unwrap_or(0));
    let rows: Vec<(usize, T)> = all.into_iter().enumerate().skip(start).take(limit as usize + 1).collect();
    let page = Listed::cut(rows, limit, |(at, _)| at + 1);
    let mut show = show;
    Ok(Json(page.map(|(_, row)| show(row))))
}

/// `GET /api/v1/places`
pub async fn places(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Listed<Value>>, AppError> {
    staff_only(&viewer)?;
    let book = app.geography();
    let list: Vec<&Place> = match (&ask.q, ask.parent) {
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

fn editable_place(app: &App, viewer: &Viewer, id: Id) -> Result<(), AppError> {
    viewer.principal.require(Permission::PlaceEdit)?;
    app.geography().get(id).ok_or(AppError::NotFound)?;
    viewer.require_at(app, Permission::PlaceEdit, Some(id), None)
}

/// The newer value travels along with 412.
fn stale(result: Result<(), AppError>, current: impl FnOnce() -> Value) -> Result<(), AppError> {
    match result {
        Err(AppError::Store(StoreError::Stale)) => Err(AppError::Stale(current())),
        other => other,
    }
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
    editable_place(&app, &viewer, id)?;
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
    editable_place(&app, &viewer, id)?;
    let IfMatch(version) = version?;
    if app.directory().at_place(id).next().is_some() {
        return Err(AppError::Conflict("geography-end-organizations"));
    }
    stale(place_change::end(&app, id, version, viewer.actor()).await, || place_now(&app, id))?;
    Ok(StatusCode::NO_CONTENT)
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
    let result = if let Some(name) = body["name"].as_str() {
        let short = body["short_name"].as_str().unwrap_or_default();
        directory_change::rename_organization(&app, id, name, short, version, viewer.actor()).await
    } else {
        let unit = |key: &str, old: Option<Id>| match body.get(key) {
            None => Ok(old),
            Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_str()
                .and_then(|text| text.parse::<Id>().ok())
                .map(Some)
                .ok_or_else(|| AppError::invalid(format!("/{key}"), "directory-organization-missing")),
        };
        let (parent, counterpart) = (unit("parent", before.parent)?, unit("counterpart", before.counterpart)?);
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

/// `GET /api/v1/organizations/{id}/posts`
pub async fn posts(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    staff_only(&viewer)?;
    let book = app.directory();
    book.organization(id).ok_or(AppError::NotFound)?;
    let items: Vec<Value> = book
        .posts_in(id)
        .map(|post| {
            let holder = book.holder(post.id).map(|s| json!({"id": s.id, "name": s.name, "state": s.state}));
            json!({"id": post.id, "title": post.title, "tags": post.tags, "holder": holder, "version": post.version})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// Body of a new post.
#[derive(Deserialize)]
pub struct NewPost {
    title: String,
    staff: Option<Id>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    role: String,
    #[serde(default)]
    login: String,
}

/// `POST /api/v1/organizations/{id}/posts`
pub async fn add_post(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<NewPost>,
) -> Result<Response, AppError> {
    organizations::editable(&app, &viewer, id)?;
    let body = sent(body)?;
    if body.staff.is_some_and(|staff| app.directory().staff(staff).is_none()) {
        return Err(AppError::invalid("/staff", "directory-post-missing"));
    }
    let new = staff::Appointment {
        organization: Some(id),
        title: body.title,
        staff: body.staff,
        name: body.name.trim().to_owned(),
        phone: body.phone.trim().to_owned(),
        tags: body.tags,
        role: body.role,
        login: body.login.trim().to_lowercase(),
    };
    staff::may_give(&viewer, &new.role)?;
    let made = staff::appoint(&app, &new, &viewer).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": made.post, "password": made.password}))).into_response())
}

/// `DELETE /api/v1/posts/{id}`
pub async fn end_post(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<StatusCode, AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let unit = app.directory().post(id).ok_or(AppError::NotFound)?.organization;
    organizations::editable(&app, &viewer, unit)?;
    let IfMatch(version) = version?;
    let result = staff::end_one(&app, &viewer, id, version).await;
    stale(result, || json!({"organization": unit}))?;
    Ok(StatusCode::NO_CONTENT)
}
