//! What the pages of a task's maker show, ready for the templates.

use std::collections::BTreeMap;

use rule_engine::{Choices, Ready, Rule, RuleSource};
use serde::Serialize;
use web::{Choice, Field, FieldKind};

use super::dry_run::{self, Count, DryRun};
use super::model::{Assignment, Task};
use super::own::{issues, reads_from_above};
use super::{rows, rule_form, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::measures::{self, Axis};
use crate::platform::ids::Id;

/// Controls of a ready-made rule.
pub fn ready_fields(
    viewer: &Viewer,
    rule: &Rule,
    choices: &Choices,
    posted: Option<&BTreeMap<String, String>>,
) -> Vec<Field> {
    let (name, level, tag, days) = match &rule.source {
        RuleSource::Ready(Ready::Governing { level, working_days }) => {
            ("governing", level.key(), String::new(), *working_days)
        }
        RuleSource::Ready(Ready::LeastLoad { level, tag, working_days }) => {
            ("least_load", level.key(), tag.clone().unwrap_or_default(), *working_days)
        }
        RuleSource::Ready(Ready::Tag { level, tag, working_days }) => ("tag", level.key(), tag.clone(), *working_days),
        _ => ("governing", "community", String::new(), Some(3)),
    };
    let value = |field: &str, now: String| posted.and_then(|p| p.get(field).cloned()).unwrap_or(now);
    let mut which = Field::new(FieldKind::SingleChoice, "ready", viewer.text("tasks-ready", &[]));
    which.options = ["governing", "least_load", "tag"]
        .iter()
        .map(|key| Choice::new(*key, viewer.text(&format!("tasks-ready-{}", key.replace('_', "-")), &[])))
        .collect();
    which.value = value("ready", name.to_owned());
    let mut at = Field::new(FieldKind::Select, "ready_level", viewer.text("tasks-ready-level", &[]));
    at.options = [("community", 5), ("township", 4), ("district", 3)]
        .iter()
        .map(|(key, level)| Choice::new(*key, viewer.text(&format!("tasks-level-{level}"), &[])))
        .collect();
    at.value = value("ready_level", level.to_owned());
    let mut tags = Field::new(FieldKind::Select, "ready_tag", viewer.text("tasks-ready-tag-label", &[]));
    tags.hint = Some(viewer.text("tasks-ready-tag-hint", &[]));
    tags.options = choices.tags.iter().map(|tag| Choice::new(tag.value.clone(), tag.label.clone())).collect();
    tags.value = value("ready_tag", tag);
    let mut number = Field::new(FieldKind::Integer, "ready_days", viewer.text("tasks-what-days", &[]));
    number.unit = Some(viewer.text("tasks-days-unit", &[]));
    number.value = value("ready_days", days.map(|days| days.to_string()).unwrap_or_default());
    vec![which, at, tags, number]
}

/// One place of the dry run.
#[derive(Debug, Serialize)]
pub struct PlaceLine {
    name: String,
    total: i64,
    percent: i64,
    each: String,
    orphans: i64,
    open: bool,
    children: Vec<Self>,
}

/// One row that nobody would get.
#[derive(Debug, Serialize)]
pub struct OrphanLine {
    label: String,
    place: String,
    reason: String,
    at: Option<String>,
    row: i64,
}

/// The fourth step: who would get what.
#[derive(Debug, Serialize)]
pub struct SendPage {
    steps: Vec<String>,
    id: String,
    title: String,
    version: i64,
    total: i64,
    orphans: i64,
    sent: i64,
    places: Vec<PlaceLine>,
    placeless: i64,
    reasons: Vec<(String, i64)>,
    orphan_rows: Vec<OrphanLine>,
    more_orphans: i64,
    rule: String,
    expert: bool,
    holders: i64,
    each: String,
    minutes: i64,
    relay: Vec<String>,
    working_days: Option<i64>,
    deadline: Option<String>,
}

/// Orphans listed on the page; the rest is a number and the API's list.
const ORPHANS: i64 = 100;

/// Builds the fourth step.
pub async fn send_page(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    run: &DryRun,
    steps: Vec<String>,
) -> Result<SendPage, AppError> {
    let published = forms::published(app, task.form_version_id).await?;
    let choices = rule_form::choices(app, &published, viewer.lang);
    let rule = task.rule()?;
    let geography = app.geography();
    let orphan_rows: Vec<OrphanLine> = dry_run::orphans(&mut app.read(), run.id, 0, ORPHANS)
        .await?
        .into_iter()
        .map(|(position, label, place, reason, line, column)| OrphanLine {
            label: if label.is_empty() { format!("#{position}") } else { label },
            place: place.and_then(|id| geography.get(id)).map(|p| p.full_name.to_string()).unwrap_or_default(),
            reason: rows::fault_text(viewer.lang, &reason),
            at: line.zip(column).map(|(line, column)| {
                viewer.text(
                    "tasks-orphan-at",
                    &[("line", line.to_string().into()), ("column", column.to_string().into())],
                )
            }),
            row: position,
        })
        .collect();
    let summary = &run.summary;
    let holders = summary.by_holder.len() as i64;
    let sent = summary.total - summary.orphans;
    let minutes = published.compiled.fields().len() as i64 / 4 + 1;
    Ok(SendPage {
        steps,
        id: task.id.to_string(),
        title: task.title.clone(),
        version: task.version,
        total: summary.total,
        orphans: summary.orphans,
        sent,
        places: place_line(app, task, task.root_place, 0, &summary.by_place).into_iter().collect(),
        placeless: summary.total - summary.by_place.get(&task.root_place).map_or(0, |count| count.total),
        reasons: summary.by_reason.iter().map(|(reason, n)| (rows::fault_text(viewer.lang, reason), *n)).collect(),
        more_orphans: summary.orphans - orphan_rows.len() as i64,
        orphan_rows,
        rule: rule_form::rule_text(&rule, &choices, viewer.lang),
        expert: matches!(rule.source, RuleSource::Expert { .. }),
        holders,
        each: one_decimal(sent, holders),
        minutes: if holders == 0 { 0 } else { sent * minutes / holders },
        relay: task
            .relay()?
            .waits
            .iter()
            .map(|level| {
                viewer.text("tasks-relay-waits", &[("level", viewer.text(&format!("tasks-level-{level}"), &[]).into())])
            })
            .collect(),
        working_days: task.working_days,
        deadline: task.deadline_at.map(|at| app.clock.minute_text(at)),
    })
}

fn one_decimal(part: i64, whole: i64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{}.{}", part / whole, part * 10 / whole % 10) }
}

/// A place that gets something, with those below it; the first two levels stand open.
fn place_line(app: &App, task: &Task, id: Id, depth: usize, by_place: &BTreeMap<Id, Count>) -> Option<PlaceLine> {
    let (geography, count) = (app.geography(), by_place.get(&id)?);
    let most = by_place.get(&task.root_place).map_or(1, |count| count.total.max(1));
    Some(PlaceLine {
        name: geography.get(id)?.name.to_owned(),
        total: count.total,
        percent: (count.total * 100 / most).max(1),
        each: one_decimal(count.total - count.orphans, count.holders),
        orphans: count.orphans,
        open: depth < 2,
        children: geography
            .children(id)
            .filter_map(|child| place_line(app, task, child.id, depth + 1, by_place))
            .collect(),
    })
}

/// One task of the list.
#[derive(Debug, Serialize)]
pub struct TaskLine {
    id: String,
    href: String,
    title: String,
    note: String,
    chip: String,
    chip_kind: &'static str,
    percent: Option<i64>,
    action: String,
}

/// The list.
#[derive(Debug, Serialize)]
pub struct ListPage {
    may_issue: bool,
    tasks: Vec<TaskLine>,
}

/// Tasks that the viewer's organization issued or has a part of.
pub async fn list_page(app: &App, viewer: &Viewer) -> Result<ListPage, AppError> {
    let tasks = store::tasks_seen(&mut app.read(), &viewer.principal).await?;
    let directory = app.directory();
    let mut lines = Vec::with_capacity(tasks.len());
    for task in tasks {
        let issuer = directory.organization(task.issuer_organization).map(|o| o.short_name.clone()).unwrap_or_default();
        let draft = task.state == "draft";
        if draft && !issues(app, viewer, &task) {
            continue;
        }
        let mut note = issuer;
        if let Some(due) = task.deadline_at {
            note = viewer.text("tasks-note-due", &[("from", note.into()), ("due", app.clock.minute_text(due).into())]);
        }
        let percent = if draft {
            None
        } else {
            Some(measures::board(app, task.id, Axis::Place, task.root_place).await?.here.percent())
        };
        lines.push(TaskLine {
            href: format!("/tasks/{}", task.id),
            chip: viewer.text(&format!("tasks-state-{}", task.state), &[]),
            chip_kind: match task.state.as_str() {
                "draft" => "warn",
                "ended" => "",
                _ => "primary",
            },
            action: viewer.text(if draft { "tasks-continue" } else { "tasks-see" }, &[]),
            percent,
            note,
            id: task.id.to_string(),
            title: task.title,
        });
    }
    Ok(ListPage { may_issue: viewer.principal.has(Permission::TaskIssue), tasks: lines })
}

/// One unit of the chain.
#[derive(Debug, Serialize)]
pub struct UnitLine {
    name: String,
    depth: usize,
    state: String,
    state_kind: &'static str,
    received: i64,
    passed_down: i64,
    held: i64,
}

/// The overview of a task that was sent.
#[derive(Debug, Serialize)]
pub struct OverviewPage {
    id: String,
    title: String,
    state: String,
    dispatching: bool,
    written: i64,
    rows: i64,
    due: i64,
    ended: i64,
    percent: i64,
    open: i64,
    voided: i64,
    board: Option<String>,
    items: Option<String>,
    may_end: bool,
    issuer: String,
    rule: String,
    deadline: Option<String>,
    working_days: Option<i64>,
    sent_at: Option<String>,
    shape: String,
    units: Vec<UnitLine>,
    topic: String,
}

/// Units listed on the overview; deeper ones are on the board.
const UNITS: usize = 200;

/// Builds the overview; only for those who issued it, have a part of it, or read it from above.
pub async fn overview_page(app: &App, viewer: &Viewer, task: &Task) -> Result<OverviewPage, AppError> {
    let assignments = store::published_assignments(&mut app.read(), task).await?;
    let mine = |assignment: &&Assignment| {
        viewer.may(app, Permission::TaskRead, Some(assignment.place_id), Some(assignment.organization_id))
    };
    let seen: Vec<&Assignment> = assignments.iter().filter(mine).collect();
    let issued = reads_from_above(app, viewer, task);
    if seen.is_empty() && !issued {
        return Err(AppError::NotFound);
    }
    // A unit below sees its own part; the board of its place says how far that is.
    let node = if issued { task.root_place } else { seen.first().map_or(task.root_place, |a| a.place_id) };
    let board = measures::board(app, task.id, Axis::Place, node).await?;
    let published = forms::published(app, task.form_version_id).await?;
    let choices = rule_form::choices(app, &published, viewer.lang);
    let (directory, geography) = (app.directory(), app.geography());
    let top = seen.iter().map(|a| geography.chain(a.place_id).count()).min().unwrap_or(0);
    let units = seen
        .iter()
        .take(UNITS)
        .map(|assignment| UnitLine {
            name: directory.organization(assignment.organization_id).map(|o| o.short_name.clone()).unwrap_or_default(),
            depth: geography.chain(assignment.place_id).count().saturating_sub(top),
            state: viewer.text(&format!("tasks-unit-{}", assignment.state), &[]),
            state_kind: if assignment.state == "waiting" { "warn" } else { "" },
            received: assignment.received,
            passed_down: assignment.passed_down,
            held: assignment.received - assignment.passed_down,
        })
        .collect();
    let (rows, _) = store::rows_count(&mut app.read(), task.id).await?;
    let dispatching = task.state == "dispatching";
    let written = if dispatching { store::last_position_all_shards(&mut app.read(), task.id).await? } else { rows };
    let here = &board.here;
    Ok(OverviewPage {
        id: task.id.to_string(),
        title: task.title.clone(),
        state: task.state.clone(),
        dispatching,
        written,
        rows,
        due: here.due(),
        ended: here.ended(),
        percent: here.percent(),
        open: here.total("open") + here.total("review") + here.total("correction") + here.total("void_proposed"),
        voided: here.total("void"),
        board: viewer.principal.has(Permission::BoardRead).then(|| format!("/boards/{}?node={node}", task.id)),
        items: viewer.principal.has(Permission::ItemRead).then(|| format!("/tasks/{}/items", task.id)),
        may_end: task.state == "running" && issues(app, viewer, task),
        issuer: directory.organization(task.issuer_organization).map(|o| o.name.clone()).unwrap_or_default(),
        rule: rule_form::rule_text(&task.rule()?, &choices, viewer.lang),
        deadline: task.deadline_at.map(|at| app.clock.minute_text(at)),
        working_days: task.working_days,
        sent_at: task.dispatched_at.map(|at| app.clock.minute_text(at)),
        shape: viewer.text(&format!("tasks-shape-{}", task.shape.replace('_', "-")), &[]),
        units,
        topic: task.id.to_string(),
    })
}
