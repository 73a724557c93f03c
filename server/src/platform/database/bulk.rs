//! Sets of rows as multi-row VALUES, in chunks of few sizes so that few distinct statements exist and the
//! databases' statement caches keep them all.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use super::{Arg, Exec, StoreError};
use crate::platform::faults::{self, Protection};
use crate::platform::locked;

/// Upper bound of arguments in one statement (SQLite's is 32,766, PostgreSQL's 65,535).
const MAX_ARGS: usize = 32_000;
/// Upper bound of rows in one statement.
const MAX_ROWS: usize = 512;

/// Texts of statements of so many rows or more are kept: there are few of them.
const LONG: usize = 64;
/// By table, columns, number of rows, and what happens where the key exists.
type Of = (&'static str, &'static [&'static str], usize, OnKey);
static TEXTS: Mutex<BTreeMap<Of, Arc<str>>> = Mutex::new(BTreeMap::new());

/// What to do when the primary key exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnKey {
    /// It is a fault.
    Fail,
    /// Keep the row that is there.
    Keep,
    /// Replace every other column.
    Replace,
    /// Replace every other column where the row's version is the one before (or there is no row): another
    /// process may have written since it was read. [`Shape::write`] fails with [`StoreError::Retry`] where one
    /// was not.
    Next,
    /// The same for the columns at these positions (bit n for column n).
    Change(u64),
    /// Add to the columns at these positions and leave the others.
    Add(u64),
}

impl OnKey {
    /// Whether a row is written only where it has the version before.
    pub fn guarded(self) -> bool {
        matches!(self, Self::Next | Self::Change(_)) && !faults::out(Protection::NextVersion)
    }
}

/// To add to some columns of the rows that are there, and write the others whole.
pub fn adding(shape: &Shape, to: &[&str]) -> OnKey {
    OnKey::Add(positions(shape, |_, column| to.contains(column)))
}

/// What to do with a row that was read before and now differs: a column of an index is set only where it
/// differs, since a statement that names it writes every index that has it, changed or not. Other columns
/// are always set, so that few distinct statements exist.
pub fn change(shape: &Shape, indexed: &[&str], before: &[Arg], after: &[Arg]) -> OnKey {
    let differs = |at: usize, column: &&str| !indexed.contains(column) || before[at] != after[at];
    OnKey::Change(positions(shape, |at, column| !shape.key.contains(column) && differs(at, column)))
}

/// A bit for each column that is chosen.
fn positions(shape: &Shape, chosen: impl Fn(usize, &&'static str) -> bool) -> u64 {
    let columns = shape.columns.iter().enumerate();
    columns.filter(|(at, column)| chosen(*at, column)).fold(0, |set, (at, _)| set | 1 << at)
}

/// The shape of a multi-row write: table, columns and the primary key among them.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// table name
    pub table: &'static str,
    /// every column that is written, in the order of the arguments
    pub columns: &'static [&'static str],
    /// primary key columns
    pub key: &'static [&'static str],
}

impl Shape {
    /// The statement for `rows` rows.
    pub fn sql(&self, rows: usize, on_key: OnKey) -> String {
        values(self.table, self.columns, self.key, rows, on_key)
    }

    /// Writes all `rows`; each has one argument per column. Returns rows changed.
    pub async fn write(&self, conn: &mut impl Exec, rows: Vec<Vec<Arg>>, on_key: OnKey) -> Result<u64, StoreError> {
        self.write_rows(conn, &rows, on_key).await
    }

    /// The same from rows that are kept.
    pub async fn write_rows<R: AsRef<[Arg]> + Sync>(
        &self,
        conn: &mut impl Exec,
        rows: &[R],
        on_key: OnKey,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut rest = rows;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(chunk(rest.len(), self.columns.len()));
            rest = later;
            debug_assert!(now.iter().all(|row| row.as_ref().len() == self.columns.len()), "{}", self.table);
            let written = conn.execute_rows(self.text(now.len(), on_key), now).await?;
            if on_key.guarded() && written != now.len() as u64 {
                return Err(moved(self.table));
            }
            changed += written;
        }
        Ok(changed)
    }

    /// The statement, kept where making it anew would take about as long as the driver needs to send it.
    fn text(&self, rows: usize, on_key: OnKey) -> Arc<str> {
        if rows < LONG {
            return self.sql(rows, on_key).into();
        }
        let of = (self.table, self.columns, rows, on_key);
        locked(&TEXTS).entry(of).or_insert_with(|| self.sql(rows, on_key).into()).clone()
    }
}

/// Somebody else has written a row since it was read: reading again shows it.
pub(super) fn moved(table: &str) -> StoreError {
    StoreError::Retry(sqlx::Error::Protocol(format!("a row of {table} was written meanwhile")))
}

/// A multi-row INSERT of `rows` rows.
pub fn values(table: &str, columns: &[&str], key: &[&str], rows: usize, on_key: OnKey) -> String {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), tuples(rows, columns.len(), 1));
    match on_key {
        OnKey::Fail => {}
        OnKey::Keep => {
            let _ = write!(sql, " ON CONFLICT ({}) DO NOTHING", key.join(", "));
        }
        OnKey::Replace | OnKey::Next | OnKey::Change(_) | OnKey::Add(_) => {
            let set = |at: usize, column: &str| match on_key {
                OnKey::Change(set) | OnKey::Add(set) => set & 1 << at != 0,
                _ => !key.contains(&column),
            };
            let new = |column: &str| match on_key {
                OnKey::Add(_) => format!("{column} = {table}.{column} + excluded.{column}"),
                _ => format!("{column} = excluded.{column}"),
            };
            let columns = columns.iter().enumerate().filter(|(at, column)| set(*at, column));
            let sets: Vec<String> = columns.map(|(_, column)| new(column)).collect();
            let _ = write!(sql, " ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), sets.join(", "));
        }
    }
    if on_key.guarded() {
        let _ = write!(sql, " WHERE {table}.version = excluded.version - 1");
    }
    sql
}

/// How many of the rows left go into one statement: the largest that fits them and the argument limit of 1 to 8, then
/// four sizes to each doubling, and from 32 on powers of two. A group of people's submissions thus takes one or two
/// statements a table, each of which costs a way to the database whatever its size.
pub fn chunk(left: usize, columns: usize) -> usize {
    const FINE: usize = 32;
    if left == 0 {
        return 0;
    }
    let most = (MAX_ARGS / columns.max(1)).clamp(1, MAX_ROWS).min(left);
    let double = most.ilog2();
    let step = if most < FINE { double.saturating_sub(2) } else { double };
    most >> step << step
}

/// `($1, $2), ($3, $4)` for `rows` tuples of `columns`, starting at argument `first`.
pub fn tuples(rows: usize, columns: usize, first: usize) -> String {
    let mut out = String::new();
    let mut next = first;
    for row in 0..rows {
        out.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let _ = write!(out, "{}${next}", if column == 0 { "" } else { ", " });
            next += 1;
        }
        out.push(')');
    }
    out
}

/// The condition that a key of two columns is one of `rows` keys, whose values are the arguments from `$1` on. A single
/// key needs no list of them.
pub fn keys([first, second]: [&str; 2], rows: usize) -> String {
    match rows {
        1 => format!("{first} = $1 AND {second} = $2"),
        _ => format!("({first}, {second}) IN (VALUES {})", tuples(rows, 2, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { table: "setting", columns: &["key", "value", "version"], key: &["key"] };

    #[test]
    fn chunks_are_of_few_sizes_within_the_limits() {
        assert_eq!([chunk(0, 3), chunk(1, 3), chunk(7, 3), chunk(600, 3), chunk(600, 100)], [0, 1, 7, 512, 256]);
        assert_eq!([chunk(9, 3), chunk(31, 3), chunk(33, 3), chunk(63, 3), chunk(64, 3)], [8, 28, 32, 32, 64]);
        assert_eq!(chunk(5, 40_000), 1);
    }

    #[test]
    fn the_statement_names_every_argument_once() {
        assert_eq!(
            SHAPE.sql(2, OnKey::Replace),
            "INSERT INTO setting (key, value, version) VALUES ($1, $2, $3), ($4, $5, $6) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version"
        );
        assert!(
            SHAPE
                .sql(1, OnKey::Next)
                .ends_with("version = excluded.version WHERE setting.version = excluded.version - 1")
        );
    }

    #[test]
    fn an_indexed_column_that_stays_is_not_named() {
        let (before, after) = (crate::args!["k", "a", 1_i64], crate::args!["k", "a", 2_i64]);
        let on_key = change(&SHAPE, &["value"], &before, &after);
        assert!(SHAPE.sql(1, on_key).ends_with(
            "ON CONFLICT (key) DO UPDATE SET version = excluded.version WHERE setting.version = excluded.version - 1"
        ));
        let after = crate::args!["k", "b", 2_i64];
        let moved = change(&SHAPE, &["value"], &before, &after);
        assert_eq!(moved, OnKey::Change(0b110));
    }

    #[test]
    fn a_row_is_added_to_what_is_there() {
        assert!(
            SHAPE
                .sql(1, adding(&SHAPE, &["version"]))
                .ends_with("ON CONFLICT (key) DO UPDATE SET version = setting.version + excluded.version")
        );
    }
}
