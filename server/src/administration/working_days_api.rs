//! JSON of the table of working days.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::working_days::{NOTE, set_day};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory::working_days;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Sent, sent};

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/working-days",
        tag: "administration",
        summary: "Days that differ from the pattern of the week: holidays and worked weekends",
        permission: Some(Permission::Administer),
        response: Some(days_schema),
        ..Operation::GET
    },
    Operation {
        method: "put",
        path: "/api/v1/working-days/{day}",
        tag: "administration",
        summary: "Make a day free or worked",
        permission: Some(Permission::Administer),
        request: Some(new_schema),
        response: Some(day_schema),
        ..Operation::GET
    },
    Operation {
        method: "delete",
        path: "/api/v1/working-days/{day}",
        tag: "administration",
        summary: "Let a day follow the pattern of the week again",
        permission: Some(Permission::Administer),
        status: 204,
        ..Operation::GET
    },
];

fn day_schema() -> Value {
    json!({"type": "object", "properties": {"day": {"type": "string", "format": "date"}, "working": {"type": "boolean"}, "note": {"type": "string"}}})
}

fn days_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": day_schema()}}})
}

fn new_schema() -> Value {
    json!({"type": "object", "required": ["working"], "properties": {"working": {"type": "boolean"}, "note": {"type": "string", "maxLength": NOTE}}})
}

/// `GET /api/v1/working-days`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let calendar = working_days::load(&mut app.read()).await?;
    let items: Vec<Value> = calendar
        .exceptions()
        .map(|(day, working, note)| json!({"day": day.to_string(), "working": working, "note": note}))
        .collect();
    Ok(Json(json!({"items": items})))
}

fn date(text: &str) -> Result<Date, AppError> {
    text.parse().map_err(|_| AppError::invalid("day", "administration-day-bad"))
}

/// What a day becomes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDay {
    working: bool,
    #[serde(default)]
    note: String,
}

/// `PUT /api/v1/working-days/{day}`
pub async fn set(
    State(app): State<App>,
    viewer: Viewer,
    Path(day): Path<String>,
    body: Sent<NewDay>,
) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let (day, body) = (date(&day)?, sent(body)?);
    let note: String = body.note.trim().chars().take(NOTE).collect();
    set_day(&app, &viewer, day, Some((body.working, note.clone()))).await?;
    Ok(Json(json!({"day": day.to_string(), "working": body.working, "note": note})))
}

/// `DELETE /api/v1/working-days/{day}`
pub async fn remove(State(app): State<App>, viewer: Viewer, Path(day): Path<String>) -> Result<StatusCode, AppError> {
    viewer.principal.require(Permission::Administer)?;
    set_day(&app, &viewer, date(&day)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
