//! What was committed, counted by table, and caches that are never behind it.
//!
//! A lane counts after COMMIT and before it answers. A cache remembers the counts of its tables as they
//! were *before* it read; what it kept is given out only while they are still the same. Whoever got an
//! answer to a write therefore never sees anything older than it, in this process.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Touched;
use super::database::catalogue::TABLES;

/// Commits by table since the process began.
pub struct Changes {
    counts: Vec<AtomicU64>,
    trusted: AtomicBool,
}

impl Default for Changes {
    fn default() -> Self {
        Self { counts: TABLES.iter().map(|_| AtomicU64::new(0)).collect(), trusted: AtomicBool::new(true) }
    }
}

impl Changes {
    /// Counts a commit that wrote these tables.
    pub fn note(&self, touched: Touched) {
        for at in touched.positions() {
            self.counts[at].fetch_add(1, Ordering::Release);
        }
    }

    /// Whether other processes that write are heard of in time; without that nothing is kept.
    pub fn trust(&self, trusted: bool) {
        self.trusted.store(trusted, Ordering::Release);
    }

    /// The sum of the counts of these tables: the same only while none of them was written. None while
    /// other processes are not heard.
    pub fn stamp(&self, tables: Touched) -> Option<u64> {
        let sum = || tables.positions().map(|at| self.counts[at].load(Ordering::Acquire)).sum();
        self.trusted.load(Ordering::Acquire).then(sum)
    }
}

/// A slot of one key: whoever fills it is alone, the others wait for what it finds.
type Slot<V> = Arc<tokio::sync::Mutex<Option<(u64, Arc<V>)>>>;

/// Values computed from tables, kept while those stay as they are.
pub struct Cache<K, V> {
    tables: Touched,
    most: usize,
    slots: Mutex<HashMap<K, Slot<V>>>,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    /// A cache over these tables with at most `most` keys; when it is full it begins anew.
    pub fn new(tables: &[&str], most: usize) -> Self {
        Self { tables: Touched::of(tables), most, slots: Mutex::default() }
    }

    /// What is kept under the key, or else what `read` finds; one reader at a time for each key.
    pub async fn get<E>(
        &self,
        changes: &Changes,
        key: K,
        read: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        let Some(stamp) = changes.stamp(self.tables) else { return read.await.map(Arc::new) };
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        // While waiting for another reader, more may have been committed.
        let stamp = changes.stamp(self.tables).unwrap_or(stamp);
        if let Some((_, value)) = kept.as_ref().filter(|(at, _)| *at == stamp) {
            return Ok(value.clone());
        }
        *kept = None;
        let value = Arc::new(read.await?);
        *kept = Some((stamp, value.clone()));
        Ok(value)
    }

    fn slot(&self, key: K) -> Slot<V> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.most && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
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
        changes.trust(false);
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
