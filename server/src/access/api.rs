//! JSON of access: who am I, my tokens.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Permission, Scope, Viewer, tokens};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Sent, sent};
use crate::platform::clock::DAY;
use crate::platform::database::StoreError;
use crate::platform::events::Event;
use crate::platform::ids::{Id, shard_of};

/// Longest life of a token made through the API, in days.
const LONGEST: i64 = 366;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/me",
        tag: "access",
        summary: "Who the caller is and what it may do",
        response: Some(me_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/tokens",
        tag: "access",
        summary: "The caller's own tokens, without their text",
        response: Some(tokens_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/tokens",
        tag: "access",
        summary: "Make a token for the caller in its present post; its text is told once",
        permission: Some(Permission::TokenCreate),
        request: Some(new_token_schema),
        response: Some(made_schema),
        ..Operation::POST
    },
    Operation {
        method: "delete",
        path: "/api/v1/tokens/{id}",
        tag: "access",
        summary: "Revoke a token of the caller",
        status: 204,
        ..Operation::GET
    },
];

fn me_schema() -> Value {
    json!({"type": "object", "properties": {"account": {"type": "string"}, "post": {"type": ["string", "null"]},
        "organization": {"type": ["string", "null"]},
        "grants": {"type": "array", "items": {"type": "object", "properties": {"permission": {"type": "string"},
            "scope": {"enum": ["all", "place", "organization"]}, "id": {"type": ["string", "null"]}}}}}})
}

fn tokens_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {
        "id": {"type": "string"}, "title": {"type": "string"}, "created_at": {"type": "integer"}, "expires_at": {"type": ["integer", "null"]}}}}}})
}

fn new_token_schema() -> Value {
    json!({"type": "object", "required": ["title"], "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 80},
        "days": {"type": "integer", "minimum": 1, "maximum": LONGEST}}})
}

fn made_schema() -> Value {
    json!({"type": "object", "properties": {"token": {"type": "string"}, "expires_at": {"type": "integer"}}})
}

/// `GET /api/v1/me`
pub async fn me(viewer: Viewer) -> Result<Json<Value>, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let grants: Vec<Value> = viewer
        .principal
        .grants
        .iter()
        .map(|grant| {
            let (scope, id) = match grant.scope {
                Scope::All => ("all", None),
                Scope::Place(id) => ("place", Some(id)),
                Scope::Organization(id) => ("organization", Some(id)),
            };
            json!({"permission": grant.permission.key(), "scope": scope, "id": id})
        })
        .collect();
    Ok(Json(json!({"account": account, "post": viewer.principal.post(),
        "organization": viewer.principal.organization(), "grants": grants})))
}

/// `GET /api/v1/tokens`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let rows = tokens::list(&mut app.read(), account).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(
            |row| json!({"id": row.id, "title": row.title, "created_at": row.created_at, "expires_at": row.expires_at}),
        )
        .collect();
    Ok(Json(json!({"items": items})))
}

/// Body of a new token.
#[derive(Deserialize)]
pub struct NewToken {
    title: String,
    days: Option<i64>,
}

/// `POST /api/v1/tokens`
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    body: Sent<NewToken>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    viewer.principal.require(Permission::TokenCreate)?;
    let body = sent(body)?;
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let title = body.title.trim();
    if title.is_empty() || title.chars().count() > 80 {
        return Err(AppError::invalid("/title", "access-token-title"));
    }
    let days = body.days.unwrap_or(90);
    if !(1..=LONGEST).contains(&days) {
        return Err(AppError::invalid("/days", "access-token-days"));
    }
    let expires = app.now() + days * DAY;
    let text = tokens::create(&app, account, viewer.principal.post(), title, Some(expires), viewer.actor()).await?;
    Ok((StatusCode::CREATED, Json(json!({"token": text, "expires_at": expires}))))
}

/// `DELETE /api/v1/tokens/{id}`
pub async fn revoke(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<StatusCode, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let now = app.now();
    let event = Event {
        kind: "token.revoked",
        subject_class: "account",
        subject_id: Some(account),
        actor: viewer.actor(),
        at: now,
        payload: serde_json::json!({"token": id}),
    };
    let revoked: bool = app
        .lanes
        .write(shard_of(account), vec![account], move |tx| {
            let event = event.clone();
            Box::pin(async move {
                let revoked = tokens::revoke(tx, id, account, now).await?;
                if revoked {
                    event.write(tx, shard_of(account)).await?;
                }
                Ok::<_, StoreError>(revoked)
            })
        })
        .await
        .map_err(AppError::from)?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(AppError::NotFound) }
}
