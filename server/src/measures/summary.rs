//! Which boards a principal may see, and from which node on.

use web::LangMap;

use super::store::{find_sql, list_sql};
use super::{Axis, Measures};
use crate::access::{Permission, Principal, Scope, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::Id;

/// What a board must know of its task.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TaskSummary {
    /// the task
    pub id: Id,
    /// language map as JSON, or plain Chinese
    pub title: String,
    /// top of its place axis
    pub root_place: Id,
    /// top of its organization axis
    pub issuer_organization: Id,
    /// JSON of [`Measures`]
    pub measures: String,
    /// UTC microseconds
    pub deadline_at: Option<i64>,
    /// `running`, `ended` …
    pub state: String,
    /// UTC microseconds
    pub created_at: i64,
}

impl TaskSummary {
    /// By language.
    pub fn title(&self) -> LangMap {
        serde_json::from_str(&self.title).unwrap_or_else(|_| LangMap::from([("zh-CN".into(), self.title.clone())]))
    }

    /// The declared measures.
    pub fn measures(&self) -> Result<Measures, StoreError> {
        Measures::parse(&self.measures)
    }
}

/// A published task by id, if the principal may see some of its totals; otherwise it does not exist.
pub async fn task(app: &App, principal: &Principal, id: Id) -> Result<TaskSummary, AppError> {
    let mut args = Vec::new();
    let sql = find_sql(principal, id, &mut args);
    app.read().all_built(sql, args).await?.into_iter().next().ok_or(AppError::NotFound)
}

/// The tasks of whose totals the principal may see some, newest first.
pub async fn tasks(
    app: &App,
    principal: &Principal,
    before: Option<(i64, Id)>,
    limit: i64,
) -> Result<Vec<TaskSummary>, AppError> {
    let mut args = Vec::new();
    let sql = list_sql(principal, before, limit, &mut args);
    Ok(app.read().all_built(sql, args).await?)
}

/// Whether the viewer may see the totals of a node. The issuing organization sees its own task whole;
/// others what their scope reaches.
pub fn may_see(app: &App, viewer: &Viewer, task: &TaskSummary, axis: Axis, node: Id) -> bool {
    let (geography, directory) = (app.geography(), app.directory());
    if viewer.may(app, Permission::BoardRead, None, Some(task.issuer_organization)) {
        return true;
    }
    match axis {
        Axis::Place => {
            geography.contains(task.root_place, node) && viewer.may(app, Permission::BoardRead, Some(node), None)
        }
        Axis::Organization => {
            let place = directory.organization(node).and_then(|organization| organization.place);
            viewer.may(app, Permission::BoardRead, place, Some(node))
        }
    }
}

/// The node from which the viewer sees the task: its top, or the highest place or unit within scope.
pub fn entry(app: &App, viewer: &Viewer, task: &TaskSummary, axis: Option<Axis>) -> Option<(Axis, Id)> {
    let geography = app.geography();
    let wants = |asked: Axis| axis.is_none_or(|axis| axis == asked);
    if wants(Axis::Place) && may_see(app, viewer, task, Axis::Place, task.root_place) {
        return Some((Axis::Place, task.root_place));
    }
    let scopes = || viewer.principal.grants.iter().filter(|grant| grant.permission == Permission::BoardRead);
    let place = scopes().find_map(|grant| match grant.scope {
        Scope::Place(place) if geography.contains(task.root_place, place) => Some(place),
        _ => None,
    });
    if let (true, Some(place)) = (wants(Axis::Place), place) {
        return Some((Axis::Place, place));
    }
    if !wants(Axis::Organization) {
        return None;
    }
    let top = governing_top(app, task);
    if top.is_some_and(|top| may_see(app, viewer, task, Axis::Organization, top)) {
        return top.map(|top| (Axis::Organization, top));
    }
    let directory = app.directory();
    scopes().find_map(|grant| match grant.scope {
        Scope::Organization(unit) => Some((Axis::Organization, unit)),
        Scope::Place(place) => directory.governing(place).map(|unit| (Axis::Organization, unit.id)),
        Scope::All => None,
    })
}

/// The top of the organization axis: the unit governing the task's root place, under which the holders
/// stand; the issuer's own highest unit where no unit governs it.
pub fn governing_top(app: &App, task: &TaskSummary) -> Option<Id> {
    let directory = app.directory();
    let highest = |id: Id| directory.chain(id).last().map(|organization| organization.id);
    match directory.governing(task.root_place) {
        Some(unit) => Some(unit.id),
        None => highest(task.issuer_organization),
    }
}
