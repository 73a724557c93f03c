//! Delta rows: the difference between what an item contributed and what it contributes now.

use std::collections::BTreeMap;

use super::store::DELTA;
use super::{Axis, Contribution};
use crate::args;
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::Put;

/// Differences of several items of one task and release, summed per shard, leaf, measure and day.
/// What cancels leaves no row.
#[derive(Clone, Debug)]
pub struct Deltas {
    task: Id,
    release: i64,
    sums: BTreeMap<(i64, Axis, Id, String, String), i64>,
}

impl Deltas {
    /// Nothing yet.
    pub fn new(task: Id, release: i64) -> Self {
        Self { task, release, sums: BTreeMap::new() }
    }

    /// Adds one item's change; `shard` is the item's.
    pub fn add(&mut self, shard: i64, old: &Contribution, new: &Contribution) {
        self.side(shard, old, -1);
        self.side(shard, new, 1);
    }

    fn side(&mut self, shard: i64, contribution: &Contribution, sign: i64) {
        let leaves = [(Axis::Place, contribution.place), (Axis::Organization, contribution.organization)];
        for (axis, leaf) in leaves.into_iter().filter_map(|(axis, leaf)| Some((axis, leaf?))) {
            for (measure, counted) in &contribution.amounts {
                let key = (shard, axis, leaf, measure.clone(), counted.day.clone());
                *self.sums.entry(key).or_default() += sign * counted.amount;
            }
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.sums.values().all(|sum| *sum == 0)
    }

    fn rows(&self, now: i64) -> Vec<Vec<Arg>> {
        let changed = self.sums.iter().filter(|(_, amount)| **amount != 0);
        changed
            .map(|((shard, axis, leaf, measure, day), amount)| {
                let id = new_id(*shard, now);
                args![*shard, id, self.task, self.release, axis.key(), *leaf, measure, day, *amount]
            })
            .collect()
    }

    /// The rows as members of a write set.
    pub fn puts(&self, now: i64) -> Vec<Put> {
        self.rows(now).into_iter().map(|row| Put { shape: &DELTA, on_key: OnKey::Fail, row }).collect()
    }

    /// Writes the rows in an open transaction.
    pub async fn write(&self, tx: &mut impl Exec, now: i64) -> Result<(), StoreError> {
        DELTA.write(tx, self.rows(now), OnKey::Fail).await.map(|_| ())
    }
}

/// The delta rows of one item that changed from `old` to `new`.
pub fn delta_puts(shard: i64, task: Id, release: i64, old: &Contribution, new: &Contribution, now: i64) -> Vec<Put> {
    let mut deltas = Deltas::new(task, release);
    deltas.add(shard, old, new);
    deltas.puts(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    #[test]
    fn the_negative_goes_to_the_original_day_and_what_stays_leaves_no_row() {
        let (place, unit, task) = (new_free_id(1), new_free_id(2), new_free_id(3));
        let none = BTreeMap::new();
        let old = Contribution::of_item("open", &none, place, unit, "2026-11-24", &Contribution::none());
        let new = Contribution::of_item("done", &none, place, unit, "2026-11-26", &old);
        let mut deltas = Deltas::new(task, 1);
        deltas.add(7, &old, &new);
        let seen: Vec<(Axis, &str, &str, i64)> = deltas
            .sums
            .iter()
            .filter(|(_, amount)| **amount != 0)
            .map(|(key, amount)| (key.1, key.3.as_str(), key.4.as_str(), *amount))
            .collect();
        let one_axis = |axis| [(axis, "done", "2026-11-26", 1), (axis, "open", "2026-11-24", -1)];
        assert_eq!(seen, [one_axis(Axis::Place), one_axis(Axis::Organization)].concat());
        deltas.add(7, &new, &old);
        assert!(deltas.is_empty() && deltas.puts(1).is_empty());
    }
}
