//! One SQL text, two databases.
//!
//! `Db` and `Tx` are closed enums; `Exec` runs a statement on either. Statements are constants at the
//! top of each room's `store.rs`, listed in its `STATEMENTS`, and prepared on both databases by a test.
//! What really differs is a named method in `dialect.rs`. Nothing outside this folder names sqlx's
//! drivers.

mod args;
pub mod bulk;
pub mod catalogue;
pub mod dialect;
mod error;
mod lender;
mod migrate;
mod open;
mod straight;
pub mod tables;
mod touched;
pub mod walk;

use std::sync::Arc;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Postgres, Sqlite, SqlitePool, Transaction, postgres::PgRow};

pub use args::Arg;
pub use error::StoreError;
pub use lender::Lender;
use lender::Loan;
pub use migrate::{MIGRATIONS, Migration, SchemaState, Step, create, migrate, schema_state, steps};
pub use open::Target;
pub use straight::{Alike, Cells, First, Straight, Taken};
pub use touched::Touched;

/// A row type that both databases can give.
pub trait DbRow: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin {}
impl<T> DbRow for T where T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin {}

/// A database: pools, cheap to clone.
#[derive(Clone)]
pub enum Db {
    /// The embedded default: one connection that writes at a time, several reading ones.
    Sqlite {
        /// the connection for transactions that write
        write: SqlitePool,
        /// the one for rows that are known beforehand
        straight: Arc<Straight>,
        /// connections for snapshots
        read: SqlitePool,
        /// connections for single reads
        readers: Lender<Sqlite>,
    },
    /// For several nodes.
    Postgres {
        /// connections for transactions
        transactions: Lender<Postgres>,
        /// connections for single reads
        readers: Lender<Postgres>,
    },
}

/// An open transaction; dropped without [`Tx::commit`] it rolls back, on PostgreSQL by closing its connection.
pub struct Tx {
    wire: Wire,
    touched: Touched,
}

enum Wire {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Loan<Postgres>),
}

/// Runs `$body` with `$query` built for the engine and `$conn` its executor. A single read of PostgreSQL whose
/// connection was lost is sent once more.
macro_rules! run {
    ($target:expr, $sql:expr, $args:expr, $make:ident, |$query:ident, $conn:ident| $body:expr) => {
        match $target {
            Target::Sqlite($conn) => {
                let $query = bind!(sqlx::$make($sql), $args);
                $body.map_err(StoreError::from)
            }
            Target::SqliteReaders(readers) => {
                let mut loan = readers.lend().await?;
                let $conn = loan.conn()?;
                let $query = bind!(sqlx::$make($sql), $args);
                let result = $body.map_err(StoreError::from);
                loan.ended(&result);
                result
            }
            Target::Postgres(loan) => {
                let $conn = loan.conn()?;
                let $query = bind!(sqlx::$make($sql), $args);
                $body.map_err(StoreError::from)
            }
            Target::PostgresReaders(readers) => {
                let mut again = false;
                loop {
                    let mut loan = readers.lend().await?;
                    let $conn = loan.conn()?;
                    let $query = bind!(sqlx::$make($sql), $args);
                    let result = $body.map_err(StoreError::from);
                    loan.ended(&result);
                    drop(loan);
                    match result {
                        Err(StoreError::Lost(_)) if !again => readers.forget(),
                        other => break other,
                    }
                    again = true;
                }
            }
        }
    };
}

macro_rules! bind {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::I64(value) => query.bind(*value),
                Arg::Text(value) => query.bind(value.as_deref()),
                Arg::Uuid(value) => query.bind(*value),
                Arg::Bool(value) => query.bind(*value),
                Arg::Bytes(value) => query.bind(value.as_deref()),
            };
        }
        query
    }};
}

mod scan;

pub use scan::{Scanned, Scanner};

/// Rows changed, of either engine.
struct Done(u64);

impl From<sqlx::sqlite::SqliteQueryResult> for Done {
    fn from(done: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(done.rows_affected())
    }
}

impl From<sqlx::postgres::PgQueryResult> for Done {
    fn from(done: sqlx::postgres::PgQueryResult) -> Self {
        Self(done.rows_affected())
    }
}

/// Something that runs statements: a `Db` (each on its own, for reading) or a `Tx`.
pub trait Exec: Send {
    /// Where the statement goes.
    fn target(&mut self) -> Target<'_>;

    /// Notes which table a statement writes.
    fn note(&mut self, _sql: &str) {}

    /// All rows.
    fn all<T: DbRow>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send {
        self.note(sql);
        async move { run!(self.target(), sql, args.iter(), query_as, |query, conn| query.fetch_all(conn).await) }
    }

    /// One row or none.
    fn optional<T: DbRow>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        self.note(sql);
        async move { run!(self.target(), sql, args.iter(), query_as, |query, conn| query.fetch_optional(conn).await) }
    }

    /// Exactly one row; none is [`StoreError::NotFound`].
    fn one<T: DbRow>(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        async move { self.optional(sql, args).await?.ok_or(StoreError::NotFound) }
    }

    /// Changes rows and says how many.
    fn execute(&mut self, sql: &'static str, args: Vec<Arg>) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.note(sql);
        async move {
            let done =
                run!(self.target(), sql, args.iter(), query, |query, conn| query.execute(conn).await.map(Done::from));
            Ok(done?.0)
        }
    }

    /// All rows of a statement made by a builder of ours; every value travels as an argument.
    fn all_built<T: DbRow>(
        &mut self,
        sql: String,
        args: Vec<Arg>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send {
        self.note(&sql);
        async move {
            let target = self.target();
            let sql = target.fitted(sql.into(), args.len());
            run!(target, AssertSqlSafe(sql.clone()), args.iter(), query_as, |query, conn| query.fetch_all(conn).await)
        }
    }

    /// Changes rows by a statement made by a builder of ours.
    fn execute_built(&mut self, sql: String, args: Vec<Arg>) -> impl Future<Output = Result<u64, StoreError>> + Send {
        async move { self.execute_rows(sql.into(), &[args]).await }
    }

    /// The same with the arguments of several rows, one after the other. They are borrowed: what is written is often
    /// written from what has to be kept until it is.
    fn execute_rows<R: AsRef<[Arg]> + Sync>(
        &mut self,
        sql: Arc<str>,
        rows: &[R],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.note(&sql);
        async move {
            let target = self.target();
            let sql = target.fitted(sql, rows.iter().map(|row| row.as_ref().len()).sum());
            let args = || rows.iter().flat_map(AsRef::as_ref);
            let done = run!(target, AssertSqlSafe(sql.clone()), args(), query, |query, conn| query
                .execute(conn)
                .await
                .map(Done::from));
            Ok(done?.0)
        }
    }

    /// Asks the database whether it would accept a statement, without running it.
    fn prepare(&mut self, sql: &str) -> impl Future<Output = Result<(), StoreError>> + Send {
        let sql = sql.to_owned();
        async move {
            use sqlx::{Executor, SqlSafeStr};
            let sql = AssertSqlSafe(sql).into_sql_str();
            match self.target() {
                Target::Sqlite(conn) => drop(conn.prepare(sql).await?),
                Target::SqliteReaders(readers) => drop(readers.lend().await?.conn()?.prepare(sql).await?),
                Target::Postgres(loan) => drop(loan.conn()?.prepare(sql).await?),
                Target::PostgresReaders(readers) => drop(readers.lend().await?.conn()?.prepare(sql).await?),
            }
            Ok(())
        }
    }
}

impl Exec for Db {
    fn target(&mut self) -> Target<'_> {
        match self {
            Self::Sqlite { readers, .. } => Target::SqliteReaders(readers),
            Self::Postgres { readers, .. } => Target::PostgresReaders(readers),
        }
    }
}

impl Exec for Tx {
    fn target(&mut self) -> Target<'_> {
        match &mut self.wire {
            Wire::Sqlite(tx) => Target::Sqlite(tx),
            Wire::Postgres(loan) => Target::Postgres(loan),
        }
    }

    fn note(&mut self, sql: &str) {
        self.touched.note(sql);
    }
}

impl Tx {
    fn over(wire: Wire) -> Self {
        Self { wire, touched: Touched::default() }
    }

    /// The tables written so far.
    pub fn touched(&self) -> Touched {
        self.touched
    }

    /// Makes what was done last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.wire {
            Wire::Sqlite(tx) => tx.commit().await?,
            Wire::Postgres(loan) => loan.end("COMMIT").await?,
        }
        Ok(())
    }

    /// Gives up what was done.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.wire {
            Wire::Sqlite(tx) => tx.rollback().await?,
            Wire::Postgres(loan) => loan.end("ROLLBACK").await?,
        }
        Ok(())
    }
}
