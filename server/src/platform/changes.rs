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
