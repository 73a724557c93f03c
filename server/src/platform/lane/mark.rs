//! The mark of a write: how a lane knows whether a write whose COMMIT got no answer has happened.
//!
//! A lane runs one write at a time, so only the last one of a shard can ever be in doubt: one row per
//! process and shard is enough, and nothing grows. The transaction of a closure, or of rows known beforehand,
//! begins by raising the row's number to that of the write. Running it again finds the number there (waiting, if
//! the lost session is still committing) and gives the value of the run that did happen, instead of doing it
//! twice. Ids made inside a closure are therefore safe.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::args;
use crate::platform::clock::DAY;
use crate::platform::database::{Exec, First, StoreError, Tx};
use crate::platform::ids::{Id, new_free_id};

const RAISE: &str = "INSERT INTO lane_mark (shard, owner, number) VALUES ($1, $2, $3) \
     ON CONFLICT (shard, owner) DO UPDATE SET number = excluded.number WHERE lane_mark.number < excluded.number";
const FORGET_ALL_SHARDS: &str = "DELETE FROM lane_mark WHERE number < $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[RAISE, FORGET_ALL_SHARDS];

/// Gives the writes of one process their numbers.
pub struct Numbers {
    owner: Id,
    last: AtomicI64,
}

/// One write, whichever run of it.
#[derive(Clone, Copy)]
pub struct Mark {
    shard: i64,
    owner: Id,
    number: i64,
}

impl Numbers {
    /// A process begins.
    pub fn begin() -> Self {
        let now = jiff::Timestamp::now().as_microsecond();
        Self { owner: new_free_id(now), last: AtomicI64::new(now) }
    }

    /// The process.
    pub fn owner(&self) -> Id {
        self.owner
    }

    /// The next write: numbers are microseconds, so that old marks can be told, and rise even when the
    /// machine's clock does not.
    pub fn next(&self, shard: i64) -> Mark {
        let now = jiff::Timestamp::now().as_microsecond();
        let raise = |last: i64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raise).unwrap_or_else(|last| last);
        Mark { shard, owner: self.owner, number: now.max(last + 1) }
    }
}

impl Mark {
    /// Sets the mark in the write's transaction; false when an earlier run of the same write is there.
    pub async fn set(self, tx: &mut Tx) -> Result<bool, StoreError> {
        self.first().holds(tx).await
    }

    /// The statement that sets it: it changes nothing when an earlier run of the same write is there.
    pub fn first(self) -> First {
        First { sql: RAISE, args: args![self.shard, self.owner, self.number] }
    }
}

/// Forgets the marks of processes that have not written into their shard for a day.
pub async fn forget_all_shards(tx: &mut Tx) -> Result<u64, StoreError> {
    tx.execute(FORGET_ALL_SHARDS, args![jiff::Timestamp::now().as_microsecond() - DAY]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_however_quickly_they_are_taken() {
        let numbers = Numbers::begin();
        let taken: Vec<i64> = (0..1000).map(|_| numbers.next(1).number).collect();
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
