//! SQLite's write-ahead log carried over into the database file beside the writer.
//!
//! By itself SQLite does it inside the COMMIT that makes the log long enough: thousands of pages are written and
//! synced while every submission waits. A connection of its own does it twice a second while much is written; whatever
//! it does not reach is carried over inside a commit as before, only later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::Sqlite;
use sqlx::sqlite::SqliteConnectOptions;

use super::{Lender, StoreError};

/// Commits after which it is worth the two syncs.
const MANY: u64 = 20;
/// A page that is written again and again is carried over so often at the most.
const EVERY: Duration = Duration::from_millis(500);

/// Carries the log of one database over.
pub struct Carrier {
    conn: Lender<Sqlite>,
    commits: AtomicU64,
    /// milliseconds since `begin` at which it ended last
    last: AtomicU64,
    begin: Instant,
    busy: AtomicBool,
}

impl Carrier {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        let conn = Lender::new(1, options.pragma("cache_size", "-200"));
        let (commits, last, busy) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { conn, commits, last, begin: Instant::now(), busy }
    }

    /// Something was committed: begins to carry the log over where that is due.
    pub(super) fn committed(self: &Arc<Self>) {
        let since = || self.begin.elapsed().as_millis() as u64 - self.last.load(Ordering::Relaxed);
        let due = self.commits.fetch_add(1, Ordering::Relaxed) + 1 >= MANY && since() >= EVERY.as_millis() as u64;
        if due && !self.busy.swap(true, Ordering::AcqRel) {
            let carrier = self.clone();
            tokio::spawn(async move {
                if let Err(fault) = carrier.carry().await {
                    tracing::warn!(%fault, "the log could not be carried over beside the writer");
                }
                carrier.commits.store(0, Ordering::Relaxed);
                carrier.last.store(carrier.begin.elapsed().as_millis() as u64, Ordering::Relaxed);
                carrier.busy.store(false, Ordering::Release);
            });
        }
    }

    async fn carry(&self) -> Result<(), StoreError> {
        let mut loan = self.conn.lend().await?;
        let result = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(loan.conn()?).await;
        let result = result.map(|_| ()).map_err(StoreError::from);
        loan.ended(&result);
        result
    }

    pub(super) async fn close(&self) {
        self.conn.close().await;
    }
}
