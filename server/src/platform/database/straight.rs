//! Connections of the embedded database on the thread that asks: one that writes many rows in one go, and some that
//! find rows over a snapshot.
//!
//! The usual driver keeps each connection on a thread of its own, and a statement is a letter to that thread and one
//! back. The rows of a group of submissions, or of a slice of a dispatch, are known beforehand and need no conversation:
//! twenty letters took as long as what they wrote, while everybody waited.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::types::{FromSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, ToSql, params_from_iter};

use super::bulk::{OnKey, Shape, moved};
use super::{Arg, Db, DbRow, Exec, StoreError};
use crate::platform::locked;

/// Statements that stay prepared: one for each table and way of writing it.
const STATEMENTS: usize = 64;

/// Rows of one table that are written alike.
pub struct Alike<'a> {
    /// table, columns, key
    pub shape: &'static Shape,
    /// insert, keep, replace or add
    pub on_key: OnKey,
    /// one argument per column each
    pub rows: Vec<&'a [Arg]>,
}

/// A statement that a transaction begins with: where it changes no row, nothing is written. Its text names the arguments
/// in their order: to the embedded database `$1` is a name, numbered where it first stands.
pub struct First {
    /// the statement
    pub sql: &'static str,
    /// its arguments
    pub args: Vec<Arg>,
}

impl First {
    /// The same by the usual driver: whether it changed a row.
    pub async fn holds(&self, tx: &mut impl Exec) -> Result<bool, StoreError> {
        Ok(tx.execute(self.sql, self.args.clone()).await? > 0)
    }
}

/// The connections, opened when they are first needed.
pub struct Straight {
    file: PathBuf,
    pragmas: Vec<(&'static str, &'static str)>,
    conn: Mutex<Option<Connection>>,
    readers: Mutex<Readers>,
}

/// Those that read and lie idle.
#[derive(Default)]
struct Readers {
    idle: Vec<Connection>,
    closed: bool,
}

/// Rows as they were committed at one moment.
pub struct Snapshot<'c>(&'c Connection);

/// A row that is read without the driver where the database is embedded.
pub trait Taken: DbRow + 'static {
    /// The row, from the cells in the order of its statement.
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError>;
}

/// The cells of a row, one after the other.
pub struct Cells<'r> {
    row: &'r Row<'r>,
    at: usize,
}

impl Straight {
    pub(super) fn new(file: &Path, pragmas: &[(&'static str, &'static str)]) -> Self {
        Self { file: file.to_owned(), pragmas: pragmas.to_vec(), conn: Mutex::default(), readers: Mutex::default() }
    }

    /// Writes everything in one transaction of its own and blocks until it is durable; after a fault nothing of it is
    /// there. A guarded row that was written meanwhile fails with [`StoreError::Retry`]. Gives the position of the first
    /// statement of `firsts` that changed no row, where there is one: then nothing is written either.
    pub fn write(&self, firsts: &[&First], all: &[Alike<'_>]) -> Result<Option<usize>, StoreError> {
        let mut kept = locked(&self.conn);
        let conn = match kept.take() {
            Some(conn) => conn,
            None => self.open()?,
        };
        let written = write(&conn, firsts, all);
        // When its disk is full SQLite ends a transaction by itself; else it is still open.
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("ROLLBACK");
        }
        if conn.is_autocommit() {
            *kept = Some(conn);
        }
        written
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let conn = self.connect()?;
        for (name, value) in &self.pragmas {
            conn.pragma_update(None, name, value)?;
        }
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(conn)
    }

    /// A connection of its own that only reads; what it keeps goes with it.
    pub(super) fn reader(&self) -> Result<Connection, StoreError> {
        let conn = self.connect()?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "query_only", "ON")?;
        Ok(conn)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.file, flags)?;
        conn.busy_timeout(Duration::from_secs(5))?;
        Ok(conn)
    }

    /// Reads over one snapshot and blocks the thread meanwhile.
    pub fn read<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = locked(&self.readers).idle.pop();
        let conn = idle.map_or_else(|| self.reader(), Ok)?;
        conn.execute_batch("BEGIN")?;
        let found = read(&Snapshot(&conn));
        conn.execute_batch("COMMIT")?;
        let mut readers = locked(&self.readers);
        if found.is_ok() && !readers.closed {
            readers.idle.push(conn);
        }
        found
    }

    /// Closes them.
    pub(super) fn close(&self) {
        *locked(&self.readers) = Readers { idle: Vec::new(), closed: true };
        locked(&self.conn).take();
    }
}

impl Snapshot<'_> {
    /// The rows of a statement.
    pub fn all<T: Taken>(&self, sql: &str, args: &[Arg]) -> Result<Vec<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(args))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(T::taken(&mut Cells { row, at: 0 })?);
        }
        Ok(found)
    }
}

impl Db {
    /// All rows of a statement that reads many, or wide ones.
    pub async fn many<T: Taken>(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite { straight, .. } => {
                let straight = straight.clone();
                let read = tokio::task::spawn_blocking(move || straight.read(|snapshot| snapshot.all(sql, &args)));
                read.await.map_err(|fault| StoreError::Corrupt(fault.to_string()))?
            }
            Self::Postgres { .. } => self.clone().all(sql, args).await,
        }
    }
}

impl Cells<'_> {
    /// The value of the next column.
    pub fn take<T: FromSql>(&mut self) -> Result<T, StoreError> {
        let value = self.row.get(self.at)?;
        self.at += 1;
        Ok(value)
    }
}

fn write(conn: &Connection, firsts: &[&First], all: &[Alike<'_>]) -> Result<Option<usize>, StoreError> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    for (at, first) in firsts.iter().enumerate() {
        if conn.prepare_cached(first.sql)?.execute(params_from_iter(&first.args))? == 0 {
            return Ok(Some(at));
        }
    }
    for alike in all {
        let mut statement = conn.prepare_cached(&alike.shape.sql(1, alike.on_key))?;
        for row in &alike.rows {
            let changed = statement.execute(params_from_iter(row.iter()))?;
            if alike.on_key.guarded() && changed != 1 {
                return Err(moved(alike.shape.table));
            }
        }
    }
    conn.execute_batch("COMMIT")?;
    Ok(None)
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::I64(Some(value)) => ValueRef::Integer(*value),
            Self::Bool(Some(value)) => return Ok(ToSqlOutput::Owned(Value::Integer(i64::from(*value)))),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Uuid(Some(value)) => ValueRef::Blob(value.as_bytes()),
            Self::Bytes(Some(value)) => ValueRef::Blob(value),
            Self::I64(None) | Self::Bool(None) | Self::Text(None) | Self::Uuid(None) | Self::Bytes(None) => {
                ValueRef::Null
            }
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(fault: rusqlite::Error) -> Self {
        let text = sqlx::Error::Protocol(fault.to_string());
        match fault.sqlite_error().map(|fault| fault.extended_code.cast_unsigned()) {
            // A primary key, or another unique one.
            Some(1555 | 2067) => Self::Duplicate,
            Some(code) => Self::of_sqlite(code, text),
            None => Self::Other(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;
    use crate::platform::database::{Db, Exec};

    const NOTES: Shape = Shape { table: "t", columns: &["shard", "id", "text", "version"], key: &["id", "shard"] };

    async fn rows(db: &Db) -> Vec<(i64, Option<String>, i64)> {
        db.clone().all("SELECT id, text, version FROM t ORDER BY id", vec![]).await.expect("read")
    }

    #[tokio::test]
    async fn all_of_it_is_written_or_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        let table = "CREATE TABLE t (shard bigint, id bigint, text text, version bigint, primary key (id, shard))";
        tx.execute(table, vec![]).await.expect("made");
        tx.commit().await.expect("commits");
        let straight = db.straight().expect("embedded").clone();
        let write = |on_key, rows: &[Vec<Arg>]| {
            straight.write(&[], &[Alike { shape: &NOTES, on_key, rows: rows.iter().map(Vec::as_slice).collect() }])
        };
        let row = |id: i64, text: Option<&str>, version: i64| args![7_i64, id, text, version];
        write(OnKey::Fail, &[row(1, Some("走访"), 1), row(2, None, 1)]).expect("written");
        let before = rows(&db).await;
        assert_eq!(before, [(1, Some("走访".into()), 1), (2, None, 1)]);
        // The second one exists; the second one has moved.
        let double = write(OnKey::Fail, &[row(3, None, 1), row(1, None, 1)]);
        assert!(matches!(double, Err(StoreError::Duplicate)), "{double:?}");
        let moved = write(OnKey::Next, &[row(1, None, 2), row(2, None, 3)]);
        assert!(matches!(moved, Err(StoreError::Retry(_))), "{moved:?}");
        assert_eq!(rows(&db).await, before);
        write(OnKey::Next, &[row(1, Some("again"), 2)]).expect("the next one works");
        // The other connection writes too.
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("UPDATE t SET version = 9 WHERE id = $1", args![2_i64]).await.expect("changed");
        tx.commit().await.expect("commits");
        write(OnKey::Next, &[row(2, Some("over"), 10)]).expect("written over");
        assert_eq!(rows(&db).await, [(1, Some("again".into()), 2), (2, Some("over".into()), 10)]);
        db.close().await;
    }
}
