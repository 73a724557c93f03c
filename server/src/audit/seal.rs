//! The sealer: gives every event its `seq`, once, and chains the events of each shard in blocks.
//!
//! Exactly one node seals at a time: each slice begins with the lease's epoch. What stands behind that if
//! a lease should fail: only an event without `seq` gets one, `(shard, seq)` and `(shard, number)` are
//! unique, and a slice that numbered fewer events than it chained is rolled back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::canonical::{NOTHING, block_hash, leaf};
use super::store::{self, Block, EventRow, Head, Place};
use super::{SIGN_EVERY, heads};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::StoreError;
use crate::platform::faults::{self, Protection};
use crate::platform::ids::Id;
use crate::platform::leases::Lease;

/// Events of a slice: begins small, and grows while slices stay short.
const FIRST: usize = 128;
const LEAST: usize = 32;
const MOST: usize = 2048;
/// A slice should hold its lane no longer.
const SLICE: Duration = Duration::from_millis(20);

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// events that got their place
    pub events: usize,
    /// blocks that were closed
    pub blocks: usize,
    /// slices that this took
    pub slices: usize,
    /// the longest of them in its lane
    pub longest: Duration,
}

/// One slice: what it will write.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    numbered: Vec<(i64, Id, i64)>,
    blocks: Vec<Block>,
    heads: Vec<Head>,
}

impl Slice {
    /// Chains events, sorted by shard, behind the heads; `position` is that of the last block there is.
    pub fn of(events: &[EventRow], chains: &BTreeMap<i64, Head>, mut position: i64, now: i64) -> Self {
        let mut slice = Self::default();
        for run in events.chunk_by(|one, other| one.shard == other.shard) {
            let shard = run[0].shard;
            let before = chains.get(&shard);
            let first_seq = before.map_or(0, |head| head.last_seq) + 1;
            position += 1;
            let mut block = Block {
                shard,
                number: before.map_or(0, |head| head.number) + 1,
                position,
                first_seq,
                last_seq: first_seq + run.len() as i64 - 1,
                previous_hash: before.map_or_else(|| NOTHING.to_vec(), |head| head.hash.clone()),
                hash: Vec::new(),
                leaves: run.iter().flat_map(leaf).collect(),
                sealed_at: now,
            };
            block.hash = block_hash(&block).to_vec();
            slice.numbered.extend(run.iter().zip(first_seq..).map(|(event, seq)| (shard, event.id, seq)));
            slice.heads.push(Head { shard, number: block.number, last_seq: block.last_seq, hash: block.hash.clone() });
            slice.blocks.push(block);
        }
        slice
    }

    /// Writes the slice in the lane, if the lease is still held; says how long the lane was held.
    pub async fn write(self, app: &App, lease: &Lease) -> Result<Duration, AppError> {
        let lease = lease.clone();
        app.lanes
            .write(0, vec![], move |tx| {
                let (slice, lease) = (self.clone(), lease.clone());
                Box::pin(async move {
                    let begin = Instant::now();
                    if !super::taken_out("audit.guard") {
                        lease.guard(tx).await?;
                    }
                    let numbered = store::number(tx, &slice.numbered).await?;
                    if numbered != slice.numbered.len() as u64 {
                        // Sealed before, perhaps by this very slice whose commit was not heard of.
                        return Err(AppError::Store(StoreError::Duplicate));
                    }
                    store::append(tx, &slice.blocks, &slice.heads).await?;
                    Ok(begin.elapsed())
                })
            })
            .await
    }
}

/// One sweep over everything that waits, then the heads are signed if it is time.
pub async fn round(app: &App, lease: &Lease) -> Result<Sealed, AppError> {
    let mut db = app.read();
    let mut done = Sealed::default();
    let mut most = FIRST;
    let mut after: Place = (-1, i64::MIN, Id::nil());
    let mut events = store::unsealed(&mut db, after, most).await?;
    if !events.is_empty() {
        let ends = store::heads(&mut db).await?;
        let mut chains: BTreeMap<i64, Head> = ends.into_iter().map(|head| (head.shard, head)).collect();
        let mut position = store::last_position(&mut db).await?;
        if position == 0 {
            begin(app, lease).await?;
        }
        while let Some(last) = events.last() {
            after = (last.shard, last.recorded_at, last.id);
            let slice = Slice::of(&events, &chains, position, app.now());
            let (next, blocks) = (slice.heads.clone(), slice.blocks.len());
            let took = slice.write(app, lease).await?;
            position += blocks as i64;
            chains.extend(next.into_iter().map(|head| (head.shard, head)));
            done.events += events.len();
            done.blocks += blocks;
            done.slices += 1;
            done.longest = done.longest.max(took);
            if events.len() < most || *app.stopping().borrow() {
                break;
            }
            most = pace(most, took);
            events = store::unsealed(&mut db, after, most).await?;
        }
    }
    let signed = store::signed(&mut db).await?;
    let position = store::last_position(&mut db).await?;
    let due =
        signed.is_none_or(|(_, covered, at)| covered == 0 || covered < position && apart(app.now(), at) >= SIGN_EVERY);
    if position > 0 && due {
        heads::sign(app, lease).await?;
    }
    Ok(done)
}

/// Signs a list of nothing: one is outside before there is a first block. Whatever is killed in between, a list that
/// is missing was taken away.
pub async fn begin(app: &App, lease: &Lease) -> Result<(), AppError> {
    if !heads::file(&app.data).exists() {
        heads::sign(app, lease).await?;
    }
    Ok(())
}

/// How far two instants are apart, either way: after the clock was set back the list is not left alone until it
/// has caught up.
fn apart(now: i64, signed: i64) -> i64 {
    if faults::out(Protection::ClockBack) { now - signed } else { (now - signed).abs() }
}

/// The size of the next slice after one that took so long.
fn pace(most: usize, took: Duration) -> usize {
    if took > SLICE {
        (most / 2).max(LEAST)
    } else if took < SLICE / 3 {
        (most * 2).min(MOST)
    } else {
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_while_they_are_short_and_shrink_when_they_are_not() {
        assert_eq!(pace(128, Duration::from_millis(2)), 256);
        assert_eq!(pace(128, Duration::from_millis(12)), 128);
        assert_eq!(pace(128, Duration::from_millis(21)), 64);
        assert_eq!(pace(LEAST, Duration::from_secs(1)), LEAST);
        assert_eq!(pace(MOST, Duration::ZERO), MOST);
    }
}
