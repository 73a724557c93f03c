//! `/jobs/{id}`: how far long work is, for whoever asked for it.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Html;
use serde::Serialize;
use serde_json::{Value, json};
use web::TextArg;

use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;
use crate::platform::jobs::{self, Job};

#[derive(Serialize)]
struct JobPage {
    id: String,
    state: String,
    title: String,
    message: String,
    done: i64,
    total: i64,
    percent: i64,
    href: Option<String>,
    faults: Vec<String>,
    began: String,
    ended: Option<String>,
}

/// The job when the viewer asked for it; anybody else's does not exist.
async fn own(app: &App, viewer: &Viewer, id: Id) -> Result<Job, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    jobs::find(&mut app.read(), id).await?.filter(|job| job.created_by == Some(account)).ok_or(AppError::NotFound)
}

fn faults(viewer: &Viewer, result: &Value) -> Vec<String> {
    let detail = result["detail"]
        .as_str()
        .or_else(|| result["code"].as_str().filter(|_| result["faults"].as_array().is_none_or(Vec::is_empty)));
    let named = result["faults"].as_array().into_iter().flatten().map(|fault| {
        let pairs: Vec<(String, String)> = serde_json::from_value(fault["args"].clone()).unwrap_or_default();
        let args: Vec<(&str, TextArg<'_>)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().into())).collect();
        viewer.text(fault["key"].as_str().unwrap_or("errors-code-invalid"), &args)
    });
    let words = detail.map(|key| {
        if key.contains('-') && result["detail"].is_string() {
            viewer.text(key, &[])
        } else {
            viewer.text(&format!("errors-code-{key}"), &[])
        }
    });
    words.into_iter().chain(named).collect()
}

fn view(app: &App, viewer: &Viewer, job: &Job) -> JobPage {
    let result: Value = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    JobPage {
        id: job.id.to_string(),
        state: job.state.clone(),
        title: viewer.text(&format!("jobs-kind-{}", job.kind.replace('.', "-")), &[]),
        message: viewer.text(&job.message, &[]),
        done: job.done,
        total: job.total,
        percent: if job.state == "done" { 100 } else { web::percent_of(job.done, job.total) },
        href: result["href"].as_str().filter(|_| job.state == "done").map(str::to_owned),
        faults: if job.state == "failed" { faults(viewer, &result) } else { Vec::new() },
        began: app.clock.minute_text(job.created_at),
        ended: job.finished_at.map(|at| app.clock.minute_text(at)),
    }
}

/// `GET /jobs/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let job = own(&app, &viewer, id).await?;
    viewer.page(&app, "jobs/page.html", "jobs-title", None, view(&app, &viewer, &job))
}

/// `GET /jobs/{id}/fragment`: the inner part, for the live page.
pub async fn fragment(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let job = own(&app, &viewer, id).await?;
    viewer.page(&app, "jobs/fragment.html", "jobs-title", None, view(&app, &viewer, &job))
}

/// `GET /api/v1/jobs/{id}`
pub async fn api(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    let job = own(&app, &viewer, id).await?;
    let result: Value = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(Json(json!({
        "id": job.id, "kind": job.kind, "state": job.state, "done": job.done, "total": job.total,
        "message": viewer.text(&job.message, &[]), "attempts": job.attempts, "result": result,
    })))
}
