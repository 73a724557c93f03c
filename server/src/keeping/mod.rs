//! Keeping a whole installation (备份, 恢复, 迁移): `hutong backup`, `hutong restore`, `hutong move`.
//!
//! Owns no table and knows no room's meaning: it walks every table that the migrations name
//! (`platform/database/walk.rs`), in one snapshot, in the order of the primary keys. `backup` writes the
//! rows and the stored files into one archive (`archive.rs`: frames, each chained to all before it by
//! SHA-256; `row.rs`: one encoding of a row that no database has a part in). `restore` reads an archive
//! twice: the first time everything is checked and nothing written. `move` passes the rows from one
//! database to another and compares the digests of every table on both sides.
//!
//! What is being written carries the mark `unfinished` from its first transaction, and what was moved
//! carries `moved_to`; a marked installation is not opened (`start.rs`). Marks are never kept nor moved.
//!
//! The usual next thing is a new type of column: `Type` in `platform/database/tables.rs` and its two arms
//! in `row.rs`, under a new format number.

mod archive;
mod backup;
mod keys;
mod manifest;
mod move_to;
mod pour;
mod restore;
mod row;
mod scan;
mod target;

use std::path::PathBuf;

use crate::platform::database::StoreError;
use crate::start::StartError;

pub use backup::{Report, backup};
pub use manifest::{Head, Manifest, TableCount};
pub use move_to::{Moved, STATEMENTS, forget_move, move_to, target_of};
pub use restore::{Restored, restore};
pub use scan::check;

/// Hears how far a long act is: done and total steps.
pub type Seen = std::sync::Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Why an installation was not kept, restored or moved; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// a database
    #[error("{0}")]
    Store(#[from] StoreError),
    /// an installation does not open
    #[error(transparent)]
    Start(#[from] StartError),
    /// a file
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// an archive that is not whole
    #[error("the archive is damaged at byte {at} ({what}): use another backup; nothing was written")]
    Damaged {
        /// position of the frame that is not as it was written
        at: u64,
        /// what it was about
        what: String,
    },
    /// the rows that arrived are not those that were sent
    #[error("{0}")]
    Differs(String),
    /// a request that cannot be met
    #[error("{0}")]
    Refused(String),
    /// a fault of ours
    #[error("broken off: {0}")]
    Broken(String),
}

impl From<tokio::task::JoinError> for KeepError {
    fn from(fault: tokio::task::JoinError) -> Self {
        Self::Broken(fault.to_string())
    }
}

/// A closure that names the file in a fault.
fn at(file: &std::path::Path) -> impl Fn(std::io::Error) -> KeepError + '_ {
    |fault| KeepError::File(file.to_owned(), fault)
}
