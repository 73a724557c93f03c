//! SQL of items after their dispatch.

use super::model::{Assignment, Item};
use super::store::ITEM;
use crate::access::{Columns, Permission, Principal};
use crate::args;
use crate::platform::database::bulk::keys;
use crate::platform::database::{Arg, Cells, Exec, StoreError, Taken};
use crate::platform::gathered::{self, Keyed};
use crate::platform::ids::{Id, shard_of};

/// Due instants sort with those that have none at the end.
pub const NEVER: i64 = i64::MAX;

const CHANGE: &str = "UPDATE item SET assignment_id = $4, holder_organization = $5, holder_post = $6, state = $7, reason = $8, \
     contribution = $9, submission_id = $10, certified = $11, changed = $12, moved_at = $13, done_at = $14, due_at = $15, \
     moves = moves + 1, version = version + 1 WHERE shard = $1 AND id = $2 AND version = $3";
const CHILDREN: &str = "SELECT count(*) FROM item WHERE shard = $1 AND parent_item_id = $2 AND task_id = $3 AND state NOT IN ('void', 'void_proposed')";
const SAME_SUBJECT_ALL_SHARDS: &str =
    "SELECT id, label FROM item WHERE task_id = $1 AND subject_id = $2 AND state <> 'void' LIMIT 1";
const WAITING_DUE: &str =
    "SELECT task_id, id FROM assignment WHERE state = 'waiting' AND passes_at <= $1 ORDER BY passes_at, id LIMIT 50";
const HELD_OPEN_ALL_SHARDS: &str = "SELECT shard, id FROM item WHERE task_id = $1 AND assignment_id = $2 AND state = 'open' \
     AND holder_post IS NULL AND parent_item_id IS NULL AND position > $3 ORDER BY position LIMIT $4";
const PASSED: &str = "UPDATE assignment SET state = 'passed', passes_at = null, version = version + 1 \
     WHERE task_id = $1 AND id = $2 AND state = 'waiting'";
const BELOW: &str = "SELECT task_id, id, parent_id, organization_id, place_id, level, mode, state, received, passed_down, \
     returned_up, passes_at, due_at, release, created_at, version FROM assignment WHERE task_id = $1 AND parent_id = $2 \
     ORDER BY level, id";
const ENDS_ALL_SHARDS: &str =
    "SELECT state, count(*) FROM item WHERE task_id = $1 AND assignment_id = $2 GROUP BY state";
const MOVEMENTS: &str = "SELECT kind, from_holder, to_holder, reason, at, post_id FROM movement WHERE shard = $1 AND item_id = $2 \
     ORDER BY seq DESC LIMIT 50";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    CHANGE,
    CHILDREN,
    SAME_SUBJECT_ALL_SHARDS,
    WAITING_DUE,
    HELD_OPEN_ALL_SHARDS,
    PASSED,
    BELOW,
    ENDS_ALL_SHARDS,
    MOVEMENTS,
];

/// What the access predicate compares of an item.
pub const ITEM_COLUMNS: Columns =
    Columns { place: Some("i.place_id"), organization: Some("i.holder_organization"), post: Some("i.holder_post") };

/// One movement as an item's page tells it: kind, from, to, reason, instant, post.
pub type MovementRow = (String, Option<Id>, Option<Id>, Option<String>, i64, Option<Id>);

/// Writes an item's changed columns if it still stands at the version read; otherwise
/// [`StoreError::Stale`]. It counts one movement: the row of it is written with it, numbered `moves + 1`.
pub async fn change(tx: &mut impl Exec, before: &Item, after: &Item) -> Result<(), StoreError> {
    let args = args![
        before.shard,
        before.id,
        before.version,
        after.assignment_id,
        after.holder_organization,
        after.holder_post,
        &after.state,
        &after.reason,
        &after.contribution,
        after.submission_id,
        after.certified,
        after.changed,
        after.moved_at,
        after.done_at,
        after.due_at
    ];
    if tx.execute(CHANGE, args).await? == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// How many found subjects a unit's item has; those that are void, or proposed to be, are left out.
pub async fn children(conn: &mut impl Exec, item: &Item) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(CHILDREN, args![item.shard, item.id, item.task_id]).await?.0)
}

/// Another item of the task about the same subject: its id and label.
pub async fn same_subject_all_shards(
    conn: &mut impl Exec,
    task: Id,
    subject: Id,
) -> Result<Option<(Id, String)>, StoreError> {
    conn.optional(SAME_SUBJECT_ALL_SHARDS, args![task, subject]).await
}

/// Waiting assignments whose time has come.
pub async fn waiting_due(conn: &mut impl Exec, now: i64) -> Result<Vec<(Id, Id)>, StoreError> {
    conn.all(WAITING_DUE, args![now]).await
}

/// Open items that a unit holds and nobody of it has claimed, after a position.
pub async fn held_open_all_shards(
    conn: &mut impl Exec,
    assignment: &Assignment,
    position: i64,
    limit: i64,
) -> Result<Vec<Item>, StoreError> {
    let keys: Vec<(i64, Id)> =
        conn.all(HELD_OPEN_ALL_SHARDS, args![assignment.task_id, assignment.id, position, limit]).await?;
    let ids: Vec<Id> = keys.into_iter().map(|(_, id)| id).collect();
    let mut items = items(conn, &ids).await?;
    items.sort_by_key(|item| item.position);
    Ok(items)
}

/// Marks a waiting assignment as passed on; false where it waits no more.
pub async fn passed(tx: &mut impl Exec, assignment: &Assignment) -> Result<bool, StoreError> {
    Ok(tx.execute(PASSED, args![assignment.task_id, assignment.id]).await? == 1)
}

/// The assignments directly below one.
pub async fn below(conn: &mut impl Exec, assignment: &Assignment) -> Result<Vec<Assignment>, StoreError> {
    conn.all(BELOW, args![assignment.task_id, assignment.id]).await
}

/// Items that lie at an assignment itself, by state.
pub async fn ends_all_shards(conn: &mut impl Exec, assignment: &Assignment) -> Result<Vec<(String, i64)>, StoreError> {
    conn.all(ENDS_ALL_SHARDS, args![assignment.task_id, assignment.id]).await
}

/// What happened to an item, newest first.
pub async fn movements(conn: &mut impl Exec, item: &Item) -> Result<Vec<MovementRow>, StoreError> {
    conn.all(MOVEMENTS, args![item.shard, item.id]).await
}

/// Items by id, in no order; those that are not there are left out.
pub async fn items(conn: &mut impl Exec, ids: &[Id]) -> Result<Vec<Item>, StoreError> {
    gathered::read(conn, ids).await
}

impl Keyed for Item {
    type Key = Id;

    fn sql(rows: usize) -> String {
        format!("SELECT {} FROM item WHERE {}", ITEM.columns.join(", "), keys(["id", "shard"], rows))
    }

    fn args(key: &Id) -> [Arg; 2] {
        [Arg::from(*key), Arg::from(shard_of(*key))]
    }

    fn key(&self) -> Id {
        self.id
    }
}

impl Taken for Item {
    /// In the order of [`ITEM`].
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            shard: cells.take()?,
            id: cells.take()?,
            task_id: cells.take()?,
            assignment_id: cells.take()?,
            release: cells.take()?,
            position: cells.take()?,
            subject_class: cells.take()?,
            subject_shard: cells.take()?,
            subject_id: cells.take()?,
            label: cells.take()?,
            place_id: cells.take()?,
            holder_organization: cells.take()?,
            holder_post: cells.take()?,
            state: cells.take()?,
            reason: cells.take()?,
            due_at: cells.take()?,
            sheet: cells.take()?,
            contribution: cells.take()?,
            created_at: cells.take()?,
            moved_at: cells.take()?,
            moves: cells.take()?,
            version: cells.take()?,
            premises_id: cells.take()?,
            parent_item_id: cells.take()?,
            submission_id: cells.take()?,
            certified: cells.take()?,
            changed: cells.take()?,
            done_at: cells.take()?,
        })
    }
}

/// Which items a list shows. Everything that is none is not asked about.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// of one task
    pub task: Option<Id>,
    /// in these states
    pub states: Vec<&'static str>,
    /// at a place or below
    pub node: Option<Id>,
    /// held in an organization or one inside it
    pub under: Option<Id>,
    /// at an assignment itself
    pub assignment: Option<Id>,
    /// found under a unit's item
    pub found_under: Option<Id>,
    /// held by this post, or by nobody in this organization
    pub mine: Option<(Id, Id)>,
    /// claimed by nobody
    pub unclaimed: bool,
    /// whether the visit found a change
    pub changed: Option<bool>,
    /// past their due instant at this one
    pub late_at: Option<i64>,
    /// after this due instant and id
    pub after: Option<(i64, Id)>,
    /// at most so many
    pub limit: i64,
}

impl Wanted {
    fn conditions(&self, principal: &Principal, permission: Permission, args: &mut Vec<Arg>) -> String {
        let mut parts = vec![principal.rows(permission, ITEM_COLUMNS, args)];
        let mut next = |value: Arg| {
            args.push(value);
            format!("${}", args.len())
        };
        let ids = [
            ("i.task_id =", self.task, ""),
            ("i.place_id IN (SELECT pa.place_id FROM place_ancestor pa WHERE pa.ancestor_id =", self.node, ")"),
            (
                "i.holder_organization IN (SELECT oa.organization_id FROM organization_ancestor oa WHERE oa.ancestor_id =",
                self.under,
                ")",
            ),
            ("i.assignment_id =", self.assignment, ""),
            ("i.parent_item_id =", self.found_under, ""),
        ];
        for (condition, id, end) in ids {
            if let Some(id) = id {
                parts.push(format!("{condition} {}{end}", next(Arg::from(id))));
            }
        }
        if !self.states.is_empty() {
            let marks: Vec<String> = self.states.iter().map(|state| next(Arg::from(*state))).collect();
            parts.push(format!("i.state IN ({})", marks.join(", ")));
        }
        if let Some((post, organization)) = self.mine {
            let (post, organization) = (next(Arg::from(post)), next(Arg::from(organization)));
            parts.push(format!(
                "(i.holder_post = {post} OR (i.holder_post IS NULL AND i.holder_organization = {organization}))"
            ));
        }
        if self.unclaimed {
            parts.push("i.holder_post IS NULL".into());
        }
        if let Some(changed) = self.changed {
            parts.push(format!("i.changed = {}", next(Arg::from(changed))));
        }
        if let Some(instant) = self.late_at {
            parts.push(format!("i.due_at < {}", next(Arg::from(instant))));
        }
        if let Some((due, id)) = self.after {
            let (due, id) = (next(Arg::from(due)), next(Arg::from(id)));
            parts.push(format!("(coalesce(i.due_at, {NEVER}), i.id) > ({due}, {id})"));
        }
        parts.join(" AND ")
    }

    /// The list's statement and arguments: the soonest due first.
    pub fn list_all_shards(&self, principal: &Principal, permission: Permission) -> (String, Vec<Arg>) {
        let mut args = Vec::new();
        let conditions = self.conditions(principal, permission, &mut args);
        let columns: Vec<String> = ITEM.columns.iter().map(|column| format!("i.{column}")).collect();
        args.push(Arg::from(self.limit.clamp(1, 5000)));
        let sql = format!(
            "SELECT {} FROM item i JOIN task t ON t.id = i.task_id AND i.release <= t.published_release WHERE {conditions} \
             ORDER BY coalesce(i.due_at, {NEVER}), i.id LIMIT ${}",
            columns.join(", "),
            args.len()
        );
        (sql, args)
    }

    /// How many by state, and how many of them found a change.
    pub fn count_all_shards(&self, principal: &Principal, permission: Permission) -> (String, Vec<Arg>) {
        let mut args = Vec::new();
        let conditions = self.conditions(principal, permission, &mut args);
        let sql = format!(
            "SELECT i.state, count(*), cast(sum(CASE WHEN i.changed = true THEN 1 ELSE 0 END) as bigint) FROM item i \
             JOIN task t ON t.id = i.task_id AND i.release <= t.published_release WHERE {conditions} GROUP BY i.state"
        );
        (sql, args)
    }
}

/// A page of items that the principal may see.
pub async fn list(
    conn: &mut impl Exec,
    wanted: &Wanted,
    principal: &Principal,
    permission: Permission,
) -> Result<Vec<Item>, StoreError> {
    let (sql, args) = wanted.list_all_shards(principal, permission);
    conn.all_built(sql, args).await
}

/// Their number by state, with how many of each found a change.
pub async fn count(
    conn: &mut impl Exec,
    wanted: &Wanted,
    principal: &Principal,
    permission: Permission,
) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let (sql, args) = wanted.count_all_shards(principal, permission);
    conn.all_built(sql, args).await
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    let mut principal = Principal::anonymous();
    let id = Id::nil();
    for scope in [crate::access::Scope::Place(id), crate::access::Scope::Organization(id)] {
        principal.grants.insert(crate::access::Grant { permission: Permission::ItemRead, scope });
    }
    let all = Wanted {
        task: Some(id),
        states: vec!["open", "correction"],
        node: Some(id),
        under: Some(id),
        assignment: Some(id),
        found_under: Some(id),
        mine: Some((id, id)),
        unclaimed: true,
        changed: Some(true),
        late_at: Some(0),
        after: Some((0, id)),
        limit: 50,
    };
    vec![
        all.list_all_shards(&principal, Permission::ItemRead).0,
        all.count_all_shards(&principal, Permission::ItemRead).0,
        Item::sql(2),
    ]
}
