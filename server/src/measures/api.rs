//! Totals as JSON.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::kept::written;
use super::pages::{Asked, position, resolve};
use super::summary::TaskSummary;
use super::{Axis, Board, Node, board, summary};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::{Operation, Param};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/boards",
        tag: "boards",
        summary: "Tasks of whose totals the caller may see some, newest first",
        permission: Some(Permission::BoardRead),
        paged: true,
        response: Some(item_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/boards/{task}",
        tag: "boards",
        summary: "Totals of one node of a task and of the nodes below it, in one snapshot",
        permission: Some(Permission::BoardRead),
        query: &[
            Param { name: "node", about: "place or organization; the highest that the caller may see when absent" },
            Param { name: "axis", about: "place or org" },
        ],
        response: Some(board_schema),
        ..Operation::GET
    },
];

fn item_schema() -> Value {
    json!({"type": "object", "properties": {"task": {"type": "string", "format": "uuid"}, "title": {"type": "object"},
        "state": {"type": "string"}, "node": {"type": "string", "format": "uuid"}, "axis": {"enum": ["place", "org"]}}})
}

fn board_schema() -> Value {
    let count = json!({"type": "integer"});
    let node = json!({"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"},
        "due": count, "ended": count, "percent": count, "totals": {"type": "object", "additionalProperties": count},
        "late": count, "soon": count, "unclaimed": count, "waiting": count}});
    json!({"type": "object", "properties": {"task": {"type": "string", "format": "uuid"}, "title": {"type": "object"},
        "axis": {"enum": ["place", "org"]}, "as_of": count, "open_as_of": count, "here": node, "children": {"type": "array", "items": node},
        "days": {"type": "object"}}})
}

/// Totals of one node.
#[derive(Debug, Serialize)]
struct NodeJson<'a> {
    /// place or organization
    id: Id,
    name: &'a str,
    /// assigned without void
    due: i64,
    /// done and waived
    ended: i64,
    /// whole percent, rounded down
    percent: i64,
    /// by measure; zeros are left out
    totals: Totals<'a>,
    /// past due
    late: i64,
    /// due within 24 hours
    soon: i64,
    /// claimed by nobody for more than a day
    unclaimed: i64,
    /// waiting for review or confirmation for more than two days
    waiting: i64,
}

#[derive(Debug)]
struct Totals<'a>(&'a BTreeMap<String, i64>);

impl Serialize for Totals<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(_, total)| **total != 0))
    }
}

/// One board.
#[derive(Debug, Serialize)]
struct BoardJson<'a> {
    task: Id,
    title: web::LangMap,
    axis: &'static str,
    /// instant of the snapshot, UTC microseconds
    as_of: i64,
    /// the same of late, soon, unclaimed and waiting; what they say has not changed since
    open_as_of: i64,
    here: NodeJson<'a>,
    /// directly below, in the order of the tree
    children: Vec<NodeJson<'a>>,
    /// by civil date and measure, what was added
    days: &'a BTreeMap<String, BTreeMap<String, i64>>,
}

fn node_json<'a>(node: &'a Node, name: Option<&'a str>, now: i64) -> NodeJson<'a> {
    let open = node.work.at(now);
    NodeJson {
        id: node.id,
        name: name.unwrap_or_default(),
        due: node.due(),
        ended: node.ended(),
        percent: node.percent(),
        totals: Totals(&node.totals),
        late: open.late,
        soon: open.soon,
        unclaimed: open.unclaimed,
        waiting: open.waiting,
    }
}

/// `GET /api/v1/boards/{task}?node=&axis=`
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(asked): Query<Asked>,
) -> Result<Response, AppError> {
    let (task, axis, node) = resolve(&app, &viewer, task, &asked).await?;
    let found = board(&app, task.id, axis, node).await?;
    let open_as_of = app.now();
    let text = written(&app, (task.id, axis), &found, open_as_of, || write(&app, &task, axis, &found, open_as_of))
        .map_err(StoreError::from)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

fn write(
    app: &App,
    task: &TaskSummary,
    axis: Axis,
    found: &Board,
    open_as_of: i64,
) -> Result<Vec<u8>, serde_json::Error> {
    let (geography, directory) = (app.geography(), app.directory());
    let name_of = |id| match axis {
        Axis::Place => geography.get(id).map(|place| place.name),
        Axis::Organization => directory.organization(id).map(|unit| unit.name.as_str()),
    };
    let json = |node| node_json(node, name_of(node.id), open_as_of);
    let answer = BoardJson {
        task: task.id,
        title: task.title(),
        axis: axis.key(),
        as_of: found.as_of,
        open_as_of,
        here: json(&found.here),
        children: found.children.iter().map(json).collect(),
        days: &found.days,
    };
    serde_json::to_vec(&answer)
}

/// Which page of the list.
#[derive(Debug, Default, Deserialize)]
pub struct PageAsked {
    /// opaque
    #[serde(default)]
    pub cursor: Option<String>,
    /// at most 200
    #[serde(default)]
    pub limit: Option<i64>,
}

/// One board of the list.
#[derive(Debug, Serialize)]
pub struct BoardItem {
    /// the task
    pub task: Id,
    /// by language
    pub title: web::LangMap,
    /// `running`, `ended`
    pub state: String,
    /// the node from which the caller sees it
    pub node: Id,
    /// its axis
    pub axis: &'static str,
}

/// A page of the list.
#[derive(Debug, Serialize)]
pub struct BoardItems {
    /// newest first
    pub items: Vec<BoardItem>,
    /// for the next page, none at the end
    pub next_cursor: Option<String>,
}

/// `GET /api/v1/boards`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<PageAsked>,
) -> Result<Json<BoardItems>, AppError> {
    viewer.principal.require(Permission::BoardRead)?;
    let limit = asked.limit.unwrap_or(50).clamp(1, 200);
    let mut tasks = summary::tasks(&app, &viewer.principal, position(asked.cursor.as_deref()), limit + 1).await?;
    let more = tasks.len() as i64 > limit;
    tasks.truncate(limit as usize);
    let next_cursor = tasks.last().filter(|_| more).map(|task| format!("{}.{}", task.created_at, task.id));
    let items = tasks
        .into_iter()
        .filter_map(|task| {
            let (axis, node) = summary::entry(&app, &viewer, &task, None)?;
            Some(BoardItem { task: task.id, title: task.title(), state: task.state, node, axis: axis.key() })
        })
        .collect();
    Ok(Json(BoardItems { items, next_cursor }))
}
