//! The knowledge model as JSON.

use axum::Json;
use axum::extract::{Path, State};
use form_runtime::Class;
use serde_json::{Value, json};

use super::model;
use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;

/// What this room answers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/knowledge",
        tag: "knowledge",
        summary: "The model in force: classes, their attributes, code lists by key",
        response: Some(model_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/knowledge/lists/{key}",
        tag: "knowledge",
        summary: "One code list",
        response: Some(list_schema),
        ..Operation::GET
    },
];

fn model_schema() -> Value {
    json!({"type": "object", "properties": {"version": {"type": "string"}, "classes": {"type": "array", "items": {"type": "object",
        "properties": {"key": {"type": "string"}, "attributes": {"type": "array", "items": {"type": "object"}}}}}}})
}

fn list_schema() -> Value {
    json!({"type": "object", "properties": {"key": {"type": "string"}, "title": {"type": "object"}, "standard": {"type": "string"},
        "verified": {"type": "boolean"}, "items": {"type": "array", "items": {"type": "object"}}}})
}

/// `GET /api/v1/knowledge`
pub async fn show(State(_): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    viewer.staff()?;
    let model = model();
    let classes: Vec<Value> = Class::ALL
        .iter()
        .map(|class| {
            let attributes: Vec<Value> = model
                .attributes_of(*class)
                .map(|a| {
                    json!({"key": a.key, "title": {"zh-CN": a.zh, "en": a.en}, "group": a.group, "datatype": a.datatype,
                        "code_list": a.code_list, "sensitivity": a.sensitivity, "freshness_days": a.freshness_days})
                })
                .collect();
            json!({"key": class.key(), "attributes": attributes})
        })
        .collect();
    Ok(Json(json!({"version": model.version(), "classes": classes})))
}

/// `GET /api/v1/knowledge/lists/{key}`
pub async fn list(State(_): State<App>, viewer: Viewer, Path(key): Path<String>) -> Result<Json<Value>, AppError> {
    viewer.staff()?;
    let model = model();
    let list = model.code_list(&key).ok_or(AppError::NotFound)?;
    let items: Vec<Value> =
        list.items.iter().map(|item| json!({"code": item.code, "title": {"zh-CN": item.zh, "en": item.en}})).collect();
    Ok(Json(json!({"key": key, "title": {"zh-CN": list.zh, "en": list.en}, "standard": list.standard,
        "verified": list.verified, "items": items})))
}
