//! JSON of posts and the people in them, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::stale;
use super::organizations;
use super::staff;
use super::tree::staff_only;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Sent, sent};
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
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
