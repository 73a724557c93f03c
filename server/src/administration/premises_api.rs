//! JSON of the premises of a community: what is there, and many at once by a pattern, looked at first.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::premises::{Preview, community, preview_of};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::geography::premises::{self, Pattern, Planned};
use crate::openapi::{Operation, Param};
use crate::platform::api::{Sent, pointed, sent};
use crate::platform::ids::Id;

const PARENT: Param = Param { name: "parent", about: "id of what is looked into; absent: the community itself" };

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/places/{id}/premises",
        tag: "places",
        summary: "What lies directly in a community or in one of its premises, and how many of each kind there are",
        permission: Some(Permission::PlaceEdit),
        query: &[PARENT],
        response: Some(list_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/places/{id}/premises/dry-run",
        tag: "places",
        summary: "What a pattern would make; nothing is written",
        permission: Some(Permission::PlaceEdit),
        request: Some(pattern_schema),
        status: 200,
        response: Some(preview_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/places/{id}/premises",
        tag: "places",
        summary: "Make what is new of a pattern; what is there stays",
        permission: Some(Permission::PlaceEdit),
        request: Some(pattern_schema),
        response: Some(made_schema),
        ..Operation::POST
    },
];

fn list_schema() -> Value {
    json!({"type": "object", "properties": {
        "items": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "parent": {"type": ["string", "null"]},
            "kind": {"enum": ["compound", "building", "unit", "door"]}, "name": {"type": "string"}, "path": {"type": "string"},
            "made_up": {"type": "boolean"}, "version": {"type": "integer"}}}},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}}}})
}

fn pattern_schema() -> Value {
    let range = json!({"type": "array", "description": "first and last number", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2});
    json!({"type": "object", "required": ["buildings", "floors", "doors"], "properties": {"compound": {"type": "string", "maxLength": 40},
        "buildings": range, "units": range, "floors": range, "doors": {"type": "integer", "description": "on each floor (of a unit)"}}})
}

fn preview_schema() -> Value {
    json!({"type": "object", "properties": {"buildings": {"type": "integer"}, "units": {"type": "integer"}, "doors": {"type": "integer"},
        "there": {"type": "integer", "description": "how many are there already"},
        "first": {"type": "array", "items": {"type": "string"}}, "last": {"type": "string"}}})
}

fn made_schema() -> Value {
    json!({"type": "object", "properties": {"made": {"type": "integer"}}})
}

/// Which level.
#[derive(Deserialize)]
pub struct Ask {
    parent: Option<Id>,
}

/// `GET /api/v1/places/{id}/premises`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(ask): Query<Ask>,
) -> Result<Json<Value>, AppError> {
    let place = community(&app, &viewer, id)?;
    let today = app.clock.today_text();
    let present = premises::children(&mut app.read(), place.view(), ask.parent, &today).await?;
    let counts = premises::counts(&mut app.read(), place.view(), &today).await?;
    let items: Vec<Value> = present
        .into_iter()
        .map(|one| {
            json!({"id": one.id, "parent": one.parent_id, "kind": one.kind, "name": one.name, "path": one.path,
                "made_up": one.made_up, "version": one.version})
        })
        .collect();
    Ok(Json(json!({"items": items, "counts": counts})))
}

/// What is to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    compound: String,
    buildings: (i64, i64),
    #[serde(default)]
    units: Option<(i64, i64)>,
    floors: (i64, i64),
    doors: i64,
}

impl Asked {
    fn plan(self) -> Result<Vec<Planned>, AppError> {
        let Self { compound, buildings, units, floors, doors } = self;
        let pattern = Pattern { compound: compound.trim().to_owned(), buildings, units, floors, doors };
        pattern.plan().map_err(AppError::Invalid).map_err(pointed)
    }
}

/// `POST /api/v1/places/{id}/premises/dry-run`
pub async fn look(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Asked>,
) -> Result<Json<Preview>, AppError> {
    let place = community(&app, &viewer, id)?;
    let plan = sent(body)?.plan()?;
    let (fresh, there) = premises::new_of(&app, place.view(), plan).await?;
    Ok(Json(preview_of(&fresh, there)))
}

/// `POST /api/v1/places/{id}/premises`
pub async fn make(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Asked>,
) -> Result<(StatusCode, Json<Value>), AppError> {
    let place = community(&app, &viewer, id)?;
    let plan = sent(body)?.plan()?;
    let made = premises::make(&app, place.view(), plan, false, viewer.actor()).await?;
    Ok((StatusCode::CREATED, Json(json!({"made": made.len()}))))
}
