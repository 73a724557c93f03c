//! Work that exactly one node does at a time: the folder, the outbox, the sealer.
//!
//! A lease has an epoch and a beat. Whoever holds it moves the beat; a peer takes over when by its own
//! monotonic clock the beat has stood still for five seconds, raising the epoch. Where the database has one
//! process only, whoever else holds it is dead, and it is taken at once. Every transaction of leased work
//! begins with [`Lease::guard`]: no row, no work.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use super::database::{Exec, StoreError};
use super::faults::{self, Protection};
use super::ids::shard_by_hash;
use super::jobs::{BEAT, STALE};
use super::secrets::{hex, random};
use crate::app::App;
use crate::args;
use crate::error::AppError;

const FIND: &str = "SELECT epoch, beat, owner FROM lease WHERE name = $1";
const CREATE: &str = "INSERT INTO lease (name, epoch, beat, owner) VALUES ($1, 1, 0, $2) ON CONFLICT (name) DO NOTHING";
const TAKE: &str = "UPDATE lease SET epoch = epoch + 1, beat = 0, owner = $3 WHERE name = $1 AND epoch = $2";
const GUARD: &str = "UPDATE lease SET beat = beat + 1 WHERE name = $1 AND epoch = $2";
const HOLD: &str = "UPDATE lease SET beat = beat WHERE name = $1";
const RELEASE: &str = "UPDATE lease SET owner = '' WHERE name = $1 AND epoch = $2";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[FIND, CREATE, TAKE, GUARD, HOLD, RELEASE];

/// Keeps leased work out until this transaction ends: its next [`Lease::guard`] waits for the row.
pub async fn hold(tx: &mut impl Exec, name: &str) -> Result<(), StoreError> {
    tx.execute(HOLD, args![name]).await.map(|_| ())
}

/// A lease held in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// what is leased
    pub name: &'static str,
    /// the epoch held
    pub epoch: i64,
}

impl Lease {
    /// Fails with [`StoreError::Stale`] when the lease is no longer held in this epoch.
    pub async fn guard(&self, tx: &mut impl Exec) -> Result<(), StoreError> {
        if tx.execute(GUARD, args![self.name, self.epoch]).await? == 0 && !faults::out(Protection::Epochs) {
            return Err(StoreError::Stale);
        }
        Ok(())
    }

    async fn beat(&self, app: &App) -> Result<(), StoreError> {
        let lease = self.clone();
        app.lanes
            .write_first(shard_by_hash(self.name.as_bytes()), vec![], move |tx| {
                let lease = lease.clone();
                Box::pin(async move { lease.guard(tx).await })
            })
            .await
    }

    async fn release(&self, app: &App) {
        let (name, epoch) = (self.name, self.epoch);
        let done: Result<u64, StoreError> = app
            .lanes
            .write_first(shard_by_hash(name.as_bytes()), vec![], move |tx| {
                Box::pin(async move { tx.execute(RELEASE, args![name, epoch]).await })
            })
            .await;
        if let Err(fault) = done {
            tracing::warn!(%fault, name, "a lease was not given back");
        }
    }
}

/// Leased work, done again and again.
#[derive(Clone, Copy)]
pub struct Leased {
    /// name of the lease
    pub name: &'static str,
    /// rest between two rounds
    pub every: Duration,
    /// one round; [`StoreError::Stale`] says that the lease was lost
    pub run: fn(App, Lease) -> BoxFuture<'static, Result<(), AppError>>,
}

/// What one node knows of one lease.
#[derive(Debug)]
pub struct Watch {
    name: &'static str,
    owner: String,
    seen: Option<(i64, i64, Instant)>,
    /// no other process is at work on the database
    alone: bool,
}

impl Watch {
    /// Nothing seen yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, owner: hex(&random::<8>()), seen: None, alone: false }
    }

    /// Of the only process there is.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Takes the lease if it is free, given back, or its holder stands still; `now` is this node's own
    /// monotonic clock.
    pub async fn try_take(&mut self, app: &App, now: Instant) -> Result<Option<Lease>, StoreError> {
        let (name, owner) = (self.name, self.owner.clone());
        let row: Option<(i64, i64, String)> = app.read().optional(FIND, args![name]).await?;
        let from = match row {
            None => None,
            Some((epoch, _, holder)) if holder.is_empty() || self.alone => Some(epoch),
            Some((epoch, beat, _)) => match self.seen {
                Some((e, b, since)) if (e, b) == (epoch, beat) => {
                    if now.duration_since(since) < STALE {
                        return Ok(None);
                    }
                    Some(epoch)
                }
                _ => {
                    self.seen = Some((epoch, beat, now));
                    return Ok(None);
                }
            },
        };
        let taken: u64 = app
            .lanes
            .write_first(shard_by_hash(name.as_bytes()), vec![], move |tx| {
                let owner = owner.clone();
                Box::pin(async move {
                    match from {
                        None => tx.execute(CREATE, args![name, owner]).await,
                        Some(epoch) => tx.execute(TAKE, args![name, epoch, owner]).await,
                    }
                })
            })
            .await?;
        self.seen = None;
        Ok((taken > 0).then(|| Lease { name, epoch: from.unwrap_or(0) + 1 }))
    }
}

/// Holds the lease whenever it can and works, until the house closes; then gives it back at once.
pub async fn keep(app: App, leased: Leased) {
    let mut stopping = app.stopping();
    let mut watch = Watch::new(leased.name);
    if !app.db.is_shared() {
        watch = watch.alone();
    }
    let mut held: Option<Lease> = None;
    while !*stopping.borrow() {
        match &held {
            None => match watch.try_take(&app, Instant::now()).await {
                Ok(lease) => held = lease,
                Err(fault) => tracing::warn!(%fault, name = leased.name, "a lease could not be asked for"),
            },
            Some(lease) => match round(&app, &leased, lease).await {
                Ok(()) => {}
                Err(AppError::Store(StoreError::Stale)) => {
                    tracing::info!(name = leased.name, "a lease was taken over");
                    held = None;
                }
                Err(fault) => tracing::error!(%fault, name = leased.name, "leased work failed, it is tried again"),
            },
        }
        let rest = if held.is_some() { leased.every } else { BEAT };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stopping.changed() => {}
        }
    }
    if let Some(lease) = held {
        lease.release(&app).await;
    }
}

/// One round, beating while it takes long.
async fn round(app: &App, leased: &Leased, lease: &Lease) -> Result<(), AppError> {
    lease.beat(app).await?;
    let mut task = tokio::spawn((leased.run)(app.clone(), lease.clone()));
    loop {
        tokio::select! {
            done = &mut task => return done.unwrap_or_else(|fault| Err(AppError::Internal(format!("leased work panicked: {fault}")))),
            () = tokio::time::sleep(BEAT) => lease.beat(app).await?,
        }
    }
}
