//! The members of a ledger as the subjects of a listed task.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{Html, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::{Tab, ToastKind};

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::ledgers;
use crate::openapi::Operation;
use crate::platform::api::{Sent, sent};
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;
use crate::tasks::api::{read_json, read_schema};
use crate::tasks::own::own;
use crate::tasks::rows::{self, Subject};
use crate::tasks::{Task, TaskShape};

/// Members read at a time.
const PAGE: usize = 500;
/// The most subjects one task takes from a ledger.
const MOST: usize = 200_000;

#[derive(Serialize)]
struct LedgerChoice {
    id: String,
    title: String,
    count: i64,
}

#[derive(Serialize)]
struct Page {
    task: String,
    title: String,
    ledgers: Vec<LedgerChoice>,
}

async fn listed(app: &App, viewer: &Viewer, task: Id) -> Result<Task, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    viewer.principal.require(Permission::PersonRead)?;
    let task = own(app, viewer, task).await?;
    if task.shape() != TaskShape::Listed {
        return Err(AppError::Conflict("tasks-conflict-not-listed"));
    }
    Ok(task)
}

/// `GET /tasks/{id}/ledger`: which ledger.
pub async fn choose(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let task = listed(&app, &viewer, id).await?;
    let mut choices = Vec::new();
    for ledger in ledgers::list(&mut app.read()).await? {
        let people = ledgers::people(&app, &ledger.definition);
        let count = people.count_all_shards(&app, &viewer.principal, &[Permission::PersonRead]).await?;
        choices.push(LedgerChoice {
            id: ledger.id.to_string(),
            title: viewer.lang.pick(&ledger.definition.title).to_owned(),
            count,
        });
    }
    let page = Page { task: task.id.to_string(), title: task.title.clone(), ledgers: choices };
    viewer.page(&app, "exchange/ledger_subjects.html", "tasks-ledger-title", Some(Tab::Tasks), page)
}

/// `POST /tasks/{id}/ledger`: takes its members that the viewer may read.
pub async fn take(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let task = listed(&app, &viewer, id).await?;
    let ledger: Option<Id> = posted.get("ledger").and_then(|text| text.parse().ok());
    let ledger = match ledger {
        Some(ledger) => ledgers::find(&mut app.read(), ledger).await?.ok_or(AppError::NotFound)?,
        None => return Err(AppError::NotFound),
    };
    let read = taken(&app, &viewer, &task, &ledger).await?;
    let text = viewer.text("tasks-rows", &[("n", read.rows.into())]);
    Ok(redirect_with_toast(format!("/tasks/{id}/subjects"), ToastKind::Good, text))
}

/// The members that the viewer may read, as rows of the task.
async fn taken(app: &App, viewer: &Viewer, task: &Task, ledger: &ledgers::Ledger) -> Result<rows::Read, AppError> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let members = ledgers::members(app, &viewer.principal, &ledger.definition, after.as_deref(), PAGE).await?;
        let Some(last) = members.last() else { break };
        after = Some(last.cursor.clone());
        subjects.extend(members.into_iter().map(|member| Subject {
            shard: member.subject.shard,
            id: member.subject.id,
            place: member.place,
            label: member.label,
        }));
        if subjects.len() > MOST {
            return Err(AppError::Conflict("tasks-conflict-too-many"));
        }
    }
    rows::from_subjects_by(app, task, subjects, &viewer.actor()).await
}

/// What of this room programs can ask.
pub const OPERATIONS: &[Operation] = &[Operation {
    path: "/api/v1/tasks/{id}/subjects/ledger",
    tag: "tasks",
    summary: "The members of a ledger that the caller may read as the subjects of a listed draft",
    permission: Some(Permission::TaskIssue),
    request: Some(ledger_schema),
    status: 200,
    response: Some(read_schema),
    ..Operation::POST
}];

fn ledger_schema() -> Value {
    json!({"type": "object", "required": ["ledger"], "properties": {"ledger": {"type": "string", "format": "uuid"}}})
}

/// Which ledger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    ledger: Id,
}

/// `POST /api/v1/tasks/{id}/subjects/ledger`
pub async fn api_take(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Chosen>,
) -> Result<Json<Value>, AppError> {
    let task = listed(&app, &viewer, id).await?;
    let ledger = ledgers::find(&mut app.read(), sent(body)?.ledger).await?;
    let ledger = ledger.ok_or_else(|| AppError::invalid("/ledger", "tasks-need-ledger"))?;
    Ok(Json(read_json(&viewer, &taken(&app, &viewer, &task, &ledger).await?)))
}
