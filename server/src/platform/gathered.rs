//! Reads that come together share one way to the database: while one is under way the others gather, and the next one
//! asks for all of them. Alone a read is as quick as ever; in a crowd the ways, which cost more than what they carry,
//! are shared. PostgreSQL answers a statement for all of them; the embedded database is asked for one after the other
//! over one snapshot, by a thread that does nothing else.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

use super::database::bulk::chunk;
use super::database::{Arg, Db, Exec, StoreError, Straight, Taken};

/// Keys of one read at the most.
const MOST: usize = 64;

/// A row that is found by its key.
pub trait Keyed: Taken + Clone {
    /// what it is asked for by
    type Key: Clone + Eq + Hash + Send + Sync + 'static;

    /// The statement for so many keys, of two arguments each.
    fn sql(keys: usize) -> String;

    /// The arguments of a key.
    fn args(key: &Self::Key) -> [Arg; 2];

    /// The row's key.
    fn key(&self) -> Self::Key;
}

type Found<K, V> = Result<HashMap<K, V>, StoreError>;

type Line<K, V> = (K, oneshot::Sender<Result<Option<V>, StoreError>>);

/// Who asked, and for what.
struct Asked<K, V>(Vec<Line<K, V>>);

/// Reads of one kind, by key.
pub struct Gathered<K, V> {
    line: mpsc::UnboundedSender<Line<K, V>>,
}

impl<V: Keyed> Gathered<V::Key, V> {
    /// Begins to take reads of a database. It ends with the last caller.
    pub fn of(db: &Db) -> Self {
        match db {
            Db::Sqlite { straight, .. } => {
                let straight = straight.clone();
                Self::on_a_thread(move |keys: Vec<V::Key>| read_straight::<V>(&straight, keys, &V::sql(1)))
            }
            Db::Postgres { .. } => {
                let db = db.clone();
                Self::in_a_task(move |keys: Vec<V::Key>| {
                    let db = db.clone();
                    async move { find_by::<V>(&db, keys, V::sql).await }
                })
            }
        }
    }
}

/// Finds many rows by their keys, with the statement for so many keys; those that are not there are left out.
pub async fn find_by<V: Keyed>(
    db: &Db,
    keys: Vec<V::Key>,
    sql: impl Fn(usize) -> String + Send + 'static,
) -> Found<V::Key, V> {
    if let Db::Sqlite { straight, .. } = db {
        let straight = straight.clone();
        let read = tokio::task::spawn_blocking(move || read_straight::<V>(&straight, keys, &sql(1)));
        return read.await.map_err(|fault| StoreError::Corrupt(fault.to_string()))?;
    }
    let rows = read_by::<V>(&mut db.clone(), &keys, sql).await?;
    Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
}

/// The same by the usual statement and in no order, also inside a transaction.
pub async fn read<V: Keyed>(conn: &mut impl Exec, keys: &[V::Key]) -> Result<Vec<V>, StoreError> {
    read_by(conn, keys, V::sql).await
}

async fn read_by<V: Keyed>(
    conn: &mut impl Exec,
    keys: &[V::Key],
    sql: impl Fn(usize) -> String,
) -> Result<Vec<V>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    let mut rest = keys;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        found.extend(conn.all_built::<V>(sql(now.len()), now.iter().flat_map(V::args).collect()).await?);
    }
    Ok(found)
}

fn read_straight<V: Keyed>(straight: &Straight, keys: Vec<V::Key>, sql: &str) -> Found<V::Key, V> {
    straight.read(|snapshot| {
        let mut found = HashMap::with_capacity(keys.len());
        for key in keys {
            let row = snapshot.all::<V>(sql, &V::args(&key))?.pop();
            found.extend(row.map(|row| (key, row)));
        }
        Ok(found)
    })
}

impl<K, V> Gathered<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// `read` waits for the database without holding a thread.
    fn in_a_task<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Found<K, V>> + Send + 'static,
    {
        let (line, mut waiting) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut asked = Vec::with_capacity(MOST);
            while waiting.recv_many(&mut asked, MOST).await > 0 {
                let asked = Asked(std::mem::take(&mut asked));
                let keys = asked.keys();
                if !keys.is_empty() {
                    asked.answer(AssertUnwindSafe(read(keys)).catch_unwind().await);
                }
            }
        });
        Self { line }
    }

    /// `read` holds its thread.
    fn on_a_thread(read: impl Fn(Vec<K>) -> Found<K, V> + Send + 'static) -> Self {
        let (line, mut waiting) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut asked = Vec::with_capacity(MOST);
            while waiting.blocking_recv_many(&mut asked, MOST) > 0 {
                let asked = Asked(std::mem::take(&mut asked));
                let keys = asked.keys();
                if !keys.is_empty() {
                    asked.answer(std::panic::catch_unwind(AssertUnwindSafe(|| read(keys))));
                }
            }
        });
        Self { line }
    }

    /// What is there under the key, as it was committed when this was called or later.
    pub async fn get(&self, key: K) -> Result<Option<V>, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let gone = || StoreError::Lost(sqlx::Error::WorkerCrashed);
        self.line.send((key, sender)).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Asked<K, V> {
    /// Each key once; whoever has gone away needs nothing any more.
    fn keys(&self) -> Vec<K> {
        let mut keys: Vec<K> = Vec::with_capacity(self.0.len());
        for (key, sender) in &self.0 {
            if !sender.is_closed() && !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    fn answer(self, found: std::thread::Result<Found<K, V>>) {
        let mut found = found.unwrap_or_else(|_| Err(StoreError::Corrupt("a read panicked".into())));
        let mut left = self.0.into_iter();
        while let Some((key, sender)) = left.next() {
            let again = left.as_slice().iter().any(|(other, _)| *other == key);
            let _ = sender.send(match &mut found {
                Ok(found) if again => Ok(found.get(&key).cloned()),
                Ok(found) => Ok(found.remove(&key)),
                Err(fault) => Err(fault.again()),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_comes_meanwhile_shares_the_next_statement() {
        let statements = Arc::new(AtomicUsize::new(0));
        let counted = statements.clone();
        let gathered: Arc<Gathered<u32, u32>> = Arc::new(Gathered::in_a_task(move |keys: Vec<u32>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if keys.contains(&13) {
                    return Err(StoreError::Lost(sqlx::Error::PoolTimedOut));
                }
                Ok(keys.into_iter().filter(|key| *key < 100).map(|key| (key, 2 * key)).collect())
            }
        }));
        let ask = |key: u32| {
            let gathered = gathered.clone();
            tokio::spawn(async move { gathered.get(key).await })
        };
        let first = ask(1);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let others: Vec<_> = (0..40).map(|n| ask(n % 10)).chain([ask(100)]).collect();
        assert_eq!(first.await.expect("ends").expect("read"), Some(2));
        for (n, other) in others.into_iter().enumerate() {
            let expected = (n < 40).then_some(2 * (n as u32 % 10));
            assert_eq!(other.await.expect("ends").expect("read"), expected);
        }
        assert_eq!(statements.load(Ordering::SeqCst), 2);
        let (bad, beside) = (ask(13), ask(14));
        for read in [bad, beside] {
            assert!(matches!(read.await.expect("ends"), Err(StoreError::Lost(_))));
        }
        assert_eq!(ask(15).await.expect("ends").expect("read"), Some(30), "a fault ends nothing");
    }

    #[tokio::test]
    async fn a_read_that_panics_is_told_and_the_next_one_works() {
        let read = |keys: Vec<u32>| {
            assert!(!keys.contains(&0), "torn");
            Ok(keys.into_iter().map(|key| (key, key)).collect())
        };
        let (task, thread) = (Gathered::in_a_task(move |keys| async move { read(keys) }), Gathered::on_a_thread(read));
        for gathered in [task, thread] {
            assert!(matches!(gathered.get(0).await, Err(StoreError::Corrupt(_))));
            assert_eq!(gathered.get(1).await.expect("read"), Some(1));
        }
    }
}
