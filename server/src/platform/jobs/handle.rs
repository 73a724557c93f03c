//! What a running job holds: its epoch, its progress, its slices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::store;
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::Tx;
use crate::platform::faults::{self, Protection};
use crate::platform::ids::{Id, shard_of};
use crate::platform::lane::Block;

/// The handle of one run of a job.
#[derive(Clone)]
pub struct JobHandle {
    pub(super) app: App,
    pub(super) id: Id,
    pub(super) epoch: i64,
    pub(super) payload: String,
    pub(super) created_by: Option<Id>,
    pub(super) attempt: i64,
    pub(super) lost: Arc<AtomicBool>,
}

/// What a job that was taken over fails with; the runner then leaves it to the peer.
pub(super) fn taken_over() -> AppError {
    AppError::Conflict("jobs-taken-over")
}

impl JobHandle {
    /// The job's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The account that asked for it: a job acts with the rights of whoever asked.
    pub fn created_by(&self) -> Option<Id> {
        self.created_by
    }

    /// 1 at the first run.
    pub fn attempt(&self) -> i64 {
        self.attempt
    }

    /// The payload as its kind wrote it.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, AppError> {
        serde_json::from_str(&self.payload).map_err(|fault| AppError::Internal(format!("payload of a job: {fault}")))
    }

    /// Whether a peer has taken over or the house is closing: stop at once, what was committed stands.
    pub fn lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) || *self.app.stopping().borrow()
    }

    /// Says how far it is; `message` is a text key. Fails when a peer has taken over.
    pub async fn progress(&self, done: i64, total: i64, message: &str) -> Result<(), AppError> {
        let (id, epoch, message) = (self.id, self.epoch, message.to_owned());
        let held: bool = self
            .app
            .lanes
            .write(shard_of(id), vec![id], move |tx| {
                let message = message.clone();
                Box::pin(async move { store::progress(tx, id, epoch, done, total, &message).await })
            })
            .await
            .map_err(AppError::from)?;
        self.keep(held)
    }

    /// One slice of the work (at most about 20 ms) in the lane of `shard`: begins with the update
    /// guarded by the epoch, so that a run that was taken over changes nothing more.
    pub async fn slice<T, F>(&self, shard: i64, signals: Vec<Id>, run: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, AppError>> + Send + Sync + 'static,
    {
        if self.lost() {
            return Err(taken_over());
        }
        let (handle, run) = (self.clone(), Arc::new(run));
        self.app
            .lanes
            .write(shard, signals, move |tx| {
                let (handle, run) = (handle.clone(), run.clone());
                Box::pin(async move {
                    handle.guard(tx).await?;
                    run(tx).await
                })
            })
            .await
    }

    /// The same for rows that are known before it begins.
    pub async fn rows(&self, shard: i64, blocks: Vec<Block>) -> Result<(), AppError> {
        if self.lost() {
            return Err(taken_over());
        }
        let first = (!faults::out(Protection::Epochs)).then(|| store::beat_first(self.id, self.epoch));
        let held = self.app.lanes.write_known(shard, first, blocks).await?;
        if held { Ok(()) } else { Err(taken_over()) }
    }

    /// Begins a transaction of the work that passes through the lanes by itself: fails when the job was taken over.
    pub async fn guard(&self, tx: &mut Tx) -> Result<(), AppError> {
        let held = store::beat(tx, self.id, self.epoch).await? || faults::out(Protection::Epochs);
        if held { Ok(()) } else { Err(taken_over()) }
    }

    pub(super) async fn beat(&self) -> Result<(), AppError> {
        let (id, epoch) = (self.id, self.epoch);
        let held: bool = self
            .app
            .lanes
            .write_first(shard_of(id), vec![], move |tx| Box::pin(async move { store::beat(tx, id, epoch).await }))
            .await
            .map_err(AppError::from)?;
        self.keep(held)
    }

    fn keep(&self, held: bool) -> Result<(), AppError> {
        if held && !self.lost() {
            return Ok(());
        }
        if !held {
            self.lost.store(true, Ordering::Relaxed);
        }
        Err(taken_over())
    }
}
