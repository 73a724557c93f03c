//! Audit: events are sealed in hash-linked blocks, one chain a shard, and the list of the chains' heads is
//! signed, also into a file outside the database.
//!
//! Owns `event_block`, `event_head`, `signed_heads`, the column `event.seq` and the folder's `heads.json`.
//! Must not know any room that writes events: it reads rows. The encoding and how a third party checks a
//! chain are in `docs/audit.md`; it never changes, a new one gets a new name.
//!
//! Business transactions know nothing of all this: they insert an event without `seq`. One leased sealer
//! gives it, once, a moment later.
//!
//! The usual next thing is a fault that [`verify`] should tell apart: a variant of [`verify::Kind`], found
//! in `verify.rs`, with a case of its own in `tests/audit.rs`.

pub mod accept;
pub mod api;
pub mod canonical;
#[cfg(feature = "fault-hooks")]
pub mod faults;
pub mod heads;
pub mod seal;
pub mod store;
pub mod verify;

use std::time::Duration;

/// Rest between two rounds of sealing.
pub const EVERY: Duration = Duration::from_secs(1);
/// Heads are signed again after so long at the earliest, when something was sealed (microseconds). With
/// [`EVERY`] and a slice it bounds the window in which a rolled back database would not be noticed.
pub const SIGN_EVERY: i64 = 2_000_000;
/// The stated window: what is older than this is covered by the signed heads outside, while a server runs.
pub const WINDOW: i64 = 5_000_000;

/// What a fault hook takes out; in a release every protection stands.
#[cfg(not(feature = "fault-hooks"))]
const fn taken_out(_: &str) -> bool {
    false
}
#[cfg(feature = "fault-hooks")]
use faults::taken_out;
