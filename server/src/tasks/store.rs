//! SQL of tasks, assignments and items.

use super::model::{Assignment, Item, Task, TaskRow};
use super::own::of_own_unit;
use crate::access::{Columns, Grant, Permission, Principal, Scope, Who};
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Cells, Db, Exec, StoreError, Taken, Tx};
use crate::platform::ids::Id;

/// Columns of a task.
pub const TASK: Shape = Shape {
    table: "task",
    columns: &[
        "id",
        "app_key",
        "title",
        "shape",
        "class",
        "form_version_id",
        "issuer_organization",
        "issuer_post",
        "root_place",
        "state",
        "rule",
        "measures",
        "relay",
        "source",
        "working_days",
        "deadline_at",
        "release",
        "published_release",
        "created_at",
        "dispatched_at",
        "ended_at",
        "version",
    ],
    key: &["id"],
};
/// Columns of a subject before it is an item.
pub const TASK_ROW: Shape = Shape {
    table: "task_row",
    columns: &[
        "task_id",
        "position",
        "source_row",
        "subject_shard",
        "subject_id",
        "place_id",
        "label",
        "sheet",
        "fault",
    ],
    key: &["task_id", "position"],
};
/// Columns of an assignment.
pub const ASSIGNMENT: Shape = Shape {
    table: "assignment",
    columns: &[
        "task_id",
        "id",
        "parent_id",
        "organization_id",
        "place_id",
        "level",
        "mode",
        "state",
        "received",
        "passed_down",
        "returned_up",
        "passes_at",
        "due_at",
        "release",
        "created_at",
        "version",
    ],
    key: &["task_id", "id"],
};
/// Columns of an item.
pub const ITEM: Shape = Shape {
    table: "item",
    columns: &[
        "shard",
        "id",
        "task_id",
        "assignment_id",
        "release",
        "position",
        "subject_class",
        "subject_shard",
        "subject_id",
        "label",
        "place_id",
        "holder_organization",
        "holder_post",
        "state",
        "reason",
        "due_at",
        "sheet",
        "contribution",
        "created_at",
        "moved_at",
        "moves",
        "version",
        "premises_id",
        "parent_item_id",
        "submission_id",
        "certified",
        "changed",
        "done_at",
    ],
    key: &["id", "shard"],
};
/// What of an item is there when it is sent: the columns after these are null, and a dispatch does not bind them.
pub const ITEM_SENT: Shape = Shape { table: ITEM.table, columns: ITEM.columns.split_at(22).0, key: ITEM.key };
/// Columns of an item that stand in an index.
pub const ITEM_INDEXED: &[&str] =
    &["task_id", "assignment_id", "position", "subject_id", "holder_organization", "holder_post", "state", "due_at"];
/// Columns of a movement.
pub const MOVEMENT: Shape = Shape {
    table: "movement",
    columns: &[
        "shard",
        "id",
        "task_id",
        "item_id",
        "seq",
        "kind",
        "from_assignment",
        "to_assignment",
        "from_holder",
        "to_holder",
        "reason",
        "at",
        "account_id",
        "post_id",
    ],
    key: &["id", "shard"],
};
/// Columns of a dry run's row.
pub const DRY_RUN_ROW: Shape = Shape {
    table: "dry_run_row",
    columns: &[
        "dry_run_id",
        "position",
        "subject_id",
        "label",
        "place_id",
        "holder_organization",
        "holder_post",
        "working_days",
        "reason",
        "line",
        "col",
    ],
    key: &["dry_run_id", "position"],
};

const TASK_COLUMNS: &str = "SELECT id, app_key, title, shape, class, form_version_id, issuer_organization, issuer_post, \
     root_place, state, rule, measures, relay, source, working_days, deadline_at, release, published_release, created_at, \
     dispatched_at, ended_at, version FROM task WHERE id = $1";
const ROWS_AFTER: &str = "SELECT task_id, position, source_row, subject_shard, subject_id, place_id, label, sheet, fault \
     FROM task_row WHERE task_id = $1 AND position > $2 ORDER BY position LIMIT $3";
const ROWS_COUNT: &str = "SELECT count(*), cast(coalesce(sum(case when fault is null then 0 else 1 end), 0) as bigint) FROM task_row WHERE task_id = $1";
/// Moves the version of a task whose rows change, and keeps others off it until the transaction ends; no row
/// where its state has moved.
const TASK_TOUCH: &str = "UPDATE task SET version = version + 1 WHERE id = $1 AND state = $2";
const ROWS_CLEAR: &str = "DELETE FROM task_row WHERE task_id = $1";
const ASSIGNMENTS: &str = "SELECT task_id, id, parent_id, organization_id, place_id, level, mode, state, received, passed_down, \
     returned_up, passes_at, due_at, release, created_at, version FROM assignment WHERE task_id = $1 AND release <= $2 \
     ORDER BY level, id";
const ASSIGNMENT_GET: &str = "SELECT task_id, id, parent_id, organization_id, place_id, level, mode, state, received, passed_down, \
     returned_up, passes_at, due_at, release, created_at, version FROM assignment WHERE task_id = $1 AND id = $2";
const RELEASE_BY_ASSIGNMENT_ALL_SHARDS: &str =
    "SELECT assignment_id, count(*) FROM item WHERE task_id = $1 AND release = $2 GROUP BY assignment_id";
const RELEASE_BY_HOLDER_ALL_SHARDS: &str = "SELECT holder_organization, holder_post, count(*) FROM item \
     WHERE task_id = $1 AND release = $2 AND reason IS NULL GROUP BY holder_organization, holder_post";
const LAST_POSITION_ALL_SHARDS: &str =
    "SELECT cast(coalesce(max(position), 0) as bigint) FROM item WHERE task_id = $1 AND parent_item_id IS NULL";
const ROWS_AFTER_COUNT: &str = "SELECT count(*) FROM task_row WHERE task_id = $1 AND position > $2";
const ROW_LAST: &str = "SELECT cast(coalesce(max(position), 0) as bigint) FROM task_row WHERE task_id = $1";
const ROW_SUBJECTS: &str = "SELECT subject_id FROM task_row WHERE task_id = $1 AND subject_id IS NOT NULL";
/// Makes a release visible; no row where another run has done it.
pub const PUBLISH: &str = "UPDATE task SET published_release = $2, state = 'running', version = version + 1 \
     WHERE id = $1 AND published_release < $2";
/// Lets a unit wait again for what a later release brought it.
pub const WAIT_AGAIN: &str = "UPDATE assignment SET state = 'waiting', passes_at = $3, version = version + 1 \
     WHERE task_id = $1 AND id = $2 AND mode = 'wait' AND state = 'passed'";
const ITEM_GET: &str = "SELECT shard, id, task_id, assignment_id, release, position, subject_class, subject_shard, subject_id, label, \
     place_id, premises_id, holder_organization, holder_post, state, reason, due_at, sheet, contribution, parent_item_id, \
     submission_id, certified, changed, created_at, moved_at, done_at, moves, version FROM item WHERE shard = $1 AND id = $2";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    TASK_COLUMNS,
    TASK_TOUCH,
    ROWS_AFTER,
    ROWS_COUNT,
    ROWS_CLEAR,
    ASSIGNMENTS,
    ASSIGNMENT_GET,
    RELEASE_BY_ASSIGNMENT_ALL_SHARDS,
    RELEASE_BY_HOLDER_ALL_SHARDS,
    LAST_POSITION_ALL_SHARDS,
    ROWS_AFTER_COUNT,
    ROW_LAST,
    ROW_SUBJECTS,
    PUBLISH,
    WAIT_AGAIN,
    ITEM_GET,
];

impl Task {
    /// Arguments of [`TASK`].
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.id,
            &self.app_key,
            &self.title,
            &self.shape,
            &self.class,
            self.form_version_id,
            self.issuer_organization,
            self.issuer_post,
            self.root_place,
            &self.state,
            &self.rule,
            &self.measures,
            &self.relay,
            &self.source,
            self.working_days,
            self.deadline_at,
            self.release,
            self.published_release,
            self.created_at,
            self.dispatched_at,
            self.ended_at,
            self.version
        ]
    }
}

/// Begins a change of a task's rows: refused where the task is no longer in `state`.
pub async fn touch(tx: &mut Tx, task: Id, state: &str) -> Result<(), AppError> {
    if tx.execute(TASK_TOUCH, args![task, state]).await? == 0 {
        return Err(AppError::Conflict("tasks-conflict-not-draft"));
    }
    Ok(())
}

impl TaskRow {
    /// Arguments of [`TASK_ROW`].
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.task_id,
            self.position,
            self.source_row,
            self.subject_shard,
            self.subject_id,
            self.place_id,
            &self.label,
            &self.sheet,
            &self.fault
        ]
    }
}

impl Assignment {
    /// Arguments of [`ASSIGNMENT`].
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.task_id,
            self.id,
            self.parent_id,
            self.organization_id,
            self.place_id,
            self.level,
            &self.mode,
            &self.state,
            self.received,
            self.passed_down,
            self.returned_up,
            self.passes_at,
            self.due_at,
            self.release,
            self.created_at,
            self.version
        ]
    }
}

impl Item {
    /// Arguments of [`ITEM`].
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.shard,
            self.id,
            self.task_id,
            self.assignment_id,
            self.release,
            self.position,
            &self.subject_class,
            self.subject_shard,
            self.subject_id,
            &self.label,
            self.place_id,
            self.holder_organization,
            self.holder_post,
            &self.state,
            &self.reason,
            self.due_at,
            &self.sheet,
            &self.contribution,
            self.created_at,
            self.moved_at,
            self.moves,
            self.version,
            self.premises_id,
            self.parent_item_id,
            self.submission_id,
            self.certified,
            self.changed,
            self.done_at,
        ]
    }

    /// Arguments of [`ITEM_SENT`].
    pub fn sent_row(&self) -> Vec<Arg> {
        let mut row = self.row();
        row.truncate(ITEM_SENT.columns.len());
        row
    }
}

/// A task by id.
pub async fn task(conn: &mut impl Exec, id: Id) -> Result<Task, StoreError> {
    conn.one(TASK_COLUMNS, args![id]).await
}

/// The next rows of a task after a position.
pub async fn rows_after(db: &Db, task: Id, position: i64, limit: i64) -> Result<Vec<TaskRow>, StoreError> {
    db.many(ROWS_AFTER, args![task, position, limit]).await
}

impl Taken for TaskRow {
    /// In the order of [`ROWS_AFTER`].
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            task_id: cells.take()?,
            position: cells.take()?,
            source_row: cells.take()?,
            subject_shard: cells.take()?,
            subject_id: cells.take()?,
            place_id: cells.take()?,
            label: cells.take()?,
            sheet: cells.take()?,
            fault: cells.take()?,
        })
    }
}

/// How many rows a task has, and how many of them are faulty.
pub async fn rows_count(conn: &mut impl Exec, task: Id) -> Result<(i64, i64), StoreError> {
    conn.one(ROWS_COUNT, args![task]).await
}

/// Forgets the rows of a draft.
pub async fn rows_clear(conn: &mut impl Exec, task: Id) -> Result<(), StoreError> {
    conn.execute(ROWS_CLEAR, args![task]).await.map(|_| ())
}

/// The assignments of a task, higher levels first.
pub async fn assignments(conn: &mut impl Exec, task: Id) -> Result<Vec<Assignment>, StoreError> {
    conn.all(ASSIGNMENTS, args![task, i64::MAX]).await
}

/// Those that are published: a dispatch that is under way may have written ten thousand that nobody sees yet.
pub async fn published_assignments(conn: &mut impl Exec, task: &Task) -> Result<Vec<Assignment>, StoreError> {
    match task.published_release {
        0 => Ok(Vec::new()),
        release => conn.all(ASSIGNMENTS, args![task.id, release]).await,
    }
}

/// One assignment.
pub async fn assignment(conn: &mut impl Exec, task: Id, id: Id) -> Result<Assignment, StoreError> {
    conn.one(ASSIGNMENT_GET, args![task, id]).await
}

/// One item.
pub async fn item(conn: &mut impl Exec, shard: i64, id: Id) -> Result<Item, StoreError> {
    conn.one(ITEM_GET, args![shard, id]).await
}

/// Items of a release by assignment.
pub async fn release_by_assignment_all_shards(
    conn: &mut impl Exec,
    task: Id,
    release: i64,
) -> Result<Vec<(Id, i64)>, StoreError> {
    conn.all(RELEASE_BY_ASSIGNMENT_ALL_SHARDS, args![task, release]).await
}

/// Items of a release by holder: organization, post, how many. Those that nobody takes are left out.
pub async fn release_by_holder_all_shards(
    conn: &mut impl Exec,
    task: Id,
    release: i64,
) -> Result<Vec<(Id, Option<Id>, i64)>, StoreError> {
    conn.all(RELEASE_BY_HOLDER_ALL_SHARDS, args![task, release]).await
}

/// The last position that any release has written: where a resumed dispatch goes on, and where growth begins.
pub async fn last_position_all_shards(conn: &mut impl Exec, task: Id) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(LAST_POSITION_ALL_SHARDS, args![task]).await?.0)
}

/// How many rows wait for the next release.
pub async fn rows_left(conn: &mut impl Exec, task: Id, position: i64) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(ROWS_AFTER_COUNT, args![task, position]).await?.0)
}

/// The last position among a task's rows, 0 where there are none.
pub async fn row_last(conn: &mut impl Exec, task: Id) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(ROW_LAST, args![task]).await?.0)
}

/// Every subject that a task has a row for.
pub async fn row_subjects(conn: &mut impl Exec, task: Id) -> Result<Vec<Id>, StoreError> {
    let found: Vec<(Id,)> = conn.all(ROW_SUBJECTS, args![task]).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Columns of a listed task for the access predicate: its issuer.
const ISSUED: Columns = Columns { place: None, organization: Some("t.issuer_organization"), post: None };
/// Columns of an assignment for the access predicate.
const PART: Columns = Columns { place: Some("a.place_id"), organization: Some("a.organization_id"), post: None };

/// The statement of [`tasks_seen`] with its arguments.
pub fn tasks_seen_sql(principal: &Principal, only: Option<Id>) -> (String, Vec<Arg>) {
    let mut args = Vec::new();
    let mut issued = principal.rows(Permission::TaskRead, ISSUED, &mut args);
    if let Some(unit) = principal.organization().filter(|unit| of_own_unit(principal, *unit)) {
        args.push(Arg::from(unit));
        issued = format!("({issued} OR t.issuer_organization = ${})", args.len());
    }
    let part = principal.rows(Permission::TaskRead, PART, &mut args);
    let columns: Vec<String> = TASK.columns.iter().map(|column| format!("t.{column}")).collect();
    let one = only.map_or_else(String::new, |id| {
        args.push(Arg::from(id));
        format!(" AND t.id = ${}", args.len())
    });
    let sql = format!(
        "SELECT {} FROM task t WHERE ({issued} OR (t.state <> 'draft' AND EXISTS \
         (SELECT 1 FROM assignment a WHERE a.task_id = t.id AND a.release <= t.published_release AND {part}))){one} \
         ORDER BY t.created_at DESC, t.id LIMIT 200",
        columns.join(", ")
    );
    (sql, args)
}

/// Tasks that were issued within the principal's scope or of which a unit in it has a part, newest first.
pub async fn tasks_seen(conn: &mut impl Exec, principal: &Principal) -> Result<Vec<Task>, StoreError> {
    let (sql, args) = tasks_seen_sql(principal, None);
    conn.all_built(sql, args).await
}

/// One of [`tasks_seen`]; any other does not exist for this principal.
pub async fn task_seen(conn: &mut impl Exec, principal: &Principal, id: Id) -> Result<Task, StoreError> {
    let (sql, args) = tasks_seen_sql(principal, Some(id));
    conn.all_built(sql, args).await?.into_iter().next().ok_or(StoreError::NotFound)
}

/// A sample of each statement that this file builds, for the prepare test.
pub fn samples() -> Vec<String> {
    let scopes = [Scope::Place(Id::nil()), Scope::Organization(Id::nil())];
    let grants = scopes.map(|scope| Grant { permission: Permission::TaskRead, scope }).into_iter().collect();
    vec![tasks_seen_sql(&Principal { who: Who::Anonymous, grants }, Some(Id::nil())).0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    #[test]
    fn what_is_sent_of_an_item_is_what_is_there() {
        let id = new_free_id(1);
        let item = Item {
            shard: 1,
            id,
            task_id: id,
            assignment_id: id,
            release: 2,
            position: 3,
            subject_class: "person".into(),
            subject_shard: Some(4),
            subject_id: Some(id),
            label: "陈".into(),
            place_id: id,
            premises_id: None,
            holder_organization: id,
            holder_post: Some(id),
            state: "open".into(),
            reason: Some("nobody".into()),
            due_at: Some(5),
            sheet: "{}".into(),
            contribution: "[]".into(),
            parent_item_id: None,
            submission_id: None,
            certified: None,
            changed: None,
            created_at: 6,
            moved_at: 7,
            done_at: None,
            moves: 8,
            version: 9,
        };
        let null = |arg: &Arg| {
            matches!(arg, Arg::I64(None) | Arg::Text(None) | Arg::Uuid(None) | Arg::Bool(None) | Arg::Bytes(None))
        };
        let whole: Vec<(&str, Arg)> =
            ITEM.columns.iter().copied().zip(item.row()).filter(|(_, arg)| !null(arg)).collect();
        let sent: Vec<(&str, Arg)> = ITEM_SENT.columns.iter().copied().zip(item.sent_row()).collect();
        assert_eq!(sent, whole);
    }
}
