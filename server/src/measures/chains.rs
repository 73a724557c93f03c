//! The nodes that a leaf counts for: itself and everything above it.
//!
//! Read from the tables of ancestors, in the transaction that uses them, not from the books in memory: a unit
//! or place that has ended still counts for what stood above it, and a unit that was put under another one
//! counts there from the commit that moved it.

use std::collections::HashMap;

use super::Axis;
use crate::platform::database::bulk::chunk;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

/// For each leaf the leaf and those above it, nearest first. A leaf that no tree has ever held counts for
/// itself alone.
pub(super) async fn chains(
    conn: &mut impl Exec,
    axis: Axis,
    leaves: impl IntoIterator<Item = Id>,
) -> Result<HashMap<Id, Vec<Id>>, StoreError> {
    let mut leaves: Vec<Id> = leaves.into_iter().collect();
    leaves.sort_unstable();
    leaves.dedup();
    let mut found: HashMap<Id, Vec<Id>> = HashMap::with_capacity(leaves.len());
    let mut rest = leaves.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 1));
        rest = later;
        let args = now.iter().map(|id| Arg::from(*id)).collect();
        let rows: Vec<(Id, Id)> = conn.all_built(sql(axis, now.len()), args).await?;
        for (leaf, above) in rows {
            found.entry(leaf).or_default().push(above);
        }
    }
    for leaf in leaves {
        found.entry(leaf).or_insert_with(|| vec![leaf]);
    }
    Ok(found)
}

fn sql(axis: Axis, rows: usize) -> String {
    let (table, leaf) = match axis {
        Axis::Place => ("place_ancestor", "place_id"),
        Axis::Organization => ("organization_ancestor", "organization_id"),
    };
    let marks: Vec<String> = (1..=rows).map(|n| format!("${n}")).collect();
    format!("SELECT {leaf}, ancestor_id FROM {table} WHERE {leaf} IN ({}) ORDER BY {leaf}, depth", marks.join(", "))
}

/// One of each statement built here, for the prepare test.
pub(super) fn samples() -> Vec<String> {
    Axis::ALL.into_iter().map(|axis| sql(axis, 2)).collect()
}
