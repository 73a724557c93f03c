//! Who holds an item: claim, give, put back, return to the giver, recall by one above, transfer to a sibling unit.

use std::collections::HashMap;

use super::acts::{self, By, Change};
use super::counters::{ids, way_up};
use super::dispatch::assignment_id;
use super::model::{Assignment, Item, ItemState, Task};
use super::store;
use crate::access::Permission;
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// Takes items of 待认领 for oneself.
pub async fn claim(app: &App, by: &By, items: &[Id]) -> Result<usize, AppError> {
    let post = by.principal.post().ok_or(AppError::Forbidden)?;
    by.principal.require(Permission::ItemHandle)?;
    let (task, items) = acts::load_many(app, by, items).await?;
    acts::running(&task)?;
    let now = app.now();
    let mut changes = Vec::new();
    for item in &items {
        if item.holder_post == Some(post) {
            continue;
        }
        if item.holder_post.is_some() {
            return Err(AppError::Conflict("work-conflict-claimed"));
        }
        if by.principal.organization() != Some(item.holder_organization) {
            return Err(AppError::Forbidden);
        }
        acts::to_be_done(item)?;
        let mut change = Change::of(item, "claimed", now);
        change.after.holder_post = Some(post);
        changes.push(change);
    }
    let count = changes.len();
    acts::write(app, &task, by, &[], changes).await?;
    Ok(count)
}

/// Gives items to a person of the organization that holds them; without a post they go back to 待认领.
pub async fn give(app: &App, by: &By, items: &[Id], post: Option<Id>) -> Result<usize, AppError> {
    let (task, items) = acts::load_many(app, by, items).await?;
    acts::running(&task)?;
    let directory = app.directory();
    let now = app.now();
    let mut changes = Vec::new();
    for item in &items {
        let own = post.is_none() && item.holder_post == by.principal.post() && by.handles(app, item);
        if !own && !by.assigns(app, item) {
            return Err(AppError::Forbidden);
        }
        acts::to_be_done(item)?;
        if let Some(post) = post {
            let known = directory.post(post).filter(|found| found.organization == item.holder_organization);
            let active = directory.holder(post).is_some_and(|holder| holder.state == "active");
            if known.is_none() || !active {
                return Err(AppError::invalid("post", "work-post-elsewhere"));
            }
        }
        let mut change = Change::of(item, if post.is_some() { "given" } else { "put_back" }, now);
        change.after.holder_post = post;
        changes.push(change);
    }
    let count = changes.len();
    acts::write(app, &task, by, &[], changes).await?;
    Ok(count)
}

/// Returns items to whoever gave them, with one reason; all or none are checked before any is moved.
pub async fn return_items(app: &App, by: &By, items: &[Id], why: &str) -> Result<usize, AppError> {
    let why = acts::reason(why)?;
    let (task, items) = acts::load_many(app, by, items).await?;
    acts::running(&task)?;
    let mut ways = Ways::default();
    let now = app.now();
    let mut changes = Vec::new();
    for item in &items {
        if !by.handles(app, item) {
            return Err(AppError::Forbidden);
        }
        movable(item)?;
        let from = ways.of(app, item.task_id, item.assignment_id).await?;
        if from.len() < 2 {
            return Err(AppError::Conflict("work-conflict-no-giver"));
        }
        let mut change = moved(item, "returned", &from, &from[1..], now);
        because(&mut change, &why);
        changes.push(change);
    }
    let count = changes.len();
    acts::write(app, &task, by, &[], changes).await?;
    Ok(count)
}

/// Takes items back from units below to one's own, with one reason: there they are open again and held by nobody. All or
/// none are checked before any is moved.
pub async fn recall(app: &App, by: &By, items: &[Id], why: &str) -> Result<usize, AppError> {
    let why = acts::reason(why)?;
    let (task, items) = acts::load_many(app, by, items).await?;
    acts::running(&task)?;
    let mut ways = Ways::default();
    let now = app.now();
    let mut changes = Vec::new();
    for item in &items {
        let from = ways.of(app, item.task_id, item.assignment_id).await?;
        let Some(to) = above(app, by, &from) else {
            let assigns = by.assigns(app, item);
            return Err(if assigns { AppError::Conflict("work-conflict-not-below") } else { AppError::Forbidden });
        };
        movable(item)?;
        let mut change = moved(item, "recalled", &from, &from[to..], now);
        because(&mut change, &why);
        changes.push(change);
    }
    let count = changes.len();
    acts::write(app, &task, by, &[], changes).await?;
    Ok(count)
}

/// Where on the way up, above its first unit, the own one stands, if one answers for it.
fn above(app: &App, by: &By, way: &[Assignment]) -> Option<usize> {
    let own = by.principal.organization()?;
    (1..way.len()).find(|&at| way[at].organization_id == own && by.answers_for(app, &way[at]))
}

/// Whether an item with this way up can be taken back to one's own unit.
pub fn may_recall(app: &App, by: &By, item: &Item, way: &[Assignment]) -> bool {
    movable(item).is_ok() && above(app, by, way).is_some()
}

/// Whether any of the items of a task can be.
pub async fn may_recall_some(app: &App, by: &By, task: &Task, items: &[Item]) -> Result<bool, AppError> {
    let own = by.principal.organization().filter(|_| by.principal.has(Permission::ItemAssign));
    let Some(own) = own.filter(|_| acts::running(task).is_ok()) else { return Ok(false) };
    // A unit without a part is above nobody.
    if store::assignment(&mut app.read(), task.id, assignment_id(task, own)).await.is_err() {
        return Ok(false);
    }
    let mut ways = Ways::default();
    for item in items.iter().filter(|item| item.holder_organization != own) {
        let way = ways.of(app, task.id, item.assignment_id).await?;
        if may_recall(app, by, item, &way) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The units that items of an assignment may go to: those beside it under the same giver (transfer), or
/// those directly below it (handing down again what came back).
pub fn neighbours(app: &App, task: &Task, own: &Assignment, below: bool) -> Vec<(Id, Id, String)> {
    let (geography, directory) = (app.geography(), app.directory());
    let above = if below { Some(own.place_id) } else { geography.get(own.place_id).and_then(|place| place.parent) };
    let places =
        above.into_iter().flat_map(|above| geography.children(above).map(|place| place.id).collect::<Vec<_>>());
    places
        .filter_map(|place| {
            let unit = directory.reached_from(task.issuer_organization, place)?;
            (unit.id != own.organization_id).then(|| (unit.id, place, unit.short_name.clone()))
        })
        .collect()
}

/// Moves items to a unit beside the present one, through the level above both, or to one directly below.
pub async fn transfer(app: &App, by: &By, items: &[Id], to: Id, why: &str) -> Result<usize, AppError> {
    let why = acts::reason(why)?;
    let (task, items) = acts::load_many(app, by, items).await?;
    acts::running(&task)?;
    let mut ways = Ways::default();
    let now = app.now();
    let mut changes = Vec::new();
    let mut made: Vec<Assignment> = Vec::new();
    for item in &items {
        if !by.assigns(app, item) {
            return Err(AppError::Forbidden);
        }
        movable(item)?;
        let from = ways.of(app, item.task_id, item.assignment_id).await?;
        let own = from.first().ok_or(AppError::NotFound)?;
        let pick = |below: bool| neighbours(app, &task, own, below).into_iter().find(|unit| unit.0 == to);
        let (above, place) = match (pick(false), from.get(1), pick(true)) {
            (Some((_, place, _)), Some(_), _) => (&from[1..], place),
            (_, _, Some((_, place, _))) => (&from[..], place),
            _ => return Err(AppError::invalid("to", "work-unit-elsewhere")),
        };
        let target = assignment(app, &task, above.first(), to, place, now);
        let mut way = vec![target.clone()];
        way.extend_from_slice(above);
        // A unit that has a part already keeps its place in the tree of assignments.
        if let Ok(known) = store::assignment(&mut app.read(), task.id, target.id).await {
            way = ways.of(app, task.id, known.id).await?;
        } else if !made.iter().any(|known| known.id == target.id) {
            made.push(target);
        }
        let mut change = moved(item, "transferred", &from, &way, now);
        because(&mut change, &why);
        changes.push(change);
    }
    let count = changes.len();
    acts::write(app, &task, by, &made, changes).await?;
    Ok(count)
}

/// Refuses an item that no act moves to another unit: it is not to be done any more, or was found in the field.
fn movable(item: &Item) -> Result<(), AppError> {
    acts::to_be_done(item)?;
    match item.parent_item_id {
        Some(_) => Err(AppError::Conflict("work-conflict-found")),
        None => Ok(()),
    }
}

/// Why it was moved: on the item, and in its history.
fn because(change: &mut Change, why: &str) {
    change.after.reason = Some(format!("{}|{why}", change.kind));
    change.note = Some(why.to_owned());
}

/// Whether an item is where it is because somebody returned it or took it back: a rule would send it down again to
/// where it came from.
pub fn came_back(item: &Item) -> bool {
    let kinds = ["returned|", "recalled|"];
    item.reason.as_deref().is_some_and(|reason| kinds.iter().any(|kind| reason.starts_with(kind)))
}

/// A change that takes an item from one assignment to another: open again, held by nobody.
pub fn moved(item: &Item, kind: &'static str, from: &[Assignment], to: &[Assignment], now: i64) -> Change {
    let mut change = Change::of(item, kind, now);
    ItemState::Open.key().clone_into(&mut change.after.state);
    change.after.holder_post = None;
    if let Some(target) = to.first() {
        change.after.assignment_id = target.id;
        change.after.holder_organization = target.organization_id;
    }
    change.ways = Some((ids(from), ids(to)));
    change
}

/// A unit's assignment as it is made when the first item reaches it.
pub fn assignment(app: &App, task: &Task, above: Option<&Assignment>, unit: Id, place: Id, now: i64) -> Assignment {
    Assignment {
        task_id: task.id,
        id: assignment_id(task, unit),
        parent_id: above.map(|above| above.id),
        organization_id: unit,
        place_id: place,
        level: app.geography().get(place).map_or(9, |place| place.level),
        mode: "pass".into(),
        state: "held".into(),
        received: 0,
        passed_down: 0,
        returned_up: 0,
        passes_at: None,
        due_at: task.deadline_at,
        release: task.published_release,
        created_at: now,
        version: 1,
    }
}

/// Ways up, each read once.
#[derive(Default)]
pub struct Ways(HashMap<Id, Vec<Assignment>>);

impl Ways {
    /// From an assignment to the issuer's.
    pub async fn of(&mut self, app: &App, task: Id, assignment: Id) -> Result<Vec<Assignment>, AppError> {
        if let Some(way) = self.0.get(&assignment) {
            return Ok(way.clone());
        }
        let way = way_up(&mut app.read(), task, assignment).await?;
        self.0.insert(assignment, way.clone());
        Ok(way)
    }
}
