//! Opening totals: what a task's first release counts for, added up while its items are written and stored before it is
//! published. Whoever opens the board of a million items a moment later finds totals, not a hundred thousand deltas.
//!
//! Partial totals of leaves are written with the items themselves. Those of nodes come at the end: nobody sees anything
//! of such a task yet and nobody acts on its items, so they may stand there half written, and a run that was killed, or
//! that finds the trees changed, takes them away and writes them again. What is added to a running task goes the way of
//! deltas.

use std::collections::{BTreeMap, HashMap};

use super::chains::chains_of;
use super::fold::Counts;
use super::leaves::{Amount, Leaves};
use super::recount::groups;
use super::store::{DAY_TOTAL, NODE_TOTAL, OPENED, PARTIAL_TOTAL, WIPE_DAYS, WIPE_NODES, add_to};
use super::{Axis, Contribution};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::books::Seen;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, shard_of};
use crate::platform::jobs::JobHandle;
use crate::platform::lane::Block;
use crate::platform::texts::Gathering;

/// Rows written in one transaction: about 20 ms of writing on either database.
const SLICE: usize = 2_048;

/// What the items of a first release count for.
pub struct Opening {
    task: Id,
    names: Gathering,
    leaves: Leaves,
    /// of the items added since the last slice, by shard, axis, leaf and measure
    partial: BTreeMap<(i64, &'static str, Id, u32), i64>,
}

impl Opening {
    fn new(task: Id) -> Self {
        Self { task, names: Gathering::default(), leaves: Leaves::default(), partial: BTreeMap::new() }
    }

    /// Of a release of which an earlier run has written the items up to `position`.
    pub async fn resume(app: &App, task: Id, release: i64, position: i64) -> Result<Self, AppError> {
        if position == 0 {
            return Ok(Self::new(task));
        }
        let written = app.db.scan(move |scanner| {
            let mut opening = Self::new(task);
            groups(scanner, task, release, |group| {
                opening.add(group.shard, &group.counted()?, group.items);
                Ok(())
            })?;
            opening.partial.clear();
            Ok(opening)
        });
        Ok(written.await?)
    }

    /// Adds items of a shard that are written now and count the same.
    pub fn add(&mut self, shard: i64, counted: &Contribution, items: i64) {
        let (Some(place), Some(organization)) = (counted.place, counted.organization) else { return };
        let names = &mut self.names;
        let named = |(measure, day, amount)| (names.number(measure), names.number(day), amount * items);
        let amounts: Vec<Amount> = counted.counts().map(named).collect();
        self.leaves.add(place, organization, &amounts);
        for (measure, _, amount) in amounts {
            if Counts::of(self.names.get(measure)).total {
                for (axis, leaf) in [(Axis::Place, place), (Axis::Organization, organization)] {
                    *self.partial.entry((shard, axis.key(), leaf, measure)).or_default() += amount;
                }
            }
        }
    }

    /// What the items added since the last slice add to partial totals, to be written with them.
    pub fn slice(&mut self) -> Block {
        let row = |((shard, axis, leaf, measure), total): ((i64, &'static str, Id, u32), i64)| {
            args![shard, self.task, axis, leaf, self.names.get(measure), total]
        };
        block(&PARTIAL_TOTAL, std::mem::take(&mut self.partial).into_iter().map(row).collect())
    }

    /// Writes the totals of every node, and says of which trees they are: the commit that publishes them asks whether
    /// these are still the same, and if not they are to be written once more.
    pub async fn write(&self, app: &App, handle: &JobHandle) -> Result<[Seen; 2], AppError> {
        let (mut db, task) = (app.read(), self.task);
        let trees = [app.places_book.seen(&mut db).await?, app.address_book.seen(&mut db).await?];
        let before: Option<(i64,)> = db.optional(OPENED, args![task]).await?;
        if before.is_some() {
            handle.slice(shard_of(task), vec![], move |tx| Box::pin(async move { Ok(wipe(tx, task).await?) })).await?;
        }
        // One axis after the other: each takes as much memory as it has nodes.
        for axis in Axis::ALL {
            let (nodes, days) = self.nodes(app, axis).await?;
            let row = |((node, measure), total): &((Id, u32), i64)| {
                args![task, axis.key(), *node, self.names.get(*measure), *total, 1_i64]
            };
            store(handle, task, &NODE_TOTAL, nodes, row).await?;
            let row = |((node, measure, day), total): &((Id, u32, u32), i64)| {
                args![task, *node, self.names.get(*measure), self.names.get(*day), *total]
            };
            store(handle, task, &DAY_TOTAL, days, row).await?;
        }
        Ok(trees)
    }

    /// Totals and day series of every node of an axis, in the order of their keys.
    async fn nodes(&self, app: &App, axis: Axis) -> Result<(Sorted<(Id, u32)>, Sorted<(Id, u32, u32)>), AppError> {
        let (mut nodes, mut days) = (HashMap::new(), HashMap::new());
        let leaves: Vec<Id> = self.leaves.of(axis).collect();
        let above = app.db.scan(move |scanner| chains_of(scanner, axis, leaves)).await?;
        self.leaves.climb(axis, &above, &self.names, |(_, node, measure, day), amount| match day {
            None => *nodes.entry((node, measure)).or_default() += amount,
            Some(day) => *days.entry((node, measure, day)).or_default() += amount,
        });
        Ok((sorted(nodes), sorted(days)))
    }
}

type Sorted<K> = Vec<(K, i64)>;

fn sorted<K: Ord>(totals: HashMap<K, i64>) -> Sorted<K> {
    let mut sorted: Sorted<K> = totals.into_iter().collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    sorted
}

/// Takes away what an earlier run has left.
async fn wipe(tx: &mut impl Exec, task: Id) -> Result<(), StoreError> {
    for sql in [WIPE_NODES, WIPE_DAYS] {
        tx.execute(sql, args![task]).await?;
    }
    Ok(())
}

/// Writes rows in slices of the job.
async fn store<T>(
    handle: &JobHandle,
    task: Id,
    totals: &'static Shape,
    rows: Vec<T>,
    row: impl Fn(&T) -> Vec<Arg>,
) -> Result<(), AppError> {
    for slice in rows.chunks(SLICE) {
        handle.rows(shard_of(task), vec![block(totals, slice.iter().map(&row).collect())]).await?;
    }
    Ok(())
}

fn block(totals: &'static Shape, rows: Vec<Vec<Arg>>) -> Block {
    Block { shape: totals, on_key: add_to(totals), rows }
}
