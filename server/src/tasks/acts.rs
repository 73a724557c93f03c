//! What every act on items shares: who may do it, and the one transaction that moves them.
//!
//! An act reads items, makes what they become ([`Change`]) and hands the list to [`write`]. Items of one
//! shard change in that shard's lane together with movements, counters, deltas and one event; a change
//! is dropped when its item has moved meanwhile.

use std::collections::BTreeMap;

use serde_json::json;

use super::counters::{self, Shifts};
use super::model::{Assignment, Item, ItemState, Task};
use super::store::{self, ASSIGNMENT, MOVEMENT};
use super::work_store;
use crate::access::{Permission, Principal, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::measures::{Contribution, Deltas};
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{Arg, StoreError, Tx};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_id};
use crate::platform::secrets::{digest, hex};

/// Items in one transaction: near 20 ms on the embedded database.
const SLICE: usize = 128;

/// Who acts: with what rights, and as whom it is recorded.
#[derive(Clone, Debug)]
pub struct By {
    /// rights
    pub principal: Principal,
    /// for events and movements
    pub actor: Actor,
}

impl By {
    /// The viewer of a request.
    pub fn of(viewer: &Viewer) -> Self {
        Self { principal: viewer.principal.clone(), actor: viewer.actor() }
    }

    /// Whether a permission reaches a place or organization.
    pub fn may(&self, app: &App, permission: Permission, place: Option<Id>, organization: Option<Id>) -> bool {
        self.principal.may(permission, &app.geography(), &app.directory(), place, organization)
    }

    fn holds(&self, item: &Item) -> bool {
        item.holder_post.is_some() && item.holder_post == self.principal.post()
    }

    /// Whether the item may be seen row by row.
    pub fn sees(&self, app: &App, item: &Item) -> bool {
        self.principal.has(Permission::ItemRead)
            && (self.holds(item)
                || self.may(app, Permission::ItemRead, Some(item.place_id), Some(item.holder_organization)))
    }

    /// Whether the item may be filled, claimed, returned: one's own, 待认领 of one's own organization, or
    /// any in reach for whoever gives work out.
    pub fn handles(&self, app: &App, item: &Item) -> bool {
        let unclaimed = item.holder_post.is_none() && self.principal.organization() == Some(item.holder_organization);
        self.principal.has(Permission::ItemHandle) && (self.holds(item) || unclaimed || self.assigns(app, item))
    }

    /// Whether the item may be given to somebody, moved on or sent back for correction.
    pub fn assigns(&self, app: &App, item: &Item) -> bool {
        self.may(app, Permission::ItemAssign, None, Some(item.holder_organization))
            || self.may(app, Permission::ItemAssign, Some(item.place_id), Some(item.holder_organization))
    }

    /// Whether an assignment's unit is one's own, or in reach: confirming voids, passing on.
    pub fn answers_for(&self, app: &App, assignment: &Assignment) -> bool {
        let own = self.principal.organization() == Some(assignment.organization_id);
        (own && self.principal.has(Permission::ItemAssign))
            || self.may(app, Permission::ItemAssign, Some(assignment.place_id), Some(assignment.organization_id))
    }
}

/// A task as it stands now.
async fn task(app: &App, id: Id) -> Result<Task, AppError> {
    let read = async { store::task(&mut app.read(), id).await };
    Ok(Task::clone(&*app.tasks.get(app.lanes.changes(), id, read).await?))
}

/// An item that may be seen, with its task; what may not is not there.
pub async fn load(app: &App, by: &By, id: Id) -> Result<(Task, Item), AppError> {
    let item = app.items.get(id).await?.ok_or(AppError::NotFound)?;
    let task = task(app, item.task_id).await?;
    if item.release > task.published_release || !by.sees(app, &item) {
        return Err(AppError::NotFound);
    }
    Ok((task, item))
}

/// Several items of one task, in the order of `ids`; one that may not be seen makes the whole act fail.
pub async fn load_many(app: &App, by: &By, ids: &[Id]) -> Result<(Task, Vec<Item>), AppError> {
    const MOST: usize = 500;
    if ids.is_empty() {
        return Err(AppError::invalid("items", "work-none-chosen"));
    }
    if ids.len() > MOST {
        return Err(AppError::invalid("items", "work-too-many"));
    }
    let mut db = app.read();
    let mut items = work_store::items(&mut db, ids).await?;
    items.sort_by_key(|item| ids.iter().position(|id| *id == item.id));
    let task = task(app, items.first().ok_or(AppError::NotFound)?.task_id).await?;
    let mut wanted = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let all_seen = items.iter().all(|item| item.release <= task.published_release && by.sees(app, item));
    if items.len() != wanted.len() || !all_seen {
        return Err(AppError::NotFound);
    }
    if items.iter().any(|item| item.task_id != task.id) {
        return Err(AppError::invalid("items", "work-several-tasks"));
    }
    Ok((task, items))
}

/// Refuses where the task is over or its dispatch has not been published.
pub fn running(task: &Task) -> Result<(), AppError> {
    match task.state.as_str() {
        "running" | "dispatching" if task.published_release > 0 => Ok(()),
        _ => Err(AppError::Conflict("work-conflict-ended-task")),
    }
}

/// Refuses an item that is not (any more) to be done.
pub fn to_be_done(item: &Item) -> Result<(), AppError> {
    match ItemState::from_key(&item.state) {
        Some(ItemState::Open | ItemState::Correction) => Ok(()),
        Some(ItemState::VoidProposed) => Err(AppError::Conflict("work-conflict-void-proposed")),
        _ => Err(AppError::Conflict("work-conflict-ended")),
    }
}

/// What people wrote as a reason: needed, at most 200 characters.
pub fn reason(text: &str) -> Result<String, AppError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AppError::invalid("reason", "work-reason-needed"));
    }
    if text.chars().count() > 200 {
        return Err(AppError::invalid("reason", "work-reason-long"));
    }
    Ok(text.to_owned())
}

/// One item before and after.
#[derive(Clone, Debug)]
pub struct Change {
    /// as read
    pub before: Item,
    /// as it shall be; columns that no act changes are ignored
    pub after: Item,
    /// kind of the movement row: `claimed`, `given`, `returned` …
    pub kind: &'static str,
    /// what the movement says
    pub note: Option<String>,
    /// ways of the assignments before and after, where they differ
    pub ways: Option<(Vec<Id>, Vec<Id>)>,
}

impl Change {
    /// A change that leaves the item as it is until fields of `after` are set.
    pub fn of(item: &Item, kind: &'static str, now: i64) -> Self {
        let mut after = item.clone();
        after.moved_at = now;
        Self { before: item.clone(), after, kind, note: None, ways: None }
    }
}

/// What an item counts for in its state; amounts of its rule stay only while it is done.
pub fn contribution(item: &Item, ruled: &BTreeMap<String, i64>, old: &Contribution, today: &str) -> Contribution {
    let none = BTreeMap::new();
    let ruled = if item.state == ItemState::Done.key() { ruled } else { &none };
    if item.parent_item_id.is_some() {
        return Contribution::of_found(ruled, item.place_id, item.holder_organization, today, old);
    }
    Contribution::of_item(&item.state, ruled, item.place_id, item.holder_organization, today, old)
}

/// The amounts that a task's own rule gave, as last counted.
pub fn ruled(old: &Contribution) -> BTreeMap<String, i64> {
    old.amounts.iter().map(|(name, counted)| (name.clone(), counted.amount)).collect()
}

/// The row of one movement.
pub fn movement_row(change: &Change, actor: &Actor, now: i64) -> Vec<Arg> {
    let (before, after) = (&change.before, &change.after);
    let moved = change.ways.is_some();
    // What is found in the field comes from nowhere.
    let comes = change.ways.as_ref().is_none_or(|(from, _)| !from.is_empty());
    let holder = |item: &Item| item.holder_post.unwrap_or(item.holder_organization);
    args![
        before.shard,
        new_id(before.shard, now),
        before.task_id,
        before.id,
        before.moves + 1,
        change.kind,
        (moved && comes).then_some(before.assignment_id),
        moved.then_some(after.assignment_id),
        comes.then(|| holder(before)),
        holder(after),
        &change.note,
        now,
        actor.account,
        actor.post
    ]
}

/// Writes changes, shard by shard, in slices; `made` are assignments that they need and that may not be
/// there yet. Everything about one item is in one transaction.
pub async fn write(app: &App, task: &Task, by: &By, made: &[Assignment], changes: Vec<Change>) -> Result<(), AppError> {
    let today = app.clock.today_text();
    let mut by_shard: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
    for mut change in changes {
        let old = Contribution::parse(&change.before.contribution)?;
        change.after.contribution = contribution(&change.after, &ruled(&old), &old, &today).text();
        by_shard.entry(change.before.shard).or_default().push(change);
    }
    for (shard, changes) in by_shard {
        for slice in changes.chunks(SLICE) {
            write_slice(app, task, by, shard, made.to_vec(), slice.to_vec()).await?;
        }
    }
    Ok(())
}

async fn write_slice(
    app: &App,
    task: &Task,
    by: &By,
    shard: i64,
    made: Vec<Assignment>,
    changes: Vec<Change>,
) -> Result<(), AppError> {
    let now = app.now();
    let mut shifts = Shifts::new();
    let mut signals = vec![task.id];
    for change in &changes {
        if let Some((from, to)) = &change.ways {
            counters::shift(&mut shifts, from, to, change.kind == "returned");
        }
        for item in [&change.before, &change.after] {
            signals.push(item.holder_organization);
            signals.extend(item.holder_post);
        }
    }
    signals.sort_unstable();
    signals.dedup();
    let movements: Vec<Vec<Arg>> = changes.iter().map(|change| movement_row(change, &by.actor, now)).collect();
    let (task, event) = (task.id, event(task, by, &changes, now));
    app.lanes
        .write::<(), AppError, _>(shard, signals, move |tx| {
            let (made, changes, movements) = (made.clone(), changes.clone(), movements.clone());
            let (shifts, event) = (shifts.clone(), event.clone());
            Box::pin(async move {
                make(tx, &made).await?;
                let mut by_release: BTreeMap<i64, Deltas> = BTreeMap::new();
                for change in &changes {
                    work_store::change(tx, &change.before, &change.after).await?;
                    by_release
                        .entry(change.before.release)
                        .or_insert_with(|| Deltas::new(task, change.before.release))
                        .add(shard, &change.before.counted()?, &change.after.counted()?);
                }
                write_movements(tx, task, movements).await?;
                counters::write(tx, task, &shifts).await?;
                for deltas in by_release.values() {
                    deltas.write(tx, now).await?;
                }
                event.write(tx, shard).await?;
                Ok(())
            })
        })
        .await
}

/// Makes the assignments that are not there yet. One that somebody else has made meanwhile under another
/// giver would be counted along the wrong way: the act is then to be read and tried again.
async fn make(tx: &mut Tx, made: &[Assignment]) -> Result<(), StoreError> {
    ASSIGNMENT.write(tx, made.iter().map(Assignment::row).collect(), OnKey::Keep).await?;
    for wanted in made {
        if store::assignment(tx, wanted.task_id, wanted.id).await?.parent_id != wanted.parent_id {
            return Err(StoreError::Stale);
        }
    }
    Ok(())
}

/// Writes the movements of one task.
pub async fn write_movements(tx: &mut Tx, task: Id, rows: Vec<Vec<Arg>>) -> Result<(), StoreError> {
    #[cfg(feature = "fault-hooks")]
    let rows = super::faults::kept(task, rows);
    #[cfg(not(feature = "fault-hooks"))]
    let _ = task;
    MOVEMENT.write(tx, rows, OnKey::Fail).await.map(|_| ())
}

/// One event for a slice: the item itself, or count and digest of the ids.
fn event(task: &Task, by: &By, changes: &[Change], now: i64) -> Event {
    let kind = match changes.first().map_or("", |change| change.kind) {
        "claimed" => "item.claimed",
        "given" => "item.given",
        "put_back" => "item.put_back",
        "returned" => "item.returned",
        "recalled" => "item.recalled",
        "transferred" => "item.transferred",
        "passed_on" => "item.passed_on",
        "void_proposed" => "item.void_proposed",
        "void_confirmed" => "item.void_confirmed",
        "void_refused" => "item.void_refused",
        "correction" => "item.correction",
        "certified" => "item.certified",
        "reopened" => "item.reopened",
        _ => "item.changed",
    };
    let (class, subject, payload) = match changes {
        [one] => ("item", one.before.id, json!({ "task": task.id, "state": one.after.state })),
        many => {
            let bytes: Vec<u8> = many.iter().flat_map(|change| change.before.id.into_bytes()).collect();
            ("task", task.id, json!({ "count": many.len(), "digest": hex(&digest(&bytes)) }))
        }
    };
    Event { kind, subject_class: class, subject_id: Some(subject), actor: by.actor.clone(), at: now, payload }
}

/// The giver's assignment of an item: where it goes when it is returned. None at the issuer.
pub async fn giver(app: &App, item: &Item) -> Result<Option<Assignment>, StoreError> {
    let mut db = app.read();
    let own = store::assignment(&mut db, item.task_id, item.assignment_id).await?;
    match own.parent_id {
        Some(above) => Ok(Some(store::assignment(&mut db, item.task_id, above).await?)),
        None => Ok(None),
    }
}
