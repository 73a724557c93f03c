//! Acts on items from pages: one by one or ticked in a list. Each is a plain form; after it one is back
//! where one was, with what was done.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::{Tab, ToastKind};

use super::acts::{self, By};
use super::ends::{self, Why};
use super::holding;
use super::item_pages::{Pairs, value};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::reveal::reveal;
use crate::error::AppError;
use crate::forms;
use crate::platform::http::{local_path, redirect_with_toast};
use crate::platform::ids::Id;

fn ids(pairs: &[(String, String)]) -> Vec<Id> {
    pairs.iter().filter(|(name, _)| name == "item").filter_map(|(_, id)| id.parse().ok()).collect()
}

fn back(pairs: &[(String, String)]) -> String {
    let path = value(pairs, "back").unwrap_or("/work");
    local_path(path).to_owned()
}

/// A user's mistake leads back with what to do; everything else goes on as an error.
fn answer(
    viewer: &Viewer,
    pairs: &[(String, String)],
    done: Result<usize, AppError>,
    toast: &str,
) -> Result<Response, AppError> {
    match done {
        Ok(count) => {
            Ok(redirect_with_toast(back(pairs), ToastKind::Good, viewer.text(toast, &[("n", (count as i64).into())])))
        }
        Err(AppError::Invalid(faults)) => {
            let text = faults.iter().map(|fault| fault.text(viewer.lang)).collect::<Vec<_>>().join("；");
            Ok(redirect_with_toast(back(pairs), ToastKind::Danger, text))
        }
        Err(AppError::Conflict(key)) => Ok(redirect_with_toast(back(pairs), ToastKind::Warn, viewer.text(key, &[]))),
        Err(other) => Err(other),
    }
}

/// `POST /items/claim`
pub async fn claim(State(app): State<App>, viewer: Viewer, Form(pairs): Pairs) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let done = holding::claim(&app, &By::of(&viewer), &ids(&pairs)).await;
    answer(&viewer, &pairs, done, "work-claimed-toast")
}

/// `POST /items/give`: to the post named; without one, back to 待认领
pub async fn give(State(app): State<App>, viewer: Viewer, Form(pairs): Pairs) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let post = value(&pairs, "post").filter(|post| !post.is_empty());
    let post = match post.map(str::parse::<Id>) {
        Some(Err(_)) => return answer(&viewer, &pairs, Err(AppError::invalid("post", "work-post-elsewhere")), ""),
        Some(Ok(id)) => Some(id),
        None => None,
    };
    let done = holding::give(&app, &By::of(&viewer), &ids(&pairs), post).await;
    answer(&viewer, &pairs, done, if post.is_some() { "work-given-toast" } else { "work-put-back-toast" })
}

/// `POST /items/return`
pub async fn return_items(State(app): State<App>, viewer: Viewer, Form(pairs): Pairs) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let done = holding::return_items(&app, &By::of(&viewer), &ids(&pairs), value(&pairs, "reason").unwrap_or("")).await;
    answer(&viewer, &pairs, done, "work-returned-toast")
}

/// `POST /items/recall`
pub async fn recall(State(app): State<App>, viewer: Viewer, Form(pairs): Pairs) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let done = holding::recall(&app, &By::of(&viewer), &ids(&pairs), value(&pairs, "reason").unwrap_or("")).await;
    answer(&viewer, &pairs, done, "work-recalled-toast")
}

/// `POST /items/transfer`
pub async fn transfer(State(app): State<App>, viewer: Viewer, Form(pairs): Pairs) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let done = match value(&pairs, "to").and_then(|id| id.parse().ok()) {
        Some(to) => {
            holding::transfer(&app, &By::of(&viewer), &ids(&pairs), to, value(&pairs, "reason").unwrap_or("")).await
        }
        None => Err(AppError::invalid("to", "work-unit-elsewhere")),
    };
    answer(&viewer, &pairs, done, "work-transferred-toast")
}

#[derive(Serialize)]
struct ActPage {
    id: String,
    name: String,
    task: String,
    kind: &'static str,
    whys: Vec<(String, String)>,
    why: String,
    fields: Vec<(String, String)>,
    chosen: Vec<String>,
    reason: String,
    error: Option<String>,
    back: String,
}

/// The page that asks why: return, void, correction.
async fn ask(
    app: &App,
    viewer: &Viewer,
    id: Id,
    kind: &'static str,
    pairs: &[(String, String)],
    error: Option<String>,
) -> Result<Response, AppError> {
    let (task, item) = acts::load(app, &By::of(viewer), id).await?;
    let form = forms::published(app, task.form_version_id).await?;
    let lang = forms::language(viewer.lang);
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = ActPage {
        id: id.to_string(),
        name: item.label.clone(),
        task: task.title.clone(),
        kind,
        whys: Why::ALL
            .iter()
            .map(|why| (why.key().to_owned(), viewer.text(&format!("work-void-{}", why.key()), &[])))
            .collect(),
        why: value(pairs, "why").unwrap_or("").to_owned(),
        fields: form.compiled.fields().iter().map(|f| (f.key().to_owned(), f.label().get(lang).to_owned())).collect(),
        chosen: pairs.iter().filter(|(name, _)| name == "field").map(|(_, key)| key.clone()).collect(),
        reason: value(pairs, "reason").unwrap_or("").to_owned(),
        back: if kind == "return" { format!("/work/{}", task.id) } else { format!("/items/{id}") },
        error,
    };
    let mut frame = viewer.frame(app, viewer.text(&format!("work-{kind}-title"), &[]), Some(Tab::Tasks));
    frame.has_errors = page.error.is_some();
    Ok((status, viewer.render(app, "work/act.html", &frame, page)?).into_response())
}

/// `GET /items/{id}/return`
pub async fn ask_return(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    ask(&app, &viewer, id, "return", &[], None).await
}

/// `GET /items/{id}/void`
pub async fn ask_void(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    ask(&app, &viewer, id, "void", &[], None).await
}

/// `POST /items/{id}/void`
pub async fn propose(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let Some(why) = value(&pairs, "why").and_then(Why::from_key) else {
        return ask(&app, &viewer, id, "void", &pairs, Some(viewer.text("work-why-needed", &[]))).await;
    };
    match ends::propose_void(&app, &By::of(&viewer), id, why, value(&pairs, "reason").unwrap_or("")).await {
        Ok(()) => Ok(redirect_with_toast(format!("/items/{id}"), ToastKind::Good, viewer.text("work-void-toast", &[]))),
        Err(AppError::Invalid(faults)) => {
            let text = faults.first().map(|fault| fault.text(viewer.lang));
            ask(&app, &viewer, id, "void", &pairs, text).await
        }
        Err(other) => Err(other),
    }
}

/// `POST /items/{id}/void/settle`
pub async fn settle(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let confirm = value(&pairs, "answer") == Some("confirm");
    let done = ends::settle_void(&app, &By::of(&viewer), id, confirm, value(&pairs, "reason").unwrap_or("")).await;
    let mut pairs = pairs;
    pairs.push(("back".into(), format!("/items/{id}")));
    answer(
        &viewer,
        &pairs,
        done.map(|()| 1),
        if confirm { "work-void-confirmed-toast" } else { "work-void-refused-toast" },
    )
}

/// `GET /items/{id}/correct`
pub async fn ask_correct(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    ask(&app, &viewer, id, "correct", &[], None).await
}

/// `POST /items/{id}/correct`
pub async fn correct(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let fields: Vec<String> = pairs.iter().filter(|(name, _)| name == "field").map(|(_, key)| key.clone()).collect();
    match ends::correct(&app, &By::of(&viewer), id, &fields, value(&pairs, "reason").unwrap_or("")).await {
        Ok(()) => {
            Ok(redirect_with_toast(format!("/items/{id}"), ToastKind::Good, viewer.text("work-correct-toast", &[])))
        }
        Err(AppError::Invalid(faults)) => {
            let text = faults.first().map(|fault| fault.text(viewer.lang));
            ask(&app, &viewer, id, "correct", &pairs, text).await
        }
        Err(other) => Err(other),
    }
}

#[derive(Serialize)]
struct CallPage {
    name: String,
    number: String,
    back: String,
}

/// `POST /items/{id}/call`: the number of the subject in clear, for this visit; the look is logged.
pub async fn call(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonReveal)?;
    let by = By::of(&viewer);
    let (task, item) = acts::load(&app, &by, id).await?;
    if !by.handles(&app, &item) {
        return Err(AppError::Forbidden);
    }
    let reason = viewer.text("work-call-reason", &[("task", task.title.into())]);
    let number = reveal(&app, &viewer, item.subject_id.ok_or(AppError::NotFound)?, "mobile", &reason).await?;
    let page = CallPage {
        name: item.label.clone(),
        number,
        back: form.get("back").map_or_else(|| format!("/items/{id}"), |path| local_path(path).to_owned()),
    };
    let frame = viewer.frame(&app, viewer.text("work-call-title", &[]), Some(Tab::Tasks));
    Ok(viewer.render(&app, "work/call.html", &frame, page)?.into_response())
}
