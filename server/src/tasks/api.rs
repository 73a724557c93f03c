//! JSON of tasks: make one, bring its subjects, dry-run it, send it, look at it.

use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use form_runtime::Date;
use rule_engine::Rule;
use serde::Deserialize;
use serde_json::{Value, json};

use super::create::{self, Draft};
use super::model::{Relay, Task, TaskShape};
use super::own::{issues, known, own, reads_from_above};
use super::{counting, dispatch, dry_run, rows, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::measures::Measures;
use crate::openapi::Operation;
use crate::platform::api::{IfMatch, Sent, etag, sent};
use crate::platform::ids::Id;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/tasks",
        tag: "tasks",
        summary: "Tasks issued within scope or with a part in it, newest first",
        permission: Some(Permission::TaskRead),
        response: Some(list_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/tasks",
        tag: "tasks",
        summary: "Make a draft",
        permission: Some(Permission::TaskIssue),
        request: Some(new_schema),
        response: Some(task_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/tasks/{id}",
        tag: "tasks",
        summary: "One task with its units",
        permission: Some(Permission::TaskRead),
        response: Some(task_schema),
        ..Operation::GET
    },
    Operation {
        method: "patch",
        path: "/api/v1/tasks/{id}",
        tag: "tasks",
        summary: "Change rule or relay of a draft",
        permission: Some(Permission::TaskIssue),
        if_match: true,
        request: Some(change_schema),
        response: Some(task_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/tasks/{id}/subjects/import",
        tag: "tasks",
        summary: "Upload a sheet (multipart field `file`) as the subjects",
        permission: Some(Permission::TaskIssue),
        status: 200,
        response: Some(read_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/tasks/{id}/units",
        tag: "tasks",
        summary: "The units of a level as the subjects (discovery, unit return)",
        permission: Some(Permission::TaskIssue),
        request: Some(units_schema),
        status: 200,
        response: Some(read_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/tasks/{id}/dry-run",
        tag: "tasks",
        summary: "Who would get what, and what nobody would get",
        permission: Some(Permission::TaskIssue),
        status: 200,
        response: Some(dry_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/tasks/{id}/dispatch",
        tag: "tasks",
        summary: "Send it; the body may name the version that was dry-run",
        permission: Some(Permission::TaskIssue),
        request: Some(send_schema),
        status: 202,
        response: Some(task_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/tasks/{id}/end",
        tag: "tasks",
        summary: "End a task whose occasion is over",
        permission: Some(Permission::TaskIssue),
        status: 204,
        ..Operation::POST
    },
];

fn list_schema() -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": task_schema()}, "next_cursor": {"type": "null"}}})
}

fn task_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "title": {"type": "string"},
        "shape": {"enum": ["listed", "discovery", "unit_return"]}, "class": {"type": "string"},
        "form_version": {"type": "string"}, "issuer": {"type": "string"}, "root_place": {"type": "string"},
        "state": {"enum": ["draft", "dispatching", "running", "ended"]}, "rule": {"type": "object"}, "relay": {"type": "object"},
        "measures": {"type": "object"}, "working_days": {"type": ["integer", "null"]}, "deadline_at": {"type": ["integer", "null"]},
        "published_release": {"type": "integer"}, "version": {"type": "integer"},
        "units": {"type": "array", "items": {"type": "object", "properties": {
            "id": {"type": "string", "description": "the part, as `pass-on` takes it"}, "organization": {"type": "string"}, "place": {"type": "string"}, "state": {"type": "string"},
            "received": {"type": "integer"}, "passed_down": {"type": "integer"}, "returned_up": {"type": "integer"}}}}}})
}

fn new_schema() -> Value {
    json!({"type": "object", "required": ["title", "form_version", "root_place"], "properties": {
        "title": {"type": "string", "maxLength": 80}, "form_version": {"type": "string", "format": "uuid"},
        "shape": {"enum": ["listed", "discovery", "unit_return"], "default": "listed"},
        "root_place": {"type": "string", "format": "uuid"}, "working_days": {"type": "integer", "minimum": 1, "maximum": 250},
        "deadline": {"type": "string", "format": "date"}, "rule": {"type": "object"}, "relay": {"type": "object"},
        "measures": {"type": "object"}}})
}

fn change_schema() -> Value {
    json!({"type": "object", "properties": {"rule": {"type": "object"}, "relay": {"type": "object"}}})
}

fn units_schema() -> Value {
    json!({"type": "object", "required": ["level"], "properties": {"level": {"type": "integer", "minimum": 3, "maximum": 5}}})
}

fn send_schema() -> Value {
    json!({"type": "object", "properties": {"version": {"type": "integer"}}})
}

/// What taking subjects came to.
pub fn read_schema() -> Value {
    json!({"type": "object", "properties": {"rows": {"type": "integer"}, "faulty": {"type": "integer"},
        "skipped": {"type": "array"}, "unknown_columns": {"type": "array"}}})
}

fn dry_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "task_version": {"type": "integer"}, "total": {"type": "integer"},
        "orphans": {"type": "array", "items": {"type": "object", "properties": {"position": {"type": "integer"}, "label": {"type": "string"},
            "place": {"type": ["string", "null"]}, "reason": {"type": "string"}, "line": {"type": ["integer", "null"]}, "column": {"type": ["integer", "null"]}}}},
        "places": {"type": "object", "additionalProperties": {"type": "object"}}, "holders": {"type": "object", "additionalProperties": {"type": "integer"}}}})
}

fn task_json(task: &Task) -> Result<Value, AppError> {
    Ok(json!({
        "id": task.id, "title": task.title, "shape": task.shape, "class": task.class, "form_version": task.form_version_id,
        "issuer": task.issuer_organization, "root_place": task.root_place, "state": task.state, "rule": task.rule()?,
        "relay": task.relay()?, "measures": task.measures()?, "working_days": task.working_days,
        "deadline_at": task.deadline_at, "published_release": task.published_release, "version": task.version,
    }))
}

/// The same as JSON.
pub fn read_json(viewer: &Viewer, read: &rows::Read) -> Value {
    let fault = |(row, why): &(i64, String)| json!({"row": row, "why": rows::fault_text(viewer.lang, why)});
    let faults: Vec<Value> = read.faults.iter().map(fault).collect();
    let skipped: Vec<Value> = read.skipped.iter().map(|(row, why)| json!({"row": row, "why": why})).collect();
    json!({"rows": read.rows, "faulty": read.faulty, "faults": faults, "skipped": skipped, "unknown_columns": read.unknown_columns})
}

/// `GET /api/v1/tasks`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::TaskRead)?;
    let mut items = Vec::new();
    for task in store::tasks_seen(&mut app.read(), &viewer.principal).await? {
        if task.state != "draft" || issues(&app, &viewer, &task) {
            items.push(task_json(&task)?);
        }
    }
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

/// What a new task is made of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    title: String,
    form_version: Id,
    #[serde(default)]
    shape: Option<String>,
    root_place: Id,
    #[serde(default)]
    working_days: Option<i64>,
    #[serde(default)]
    deadline: Option<Date>,
    #[serde(default)]
    rule: Option<Rule>,
    #[serde(default)]
    relay: Option<Relay>,
    #[serde(default)]
    measures: Option<Measures>,
}

/// `POST /api/v1/tasks`
pub async fn make(State(app): State<App>, viewer: Viewer, body: Sent<NewTask>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let staff = viewer.staff()?;
    let new = sent(body)?;
    let form = forms::published(&app, new.form_version)
        .await
        .map_err(|_| AppError::invalid("/form_version", "tasks-need-form"))?;
    let shape = match new.shape.as_deref() {
        None => TaskShape::Listed,
        Some(key) => TaskShape::from_key(key).ok_or_else(|| AppError::invalid("/shape", "tasks-need-shape"))?,
    };
    let measures = new.measures.unwrap_or_else(|| counting::usual(&form));
    if let Some(key) = measures.unusable_keys().first() {
        return Err(AppError::Invalid(vec![Fault::new("/measures", "tasks-measure-key").with("key", key)]));
    }
    let draft = Draft {
        title: new.title,
        form_version_id: new.form_version,
        class: form.class.clone(),
        shape,
        root_place: new.root_place,
        working_days: new.working_days,
        deadline: new.deadline,
        app_key: None,
        measures,
    };
    if app.geography().get(draft.root_place).is_some() {
        create::within_reach(&app, &viewer, "/root_place", draft.root_place)?;
    }
    let rule = new.rule.unwrap_or_else(|| create::first_rule_in(shape, new.working_days));
    let mut task = create::create(&app, staff, &viewer.actor(), draft, rule).await?;
    if let Some(relay) = new.relay {
        task = create::set_relay(&app, task.id, None, &viewer.actor(), relay).await?;
    }
    Ok((StatusCode::CREATED, [etag(task.version)], Json(task_json(&task)?)).into_response())
}

/// `GET /api/v1/tasks/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let task = known(&app, &viewer, id).await?;
    let issued = reads_from_above(&app, &viewer, &task);
    let mut units = Vec::new();
    for one in store::published_assignments(&mut app.read(), &task).await? {
        if viewer.may(&app, Permission::TaskRead, Some(one.place_id), Some(one.organization_id)) {
            units.push(json!({
                "id": one.id, "organization": one.organization_id, "place": one.place_id, "state": one.state,
                "received": one.received, "passed_down": one.passed_down, "returned_up": one.returned_up,
            }));
        }
    }
    if units.is_empty() && !issued {
        return Err(AppError::NotFound);
    }
    let mut body = task_json(&task)?;
    body["units"] = units.into();
    Ok(([etag(task.version)], Json(body)).into_response())
}

/// What of a draft can be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    rule: Option<Rule>,
    #[serde(default)]
    relay: Option<Relay>,
}

/// `PATCH /api/v1/tasks/{id}`
pub async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Change>,
) -> Result<Response, AppError> {
    let mut task = own(&app, &viewer, id).await?;
    let (IfMatch(version), change) = (version?, sent(body)?);
    let mut expected = version;
    if let Some(rule) = change.rule {
        task = create::set_rule(&app, id, Some(expected), &viewer.actor(), rule).await?;
        expected = task.version;
    }
    if let Some(relay) = change.relay {
        task = create::set_relay(&app, id, Some(expected), &viewer.actor(), relay).await?;
    }
    Ok(([etag(task.version)], Json(task_json(&task)?)).into_response())
}

/// `POST /api/v1/tasks/{id}/subjects/import`
pub async fn import(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, AppError> {
    let task = own(&app, &viewer, id).await?;
    let mut body = body.map_err(|fault| AppError::Unreadable(fault.status(), fault.body_text()))?;
    let form = forms::published(&app, task.form_version_id).await?;
    while let Some(part) = body.next_field().await.map_err(|_| AppError::TooLarge)? {
        if part.name() == Some("file") {
            let name = part.file_name().unwrap_or("sheet").to_owned();
            let bytes = part.bytes().await.map_err(|_| AppError::TooLarge)?;
            let read =
                rows::from_sheet(&app, &task, &form.compiled, &name, &bytes, &viewer.actor(), viewer.lang).await?;
            return Ok(Json(read_json(&viewer, &read)));
        }
    }
    Err(AppError::invalid("file", "tasks-need-file"))
}

/// Which level.
#[derive(Debug, Deserialize)]
pub struct Units {
    level: i64,
}

/// `POST /api/v1/tasks/{id}/units`
pub async fn units(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Units>,
) -> Result<Json<Value>, AppError> {
    let task = own(&app, &viewer, id).await?;
    let units = sent(body)?;
    if task.shape() == TaskShape::Listed {
        return Err(AppError::Conflict("tasks-conflict-listed"));
    }
    if !(3..=5).contains(&units.level) {
        return Err(AppError::invalid("/level", "tasks-need-level"));
    }
    Ok(Json(read_json(&viewer, &rows::from_units_by(&app, &task, units.level, &viewer.actor()).await?)))
}

/// `POST /api/v1/tasks/{id}/dry-run`
pub async fn try_out(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    let task = own(&app, &viewer, id).await?;
    if task.state != "draft" {
        return Err(AppError::Conflict("tasks-conflict-not-draft"));
    }
    let run = dry_run::dry_run(&app, id, viewer.principal.account()).await?;
    let mut orphans = Vec::new();
    let mut after = 0;
    loop {
        let page = dry_run::orphans(&mut app.read(), run.id, after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.0;
        orphans.extend(page.into_iter().map(|(position, label, place, reason, line, column)| {
            let reason = rows::fault_text(viewer.lang, &reason);
            json!({"position": position, "label": label, "place": place, "reason": reason, "line": line, "column": column})
        }));
    }
    Ok(Json(json!({
        "id": run.id, "task_version": run.task_version, "total": run.summary.total, "orphans": orphans,
        "places": run.summary.by_place, "holders": run.summary.by_holder,
    })))
}

/// Which version was looked at.
#[derive(Debug, Default, Deserialize)]
pub struct Send {
    #[serde(default)]
    version: Option<i64>,
}

/// `POST /api/v1/tasks/{id}/dispatch`
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Option<Json<Send>>,
) -> Result<Response, AppError> {
    own(&app, &viewer, id).await?;
    let version = body.and_then(|Json(send)| send.version);
    let (rows, _) = store::rows_count(&mut app.read(), id).await?;
    if rows == 0 {
        return Err(AppError::Conflict("tasks-need-subjects"));
    }
    let task = dispatch::begin(&app, id, version, &viewer.actor()).await?;
    Ok((StatusCode::ACCEPTED, [etag(task.version)], Json(task_json(&task)?)).into_response())
}

/// `POST /api/v1/tasks/{id}/end`
pub async fn end(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<StatusCode, AppError> {
    own(&app, &viewer, id).await?;
    dispatch::end(&app, id, &viewer.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
