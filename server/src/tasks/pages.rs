//! Pages of a task's maker: the list, the last step (look and send), the overview, and what all four steps share.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use web::{Field, Tab, ToastKind};

use super::model::Task;
use super::own::{known, own};
use super::{dispatch, dry_run, show, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::Id;

/// The names of the four steps.
pub(super) fn steps(viewer: &Viewer) -> Vec<String> {
    ["tasks-step-what", "tasks-step-whom", "tasks-step-how", "tasks-step-send"]
        .map(|key| viewer.text(key, &[]))
        .to_vec()
}

/// Faults by field name, for fields and the summary above.
pub(super) fn told(viewer: &Viewer, faults: &[Fault]) -> Vec<ErrorLine> {
    faults.iter().map(|fault| ErrorLine { name: fault.at.clone(), text: fault.text(viewer.lang) }).collect()
}

/// One line of the error summary.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine {
    /// the field
    pub name: String,
    /// what is wrong with it
    pub text: String,
}

/// Fields with what is wrong with them.
pub(super) fn with_errors(mut fields: Vec<Field>, errors: &[ErrorLine]) -> Vec<Field> {
    for field in &mut fields {
        field.error = errors.iter().find(|error| error.name == field.name).map(|error| error.text.clone());
    }
    fields
}

/// The task that a step is about.
#[derive(Serialize)]
pub(super) struct TaskHead {
    id: String,
    title: String,
    version: i64,
}

/// Of a task.
pub(super) fn head(task: &Task) -> TaskHead {
    TaskHead { id: task.id.to_string(), title: task.title.clone(), version: task.version }
}

/// A page under a task's title.
pub(super) fn titled(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    template: &str,
    has_errors: bool,
    page: impl Serialize,
) -> Result<Html<String>, AppError> {
    let mut frame = viewer.frame(app, task.title.clone(), Some(Tab::Tasks));
    frame.has_errors = has_errors;
    viewer.render(app, template, &frame, page)
}

/// `GET /tasks/{id}/dry-run`: the newest dry run, made now when there is none of this version.
pub async fn look(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    if task.state != "draft" {
        return Ok(redirect(&format!("/tasks/{id}")));
    }
    let (count, _) = store::rows_count(&mut app.read(), id).await?;
    if count == 0 {
        let text = viewer.text("tasks-need-subjects", &[]);
        return Ok(redirect_with_toast(format!("/tasks/{id}/subjects"), ToastKind::Warn, text));
    }
    let run = match dry_run::latest(&mut app.read(), id).await? {
        Some(run) if run.task_version == task.version => run,
        _ => dry_run::dry_run(&app, id, viewer.principal.account()).await?,
    };
    let page = show::send_page(&app, &viewer, &task, &run, steps(&viewer)).await?;
    Ok(titled(&app, &viewer, &task, "tasks/send.html", false, page)?.into_response())
}

/// `POST /tasks/{id}/dispatch`
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    own(&app, &viewer, id).await?;
    let version = posted.get("version").and_then(|text| text.parse().ok());
    dispatch::begin(&app, id, version, &viewer.actor()).await?;
    Ok(redirect(&format!("/tasks/{id}")))
}

/// `POST /tasks/{id}/end`
pub async fn end(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    own(&app, &viewer, id).await?;
    dispatch::end(&app, id, &viewer.actor()).await?;
    Ok(redirect_with_toast(format!("/tasks/{id}"), ToastKind::Good, viewer.text("tasks-ended-toast", &[])))
}

/// `GET /tasks`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskRead)?;
    let page = show::list_page(&app, &viewer).await?;
    viewer.page(&app, "tasks/list.html", "tasks-title", Some(Tab::Tasks), page)
}

/// `GET /tasks/{id}`
pub async fn overview(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let task = known(&app, &viewer, id).await?;
    if task.state == "draft" {
        return Ok(redirect(&format!("/tasks/{id}/subjects")));
    }
    let page = show::overview_page(&app, &viewer, &task).await?;
    Ok(titled(&app, &viewer, &task, "tasks/overview.html", false, page)?.into_response())
}

/// `GET /tasks/{id}/fragment`: the live part of the overview.
pub async fn fragment(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let task = known(&app, &viewer, id).await?;
    let page = show::overview_page(&app, &viewer, &task).await?;
    titled(&app, &viewer, &task, "tasks/overview_live.html", false, page)
}
