//! Whole tables, row by row with constant memory: how an installation is kept or moved.
//!
//! Rows come in the order of their primary key, texts by their bytes, so that two databases that hold
//! the same give the same sequence.

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::mpsc;

use super::bulk::{OnKey, chunk, values};
use super::tables::{Row, Table, Type};
use super::{Arg, Exec, StoreError, Tx, Wire};

/// Rows of one table on their way.
#[derive(Debug)]
pub struct Batch {
    /// position of the table in the list that is walked
    pub table: usize,
    /// the rows
    pub rows: Vec<Row>,
}

/// A batch is full with this many rows or bytes.
const MOST_ROWS: usize = 512;
const MOST_BYTES: usize = 256 << 10;

macro_rules! decode {
    ($row:expr, $table:expr) => {{
        let mut out = Vec::with_capacity($table.columns.len());
        for (at, column) in $table.columns.iter().enumerate() {
            out.push(match column.kind {
                Type::I64 => Arg::I64($row.try_get(at)?),
                Type::Text => Arg::Text($row.try_get(at)?),
                Type::Uuid => Arg::Uuid($row.try_get(at)?),
                Type::Bool => Arg::Bool($row.try_get(at)?),
                Type::Bytes => Arg::Bytes($row.try_get(at)?),
            });
        }
        out
    }};
}

macro_rules! stream {
    ($conn:expr, $sql:expr, $table:expr, $number:expr, $out:expr) => {{
        let mut rows = sqlx::query(AssertSqlSafe($sql)).fetch($conn);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let row: Row = decode!(row, $table);
            bytes += row.iter().map(weight).sum::<usize>();
            batch.push(row);
            if batch.len() >= MOST_ROWS || bytes >= MOST_BYTES {
                send($out, $number, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            send($out, $number, batch).await?;
        }
    }};
}

fn weight(arg: &Arg) -> usize {
    16 + match arg {
        Arg::Text(Some(text)) => text.len(),
        Arg::Bytes(Some(bytes)) => bytes.len(),
        _ => 0,
    }
}

async fn send<T: From<Batch>>(out: &mpsc::Sender<T>, table: usize, rows: Vec<Row>) -> Result<(), StoreError> {
    out.send(Batch { table, rows }.into())
        .await
        .map_err(|_| StoreError::Corrupt("whoever takes the rows has ended".into()))
}

impl Tx {
    /// Sends every row of `table` that meets `condition` (a constant of ours) in the order of its key.
    pub async fn walk<T: From<Batch> + Send>(
        &mut self,
        table: &Table,
        number: usize,
        condition: &'static str,
        out: &mpsc::Sender<T>,
    ) -> Result<(), StoreError> {
        let (list, order) = (table.list(), table.order(self.byte_order()));
        let sql = format!("SELECT {list} FROM {} {condition} ORDER BY {order}", table.name);
        let named = |fault: StoreError| match fault {
            StoreError::Other(fault @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))) => {
                StoreError::Corrupt(format!("table {}: {fault}", table.name))
            }
            other => other,
        };
        let walked: Result<(), StoreError> = async {
            match &mut self.wire {
                Wire::Sqlite(tx) => stream!(&mut **tx, sql, table, number, out),
                Wire::Postgres(loan) => stream!(loan.conn()?, sql, table, number, out),
            }
            Ok(())
        }
        .await;
        walked.map_err(named)
    }

    /// How many rows of `table` meet `condition`.
    pub async fn count(&mut self, table: &Table, condition: &'static str) -> Result<u64, StoreError> {
        let rows: Vec<(i64,)> =
            self.all_built(format!("SELECT count(*) FROM {} {condition}", table.name), vec![]).await?;
        Ok(rows.first().map_or(0, |row| row.0 as u64))
    }

    /// Adds rows to `table`.
    pub async fn load(&mut self, table: &Table, rows: Vec<Row>) -> Result<(), StoreError> {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let mut rest = rows.into_iter();
        loop {
            let size = chunk(rest.len(), columns.len());
            if size == 0 {
                return Ok(());
            }
            let args: Vec<Arg> = rest.by_ref().take(size).flatten().collect();
            self.execute_built(values(&table.name, &columns, &[], size, OnKey::Fail), args).await?;
        }
    }
}
