//! People over the API: record, statements, reveal, decision on what waits.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::observation::Observation;
use super::person_history::observations as load_observations;
use super::reveal::{reveal as reveal_secret, visible};
use super::written::{self, shown};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Sent, sent};
use crate::platform::ids::Id;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/people/{id}",
        tag: "people",
        summary: "A person's current record: each attribute with its value, origin and freshness; secrets as masks",
        permission: Some(Permission::PersonRead),
        response: Some(person_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/people/{id}/observations",
        tag: "people",
        summary: "What was said about a person, the newest first",
        permission: Some(Permission::PersonRead),
        paged: true,
        response: Some(observation_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/people/{id}/reveal",
        tag: "people",
        summary: "A secret in clear, for a reason that is logged",
        permission: Some(Permission::PersonReveal),
        request: Some(reveal_schema),
        status: 200,
        response: Some(revealed_schema),
        ..Operation::POST
    },
];

fn person_schema() -> Value {
    let attribute = json!({"type": "object", "properties": {
        "value": {"description": "canonical; {\"mask\": text} for a secret"},
        "freshness": {"enum": ["fresh", "stale", "disputed"]}, "observation": {"type": "string", "format": "uuid"},
        "observed_at": {"type": "integer"}, "last_said_at": {"type": "integer"}, "source": {"type": "string"},
        "title": {"type": "string"}, "contender": {"type": ["object", "null"]}}});
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "class": {"const": "person"}, "version": {"type": "integer"},
        "name": {"type": "string"}, "community": {"type": ["string", "null"], "format": "uuid"},
        "made_up": {"type": "boolean"}, "updated_at": {"type": "integer"},
        "attributes": {"type": "object", "additionalProperties": attribute}}})
}

fn observation_schema() -> Value {
    let id = json!({"type": ["string", "null"], "format": "uuid"});
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "state": {"enum": ["current", "pending", "rejected"]},
        "source": {"type": "string"}, "title": {"type": "string"}, "submission": id, "form_version": id,
        "said": {"type": "object"}, "confirmed": {"type": "object"},
        "refused": {"type": "array", "items": {"type": "string"}}, "observed_at": {"type": "integer"},
        "recorded_at": {"type": "integer"}, "account": id, "post": id}})
}

fn reveal_schema() -> Value {
    json!({"type": "object", "required": ["attribute", "reason"], "additionalProperties": false, "properties": {
        "attribute": {"type": "string"},
        "reason": {"type": "string", "minLength": super::reveal::SHORTEST, "maxLength": super::reveal::LONGEST}}})
}

fn revealed_schema() -> Value {
    json!({"type": "object", "properties": {"attribute": {"type": "string"}, "value": {"type": "string"}}})
}

/// `GET /api/v1/people/{id}`
pub async fn person(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let record = visible(&app, &viewer, Permission::PersonRead, id).await?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", record.version))
        .map_err(|fault| AppError::Internal(fault.to_string()))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json), (header::ETAG, tag)], written::person(&record, app.now())?).into_response())
}

/// A page of statements.
#[derive(Debug, Default, Deserialize)]
pub struct StatementsQuery {
    /// `recorded_at` of the last statement of the page before, UTC microseconds
    pub cursor: Option<i64>,
    /// at most 200
    pub limit: Option<i64>,
}

/// `GET /api/v1/people/{id}/observations`
pub async fn observations(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(query): Query<StatementsQuery>,
) -> Result<Json<Value>, AppError> {
    let record = visible(&app, &viewer, Permission::PersonRead, id).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 200);
    let mut rows = load_observations(&app, &record, query.cursor.unwrap_or(i64::MAX), limit + 1).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.recorded_at.to_string());
    let items = rows.iter().map(observation_json).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({"items": items, "next_cursor": next})))
}

fn observation_json(observation: &Observation) -> Result<Value, AppError> {
    let masked = |values: form_runtime::Map| -> Map<String, Value> {
        values.into_iter().map(|(key, value)| (key, shown(&value))).collect()
    };
    Ok(json!({
        "id": observation.id, "state": observation.state, "source": observation.source_kind,
        "title": observation.source_title, "submission": observation.submission_id,
        "form_version": observation.form_version_id, "said": masked(observation.said()?),
        "confirmed": masked(observation.confirmed()?), "refused": observation.refused(),
        "observed_at": observation.observed_at, "recorded_at": observation.recorded_at,
        "account": observation.account_id, "post": observation.post_id,
    }))
}

/// A wish to see a secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// `id_no`, `mobile` …
    pub attribute: String,
    /// why
    pub reason: String,
}

/// `POST /api/v1/people/{id}/reveal`
pub async fn reveal(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Reveal>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonReveal)?;
    let wish = sent(body)?;
    let clear = reveal_secret(&app, &viewer, id, &wish.attribute, &wish.reason).await?;
    let body = Json(json!({"attribute": wish.attribute, "value": clear}));
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], body).into_response())
}
