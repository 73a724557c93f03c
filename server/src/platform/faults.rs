//! For the fault tests only: under the feature `fault-hooks` a protection can be taken out at run time,
//! so that a test can show that it is needed, and passing faults can be thrown into the lanes. Without
//! the feature everything here is a constant `false`.

use super::database::{Exec, Tx};

/// A protection that a fault test may take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Protection {
    /// The mark by which a lane knows a write whose COMMIT got no answer.
    WriteMark = 1,
    /// The second look at a submission whose key appeared meanwhile.
    SecondLook = 2,
    /// Halving a group until the bad member stands alone.
    Halving = 4,
    /// Catching a panic inside a write.
    PanicCaught = 8,
    /// The time a write may take.
    TimeLimit = 16,
    /// Turning callers away when a lane's queue is full.
    QueueBound = 32,
    /// Running a write in the lane's task, not in the caller's future.
    OwnTask = 64,
    /// Running a closure again after a passing fault.
    RunAgain = 128,
    /// Answering a submission only after its commit.
    AnswerAfterCommit = 256,
    /// One transaction around everything that a write changes.
    OneTransaction = 512,
    /// A dispatch that was broken off goes on after its last slice.
    Resume = 1024,
    /// The bound on requests that are worked on at once, and the short line before it.
    Admission = 2048,
    /// One snapshot under everything that a backup reads.
    OneMoment = 4096,
    /// The line of a lane in which sessions and beats wait before everything else.
    FirstLine = 1 << 27,
    /// Replacing a row only where it still has the version that was read.
    NextVersion = 1 << 16,
    /// The note of a commit for the other processes.
    PeerNotes = 1 << 17,
    /// Reading the books again when another process has changed them.
    PeerBooks = 1 << 18,
    /// Taking everything for changed when notes are missing.
    PeerResync = 1 << 19,
    /// The epoch that every slice of leased work and of jobs begins with.
    Epochs = 1 << 20,
    /// Waiting, in a process that has not heard of the others for a while, until it has.
    PeerFresh = 1 << 21,
    /// The look, at the start, whether all processes have one data folder.
    OneFolder = 1 << 22,
    /// Changing a book only where it is still as it was when the change was checked.
    BookSeen = 1 << 23,
    /// Syncing what is committed to the disk.
    Synced = 1 << 13,
    /// Syncing a new folder into the one above it.
    FolderSynced = 1 << 24,
    /// Trying whether writes pass, for `/readyz`.
    Pulse = 1 << 25,
    /// What holds when the clock is set back: heads are signed, sessions of the future end, jobs are due.
    ClockBack = 1 << 26,
    /// Giving back a connection only when no transaction is left on it.
    CleanLoan = 1 << 15,
    /// Writing SQLite's log again before anything is built on it.
    LogAgain = 1 << 14,
}

#[cfg(feature = "fault-hooks")]
mod hooks {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    use super::Protection;
    use crate::platform::database::StoreError;

    /// Protections by name, for a process of its own: `HUTONG_TEST_WITHOUT` takes one out at its start.
    const NAMED: [Protection; 19] = [
        Protection::AnswerAfterCommit,
        Protection::OneTransaction,
        Protection::Resume,
        Protection::Admission,
        Protection::OneMoment,
        Protection::NextVersion,
        Protection::PeerNotes,
        Protection::PeerBooks,
        Protection::PeerResync,
        Protection::Epochs,
        Protection::PeerFresh,
        Protection::OneFolder,
        Protection::BookSeen,
        Protection::Synced,
        Protection::LogAgain,
        Protection::CleanLoan,
        Protection::FolderSynced,
        Protection::Pulse,
        Protection::ClockBack,
    ];

    static OUT: LazyLock<AtomicU32> = LazyLock::new(|| {
        let wanted = std::env::var("HUTONG_TEST_WITHOUT").unwrap_or_default();
        let named = NAMED.into_iter().find(|one| format!("{one:?}") == wanted);
        AtomicU32::new(named.map_or(0, |one| one as u32))
    });
    static CONFLICTS: AtomicU32 = AtomicU32::new(0);
    static LOSSES: AtomicU32 = AtomicU32::new(0);
    static STATE: AtomicU64 = AtomicU64::new(1);
    static THROWN: AtomicU64 = AtomicU64::new(0);

    /// Whether this protection is taken out now.
    pub fn out(protection: Protection) -> bool {
        OUT.load(Ordering::Relaxed) & protection as u32 != 0
    }

    /// Takes one protection out; `None` puts all back.
    pub fn take_out(protection: Option<Protection>) {
        OUT.store(protection.map_or(0, |one| one as u32), Ordering::Relaxed);
    }

    /// From now on `conflicts` of a thousand commits of the lanes fail with a serialization conflict
    /// before, and `losses` of a thousand lose their connection after they happened.
    pub fn throw(seed: u64, conflicts: u32, losses: u32) {
        STATE.store(seed | 1, Ordering::Relaxed);
        CONFLICTS.store(conflicts, Ordering::Relaxed);
        LOSSES.store(losses, Ordering::Relaxed);
    }

    /// How many faults were thrown so far.
    pub fn thrown() -> u64 {
        THROWN.load(Ordering::Relaxed)
    }

    /// The next of a fixed row of numbers below a thousand (splitmix64 over a shared counter).
    fn dice() -> u32 {
        let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % 1000) as u32
    }

    fn falls(per_mille: u32) -> bool {
        let falls = per_mille > 0 && dice() < per_mille;
        if falls {
            THROWN.fetch_add(1, Ordering::Relaxed);
        }
        falls
    }

    /// A conflict instead of the commit, when one is due.
    pub fn before_commit() -> Result<(), StoreError> {
        if falls(CONFLICTS.load(Ordering::Relaxed)) {
            return Err(StoreError::Retry(sqlx::Error::Protocol("thrown: could not serialize access".into())));
        }
        Ok(())
    }

    /// Silence after the commit, when it is due.
    pub fn after_commit() -> Result<(), StoreError> {
        if falls(LOSSES.load(Ordering::Relaxed)) {
            return Err(StoreError::Lost(sqlx::Error::Protocol("thrown: no answer to COMMIT".into())));
        }
        Ok(())
    }
}

/// Where this protection is out, ends a transaction that has just begun: from here on every statement of it
/// stands for itself.
pub async fn split(tx: &mut Tx, protection: Protection) {
    if out(protection) {
        let _ = tx.execute("COMMIT", vec![]).await;
    }
}

/// Begins again what [`split`] has ended, so that there is something to end.
pub async fn join(tx: &mut Tx, protection: Protection) {
    if out(protection) {
        let _ = tx.execute("BEGIN", vec![]).await;
    }
}

#[cfg(feature = "fault-hooks")]
pub use hooks::{after_commit, before_commit, out, take_out, throw, thrown};

/// No protection is ever out in what ships.
#[cfg(not(feature = "fault-hooks"))]
pub const fn out(_: Protection) -> bool {
    false
}

/// Nothing is thrown in what ships.
#[cfg(not(feature = "fault-hooks"))]
#[allow(clippy::unnecessary_wraps)] // the same face as with the feature
pub const fn before_commit() -> Result<(), crate::platform::database::StoreError> {
    Ok(())
}

/// Nothing is thrown in what ships.
#[cfg(not(feature = "fault-hooks"))]
#[allow(clippy::unnecessary_wraps)] // the same face as with the feature
pub const fn after_commit() -> Result<(), crate::platform::database::StoreError> {
    Ok(())
}
