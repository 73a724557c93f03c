//! Pages of boards.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Html;
use serde::Deserialize;
use web::Tab;
use web::pages::boards::{BoardList, BoardRow};

use super::summary::{self, TaskSummary};
use super::{Axis, board, kept, view};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// Boards on one page of the list: each costs one snapshot.
const PAGE: i64 = 20;

/// Which node is asked for; without one, the highest that the viewer may see.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// place or organization
    #[serde(default)]
    pub node: Option<Id>,
    /// `place` or `org`
    #[serde(default)]
    pub axis: Option<String>,
}

/// The place in the list, `created_at,id` of the last row.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct From {
    /// opaque
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A cursor's position; what is not one of ours begins at the top.
pub fn position(cursor: Option<&str>) -> Option<(i64, Id)> {
    let (at, id) = cursor?.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

/// `GET /boards`
pub async fn list(State(app): State<App>, viewer: Viewer, Query(from): Query<From>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::BoardRead)?;
    let tasks = summary::tasks(&app, &viewer.principal, position(from.cursor.as_deref()), PAGE + 1).await?;
    let next = tasks.get(PAGE as usize).is_some().then(|| tasks.get(PAGE as usize - 1)).flatten();
    let next = next.map(|task| format!("?cursor={}.{}", task.created_at, task.id));
    let mut boards = Vec::new();
    for task in tasks.iter().take(PAGE as usize) {
        boards.extend(row(&app, &viewer, task).await?);
    }
    viewer.page(&app, "boards/list.html", "boards-title", Some(Tab::Boards), BoardList { boards, next })
}

async fn row(app: &App, viewer: &Viewer, task: &TaskSummary) -> Result<Option<BoardRow>, AppError> {
    let Some((axis, node)) = summary::entry(app, viewer, task, None) else { return Ok(None) };
    let board = board(app, task.id, axis, node).await?;
    let here = &board.here;
    let name = match axis {
        Axis::Place => app.geography().get(node).map(|place| place.name.to_owned()),
        Axis::Organization => app.directory().organization(node).map(|unit| unit.short_name.clone()),
    };
    let args = [("place", name.unwrap_or_default().into()), ("due", here.due().into()), ("done", here.ended().into())];
    Ok(Some(BoardRow {
        title: viewer.lang.pick(&task.title()).to_owned(),
        href: format!("/boards/{}", task.id),
        note: viewer.text("boards-row", &args),
        percent: here.percent(),
        state: (task.state == "ended").then(|| viewer.text("boards-ended", &[])),
    }))
}

/// The task and node asked for, if the viewer may see its totals; otherwise it does not exist.
pub async fn resolve(
    app: &App,
    viewer: &Viewer,
    task: Id,
    asked: &Asked,
) -> Result<(Arc<TaskSummary>, Axis, Id), AppError> {
    viewer.principal.require(Permission::BoardRead)?;
    let task = kept::task(app, &viewer.principal, task).await?;
    let axis = asked.axis.as_deref().and_then(Axis::from_key);
    let Some(node) = asked.node else {
        let (axis, node) = summary::entry(app, viewer, &task, axis).ok_or(AppError::NotFound)?;
        return Ok((task, axis, node));
    };
    let axis = axis.unwrap_or(Axis::Place);
    let known = match axis {
        Axis::Place => app.geography().get(node).is_some(),
        Axis::Organization => app.directory().organization(node).is_some(),
    };
    if known && summary::may_see(app, viewer, &task, axis, node) {
        Ok((task, axis, node))
    } else {
        Err(AppError::NotFound)
    }
}

/// `GET /boards/{task}`
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, AppError> {
    let (task, axis, node) = resolve(&app, &viewer, task, &asked).await?;
    let page = view::page(&app, &viewer, &task, axis, node).await?;
    let frame = viewer.frame(&app, page.title.clone(), Some(Tab::Boards));
    viewer.render(&app, "boards/show.html", &frame, page)
}

/// `GET /boards/{task}/fragment`: what changes by itself.
pub async fn fragment(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, AppError> {
    let (task, axis, node) = resolve(&app, &viewer, task, &asked).await?;
    let page = view::page(&app, &viewer, &task, axis, node).await?;
    let frame = viewer.frame(&app, page.title.clone(), Some(Tab::Boards));
    viewer.render(&app, "boards/fragment.html", &frame, page)
}
