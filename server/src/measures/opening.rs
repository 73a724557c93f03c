//! Opening totals: what a task's first release counts for, added up while its items are written and stored before it is
//! published. Whoever opens the board of a million items a moment later finds totals, not a hundred thousand deltas.
//!
//! Nobody sees anything of such a task yet and nobody acts on its items, so the rows may stand there half written: a run
//! that was killed, or that finds the trees changed, takes them away and writes them again. What is added to a running
//! task goes the way of deltas.

use std::collections::HashMap;

use super::chains::chains_of;
use super::fold::{Counts, add};
use super::recount::{Leaf, climb, groups, of_axis};
use super::store::{
    DAY_TOTAL, NODE_TOTAL, OPENED_ALL_SHARDS, PARTIAL_TOTAL, Totals, WIPE_DAYS, WIPE_NODES, WIPE_PARTIAL_ALL_SHARDS,
};
use super::{Axis, Contribution};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::books::Seen;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, shard_of};
use crate::platform::jobs::JobHandle;
use crate::platform::texts::Gathering;

/// Rows written in one transaction: about 20 ms of writing on either database.
const SLICE: usize = 2_048;

/// What the items of a first release count for, by leaf; measures and days by the number of their name.
pub struct Opening {
    task: Id,
    names: Gathering,
    /// by axis, leaf, measure and day
    leaves: HashMap<Leaf, i64>,
    /// of totals, by shard, axis, leaf and measure
    partial: HashMap<(i64, Axis, Id, u32), i64>,
}

impl Opening {
    fn new(task: Id) -> Self {
        Self { task, names: Gathering::default(), leaves: HashMap::new(), partial: HashMap::new() }
    }

    /// Of a release of which an earlier run has written the items up to `position`.
    pub async fn resume(app: &App, task: Id, release: i64, position: i64) -> Result<Self, AppError> {
        if position == 0 {
            return Ok(Self::new(task));
        }
        let written = app.db.scan(move |scanner| {
            let mut opening = Self::new(task);
            groups(scanner, task, release, |group| {
                opening.count(group.shard, &group.counted()?, group.items);
                Ok(())
            })?;
            Ok(opening)
        });
        Ok(written.await?)
    }

    /// Adds an item that is written now.
    pub fn add(&mut self, shard: i64, counted: &Contribution) {
        self.count(shard, counted, 1);
    }

    fn count(&mut self, shard: i64, counted: &Contribution, items: i64) {
        let (Some(place), Some(organization)) = (counted.place, counted.organization) else { return };
        for (measure, day, amount) in counted.counts() {
            let named = (self.names.number(measure), self.names.number(day));
            let total = Counts::of(measure).total;
            for (axis, leaf) in [(Axis::Place, place), (Axis::Organization, organization)] {
                *self.leaves.entry((axis, leaf, named.0, named.1)).or_default() += amount * items;
                if total {
                    *self.partial.entry((shard, axis, leaf, named.0)).or_default() += amount * items;
                }
            }
        }
    }

    /// Writes the totals of every node, and says of which trees they are: the commit that publishes them asks whether
    /// these are still the same, and if not they are to be written once more.
    pub async fn write(&self, app: &App, handle: &JobHandle) -> Result<[Seen; 2], AppError> {
        let (mut db, task) = (app.read(), self.task);
        let trees = [app.places_book.seen(&mut db).await?, app.address_book.seen(&mut db).await?];
        let before: Option<(i64,)> = db.optional(OPENED_ALL_SHARDS, args![task]).await?;
        if before.is_some() {
            handle.slice(shard_of(task), vec![], move |tx| Box::pin(async move { Ok(wipe(tx, task).await?) })).await?;
        }
        let mut partial: Vec<_> = self.partial.iter().map(|(key, total)| (*key, *total)).collect();
        partial.sort_unstable_by_key(|((shard, axis, leaf, measure), _)| (*shard, axis.key(), *leaf, *measure));
        let row = |((shard, axis, leaf, measure), total): &((i64, Axis, Id, u32), i64)| {
            args![*shard, task, axis.key(), *leaf, self.names.get(*measure), *total]
        };
        store(handle, task, &PARTIAL_TOTAL, &partial, row).await?;
        drop(partial);
        let (nodes, days) = self.nodes(app).await?;
        let row = |((axis, node, measure), total): &((Axis, Id, u32), i64)| {
            args![task, axis.key(), *node, self.names.get(*measure), *total, 1_i64]
        };
        store(handle, task, &NODE_TOTAL, &nodes, row).await?;
        let row = |((node, measure, day), total): &((Id, u32, u32), i64)| {
            args![task, *node, self.names.get(*measure), self.names.get(*day), *total]
        };
        store(handle, task, &DAY_TOTAL, &days, row).await?;
        Ok(trees)
    }

    /// Totals and day series of every node, in the order of their keys.
    async fn nodes(&self, app: &App) -> Result<(Sorted<(Axis, Id, u32)>, Sorted<(Id, u32, u32)>), AppError> {
        let (mut nodes, mut days) = (HashMap::new(), HashMap::new());
        for axis in Axis::ALL {
            let leaves: Vec<Id> = of_axis(&self.leaves, axis).collect();
            let above = app.db.scan(move |scanner| chains_of(scanner, axis, leaves)).await?;
            climb(&self.leaves, axis, &above, &self.names, |(axis, node, measure, day), amount| match day {
                None => *nodes.entry((axis, node, measure)).or_default() += amount,
                Some(day) => *days.entry((node, measure, day)).or_default() += amount,
            });
        }
        let mut nodes: Sorted<(Axis, Id, u32)> = nodes.into_iter().collect();
        nodes.sort_unstable_by_key(|((axis, node, measure), _)| (axis.key(), *node, *measure));
        let mut days: Sorted<(Id, u32, u32)> = days.into_iter().collect();
        days.sort_unstable_by_key(|(key, _)| *key);
        Ok((nodes, days))
    }
}

type Sorted<K> = Vec<(K, i64)>;

/// Takes away what an earlier run has left.
async fn wipe(tx: &mut impl Exec, task: Id) -> Result<(), StoreError> {
    for sql in [WIPE_PARTIAL_ALL_SHARDS, WIPE_NODES, WIPE_DAYS] {
        tx.execute(sql, args![task]).await?;
    }
    Ok(())
}

/// Writes rows in slices of the job.
async fn store<T>(
    handle: &JobHandle,
    task: Id,
    totals: &'static Totals,
    rows: &[T],
    row: impl Fn(&T) -> Vec<Arg>,
) -> Result<(), AppError> {
    for slice in rows.chunks(SLICE) {
        let rows: Vec<Vec<Arg>> = slice.iter().map(&row).collect();
        handle
            .slice(shard_of(task), vec![], move |tx| {
                let rows = rows.clone();
                Box::pin(async move { Ok(add(tx, totals, rows).await?) })
            })
            .await?;
    }
    Ok(())
}
