//! The live hub: tells open pages that something changed, at most four times a second per topic.
//!
//! A topic is an id (a task, a post, an organization, a job), perhaps with its kind before it
//! (`task:0198…`). The lanes say after each commit what changed; a listener that cannot keep up is told
//! to read everything again (`resync`) instead of being waited for. Streams end when the house closes.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::ids::Id;

/// Least time between two messages about the same topics.
const COALESCE: Duration = Duration::from_millis(250);
/// A message at least so often, so that proxies keep the stream and the page sees that it lives.
const ALIVE: Duration = Duration::from_secs(10);
/// How often it is asked again whether the listener may still listen; a change of the listener's own
/// account or post, told by `own`, asks at once.
const RECHECK: Duration = Duration::from_secs(15);
/// Topics of one stream.
pub const TOPICS: usize = 64;

/// Asked again and again while a stream is open.
pub type StillAllowed = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Counts open streams; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    open: Arc<AtomicUsize>,
    most: usize,
}

/// A place among the open streams, given back when dropped.
pub struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    /// A hub with room for `most` streams.
    pub fn new(most: usize) -> Self {
        Self { open: Arc::new(AtomicUsize::new(0)), most }
    }

    /// Takes a seat if one is free.
    pub fn seat(&self) -> Option<Seat> {
        let taken = self.open.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(self.open.clone());
        (taken < self.most).then_some(seat)
    }

    /// How many streams are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// `kind:id` or `id`.
pub fn topic_id(topic: &str) -> Option<Id> {
    topic.rsplit(':').next().and_then(|id| id.parse().ok())
}

struct Listener {
    signals: broadcast::Receiver<Id>,
    topics: BTreeMap<Id, String>,
    stopping: watch::Receiver<bool>,
    allowed: StillAllowed,
    own: Vec<Id>,
    pending: BTreeMap<Id, ()>,
    queue: VecDeque<Event>,
    lagged: bool,
    sent: Instant,
    alive: Instant,
    checked: Instant,
    _seat: Seat,
}

/// The messages about `topics` until the house closes or the listener may no longer listen.
pub fn listen(
    signals: broadcast::Receiver<Id>,
    topics: BTreeMap<Id, String>,
    stopping: watch::Receiver<bool>,
    allowed: StillAllowed,
    own: Vec<Id>,
    seat: Seat,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let now = Instant::now();
    let first = VecDeque::from([Event::default().event("beat").data("")]);
    let listener = Listener {
        signals,
        topics,
        stopping,
        allowed,
        own,
        pending: BTreeMap::new(),
        queue: first,
        lagged: false,
        sent: now.checked_sub(COALESCE).unwrap_or(now),
        alive: now,
        checked: now,
        _seat: seat,
    };
    stream::unfold(listener, |mut listener| async move { listener.next().await.map(|event| (Ok(event), listener)) })
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                self.alive = Instant::now();
                return Some(event);
            }
            if *self.stopping.borrow() {
                return None;
            }
            let mut wake = (self.alive + ALIVE).min(self.checked + RECHECK);
            if self.lagged || !self.pending.is_empty() {
                wake = wake.min(self.sent + COALESCE);
            }
            tokio::select! {
                changed = self.stopping.changed() => {
                    changed.ok()?;
                }
                signal = self.signals.recv() => match signal {
                    Ok(id) => {
                        if self.own.contains(&id) {
                            self.checked = Instant::now().checked_sub(RECHECK).unwrap_or(self.checked);
                        }
                        if self.topics.contains_key(&id) {
                            self.pending.insert(id, ());
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.lagged = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = tokio::time::sleep_until(wake) => {}
            }
            self.due().await?;
        }
    }

    /// Queues what may be sent now; none when the listener may no longer listen.
    async fn due(&mut self) -> Option<()> {
        let now = Instant::now();
        if now >= self.checked + RECHECK {
            self.checked = now;
            if !(self.allowed)().await {
                return None;
            }
        }
        if now >= self.sent + COALESCE && (self.lagged || !self.pending.is_empty()) {
            self.sent = now;
            let pending = std::mem::take(&mut self.pending);
            if std::mem::take(&mut self.lagged) {
                self.queue.push_back(Event::default().event("resync").data(""));
            } else {
                let topics = &self.topics;
                self.queue.extend(pending.keys().map(|id| Event::default().event("change").data(&topics[id])));
            }
        } else if now >= self.alive + ALIVE {
            self.queue.push_back(Event::default().event("beat").data(""));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    fn always() -> StillAllowed {
        Arc::new(|| Box::pin(async { true }))
    }

    fn text(event: Option<Result<Event, Infallible>>) -> String {
        event.map_or_else(|| "end".into(), |event| format!("{:?}", event.expect("infallible")))
    }

    #[tokio::test]
    async fn changes_are_gathered_and_others_are_not_told() {
        let (signals, receiver) = broadcast::channel(32);
        let (stop, stopping) = watch::channel(false);
        let (mine, other) = (Id::from_u128(1), Id::from_u128(2));
        let hub = Hub::new(1);
        let seat = hub.seat().expect("free");
        assert!(hub.seat().is_none(), "no more than there is room for");
        let topics = BTreeMap::from([(mine, format!("task:{mine}"))]);
        let mut stream = Box::pin(listen(receiver, topics, stopping, always(), vec![], seat));
        assert!(text(stream.next().await).contains("beat"));
        for _ in 0..10 {
            signals.send(mine).expect("heard");
            signals.send(other).ok();
        }
        assert!(text(stream.next().await).contains(&format!("task:{mine}")));
        assert!(text(stream.next().await).contains(&format!("task:{mine}")), "those that came meanwhile, in one");
        let quiet = tokio::time::timeout(Duration::from_millis(600), stream.next()).await;
        assert!(quiet.is_err(), "ten changes are two messages");
        // More than the channel holds: the listener reads everything again.
        for _ in 0..80 {
            signals.send(other).ok();
        }
        assert!(text(stream.next().await).contains("resync"));
        stop.send(true).expect("heard");
        assert_eq!(text(stream.next().await), "end");
        drop(stream);
        assert_eq!(hub.open(), 0);
    }

    #[tokio::test]
    async fn who_may_no_longer_listen_hears_nothing_more() {
        let (signals, receiver) = broadcast::channel(16);
        let (_stop, stopping) = watch::channel(false);
        let seat = Hub::new(1).seat().expect("free");
        let never: StillAllowed = Arc::new(|| Box::pin(async { false }));
        let account = Id::from_u128(9);
        let mut stream = Box::pin(listen(receiver, BTreeMap::new(), stopping, never, vec![account], seat));
        assert!(text(stream.next().await).contains("beat"));
        signals.send(account).expect("heard");
        let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await.expect("asked again at once");
        assert_eq!(text(end), "end");
    }
}
