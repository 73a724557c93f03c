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

/// Nodes in a chain at the most: a circle, which no change makes, must not be walked for ever.
const DEEPEST: usize = 32;
/// From so many leaves on a whole tree is read, one row for each node, and not the chain of each leaf, which takes
/// six times as many rows.
const WHOLE: usize = 5_000;
/// What stands directly above each node, ended ones too: a chain is a node and the chain of what stands above it,
/// also after something above has moved.
pub(super) const PLACES_ABOVE: &str = "SELECT place_id, ancestor_id FROM place_ancestor WHERE depth = 1";
pub(super) const UNITS_ABOVE: &str = "SELECT organization_id, ancestor_id FROM organization_ancestor WHERE depth = 1";

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
    if leaves.len() >= WHOLE {
        let above = whole(conn, axis).await?;
        let chain =
            |leaf: Id| std::iter::successors(Some(leaf), |node| above.get(node).copied()).take(DEEPEST).collect();
        found.extend(leaves.into_iter().map(|leaf| (leaf, chain(leaf))));
        return Ok(found);
    }
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

/// What stands directly above each node of a tree.
async fn whole(conn: &mut impl Exec, axis: Axis) -> Result<HashMap<Id, Id>, StoreError> {
    let sql = match axis {
        Axis::Place => PLACES_ABOVE,
        Axis::Organization => UNITS_ABOVE,
    };
    let add = |above: &mut HashMap<Id, Id>, row: (Id, Id)| {
        above.insert(row.0, row.1);
        Ok(())
    };
    conn.gather(sql, vec![], add).await
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
