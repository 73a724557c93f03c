//! Rows into a database and the digests of what a database holds: shared by restoring and moving.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::row::Digests;
use super::{KeepError, Seen};
use crate::platform::database::tables::{OF_PROCESSES, Table};
use crate::platform::database::walk::Batch;
use crate::platform::database::{Db, StoreError, Tx};

/// Rows and digest of each table.
pub type Sums = Vec<(u64, String)>;

/// How many batches may be on their way.
pub const ON_THE_WAY: usize = 4;
/// Rows in one commit.
const SLICE: usize = 16_384;

/// What is left out of a table: the marks of an installation belong to it alone.
pub fn condition(table: &Table) -> &'static str {
    if table.name == "setting" { "WHERE key NOT IN ('moved_to', 'unfinished')" } else { "" }
}

/// Writes all rows that come, and gives their digests.
pub async fn pour(
    db: Db,
    tables: Arc<Vec<Table>>,
    mut from: mpsc::Receiver<Batch>,
    total: u64,
    seen: Seen,
) -> Result<Sums, KeepError> {
    let mut digests = Digests::of(tables.len());
    let mut open: Option<Tx> = None;
    let (mut slice, mut done) = (0, 0);
    while let Some(Batch { table, rows }) = from.recv().await {
        for row in &rows {
            digests.row(table, row);
        }
        let count = rows.len();
        let mut tx = match open.take() {
            Some(tx) => tx,
            None => db.begin_write().await?,
        };
        tx.load(&tables[table], rows).await.map_err(|fault| in_table(&tables[table], fault))?;
        slice += count;
        done += count as u64;
        if slice >= SLICE {
            tx.commit().await?;
            slice = 0;
        } else {
            open = Some(tx);
        }
        seen(done, total);
    }
    if let Some(tx) = open {
        tx.commit().await?;
    }
    Ok(digests.end())
}

fn in_table(table: &Table, fault: StoreError) -> KeepError {
    match fault {
        StoreError::Other(_) | StoreError::Duplicate => KeepError::Differs(format!("table {}: {fault}", table.name)),
        other => other.into(),
    }
}

/// Every row of an open transaction's tables, in order.
pub async fn walk_all<T: From<Batch> + Send>(
    tx: &mut Tx,
    tables: &[Table],
    out: &mpsc::Sender<T>,
) -> Result<(), StoreError> {
    for (number, table) in tables.iter().enumerate() {
        tx.walk(table, number, condition(table), out).await?;
    }
    Ok(())
}

/// Rows of each table.
pub async fn counts(tx: &mut Tx, tables: &[Table]) -> Result<Vec<u64>, StoreError> {
    let mut counts = Vec::with_capacity(tables.len());
    for table in tables {
        counts.push(tx.count(table, condition(table)).await?);
    }
    Ok(counts)
}

/// Fails when the database has other columns than its schema says: rows would be left behind.
pub async fn same_columns(tx: &mut Tx, tables: &[Table]) -> Result<(), KeepError> {
    let mut known: Vec<(&str, &str)> = tables
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| (table.name.as_str(), column.name.as_str())))
        .collect();
    known.sort_unstable();
    let there = tx.column_names().await?;
    let there: Vec<(&str, &str)> = there
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        .filter(|(table, _)| *table != "schema_migration" && !OF_PROCESSES.contains(table))
        .collect();
    let other = known.iter().find(|one| !there.contains(one)).or_else(|| there.iter().find(|one| !known.contains(one)));
    match other {
        None => Ok(()),
        Some((table, column)) => Err(KeepError::Refused(format!(
            "the column {table}.{column} is not as the schema says: run hutong migrate, or use the version that made it"
        ))),
    }
}

/// The digests of what a database holds, read in one snapshot.
pub async fn sums(db: &Db, tables: Arc<Vec<Table>>, total: u64, seen: Seen) -> Result<Sums, KeepError> {
    let (sender, mut receiver) = mpsc::channel::<Batch>(ON_THE_WAY);
    let count = tables.len();
    let digester = tokio::task::spawn_blocking(move || {
        let (mut digests, mut done) = (Digests::of(count), 0);
        while let Some(Batch { table, rows }) = receiver.blocking_recv() {
            for row in &rows {
                digests.row(table, row);
            }
            done += rows.len() as u64;
            seen(done, total);
        }
        digests.end()
    });
    db.snapshot(move |tx| Box::pin(async move { walk_all(tx, &tables, &sender).await })).await?;
    Ok(digester.await?)
}

/// Compares what was sent with what is there, table by table.
pub fn compare(tables: &[Table], sent: &Sums, there: &Sums) -> Result<(), KeepError> {
    for (table, (sent, there)) in tables.iter().zip(sent.iter().zip(there)) {
        if sent != there {
            return Err(KeepError::Differs(format!(
                "table {} did not arrive as it was sent ({} rows sent, {} there): run the command again; nothing is served until it succeeds",
                table.name, sent.0, there.0
            )));
        }
    }
    Ok(())
}
