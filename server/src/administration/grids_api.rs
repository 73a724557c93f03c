//! JSON of grids and their workers, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::stale;
use super::places::editable;
use super::tree::staff_only;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::{Grid, change};
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Sent, etag, pointed, sent};
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/places/{id}/grids",
        tag: "directory",
        summary: "Grids of a community with the posts that work in them",
        response: Some(grids_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/places/{id}/grids",
        tag: "directory",
        summary: "Add a grid to a community",
        permission: Some(Permission::DirectoryEdit),
        request: Some(new_grid_schema),
        response: Some(grid_schema),
        ..Operation::POST
    },
    Operation {
        method: "delete",
        path: "/api/v1/grids/{id}",
        tag: "directory",
        summary: "End a grid today",
        permission: Some(Permission::DirectoryEdit),
        if_match: true,
        status: 204,
        ..Operation::GET
    },
    Operation {
        method: "put",
        path: "/api/v1/grids/{id}/workers/{post}",
        tag: "directory",
        summary: "Let a post work in a grid; saying it twice changes nothing",
        permission: Some(Permission::DirectoryEdit),
        response: Some(grid_schema),
        ..Operation::GET
    },
    Operation {
        method: "delete",
        path: "/api/v1/grids/{id}/workers/{post}",
        tag: "directory",
        summary: "A post works in a grid no longer",
        permission: Some(Permission::DirectoryEdit),
        response: Some(grid_schema),
        ..Operation::GET
    },
];

fn grid_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "community": {"type": "string"}, "name": {"type": "string"},
        "workers": {"type": "array", "items": {"type": "object", "properties": {"post": {"type": "string"},
            "title": {"type": "string"}, "name": {"type": ["string", "null"]}}}}, "version": {"type": "integer"}}})
}

fn grids_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": grid_schema()}}})
}

fn new_grid_schema() -> Value {
    json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 80}}})
}

fn grid_json(app: &App, grid: &Grid) -> Value {
    let book = app.directory();
    let worker = |post: &Id| {
        let title = book.post(*post).map(|post| post.title.clone());
        json!({"post": post, "title": title, "name": book.holder(*post).map(|staff| staff.name.clone())})
    };
    let workers: Vec<Value> = grid.workers.iter().map(worker).collect();
    json!({"id": grid.id, "community": grid.community, "name": grid.name, "workers": workers, "version": grid.version})
}

fn grid_now(app: &App, id: Id) -> Value {
    app.directory().grid(id).map_or(Value::Null, |grid| grid_json(app, grid))
}

fn one_grid(app: &App, id: Id) -> Result<Response, AppError> {
    let book = app.directory();
    let grid = book.grid(id).ok_or(AppError::NotFound)?;
    Ok(([etag(grid.version)], Json(grid_json(app, grid))).into_response())
}

fn editable_grid(app: &App, viewer: &Viewer, id: Id) -> Result<(), AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let community = app.directory().grid(id).ok_or(AppError::NotFound)?.community;
    editable(app, viewer, Permission::DirectoryEdit, community)
}

/// `GET /api/v1/places/{id}/grids`
pub async fn list(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    staff_only(&viewer)?;
    app.geography().get(id).ok_or(AppError::NotFound)?;
    let book = app.directory();
    let mut grids: Vec<&Grid> = book.grids_in(id).collect();
    grids.sort_by(|a, b| a.name.cmp(&b.name));
    let items: Vec<Value> = grids.into_iter().map(|grid| grid_json(&app, grid)).collect();
    Ok(Json(json!({"items": items})))
}

/// Body of a new grid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrid {
    name: String,
}

/// `POST /api/v1/places/{id}/grids`
pub async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<NewGrid>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, Permission::DirectoryEdit, id)?;
    let body = sent(body)?;
    let grid = change::add_grid(&app, id, &body.name, Vec::new(), viewer.actor()).await.map_err(pointed)?;
    Ok((StatusCode::CREATED, one_grid(&app, grid)?).into_response())
}

/// `DELETE /api/v1/grids/{id}`
pub async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<StatusCode, AppError> {
    editable_grid(&app, &viewer, id)?;
    let IfMatch(version) = version?;
    stale(change::end_grid(&app, id, version, viewer.actor()).await, || grid_now(&app, id))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_worker(app: &App, viewer: &Viewer, id: Id, post: Id, works: bool) -> Result<Response, AppError> {
    editable_grid(app, viewer, id)?;
    change::set_grid_worker(app, id, post, works, viewer.actor()).await.map_err(pointed)?;
    one_grid(app, id)
}

/// `PUT /api/v1/grids/{id}/workers/{post}`
pub async fn add_worker(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, post)): Path<(Id, Id)>,
) -> Result<Response, AppError> {
    set_worker(&app, &viewer, id, post, true).await
}

/// `DELETE /api/v1/grids/{id}/workers/{post}`
pub async fn end_worker(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, post)): Path<(Id, Id)>,
) -> Result<Response, AppError> {
    set_worker(&app, &viewer, id, post, false).await
}
