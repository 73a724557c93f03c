//! The nodes that a leaf counts for: itself and everything above it.
//!
//! Read from the tables of ancestors, in the transaction that uses them, not from the books in memory: a unit
//! or place that has ended still counts for what stood above it, and a unit that was put under another one
//! counts there from the commit that moved it.

use std::collections::HashMap;

use super::Axis;
use crate::platform::database::bulk::chunk;
use crate::platform::database::{Arg, Exec, Scanner, StoreError};
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

/// The chains of the leaves that were asked for.
pub(super) enum Chains {
    /// each leaf's own
    Each(HashMap<Id, Vec<Id>>),
    /// what stands directly above each node of the whole tree
    Whole(HashMap<Id, Id>),
}

impl Chains {
    /// The leaf and those above it, nearest first. A leaf that no tree has ever held counts for itself alone.
    pub(super) fn of(&self, leaf: Id) -> impl Iterator<Item = Id> + '_ {
        let (own, mut next) = match self {
            Self::Each(found) => (found.get(&leaf).map(Vec::as_slice).unwrap_or_default(), None),
            Self::Whole(_) => (&[][..], Some(leaf)),
        };
        let walk = move || {
            let here = next?;
            next = if let Self::Whole(above) = self { above.get(&here).copied() } else { None };
            Some(here)
        };
        own.iter().copied().chain(std::iter::from_fn(walk).take(DEEPEST))
    }
}

/// Reads the chains of leaves in the transaction that uses them.
pub(super) async fn chains(
    conn: &mut impl Exec,
    axis: Axis,
    leaves: impl IntoIterator<Item = Id>,
) -> Result<Chains, StoreError> {
    let leaves = each_once(leaves);
    let mut found = Each::default();
    for now in pieces(&leaves) {
        let rows: Vec<(Id, Id)> = conn.all_built(sql(axis, now.len()), ids(now)).await?;
        rows.into_iter().for_each(|(leaf, above)| found.add(leaf, above));
    }
    Ok(found.done(leaves))
}

/// The same over a snapshot; of many leaves the whole tree.
pub(super) fn chains_of(
    scanner: &mut Scanner,
    axis: Axis,
    leaves: impl IntoIterator<Item = Id>,
) -> Result<Chains, StoreError> {
    read(scanner, axis, each_once(leaves), WHOLE)
}

fn read(scanner: &mut Scanner, axis: Axis, leaves: Vec<Id>, whole_from: usize) -> Result<Chains, StoreError> {
    if leaves.len() >= whole_from {
        let (sql, mut above) = (whole_sql(axis), HashMap::new());
        scanner.rows(sql, vec![], |row| {
            above.insert(row.id(0)?, row.id(1)?);
            Ok(())
        })?;
        return Ok(Chains::Whole(above));
    }
    let mut found = Each::default();
    for now in pieces(&leaves) {
        scanner.rows(&sql(axis, now.len()), ids(now), |row| {
            found.add(row.id(0)?, row.id(1)?);
            Ok(())
        })?;
    }
    Ok(found.done(leaves))
}

fn each_once(leaves: impl IntoIterator<Item = Id>) -> Vec<Id> {
    let mut leaves: Vec<Id> = leaves.into_iter().collect();
    leaves.sort_unstable();
    leaves.dedup();
    leaves
}

/// As many as one statement asks for.
fn pieces(mut leaves: &[Id]) -> impl Iterator<Item = &[Id]> {
    std::iter::from_fn(move || {
        let (now, later) = leaves.split_at(chunk(leaves.len(), 1));
        leaves = later;
        Some(now).filter(|now| !now.is_empty())
    })
}

fn ids(leaves: &[Id]) -> Vec<Arg> {
    leaves.iter().map(|id| Arg::from(*id)).collect()
}

/// Each leaf's own chain while they are read.
#[derive(Default)]
struct Each(HashMap<Id, Vec<Id>>);

impl Each {
    fn add(&mut self, leaf: Id, above: Id) {
        self.0.entry(leaf).or_default().push(above);
    }

    fn done(mut self, leaves: Vec<Id>) -> Chains {
        for leaf in leaves {
            self.0.entry(leaf).or_insert_with(|| vec![leaf]);
        }
        Chains::Each(self.0)
    }
}

/// What stands directly above each node of a tree.
fn whole_sql(axis: Axis) -> &'static str {
    match axis {
        Axis::Place => PLACES_ABOVE,
        Axis::Organization => UNITS_ABOVE,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use crate::platform::database::bulk::{OnKey, Shape};
    use crate::platform::database::{Db, migrate};
    use crate::platform::ids::new_free_id;

    #[tokio::test]
    async fn a_whole_tree_gives_the_same_chains_as_each_leaf() {
        const ROWS: Shape = Shape {
            table: "organization_ancestor",
            columns: &["ancestor_id", "organization_id", "depth"],
            key: &["ancestor_id", "organization_id"],
        };
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("opens");
        migrate(&db, 0).await.expect("migrates");
        // A binary tree of 31, each below the half of its number.
        let ids: Vec<Id> = (0..31).map(new_free_id).collect();
        let chain = |at: usize| std::iter::successors(Some(at), |at| at.checked_sub(1).map(|at| at / 2));
        let row = |at: usize| chain(at).enumerate().map(move |(depth, above)| (at, above, depth as i64));
        let rows = (0..31).flat_map(row).map(|(at, above, depth)| args![ids[above], ids[at], depth]).collect();
        let mut tx = db.begin_write().await.expect("begins");
        ROWS.write(&mut tx, rows, OnKey::Fail).await.expect("written");
        tx.commit().await.expect("commits");
        let stranger = new_free_id(99);
        let leaves: Vec<Id> = ids.iter().copied().chain([stranger]).collect();
        let in_one_go = chains(&mut db.clone(), Axis::Organization, leaves.clone()).await.expect("read");
        let asked = each_once(leaves.clone());
        let both = db.scan(move |scanner| {
            let each = read(scanner, Axis::Organization, asked.clone(), usize::MAX)?;
            Ok((each, read(scanner, Axis::Organization, asked, 0)?))
        });
        let (each, whole) = both.await.expect("read");
        assert!(matches!((&in_one_go, &each, &whole), (Chains::Each(_), Chains::Each(_), Chains::Whole(_))));
        for (at, leaf) in leaves.into_iter().enumerate() {
            let one: Vec<Id> = each.of(leaf).collect();
            assert_eq!(one, whole.of(leaf).collect::<Vec<Id>>());
            assert_eq!(one, in_one_go.of(leaf).collect::<Vec<Id>>());
            let expected = if leaf == stranger { vec![stranger] } else { chain(at).map(|above| ids[above]).collect() };
            assert_eq!(one, expected);
        }
    }
}
