//! Notes of commits for the other processes on the same database.
//!
//! Each commit of a lane says in its own transaction which tables it changed and which ids it signals, under a
//! number that rises by one. Another process reads what is newer than what it has seen
//! ([`crate::platform::peers`]); a number that is missing there (a commit that failed or had no answer, or notes
//! that were cleared away) makes it take everything for changed. Nothing is written where the database has one
//! process only.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::args;
use crate::platform::database::{Db, Exec, StoreError, Tx};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::Id;

const NOTE: &str = "INSERT INTO process_note (owner, lane, number, tables, ids) VALUES ($1, $2, $3, $4, $5)";
const CLEAR: &str = "DELETE FROM process_note WHERE owner = $1 AND lane = $2 AND number <= $3";
const BEGIN: &str = "INSERT INTO process (id, beat, seen_at, about) VALUES ($1, 0, $2, '') ON CONFLICT (id) DO NOTHING";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[NOTE, CLEAR, BEGIN];

/// Notes that stay of each lane: more commits than a lane makes between two looks of a process that is well.
pub const KEPT: i64 = 2048;
/// How many are cleared away at a time.
const CLEARED: i64 = 256;
/// More ids of one commit are not told one by one.
const MOST_IDS: usize = 1024;
/// Tables of the work itself, that nobody listens to: a commit that changes only these leaves no note.
const QUIET: [&str; 4] = ["lease", "lane_mark", "process", "process_note"];

/// Writes the notes of one process.
pub struct Notes {
    owner: Id,
    /// the last number of each lane; empty where there is only one process
    last: Vec<AtomicI64>,
}

impl Notes {
    /// A process begins.
    pub fn begin(db: &Db, owner: Id) -> Self {
        let lanes = if db.is_shared() { db.lanes() } else { 0 };
        Self { owner, last: (0..lanes).map(|_| AtomicI64::new(0)).collect() }
    }

    /// Whose notes these are.
    pub fn owner(&self) -> Id {
        self.owner
    }

    /// Notes what the transaction changed; the last thing before its COMMIT.
    pub async fn write(&self, tx: &mut Tx, lane: usize, signals: &[Id]) -> Result<(), StoreError> {
        let Some(last) = self.last.get(lane) else { return Ok(()) };
        let tables: Vec<&str> = tx.touched().names().filter(|table| !QUIET.contains(table)).collect();
        if (tables.is_empty() && signals.is_empty()) || faults::out(Protection::PeerNotes) {
            return Ok(());
        }
        let ids: BTreeSet<&Id> = signals.iter().collect();
        let ids: Option<Vec<u8>> =
            (ids.len() <= MOST_IDS).then(|| ids.into_iter().flat_map(|id| *id.as_bytes()).collect());
        let number = last.fetch_add(1, Ordering::Relaxed) + 1;
        let lane = lane as i64;
        if number == 1 {
            tx.execute(BEGIN, args![self.owner, jiff::Timestamp::now().as_microsecond()]).await?;
        }
        tx.execute(NOTE, args![self.owner, lane, number, tables.join(","), ids]).await?;
        if number % CLEARED == 0 {
            tx.execute(CLEAR, args![self.owner, lane, number - KEPT]).await?;
        }
        Ok(())
    }
}
