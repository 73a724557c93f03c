//! The second step of a task: its subjects, from a sheet or as the units of a level.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use web::Choice;

use super::model::{Task, TaskShape};
use super::own::own;
use super::pages::{ErrorLine, TaskHead, head, steps, titled, told};
use super::{rows, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::platform::ids::Id;

#[derive(Serialize)]
struct WhomPage {
    steps: Vec<String>,
    task: TaskHead,
    errors: Vec<ErrorLine>,
    listed: bool,
    rows: i64,
    faulty: i64,
    columns: Vec<String>,
    levels: Vec<Choice>,
    read: Option<ReadNote>,
}

#[derive(Serialize)]
struct ReadNote {
    faults: Vec<String>,
    skipped: Vec<String>,
    unknown: Vec<String>,
}

async fn whom_page(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    faults: &[Fault],
    read: Option<rows::Read>,
) -> Result<Html<String>, AppError> {
    let (count, faulty) = store::rows_count(&mut app.read(), task.id).await?;
    let form = forms::published(app, task.form_version_id).await?;
    let lang = forms::language(viewer.lang);
    let columns = form.compiled.fields().iter().map(|field| field.label().get(lang).to_owned()).collect();
    let note = read.map(|read| ReadNote {
        faults: read
            .faults
            .iter()
            .map(|(row, why)| {
                let why = rows::fault_text(viewer.lang, why);
                viewer.text("tasks-row-skipped", &[("row", (*row).to_string().into()), ("why", why.into())])
            })
            .collect(),
        skipped: read
            .skipped
            .iter()
            .take(10)
            .map(|(row, why)| {
                viewer.text("tasks-row-skipped", &[("row", (*row).to_string().into()), ("why", why.as_str().into())])
            })
            .collect(),
        unknown: read.unknown_columns,
    });
    let page = WhomPage {
        steps: steps(viewer),
        task: head(task),
        errors: told(viewer, faults),
        listed: task.shape() == TaskShape::Listed,
        rows: count,
        faulty,
        columns,
        levels: [5_i64, 4, 3]
            .map(|level| Choice::new(level.to_string(), viewer.text(&format!("tasks-level-{level}"), &[])))
            .to_vec(),
        read: note,
    };
    titled(app, viewer, task, "tasks/whom.html", !page.errors.is_empty(), page)
}

/// `GET /tasks/{id}/subjects`
pub async fn subjects(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    whom_page(&app, &viewer, &task, &[], None).await
}

/// `POST /tasks/{id}/subjects/upload`: a sheet with one row per person.
pub async fn upload(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    mut body: Multipart,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    let form = forms::published(&app, task.form_version_id).await?;
    let mut read = Err(AppError::invalid("file", "tasks-need-file"));
    while let Some(part) = body.next_field().await.map_err(|_| AppError::TooLarge)? {
        if part.name() != Some("file") {
            continue;
        }
        let name = part.file_name().unwrap_or("sheet").to_owned();
        let bytes = part.bytes().await.map_err(|_| AppError::TooLarge)?;
        if !bytes.is_empty() {
            read = rows::from_sheet(&app, &task, &form.compiled, &name, &bytes, &viewer.actor(), viewer.lang).await;
        }
    }
    match read {
        Ok(read) => Ok(whom_page(&app, &viewer, &task, &[], Some(read)).await?.into_response()),
        Err(AppError::Invalid(faults)) => {
            let page = whom_page(&app, &viewer, &task, &faults, None).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `POST /tasks/{id}/subjects`: the units of a level, for discovery and unit return.
pub async fn take_units(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    if task.shape() == TaskShape::Listed {
        return Err(AppError::Conflict("tasks-conflict-listed"));
    }
    let level = posted.get("level").and_then(|text| text.parse().ok()).filter(|level| (3..=5).contains(level));
    let Some(level) = level else {
        let page = whom_page(&app, &viewer, &task, &[Fault::new("level", "tasks-need-level")], None).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let read = rows::from_units_by(&app, &task, level, &viewer.actor()).await?;
    Ok(whom_page(&app, &viewer, &task, &[], Some(read)).await?.into_response())
}
