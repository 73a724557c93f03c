//! JSON of what is done with items: claim, give, return, recall, transfer, void, correct, pass on.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::{self, By};
use super::ends::{self, Why};
use super::item_api::{item_json, item_schema};
use super::{holding, pass_on, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Sent, sent};
use crate::platform::ids::Id;

const BATCH: Operation = Operation { tag: "items", status: 200, response: Some(count_schema), ..Operation::POST };
const ONE: Operation = Operation { tag: "items", status: 200, response: Some(item_schema), ..Operation::POST };

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/items/claim",
        summary: "Take items of 待认领 for oneself; all or none",
        permission: Some(Permission::ItemHandle),
        request: Some(claim_schema),
        ..BATCH
    },
    Operation {
        path: "/api/v1/items/give",
        summary: "Give items to a post of the organization that holds them; without one they go back to 待认领",
        permission: Some(Permission::ItemHandle),
        request: Some(give_schema),
        ..BATCH
    },
    Operation {
        path: "/api/v1/items/return",
        summary: "Return items to whoever gave them, with one reason; all or none",
        permission: Some(Permission::ItemHandle),
        request: Some(return_schema),
        ..BATCH
    },
    Operation {
        path: "/api/v1/items/recall",
        summary: "Take items back from units below to one's own, with one reason; all or none",
        permission: Some(Permission::ItemAssign),
        request: Some(return_schema),
        ..BATCH
    },
    Operation {
        path: "/api/v1/items/transfer",
        summary: "Move items to a unit beside the present one, or directly below it",
        permission: Some(Permission::ItemAssign),
        request: Some(transfer_schema),
        ..BATCH
    },
    Operation {
        path: "/api/v1/items/{id}/void",
        summary: "Propose that an item falls away; the level above decides",
        permission: Some(Permission::ItemHandle),
        request: Some(void_schema),
        ..ONE
    },
    Operation {
        path: "/api/v1/items/{id}/void/settle",
        summary: "Say whether a proposed void stands",
        permission: Some(Permission::ItemAssign),
        request: Some(settle_schema),
        ..ONE
    },
    Operation {
        path: "/api/v1/items/{id}/corrections",
        summary: "Send a submission back to its holder, naming the fields to be put right",
        permission: Some(Permission::ItemAssign),
        request: Some(correct_schema),
        ..ONE
    },
    Operation {
        path: "/api/v1/tasks/{id}/parts/{part}/pass-on",
        tag: "tasks",
        summary: "Hand the unclaimed items of a waiting part down by the task's rule",
        permission: Some(Permission::ItemAssign),
        status: 200,
        response: Some(passed_schema),
        ..Operation::POST
    },
];

fn batch(more: &[(&str, Value)]) -> Value {
    let mut properties = serde_json::Map::new();
    properties.insert("items".into(), json!({"type": "array", "items": {"type": "string"}, "maxItems": 500}));
    properties.extend(more.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    json!({"type": "object", "required": ["items"], "properties": properties})
}

fn claim_schema() -> Value {
    batch(&[])
}

fn give_schema() -> Value {
    batch(&[("post", json!({"type": ["string", "null"]}))])
}

fn return_schema() -> Value {
    batch(&[("reason", json!({"type": "string", "maxLength": 200}))])
}

fn transfer_schema() -> Value {
    batch(&[("to", json!({"type": "string", "description": "organization"})), ("reason", json!({"type": "string"}))])
}

fn count_schema() -> Value {
    json!({"type": "object", "properties": {"count": {"type": "integer"}}})
}

fn void_schema() -> Value {
    let whys: Vec<&str> = Why::ALL.iter().map(|why| why.key()).collect();
    json!({"type": "object", "required": ["why"], "properties": {"why": {"enum": whys}, "reason": {"type": "string"}}})
}

fn settle_schema() -> Value {
    json!({"type": "object", "required": ["confirm"], "properties": {"confirm": {"type": "boolean"}, "reason": {"type": "string"}}})
}

fn correct_schema() -> Value {
    json!({"type": "object", "required": ["fields", "reason"], "properties": {
        "fields": {"type": "array", "items": {"type": "string"}}, "reason": {"type": "string"}}})
}

fn passed_schema() -> Value {
    json!({"type": "object", "properties": {"moved": {"type": "integer"}, "kept": {"type": "integer"}}})
}

/// Items and what shall be done with them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    items: Vec<Id>,
    post: Option<Id>,
    to: Option<Id>,
    reason: String,
}

fn counted(count: usize) -> Json<Value> {
    Json(json!({"count": count}))
}

/// `POST /api/v1/items/claim`
pub async fn claim(State(app): State<App>, viewer: Viewer, body: Sent<Batch>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    Ok(counted(holding::claim(&app, &By::of(&viewer), &sent(body)?.items).await?))
}

/// `POST /api/v1/items/give`
pub async fn give(State(app): State<App>, viewer: Viewer, body: Sent<Batch>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let body = sent(body)?;
    Ok(counted(holding::give(&app, &By::of(&viewer), &body.items, body.post).await?))
}

/// `POST /api/v1/items/return`
pub async fn give_back(State(app): State<App>, viewer: Viewer, body: Sent<Batch>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let body = sent(body)?;
    Ok(counted(holding::return_items(&app, &By::of(&viewer), &body.items, &body.reason).await?))
}

/// `POST /api/v1/items/recall`
pub async fn recall(State(app): State<App>, viewer: Viewer, body: Sent<Batch>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let body = sent(body)?;
    Ok(counted(holding::recall(&app, &By::of(&viewer), &body.items, &body.reason).await?))
}

/// `POST /api/v1/items/transfer`
pub async fn transfer(State(app): State<App>, viewer: Viewer, body: Sent<Batch>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let body = sent(body)?;
    let to = body.to.ok_or_else(|| AppError::invalid("/to", "work-unit-elsewhere"))?;
    Ok(counted(holding::transfer(&app, &By::of(&viewer), &body.items, to, &body.reason).await?))
}

async fn now(app: &App, by: &By, id: Id) -> Result<Json<Value>, AppError> {
    Ok(Json(item_json(&acts::load(app, by, id).await?.1)))
}

/// Why an item falls away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    why: String,
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/items/{id}/void`
pub async fn propose(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Void>,
) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    acts::load(&app, &by, id).await?;
    let body = sent(body)?;
    let why = Why::from_key(&body.why).ok_or_else(|| AppError::invalid("/why", "work-why-needed"))?;
    ends::propose_void(&app, &by, id, why, &body.reason).await?;
    now(&app, &by, id).await
}

/// What the level above says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    confirm: bool,
    #[serde(default)]
    reason: String,
}

/// `POST /api/v1/items/{id}/void/settle`
pub async fn settle(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Settle>,
) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let by = By::of(&viewer);
    acts::load(&app, &by, id).await?;
    let body = sent(body)?;
    ends::settle_void(&app, &by, id, body.confirm, &body.reason).await?;
    now(&app, &by, id).await
}

/// Which fields, and what about them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    fields: Vec<String>,
    reason: String,
}

/// `POST /api/v1/items/{id}/corrections`
pub async fn correct(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Correct>,
) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let by = By::of(&viewer);
    acts::load(&app, &by, id).await?;
    let body = sent(body)?;
    ends::correct(&app, &by, id, &body.fields, &body.reason).await?;
    now(&app, &by, id).await
}

/// `POST /api/v1/tasks/{id}/parts/{part}/pass-on`
pub async fn hand_down(
    State(app): State<App>,
    viewer: Viewer,
    Path((task, part)): Path<(Id, Id)>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    // A part of another task is none of this one.
    store::assignment(&mut app.read(), task, part).await?;
    let done = pass_on::pass_on(&app, &By::of(&viewer), task, part).await?;
    Ok((StatusCode::OK, Json(json!({"moved": done.moved, "kept": done.kept}))))
}
