//! Statements on `job`.

use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, First, StoreError};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::Id;

const FIND: &str = "SELECT id, kind, state, payload, done, total, message, result, attempts, epoch, beat, created_by, created_at, finished_at FROM job WHERE id = $1";
const DUE: &str = "SELECT id, kind, state, payload, done, total, message, result, attempts, epoch, beat, created_by, created_at, finished_at FROM job \
     WHERE state = 'queued' AND (run_at <= $1 OR run_at > $2) ORDER BY run_at, id LIMIT 16";
const RUNNING: &str = "SELECT id, kind, state, payload, done, total, message, result, attempts, epoch, beat, created_by, created_at, finished_at FROM job \
     WHERE state = 'running' ORDER BY id";
const CLAIM: &str = "UPDATE job SET state = 'running', epoch = epoch + 1, beat = 0, attempts = attempts + 1, owner = $3 \
     WHERE id = $1 AND epoch = $2 AND state IN ('queued', 'running')";
const BEAT: &str = "UPDATE job SET beat = beat + 1 WHERE id = $1 AND epoch = $2 AND state = 'running'";
const PROGRESS: &str = "UPDATE job SET beat = beat + 1, done = $3, total = $4, message = $5 WHERE id = $1 AND epoch = $2 AND state = 'running'";
const FINISH: &str = "UPDATE job SET state = $3, message = $4, result = $5, finished_at = $6 WHERE id = $1 AND epoch = $2 AND state = 'running'";
const AGAIN: &str =
    "UPDATE job SET state = 'queued', run_at = $3, message = $4 WHERE id = $1 AND epoch = $2 AND state = 'running'";
const FORGET: &str = "DELETE FROM job WHERE state IN ('done', 'failed') AND finished_at < $1";
const WAITING: &str = "SELECT state, count(*) FROM job WHERE state IN ('queued', 'running') GROUP BY state";

/// Every statement of this folder, for the prepare test.
pub const STATEMENTS: &[&str] = &[FIND, DUE, RUNNING, CLAIM, BEAT, PROGRESS, FINISH, AGAIN, FORGET, WAITING];

const JOB: Shape = Shape {
    table: "job",
    columns: &[
        "id",
        "kind",
        "state",
        "payload",
        "done",
        "total",
        "message",
        "result",
        "attempts",
        "run_at",
        "epoch",
        "beat",
        "owner",
        "created_by",
        "created_at",
        "finished_at",
    ],
    key: &["id"],
};

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Job {
    /// its id
    pub id: Id,
    /// `room.verb`
    pub kind: String,
    /// `queued`, `running`, `done`, `failed`
    pub state: String,
    /// JSON, known to its kind only
    pub payload: String,
    /// how far it is
    pub done: i64,
    /// of how many; 0 while unknown
    pub total: i64,
    /// text key of what it does now, or of why it failed
    pub message: String,
    /// JSON, when done
    pub result: Option<String>,
    /// how often it was begun
    pub attempts: i64,
    /// grows when somebody takes it (over)
    pub epoch: i64,
    /// grows while it lives
    pub beat: i64,
    /// account that asked for it
    pub created_by: Option<Id>,
    /// UTC microseconds
    pub created_at: i64,
    /// UTC microseconds
    pub finished_at: Option<i64>,
}

pub(super) async fn insert(
    tx: &mut impl Exec,
    id: Id,
    kind: &str,
    payload: &str,
    created_by: Option<Id>,
    now: i64,
    run_at: i64,
) -> Result<bool, StoreError> {
    let none = Option::<String>::None;
    let row = args![
        id,
        kind,
        "queued",
        payload,
        0_i64,
        0_i64,
        "jobs-waiting",
        &none,
        0_i64,
        run_at,
        0_i64,
        0_i64,
        &none,
        created_by,
        now,
        Option::<i64>::None,
    ];
    Ok(JOB.write(tx, vec![row], OnKey::Keep).await? > 0)
}

/// A job by id.
pub async fn find(conn: &mut impl Exec, id: Id) -> Result<Option<Job>, StoreError> {
    conn.optional(FIND, args![id]).await
}

/// Jobs whose time has come; also those that wait for longer than any back-off: the clock was set back.
pub(super) async fn due(conn: &mut impl Exec, now: i64) -> Result<Vec<Job>, StoreError> {
    let latest = if faults::out(Protection::ClockBack) { i64::MAX } else { now + super::LONGEST_WAIT };
    conn.all(DUE, args![now, latest]).await
}

pub(super) async fn running(conn: &mut impl Exec) -> Result<Vec<Job>, StoreError> {
    conn.all(RUNNING, vec![]).await
}

/// How many wait or run.
pub async fn waiting(conn: &mut impl Exec) -> Result<Vec<(String, i64)>, StoreError> {
    conn.all(WAITING, vec![]).await
}

pub(super) async fn claim(tx: &mut impl Exec, id: Id, epoch: i64, owner: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(CLAIM, args![id, epoch, owner]).await? > 0)
}

pub(super) async fn beat(tx: &mut impl Exec, id: Id, epoch: i64) -> Result<bool, StoreError> {
    beat_first(id, epoch).holds(tx).await
}

/// The same as the statement that a slice's transaction begins with.
pub(super) fn beat_first(id: Id, epoch: i64) -> First {
    First { sql: BEAT, args: args![id, epoch] }
}

pub(super) async fn progress(
    tx: &mut impl Exec,
    id: Id,
    epoch: i64,
    done: i64,
    total: i64,
    message: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(PROGRESS, args![id, epoch, done, total, message]).await? > 0)
}

pub(super) async fn finish(
    tx: &mut impl Exec,
    id: Id,
    epoch: i64,
    state: &str,
    message: &str,
    result: &str,
    now: i64,
) -> Result<bool, StoreError> {
    Ok(tx.execute(FINISH, args![id, epoch, state, message, result, now]).await? > 0)
}

pub(super) async fn again(
    tx: &mut impl Exec,
    id: Id,
    epoch: i64,
    run_at: i64,
    message: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(AGAIN, args![id, epoch, run_at, message]).await? > 0)
}

pub(super) async fn forget(tx: &mut impl Exec, before: i64) -> Result<u64, StoreError> {
    tx.execute(FORGET, args![before]).await
}
