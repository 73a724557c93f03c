//! What was committed, counted by table, and caches that are never behind it.
//!
//! A lane counts after COMMIT and before it answers. A cache remembers the counts of its tables as they
//! were *before* it read; what it kept is given out only while they are still the same. Whoever got an
//! answer to a write therefore never sees anything older than it, in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::database::catalogue::TABLES;
use super::database::{Db, Touched};
use super::locked;

/// Commits by table since the process began.
pub struct Changes {
    counts: Vec<AtomicU64>,
    begin: Instant,
    /// until when, in milliseconds since `begin`
    trusted: AtomicU64,
}

impl Default for Changes {
    fn default() -> Self {
        let counts = TABLES.iter().map(|_| AtomicU64::new(0)).collect();
        Self { counts, begin: Instant::now(), trusted: AtomicU64::new(u64::MAX) }
    }
}

impl Changes {
    /// Of a process on this database. Where there may be others nothing is kept until they are heard.
    pub fn of(db: &Db) -> Self {
        let changes = Self::default();
        if db.is_shared() {
            changes.trusted.store(0, Ordering::Release);
        }
        changes
    }

    /// Counts a commit that wrote these tables.
    pub fn note(&self, touched: Touched) {
        for at in touched.positions() {
            self.counts[at].fetch_add(1, Ordering::Release);
        }
    }

    /// The other processes that write have been heard, so that what is kept holds until then.
    pub fn trust_until(&self, moment: Instant) {
        let until = moment.saturating_duration_since(self.begin).as_millis();
        self.trusted.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Release);
    }

    fn trusted(&self) -> bool {
        let until = self.trusted.load(Ordering::Acquire);
        until == u64::MAX || self.begin.elapsed().as_millis() < u128::from(until)
    }

    /// The sum of the counts of these tables: the same only while none of them was written. None while
    /// other processes are not heard.
    pub fn stamp(&self, tables: Touched) -> Option<u64> {
        let sum = || tables.positions().map(|at| self.counts[at].load(Ordering::Acquire)).sum();
        self.trusted().then(sum)
    }
}

/// A place for each key, of so many at the most: when it is full it begins anew. Whoever holds a place is alone;
/// others wait for what it finds.
struct Places<K, T> {
    most: usize,
    by_key: Mutex<HashMap<K, Place<T>>>,
}

type Place<T> = Arc<tokio::sync::Mutex<Option<T>>>;

impl<K: Hash + Eq, T> Places<K, T> {
    fn new(most: usize) -> Self {
        Self { most, by_key: Mutex::default() }
    }

    fn of(&self, key: K) -> Place<T> {
        let mut places = locked(&self.by_key);
        if places.len() >= self.most && !places.contains_key(&key) {
            places.clear();
        }
        places.entry(key).or_default().clone()
    }
}

/// Values computed from tables, kept while those stay as they are.
pub struct Cache<K, V> {
    tables: Touched,
    places: Places<K, (u64, Arc<V>)>,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// A cache over these tables with at most `most` keys.
    pub fn new(tables: &[&str], most: usize) -> Self {
        Self { tables: Touched::of(tables), places: Places::new(most) }
    }

    /// What is kept under the key, or else what `read` finds; one reader at a time for each key.
    pub async fn get<E>(
        &self,
        changes: &Changes,
        key: K,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        let place = self.places.of(key);
        let mut kept = place.lock().await;
        // Only now: while waiting for another reader, more may have been committed.
        let Some(stamp) = changes.stamp(self.tables) else {
            drop(kept);
            return read.await.map(Arc::new);
        };
        if let Some((_, value)) = kept.as_ref().filter(|(at, _)| *at == stamp) {
            return Ok(value.clone());
        }
        *kept = None;
        let value = Arc::new(read.await?);
        *kept = Some((stamp, value.clone()));
        Ok(value)
    }
}

/// What is kept of one key of [`Paced`].
struct Kept<V> {
    stamp: Option<u64>,
    at: i64,
    cost: i64,
    value: Arc<V>,
    renewed: bool,
}

/// Values that depend on the tables and on the present instant, and may be dear: a cheap one is read anew
/// whenever a table was written or a second has passed; a dear one is renewed in the background, so seldom
/// that it takes a twentieth of a core at the most. Whoever shows it says as of when it is.
pub struct Paced<K, V> {
    tables: Touched,
    places: Places<K, Kept<V>>,
}

/// Microseconds of reading from which a value is dear.
const DEAR: i64 = 25_000;
/// A value is renewed when it is so many times older than it took to read.
const SHARE: i64 = 20;
/// Bounds of that age, microseconds.
const AGE: (i64, i64) = (1_000_000, 30_000_000);

impl<K: Hash + Eq, V: Send + Sync + 'static> Paced<K, V> {
    /// A cache over these tables with at most `most` keys.
    pub fn new(tables: &[&str], most: usize) -> Self {
        Self { tables: Touched::of(tables), places: Places::new(most) }
    }

    /// The value, at `now` (UTC microseconds), by `read` if need be.
    pub async fn get<E, F>(&self, changes: &Changes, key: K, now: i64, read: impl FnOnce() -> F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
        E: Send + 'static,
    {
        let place = self.places.of(key);
        let mut kept = place.lock().await;
        let stamp = changes.stamp(self.tables);
        if let Some(found) = kept.as_mut() {
            let (age, dear) = (now.abs_diff(found.at) as i64, found.cost >= DEAR);
            let lasts = (found.cost * SHARE).clamp(AGE.0, AGE.1);
            let same = stamp.is_some() && stamp == found.stamp;
            if age < lasts && (same || dear) {
                return Ok(found.value.clone());
            }
            if dear && age < 2 * AGE.1 {
                if !std::mem::replace(&mut found.renewed, true) {
                    let (place, reading) = (place.clone(), read());
                    tokio::spawn(async move {
                        let began = Instant::now();
                        let value = reading.await;
                        let mut kept = place.lock().await;
                        match value {
                            Ok(value) => *kept = Some(Kept::new(stamp, now, began, value)),
                            Err(_) => *kept = None,
                        }
                    });
                }
                return Ok(found.value.clone());
            }
        }
        let began = Instant::now();
        let value = read().await?;
        Ok(kept.insert(Kept::new(stamp, now, began, value)).value.clone())
    }
}

impl<V> Kept<V> {
    fn new(stamp: Option<u64>, at: i64, began: Instant, value: V) -> Self {
        let cost = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX / SHARE);
        Self { stamp, at, cost, value: Arc::new(value), renewed: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(cache: &Cache<u8, u64>, changes: &Changes, truth: u64) -> u64 {
        *cache.get(changes, 1, async { Ok::<_, ()>(truth) }).await.expect("read")
    }

    #[tokio::test]
    async fn what_is_kept_is_forgotten_with_the_first_commit_to_one_of_its_tables() {
        let changes = Changes::default();
        let cache = Cache::new(&["task", "place"], 2);
        assert_eq!(ask(&cache, &changes, 1).await, 1);
        changes.note(Touched::of(&["delta"]));
        assert_eq!(ask(&cache, &changes, 2).await, 1, "another table");
        changes.note(Touched::of(&["place"]));
        assert_eq!(ask(&cache, &changes, 2).await, 2);
        changes.trust_until(Instant::now());
        assert_eq!(ask(&cache, &changes, 3).await, 3, "nobody says what others write");
    }

    #[tokio::test]
    async fn a_cheap_value_is_exact_and_a_dear_one_is_renewed_behind_its_readers() {
        let changes = Changes::default();
        let paced: Paced<u8, u64> = Paced::new(&["item"], 2);
        let ask = async |now: i64, truth: u64, takes: u64| {
            let read = move || async move {
                tokio::time::sleep(std::time::Duration::from_millis(takes)).await;
                Ok::<_, ()>(truth)
            };
            *paced.get(&changes, 1, now, read).await.expect("read")
        };
        assert_eq!(ask(0, 1, 0).await, 1);
        assert_eq!(ask(10, 2, 0).await, 1, "nothing was written");
        changes.note(Touched::of(&["item"]));
        assert_eq!(ask(20, 2, 0).await, 2, "cheap: at once");
        assert_eq!(ask(1_500_000, 3, 40).await, 3, "a second has passed");
        changes.note(Touched::of(&["item"]));
        assert_eq!(ask(1_600_000, 4, 0).await, 3, "dear: it still lasts");
        assert_eq!(ask(4_000_000, 5, 0).await, 3, "it is renewed behind this one");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(ask(4_000_010, 6, 0).await, 5);
    }

    #[tokio::test]
    async fn a_commit_while_it_is_read_makes_what_was_read_old() {
        let changes = Changes::default();
        let cache = Cache::new(&["task"], 2);
        let reading = async {
            changes.note(Touched::of(&["task"]));
            Ok::<u64, ()>(1)
        };
        cache.get(&changes, 1, reading).await.expect("read");
        assert_eq!(ask(&cache, &changes, 2).await, 2);
    }
}
