//! Long work on a table: enqueued in the business transaction, run by any node, resumed by a peer.
//!
//! A running job has an epoch and a beat. A peer that sees the beat stand still for five seconds by its
//! own monotonic clock takes over by raising the epoch; every slice of work begins with an update
//! guarded by its epoch, so a job that lost it changes nothing more. A job must therefore be written so
//! that beginning again continues (derived ids, a cursor in its rows), never so that it repeats.
//!
//! The usual next thing is a kind of job: a function `fn(App, JobHandle) -> BoxFuture<…>` in its room and
//! one line in `server/src/jobs.rs`.

mod handle;
mod runner;
mod store;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::Notify;

use super::clock::Clock;
use super::database::{Exec, StoreError};
use super::ids::{Id, new_free_id};
use crate::app::App;
use crate::error::AppError;

pub use handle::JobHandle;
pub use runner::{Peers, forget_old, run_until_idle, work};
pub use store::{Job, STATEMENTS, find, waiting};

/// A peer takes over when a beat has stood still for so long.
pub const STALE: Duration = Duration::from_secs(5);
/// No job waits longer than this to be tried again (microseconds).
pub const LONGEST_WAIT: i64 = 256_000_000;
/// How often whoever works shows that it lives.
pub const BEAT: Duration = Duration::from_secs(1);

/// What a job does: gets its handle, gives a result for `/jobs/{id}` (an object; `href` leads to what
/// was made).
pub type RunJob = fn(App, JobHandle) -> BoxFuture<'static, Result<Value, AppError>>;

/// A kind of job. The list of all kinds is closed: an unknown kind is refused when it is enqueued.
#[derive(Clone, Copy)]
pub struct JobKind {
    /// `room.verb`, as stored
    pub kind: &'static str,
    /// how often it is tried in all
    pub attempts: i64,
    /// microseconds after which it is due again by itself
    pub every: Option<i64>,
    /// what it does
    pub run: RunJob,
}

/// Enqueues jobs; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    clock: Clock,
    kinds: &'static [JobKind],
    wake: Arc<Notify>,
}

impl Jobs {
    /// Over a closed list of kinds.
    pub fn new(clock: Clock, kinds: &'static [JobKind]) -> Self {
        Self { clock, kinds, wake: Arc::new(Notify::new()) }
    }

    /// Puts a job on the table within the caller's transaction; it starts after the commit.
    pub async fn enqueue(
        &self,
        tx: &mut impl Exec,
        kind: &str,
        payload: &Value,
        created_by: Option<Id>,
    ) -> Result<Id, StoreError> {
        let kind = self.kind(kind).ok_or_else(|| StoreError::Corrupt(format!("no kind of job {kind:?}")))?;
        let now = self.clock.now();
        let id = new_free_id(now);
        store::insert(tx, id, kind.kind, &payload.to_string(), created_by, now, now).await?;
        self.wake.notify_one();
        Ok(id)
    }

    /// A kind of the list.
    pub fn kind(&self, kind: &str) -> Option<&'static JobKind> {
        self.kinds.iter().find(|known| known.kind == kind)
    }

    /// Every kind.
    pub fn kinds(&self) -> &'static [JobKind] {
        self.kinds
    }
}
