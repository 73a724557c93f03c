//! The dry run: the dispatch itself with a sink that writes a list instead of items.

use std::collections::BTreeMap;

use rule_engine::LoadBook;
use serde::{Deserialize, Serialize};

use super::plan::{Planned, Planner, Sink};
use super::store::{self, DRY_RUN_ROW};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, new_free_id, shard_of};

const DRY_RUN: Shape = Shape {
    table: "dry_run",
    columns: &["id", "task_id", "task_version", "state", "summary", "created_at", "created_by"],
    key: &["id"],
};
const LATEST: &str = "SELECT id, task_version, state, summary, created_at FROM dry_run WHERE task_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1";
const ORPHANS: &str = "SELECT position, label, place_id, reason, line, col FROM dry_run_row \
     WHERE dry_run_id = $1 AND reason IS NOT NULL AND position > $2 ORDER BY position LIMIT $3";
const ROWS: &str = "SELECT position, subject_id, place_id, holder_organization, holder_post, working_days, reason FROM dry_run_row \
     WHERE dry_run_id = $1 AND position > $2 ORDER BY position LIMIT $3";
const CLEAR_ROWS: &str = "DELETE FROM dry_run_row WHERE dry_run_id IN (SELECT id FROM dry_run WHERE task_id = $1)";
const CLEAR: &str = "DELETE FROM dry_run WHERE task_id = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[LATEST, ORPHANS, ROWS, CLEAR_ROWS, CLEAR];

/// What a dry run found, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// rows in all
    pub total: i64,
    /// rows that nobody would get
    pub orphans: i64,
    /// rows by place, every level up to the root
    pub by_place: BTreeMap<Id, Count>,
    /// rows by holder: post, else organization
    pub by_holder: BTreeMap<Id, i64>,
    /// orphans by reason
    pub by_reason: BTreeMap<String, i64>,
}

/// Rows of one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// rows
    pub total: i64,
    /// of them, nobody would get
    pub orphans: i64,
    /// how many different holders
    pub holders: i64,
}

/// The newest dry run of a task.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// its id
    pub id: Id,
    /// version of the task it was made of: another one means it is out of date
    pub task_version: i64,
    /// numbers
    pub summary: Summary,
    /// instant
    pub created_at: i64,
}

/// A row that nobody would get: position, label, place, reason, line, column.
pub type OrphanRow = (i64, String, Option<Id>, String, Option<i64>, Option<i64>);

/// A row as planned: position, subject, place, organization, post, working days, reason.
pub type PlannedRow = (i64, Option<Id>, Option<Id>, Option<Id>, Option<Id>, Option<i64>, Option<String>);

struct ListSink {
    run: Id,
    task: Id,
    summary: Summary,
    holders: BTreeMap<Id, std::collections::BTreeSet<Id>>,
}

impl Sink for ListSink {
    async fn slice(&mut self, app: &App, planned: Vec<Planned>) -> Result<(), AppError> {
        let rows: Vec<Vec<Arg>> = planned.iter().map(|plan| self.count(app, plan)).collect();
        app.lanes
            .write(shard_of(self.task), vec![], move |tx| {
                let rows = rows.clone();
                Box::pin(async move { DRY_RUN_ROW.write(tx, rows, OnKey::Replace).await.map(|_| ()) })
            })
            .await?;
        Ok(())
    }
}

impl ListSink {
    fn count(&mut self, app: &App, plan: &Planned) -> Vec<Arg> {
        self.summary.total += 1;
        let orphan = i64::from(plan.outcome.is_err());
        self.summary.orphans += orphan;
        let holder = plan.outcome.as_ref().ok().map(|chosen| chosen.post.unwrap_or(chosen.organization));
        let geography = app.geography();
        for place in plan.row.place_id.into_iter().flat_map(|id| geography.chain(id).map(|p| p.id).collect::<Vec<_>>())
        {
            let count = self.summary.by_place.entry(place).or_default();
            count.total += 1;
            count.orphans += orphan;
            if let Some(holder) = holder {
                self.holders.entry(place).or_default().insert(holder);
            }
        }
        if let Some(holder) = holder {
            *self.summary.by_holder.entry(holder).or_default() += 1;
        }
        let (organization, post, days, refusal) = match &plan.outcome {
            Ok(chosen) => (Some(chosen.organization), chosen.post, chosen.working_days, None),
            Err(refusal) => {
                *self.summary.by_reason.entry(refusal.reason.clone()).or_default() += 1;
                (None, None, None, Some(refusal))
            }
        };
        args![
            self.run,
            plan.row.position,
            plan.row.subject_id,
            &plan.row.label,
            plan.row.place_id,
            organization,
            post,
            days,
            refusal.map(|r| r.reason.clone()),
            refusal.and_then(|r| r.line),
            refusal.and_then(|r| r.column),
        ]
    }
}

/// Plans the whole task and keeps the list; earlier dry runs of the task are forgotten.
pub async fn dry_run(app: &App, task: Id, by: Option<Id>) -> Result<DryRun, AppError> {
    let task = store::task(&mut app.read(), task).await?;
    let id = new_free_id(app.now());
    let (task_id, version) = (task.id, task.version);
    let mut planner = Planner::new(app, task.clone(), task.issuer_organization, app.now()).await?;
    let mut sink = ListSink { run: id, task: task_id, summary: Summary::default(), holders: BTreeMap::new() };
    app.lanes
        .write::<(), StoreError, _>(shard_of(task_id), vec![], move |tx| {
            Box::pin(async move {
                tx.execute(CLEAR_ROWS, args![task_id]).await?;
                tx.execute(CLEAR, args![task_id]).await?;
                Ok(())
            })
        })
        .await?;
    let mut load = LoadBook::default();
    planner.run(app, 0, &mut load, &mut sink).await?;
    let mut summary = sink.summary;
    for (place, holders) in sink.holders {
        summary.by_place.entry(place).or_default().holders = holders.len() as i64;
    }
    let text = serde_json::to_string(&summary).map_err(StoreError::from)?;
    let now = app.now();
    let row = args![id, task_id, version, "done", text, now, by];
    app.lanes
        .write::<(), StoreError, _>(shard_of(task_id), vec![], move |tx| {
            let row = row.clone();
            Box::pin(async move { DRY_RUN.write(tx, vec![row], OnKey::Fail).await.map(|_| ()) })
        })
        .await?;
    Ok(DryRun { id, task_version: version, summary, created_at: now })
}

/// The newest dry run of a task, if there is one.
pub async fn latest(conn: &mut impl Exec, task: Id) -> Result<Option<DryRun>, StoreError> {
    let row: Option<(Id, i64, String, String, i64)> = conn.optional(LATEST, args![task]).await?;
    row.map(|(id, task_version, _, summary, created_at)| {
        Ok(DryRun { id, task_version, summary: serde_json::from_str(&summary)?, created_at })
    })
    .transpose()
}

/// Rows that nobody would get, after a position.
pub async fn orphans(conn: &mut impl Exec, run: Id, after: i64, limit: i64) -> Result<Vec<OrphanRow>, StoreError> {
    conn.all(ORPHANS, args![run, after, limit]).await
}

/// All rows as planned, after a position.
pub async fn rows(conn: &mut impl Exec, run: Id, after: i64, limit: i64) -> Result<Vec<PlannedRow>, StoreError> {
    conn.all(ROWS, args![run, after, limit]).await
}
