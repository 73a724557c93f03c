//! Forms as JSON.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::LangMap;

use super::store::{self, Form};
use super::{edit, lang_map, to_text};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::etag;
use crate::platform::ids::Id;

/// What this room answers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/forms",
        tag: "forms",
        summary: "Published forms, and drafts within scope",
        permission: Some(Permission::FormEdit),
        paged: true,
        response: Some(schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/forms/{id}",
        tag: "forms",
        summary: "A form with its draft and versions",
        permission: Some(Permission::FormEdit),
        response: Some(schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/forms/{id}/versions/{number}",
        tag: "forms",
        summary: "A published version: its definition and its JSON Schema 2020-12",
        permission: Some(Permission::FormEdit),
        response: Some(version_schema),
        ..Operation::GET
    },
];

/// A form.
pub fn schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "title": {"type": "object"}, "class": {"type": "string"},
        "state": {"enum": ["draft", "published", "retired"]}, "version": {"type": "integer"},
        "draft": {"type": "object"}, "versions": {"type": "array", "items": {"type": "object"}}}})
}

fn version_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "number": {"type": "integer"},
        "definition": {"type": "object"}, "schema": {"type": "object"}}})
}

/// A form in a list.
#[derive(Debug, Serialize)]
pub struct FormJson {
    /// its id
    pub id: Id,
    /// by language
    pub title: LangMap,
    /// class of its subject, empty when it has none
    pub class: String,
    /// `draft`, `published`, `retired`
    pub state: String,
    /// version of the draft
    pub version: i64,
    /// the draft's definition; only for one form
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<Value>,
    /// its versions, newest first; only for one form
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionJson>,
}

/// One version.
#[derive(Debug, Serialize)]
pub struct VersionJson {
    /// `form_version.id`
    pub id: Id,
    /// 1, 2, …
    pub number: i64,
    /// UTC microseconds
    pub published_at: i64,
    /// SHA-256 of the definition, in hex
    pub content_hash: String,
}

impl From<&Form> for FormJson {
    fn from(form: &Form) -> Self {
        Self {
            id: form.id,
            title: lang_map(&to_text(&form.title)),
            class: form.class.clone(),
            state: form.state.clone(),
            version: form.version,
            draft: None,
            versions: Vec::new(),
        }
    }
}

/// Which page.
#[derive(Debug, Default, Deserialize)]
pub struct PageAsked {
    /// words of the title
    #[serde(default)]
    pub q: String,
    /// opaque
    #[serde(default)]
    pub cursor: Option<String>,
    /// at most 200
    #[serde(default)]
    pub limit: Option<i64>,
}

/// `GET /api/v1/forms`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<PageAsked>,
) -> Result<Json<Value>, AppError> {
    edit::require_reader(&viewer)?;
    let limit = asked.limit.unwrap_or(50).clamp(1, 200);
    let before = crate::measures::pages::position(asked.cursor.as_deref());
    let mut forms = store::list(&mut app.read(), &viewer.principal, asked.q.trim(), before, limit + 1).await?;
    let more = forms.len() as i64 > limit;
    forms.truncate(limit as usize);
    let next = forms.last().filter(|_| more).map(|form| format!("{}.{}", form.updated_at, form.id));
    let items: Vec<FormJson> = forms.iter().map(FormJson::from).collect();
    Ok(Json(json!({"items": items, "next_cursor": next})))
}

/// A form with its draft and versions.
pub async fn one_form(app: &App, form: &Form) -> Result<FormJson, AppError> {
    let versions = store::versions(&mut app.read(), form.id).await?;
    let one = |row: &store::VersionRow| VersionJson {
        id: row.id,
        number: row.number,
        published_at: row.published_at,
        content_hash: row.content_hash.clone(),
    };
    Ok(FormJson {
        draft: Some(serde_json::from_str(&form.draft).map_err(crate::platform::database::StoreError::from)?),
        versions: versions.iter().map(one).collect(),
        ..FormJson::from(form)
    })
}

/// `GET /api/v1/forms/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    Ok(([etag(form.version)], Json(one_form(&app, &form).await?)).into_response())
}

/// `GET /api/v1/forms/{id}/versions/{number}`
pub async fn version(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, number)): Path<(Id, i64)>,
) -> Result<Json<Value>, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    let versions = store::versions(&mut app.read(), form.id).await?;
    let row = versions.iter().find(|row| row.number == number).ok_or(AppError::NotFound)?;
    let published = super::published(&app, row.id).await?;
    Ok(Json(json!({
        "id": row.id,
        "number": row.number,
        "definition": published.compiled.definition(),
        "schema": published.compiled.schema(),
    })))
}
