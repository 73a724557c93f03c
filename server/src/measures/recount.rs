//! The recount: totals computed again from the items alone and compared with what boards show.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::chains::chains;
use super::store::{ALL_DAY_TOTALS, ALL_NODE_TOTALS, ITEMS_ALL_SHARDS, STRETCH_ALL_SHARDS, UNITS};
use super::{Axis, BUILT_IN, Contribution, fold};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::{Exec, StoreError, Tx};
use crate::platform::ids::Id;

/// Items whose groups are formed together: what sorting them takes stays in memory.
const STRETCH: i64 = 50_000;

/// A total that is not what the items say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// which folding
    pub axis: Axis,
    /// place or organization
    pub node: Id,
    /// which measure
    pub measure: String,
    /// the civil date, for a day total
    pub day: Option<String>,
    /// what a board shows: folded and unfolded together
    pub shown: i64,
    /// what the items say
    pub counted: i64,
}

type Key = (Axis, Id, String, Option<String>);

/// Recounts one task. An empty list means that boards show exactly what the items say.
///
/// The built-in measures come from the items' own columns (state, place, holder), not from what was
/// stored as their contribution; the task's measures come from the contribution.
pub async fn recount(app: &App, task: Id) -> Result<Vec<Difference>, AppError> {
    let (shown, counted) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let shown = shown(tx, task).await?;
                let leaves = leaves(tx, task).await?;
                let mut counted: HashMap<Key, i64> = HashMap::new();
                for axis in Axis::ALL {
                    let of_axis = leaves.iter().filter(|((at, ..), _)| *at == axis);
                    let above = chains(tx, axis, of_axis.clone().map(|((_, leaf, ..), _)| *leaf)).await?;
                    for ((_, leaf, measure, day), amount) in of_axis {
                        let above = above.get(leaf).map(Vec::as_slice).unwrap_or_default();
                        count(&mut counted, axis, above, measure, day, *amount);
                    }
                }
                Ok((shown, counted))
            })
        })
        .await?;
    Ok(compare(&shown, &counted))
}

/// Axis, leaf, measure, day.
type Leaf = (Axis, Id, String, String);

/// What the items say at their leaves.
async fn leaves(tx: &mut Tx, task: Id) -> Result<HashMap<Leaf, i64>, StoreError> {
    type Row = (Id, Id, String, String, i64, i64);
    let mut leaves: HashMap<Leaf, i64> = HashMap::new();
    let mut after = -1_i64;
    loop {
        let end: Option<(i64,)> = tx.optional(STRETCH_ALL_SHARDS, args![task, after, STRETCH]).await?;
        let end = end.map_or(i64::MAX, |row| row.0);
        let rows: Vec<Row> = tx.all(ITEMS_ALL_SHARDS, args![task, after + 1, end]).await?;
        for (place, holder, state, contribution, found, items) in &rows {
            let stored = Contribution::parse(contribution)?;
            let day = |measure: &str| stored.amounts.get(measure).map_or("", |counted| counted.day.as_str());
            // Found by a unit: it counts with what its rule says alone.
            let built_in = ["assigned", state.as_str()].into_iter().filter(|_| *found == 0).map(|name| (name, 1));
            let ruled = stored.amounts.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
            for (measure, amount) in built_in.chain(ruled.map(|(name, counted)| (name.as_str(), counted.amount))) {
                for (axis, leaf) in [(Axis::Place, place), (Axis::Organization, holder)] {
                    let key = (axis, *leaf, measure.to_owned(), day(measure).to_owned());
                    *leaves.entry(key).or_default() += amount * items;
                }
            }
        }
        if end == i64::MAX {
            return Ok(leaves);
        }
        after = end;
    }
}

/// What boards show of every node: folded and unfolded together.
async fn shown(tx: &mut Tx, task: Id) -> Result<HashMap<Key, i64>, StoreError> {
    let mut shown: HashMap<Key, i64> = HashMap::new();
    let mut units: HashSet<Id> = HashSet::new();
    let nodes: Vec<(String, Id, String, i64)> = tx.all(ALL_NODE_TOTALS, args![task]).await?;
    for (axis, node, measure, total) in nodes {
        if let Some(axis) = Axis::from_key(&axis) {
            if axis == Axis::Organization {
                units.insert(node);
            }
            *shown.entry((axis, node, measure, None)).or_default() += total;
        }
    }
    let mut unfolded = Vec::new();
    for axis in Axis::ALL {
        let rows = super::board::unfolded(tx, task, axis).await?;
        let above = chains(tx, axis, rows.keys().copied()).await?;
        unfolded.push((axis, rows, above));
    }
    let days: Vec<(Id, String, String, i64)> = tx.all(ALL_DAY_TOTALS, args![task]).await?;
    let known: Vec<(Id,)> = tx.all(UNITS, vec![]).await?;
    units.extend(known.into_iter().map(|row| row.0));
    for (node, measure, day, total) in days {
        let axis = if units.contains(&node) { Axis::Organization } else { Axis::Place };
        *shown.entry((axis, node, measure, Some(day))).or_default() += total;
    }
    for (axis, rows, above) in unfolded {
        for (leaf, amounts) in rows {
            let above = above.get(&leaf).map(Vec::as_slice).unwrap_or_default();
            for ((measure, day), amount) in amounts {
                count(&mut shown, axis, above, &measure, &day, amount);
            }
        }
    }
    Ok(shown)
}

/// Nodes whose board does not add up: `assigned` against open, in review, in correction, proposed void, done,
/// waived and void together.
pub async fn unbalanced(app: &App, task: Id) -> Result<Vec<(Axis, Id, i64, i64)>, AppError> {
    let shown = app.db.snapshot(move |tx| Box::pin(async move { shown(tx, task).await })).await?;
    let mut nodes: BTreeMap<(Axis, Id), (i64, i64)> = BTreeMap::new();
    for ((axis, node, measure, day), total) in shown {
        let (assigned, accounted) = nodes.entry((axis, node)).or_default();
        match BUILT_IN.iter().position(|name| *name == measure) {
            Some(0) if day.is_none() => *assigned += total,
            Some(_) if day.is_none() => *accounted += total,
            _ => {}
        }
    }
    let wrong = nodes.into_iter().filter(|(_, (assigned, accounted))| assigned != accounted);
    Ok(wrong.map(|((axis, node), (assigned, accounted))| (axis, node, assigned, accounted)).collect())
}

fn count(into: &mut HashMap<Key, i64>, axis: Axis, above: &[Id], measure: &str, day: &str, amount: i64) {
    for node in above {
        *into.entry((axis, *node, measure.to_owned(), None)).or_default() += amount;
        if fold::DAILY.contains(&measure) {
            *into.entry((axis, *node, measure.to_owned(), Some(day.to_owned()))).or_default() += amount;
        }
    }
}

fn compare(shown: &HashMap<Key, i64>, counted: &HashMap<Key, i64>) -> Vec<Difference> {
    let value = |map: &HashMap<Key, i64>, key: &Key| map.get(key).copied().unwrap_or(0);
    let mut differences: Vec<Difference> = shown
        .keys()
        .chain(counted.keys().filter(|key| !shown.contains_key(*key)))
        .filter(|key| value(shown, key) != value(counted, key))
        .map(|key| Difference {
            axis: key.0,
            node: key.1,
            measure: key.2.clone(),
            day: key.3.clone(),
            shown: value(shown, key),
            counted: value(counted, key),
        })
        .collect();
    differences.sort();
    differences
}
