//! Books: what a room holds whole in memory, and whoever changes it.
//!
//! A change is checked against the book in memory, which another process may have changed since it was read. So
//! every book has a number in the database that each change raises in its own transaction, and a change commits
//! only where the book that it was checked against has still that number. Within one process changes take turns.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::database::{Db, Exec, StoreError};
use super::faults::{self, Protection};
use crate::args;
use crate::error::AppError;

const NUMBER: &str = "SELECT epoch FROM lease WHERE name = $1";
const RAISE: &str = "INSERT INTO lease (name, epoch, beat, owner) VALUES ($1, 1, 0, '') \
     ON CONFLICT (name) DO UPDATE SET epoch = lease.epoch + 1";
const RAISE_FROM: &str = "INSERT INTO lease (name, epoch, beat, owner) VALUES ($1, $2 + 1, 0, '') \
     ON CONFLICT (name) DO UPDATE SET epoch = lease.epoch + 1 WHERE lease.epoch = $2";
const HOLD: &str = "UPDATE lease SET beat = beat WHERE name = $1 AND epoch = $2";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[NUMBER, RAISE, RAISE_FROM, HOLD];

/// What a change is told whose book has moved.
const MOVED: &str = "errors-book-moved";

/// Reads a book anew after a change, and after one that was refused since the book is not as it is in memory.
pub async fn settled(
    done: Result<(), AppError>,
    read: impl Future<Output = Result<(), AppError>>,
) -> Result<(), AppError> {
    if done.is_ok() || matches!(done, Err(AppError::Conflict(MOVED))) {
        read.await?;
    }
    done
}

/// What stands around one book of one process.
pub struct Book {
    name: &'static str,
    changing: Mutex<()>,
    reading: Mutex<()>,
    number: AtomicI64,
}

/// The turn of whoever changes a book: nobody else of this process does meanwhile.
pub struct Turn<'a> {
    /// the book as it is held in memory now
    pub seen: Seen,
    _alone: MutexGuard<'a, ()>,
}

/// The state of a book that a change was checked against.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    name: &'static str,
    number: i64,
}

/// A book is being read anew: nobody else of this process reads it, so that an older reading never follows a
/// newer one.
pub struct Reading<'a> {
    book: &'a Book,
    number: i64,
    _alone: MutexGuard<'a, ()>,
}

impl Book {
    /// A book that has not been read yet; `name` is that of its number in the database.
    pub fn new(name: &'static str) -> Self {
        Self { name, changing: Mutex::default(), reading: Mutex::default(), number: AtomicI64::new(0) }
    }

    /// Waits for the turn to change it.
    pub async fn turn(&self) -> Turn<'_> {
        let alone = self.changing.lock().await;
        Turn { seen: Seen { name: self.name, number: self.number.load(Ordering::Acquire) }, _alone: alone }
    }

    /// Begins to read it anew.
    pub async fn reading(&self, db: &mut Db) -> Result<Reading<'_>, StoreError> {
        let alone = self.reading.lock().await;
        let number: Option<(i64,)> = db.optional(NUMBER, args![self.name]).await?;
        Ok(Reading { book: self, number: number.map_or(0, |row| row.0), _alone: alone })
    }

    /// The book as it stands in the database, for what is made from its tables in several steps.
    pub async fn seen(&self, db: &mut Db) -> Result<Seen, StoreError> {
        let number: Option<(i64,)> = db.optional(NUMBER, args![self.name]).await?;
        Ok(Seen { name: self.name, number: number.map_or(0, |row| row.0) })
    }

    /// Raises the number for a change that was not checked against the book.
    pub async fn raise(&self, tx: &mut impl Exec) -> Result<(), StoreError> {
        alone(tx, self.name).await
    }
}

/// Whoever else does the same waits until this transaction ends, in whatever process.
pub async fn alone(tx: &mut impl Exec, name: &str) -> Result<(), StoreError> {
    tx.execute(RAISE, args![name]).await.map(|_| ())
}

impl Reading<'_> {
    /// It stands in memory as it was when the reading began.
    pub fn done(self) {
        self.book.number.store(self.number, Ordering::Release);
    }
}

impl Seen {
    /// Begins a change; refused where somebody else has changed the book since it was read.
    pub async fn still(self, tx: &mut impl Exec) -> Result<(), AppError> {
        let changed = tx.execute(RAISE_FROM, args![self.name, self.number]).await?;
        if changed == 0 && !faults::out(Protection::BookSeen) {
            return Err(AppError::Conflict(MOVED));
        }
        Ok(())
    }

    /// Whether nobody has changed the book since; whoever changes it now waits until this transaction ends.
    pub async fn holds(self, tx: &mut impl Exec) -> Result<bool, StoreError> {
        // A book that was never changed has no number yet.
        let never = self.number == 0 && tx.optional::<(i64,)>(NUMBER, args![self.name]).await?.is_none();
        Ok(never || tx.execute(HOLD, args![self.name, self.number]).await? == 1)
    }
}
