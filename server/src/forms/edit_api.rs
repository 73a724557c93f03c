//! Forms as JSON, the writing half: make one, change its draft, publish it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use form_runtime::FormDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{one_form, schema};
use super::{edit, publish};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Sent, etag, sent};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// What this file offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/forms",
        tag: "forms",
        summary: "Make a form, with a title alone or with its whole definition",
        permission: Some(Permission::FormEdit),
        request: Some(new_schema),
        response: Some(schema),
        ..Operation::POST
    },
    Operation {
        method: "patch",
        path: "/api/v1/forms/{id}",
        tag: "forms",
        summary: "Replace the draft's definition",
        permission: Some(Permission::FormEdit),
        if_match: true,
        request: Some(change_schema),
        response: Some(schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/forms/{id}/publish",
        tag: "forms",
        summary: "Publish the draft as the next version; the same content again is the same version",
        permission: Some(Permission::FormEdit),
        status: 200,
        response: Some(published_schema),
        ..Operation::POST
    },
];

fn new_schema() -> Value {
    json!({"type": "object", "properties": {"title": {"type": "string", "maxLength": 60}, "title_en": {"type": "string"},
        "definition": {"type": "object", "description": "a form definition, as a version shows it"}}})
}

fn change_schema() -> Value {
    json!({"type": "object", "required": ["definition"], "properties": {"definition": {"type": "object"}}})
}

fn published_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string", "description": "form version, as tasks take it"},
        "number": {"type": "integer"}, "new": {"type": "boolean"}}})
}

/// A new form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewForm {
    title: String,
    title_en: String,
    definition: Option<Value>,
}

fn parsed(definition: &Value) -> Result<FormDefinition, AppError> {
    form_runtime::definition::parse(&definition.to_string()).map_err(|faults| {
        let mut faults = edit::as_faults(&faults);
        faults.iter_mut().for_each(|fault| fault.at = format!("/definition{}", fault.at));
        AppError::Invalid(faults)
    })
}

/// `POST /api/v1/forms`
pub async fn create(State(app): State<App>, viewer: Viewer, body: Sent<NewForm>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::FormEdit)?;
    let new = sent(body)?;
    let definition = new.definition.as_ref().map(parsed).transpose()?;
    let title = |lang| definition.as_ref().and_then(|d| d.title.exact(lang)).unwrap_or_default().to_owned();
    let (zh, en) = if new.title.trim().is_empty() {
        (title(form_runtime::Lang::ZhCn), title(form_runtime::Lang::En))
    } else {
        (new.title, new.title_en)
    };
    let id = edit::create(&app, &viewer, &zh, &en).await.map_err(|error| match error {
        AppError::Invalid(mut faults) => {
            faults.iter_mut().for_each(|fault| fault.at = format!("/{}", fault.at));
            AppError::Invalid(faults)
        }
        other => other,
    })?;
    if let Some(definition) = definition {
        let form = edit::load(&app, &viewer, id).await?;
        edit::save(&app, &viewer, &form, &definition).await?;
    }
    let form = edit::load(&app, &viewer, id).await?;
    Ok((StatusCode::CREATED, [etag(form.version)], Json(one_form(&app, &form).await?)).into_response())
}

/// A changed draft.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    definition: Value,
}

/// `PATCH /api/v1/forms/{id}`
pub async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Change>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::FormEdit)?;
    let form = edit::load(&app, &viewer, id).await?;
    if !edit::may_edit(&app, &viewer, &form) {
        return Err(AppError::Forbidden);
    }
    let (IfMatch(version), body) = (version?, sent(body)?);
    let definition = parsed(&body.definition)?;
    let read = super::store::Form { version, ..form };
    match edit::save(&app, &viewer, &read, &definition).await {
        Err(AppError::Store(StoreError::Stale)) => {
            let now = edit::load(&app, &viewer, id).await?;
            let now = serde_json::to_value(one_form(&app, &now).await?).map_err(StoreError::from)?;
            return Err(AppError::Stale(now));
        }
        other => other?,
    }
    let form = edit::load(&app, &viewer, id).await?;
    Ok(([etag(form.version)], Json(one_form(&app, &form).await?)).into_response())
}

/// `POST /api/v1/forms/{id}/publish`
pub async fn publish_draft(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::FormEdit)?;
    let form = edit::load(&app, &viewer, id).await?;
    if !edit::may_edit(&app, &viewer, &form) {
        return Err(AppError::Forbidden);
    }
    let made = publish::publish(&app, &form, &viewer.actor()).await?;
    Ok(Json(json!({"id": made.id, "number": made.number, "new": made.new})))
}
