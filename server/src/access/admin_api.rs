//! JSON for administrators: accounts, roles, and who holds what, by the same use-cases as the pages.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{self, AccountRow};
use super::roles::Reach;
use super::{Permission, Viewer, store};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::{Operation, Param};
use crate::platform::api::{Listed, Paging, Sent, pointed, sent};
use crate::platform::ids::Id;

const SEARCH: Param = Param { name: "q", about: "part of a sign-in name or of a person's name" };
const ROLE: Param = Param { name: "role", about: "key of a role; absent: every role" };

const ACT: Operation = Operation {
    tag: "access",
    permission: Some(Permission::Administer),
    status: 200,
    response: Some(account_schema),
    ..Operation::POST
};

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/accounts",
        tag: "access",
        summary: "Accounts within scope, by sign-in name",
        permission: Some(Permission::Administer),
        query: &[SEARCH],
        paged: true,
        response: Some(account_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/accounts",
        tag: "access",
        summary: "Make an account for a person without one; its password is told once",
        permission: Some(Permission::Administer),
        request: Some(new_schema),
        response: Some(made_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/accounts/{id}",
        tag: "access",
        summary: "One account with the posts of its person and the roles held through them",
        permission: Some(Permission::Administer),
        response: Some(one_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/accounts/{id}/reset",
        summary: "Set a one-time password, told once; sessions and tokens end",
        response: Some(made_schema),
        ..ACT
    },
    Operation { path: "/api/v1/accounts/{id}/suspend", summary: "Suspend an account; sessions and tokens end", ..ACT },
    Operation { path: "/api/v1/accounts/{id}/resume", summary: "Let an account in again", ..ACT },
    Operation {
        path: "/api/v1/roles",
        tag: "access",
        summary: "Every role with what it allows",
        permission: Some(Permission::Administer),
        response: Some(roles_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/grants",
        tag: "access",
        summary: "Who can do what: roles held through posts within scope",
        permission: Some(Permission::Administer),
        query: &[ROLE],
        paged: true,
        response: Some(grant_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/grants",
        tag: "access",
        summary: "Give a role to a post, no further than one administers",
        permission: Some(Permission::Administer),
        request: Some(give_schema),
        response: Some(given_schema),
        ..Operation::POST
    },
    Operation {
        method: "delete",
        path: "/api/v1/grants/{id}",
        tag: "access",
        summary: "End a role of a post from today on",
        permission: Some(Permission::Administer),
        status: 204,
        ..Operation::GET
    },
];

fn account_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "login": {"type": "string"},
        "state": {"enum": ["active", "suspended"]}, "must_change": {"type": "boolean"}, "staff": {"type": ["string", "null"]},
        "name": {"type": ["string", "null"]}}})
}

fn one_schema() -> Value {
    let mut schema = account_schema();
    schema["properties"]["posts"] = json!({"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"},
        "title": {"type": "string"}, "organization": {"type": "string"}, "grants": {"type": "array", "items": {"type": "object",
        "properties": {"id": {"type": "string"}, "role": {"type": "string"}, "reach": {"enum": ["own", "all", "place", "organization"]},
        "place": {"type": ["string", "null"]}, "organization": {"type": ["string", "null"]}, "valid_from": {"type": "string", "format": "date"}}}}}}});
    schema
}

fn new_schema() -> Value {
    json!({"type": "object", "required": ["staff", "login"], "properties": {"staff": {"type": "string"}, "login": {"type": "string", "minLength": 2, "maxLength": 40}}})
}

fn made_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "password": {"type": "string", "description": "told once, to be changed at the first sign-in"}}})
}

fn roles_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"},
        "title": {"type": "object"}, "permissions": {"type": "array", "items": {"type": "string"}}}}}}})
}

fn grant_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "role": {"type": "string"},
        "reach": {"enum": ["own", "all", "place", "organization"]}, "place": {"type": ["string", "null"]},
        "organization": {"type": ["string", "null"]}, "post": {"type": "string"}, "title": {"type": "string"},
        "unit": {"type": "string"}, "name": {"type": ["string", "null"]}}})
}

fn give_schema() -> Value {
    json!({"type": "object", "required": ["post", "role", "reach"], "properties": {"post": {"type": "string"}, "role": {"type": "string"},
        "reach": {"enum": ["own", "all", "place", "organization"]}, "place": {"type": "string"}, "organization": {"type": "string"}}})
}

fn given_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}}})
}

fn account_json(row: &AccountRow) -> Value {
    json!({"id": row.id, "login": row.login, "state": row.state, "must_change": row.must_change, "staff": row.staff_id, "name": row.name})
}

/// Which accounts.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    role: String,
    #[serde(flatten)]
    paging: Paging,
}

/// `GET /api/v1/accounts`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Json<Listed<Value>>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let (limit, after) = (asked.paging.limit()?, asked.paging.after::<String>()?.unwrap_or_default());
    let rows = admin::accounts(&mut app.read(), &viewer.principal, asked.q.trim(), &after, limit + 1).await?;
    Ok(Json(Listed::cut(rows, limit, |row| row.login.clone()).map(|row| account_json(&row))))
}

/// A new account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    staff: Id,
    login: String,
}

/// `POST /api/v1/accounts`
pub async fn make(
    State(app): State<App>,
    viewer: Viewer,
    body: Sent<NewAccount>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    viewer.principal.require(Permission::Administer)?;
    let body = sent(body)?;
    let (id, password) = admin::make(&app, &viewer, body.staff, &body.login).await.map_err(pointed)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id, "password": password}))))
}

/// `GET /api/v1/accounts/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    let row = admin::account(&app, &viewer, id).await?;
    let held = match row.staff_id {
        Some(staff) => store::posts_of(&mut app.read(), staff, &app.clock.today_text()).await?,
        None => Vec::new(),
    };
    let mut posts = Vec::with_capacity(held.len());
    for post in held {
        let grants: Vec<Value> = admin::grants_of(&app, post.id)
            .await?
            .iter()
            .map(|grant| {
                json!({"id": grant.id, "role": grant.role_key, "reach": grant.scope_kind, "place": grant.scope_place,
                    "organization": grant.scope_organization, "valid_from": grant.valid_from})
            })
            .collect();
        posts.push(json!({"id": post.id, "title": post.title, "organization": post.organization_id, "grants": grants}));
    }
    let mut body = account_json(&row);
    body["posts"] = posts.into();
    Ok(Json(body))
}

/// `POST /api/v1/accounts/{id}/reset`
pub async fn reset(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    let password = admin::reset(&app, &viewer, id).await?;
    Ok(Json(json!({"id": id, "password": password})))
}

async fn set_suspended(app: &App, viewer: &Viewer, id: Id, suspended: bool) -> Result<Json<Value>, AppError> {
    admin::set_suspended(app, viewer, id, suspended).await?;
    Ok(Json(account_json(&admin::account(app, viewer, id).await?)))
}

/// `POST /api/v1/accounts/{id}/suspend`
pub async fn suspend(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    set_suspended(&app, &viewer, id, true).await
}

/// `POST /api/v1/accounts/{id}/resume`
pub async fn resume(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    set_suspended(&app, &viewer, id, false).await
}

/// `GET /api/v1/roles`
pub async fn roles(State(app): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let items: Vec<Value> = admin::roles(&app)
        .await?
        .iter()
        .map(|role| {
            let title: Value = serde_json::from_str(&role.title).unwrap_or_default();
            let permissions: Vec<&str> = role.permissions.split(',').filter(|key| !key.is_empty()).collect();
            json!({"key": role.key, "title": title, "permissions": permissions})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// `GET /api/v1/grants`
pub async fn grants(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Json<Listed<Value>>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let (limit, after, today) = (asked.paging.limit()?, asked.paging.after::<Id>()?, app.clock.today_text());
    let rows = admin::who(&mut app.read(), &viewer.principal, &asked.role, after, limit + 1, &today).await?;
    Ok(Json(Listed::cut(rows, limit, |row| row.id).map(|row| {
        json!({"id": row.id, "role": row.role_key, "reach": row.scope_kind, "place": row.scope_place,
            "organization": row.scope_organization, "post": row.post_id, "title": row.title, "unit": row.organization,
            "name": row.name})
    })))
}

/// A role to be given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Give {
    post: Id,
    role: String,
    reach: String,
    #[serde(default)]
    place: Option<Id>,
    #[serde(default)]
    organization: Option<Id>,
}

/// `POST /api/v1/grants`
pub async fn give(
    State(app): State<App>,
    viewer: Viewer,
    body: Sent<Give>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    viewer.principal.require(Permission::Administer)?;
    let body = sent(body)?;
    let reach = match (body.reach.as_str(), body.place, body.organization) {
        ("own", ..) => Reach::Own,
        ("all", ..) => Reach::All,
        ("place", Some(place), _) => Reach::Place(place),
        ("place", None, _) => return Err(AppError::invalid("/place", "access-place-unknown")),
        ("organization", _, Some(organization)) => Reach::Organization(organization),
        ("organization", _, None) => return Err(AppError::invalid("/organization", "directory-organization-missing")),
        _ => return Err(AppError::invalid("/reach", "access-scope-unknown")),
    };
    let id = admin::give(&app, &viewer, body.post, &body.role, reach).await.map_err(pointed)?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

/// `DELETE /api/v1/grants/{id}`
pub async fn take(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<StatusCode, AppError> {
    admin::take(&app, &viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
