//! The folder: adds the deltas of published releases to the totals of every node above their leaf, in
//! the transaction that removes them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Axis;
use super::chains::{Chains, chains};
use super::deltas::read_amounts;
use super::store::{DAY_TOTAL, DUE_ALL_SHARDS, NODE_TOTAL, PARTIAL_TOTAL, add_to, remove_sql};
use super::work::is_work;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{Shape, chunk};
use crate::platform::database::{Arg, Exec, StoreError, Tx};
use crate::platform::ids::Id;

/// Deltas folded in one transaction: about 20 ms of writing on either database.
pub const BATCH: usize = 1000;
/// How often the folder looks; the design allows a second.
pub const EVERY: Duration = Duration::from_millis(500);
/// The name of the folder's lease.
pub const LEASE: &str = "measures.fold";
/// The measures whose course over the days is kept.
pub const DAILY: [&str; 4] = ["assigned", "done", "waived", "void"];

/// Where a measure is counted.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// in the total of a node
    pub(super) total: bool,
    /// in its day series
    pub(super) daily: bool,
}

impl Counts {
    pub(super) fn of(measure: &str) -> Self {
        let work = is_work(measure);
        Self { total: !work, daily: work || DAILY.contains(&measure) }
    }
}

#[derive(sqlx::FromRow)]
struct Due {
    shard: i64,
    id: Id,
    task_id: Id,
    place_id: Id,
    organization_id: Id,
    amounts: String,
}

impl Due {
    fn leaf(&self, axis: Axis) -> Id {
        match axis {
            Axis::Place => self.place_id,
            Axis::Organization => self.organization_id,
        }
    }
}

#[derive(Default)]
struct Sums {
    partial: BTreeMap<(i64, Id, Axis, Id, String), i64>,
    node: BTreeMap<(Id, Axis, Id, String), i64>,
    day: BTreeMap<(Id, Id, String, String), i64>,
}

/// Folds one bounded batch and says how many deltas it took; 0 means that there is nothing to do.
///
/// Two folders at the same time cannot count anything twice: the one that does not find its deltas
/// any more gives its transaction up.
pub async fn fold_once(app: &App) -> Result<usize, AppError> {
    app.lanes.write(0, Vec::new(), |tx| Box::pin(async move { fold_batch(tx).await })).await
}

/// Folds until nothing is left.
pub async fn fold_all(app: &App) -> Result<usize, AppError> {
    let mut folded = 0;
    loop {
        match fold_once(app).await? {
            0 => return Ok(folded),
            some => folded += some,
        }
    }
}

/// One batch inside a transaction of the caller, who holds the folder's lease.
pub async fn fold_batch(tx: &mut Tx) -> Result<usize, AppError> {
    let due: Vec<Due> = tx.all(DUE_ALL_SHARDS, args![BATCH as i64]).await?;
    #[cfg(feature = "fault-hooks")]
    let due: Vec<Due> = due.into_iter().filter(|row| !super::faults::is_folder_off(row.task_id)).collect();
    if due.is_empty() {
        return Ok(0);
    }
    let mut above = Vec::new();
    for axis in Axis::ALL {
        above.push((axis, chains(tx, axis, due.iter().map(|row| row.leaf(axis))).await?));
    }
    let sums = sum(&due, &above)?;
    let partial = sums.partial.into_iter().map(|(k, n)| args![k.0, k.1, k.2.key(), k.3, k.4, n]).collect();
    add(tx, &PARTIAL_TOTAL, partial).await?;
    let node = sums.node.into_iter().map(|(k, n)| args![k.0, k.1.key(), k.2, k.3, n, 1_i64]).collect();
    add(tx, &NODE_TOTAL, node).await?;
    let day = sums.day.into_iter().map(|(k, n)| args![k.0, k.1, k.2, k.3, n]).collect();
    add(tx, &DAY_TOTAL, day).await?;
    remove(tx, &due).await?;
    Ok(due.len())
}

/// For each axis the chains of the leaves.
type Above = [(Axis, Chains)];

fn sum(due: &[Due], above: &Above) -> Result<Sums, StoreError> {
    let mut sums = Sums::default();
    for row in due {
        let amounts = read_amounts(&row.amounts)?;
        for (axis, chains) in above {
            let leaf = row.leaf(*axis);
            let nodes: Vec<Id> = chains.of(leaf).collect();
            for (measure, day, amount) in &amounts {
                let counts = Counts::of(measure);
                if counts.total {
                    let key = (row.shard, row.task_id, *axis, leaf, (*measure).to_owned());
                    *sums.partial.entry(key).or_default() += amount;
                }
                for &node in &nodes {
                    if counts.total {
                        let key = (row.task_id, *axis, node, (*measure).to_owned());
                        *sums.node.entry(key).or_default() += amount;
                    }
                    if counts.daily {
                        let key = (row.task_id, node, (*measure).to_owned(), (*day).to_owned());
                        *sums.day.entry(key).or_default() += amount;
                    }
                }
            }
        }
    }
    Ok(sums)
}

pub(super) async fn add(tx: &mut Tx, totals: &Shape, rows: Vec<Vec<Arg>>) -> Result<(), StoreError> {
    totals.write(tx, rows, add_to(totals)).await.map(|_| ())
}

async fn remove(tx: &mut Tx, due: &[Due]) -> Result<(), StoreError> {
    let mut rest = due;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let args = now.iter().flat_map(|row| args![row.shard, row.id]).collect();
        let gone = tx.execute_built(remove_sql(now.len()), args).await?;
        if gone != now.len() as u64 {
            return Err(StoreError::Stale);
        }
    }
    Ok(())
}
