//! What a board shows: totals and unfolded deltas of one node and those below, in one snapshot.

use std::collections::{BTreeMap, HashMap};

use super::chains::chains;
use super::deltas::{Amounts, read_amounts};
use super::store::{
    DAYS, OPEN_WORK_ALL_SHARDS, ORGANIZATION_TOTALS, PLACE_TOTALS, UNFOLDED_ALL_SHARDS, UNFOLDED_IN_PLACE_ALL_SHARDS,
    UNFOLDED_IN_UNIT_ALL_SHARDS,
};
use super::{Axis, fold};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::database::{Exec, Line, StoreError, Tx};
use crate::platform::ids::Id;

/// Totals of one node by measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// place or organization
    pub id: Id,
    /// by measure; a missing one is 0
    pub totals: BTreeMap<String, i64>,
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

/// What is not folded yet, by leaf of an axis.
type Unfolded = HashMap<Id, Amounts>;

/// Reads what is not folded yet of a task, by leaf.
pub(super) async fn unfolded(tx: &mut Tx, task: Id, axis: Axis) -> Result<Unfolded, StoreError> {
    let rows: Vec<(Id, Id, String)> = tx.all(UNFOLDED_ALL_SHARDS, args![task]).await?;
    let mut found = Unfolded::new();
    for (place, organization, amounts) in &rows {
        let leaf = if axis == Axis::Place { place } else { organization };
        let sums = found.entry(*leaf).or_default();
        for (measure, day, amount) in read_amounts(amounts)? {
            *sums.entry((measure.to_owned(), day.to_owned())).or_default() += amount;
        }
    }
    Ok(found)
}

/// Reads the totals of `node` and of its children: folded rows plus what is not folded yet.
pub(super) async fn read_board(app: &App, task: Id, axis: Axis, node: Id) -> Result<Board, AppError> {
    let as_of = app.now();
    let (totals, unfolded, days) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let sql = match axis {
                    Axis::Place => PLACE_TOTALS,
                    Axis::Organization => ORGANIZATION_TOTALS,
                };
                let totals: Vec<(Id, String, i64)> = tx.all(sql, args![task, node, node]).await?;
                let sql = match axis {
                    Axis::Place => UNFOLDED_IN_PLACE_ALL_SHARDS,
                    Axis::Organization => UNFOLDED_IN_UNIT_ALL_SHARDS,
                };
                let unfolded: Vec<(Option<Id>, String)> = tx.all(sql, args![task, node]).await?;
                #[cfg(feature = "fault-hooks")]
                let unfolded = if super::faults::is_blind(task) { vec![] } else { unfolded };
                let days: Vec<(String, String, i64)> = tx.all(DAYS, args![task, node]).await?;
                Ok((totals, unfolded, days))
            })
        })
        .await?;
    let (geography, directory) = (app.geography(), app.directory());
    let below: Vec<Id> = match axis {
        Axis::Place => geography.children(node).map(|place| place.id).collect(),
        Axis::Organization => directory.children(node).map(|organization| organization.id).collect(),
    };
    let mut nodes: HashMap<Id, BTreeMap<String, i64>> =
        below.iter().chain([&node]).map(|id| (*id, BTreeMap::new())).collect();
    for (id, measure, total) in totals {
        if let Some(found) = nodes.get_mut(&id) {
            *found.entry(measure).or_default() += total;
        }
    }
    let mut by_day: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (measure, day, total) in days {
        *by_day.entry(day).or_default().entry(measure).or_default() += total;
    }
    for (child, amounts) in &unfolded {
        for (measure, day, amount) in read_amounts(amounts)? {
            for id in child.iter().chain([&node]) {
                if let Some(found) = nodes.get_mut(id) {
                    *found.entry(measure.to_owned()).or_default() += amount;
                }
            }
            if fold::DAILY.contains(&measure) {
                *by_day.entry(day.to_owned()).or_default().entry(measure.to_owned()).or_default() += amount;
            }
        }
    }
    let here = Node { id: node, totals: nodes.remove(&node).unwrap_or_default() };
    let children: Vec<Node> =
        below.iter().map(|id| Node { id: *id, totals: nodes.remove(id).unwrap_or_default() }).collect();
    let mut own = here.totals.clone();
    for child in &children {
        for (measure, total) in &child.totals {
            *own.entry(measure.clone()).or_default() -= total;
        }
    }
    own.retain(|_, total| *total != 0);
    Ok(Board { here, children, own, days: by_day, as_of })
}

/// Open work of a node that somebody should look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenWork {
    /// past its due instant
    pub late: i64,
    /// due within 24 hours
    pub soon: i64,
    /// held by an organization and claimed by nobody for more than a day
    pub unclaimed: i64,
    /// in review or proposed void for more than two days
    pub waiting: i64,
    /// in correction for more than three days
    pub correcting: i64,
    /// the earliest due instant among it
    pub first_due: Option<i64>,
}

impl OpenWork {
    /// As `OPEN_WORK_ALL_SHARDS` gives it.
    fn read(line: &str) -> Result<Self, StoreError> {
        let mut line = Line::new(line);
        let mut next = || line.number();
        let (late, soon, unclaimed, waiting, correcting) = (next()?, next()?, next()?, next()?, next()?);
        let first_due = line.filled()?.map(|due| Line::new(due).number()).transpose()?;
        line.end()?;
        Ok(Self { late, soon, unclaimed, waiting, correcting, first_due })
    }

    fn add(&mut self, other: &Self) {
        self.late += other.late;
        self.soon += other.soon;
        self.unclaimed += other.unclaimed;
        self.waiting += other.waiting;
        self.correcting += other.correcting;
        self.first_due = [self.first_due, other.first_due].into_iter().flatten().min();
    }

    /// Whether help is needed.
    pub fn stuck(&self) -> bool {
        self.late + self.unclaimed + self.waiting + self.correcting > 0
    }
}

/// Open work of every node of a task that has some.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// by node
    pub(super) nodes: HashMap<(Axis, Id), OpenWork>,
    /// instant at which it was counted
    pub(super) as_of: i64,
}

/// Counts the open work of a whole task.
pub(super) async fn read_work(app: &App, task: Id) -> Result<Work, AppError> {
    let now = app.now();
    let args = args![task, now, now, now + DAY, now - DAY, now - 2 * DAY, now - 3 * DAY];
    let mut db = app.read();
    let rows: Vec<(Id, Id, String)> = db.all(OPEN_WORK_ALL_SHARDS, args).await?;
    let mut leaves: HashMap<(Axis, Id), OpenWork> = HashMap::new();
    for (place, organization, line) in &rows {
        let work = OpenWork::read(line)?;
        for leaf in [(Axis::Place, *place), (Axis::Organization, *organization)] {
            leaves.entry(leaf).or_default().add(&work);
        }
    }
    let mut above = Vec::new();
    for axis in Axis::ALL {
        let of_axis = leaves.keys().filter(|leaf| leaf.0 == axis).map(|leaf| leaf.1);
        above.push((axis, chains(&mut db, axis, of_axis).await?));
    }
    let gather = move || {
        let mut nodes: HashMap<(Axis, Id), OpenWork> = HashMap::new();
        for ((axis, leaf), work) in leaves {
            let chains = above.iter().find(|(of, _)| *of == axis).map(|(_, chains)| chains);
            for node in chains.into_iter().flat_map(|chains| chains.of(leaf)) {
                nodes.entry((axis, node)).or_default().add(&work);
            }
        }
        Work { nodes, as_of: now }
    };
    // A tenth of a second for a million items: whoever waits behind this thread must not wait for that.
    tokio::task::spawn_blocking(gather).await.map_err(|fault| AppError::Internal(fault.to_string()))
}
