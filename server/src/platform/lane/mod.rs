//! The writer lanes: every write runs here, in a task of its own, never in a handler's future.
//!
//! A submission enters as data (a [`WriteSet`]) and shares its commit with up to 255 others; a slice of
//! long work whose rows are known is data too ([`Block`]); every other write is a closure that can be run again.
//! `lane_of(shard)` keeps one shard's writes in one lane: one lane on SQLite, two to four on PostgreSQL.

mod group;
mod known;
mod lines;
pub mod mark;
pub mod notes;
mod write_set;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::changes::Changes;
use super::database::{Db, StoreError, Tx};
use super::faults::{self, Protection};
use super::ids::Id;
pub use group::samples;
pub use known::Block;
use lines::{Lines, Waiting};
use mark::{Mark, Numbers};
use notes::Notes;
pub use write_set::{Expect, Outcome, Put, SubmissionKey, WriteSet};

/// How many times a closure is run again after a passing fault.
const ATTEMPTS: u32 = 6;
/// After so long nothing is tried again: its caller is told to come again while there is time to say so.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a lane allows.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// how many writes may wait in one lane before callers are turned away with "busy"
    pub queue: usize,
    /// how long one write may hold its lane; long work comes in slices of about 20 ms
    pub longest: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { queue: 4096, longest: Duration::from_mins(1) }
    }
}

/// An error of a closure that a lane runs: it says whether running again may help.
pub trait LaneError: From<StoreError> + Send + 'static {
    /// Whether the whole closure should be run again.
    fn retryable(&self) -> bool;
}

impl LaneError for StoreError {
    fn retryable(&self) -> bool {
        Self::retryable(self)
    }
}

enum Work {
    Set(Box<WriteSet>, oneshot::Sender<Result<Outcome, StoreError>>),
    Run(Box<dyn FnOnce(Wing) -> BoxFuture<'static, ()> + Send>),
}

/// Who is told after a commit: ids of what changed (a task, a post), for live pages.
pub type Signals = broadcast::Sender<Id>;

/// Told instead of ids: anything may have changed.
pub const EVERYTHING: Id = Id::nil();

/// What a lane works with.
#[derive(Clone)]
struct Wing {
    /// which of the lanes
    number: usize,
    db: Db,
    signals: Signals,
    changes: Arc<Changes>,
    commits: Arc<AtomicU64>,
    notes: Arc<Notes>,
    longest: Duration,
}

/// The lanes of one process; cheap to clone.
#[derive(Clone)]
pub struct Lanes {
    lines: Arc<Vec<Lines<Work>>>,
    wing: Wing,
    numbers: Arc<Numbers>,
}

impl Lanes {
    /// Starts the lanes of a database; they end when the last clone is dropped.
    pub fn start(db: &Db) -> Self {
        Self::start_within(db, Bounds::default())
    }

    /// The same with other bounds.
    pub fn start_within(db: &Db, bounds: Bounds) -> Self {
        let (signals, _) = broadcast::channel(4096);
        let numbers = Arc::new(Numbers::begin());
        let wing = Wing {
            number: 0,
            db: db.clone(),
            signals,
            changes: Arc::new(Changes::of(db)),
            commits: Arc::default(),
            notes: Arc::new(Notes::begin(db, numbers.owner())),
            longest: bounds.longest,
        };
        let lines = (0..db.lanes())
            .map(|number| {
                let (lines, waiting) = lines::lines(bounds.queue);
                begin(Wing { number, ..wing.clone() }, waiting);
                lines
            })
            .collect();
        Self { lines: Arc::new(lines), wing, numbers }
    }

    /// The id of this process among those on the same database.
    pub fn owner(&self) -> Id {
        self.numbers.owner()
    }

    /// Tells the listeners of this process what another one has committed.
    pub fn tell(&self, ids: impl IntoIterator<Item = Id>) {
        for id in ids {
            let _ = self.wing.signals.send(id);
        }
    }

    /// Listens to what changes, in this process and in the others.
    pub fn listen(&self) -> broadcast::Receiver<Id> {
        self.wing.signals.subscribe()
    }

    /// How many groups were committed since the start, for `/metrics`.
    pub fn commits(&self) -> u64 {
        self.wing.commits.load(Ordering::Relaxed)
    }

    /// What was committed, by table: caches ask it.
    pub fn changes(&self) -> &Changes {
        &self.wing.changes
    }

    /// The number of the lane that carries a shard: rows of one lane may share a commit.
    pub fn number_of(&self, shard: i64) -> usize {
        shard.rem_euclid(1024) as usize % self.lines.len()
    }

    fn lane_of(&self, shard: i64) -> &Lines<Work> {
        &self.lines[self.number_of(shard)]
    }

    /// Whether writes pass: a commit of nothing in every lane.
    pub async fn pulse(&self) -> Result<(), StoreError> {
        let lanes = 0..self.lines.len() as i64;
        let pulses = lanes.map(|lane| self.write(lane, vec![], |_| Box::pin(async { Ok::<_, StoreError>(()) })));
        futures_util::future::try_join_all(pulses).await.map(|_| ())
    }

    /// Hands a submission over and waits until it is durable. A caller that goes away changes nothing.
    pub async fn submit(&self, set: WriteSet) -> Result<Outcome, StoreError> {
        debug_assert!(set.submission_id().is_some(), "without its submission row a repeat cannot be told");
        let (sender, receiver) = oneshot::channel();
        self.enter(&self.lane_of(set.shard).usual, Work::Set(Box::new(set), sender)).await?;
        if faults::out(Protection::AnswerAfterCommit) {
            return Ok(Outcome::Stored);
        }
        receiver.await.map_err(|_| busy())?
    }

    /// Stores several submissions of one lane ([`Lanes::number_of`]) in one commit: all of them, or, where
    /// one is [`Outcome::Stale`] or [`Outcome::Mismatch`], none.
    pub async fn submit_whole(&self, sets: Vec<WriteSet>) -> Result<Vec<Outcome>, StoreError> {
        let Some(shard) = sets.first().map(|set| set.shard) else { return Ok(Vec::new()) };
        debug_assert!(sets.iter().all(|set| self.number_of(set.shard) == self.number_of(shard)));
        let mut signals: Vec<Id> = sets.iter().flat_map(|set| set.signals.iter().copied()).collect();
        signals.sort_unstable();
        signals.dedup();
        self.write(shard, signals, move |tx| {
            let sets = sets.clone();
            Box::pin(async move { group::write_whole(tx, &sets).await })
        })
        .await
    }

    /// Runs a closure in one transaction in the lane of `shard`, again after passing faults, and tells
    /// `signals` after the commit. It happens once, also when the answer to COMMIT is lost (see [`mark`]).
    /// Everything the closure changes outside `tx` must bear repetition.
    pub async fn write<T, E, F>(&self, shard: i64, signals: Vec<Id>, run: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: LaneError,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        self.write_in(&self.lane_of(shard).usual, shard, signals, Arc::new(run)).await
    }

    /// The same before everything that waits, for what is short and others depend on: somebody signs in, whoever
    /// holds a lease or a job shows that it lives. It must not wait behind a crowd.
    pub async fn write_first<T, E, F>(&self, shard: i64, signals: Vec<Id>, run: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: LaneError,
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let lines = self.lane_of(shard);
        let line = if faults::out(Protection::FirstLine) { &lines.usual } else { &lines.first };
        self.write_in(line, shard, signals, Arc::new(run)).await
    }

    async fn write_in<T, E>(
        &self,
        line: &mpsc::Sender<Work>,
        shard: i64,
        signals: Vec<Id>,
        write: Arc<dyn Write<T, E>>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: LaneError,
    {
        let numbers = self.numbers.clone();
        if faults::out(Protection::OwnTask) {
            return run_again(&self.wing, numbers.next(shard), &signals, &*write).await;
        }
        let (sender, receiver) = oneshot::channel();
        let work = Work::Run(Box::new(move |wing| {
            Box::pin(async move {
                let result = run_again(&wing, numbers.next(shard), &signals, &*write).await;
                if result.is_ok() {
                    for id in signals {
                        let _ = wing.signals.send(id);
                    }
                }
                // A receiver that is gone is a client that went away; the commit stands.
                let _ = sender.send(result);
            })
        }));
        self.enter(line, work).await?;
        receiver.await.map_err(|_| E::from(busy()))?
    }

    /// Lines up, or is turned away at once when the line is full.
    async fn enter(&self, line: &mpsc::Sender<Work>, work: Work) -> Result<(), StoreError> {
        if faults::out(Protection::QueueBound) {
            return line.send(work).await.map_err(|_| busy());
        }
        line.try_send(work).map_err(|_| busy())
    }
}

/// The queue is full, or the house is closing: 503 with Retry-After.
fn busy() -> StoreError {
    StoreError::Retry(sqlx::Error::PoolTimedOut)
}

/// Exponential back-off with a little jitter, so that lanes that met do not meet again.
pub(super) async fn back_off(attempt: u32) {
    let mut byte = [0_u8; 1];
    let jitter = getrandom::fill(&mut byte).map_or(0, |()| u64::from(byte[0] % 8));
    tokio::time::sleep(Duration::from_millis((10 << attempt.min(6)) + jitter)).await;
}

/// A write as a closure over its transaction.
type Closure<'a, T, E> = &'a (dyn for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync);

/// How one run of a write ended.
enum Run<T, E> {
    /// It is committed.
    Done(T),
    /// An earlier run, whose COMMIT got no answer, is committed; this one has changed nothing.
    DoneBefore,
    /// COMMIT got no answer.
    Unknown(T, StoreError),
    /// It is not committed.
    Failed(E),
}

/// What a lane runs in one transaction, again after passing faults.
trait Write<T, E>: Send + Sync {
    /// One run of it.
    fn once<'a>(&'a self, wing: &'a Wing, mark: Mark, signals: &'a [Id]) -> BoxFuture<'a, Run<T, E>>;
}

impl<T, E, F> Write<T, E> for F
where
    T: Send + 'static,
    E: LaneError,
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
{
    fn once<'a>(&'a self, wing: &'a Wing, mark: Mark, signals: &'a [Id]) -> BoxFuture<'a, Run<T, E>> {
        Box::pin(run_once(wing, mark, signals, self))
    }
}

async fn run_again<T, E: LaneError>(wing: &Wing, mark: Mark, signals: &[Id], write: &dyn Write<T, E>) -> Result<T, E> {
    let mut unanswered = None;
    let mut attempt = 0;
    let begin = Instant::now();
    loop {
        attempt += 1;
        let error = match write.once(wing, mark, signals).await {
            Run::Done(value) => return Ok(value),
            Run::DoneBefore => {
                let unknown = || StoreError::Corrupt("a write is marked that was never run".into());
                return unanswered.ok_or_else(|| E::from(unknown()));
            }
            Run::Unknown(value, error) => {
                unanswered = Some(value);
                E::from(error)
            }
            Run::Failed(error) => error,
        };
        let over = attempt >= ATTEMPTS || begin.elapsed() >= PATIENCE;
        if !error.retryable() || over || faults::out(Protection::RunAgain) {
            return Err(error);
        }
        back_off(attempt - 1).await;
    }
}

async fn run_once<T, E: LaneError>(wing: &Wing, mark: Mark, signals: &[Id], run: Closure<'_, T, E>) -> Run<T, E> {
    let mut tx = match wing.db.begin_write().await {
        Ok(tx) => tx,
        Err(error) => return Run::Failed(error.into()),
    };
    faults::split(&mut tx, Protection::OneTransaction).await;
    let marked = if faults::out(Protection::WriteMark) { Ok(true) } else { mark.set(&mut tx).await };
    let result = match marked {
        Ok(true) => bounded(wing.longest, run(&mut tx)).await,
        Ok(false) => {
            give_up(tx).await;
            return Run::DoneBefore;
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(value) => match commit(wing, tx, signals).await {
            Ok(()) => Run::Done(value),
            Err(error @ StoreError::Lost(_)) => Run::Unknown(value, error),
            Err(error) => Run::Failed(error.into()),
        },
        Err(error) => {
            give_up(tx).await;
            Run::Failed(error)
        }
    }
}

/// A write that hangs or panics gives its lane back: the others behind it must not wait for ever.
async fn bounded<T, E: LaneError>(longest: Duration, run: BoxFuture<'_, Result<T, E>>) -> Result<T, E> {
    if faults::out(Protection::PanicCaught) {
        return run.await;
    }
    let run = std::panic::AssertUnwindSafe(run).catch_unwind();
    let limit = if faults::out(Protection::TimeLimit) { Duration::MAX } else { longest };
    match tokio::time::timeout(limit, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StoreError::Corrupt("a write panicked".into()).into()),
        Err(_) => Err(StoreError::Corrupt(format!("a write took longer than {longest:?}")).into()),
    }
}

/// Commits a transaction of a lane that tells `signals`; [`StoreError::Lost`] means that nobody knows whether it happened.
async fn commit(wing: &Wing, mut tx: Tx, signals: &[Id]) -> Result<(), StoreError> {
    let touched = tx.touched();
    if let Err(fault) = wing.notes.write(&mut tx, wing.number, signals).await {
        give_up(tx).await;
        return Err(fault);
    }
    let result = commit_only(tx).await;
    // Also when there was no answer: it may have happened.
    wing.changes.note(touched);
    result
}

async fn commit_only(mut tx: Tx) -> Result<(), StoreError> {
    faults::join(&mut tx, Protection::OneTransaction).await;
    if let Err(fault) = faults::before_commit() {
        give_up(tx).await;
        return Err(fault);
    }
    tx.commit().await?;
    faults::after_commit()
}

async fn give_up(mut tx: Tx) {
    faults::join(&mut tx, Protection::OneTransaction).await;
    if let Err(fault) = tx.rollback().await {
        tracing::warn!(%fault, "rollback failed");
    }
}

/// On the embedded database, which writes on the thread that asks, a lane has a thread: as a task it would wait for its
/// turn behind the very visits that wait for it.
fn begin(wing: Wing, waiting: Waiting<Work>) {
    match wing.db.straight() {
        Some(_) => {
            let runtime = Handle::current();
            std::thread::spawn(move || runtime.block_on(serve(wing, waiting)));
        }
        None => drop(tokio::spawn(serve(wing, waiting))),
    }
}

async fn serve(wing: Wing, mut waiting: Waiting<Work>) {
    let mut kept: Option<Work> = None;
    loop {
        let work = match kept.take() {
            Some(work) => work,
            None => match waiting.next().await {
                Some(work) => work,
                None => return,
            },
        };
        match work {
            Work::Run(run) => run(wing.clone()).await,
            Work::Set(set, reply) => {
                let mut members = vec![(*set, reply)];
                while members.len() < group::MOST {
                    match waiting.usual.try_recv() {
                        Ok(Work::Set(set, reply)) => members.push((*set, reply)),
                        Ok(other) => {
                            kept = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                group::commit(&wing, members).await;
            }
        }
        wing.commits.fetch_add(1, Ordering::Relaxed);
    }
}
