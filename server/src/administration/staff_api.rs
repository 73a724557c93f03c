//! JSON of the people in posts: look for them, suspend them, let them go, give them a post elsewhere.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{SEARCH, stale};
use super::staff::{self, Moving};
use super::tree::staff_only;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::{self, Staff};
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Sent, etag, pointed, sent};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// How many a search gives.
const FOUND: usize = 100;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/staff",
        tag: "directory",
        summary: "People by name, pinyin or initials, best first",
        query: &[SEARCH],
        response: Some(list_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/staff/{id}",
        tag: "directory",
        summary: "One person with the posts held today",
        response: Some(staff_schema),
        ..Operation::GET
    },
    Operation {
        method: "patch",
        path: "/api/v1/staff/{id}",
        tag: "directory",
        summary: "Suspend, let in again, or let go with every post",
        permission: Some(Permission::DirectoryEdit),
        if_match: true,
        request: Some(state_schema),
        response: Some(staff_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/posts/{id}/transfer",
        tag: "directory",
        summary: "Give the holder of a post one elsewhere; the old one ends unless it is kept",
        permission: Some(Permission::DirectoryEdit),
        if_match: true,
        request: Some(transfer_schema),
        response: Some(transferred_schema),
        ..Operation::POST
    },
];

fn staff_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"},
        "state": {"enum": ["active", "suspended", "left"]}, "posts": {"type": "array", "items": {"type": "object", "properties": {
            "id": {"type": "string"}, "title": {"type": "string"}, "organization": {"type": "string"}}}}, "version": {"type": "integer"}}})
}

fn list_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": staff_schema()}}})
}

fn state_schema() -> Value {
    json!({"type": "object", "required": ["state"], "properties": {"state": {"enum": ["active", "suspended", "left"]}}})
}

fn transfer_schema() -> Value {
    json!({"type": "object", "required": ["organization"], "properties": {"organization": {"type": "string"},
        "title": {"type": "string"}, "role": {"type": "string"}, "keep": {"type": "boolean", "default": false}}})
}

fn transferred_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "organization": {"type": "string"}}})
}

fn staff_json(app: &App, person: &Staff) -> Value {
    let book = app.directory();
    let posts: Vec<Value> = book
        .posts_of(person.id)
        .map(|post| json!({"id": post.id, "title": post.title, "organization": post.organization}))
        .collect();
    json!({"id": person.id, "name": person.name, "state": person.state, "posts": posts, "version": person.version})
}

fn one(app: &App, id: Id) -> Result<Response, AppError> {
    let book = app.directory();
    let person = book.staff(id).ok_or(AppError::NotFound)?;
    Ok(([etag(person.version)], Json(staff_json(app, person))).into_response())
}

/// Who is looked for.
#[derive(Deserialize)]
pub struct Ask {
    #[serde(default)]
    q: String,
}

/// `GET /api/v1/staff`
pub async fn list(State(app): State<App>, viewer: Viewer, Query(ask): Query<Ask>) -> Result<Json<Value>, AppError> {
    staff_only(&viewer)?;
    let book = app.directory();
    let found = directory::search::staff(&book, &ask.q, FOUND);
    let items: Vec<Value> = found.into_iter().map(|person| staff_json(&app, person)).collect();
    Ok(Json(json!({"items": items})))
}

/// `GET /api/v1/staff/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    staff_only(&viewer)?;
    one(&app, id)
}

/// The new state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewState {
    state: String,
}

/// `PATCH /api/v1/staff/{id}`
pub async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<NewState>,
) -> Result<Response, AppError> {
    let (person, _) = staff::person(&app, &viewer, id)?;
    let (IfMatch(version), body) = (version?, sent(body)?);
    let state = ["active", "suspended", "left"].into_iter().find(|state| *state == body.state);
    let state = state.ok_or_else(|| AppError::invalid("/state", "directory-state-choose"))?;
    let now = || app.directory().staff(id).map_or(Value::Null, |person| staff_json(&app, person));
    stale(staff::set_state(&app, &viewer, &person, state, version).await, now)?;
    one(&app, id)
}

/// Where the holder of a post goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    organization: Id,
    #[serde(default)]
    title: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    keep: bool,
}

/// `POST /api/v1/posts/{id}/transfer`
pub async fn transfer(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Transfer>,
) -> Result<Response, AppError> {
    let book = app.directory();
    let post = staff::post_of(&app, &viewer, &book, id)?;
    let (IfMatch(version), body) = (version?, sent(body)?);
    let moving = Moving { organization: Some(body.organization), title: body.title, role: body.role, keep: body.keep };
    match staff::transfer_one(&app, &viewer, post, &moving, version).await {
        Ok((made, organization)) => {
            let told = json!({"id": made, "organization": organization});
            Ok((StatusCode::CREATED, Json(told)).into_response())
        }
        Err(AppError::Store(StoreError::Stale)) => {
            let now = app.directory().post(id).map_or(Value::Null, |post| json!({"id": id, "version": post.version}));
            Err(AppError::Stale(now))
        }
        Err(other) => Err(pointed(other)),
    }
}
