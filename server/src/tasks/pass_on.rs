//! Passing on: a unit that waits hands its part down, by its own act or when its time has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rule_engine::LoadBook;

use super::acts::{self, By, Change};
use super::counters::way_up;
use super::holding::{self, moved};
use super::model::{Assignment, Task, TaskRow};
use super::plan::{Planned, Planner, SLICE};
use super::{store, work_store};
use crate::access::Principal;
use crate::app::App;
use crate::directory::working_days::{self, Calendar, add_working_days};
use crate::error::AppError;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, shard_of};

/// What passing on came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOn {
    /// items handed down
    pub moved: i64,
    /// items that nobody takes: they stay with the unit, with the reason
    pub kept: i64,
}

/// Hands the unclaimed items of a waiting assignment down by the task's rule, from this unit.
pub async fn pass_on(app: &App, by: &By, task: Id, assignment: Id) -> Result<PassedOn, AppError> {
    let mut db = app.read();
    let task = store::task(&mut db, task).await?;
    let own = store::assignment(&mut db, task.id, assignment).await?;
    if own.release > task.published_release || !by.answers_for(app, &own) {
        return Err(AppError::NotFound);
    }
    acts::running(&task)?;
    if own.state != "waiting" {
        return Err(AppError::Conflict("work-conflict-not-waiting"));
    }
    let way = way_up(&mut db, task.id, own.id).await?;
    let calendar = working_days::load(&mut db).await?;
    let mut planner = Planner::new(app, task.clone(), own.organization_id, app.now()).await?;
    let mut load = load(app, &task).await?;
    let known = store::assignments(&mut db, task.id).await?;
    let mut known: HashMap<Id, Assignment> = known.into_iter().map(|one| (one.id, one)).collect();
    let mut done = PassedOn::default();
    let mut position = -1;
    loop {
        let items = work_store::held_open_all_shards(&mut app.read(), &own, position, SLICE).await?;
        let Some(last) = items.last().map(|item| item.position) else { break };
        let rows = items
            .iter()
            .map(|item| TaskRow {
                task_id: task.id,
                position: item.position,
                source_row: 0,
                subject_shard: item.subject_shard,
                subject_id: item.subject_id,
                place_id: Some(item.place_id),
                label: item.label.clone(),
                sheet: item.sheet.clone(),
                fault: None,
            })
            .collect();
        let planned = planner.slice(app, rows, &mut load).await?;
        let mut made: BTreeMap<Id, Assignment> = BTreeMap::new();
        let mut changes: Vec<Change> = Vec::new();
        for (item, plan) in items.iter().zip(&planned) {
            // It waits for somebody to say where to.
            if holding::came_back(item) {
                done.kept += 1;
                continue;
            }
            let Ok(chosen) = &plan.outcome else {
                done.kept += 1;
                let reason = plan.outcome.as_ref().err().map(|refusal| refusal.reason.clone());
                if item.reason != reason {
                    let mut change = Change::of(item, "kept", app.now());
                    change.after.reason = reason;
                    changes.push(change);
                }
                continue;
            };
            let planned = steps_down(app, &task, &calendar, &way, plan)?;
            let target = match planned.iter().position(|step| known.contains_key(&step.id)) {
                // A unit that has a part already keeps its place in the tree of assignments.
                Some(at) => {
                    let mut target = planned[..at].to_vec();
                    let mut next = Some(planned[at].id);
                    while let Some(step) = next.and_then(|id| known.get(&id)) {
                        target.push(step.clone());
                        next = step.parent_id;
                    }
                    target
                }
                None => planned,
            };
            for step in target.iter().filter(|step| !known.contains_key(&step.id)) {
                made.entry(step.id).or_insert_with(|| step.clone());
            }
            if target.first().is_some_and(|target| target.id == own.id) && chosen.post.is_none() {
                done.kept += 1;
                continue;
            }
            let mut change = if target[0].id == own.id {
                Change::of(item, "given", app.now())
            } else {
                moved(item, "passed_on", &way, &target, app.now())
            };
            if plan.stop + 1 >= plan.steps.len() {
                change.after.holder_post = chosen.post;
            }
            change.after.reason = None;
            change.after.due_at = plan.due_at.or(item.due_at);
            done.moved += 1;
            changes.push(change);
        }
        let made: Vec<Assignment> = made.into_values().collect();
        acts::write(app, &task, by, &made, changes).await?;
        known.extend(made.into_iter().map(|one| (one.id, one)));
        position = last;
    }
    finish(app, by, &task, &own).await?;
    Ok(done)
}

/// The way from where a planned item goes up to the issuer, as it is when none of its units has a part yet.
fn steps_down(
    app: &App,
    task: &Task,
    calendar: &Calendar,
    own: &[Assignment],
    plan: &Planned,
) -> Result<Vec<Assignment>, AppError> {
    let relay = task.relay()?;
    let now = app.now();
    let last = plan.steps.len().saturating_sub(1);
    let holder = match &plan.outcome {
        Ok(_) if plan.stop < last => plan.steps[plan.stop].organization,
        Ok(chosen) => chosen.organization,
        Err(_) => own[0].organization_id,
    };
    let mut way = own.to_vec();
    let mut add = |unit: Id, place: Id, waits: bool, level: i64| {
        let mut assignment = holding::assignment(app, task, way.first(), unit, place, now);
        if waits {
            "wait".clone_into(&mut assignment.mode);
            "waiting".clone_into(&mut assignment.state);
            assignment.passes_at =
                relay.passes_after.get(&level).map(|days| add_working_days(calendar, &app.clock, now, *days));
        } else if unit != holder {
            "passed".clone_into(&mut assignment.state);
        }
        way.insert(0, assignment);
    };
    if holder == own[0].organization_id {
        return Ok(own.to_vec());
    }
    for (at, step) in plan.steps.iter().enumerate().skip(1).take(plan.stop) {
        let waits = at == plan.stop && at < last && relay.waits_at(step.level);
        add(step.organization, step.place, waits, step.level);
        if step.organization == holder {
            return Ok(way);
        }
    }
    // Somebody beside the way: the giver is the last unit on it.
    add(holder, plan.row.place_id.unwrap_or(own[0].place_id), false, 9);
    Ok(way)
}

/// What everybody holds of the task, so that the least loaded is that.
async fn load(app: &App, task: &Task) -> Result<LoadBook, AppError> {
    let mut counts = BTreeMap::new();
    for release in 1..=task.published_release {
        for (organization, post, count) in
            store::release_by_holder_all_shards(&mut app.read(), task.id, release).await?
        {
            *counts.entry(post.unwrap_or(organization).to_string()).or_insert(0) += count as u64;
        }
    }
    Ok(LoadBook::new(counts))
}

async fn finish(app: &App, by: &By, task: &Task, own: &Assignment) -> Result<(), AppError> {
    let (task, own, actor, now) = (task.id, own.clone(), by.actor.clone(), app.now());
    app.lanes
        .write::<(), AppError, _>(shard_of(task), vec![task, own.organization_id], move |tx| {
            let (own, actor) = (own.clone(), actor.clone());
            Box::pin(async move {
                if work_store::passed(tx, &own).await? {
                    let event = Event {
                        kind: "assignment.passed_on",
                        subject_class: "task",
                        subject_id: Some(task),
                        actor,
                        at: now,
                        payload: serde_json::json!({ "assignment": own.id, "organization": own.organization_id }),
                    };
                    event.write(tx, shard_of(task)).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Passes on every assignment whose time has come; one that fails stays and is logged.
pub async fn pass_due(app: &App) -> Result<usize, AppError> {
    let by = By { principal: Principal::job(), actor: Actor::default() };
    let mut tried: BTreeSet<Id> = BTreeSet::new();
    let mut count = 0;
    for (task, assignment) in work_store::waiting_due(&mut app.read(), app.now()).await? {
        if !tried.insert(assignment) {
            continue;
        }
        match pass_on(app, &by, task, assignment).await {
            Ok(_) => count += 1,
            Err(error) => tracing::warn!(%error, %task, %assignment, "a waiting part could not be passed on"),
        }
    }
    Ok(count)
}
