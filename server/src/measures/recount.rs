//! The recount: totals computed again from the items alone and compared with what boards show.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::chains::chains;
use super::fold::Counts;
use super::store::{ALL_DAY_TOTALS, ALL_NODE_TOTALS, ITEMS_ALL_SHARDS, STRETCH_ALL_SHARDS, UNITS};
use super::work::{Standing, counted_as};
use super::{Axis, BUILT_IN, Contribution};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::HOUR;
use crate::platform::database::{Exec, Line, StoreError, Tx};
use crate::platform::ids::Id;
use crate::platform::texts::Gathering;

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
    /// the civil date, for a day total; what open work waits for
    pub day: Option<String>,
    /// what a board shows: folded and unfolded together
    pub shown: i64,
    /// what the items say
    pub counted: i64,
}

/// Axis, node, measure, and the "day" of a day total: millions of totals name the same few words, by number.
type Key = (Axis, Id, u32, Option<u32>);

/// Recounts one task. An empty list means that boards show exactly what the items say.
///
/// The built-in measures and open work come from the items' own columns, not from what was
/// stored as their contribution; the task's measures come from the contribution.
pub async fn recount(app: &App, task: Id) -> Result<Vec<Difference>, AppError> {
    let (names, shown, counted) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let mut names = Gathering::default();
                let shown = shown(tx, task, &mut names).await?;
                let leaves = leaves(tx, task, &mut names).await?;
                let mut counted: HashMap<Key, i64> = HashMap::with_capacity(shown.len());
                for axis in Axis::ALL {
                    let of_axis = leaves.iter().filter(|((at, ..), _)| *at == axis);
                    let above = chains(tx, axis, of_axis.clone().map(|((_, leaf, ..), _)| *leaf)).await?;
                    for ((_, leaf, measure, day), amount) in of_axis {
                        let above = above.of(*leaf);
                        count(&mut counted, axis, above, (*measure, *day, Counts::of(names.get(*measure))), *amount);
                    }
                }
                Ok((names, shown, counted))
            })
        })
        .await?;
    Ok(compare(&names, &shown, &counted))
}

/// Axis, leaf, measure, day.
type Leaf = (Axis, Id, u32, u32);

/// What the items say at their leaves.
async fn leaves(tx: &mut Tx, task: Id, names: &mut Gathering) -> Result<HashMap<Leaf, i64>, StoreError> {
    type Row = (Id, Id, String, String, i64, String, i64);
    let mut leaves: HashMap<Leaf, i64> = HashMap::new();
    let mut after = -1_i64;
    loop {
        let end: Option<(i64,)> = tx.optional(STRETCH_ALL_SHARDS, args![task, after, STRETCH]).await?;
        let end = end.map_or(i64::MAX, |row| row.0);
        let rows: Vec<Row> = tx.all(ITEMS_ALL_SHARDS, args![task, after + 1, end]).await?;
        for (place, holder, state, contribution, found, waits, items) in &rows {
            let stored = Contribution::parse(contribution)?;
            let day = |measure: &str| stored.amounts.get(measure).map_or("", |counted| counted.day.as_str());
            // Found by a unit: it counts with what its rule says alone.
            let built_in = ["assigned", state.as_str()].into_iter().filter(|_| *found == 0).map(|name| (name, 1));
            let ruled = stored.amounts.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
            let counted = built_in.chain(ruled.map(|(name, counted)| (name.as_str(), counted.amount)));
            let counted = counted.map(|(measure, amount)| (measure, Cow::Borrowed(day(measure)), amount));
            let work = open_work(state, waits)?.map(|(measure, day)| (measure, Cow::Owned(day), 1));
            for (measure, day, amount) in counted.chain(work) {
                let named = (names.number(measure), names.number(&day));
                for (axis, leaf) in [(Axis::Place, place), (Axis::Organization, holder)] {
                    *leaves.entry((axis, *leaf, named.0, named.1)).or_default() += amount * items;
                }
            }
        }
        if end == i64::MAX {
            return Ok(leaves);
        }
        after = end;
    }
}

/// What an item counts for as open work, from the line of `ITEMS_ALL_SHARDS`.
fn open_work(state: &str, waits: &str) -> Result<Option<(&'static str, String)>, StoreError> {
    if waits.is_empty() {
        return Ok(None);
    }
    let mut line = Line::new(waits);
    let claimed = line.number()? == 1;
    let due_at = line.filled()?.map(|due| Line::new(due).number()).transpose()?;
    let moved_at = line.number()? * HOUR;
    line.end()?;
    Ok(counted_as(&Standing { state, claimed, due_at, moved_at }))
}

/// What boards show of every node: folded and unfolded together.
async fn shown(tx: &mut Tx, task: Id, names: &mut Gathering) -> Result<HashMap<Key, i64>, StoreError> {
    let mut units: HashSet<Id> = HashSet::new();
    let nodes: Vec<(Id, String)> = tx.all(ALL_NODE_TOTALS, args![task]).await?;
    let mut shown: HashMap<Key, i64> = HashMap::with_capacity(2 * nodes.len());
    for (node, line) in nodes {
        let mut line = Line::new(&line);
        let (axis, measure, total) = (line.text()?, names.number(line.text()?), line.number()?);
        let Some(axis) = Axis::from_key(axis) else { continue };
        if axis == Axis::Organization {
            units.insert(node);
        }
        *shown.entry((axis, node, measure, None)).or_default() += total;
    }
    let mut unfolded = Vec::new();
    for axis in Axis::ALL {
        let rows = super::board::unfolded(tx, task, axis).await?;
        let above = chains(tx, axis, rows.keys().copied()).await?;
        unfolded.push((axis, rows, above));
    }
    let days: Vec<(Id, String)> = tx.all(ALL_DAY_TOTALS, args![task]).await?;
    let known: Vec<(Id,)> = tx.all(UNITS, vec![]).await?;
    units.extend(known.into_iter().map(|row| row.0));
    for (node, line) in days {
        let axis = if units.contains(&node) { Axis::Organization } else { Axis::Place };
        let mut line = Line::new(&line);
        let (measure, day, total) = (names.number(line.text()?), names.number(line.text()?), line.number()?);
        *shown.entry((axis, node, measure, Some(day))).or_default() += total;
    }
    for (axis, rows, above) in unfolded {
        for (leaf, amounts) in rows {
            for ((measure, day), amount) in amounts {
                let named = (names.number(&measure), names.number(&day));
                count(&mut shown, axis, above.of(leaf), (named.0, named.1, Counts::of(&measure)), amount);
            }
        }
    }
    Ok(shown)
}

/// Nodes whose board does not add up: `assigned` against open, in review, in correction, proposed void, done,
/// waived and void together.
pub async fn unbalanced(app: &App, task: Id) -> Result<Vec<(Axis, Id, i64, i64)>, AppError> {
    let (names, shown) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let mut names = Gathering::default();
                let shown = shown(tx, task, &mut names).await?;
                Ok((names, shown))
            })
        })
        .await?;
    let mut nodes: BTreeMap<(Axis, Id), (i64, i64)> = BTreeMap::new();
    for ((axis, node, measure, day), total) in shown {
        let (assigned, accounted) = nodes.entry((axis, node)).or_default();
        match BUILT_IN.iter().position(|name| *name == names.get(measure)) {
            Some(0) if day.is_none() => *assigned += total,
            Some(_) if day.is_none() => *accounted += total,
            _ => {}
        }
    }
    let wrong = nodes.into_iter().filter(|(_, (assigned, accounted))| assigned != accounted);
    Ok(wrong.map(|((axis, node), (assigned, accounted))| (axis, node, assigned, accounted)).collect())
}

/// Adds an amount of (measure, day, where it is counted) to every node above a leaf.
fn count(into: &mut HashMap<Key, i64>, axis: Axis, above: impl Iterator<Item = Id>, of: (u32, u32, Counts), amount: i64) {
    let (measure, day, counts) = of;
    for node in above {
        if counts.total {
            *into.entry((axis, node, measure, None)).or_default() += amount;
        }
        if counts.daily {
            *into.entry((axis, node, measure, Some(day))).or_default() += amount;
        }
    }
}

fn compare(names: &Gathering, shown: &HashMap<Key, i64>, counted: &HashMap<Key, i64>) -> Vec<Difference> {
    let value = |map: &HashMap<Key, i64>, key: &Key| map.get(key).copied().unwrap_or(0);
    let mut differences: Vec<Difference> = shown
        .keys()
        .chain(counted.keys().filter(|key| !shown.contains_key(*key)))
        .filter(|key| value(shown, key) != value(counted, key))
        .map(|key| Difference {
            axis: key.0,
            node: key.1,
            measure: names.get(key.2).to_owned(),
            day: key.3.map(|day| names.get(day).to_owned()),
            shown: value(shown, key),
            counted: value(counted, key),
        })
        .collect();
    differences.sort();
    differences
}
