//! Connections that are lent with nothing else around it: for one statement that reads, or, on PostgreSQL, for one
//! transaction that writes.
//!
//! The driver's own pool asks a connection whether it lives before it lends it and again when it comes back, in a
//! task of its own. Each is a way to the database and back, so that one read costs three and two wake-ups; and it
//! lends them in turn, so that each has to prepare every statement. Here the one that came back last is lent first,
//! and one that failed is dropped; on PostgreSQL, where a restart breaks all of them at once, the others that lie
//! idle are dropped with it and the first statement is sent once more by a new one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{ConnectOptions, Connection, Database, Executor, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use crate::platform::locked;

/// How long a statement waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

type Open<C> = dyn Fn() -> BoxFuture<'static, Result<C, sqlx::Error>> + Send + Sync;

/// Connections of one kind to one database; cheap to clone.
pub struct Lender<DB: Database> {
    open: Arc<Open<DB::Connection>>,
    free: Arc<Mutex<Vec<DB::Connection>>>,
    places: Arc<Semaphore>,
    most: u32,
}

impl<DB: Database> Clone for Lender<DB> {
    fn clone(&self) -> Self {
        Self { open: self.open.clone(), free: self.free.clone(), places: self.places.clone(), most: self.most }
    }
}

/// A lent connection; it comes back when it is dropped.
pub struct Loan<DB: Database> {
    conn: Option<DB::Connection>,
    sound: bool,
    free: Arc<Mutex<Vec<DB::Connection>>>,
    _place: OwnedSemaphorePermit,
}

impl<DB: Database> Lender<DB> {
    /// At most `most` connections, opened with these options when they are needed.
    pub(super) fn new(most: u32, options: impl ConnectOptions<Connection = DB::Connection>) -> Self {
        let open = move || -> BoxFuture<'static, Result<DB::Connection, sqlx::Error>> {
            let options = options.clone();
            Box::pin(async move { options.connect().await })
        };
        let places = Arc::new(Semaphore::new(most as usize));
        Self { open: Arc::new(open), free: Arc::default(), places, most }
    }

    /// Lends a connection: the one that came back last, whose pages and statements are still at hand.
    pub(super) async fn lend(&self) -> Result<Loan<DB>, StoreError> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = locked(&self.free).pop();
        let conn = match kept {
            Some(conn) => conn,
            None => tokio::time::timeout(PATIENCE, (self.open)()).await.map_err(|_| sqlx::Error::PoolTimedOut)??,
        };
        Ok(Loan { conn: Some(conn), sound: false, free: self.free.clone(), _place: place })
    }

    /// Forgets what lies idle: the database has gone away, or comes back as another one.
    pub(super) fn forget(&self) {
        locked(&self.free).clear();
    }

    /// Closes all of them, once those that are lent have come back.
    pub(super) async fn close(&self) {
        let lent = self.places.acquire_many(self.most).await;
        let kept: Vec<DB::Connection> = std::mem::take(&mut *locked(&self.free));
        for conn in kept {
            if let Err(fault) = conn.close().await {
                tracing::warn!(%fault, "a connection did not close");
            }
        }
        self.places.close();
        drop(lent);
    }
}

impl<DB: Database> Loan<DB> {
    /// The connection.
    pub(super) fn conn(&mut self) -> Result<&mut DB::Connection, StoreError> {
        self.conn.as_mut().ok_or(StoreError::Lost(sqlx::Error::PoolClosed))
    }

    /// What it was lent for has ended, and the connection lives if it did not fail with it.
    pub(super) fn ended<T>(&mut self, result: &Result<T, StoreError>) {
        self.sound = !matches!(result, Err(StoreError::Lost(_)));
    }
}

impl Lender<Postgres> {
    /// A connection on which a transaction was begun with these words. One that lay idle while the database went
    /// away fails at this, before anything was done; then a new one is asked.
    pub(super) async fn begin(&self, words: &'static str) -> Result<Loan<Postgres>, StoreError> {
        let mut again = false;
        loop {
            let mut loan = self.lend().await?;
            match loan.conn()?.execute(words).await.map_err(StoreError::from) {
                Ok(_) => return Ok(loan),
                Err(StoreError::Lost(_)) if !again => again = true,
                Err(fault) => return Err(fault),
            }
            drop(loan);
            self.forget();
        }
    }
}

impl Loan<Postgres> {
    /// Ends the transaction, and gives the connection back if it lives.
    pub(super) async fn end(mut self, word: &'static str) -> Result<(), StoreError> {
        let ended = self.conn()?.execute(word).await.map(|_| ()).map_err(StoreError::from);
        self.ended(&ended);
        ended
    }
}

impl<DB: Database> Drop for Loan<DB> {
    fn drop(&mut self) {
        // Whoever went away in the middle of a statement leaves a connection that is still at work on it.
        if let Some(conn) = self.conn.take().filter(|_| self.sound) {
            locked(&self.free).push(conn);
        }
    }
}
