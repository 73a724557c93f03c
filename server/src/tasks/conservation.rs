//! Conservation, checked: what came in is held, was handed down, or has ended.
//!
//! Counters accumulate from movements; held and the ends are recounted from the states of the items. For every
//! assignment received = held + passed down + done + waived + void, and passed down = what the children
//! received. Movements of an item are numbered and the item knows how many it has had, so one that is missing
//! shows whatever it was; each begins where the one before it ended, and the last ends where the item lies.
//! For every place and unit assigned = open + done + waived + void.

use std::collections::HashMap;

use super::model::ItemState;
use super::store;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::measures::{self, Axis};
use crate::platform::database::Exec;
use crate::platform::ids::Id;

const BY_STATE_ALL_SHARDS: &str = "SELECT i.assignment_id, i.state, count(*) FROM item i JOIN task t ON t.id = i.task_id \
     WHERE i.task_id = $1 AND i.release <= t.published_release GROUP BY i.assignment_id, i.state";
const RETURNED_ALL_SHARDS: &str = "SELECT from_assignment, count(*) FROM movement WHERE task_id = $1 AND kind = 'returned' \
     AND from_assignment IS NOT NULL GROUP BY from_assignment";
const MISSING_ALL_SHARDS: &str = "SELECT i.id, i.moves, count(m.id) FROM item i \
     LEFT JOIN movement m ON m.shard = i.shard AND m.item_id = i.id WHERE i.task_id = $1 AND i.moves > 0 GROUP BY i.shard, i.id, i.moves \
     HAVING i.moves <> count(m.id) OR i.moves <> coalesce(max(m.seq), 0) ORDER BY i.id LIMIT 100";
/// Movements of items that are not there, or that know of none.
const WITHOUT_ITEM_ALL_SHARDS: &str = "SELECT m.item_id, count(*) FROM movement m \
     LEFT JOIN item i ON i.shard = m.shard AND i.id = m.item_id WHERE m.task_id = $1 AND (i.id IS NULL OR i.moves = 0) \
     GROUP BY m.item_id ORDER BY m.item_id LIMIT 100";
const BROKEN_ALL_SHARDS: &str = "SELECT w.item_id FROM (SELECT m.item_id, m.from_assignment, \
     lag(m.to_assignment) OVER (PARTITION BY m.shard, m.item_id ORDER BY m.seq) AS before FROM movement m \
     WHERE m.task_id = $1 AND m.to_assignment IS NOT NULL) w \
     WHERE w.before IS NOT NULL AND (w.from_assignment IS NULL OR w.from_assignment <> w.before) ORDER BY w.item_id LIMIT 100";
const STRAYED_ALL_SHARDS: &str = "SELECT i.id FROM item i JOIN movement m ON m.shard = i.shard AND m.item_id = i.id \
     WHERE i.task_id = $1 AND i.moves > 0 AND m.to_assignment IS NOT NULL AND m.to_assignment <> i.assignment_id \
     AND m.seq = (SELECT max(n.seq) FROM movement n WHERE n.shard = i.shard AND n.item_id = i.id AND n.to_assignment IS NOT NULL) \
     ORDER BY i.id LIMIT 100";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    BY_STATE_ALL_SHARDS,
    RETURNED_ALL_SHARDS,
    MISSING_ALL_SHARDS,
    WITHOUT_ITEM_ALL_SHARDS,
    BROKEN_ALL_SHARDS,
    STRAYED_ALL_SHARDS,
];

/// Something that does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imbalance {
    /// `received` of an assignment is not what is held, ended and handed down
    Received {
        /// assignment
        assignment: Id,
        /// its counter
        counter: i64,
        /// held + ended + passed down
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
    /// An item lies at an assignment that is not there.
    Nowhere {
        /// assignment
        assignment: Id,
        /// items
        counted: i64,
    },
    /// An item has had more movements, or others, than there are rows.
    Movements {
        /// item
        item: Id,
        /// as the item counts them
        moves: i64,
        /// rows
        counted: i64,
    },
    /// An item does not lie where its movements took it.
    Way {
        /// item
        item: Id,
    },
    /// `assigned` of a place or unit is not open + done + waived + void on its board
    Node {
        /// place or organization
        axis: Axis,
        /// which
        node: Id,
        /// as the board shows it
        assigned: i64,
        /// the sum of the states
        accounted: i64,
    },
}

/// Compares counters, items and movements of one task in one snapshot, then its boards. Empty means that all
/// agree.
pub async fn check(app: &App, task: Id) -> Result<Vec<Imbalance>, AppError> {
    let mut found = app
        .db
        .snapshot(move |tx| {
            Box::pin(async move {
                let mut found = Vec::new();
                let assignments = store::assignments(tx, task).await?;
                let mut below: HashMap<Id, i64> = HashMap::new();
                for one in &assignments {
                    if let Some(above) = one.parent_id {
                        *below.entry(above).or_default() += one.received;
                    }
                }
                let mut here: HashMap<Id, i64> = HashMap::new();
                let states: Vec<(Id, String, i64)> = tx.all(BY_STATE_ALL_SHARDS, args![task]).await?;
                // A state that no one knows is neither held nor an end.
                for (assignment, _, n) in states.into_iter().filter(|row| ItemState::from_key(&row.1).is_some()) {
                    *here.entry(assignment).or_default() += n;
                }
                let returned: Vec<(Id, i64)> = tx.all(RETURNED_ALL_SHARDS, args![task]).await?;
                let mut returned: HashMap<Id, i64> = returned.into_iter().collect();
                for one in &assignments {
                    let (assignment, take) = (one.id, |map: &mut HashMap<Id, i64>| map.remove(&one.id).unwrap_or(0));
                    let (passed, counted) = (take(&mut below), take(&mut here) + one.passed_down);
                    if one.received != counted {
                        found.push(Imbalance::Received { assignment, counter: one.received, counted });
                    }
                    if one.passed_down != passed {
                        found.push(Imbalance::PassedDown { assignment, counter: one.passed_down, counted: passed });
                    }
                    let counted = take(&mut returned);
                    if one.returned_up != counted {
                        found.push(Imbalance::ReturnedUp { assignment, counter: one.returned_up, counted });
                    }
                }
                found.extend(here.into_iter().map(|(assignment, counted)| Imbalance::Nowhere { assignment, counted }));
                let missing: Vec<(Id, i64, i64)> = tx.all(MISSING_ALL_SHARDS, args![task]).await?;
                found.extend(missing.into_iter().map(|(item, moves, counted)| Imbalance::Movements {
                    item,
                    moves,
                    counted,
                }));
                let loose: Vec<(Id, i64)> = tx.all(WITHOUT_ITEM_ALL_SHARDS, args![task]).await?;
                found.extend(loose.into_iter().map(|(item, counted)| Imbalance::Movements { item, moves: 0, counted }));
                for sql in [BROKEN_ALL_SHARDS, STRAYED_ALL_SHARDS] {
                    let items: Vec<(Id,)> = tx.all(sql, args![task]).await?;
                    found.extend(items.into_iter().map(|(item,)| Imbalance::Way { item }));
                }
                Ok(found)
            })
        })
        .await?;
    let nodes = measures::unbalanced(app, task).await?;
    found.extend(nodes.into_iter().map(|(axis, node, assigned, accounted)| Imbalance::Node {
        axis,
        node,
        assigned,
        accounted,
    }));
    Ok(found)
}
