//! Platform: what every room stands on and nothing of what any room means.
//!
//! Owns the database (`Db`, `Tx`, the table catalogue, the writer lane), the clock, ids, events,
//! secrets, sign-in sessions, the live hub, jobs and files. Must not name a place, a form or a task:
//! the bare `entity` row is the only domain row that lives here, so that imports stay one-way.
//!
//! The usual next thing is a job or a dialect method: a job is one file plus one line in the list of
//! its room; a dialect method is one method in `database/dialect.rs`, counted by a test.

pub mod api;
pub mod books;
pub mod changes;
pub mod clock;
pub mod database;
pub mod durable;
pub mod entity;
pub mod events;
pub mod faults;
pub mod files;
pub mod folder;
pub mod gathered;
pub mod http;
pub mod hub;
pub mod ids;
pub mod jobs;
pub mod lane;
pub mod leases;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod peers;
pub mod pinyin;
pub mod positions;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod sheets;
pub mod texts;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Locks what is held for a moment and never across an await: whoever panicked with it left nothing half done.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work that takes a processor for milliseconds: whatever else waits for this thread of the runtime goes on at
/// another meanwhile.
pub(crate) fn at_length<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
