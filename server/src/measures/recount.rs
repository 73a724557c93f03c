//! The recount: totals computed again from the items alone and compared with what boards show.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::chains::chains_of;
use super::deltas::read_amounts;
use super::leaves::{Key, Leaves};
use super::store::{
    ALL_DAY_TOTALS, ALL_NODE_TOTALS, ITEMS_ALL_SHARDS, PUBLISHED, STRETCH_ALL_SHARDS, UNFOLDED_ALL_SHARDS, UNITS,
};
use super::work::Standing;
use super::{Axis, BUILT_IN, Contribution, Counted};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::HOUR;
use crate::platform::database::{Scanner, StoreError};
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

/// Recounts one task. An empty list means that boards show exactly what the items say.
///
/// The built-in measures and open work come from the items' own columns, not from what was
/// stored as their contribution; the task's measures come from the contribution.
pub async fn recount(app: &App, task: Id) -> Result<Vec<Difference>, AppError> {
    let found = app.db.scan(move |scanner| {
        let mut names = Gathering::default();
        let shown = shown(scanner, task, &mut names)?;
        let leaves = counted(scanner, task, &mut names)?;
        let mut counted: HashMap<Key, i64> = HashMap::with_capacity(shown.len());
        up(scanner, &leaves, &names, &mut counted)?;
        Ok(compare(&names, &shown, &counted))
    });
    Ok(found.await?)
}

/// Items that count the same.
pub(super) struct Group<'r> {
    pub(super) shard: i64,
    place: Id,
    holder: Id,
    state: &'r str,
    contribution: &'r str,
    /// by a unit in the field
    found: bool,
    claimed: bool,
    due_at: Option<i64>,
    moved_at: i64,
    pub(super) items: i64,
}

impl Group<'_> {
    /// What each counts for. What every item counts for comes from its columns, its task's measures from what was
    /// stored.
    pub(super) fn counted(&self) -> Result<Contribution, StoreError> {
        let mut counted = Contribution::parse(self.contribution)?;
        let day = |measure: &str| counted.amounts.get(measure).map(|by| by.day.clone()).unwrap_or_default();
        // Found by a unit: it counts with what its rule says alone.
        let built_in = ["assigned", self.state].into_iter().filter(|_| !self.found);
        let built_in: Vec<_> = built_in.map(|name| (name.to_owned(), Counted { amount: 1, day: day(name) })).collect();
        counted.amounts.retain(|name, _| !BUILT_IN.contains(&name.as_str()));
        counted.amounts.extend(built_in);
        (counted.place, counted.organization) = (Some(self.place), Some(self.holder));
        let Self { state, claimed, due_at, moved_at, .. } = *self;
        Ok(counted.standing(&Standing { state, claimed, due_at, moved_at }))
    }
}

/// Reads the items of a task's releases up to one, those that count the same together.
pub(super) fn groups(
    scanner: &mut Scanner,
    task: Id,
    release: i64,
    mut take: impl FnMut(Group<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = -1_i64;
    loop {
        let end = scanner.number(STRETCH_ALL_SHARDS, args![task, after, STRETCH])?.unwrap_or(i64::MAX);
        scanner.rows(ITEMS_ALL_SHARDS, args![task, after + 1, end, release], |row| {
            take(Group {
                shard: row.number(0)?,
                place: row.id(1)?,
                holder: row.id(2)?,
                state: row.text(3)?,
                contribution: row.text(4)?,
                found: row.number(5)? == 1,
                claimed: row.number(6)? == 1,
                due_at: row.number_or_none(7)?,
                moved_at: row.number(8)? * HOUR,
                items: row.number(9)?,
            })
        })?;
        if end == i64::MAX {
            return Ok(());
        }
        after = end;
    }
}

/// What the items say at their leaves.
fn counted(scanner: &mut Scanner, task: Id, names: &mut Gathering) -> Result<Leaves, StoreError> {
    let published = scanner.number(PUBLISHED, args![task])?.ok_or(StoreError::NotFound)?;
    let mut leaves = Leaves::default();
    groups(scanner, task, published, |group| {
        let counted = group.counted()?;
        let named = |(measure, day, amount)| (names.number(measure), names.number(day), amount * group.items);
        leaves.add(group.place, group.holder, &counted.counts().map(named).collect::<Vec<_>>());
        Ok(())
    })?;
    Ok(leaves)
}

/// What boards show of every node: folded and unfolded together.
fn shown(scanner: &mut Scanner, task: Id, names: &mut Gathering) -> Result<HashMap<Key, i64>, StoreError> {
    let mut units: HashSet<Id> = HashSet::new();
    let mut shown: HashMap<Key, i64> = HashMap::new();
    scanner.rows(ALL_NODE_TOTALS, args![task], |row| {
        let (node, Some(axis)) = (row.id(0)?, Axis::from_key(row.text(1)?)) else { return Ok(()) };
        if axis == Axis::Organization {
            units.insert(node);
        }
        *shown.entry((axis, node, names.number(row.text(2)?), None)).or_default() += row.number(3)?;
        Ok(())
    })?;
    scanner.rows(UNITS, vec![], |row| {
        units.insert(row.id(0)?);
        Ok(())
    })?;
    scanner.rows(ALL_DAY_TOTALS, args![task], |row| {
        let node = row.id(0)?;
        let axis = if units.contains(&node) { Axis::Organization } else { Axis::Place };
        let key = (axis, node, names.number(row.text(1)?), Some(names.number(row.text(2)?)));
        *shown.entry(key).or_default() += row.number(3)?;
        Ok(())
    })?;
    let mut unfolded = Leaves::default();
    scanner.rows(UNFOLDED_ALL_SHARDS, args![task], |row| {
        let amounts = read_amounts(row.text(2)?)?.into_iter();
        let named = |(measure, day, amount)| (names.number(measure), names.number(day), amount);
        unfolded.add(row.id(0)?, row.id(1)?, &amounts.map(named).collect::<Vec<_>>());
        Ok(())
    })?;
    up(scanner, &unfolded, names, &mut shown)?;
    Ok(shown)
}

/// Nodes whose board does not add up: `assigned` against open, in review, in correction, proposed void, done,
/// waived and void together.
pub async fn unbalanced(app: &App, task: Id) -> Result<Vec<(Axis, Id, i64, i64)>, AppError> {
    let read = move |scanner: &mut Scanner| {
        let mut names = Gathering::default();
        let shown = shown(scanner, task, &mut names)?;
        Ok((names, shown))
    };
    let (names, shown) = app.db.scan(read).await?;
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

/// Adds what lies at leaves to every node above them.
fn up(
    scanner: &mut Scanner,
    leaves: &Leaves,
    names: &Gathering,
    into: &mut HashMap<Key, i64>,
) -> Result<(), StoreError> {
    for axis in Axis::ALL {
        let above = chains_of(scanner, axis, leaves.of(axis))?;
        leaves.climb(axis, &above, names, |key, amount| *into.entry(key).or_default() += amount);
    }
    Ok(())
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
