//! What a board shows: totals and unfolded deltas of one node and those below, in one snapshot.

use std::collections::{BTreeMap, HashMap};

use super::deltas::{Amounts, read_amounts};
use super::store::{
    DAYS, ORGANIZATION_TOTALS, ORGANIZATION_WORK, PLACE_TOTALS, PLACE_WORK, UNFOLDED_IN_PLACE_ALL_SHARDS,
    UNFOLDED_IN_UNIT_ALL_SHARDS,
};
use super::work::{Work, is_work};
use super::{Axis, fold};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::{Exec, StoreError, Tx};
use crate::platform::ids::Id;

/// Totals of one node by measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// place or organization
    pub id: Id,
    /// by measure; a missing one is 0
    pub totals: BTreeMap<String, i64>,
    /// what of it is open; [`Work::at`] says what is late
    pub work: Work,
}

impl Node {
    /// The total of a measure.
    pub fn total(&self, measure: &str) -> i64 {
        self.totals.get(measure).copied().unwrap_or(0)
    }

    /// What was to be done: assigned without void.
    pub fn due(&self) -> i64 {
        self.total("assigned") - self.total("void")
    }

    /// What has been done or needs not to be (免办).
    pub fn ended(&self) -> i64 {
        self.total("done") + self.total("waived")
    }

    /// Whole percent of [`Node::ended`] in [`Node::due`]; 100 only when all is done.
    pub fn percent(&self) -> i64 {
        web::percent_of(self.ended(), self.due())
    }
}

/// One node of a task's totals with what is directly below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// the node itself
    pub here: Node,
    /// directly below, in the order of the tree; those without any amount too
    pub children: Vec<Node>,
    /// what lies at the node itself and in none of the children
    pub own: BTreeMap<String, i64>,
    /// per civil date, what was added on it (measures of [`fold::DAILY`])
    pub days: BTreeMap<String, BTreeMap<String, i64>>,
    /// instant of the snapshot
    pub as_of: i64,
}

impl Board {
    /// The node itself and those directly below.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.here).chain(&self.children)
    }
}

/// The rows that make a board.
struct Rows {
    totals: Vec<(Id, String, i64)>,
    /// of the node itself, and the open work of its children
    days: Vec<(Id, String, String, i64)>,
    unfolded: Vec<(Option<Id>, String)>,
}

async fn read_rows(tx: &mut Tx, task: Id, axis: Axis, node: Id) -> Result<Rows, StoreError> {
    let (totals, work, unfolded) = match axis {
        Axis::Place => (PLACE_TOTALS, PLACE_WORK, UNFOLDED_IN_PLACE_ALL_SHARDS),
        Axis::Organization => (ORGANIZATION_TOTALS, ORGANIZATION_WORK, UNFOLDED_IN_UNIT_ALL_SHARDS),
    };
    let totals = tx.all(totals, args![task, node, node]).await?;
    let unfolded: Vec<(Option<Id>, String)> = tx.all(unfolded, args![task, node]).await?;
    #[cfg(feature = "fault-hooks")]
    let unfolded = if super::faults::is_blind(task) { vec![] } else { unfolded };
    let mut days: Vec<(Id, String, String, i64)> = tx.all(work, args![task, node]).await?;
    let own: Vec<(String, String, i64)> = tx.all(DAYS, args![task, node]).await?;
    days.extend(own.into_iter().map(|(measure, day, total)| (node, measure, day, total)));
    Ok(Rows { totals, days, unfolded })
}

/// What adds up at one node.
#[derive(Default)]
struct Sums {
    totals: BTreeMap<String, i64>,
    work: Amounts,
}

impl Sums {
    fn add(&mut self, measure: &str, day: &str, amount: i64) {
        if is_work(measure) {
            *self.work.entry((measure.to_owned(), day.to_owned())).or_default() += amount;
        } else {
            *self.totals.entry(measure.to_owned()).or_default() += amount;
        }
    }
}

/// Reads the totals of `node` and of its children: folded rows plus what is not folded yet.
pub(super) async fn read_board(app: &App, task: Id, axis: Axis, node: Id) -> Result<Board, AppError> {
    let as_of = app.now();
    let found = app.db.snapshot(move |tx| Box::pin(read_rows(tx, task, axis, node))).await?;
    let (geography, directory) = (app.geography(), app.directory());
    let below: Vec<Id> = match axis {
        Axis::Place => geography.children(node).map(|place| place.id).collect(),
        Axis::Organization => directory.children(node).map(|organization| organization.id).collect(),
    };
    let mut nodes: HashMap<Id, Sums> = below.iter().chain([&node]).map(|id| (*id, Sums::default())).collect();
    let mut by_day: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (id, measure, total) in found.totals {
        if let Some(sums) = nodes.get_mut(&id) {
            *sums.totals.entry(measure).or_default() += total;
        }
    }
    for (id, measure, day, total) in found.days {
        if is_work(&measure) {
            if let Some(sums) = nodes.get_mut(&id) {
                *sums.work.entry((measure, day)).or_default() += total;
            }
        } else {
            *by_day.entry(day).or_default().entry(measure).or_default() += total;
        }
    }
    for (child, amounts) in &found.unfolded {
        for (measure, day, amount) in read_amounts(amounts)? {
            for id in child.iter().chain([&node]) {
                if let Some(sums) = nodes.get_mut(id) {
                    sums.add(measure, day, amount);
                }
            }
            if fold::DAILY.contains(&measure) {
                *by_day.entry(day.to_owned()).or_default().entry(measure.to_owned()).or_default() += amount;
            }
        }
    }
    let mut read = |id: Id| {
        let sums = nodes.remove(&id).unwrap_or_default();
        Ok::<Node, StoreError>(Node { id, totals: sums.totals, work: Work::read(&sums.work)? })
    };
    let here = read(node)?;
    let children = below.iter().map(|id| read(*id)).collect::<Result<Vec<Node>, StoreError>>()?;
    let mut own = here.totals.clone();
    for child in &children {
        for (measure, total) in &child.totals {
            *own.entry(measure.clone()).or_default() -= total;
        }
    }
    own.retain(|_, total| *total != 0);
    Ok(Board { here, children, own, days: by_day, as_of })
}
