//! Reads that come together share one statement: while one is under way the others gather, and the next statement
//! asks for all of them. Alone a read is as quick as ever; in a crowd the ways to the database, which cost more than
//! what they carry, are shared.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

use super::database::StoreError;

/// Keys of one statement at the most.
const MOST: usize = 64;

type Asked<K, V> = (K, oneshot::Sender<Result<Option<V>, StoreError>>);

/// Reads of one kind, by key.
pub struct Gathered<K, V> {
    line: mpsc::UnboundedSender<Asked<K, V>>,
}

impl<K, V> Gathered<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// Begins to take reads; `read` finds what is there of several keys. It ends with the last caller.
    pub fn begin<F>(read: impl Fn(Vec<K>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<HashMap<K, V>, StoreError>> + Send + 'static,
    {
        let (line, mut waiting) = mpsc::unbounded_channel::<Asked<K, V>>();
        tokio::spawn(async move {
            let mut asked = Vec::with_capacity(MOST);
            while waiting.recv_many(&mut asked, MOST).await > 0 {
                answer(&read, std::mem::take(&mut asked)).await;
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

async fn answer<K, V, F>(read: &impl Fn(Vec<K>) -> F, asked: Vec<Asked<K, V>>)
where
    K: Clone + Eq + Hash,
    V: Clone,
    F: Future<Output = Result<HashMap<K, V>, StoreError>>,
{
    let mut keys: Vec<K> = Vec::with_capacity(asked.len());
    for (key, sender) in &asked {
        // Whoever has gone away needs nothing any more.
        if !sender.is_closed() && !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.is_empty() {
        return;
    }
    let found = AssertUnwindSafe(read(keys)).catch_unwind().await;
    let mut found = found.unwrap_or_else(|_| Err(StoreError::Corrupt("a read panicked".into())));
    let mut left = asked.into_iter();
    while let Some((key, sender)) = left.next() {
        let again = left.as_slice().iter().any(|(other, _)| *other == key);
        let _ = sender.send(match &mut found {
            Ok(found) if again => Ok(found.get(&key).cloned()),
            Ok(found) => Ok(found.remove(&key)),
            Err(fault) => Err(fault.again()),
        });
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
        let gathered: Arc<Gathered<u32, u32>> = Arc::new(Gathered::begin(move |keys: Vec<u32>| {
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
        let gathered: Gathered<u32, u32> = Gathered::begin(|keys: Vec<u32>| async move {
            assert!(!keys.contains(&0), "torn");
            Ok(keys.into_iter().map(|key| (key, key)).collect())
        });
        assert!(matches!(gathered.get(0).await, Err(StoreError::Corrupt(_))));
        assert_eq!(gathered.get(1).await.expect("read"), Some(1));
    }
}
