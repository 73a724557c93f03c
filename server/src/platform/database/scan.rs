//! Reading whole tables over one snapshot, on a thread that may wait, each row where it lies.
//!
//! The usual driver copies every value of a row and hands the row over to another thread: good for a page of fifty,
//! three quarters of the time for a city of a hundred thousand places.

use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Row};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Row as _};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::lender::Loan;
use super::{Arg, Db, StoreError};
use futures_util::TryStreamExt;

/// Reads over one snapshot.
pub struct Scanner {
    wire: Wire,
}

enum Wire {
    Sqlite(Connection),
    Postgres(Handle, Loan<Postgres>),
}

/// A row; its columns are named by position.
pub enum Scanned<'r> {
    /// of the embedded database
    Sqlite(&'r Row<'r>),
    /// of PostgreSQL
    Postgres(&'r PgRow),
}

impl Db {
    /// Runs `read` over one snapshot. It blocks a thread of its own as long as it takes.
    pub async fn scan<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Scanner) -> Result<T, StoreError> + Send + 'static,
    {
        let blocking = match self {
            Self::Sqlite { straight, .. } => {
                let straight = straight.clone();
                tokio::task::spawn_blocking(move || {
                    let conn = straight.reader()?;
                    conn.execute_batch("BEGIN")?;
                    read(&mut Scanner { wire: Wire::Sqlite(conn) })
                })
            }
            Self::Postgres { transactions, .. } => {
                let loan = transactions.begin(super::open::BEGIN_READ).await?;
                let runtime = Handle::current();
                tokio::task::spawn_blocking(move || {
                    let mut scanner = Scanner { wire: Wire::Postgres(runtime, loan) };
                    let found = read(&mut scanner);
                    let Wire::Postgres(runtime, loan) = scanner.wire else { return found };
                    runtime.block_on(loan.end("ROLLBACK")).and(found)
                })
            }
        };
        blocking.await.map_err(|fault| StoreError::Corrupt(fault.to_string()))?
    }
}

impl Scanner {
    /// Hands over the rows of a statement, one after the other.
    pub fn rows(
        &mut self,
        sql: &str,
        args: Vec<Arg>,
        mut take: impl FnMut(&Scanned<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match &mut self.wire {
            Wire::Sqlite(conn) => {
                let mut statement = conn.prepare_cached(sql)?;
                for (at, arg) in args.iter().enumerate() {
                    if let Some(index) = statement.parameter_index(&format!("${}", at + 1))? {
                        statement.raw_bind_parameter(index, arg)?;
                    }
                }
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next()? {
                    take(&Scanned::Sqlite(row))?;
                }
                Ok(())
            }
            Wire::Postgres(runtime, loan) => runtime.block_on(async {
                let conn = loan.conn()?;
                let mut rows = bind!(sqlx::query(AssertSqlSafe(sql.to_owned())), args.iter()).fetch(conn);
                while let Some(row) = rows.try_next().await? {
                    take(&Scanned::Postgres(&row))?;
                }
                Ok(())
            }),
        }
    }

    /// The only column of the first row, a number, if there is a row.
    pub fn number(&mut self, sql: &str, args: Vec<Arg>) -> Result<Option<i64>, StoreError> {
        let mut found = None;
        self.rows(sql, args, |row| {
            found = found.or(Some(row.number(0)?));
            Ok(())
        })?;
        Ok(found)
    }
}

impl Scanned<'_> {
    /// An id.
    pub fn id(&self, at: usize) -> Result<Uuid, StoreError> {
        self.id_or_none(at)?.ok_or_else(|| StoreError::Corrupt(format!("column {at} is null")))
    }

    /// An id, if there is one.
    pub fn id_or_none(&self, at: usize) -> Result<Option<Uuid>, StoreError> {
        match self {
            Self::Sqlite(row) => {
                let bytes = row.get_ref(at)?.as_blob_or_null().map_err(|fault| unfit(at, &fault))?;
                bytes.map(Uuid::from_slice).transpose().map_err(|fault| StoreError::Corrupt(fault.to_string()))
            }
            Self::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    /// A text.
    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        self.text_or_none(at)?.ok_or_else(|| StoreError::Corrupt(format!("column {at} is null")))
    }

    /// A text, if there is one.
    pub fn text_or_none(&self, at: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Self::Sqlite(row) => row.get_ref(at)?.as_str_or_null().map_err(|fault| unfit(at, &fault)),
            Self::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    /// A number.
    pub fn number(&self, at: usize) -> Result<i64, StoreError> {
        self.number_or_none(at)?.ok_or_else(|| StoreError::Corrupt(format!("column {at} is null")))
    }

    /// A number, if there is one.
    pub fn number_or_none(&self, at: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => row.get_ref(at)?.as_i64_or_null().map_err(|fault| unfit(at, &fault)),
            Self::Postgres(row) => Ok(row.try_get(at)?),
        }
    }

    /// A boolean.
    pub fn flag(&self, at: usize) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(at)? != ValueRef::Integer(0)),
            Self::Postgres(row) => Ok(row.try_get(at)?),
        }
    }
}

fn unfit(at: usize, fault: &FromSqlError) -> StoreError {
    StoreError::Corrupt(format!("column {at}: {fault}"))
}
