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
    /// Pages of the database are not what was written.
    #[error(
        "the database is damaged: {0}. Stop the server, keep a copy of the damaged files, and restore the latest backup with `hutong restore`"
    )]
    Damaged(sqlx::Error),
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

    /// The same fault for somebody else whom it befell too.
    #[must_use]
    pub fn again(&self) -> Self {
        let text = |fault: &sqlx::Error| sqlx::Error::Protocol(fault.to_string());
        match self {
            Self::NotFound => Self::NotFound,
            Self::Duplicate => Self::Duplicate,
            Self::Stale => Self::Stale,
            Self::Retry(fault) => Self::Retry(text(fault)),
            Self::Lost(fault) => Self::Lost(text(fault)),
            Self::Unwritable(fault) => Self::Unwritable(text(fault)),
            Self::Damaged(fault) => Self::Damaged(text(fault)),
            Self::Corrupt(text) => Self::Corrupt(text.clone()),
            Self::Other(fault) => Self::Other(text(fault)),
        }
    }
}

impl StoreError {
    /// By SQLite's result code; the extended ones say more in the bits above the first eight.
    pub(super) fn of_sqlite(code: u32, error: sqlx::Error) -> Self {
        match code & 0xff {
            5 | 6 => Self::Retry(error),
            8 | 10 | 13 | 14 => Self::Unwritable(error),
            11 | 26 => Self::Damaged(error),
            _ => Self::Other(error),
        }
    }

    /// By SQLSTATE.
    fn of_postgres(code: &str, error: sqlx::Error) -> Self {
        match code {
            "40001" | "40P01" | "55P03" | "53300" => Self::Retry(error),
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "40003" => Self::Lost(error),
            // A file of PostgreSQL's on a read-only disk is a lack of privilege to it.
            "53100" | "25006" | "58030" | "42501" => Self::Unwritable(error),
            "XX001" | "XX002" | "58P01" => Self::Damaged(error),
            _ if code.starts_with("08") => Self::Lost(error),
            _ => Self::Other(error),
        }
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
                let code = fault.code().unwrap_or_default().into_owned();
                match code.parse().ok().filter(|_| code.len() < 5) {
                    Some(code) => Self::of_sqlite(code, error),
                    None => Self::of_postgres(&code, error),
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
