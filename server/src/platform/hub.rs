//! The live hub: tells open pages that something changed, at most four times a second per topic.
//!
//! A topic is an id (a task, a post, an organization, a job), perhaps with its kind before it
//! (`task:0198…`). The lanes say after each commit what changed; a listener that cannot keep up is told
//! to read everything again (`resync`) instead of being waited for. Streams end when the house closes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;

use super::ids::Id;
use super::lane::EVERYTHING;
use super::locked;

/// Least time between two messages about the same topics.
const COALESCE: Duration = Duration::from_millis(250);
/// How long the pump gathers changes before it rings: a thousand commits are one ring.
const GATHER: Duration = Duration::from_millis(20);
/// A message at least so often, so that proxies keep the stream and the page sees that it lives.
const ALIVE: Duration = Duration::from_secs(10);
/// How often it is asked again whether the listener may still listen; a change of the listener's own
/// account or post, told by `own`, asks at once.
const RECHECK: Duration = Duration::from_secs(15);
/// Topics of one stream.
pub const TOPICS: usize = 64;

/// Asked again and again while a stream is open.
pub type StillAllowed = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// What waits for one listener.
#[derive(Default)]
struct Bell {
    changed: Mutex<BTreeSet<Id>>,
    lagged: Mutex<bool>,
    notify: Notify,
}

/// Who listens to what.
#[derive(Default)]
struct Bells {
    by_topic: HashMap<Id, HashMap<u64, Arc<Bell>>>,
}

/// The open streams of one process; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    open: Arc<AtomicUsize>,
    most: usize,
    next: Arc<AtomicU64>,
    bells: Arc<Mutex<Bells>>,
}

/// A place among the open streams, given back when dropped.
pub struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What holds for one stream.
pub struct Hearing {
    /// by id, the topic as the page wrote it
    pub topics: BTreeMap<Id, String>,
    /// the listener's account and post: a change of one asks again at once whether it may listen
    pub own: Vec<Id>,
    /// asked again and again
    pub allowed: StillAllowed,
    /// true once the house closes
    pub stopping: watch::Receiver<bool>,
}

impl Hub {
    /// A hub with room for `most` streams that hears `signals`, the ids of what each commit changed.
    pub fn new(most: usize, signals: broadcast::Receiver<Id>) -> Self {
        let hub = Self { open: Arc::default(), most, next: Arc::default(), bells: Arc::default() };
        tokio::spawn(pump(Arc::downgrade(&hub.bells), signals));
        hub
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

    /// The messages about the topics until the house closes or the listener may no longer listen.
    pub fn listen(&self, hearing: Hearing, seat: Seat) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
        let now = Instant::now();
        let (number, bell) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::new(Bell::default()));
        let ids: Vec<Id> = hearing.topics.keys().chain(&hearing.own).copied().collect();
        for id in &ids {
            locked(&self.bells).by_topic.entry(*id).or_default().insert(number, bell.clone());
        }
        let listener = Listener {
            hearing,
            bell,
            queue: VecDeque::from([Event::default().event("beat").data("")]),
            pending: BTreeSet::new(),
            lagged: false,
            sent: now.checked_sub(COALESCE).unwrap_or(now),
            alive: now,
            checked: now,
            _place: Place { number, ids, bells: self.bells.clone() },
            _seat: seat,
        };
        stream::unfold(listener, |mut listener| async move { listener.next().await.map(|event| (Ok(event), listener)) })
    }
}

/// Takes the bell down when the stream ends.
struct Place {
    number: u64,
    ids: Vec<Id>,
    bells: Arc<Mutex<Bells>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut bells = locked(&self.bells);
        for id in &self.ids {
            if let Some(of_topic) = bells.by_topic.get_mut(id) {
                of_topic.remove(&self.number);
                if of_topic.is_empty() {
                    bells.by_topic.remove(id);
                }
            }
        }
    }
}

/// Gathers what commits say and rings whoever listens to it; ends with the lanes or the hub.
async fn pump(bells: std::sync::Weak<Mutex<Bells>>, mut signals: broadcast::Receiver<Id>) {
    let mut changed = HashSet::new();
    loop {
        let mut lagged = false;
        match signals.recv().await {
            Ok(id) => {
                changed.insert(id);
            }
            Err(broadcast::error::RecvError::Lagged(_)) => lagged = true,
            Err(broadcast::error::RecvError::Closed) => return,
        }
        tokio::time::sleep(GATHER).await;
        loop {
            match signals.try_recv() {
                Ok(id) => {
                    changed.insert(id);
                }
                Err(broadcast::error::TryRecvError::Lagged(_)) => lagged = true,
                Err(_) => break,
            }
        }
        lagged |= changed.remove(&EVERYTHING);
        let Some(bells) = bells.upgrade() else { return };
        ring(&locked(&bells), &changed, lagged);
        changed.clear();
    }
}

/// Tells listeners of `changed`; everybody when some changes were missed.
fn ring(bells: &Bells, changed: &HashSet<Id>, lagged: bool) {
    if lagged {
        for bell in bells.by_topic.values().flat_map(HashMap::values) {
            *locked(&bell.lagged) = true;
            bell.notify.notify_one();
        }
    }
    for (id, of_topic) in changed.iter().filter_map(|id| Some((id, bells.by_topic.get(id)?))) {
        for bell in of_topic.values() {
            locked(&bell.changed).insert(*id);
            bell.notify.notify_one();
        }
    }
}

/// `kind:id` or `id`.
pub fn topic_id(topic: &str) -> Option<Id> {
    topic.rsplit(':').next().and_then(|id| id.parse().ok())
}

struct Listener {
    hearing: Hearing,
    bell: Arc<Bell>,
    pending: BTreeSet<Id>,
    queue: VecDeque<Event>,
    lagged: bool,
    sent: Instant,
    alive: Instant,
    checked: Instant,
    _place: Place,
    _seat: Seat,
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                self.alive = Instant::now();
                return Some(event);
            }
            if *self.hearing.stopping.borrow() {
                return None;
            }
            let mut wake = (self.alive + ALIVE).min(self.checked + RECHECK);
            if self.lagged || !self.pending.is_empty() {
                wake = wake.min(self.sent + COALESCE);
            }
            tokio::select! {
                changed = self.hearing.stopping.changed() => {
                    changed.ok()?;
                }
                () = self.bell.notify.notified() => self.hear(),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.due().await?;
        }
    }

    fn hear(&mut self) {
        self.lagged |= std::mem::take(&mut *locked(&self.bell.lagged));
        let changed = std::mem::take(&mut *locked(&self.bell.changed));
        if changed.iter().any(|id| self.hearing.own.contains(id)) {
            self.checked = Instant::now().checked_sub(RECHECK).unwrap_or(self.checked);
        }
        self.pending.extend(changed.into_iter().filter(|id| self.hearing.topics.contains_key(id)));
    }

    /// Queues what may be sent now; none when the listener may no longer listen.
    async fn due(&mut self) -> Option<()> {
        let now = Instant::now();
        if now >= self.checked + RECHECK {
            self.checked = now;
            if !(self.hearing.allowed)().await {
                return None;
            }
        }
        if now >= self.sent + COALESCE && (self.lagged || !self.pending.is_empty()) {
            self.sent = now;
            let pending = std::mem::take(&mut self.pending);
            if std::mem::take(&mut self.lagged) {
                self.queue.push_back(Event::default().event("resync").data(""));
            } else {
                let topics = &self.hearing.topics;
                self.queue.extend(pending.iter().map(|id| Event::default().event("change").data(&topics[id])));
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
        let hub = Hub::new(1, receiver);
        let seat = hub.seat().expect("free");
        assert!(hub.seat().is_none(), "no more than there is room for");
        let topics = BTreeMap::from([(mine, format!("task:{mine}"))]);
        let hearing = Hearing { topics, own: vec![], allowed: always(), stopping };
        let mut stream = Box::pin(hub.listen(hearing, seat));
        assert!(text(stream.next().await).contains("beat"));
        for round in 0..4 {
            for _ in 0..5 {
                signals.send(mine).expect("heard");
                signals.send(other).expect("heard");
            }
            tokio::time::sleep(if round == 0 { GATHER * 3 } else { Duration::ZERO }).await;
        }
        assert!(text(stream.next().await).contains(&format!("task:{mine}")));
        assert!(text(stream.next().await).contains(&format!("task:{mine}")), "those that came meanwhile, in one");
        let quiet = tokio::time::timeout(Duration::from_millis(600), stream.next()).await;
        assert!(quiet.is_err(), "twenty changes are two messages");
        // More than the channel holds: the listener reads everything again.
        for _ in 0..80 {
            signals.send(other).expect("heard");
        }
        assert!(text(stream.next().await).contains("resync"));
        // Another process has said too little.
        signals.send(EVERYTHING).expect("heard");
        assert!(text(stream.next().await).contains("resync"));
        stop.send(true).expect("heard");
        assert_eq!(text(stream.next().await), "end");
        drop(stream);
        assert_eq!(hub.open(), 0);
        assert!(locked(&hub.bells).by_topic.is_empty(), "no bell is left hanging");
    }

    #[tokio::test]
    async fn who_may_no_longer_listen_hears_nothing_more() {
        let (signals, receiver) = broadcast::channel(16);
        let (_stop, stopping) = watch::channel(false);
        let hub = Hub::new(1, receiver);
        let seat = hub.seat().expect("free");
        let never: StillAllowed = Arc::new(|| Box::pin(async { false }));
        let account = Id::from_u128(9);
        let hearing = Hearing { topics: BTreeMap::new(), own: vec![account], allowed: never, stopping };
        let mut stream = Box::pin(hub.listen(hearing, seat));
        assert!(text(stream.next().await).contains("beat"));
        signals.send(account).expect("heard");
        let end = tokio::time::timeout(Duration::from_secs(1), stream.next()).await.expect("asked again at once");
        assert_eq!(text(end), "end");
    }
}
