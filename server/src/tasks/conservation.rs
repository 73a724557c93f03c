//! Conservation, checked: what came in is held, was handed down, or has ended.
//!
//! Counters accumulate from movements; held and the ends are recounted from the items. The two are
//! compared for every assignment of a task, and every item must lie where its last movement took it.

use std::collections::{BTreeMap, HashMap};

use super::store;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::Exec;
use crate::platform::ids::Id;

const BY_ASSIGNMENT_ALL_SHARDS: &str = "SELECT i.assignment_id, count(*) FROM item i JOIN task t ON t.id = i.task_id \
     WHERE i.task_id = $1 AND i.release <= t.published_release GROUP BY i.assignment_id";
const MOVES_ALL_SHARDS: &str = "SELECT m.item_id, m.kind, m.from_assignment, m.to_assignment, i.assignment_id FROM movement m \
     JOIN item i ON i.shard = m.shard AND i.id = m.item_id WHERE m.task_id = $1 AND m.to_assignment IS NOT NULL \
     ORDER BY m.item_id, m.at, m.id";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[BY_ASSIGNMENT_ALL_SHARDS, MOVES_ALL_SHARDS];

/// Something that does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imbalance {
    /// `received` of an assignment is not what lies there and below
    Received {
        /// assignment
        assignment: Id,
        /// its counter
        counter: i64,
        /// at it and below
        counted: i64,
    },
    /// `passed_down` is not the sum of `received` below
    PassedDown {
        /// assignment
        assignment: Id,
        /// its counter
        counter: i64,
        /// sum of those below
        counted: i64,
    },
    /// `returned_up` is not the number of its return movements
    ReturnedUp {
        /// assignment
        assignment: Id,
        /// its counter
        counter: i64,
        /// movements
        counted: i64,
    },
    /// An item does not lie where its movements took it.
    Way {
        /// item
        item: Id,
    },
}

/// Compares counters, items and movements of one task in one snapshot. Empty means that all agree.
pub async fn check(app: &App, task: Id) -> Result<Vec<Imbalance>, AppError> {
    type Move = (Id, String, Option<Id>, Option<Id>, Id);
    let (assignments, held, moves) = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let assignments = store::assignments(tx, task).await?;
                let held: Vec<(Id, i64)> = tx.all(BY_ASSIGNMENT_ALL_SHARDS, args![task]).await?;
                let moves: Vec<Move> = tx.all(MOVES_ALL_SHARDS, args![task]).await?;
                Ok((assignments, held, moves))
            })
        })
        .await?;
    let held: HashMap<Id, i64> = held.into_iter().collect();
    let mut below: HashMap<Id, i64> = HashMap::new();
    for assignment in &assignments {
        if let Some(above) = assignment.parent_id {
            *below.entry(above).or_default() += assignment.received;
        }
    }
    let mut returned: HashMap<Id, i64> = HashMap::new();
    let mut ways: BTreeMap<Id, (Option<Id>, Id, bool)> = BTreeMap::new();
    for (item, kind, from, to, now) in moves {
        if let (true, Some(from)) = (kind == "returned", from) {
            *returned.entry(from).or_default() += 1;
        }
        let way = ways.entry(item).or_insert((None, now, true));
        let goes_on = way.0.is_none_or(|before| Some(before) == from);
        *way = (to, now, way.2 && goes_on);
    }
    let mut found = Vec::new();
    for assignment in &assignments {
        let id = assignment.id;
        let passed = below.get(&id).copied().unwrap_or(0);
        let here = held.get(&id).copied().unwrap_or(0);
        if assignment.received != here + assignment.passed_down {
            found.push(Imbalance::Received {
                assignment: id,
                counter: assignment.received,
                counted: here + assignment.passed_down,
            });
        }
        if assignment.passed_down != passed {
            found.push(Imbalance::PassedDown { assignment: id, counter: assignment.passed_down, counted: passed });
        }
        let counted = returned.get(&id).copied().unwrap_or(0);
        if assignment.returned_up != counted {
            found.push(Imbalance::ReturnedUp { assignment: id, counter: assignment.returned_up, counted });
        }
    }
    let strayed = ways.into_iter().filter(|(_, (last, now, whole))| !whole || *last != Some(*now));
    found.extend(strayed.map(|(item, _)| Imbalance::Way { item }));
    Ok(found)
}
