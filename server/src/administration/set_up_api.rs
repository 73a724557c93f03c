//! JSON of the first set-up: open only with the code, closed for ever once it is done.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::form::Posted;
use super::set_up::{CODE, carry_out, code};
use crate::access::Viewer;
use crate::access::pages::peer;
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Sent, pointed, sent};

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[Operation {
    path: "/api/v1/setup",
    tag: "administration",
    summary: "Set up an empty installation with the code that the server printed; 404 once it is set up",
    request: Some(schema),
    response: Some(done_schema),
    ..Operation::POST
}];

fn schema() -> Value {
    json!({"type": "object", "required": ["code", "name", "address", "login", "password"], "properties": {
        "code": {"type": "string"}, "name": {"type": "string", "maxLength": 60}, "address": {"type": "string", "format": "uri"},
        "province": {"type": "string", "description": "two digits"}, "city": {"type": "string"}, "city_code": {"type": "string"},
        "login": {"type": "string", "description": "of the first administrator"}, "password": {"type": "string", "minLength": 10}}})
}

fn done_schema() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "root_place": {"type": ["string", "null"]}}})
}

/// What the page asks as well.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    code: String,
    name: String,
    address: String,
    #[serde(default)]
    province: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    city_code: String,
    login: String,
    password: String,
}

/// `POST /api/v1/setup`
pub async fn set_up(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    body: Sent<SetUp>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    let Some(expected) = code(&app)? else { return Err(AppError::NotFound) };
    app.gate.sign_in(peer(info.as_deref()), CODE)?;
    let body = sent(body)?;
    let posted: Posted = [
        ("code", body.code),
        ("name", body.name),
        ("address", body.address),
        ("province", body.province),
        ("city", body.city),
        ("city-code", body.city_code),
        ("login", body.login),
        ("again", body.password.clone()),
        ("password", body.password),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    carry_out(&app, &expected, &posted, viewer.actor()).await.map_err(pointed)?;
    let root = app.geography().root().map(|root| root.id);
    let told = json!({"name": app.installation.load().name, "root_place": root});
    Ok((StatusCode::CREATED, Json(told)))
}
