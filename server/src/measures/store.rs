//! The SQL of totals.

use std::fmt::Write;

use super::chains::{PLACES_ABOVE, UNITS_ABOVE};
use crate::access::{Grant, Permission, Principal, Scope};
use crate::platform::database::Arg;
use crate::platform::database::bulk::{OnKey, Shape, adding};
use crate::platform::ids::Id;

/// Delta rows as they are appended.
pub const DELTA: Shape = Shape {
    table: "delta",
    columns: &["shard", "id", "task_id", "release", "place_id", "organization_id", "amounts"],
    key: &["id", "shard"],
};

/// Deltas of published releases, whichever task and shard; a bounded batch.
pub(super) const DUE_ALL_SHARDS: &str = "SELECT d.shard, d.id, d.task_id, d.place_id, d.organization_id, d.amounts \
     FROM delta d JOIN task t ON t.id = d.task_id WHERE d.release <= t.published_release \
     ORDER BY d.id, d.shard LIMIT $1";

/// Totals of a place and of those directly below it.
pub(super) const PLACE_TOTALS: &str = "SELECT node_id, measure, total FROM node_total \
     WHERE task_id = $1 AND axis = 'place' AND node_id IN (SELECT id FROM place WHERE id = $2 OR parent_id = $3)";
/// Totals of an organization and of those directly inside it.
pub(super) const ORGANIZATION_TOTALS: &str = "SELECT node_id, measure, total FROM node_total \
     WHERE task_id = $1 AND axis = 'org' AND node_id IN (SELECT id FROM organization WHERE id = $2 OR parent_id = $3)";
/// What is not folded yet, by pair of leaves.
pub(super) const UNFOLDED_ALL_SHARDS: &str = "SELECT d.place_id, d.organization_id, d.amounts \
     FROM delta d JOIN task t ON t.id = d.task_id WHERE d.task_id = $1 AND d.release <= t.published_release";
/// What is not folded yet at a place and below: the place directly below it that it lies in, and the amounts.
pub(super) const UNFOLDED_IN_PLACE_ALL_SHARDS: &str = "SELECT s.ancestor_id, d.amounts FROM delta d JOIN task t ON t.id = d.task_id \
     JOIN place_ancestor a ON a.place_id = d.place_id AND a.ancestor_id = $2 \
     LEFT JOIN place_ancestor s ON s.place_id = d.place_id AND s.depth = a.depth - 1 \
     WHERE d.task_id = $1 AND d.release <= t.published_release";
/// The same of an organization.
pub(super) const UNFOLDED_IN_UNIT_ALL_SHARDS: &str = "SELECT s.ancestor_id, d.amounts FROM delta d JOIN task t ON t.id = d.task_id \
     JOIN organization_ancestor a ON a.organization_id = d.organization_id AND a.ancestor_id = $2 \
     LEFT JOIN organization_ancestor s ON s.organization_id = d.organization_id AND s.depth = a.depth - 1 \
     WHERE d.task_id = $1 AND d.release <= t.published_release";
/// The day series of a node; of open work too.
pub(super) const DAYS: &str =
    "SELECT measure, day, total FROM day_total WHERE task_id = $1 AND node_id = $2 AND total <> 0";
/// The open work of the places directly below one.
pub(super) const PLACE_WORK: &str = "SELECT node_id, measure, day, total FROM day_total WHERE task_id = $1 \
     AND node_id IN (SELECT id FROM place WHERE parent_id = $2) AND measure > 'waits.' AND measure < 'waits/' AND total <> 0";
/// The open work of the organizations directly inside one.
pub(super) const ORGANIZATION_WORK: &str = "SELECT node_id, measure, day, total FROM day_total WHERE task_id = $1 \
     AND node_id IN (SELECT id FROM organization WHERE parent_id = $2) AND measure > 'waits.' AND measure < 'waits/' AND total <> 0";

/// The position up to which the next items of a recount lie: `$3` items further on.
pub(super) const STRETCH_ALL_SHARDS: &str =
    "SELECT position FROM item WHERE task_id = $1 AND position > $2 ORDER BY position LIMIT 1 OFFSET $3";
/// The items of a stretch of positions, first and last included, of releases up to `$4`, those that count the same
/// together. Of open ones also who holds them, the due instant and the hour of the last movement.
pub(super) const ITEMS_ALL_SHARDS: &str = "SELECT shard, place_id, holder_organization, state, contribution, \
     cast(CASE WHEN parent_item_id IS NULL THEN 0 ELSE 1 END as bigint), \
     cast(CASE WHEN holder_post IS NULL THEN 0 ELSE 1 END as bigint), \
     CASE WHEN state IN ('open', 'review', 'correction', 'void_proposed') THEN due_at END, \
     CASE WHEN state IN ('open', 'review', 'correction', 'void_proposed') THEN moved_at / 3600000000 ELSE 0 END, \
     count(*) FROM item WHERE task_id = $1 AND position >= $2 AND position <= $3 AND release <= $4 \
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9";
/// The release up to which items of a task count.
pub(super) const PUBLISHED: &str = "SELECT published_release FROM task WHERE id = $1";
/// Whether totals of a task stand there.
pub(super) const OPENED: &str = "SELECT total FROM node_total WHERE task_id = $1 LIMIT 1";
/// Each takes totals of a task away.
pub(super) const WIPE_NODES: &str = "DELETE FROM node_total WHERE task_id = $1";
pub(super) const WIPE_DAYS: &str = "DELETE FROM day_total WHERE task_id = $1";
/// Every total of a task.
pub(super) const ALL_NODE_TOTALS: &str =
    "SELECT node_id, axis, measure, total FROM node_total WHERE task_id = $1 AND total <> 0";
/// Every day total of a task.
pub(super) const ALL_DAY_TOTALS: &str =
    "SELECT node_id, measure, day, total FROM day_total WHERE task_id = $1 AND total <> 0";

/// True for tasks below or above the principal's places, of its organizations, or with work held by
/// them. No grant gives no row.
#[track_caller]
fn seen_by(principal: &Principal, args: &mut Vec<Arg>) -> String {
    #[cfg(feature = "fault-hooks")]
    if crate::access::faults::taken_out(std::panic::Location::caller()) {
        return "1 = 1".to_owned();
    }
    let mut mark = |arg: Arg| {
        args.push(arg);
        format!("${}", args.len())
    };
    let mut parts = Vec::new();
    for grant in principal.grants.iter().filter(|grant| grant.permission == Permission::BoardRead) {
        parts.push(match grant.scope {
            Scope::All => "1 = 1".to_owned(),
            Scope::Place(place) => format!(
                "t.root_place IN (SELECT a.place_id FROM place_ancestor a WHERE a.ancestor_id = {}) \
                 OR t.root_place IN (SELECT b.ancestor_id FROM place_ancestor b WHERE b.place_id = {})",
                mark(place.into()),
                mark(place.into())
            ),
            Scope::Organization(unit) => format!(
                "t.issuer_organization IN (SELECT a.organization_id FROM organization_ancestor a WHERE a.ancestor_id = {}) \
                 OR t.id IN (SELECT n.task_id FROM node_total n WHERE n.axis = 'org' AND n.node_id = {})",
                mark(unit.into()),
                mark(unit.into())
            ),
        });
    }
    if parts.is_empty() {
        parts.push("1 = 0".to_owned());
    }
    format!("({})", parts.join(" OR "))
}

const SUMMARY: &str = "SELECT t.id, t.title, t.root_place, t.issuer_organization, t.measures, t.deadline_at, t.state, t.created_at \
     FROM task t WHERE t.published_release > 0 AND ";

/// The list of boards that the principal may see, newest first.
pub(super) fn list_sql(principal: &Principal, before: Option<(i64, Id)>, limit: i64, args: &mut Vec<Arg>) -> String {
    let mut sql = format!("{SUMMARY}{}", seen_by(principal, args));
    let mut mark = |arg: Arg| {
        args.push(arg);
        format!("${}", args.len())
    };
    if let Some((at, id)) = before {
        let _ = write!(sql, " AND (t.created_at, t.id) < ({}, {})", mark(at.into()), mark(id.into()));
    }
    let _ = write!(sql, " ORDER BY t.created_at DESC, t.id DESC LIMIT {}", mark(limit.into()));
    sql
}

/// One board, if the principal may see it.
pub(super) fn find_sql(principal: &Principal, id: Id, args: &mut Vec<Arg>) -> String {
    let seen = seen_by(principal, args);
    args.push(id.into());
    format!("{SUMMARY}{seen} AND t.id = ${}", args.len())
}

/// Every organization there has ever been: a day total does not say its axis.
pub(super) const UNITS: &str = "SELECT id FROM organization";
/// What one organization shows, of every task.
pub(super) const TOTALS_OF_NODE_ALL_TASKS: &str = "SELECT task_id, measure, total FROM node_total WHERE axis = 'org' AND node_id = $1 AND total <> 0 ORDER BY task_id, measure";
/// Its day series, of every task.
pub(super) const DAYS_OF_NODE_ALL_TASKS: &str = "SELECT task_id, measure, day, total FROM day_total WHERE node_id = $1 AND total <> 0 ORDER BY task_id, measure, day";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    PLACES_ABOVE,
    UNITS_ABOVE,
    UNITS,
    TOTALS_OF_NODE_ALL_TASKS,
    DAYS_OF_NODE_ALL_TASKS,
    DUE_ALL_SHARDS,
    PLACE_TOTALS,
    ORGANIZATION_TOTALS,
    UNFOLDED_ALL_SHARDS,
    UNFOLDED_IN_PLACE_ALL_SHARDS,
    UNFOLDED_IN_UNIT_ALL_SHARDS,
    DAYS,
    PLACE_WORK,
    ORGANIZATION_WORK,
    STRETCH_ALL_SHARDS,
    ITEMS_ALL_SHARDS,
    PUBLISHED,
    OPENED,
    WIPE_NODES,
    WIPE_DAYS,
    ALL_NODE_TOTALS,
    ALL_DAY_TOTALS,
];

/// Tables of totals: rows are added to what is there ([`add_to`]).
pub(super) const PARTIAL_TOTAL: Shape = Shape {
    table: "partial_total",
    columns: &["shard", "task_id", "axis", "leaf_id", "measure", "total"],
    key: &["shard", "task_id", "axis", "leaf_id", "measure"],
};
pub(super) const NODE_TOTAL: Shape = Shape {
    table: "node_total",
    columns: &["task_id", "axis", "node_id", "measure", "total", "tree_version"],
    key: &["task_id", "axis", "node_id", "measure"],
};
pub(super) const DAY_TOTAL: Shape = Shape {
    table: "day_total",
    columns: &["task_id", "node_id", "measure", "day", "total"],
    key: &["task_id", "node_id", "measure", "day"],
};

/// Adds to the totals that exist and inserts the others.
pub(super) fn add_to(totals: &Shape) -> OnKey {
    adding(totals, &["total"])
}

/// Removes `rows` deltas by primary key.
pub(super) fn remove_sql(rows: usize) -> String {
    // Not a VALUES list: PostgreSQL cannot tell the types of its arguments when it only prepares.
    let pairs: Vec<String> =
        (0..rows).map(|row| format!("(shard = ${} AND id = ${})", 2 * row + 1, 2 * row + 2)).collect();
    format!("DELETE FROM delta WHERE {}", pairs.join(" OR "))
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    let mut principal = Principal::anonymous();
    for scope in [Scope::Place(Id::nil()), Scope::Organization(Id::nil())] {
        principal.grants.insert(Grant { permission: Permission::BoardRead, scope });
    }
    let list = list_sql(&principal, Some((0, Id::nil())), 10, &mut Vec::new());
    let found = find_sql(&principal, Id::nil(), &mut Vec::new());
    let added = [&PARTIAL_TOTAL, &NODE_TOTAL, &DAY_TOTAL].map(|totals| totals.sql(2, add_to(totals)));
    added.into_iter().chain([remove_sql(2), list, found]).collect()
}
