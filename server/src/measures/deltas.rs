//! Delta rows: the difference between what an item contributed and what it contributes now.

use std::collections::BTreeMap;

use super::Contribution;
use super::store::DELTA;
use crate::args;
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::{Block, Put};

/// Amounts by measure and civil date; of open work by what it waits for (see `work`).
pub(super) type Amounts = BTreeMap<(String, String), i64>;

/// Differences of several items of one task and release, summed per shard and pair of leaves: one row
/// for each pair, since an item counts at its place and, apart from it, at its holder. What cancels leaves
/// no row.
#[derive(Clone, Debug)]
pub struct Deltas {
    task: Id,
    release: i64,
    sums: BTreeMap<(i64, Id, Id), Amounts>,
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
        let (Some(place), Some(organization)) = (contribution.place, contribution.organization) else { return };
        let sums = self.sums.entry((shard, place, organization)).or_default();
        for (measure, day, amount) in contribution.counts() {
            *sums.entry((measure.to_owned(), day.to_owned())).or_default() += sign * amount;
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.sums.values().flat_map(BTreeMap::values).all(|sum| *sum == 0)
    }

    fn rows(&self, now: i64) -> Vec<Vec<Arg>> {
        let row = |((shard, place, organization), sums): (&(i64, Id, Id), &Amounts)| {
            let text = write_amounts(sums)?;
            let id = new_id(*shard, now);
            Some(args![*shard, id, self.task, self.release, *place, *organization, text])
        };
        self.sums.iter().filter_map(row).collect()
    }

    /// The rows as members of a write set.
    pub fn puts(&self, now: i64) -> Vec<Put> {
        self.rows(now).into_iter().map(|row| Put { shape: &DELTA, on_key: OnKey::Fail, row }).collect()
    }

    /// The rows, to be written with what they tell of.
    pub fn block(&self, now: i64) -> Block {
        Block { shape: &DELTA, on_key: OnKey::Fail, rows: self.rows(now) }
    }

    /// Writes the rows in an open transaction.
    pub async fn write(&self, tx: &mut impl Exec, now: i64) -> Result<(), StoreError> {
        DELTA.write(tx, self.rows(now), OnKey::Fail).await.map(|_| ())
    }
}

/// The column `delta.amounts`: JSON `[[measure, day, amount], …]`; none where all is 0.
fn write_amounts(sums: &Amounts) -> Option<String> {
    let list: Vec<(&str, &str, i64)> = sums
        .iter()
        .filter(|(_, amount)| **amount != 0)
        .map(|((measure, day), amount)| (measure.as_str(), day.as_str(), *amount))
        .collect();
    (!list.is_empty()).then(|| serde_json::to_string(&list).expect("texts and numbers are JSON"))
}

/// Reads the column `delta.amounts`: measure, day, amount.
pub(super) fn read_amounts(text: &str) -> Result<Vec<(&str, &str, i64)>, StoreError> {
    Ok(serde_json::from_str(text)?)
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
        let seen: Vec<(&str, &str, i64)> = deltas.sums[&(7, place, unit)]
            .iter()
            .filter(|(_, amount)| **amount != 0)
            .map(|((measure, day), amount)| (measure.as_str(), day.as_str(), *amount))
            .collect();
        assert_eq!(seen, [("done", "2026-11-26", 1), ("open", "2026-11-24", -1)]);
        let text = write_amounts(&deltas.sums[&(7, place, unit)]).expect("something changed");
        assert_eq!(read_amounts(&text).expect("reads back"), seen);
        deltas.add(7, &new, &old);
        assert!(deltas.is_empty() && deltas.puts(1).is_empty());
    }
}
