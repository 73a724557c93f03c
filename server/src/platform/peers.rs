//! The other processes on the same database: hearing what they commit, and showing that this one lives.
//!
//! Every commit leaves a note ([`super::lane::notes`]). A process reads, five times a second, the notes that it has
//! not seen: their ids go to the listeners of this process as if they had been committed here, their tables to
//! whoever keeps something of them ([`Heard`]). Where a note is missing everything counts as changed. A process
//! that has not heard for two seconds (it was frozen, the database was away) does not trust what it keeps until it
//! has heard again: [`Peers::current`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::database::{Db, Exec, StoreError, Touched};
use super::faults::{self, Protection};
use super::ids::Id;
use super::lane::notes::KEPT;
use super::locked;
use crate::args;

/// How often the others' notes are read.
pub const LOOK: Duration = Duration::from_millis(200);
/// After so long without hearing nothing that is kept is trusted.
pub const DEAF: Duration = Duration::from_secs(2);
/// After so long without hearing everything counts as changed, whatever the notes say.
const LONG: Duration = Duration::from_mins(1);
/// A process whose beat has stood still for so long is not asked for notes until it moves: it is dead, or frozen,
/// and then it beats before it has been awake for a second.
const STILL: Duration = Duration::from_secs(5);
/// Notes that one read takes.
const PAGE: i64 = 1024;

const OTHERS: &str = "SELECT id, beat FROM process WHERE id <> $1";
const LAST: &str = "SELECT owner, lane, max(number) FROM process_note WHERE owner <> $1 GROUP BY owner, lane";
const NEWER: &str = "SELECT number, tables, ids FROM process_note WHERE owner = $1 AND lane = $2 AND number > $3 \
     ORDER BY number LIMIT $4";
const BEAT: &str = "INSERT INTO process (id, beat, seen_at, about) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, seen_at = excluded.seen_at, about = excluded.about";
const BEATS: &str = "SELECT id, beat, seen_at, about FROM process WHERE id <> $1 ORDER BY id";
const FORGET: &str = "DELETE FROM process WHERE seen_at < $1";
const FORGET_NOTES: &str =
    "DELETE FROM process_note WHERE NOT EXISTS (SELECT 1 FROM process p WHERE p.id = process_note.owner)";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[OTHERS, LAST, NEWER, BEAT, BEATS, FORGET, FORGET_NOTES];

/// What was heard in one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// ids that commits of others signalled
    pub ids: BTreeSet<Id>,
    /// tables that they changed
    pub tables: Touched,
    /// a note is missing, or one had too much to say: anything may have changed
    pub everything: bool,
}

/// How another process shows itself.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Beat {
    /// the process
    pub id: Id,
    /// moves while it lives
    pub beat: i64,
    /// by its own clock, UTC microseconds
    pub seen_at: i64,
    /// for people; empty once it has ended
    pub about: String,
}

/// What one process knows of the others.
pub struct Peers {
    owner: Id,
    /// none where the database has one process only
    lanes: Option<usize>,
    /// the last number seen, by process and lane
    seen: Mutex<BTreeMap<(Id, usize), i64>>,
    /// by process its beat as last seen, and since when it is that
    beats: Mutex<BTreeMap<Id, (i64, Instant)>>,
    /// the beginning of the last round that succeeded; none while nobody looks
    heard: watch::Sender<Option<Instant>>,
    begun: Mutex<Option<Instant>>,
    beat: AtomicI64,
}

impl Peers {
    /// Of the process whose lanes write as `owner`.
    pub fn new(db: &Db, owner: Id) -> Self {
        Self {
            owner,
            lanes: db.is_shared().then(|| db.lanes()),
            seen: Mutex::default(),
            beats: Mutex::default(),
            heard: watch::Sender::new(None),
            begun: Mutex::default(),
            beat: AtomicI64::new(0),
        }
    }

    /// Whether there may be others.
    pub fn any(&self) -> bool {
        self.lanes.is_some()
    }

    /// Takes what the others have noted so far for seen. Before the books are read for the first time.
    pub async fn begin(&self, db: &mut Db) -> Result<(), StoreError> {
        *locked(&self.begun) = Some(Instant::now());
        if self.any() {
            let last: Vec<(Id, i64, i64)> = db.all(LAST, args![self.owner]).await?;
            *locked(&self.seen) = last.into_iter().map(|(id, lane, number)| ((id, lane as usize), number)).collect();
        }
        Ok(())
    }

    /// Reads what is new. [`Peers::heard`] must follow once it has been acted upon.
    pub async fn round(&self, db: &mut Db) -> Result<Heard, StoreError> {
        let mut heard = Heard::default();
        let Some(lanes) = self.lanes else { return Ok(heard) };
        let before = *self.heard.borrow();
        heard.everything = before.is_some_and(|at| at.elapsed() >= LONG);
        let others: BTreeMap<Id, i64> = db.all::<(Id, i64)>(OTHERS, args![self.owner]).await?.into_iter().collect();
        for (other, beat) in &others {
            if !self.moves(*other, *beat) {
                continue;
            }
            for lane in 0..lanes {
                self.lane(db, (*other, lane), &mut heard).await?;
            }
        }
        locked(&self.seen).retain(|(id, _), _| others.contains_key(id));
        locked(&self.beats).retain(|id, _| others.contains_key(id));
        if faults::out(Protection::PeerResync) {
            heard.everything = false;
        }
        Ok(heard)
    }

    /// Whether a process has moved its beat lately.
    fn moves(&self, other: Id, beat: i64) -> bool {
        let mut beats = locked(&self.beats);
        let (seen, since) = beats.entry(other).or_insert_with(|| (beat, Instant::now()));
        if *seen != beat {
            (*seen, *since) = (beat, Instant::now());
        }
        since.elapsed() < STILL
    }

    async fn lane(&self, db: &mut Db, of: (Id, usize), heard: &mut Heard) -> Result<(), StoreError> {
        loop {
            let mut seen = locked(&self.seen).get(&of).copied().unwrap_or(0);
            let notes: Vec<(i64, String, Option<Vec<u8>>)> =
                db.all(NEWER, args![of.0, of.1 as i64, seen, PAGE]).await?;
            for (number, tables, ids) in &notes {
                heard.everything |= *number != seen + 1;
                seen = *number;
                let names: Vec<&str> = tables.split(',').filter(|name| !name.is_empty()).collect();
                heard.tables = heard.tables.and(Touched::of(&names));
                match ids {
                    Some(ids) => heard.ids.extend(ids.chunks_exact(16).filter_map(|id| Id::from_slice(id).ok())),
                    None => heard.everything = true,
                }
            }
            locked(&self.seen).insert(of, seen);
            if (notes.len() as i64) < PAGE {
                return Ok(());
            }
        }
    }

    /// Somebody begins to look: from now on what is kept is trusted only as long as it is heard. It was read after
    /// [`Peers::begin`].
    pub fn heed(&self) {
        let begun = locked(&self.begun).unwrap_or_else(Instant::now);
        self.heard.send_if_modified(|at| at.is_none().then(|| *at = Some(begun)).is_some());
    }

    /// What was read in the round that began at `begun` has been acted upon.
    pub fn heard(&self, begun: Instant) {
        self.heard.send_replace(Some(begun));
    }

    /// Whether this process has heard of the others so lately that what it keeps can be trusted.
    pub fn trusted(&self) -> bool {
        !self.any() || self.heard.borrow().is_some_and(|at| at.elapsed() < DEAF)
    }

    /// Whether somebody looks and has not heard of the others lately.
    pub fn deaf(&self) -> bool {
        !self.trusted() && self.heard.borrow().is_some()
    }

    /// Waits until this process has heard of the others lately; where nobody looks (a command, a test) it does not
    /// wait. Fails when it cannot hear of them.
    pub async fn current(&self) -> Result<(), StoreError> {
        if !self.deaf() || faults::out(Protection::PeerFresh) {
            return Ok(());
        }
        let mut heard = self.heard.subscribe();
        let lately = |at: &Option<Instant>| at.is_some_and(|at| at.elapsed() < DEAF);
        match tokio::time::timeout(DEAF, heard.wait_for(lately)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StoreError::Retry(sqlx::Error::PoolTimedOut)),
        }
    }

    /// The number of the next beat.
    pub fn next_beat(&self) -> i64 {
        self.beat.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Shows that this process lives.
    pub async fn beat(&self, tx: &mut impl Exec, beat: i64, about: &str, now: i64) -> Result<(), StoreError> {
        tx.execute(BEAT, args![self.owner, beat, now, about]).await.map(|_| ())
    }

    /// Every other process that is known.
    pub async fn beats(&self, db: &mut Db) -> Result<Vec<Beat>, StoreError> {
        db.all(BEATS, args![self.owner]).await
    }
}

/// Forgets processes that have not been seen since `before`, with their notes: part of the hourly tidying.
pub async fn forget(tx: &mut impl Exec, before: i64) -> Result<u64, StoreError> {
    let gone = tx.execute(FORGET, args![before]).await?;
    tx.execute(FORGET_NOTES, vec![]).await?;
    Ok(gone)
}

// A reader that is well never falls behind by more than it keeps.
const _: () = assert!(KEPT >= PAGE);
