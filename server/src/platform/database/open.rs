//! Opening a database and beginning transactions.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Postgres, Sqlite, SqliteConnection, SqlitePool};

use super::lender::Loan;
use super::{Db, Lender, StoreError, Straight, Tx, Wire};
use crate::platform::faults::{self, Protection};

/// Whether a connection may be lent again. When its disk is full SQLite ends a transaction by itself; the driver's
/// ROLLBACK then fails, and it would refuse every later transaction on this connection, the only one that writes.
async fn is_clean(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if conn.is_in_transaction() && !faults::out(Protection::CleanLoan) {
        // A ROLLBACK may still be on its way to the connection's thread: it is before this.
        conn.ping().await?;
        return Ok(!conn.is_in_transaction());
    }
    Ok(true)
}

/// Brings SQLite's write-ahead log to the disk before anything is built on it. If a sync failed in a process
/// before this one, the end of the log is in the system's memory and looks written; no later sync brings it, but
/// writing it again does. Without this a power cut could take what is committed behind it. Nobody else appends
/// meanwhile: the writer's lock is held. Where it cannot be had somebody works here, who has done this.
async fn write_log_again(write: &SqlitePool, file: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::FileExt;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if std::fs::metadata(&log).map_or(0, |about| about.len()) == 0 {
        return Ok(());
    }
    let held = match write.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::from) {
        Err(StoreError::Retry(_)) => return Ok(()),
        other => other?,
    };
    let again = move || {
        let log = std::fs::OpenOptions::new().read(true).write(true).open(&log)?;
        let (mut at, mut piece) = (0, vec![0; 1 << 20]);
        loop {
            let size = log.read_at(&mut piece, at)?;
            if size == 0 {
                return log.sync_all();
            }
            log.write_all_at(&piece[..size], at)?;
            at += size as u64;
        }
    };
    let written = tokio::task::spawn_blocking(again).await.map_err(|fault| StoreError::Corrupt(fault.to_string()))?;
    held.rollback().await?;
    written.map_err(|fault| StoreError::Unwritable(sqlx::Error::Io(fault)))
}

/// Where a statement goes: a connection of a transaction, or a pool.
pub enum Target<'a> {
    /// in a transaction on SQLite
    Sqlite(&'a mut SqliteConnection),
    /// on any reading connection of SQLite
    SqliteReaders(&'a Lender<Sqlite>),
    /// in a transaction on PostgreSQL
    Postgres(&'a mut Loan<Postgres>),
    /// on any reading connection of PostgreSQL
    PostgresReaders(&'a Lender<Postgres>),
}

const READERS: u32 = 6;
const SNAPSHOTS: u32 = 3;
/// Kibibytes of pages that the connection of groups keeps: the inner pages of every index that a submission writes.
const STRAIGHT_CACHE: &str = "-48000";
/// The same for that of other transactions, which a sealer fills while nobody works.
const WRITER_CACHE: &str = "-16000";
/// The same for each reading connection.
const READER_CACHE: &str = "-8000";
/// Pages in the log before they are carried over: the more, the more often a page that is written again and again
/// is carried over only once.
const WAL_PAGES: &str = "8000";
const POSTGRES_CONNECTIONS: u32 = 16;
/// Milliseconds after which a writing transaction in which nothing happens is given up: a process that was frozen
/// in the middle of one holds locks, and its work must move to another within ten seconds.
const IDLE: &str = "3000";
/// A reading transaction holds nobody up, and a backup writes to a slow disk between two reads.
pub(super) const BEGIN_READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '30s'";

impl Db {
    /// Opens (and creates) an embedded database file: WAL, `synchronous=FULL`, one writer.
    pub async fn open_sqlite(file: &Path) -> Result<Self, StoreError> {
        let (synced, sync) = if faults::out(Protection::Synced) {
            (SqliteSynchronous::Off, "OFF")
        } else {
            (SqliteSynchronous::Full, "FULL")
        };
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synced)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .statement_cache_capacity(512);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .after_release(|conn, _| Box::pin(is_clean(conn)))
            .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
            .await?;
        if !faults::out(Protection::LogAgain) {
            write_log_again(&write, file).await?;
        }
        let options = options.pragma("cache_size", READER_CACHE).pragma("query_only", "true");
        let read = SqlitePoolOptions::new()
            .max_connections(SNAPSHOTS)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        let pragmas = [
            ("synchronous", sync),
            ("foreign_keys", "ON"),
            ("temp_store", "MEMORY"),
            ("wal_autocheckpoint", WAL_PAGES),
            ("cache_size", STRAIGHT_CACHE),
        ];
        let straight = Arc::new(Straight::new(file, &pragmas));
        Ok(Self::Sqlite { write, straight, read, readers: Lender::new(READERS, options) })
    }

    /// Connects to PostgreSQL by URL.
    pub async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        Self::open_postgres_within(url, POSTGRES_CONNECTIONS).await
    }

    /// The same with at most `connections`.
    pub async fn open_postgres_within(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("hutong")
            .options([("idle_in_transaction_session_timeout", IDLE), ("lock_timeout", "10000")])
            .statement_cache_capacity(512);
        // Half of them for transactions, half for single reads. What a transaction says is found by keys; planning it
        // again for each set of arguments would cost more than running it.
        let planned = options.clone().options([("plan_cache_mode", "force_generic_plan")]);
        let transactions = Lender::new((connections - connections / 2).max(1), planned);
        let readers = Lender::new((connections / 2).max(1), options);
        transactions.lend().await?.ended(&Ok(()));
        Ok(Self::Postgres { transactions, readers })
    }

    /// Begins a transaction that writes. Only the lane, migrations and tests call this: a handler's
    /// future may be dropped at any await, and sqlx then leaves the transaction open in the pool.
    pub async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(Tx::over(match self {
            Self::Sqlite { write, .. } => Wire::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { transactions, .. } => Wire::Postgres(transactions.begin("BEGIN").await?),
        }))
    }

    /// Begins a reading transaction over one snapshot. Call it through [`Db::snapshot`].
    async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(Tx::over(match self {
            Self::Sqlite { read, .. } => Wire::Sqlite(read.begin().await?),
            Self::Postgres { transactions, .. } => Wire::Postgres(transactions.begin(BEGIN_READ).await?),
        }))
    }

    /// Runs several reads over one snapshot, in a task of its own so that a dropped request cannot
    /// leave the transaction open.
    pub async fn snapshot<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> futures_util::future::BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let db = self.clone();
        let task = tokio::spawn(async move {
            let mut tx = db.begin_read().await?;
            let value = read(&mut tx).await;
            tx.rollback().await?;
            value
        });
        task.await.map_err(|fault| StoreError::Corrupt(fault.to_string()))?
    }

    /// What writes rows that are known beforehand in one go, where there is such a thing. Only a lane uses it: two
    /// connections that write would wait for each other.
    pub fn straight(&self) -> Option<&Arc<Straight>> {
        match self {
            Self::Sqlite { straight, .. } => Some(straight),
            Self::Postgres { .. } => None,
        }
    }

    /// `sqlite` or `postgresql`, for people and logs.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgresql",
        }
    }

    /// Closes every connection; on SQLite this also checkpoints the WAL.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, straight, read, readers } => {
                readers.close().await;
                read.close().await;
                straight.close();
                write.close().await;
            }
            Self::Postgres { transactions, readers } => {
                readers.close().await;
                transactions.close().await;
            }
        }
    }
}

impl Tx {
    /// `sqlite` or `postgresql`.
    pub fn engine(&self) -> &'static str {
        match self.wire {
            Wire::Sqlite(_) => "sqlite",
            Wire::Postgres(_) => "postgresql",
        }
    }
}
