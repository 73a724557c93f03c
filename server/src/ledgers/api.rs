//! Ledgers over the API: list, rows, export.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::export::export as write_export;
use super::filter::Filter;
use super::pages::{attachment, open};
use super::store::{self, Ledger};
use crate::access::{self, Permission, Viewer};
use crate::app::App;
use crate::entities::PersonRecord;
use crate::entities::search::age;
use crate::entities::shown;
use crate::error::AppError;
use crate::openapi::{Operation, Param};
use crate::platform::api::{Sent, sent};
use crate::platform::changes::Cache;
use crate::platform::ids::Id;
use crate::platform::sheets::Output;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/ledgers",
        tag: "ledgers",
        summary: "Open ledgers with their columns and condition",
        permission: Some(Permission::PersonRead),
        paged: true,
        response: Some(ledger_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/ledgers/{id}/rows",
        tag: "ledgers",
        summary: "Rows of a ledger within the caller's scope; the answer also has `count`",
        permission: Some(Permission::PersonRead),
        query: FILTER,
        paged: true,
        response: Some(row_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/ledgers/{id}/export",
        tag: "ledgers",
        summary: "A ledger as xlsx or csv, masked; logged with its count",
        permission: Some(Permission::PersonExport),
        request: Some(wanted_schema),
        status: 200,
        ..Operation::POST
    },
];

/// The filter of a ledger, as query parameters.
const FILTER: &[Param] = &[
    Param { name: "q", about: "part of a name, pinyin, initials, or the last four of a number" },
    Param { name: "place", about: "id or full name of a place: it and what is below" },
    Param { name: "alone", about: "yes or no" },
    Param { name: "age", about: "0-17, 18-59, 60-69, 70-79, 80-89 or 90-" },
    Param { name: "sex", about: "1 or 2 (GB/T 2261.1)" },
    Param { name: "sort", about: "name, eldest, youngest or updated" },
];

fn ledger_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "app": {"type": ["string", "null"]}, "version": {"type": "integer"},
        "title": {"type": "object", "additionalProperties": {"type": "string"}}, "class": {"type": "string"},
        "columns": {"type": "array", "items": {"type": "string"}}, "condition": {"type": "array", "items": {"type": "object"}}}})
}

fn row_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "version": {"type": "integer"}, "updated_at": {"type": "integer"},
        "values": {"type": "object", "description": "by column; secrets are {\"mask\": text}"}}})
}

fn wanted_schema() -> Value {
    let texts: Map<String, Value> = FILTER.iter().map(|p| (p.name.to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": {"format": {"enum": ["xlsx", "csv"]},
        "filter": {"type": "object", "properties": texts}}})
}

fn ledger_json(ledger: &Ledger) -> Value {
    json!({
        "id": ledger.id, "app": ledger.app_key, "version": ledger.version, "title": ledger.definition.title,
        "class": ledger.definition.class.key(), "columns": ledger.definition.columns,
        "condition": ledger.definition.condition,
    })
}

/// `GET /api/v1/ledgers`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::PersonRead)?;
    let items: Vec<Value> = store::list(&mut app.read()).await?.iter().map(ledger_json).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

/// Page size, beside the filter.
#[derive(Debug, Default, Deserialize)]
pub struct Limit {
    /// at most 200
    pub limit: Option<usize>,
}

/// `GET /api/v1/ledgers/{id}/rows`
pub async fn rows(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(filter): Query<Filter>,
    Query(limit): Query<Limit>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonRead)?;
    // The same question of the same person gets the same bytes while nothing of it was written.
    let key = (viewer.principal.account(), viewer.principal.post(), id, viewer.path.clone(), app.clock.today_text());
    let read = read_rows(&app, &viewer, id, &filter, limit.limit);
    let bytes = app.ledger_pages.get(app.lanes.changes(), key, read).await?;
    Ok(([(CONTENT_TYPE, "application/json")], Bytes::clone(&bytes)).into_response())
}

/// Who asks which ledger, with path and query, and the day that ages are told by.
pub type PageKey = (Option<Id>, Option<Id>, Id, String, String);

/// Pages of ledgers: what they depend on.
pub fn pages() -> Cache<PageKey, Bytes> {
    let shown = ["record_person", "ledger", "place", "place_ancestor", "organization_ancestor"];
    Cache::new(&[&access::TABLES[..], &shown].concat(), 500)
}

async fn read_rows(
    app: &App,
    viewer: &Viewer,
    id: Id,
    filter: &Filter,
    limit: Option<usize>,
) -> Result<Bytes, AppError> {
    let ledger = open(app, id).await?;
    let people = filter.people(app, &ledger.definition)?;
    let after = Some(filter.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let permissions = [Permission::PersonRead];
    let page = people.page_all_shards(app, &viewer.principal, &permissions, after, limit.unwrap_or(50)).await?;
    let count = people.count_all_shards(app, &viewer.principal, &permissions).await?;
    let items = page.rows.iter().map(|row| row_json(app, &ledger, row)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"items": items, "next_cursor": page.next, "count": count}).to_string().into())
}

fn row_json(app: &App, ledger: &Ledger, record: &PersonRecord) -> Result<Value, AppError> {
    let known = record.values_of(ledger.definition.columns.iter().map(String::as_str))?;
    let mut values = Map::new();
    for column in &ledger.definition.columns {
        let value = match column.as_str() {
            "age" => json!(record.birth_date.as_deref().and_then(|date| age(app.clock.today(), date))),
            key => known.get(key).map_or(Value::Null, shown),
        };
        values.insert(column.clone(), value);
    }
    Ok(json!({"id": record.id, "version": record.version, "updated_at": record.updated_at, "values": values}))
}

/// What to export.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// `xlsx` or `csv`
    pub format: String,
    /// the same filter as of the rows
    pub filter: Filter,
}

/// `POST /api/v1/ledgers/{id}/export`
pub async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Wanted>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonExport)?;
    let wanted = sent(body)?;
    let output = match wanted.format.as_str() {
        "csv" => Output::Csv,
        "xlsx" | "" => Output::Xlsx,
        _ => return Err(AppError::invalid("/format", "ledgers-format")),
    };
    let ledger = open(&app, id).await?;
    attachment(write_export(&app, &viewer, &ledger, &wanted.filter, output).await?)
}
