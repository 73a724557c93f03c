//! What a store can say went wrong.

/// A fault of the store, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row that was asked for is not there.
    #[error("not found")]
    NotFound,
    /// A unique key exists already.
    #[error("already exists")]
    Duplicate,
    /// The row has moved since it was read (expected version not found).
    #[error("changed meanwhile")]
    Stale,
    /// Another transaction was in the way: running the whole closure again may help.
    #[error("busy: {0}")]
    Retry(sqlx::Error),
    /// The connection is gone; after COMMIT was sent the outcome is unknown.
    #[error("connection lost: {0}")]
    Lost(sqlx::Error),
    /// The disk is full, read-only or failing.
    #[error("storage cannot be written: {0}")]
    Unwritable(sqlx::Error),
    /// A column holds something its type does not allow.
    #[error("stored value is not readable: {0}")]
    Corrupt(String),
    /// Anything else: a fault of ours.
    #[error("database: {0}")]
    Other(sqlx::Error),
}

impl StoreError {
    /// Whether the whole closure should be run again.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Retry(_) | Self::Lost(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Lost(error),
            sqlx::Error::Database(fault) => {
                if fault.is_unique_violation() {
                    return Self::Duplicate;
                }
                // PostgreSQL gives SQLSTATE, SQLite its extended result code as a number.
                match fault.code().as_deref() {
                    Some("40001" | "40P01" | "5" | "6" | "261" | "517" | "55P03") => Self::Retry(error),
                    Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "40003") => Self::Lost(error),
                    Some(code) if code.starts_with("08") => Self::Lost(error),
                    Some("53100" | "13" | "8" | "10" | "778" | "1034" | "25006" | "58030") => Self::Unwritable(error),
                    _ => Self::Other(error),
                }
            }
            _ => Self::Other(error),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
