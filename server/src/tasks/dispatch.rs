//! Dispatch: the planner with a sink that writes items.
//!
//! Slices of at most 512 rows pass through the lane under a release number that lists, boards and the
//! folder ignore; one small commit publishes it. A slice is one transaction with ids that are a function
//! of task, release and position, so a run that was killed goes on after its last slice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rule_engine::LoadBook;
use serde_json::json;
use tokio::task::JoinHandle;

use super::counters::{self, Shifts};
use super::model::{Assignment, Item, ItemState, Relay, Task};
use super::plan::{Planned, Planner, Sink};
use super::store::{self, ASSIGNMENT, ITEM_SENT, TASK};
use crate::app::App;
use crate::args;
use crate::directory::Step;
use crate::directory::working_days::{self, Calendar, add_working_days};
use crate::error::AppError;
use crate::measures::{Contribution, Deltas, Opening};
use crate::platform::at_length;
use crate::platform::books::Seen;
use crate::platform::database::Exec;
use crate::platform::database::bulk::OnKey;
use crate::platform::events::{Actor, EVENT, Event};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::{Id, derived_id, shard_of};
use crate::platform::jobs::JobHandle;
use crate::platform::lane::Block;
use crate::platform::secrets::{digest, hex};

/// Microseconds by which the time in an item's id goes on from one position to the next: ids of one dispatch stand in
/// the order in which they are written, so that a slice adds to few pages of their index.
const PACE: i64 = 16;

/// What a dispatch has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatched {
    /// items of the release
    pub items: i64,
    /// of them, held back by the issuer since nobody takes them
    pub orphans: i64,
}

/// The id of a unit's assignment in a task.
pub fn assignment_id(task: &Task, organization: Id) -> Id {
    derived_id(shard_of(task.id), task.created_at, &[b"assignment", task.id.as_bytes(), organization.as_bytes()])
}

struct ItemSink<'a> {
    task: &'a Task,
    relay: Relay,
    calendar: Calendar,
    release: i64,
    started_at: i64,
    today: String,
    actor: Actor,
    assigned: BTreeSet<Id>,
    /// of a first release, which nobody sees yet: its totals are written before it is published
    opening: Option<Opening>,
    handle: &'a JobHandle,
    rows: i64,
    slices: u32,
    /// the slice that is being written
    writing: Option<JoinHandle<Result<(), AppError>>>,
}

/// Slices between two notes of progress.
const NOTED: u32 = 4;

impl Sink for ItemSink<'_> {
    async fn slice(&mut self, app: &App, planned: Vec<Planned>) -> Result<(), AppError> {
        let (blocks, position) = at_length(|| self.blocks(app, &planned));
        let (handle, task, total) = (self.handle.clone(), self.task.id, self.rows);
        self.slices += 1;
        let noted = self.slices.is_multiple_of(NOTED).then_some(position);
        // One after the other; the next one is planned and made into rows meanwhile.
        self.written().await?;
        self.writing = Some(tokio::spawn(async move {
            handle.rows(shard_of(task), blocks).await?;
            match noted {
                Some(done) => handle.progress(done, total, "tasks-dispatching").await,
                None => Ok(()),
            }
        }));
        Ok(())
    }
}

impl ItemSink<'_> {
    /// What a slice writes, and the position that it reaches.
    fn blocks(&mut self, app: &App, planned: &[Planned]) -> (Vec<Block>, i64) {
        let mut assignments = Vec::new();
        let mut deltas = Deltas::new(self.task.id, self.release);
        let mut items = Vec::with_capacity(planned.len());
        let none = Contribution::none();
        for plan in planned {
            let (item, counted) = self.item(app, plan, &mut assignments);
            let counted = counted.standing(&item.standing());
            match &mut self.opening {
                Some(opening) => opening.add(item.shard, &counted, 1),
                None => deltas.add(item.shard, &none, &counted),
            }
            items.push(item);
        }
        let totals = match &mut self.opening {
            Some(opening) => opening.slice(),
            None => deltas.block(self.started_at),
        };
        let events = self.events(&items);
        let block = |shape, on_key, rows| Block { shape, on_key, rows };
        let blocks = vec![
            block(&ASSIGNMENT, OnKey::Keep, assignments.iter().map(Assignment::row).collect()),
            block(&ITEM_SENT, OnKey::Fail, items.iter().map(Item::sent_row).collect()),
            totals,
            block(&EVENT, OnKey::Fail, events.iter().map(|(shard, event)| event.row(*shard)).collect()),
        ];
        (blocks, items.last().map_or(0, |item| item.position))
    }

    /// Waits until the last slice is written.
    async fn written(&mut self) -> Result<(), AppError> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        writing.await.map_err(|fault| AppError::Internal(fault.to_string()))?
    }

    fn item(&mut self, app: &App, plan: &Planned, assignments: &mut Vec<Assignment>) -> (Item, Contribution) {
        let issuer = self.task.issuer_organization;
        let place = plan.row.place_id.unwrap_or(self.task.root_place);
        let last = plan.steps.len().saturating_sub(1);
        let (organization, post, reason) = match &plan.outcome {
            // A unit on the way acts itself: it holds the item until it passes it on.
            Ok(_) if plan.stop < last => (plan.steps[plan.stop].organization, None, None),
            Ok(chosen) => (chosen.organization, chosen.post, None),
            Err(refusal) => (issuer, None, Some(refusal.reason.clone())),
        };
        self.assign(app, plan, organization, place, assignments);
        let shard = app.geography().get(place).map_or_else(|| shard_of(place), |p| p.shard);
        let state = ItemState::Open.key();
        let contribution =
            Contribution::of_item(state, &BTreeMap::new(), place, organization, &self.today, &Contribution::none());
        let key = [self.task.id.as_bytes().as_slice(), &self.release.to_be_bytes(), &plan.row.position.to_be_bytes()];
        let item = Item {
            shard,
            id: derived_id(shard, self.started_at + plan.row.position * PACE, &key),
            task_id: self.task.id,
            assignment_id: assignment_id(self.task, organization),
            release: self.release,
            position: plan.row.position,
            subject_class: self.task.class.clone(),
            subject_shard: plan.row.subject_shard,
            subject_id: plan.row.subject_id,
            label: plan.row.label.clone(),
            place_id: place,
            premises_id: None,
            holder_organization: organization,
            holder_post: post,
            state: state.to_owned(),
            reason,
            due_at: plan.due_at.or(self.task.deadline_at),
            sheet: plan.row.sheet.clone(),
            contribution: contribution.text(),
            parent_item_id: None,
            submission_id: None,
            certified: None,
            changed: None,
            created_at: self.started_at,
            moved_at: self.started_at,
            done_at: None,
            moves: 0,
            version: 1,
        };
        (item, contribution)
    }

    /// Makes the assignments of the way down to the holder, each once.
    fn assign(&mut self, app: &App, plan: &Planned, holder: Id, place: Id, assignments: &mut Vec<Assignment>) {
        let issuer = self.task.issuer_organization;
        let mut way: Vec<Step> = vec![Step { organization: issuer, place: self.task.root_place, level: 0 }];
        if holder != issuer {
            way.extend(plan.steps.iter().skip(1).take(plan.stop).copied_until(holder));
            if way.last().is_none_or(|last| last.organization != holder) {
                // Somebody beside the way: the giver is the last unit on it.
                way.push(Step { organization: holder, place, level: 9 });
            }
        }
        let geography = app.geography();
        for at in 0..way.len() {
            let step = &way[at];
            if !self.assigned.insert(step.organization) {
                continue;
            }
            let level = geography.get(step.place).map_or(step.level, |p| p.level);
            let waits = at > 0 && self.relay.waits_at(level) && at + 1 == way.len() && plan.stop + 1 < plan.steps.len();
            let passes_at = waits
                .then(|| self.relay.passes_after.get(&level))
                .flatten()
                .map(|days| add_working_days(&self.calendar, &app.clock, self.started_at, *days));
            let state = match (waits, at + 1 == way.len()) {
                (true, _) => "waiting",
                (false, true) => "held",
                (false, false) => "passed",
            };
            assignments.push(Assignment {
                task_id: self.task.id,
                id: assignment_id(self.task, step.organization),
                parent_id: at.checked_sub(1).map(|above| assignment_id(self.task, way[above].organization)),
                organization_id: step.organization,
                place_id: step.place,
                level,
                mode: if waits { "wait" } else { "pass" }.to_owned(),
                state: state.to_owned(),
                received: 0,
                passed_down: 0,
                returned_up: 0,
                passes_at,
                due_at: self.task.deadline_at,
                release: self.release,
                created_at: self.started_at,
                version: 1,
            });
        }
    }

    /// One event per shard of the slice, with count and digest of the ids.
    fn events(&self, items: &[Item]) -> Vec<(i64, Event)> {
        let mut by_shard: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
        for item in items {
            by_shard.entry(item.shard).or_default().extend(item.id.as_bytes());
        }
        by_shard
            .into_iter()
            .map(|(shard, ids)| {
                let payload = json!({ "release": self.release, "count": ids.len() / 16, "digest": hex(&digest(&ids)) });
                let event = Event {
                    kind: "items.dispatched",
                    subject_class: "task",
                    subject_id: Some(self.task.id),
                    actor: self.actor.clone(),
                    at: self.started_at,
                    payload,
                };
                (shard, event)
            })
            .collect()
    }
}

trait CopiedUntil {
    fn copied_until(self, holder: Id) -> Vec<Step>;
}

impl<'a, I: Iterator<Item = &'a Step>> CopiedUntil for I {
    /// The steps down to and including the holder's.
    fn copied_until(self, holder: Id) -> Vec<Step> {
        let mut way = Vec::new();
        for step in self {
            way.push(step.clone());
            if step.organization == holder {
                break;
            }
        }
        way
    }
}

/// Marks a draft as being dispatched under its next release; a task that is being dispatched already
/// goes on with the same one. `versions` must still be that of the dry run that people looked at.
pub async fn begin(app: &App, task: Id, version: Option<i64>, actor: &Actor) -> Result<Task, AppError> {
    let now = app.now();
    let (actor, jobs) = (actor.clone(), app.jobs.clone());
    app.lanes
        .write(shard_of(task), vec![task], move |tx| {
            let (actor, jobs) = (actor.clone(), jobs.clone());
            Box::pin(async move {
                let mut found = store::task(tx, task).await?;
                match found.state.as_str() {
                    "dispatching" => return Ok(found),
                    "draft" => {}
                    // Growth: what was added since the last release.
                    "running" => {
                        let last = store::last_position_all_shards(tx, task).await?;
                        if store::rows_left(tx, task, last).await? == 0 {
                            return Err(AppError::Conflict("tasks-conflict-nothing-new"));
                        }
                    }
                    _ => return Err(AppError::Conflict("tasks-conflict-ended")),
                }
                if version.is_some_and(|version| version != found.version) {
                    return Err(AppError::Conflict("tasks-conflict-dry-run-old"));
                }
                found.state = "dispatching".into();
                found.release = found.published_release + 1;
                found.dispatched_at = Some(now);
                found.version += 1;
                TASK.write(tx, vec![found.row()], OnKey::Next).await?;
                let event = Event {
                    kind: "task.dispatching",
                    subject_class: "task",
                    subject_id: Some(task),
                    actor: actor.clone(),
                    at: now,
                    payload: json!({ "release": found.release }),
                };
                event.write(tx, shard_of(task)).await?;
                let payload = json!({ "task": task, "post": actor.post });
                jobs.enqueue(tx, super::jobs::DISPATCH, &payload, actor.account).await?;
                Ok(found)
            })
        })
        .await
}

/// Carries a begun dispatch to its end, from where it stands; each slice is guarded by the job's epoch.
pub async fn carry_on(app: &App, task: Id, actor: &Actor, handle: &JobHandle) -> Result<Dispatched, AppError> {
    let task = store::task(&mut app.read(), task).await?;
    if task.state != "dispatching" {
        return Err(AppError::Conflict("tasks-conflict-not-begun"));
    }
    let started_at = task.dispatched_at.unwrap_or_else(|| app.now());
    let (total, _) = store::rows_count(&mut app.read(), task.id).await?;
    let mut position = store::last_position_all_shards(&mut app.read(), task.id).await?;
    if faults::out(Protection::Resume) {
        position = 0;
    }
    let mut load = resumed_load(app, &task).await?;
    let mut planner = Planner::new(app, task.clone(), task.issuer_organization, started_at).await?;
    let assigned = store::assignments(&mut app.read(), task.id).await?.into_iter().map(|a| a.organization_id).collect();
    let calendar = working_days::load(&mut app.read()).await?;
    let first = task.published_release == 0;
    let opening = if first { Some(Opening::resume(app, task.id, task.release, position).await?) } else { None };
    let mut sink = ItemSink {
        relay: task.relay()?,
        calendar: calendar.clone(),
        release: task.release,
        started_at,
        today: app.clock.date_of(started_at).to_string(),
        actor: actor.clone(),
        assigned,
        opening,
        task: &task,
        handle,
        rows: total,
        slices: 0,
        writing: None,
    };
    let planned = planner.run(app, position, &mut load, &mut sink).await;
    // Also after a fault: nothing of this run is under way when it ends.
    sink.written().await.and(planned)?;
    let opening = sink.opening.take();
    loop {
        let mut trees = None;
        if let Some(opening) = &opening {
            handle.progress(total, total, "tasks-dispatch-totals").await?;
            trees = Some(opening.write(app, handle).await?);
        }
        if let Some(dispatched) = publish(app, &task, actor, &calendar, trees).await? {
            return Ok(dispatched);
        }
    }
}

/// What everybody holds of this release already: after a kill the book is exactly what it was.
async fn resumed_load(app: &App, task: &Task) -> Result<LoadBook, AppError> {
    let held = store::release_by_holder_all_shards(&mut app.read(), task.id, task.release).await?;
    let directory = app.directory();
    let waiting: BTreeSet<Id> = store::assignments(&mut app.read(), task.id)
        .await?
        .into_iter()
        .filter(|a| a.state == "waiting")
        .map(|a| a.organization_id)
        .collect();
    let mut counts = BTreeMap::new();
    for (organization, post, count) in held {
        if post.is_none() && waiting.contains(&organization) {
            continue;
        }
        let id = post.filter(|post| directory.post(*post).is_some()).unwrap_or(organization);
        *counts.entry(id.to_string()).or_insert(0) += count as u64;
    }
    Ok(LoadBook::new(counts))
}

/// The commit that makes a release visible: what it adds to the counters, and the task's published number. None where
/// its totals were added up along trees that have changed since.
async fn publish(
    app: &App,
    task: &Task,
    actor: &Actor,
    calendar: &Calendar,
    trees: Option<[Seen; 2]>,
) -> Result<Option<Dispatched>, AppError> {
    let (task_id, release, now) = (task.id, task.release, app.now());
    let (actor, relay, started_at) = (actor.clone(), task.relay()?, task.dispatched_at.unwrap_or(now));
    let passes: HashMap<i64, i64> = relay
        .passes_after
        .iter()
        .map(|(level, days)| (*level, add_working_days(calendar, &app.clock, started_at, *days)))
        .collect();
    // Nobody acts on items of a release that is not published: their number stands, and is counted before the
    // lane is held.
    let counts = store::release_by_assignment_all_shards(&mut app.read(), task_id, release).await?;
    app.lanes
        .write(shard_of(task_id), vec![task_id], move |tx| {
            let (actor, passes, counts) = (actor.clone(), passes.clone(), counts.clone());
            Box::pin(async move {
                for tree in trees.into_iter().flatten() {
                    if !tree.holds(tx).await? {
                        return Ok(None);
                    }
                }
                // Whoever moves the number first adds the counters; anybody else finds nothing to do.
                if tx.execute(store::PUBLISH, args![task_id, release]).await? == 0 {
                    return Ok(Some(Dispatched { items: 0, orphans: 0 }));
                }
                let assignments = store::assignments(tx, task_id).await?;
                let (shifts, items, orphans) = enter(&assignments, &counts);
                counters::add_release(tx, &assignments, &shifts).await?;
                let brought: HashSet<Id> = counts.iter().map(|(id, _)| *id).collect();
                let waited = assignments.iter().filter(|a| a.mode == "wait" && a.state == "passed");
                for again in waited.filter(|a| brought.contains(&a.id)) {
                    let at = passes.get(&again.level).copied();
                    tx.execute(store::WAIT_AGAIN, args![task_id, again.id, at]).await?;
                }
                let event = Event {
                    kind: "task.dispatched",
                    subject_class: "task",
                    subject_id: Some(task_id),
                    actor: actor.clone(),
                    at: now,
                    payload: json!({ "release": release, "items": items, "orphans": orphans }),
                };
                event.write(tx, shard_of(task_id)).await?;
                Ok(Some(Dispatched { items, orphans }))
            })
        })
        .await
}

/// What a release's items add to the counters: received at every unit of the way, passed down at every giver.
/// With it: items in all, and those that stay with the issuer.
fn enter(assignments: &[Assignment], counts: &[(Id, i64)]) -> (Shifts, i64, i64) {
    let parents: HashMap<Id, Option<Id>> = assignments.iter().map(|a| (a.id, a.parent_id)).collect();
    let (mut shifts, mut items, mut orphans) = (Shifts::new(), 0, 0);
    for (leaf, count) in counts {
        items += count;
        let (mut here, mut from_below) = (Some(*leaf), false);
        while let Some(id) = here {
            let amounts = shifts.entry(id).or_default();
            amounts.received += count;
            here = parents.get(&id).copied().flatten();
            if from_below {
                amounts.passed_down += count;
            } else if here.is_none() {
                orphans += count;
            }
            from_below = true;
        }
    }
    (shifts, items, orphans)
}

/// Ends a task whose occasion is over: items stay as they are, nothing is deleted.
pub async fn end(app: &App, task: Id, actor: &Actor) -> Result<(), AppError> {
    let now = app.now();
    let actor = actor.clone();
    app.lanes
        .write(shard_of(task), vec![task], move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let mut found = store::task(tx, task).await?;
                if found.state != "running" {
                    return Err(AppError::Conflict("tasks-conflict-not-running"));
                }
                found.state = "ended".into();
                found.ended_at = Some(now);
                found.version += 1;
                TASK.write(tx, vec![found.row()], OnKey::Next).await?;
                let event = Event {
                    kind: "task.ended",
                    subject_class: "task",
                    subject_id: Some(task),
                    actor: actor.clone(),
                    at: now,
                    payload: json!({}),
                };
                Ok(event.write(tx, shard_of(task)).await?)
            })
        })
        .await
}
