//! How many requests are worked on at once.
//!
//! More at once than the machine can work on makes everybody slow, also who only looks at a board or signs
//! in. So each kind of request has its own places and a short line before them: whoever finds the line full,
//! or stands in it for too long, is told at once to come again (503 with Retry-After). A place is taken once
//! a small body is there, so that a slow line of one's own holds no place; large bodies have places of
//! their own. Not counted: live streams, assets, and what tells operators how the house is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{AppError, ClientError};
use crate::platform::faults::{self, Protection};
use crate::platform::metrics;

/// Seconds after which somebody who was turned away may come again.
const COME_AGAIN: u64 = 2;
/// Whoever finds the line full is told after this pause: a caller that asks again at once would otherwise take
/// from the others what refusing it costs.
const PAUSE: Duration = Duration::from_millis(300);
/// So many pause at the same time; beyond that callers are told at once.
const PAUSING: usize = 4096;
/// A body of this size or smaller is read before a place is taken.
const SMALL: u64 = 64 << 10;

/// Places for one kind of request, and the line before them.
struct Places {
    places: Semaphore,
    waiting: AtomicUsize,
    line: usize,
    patience: Duration,
    pausing: AtomicUsize,
    /// whether the body is read before a place is taken
    after_body: bool,
}

impl Places {
    fn new(places: usize, line: usize, patience: Duration) -> Self {
        Self {
            places: Semaphore::new(places),
            waiting: AtomicUsize::new(0),
            line,
            patience,
            pausing: AtomicUsize::new(0),
            after_body: true,
        }
    }

    fn is_full(&self) -> bool {
        self.places.available_permits() == 0 && self.waiting.load(Ordering::Relaxed) >= self.line
    }

    /// A place; none when the line is full or did not move in time.
    async fn take(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(place) = self.places.try_acquire() {
            return Some(place);
        }
        let standing = Standing::join(&self.waiting, self.line)?;
        let place = tokio::time::timeout(self.patience, self.places.acquire()).await;
        drop(standing);
        place.ok()?.ok()
    }
}

/// Somebody in a line; leaves it when dropped, also when the client goes away.
struct Standing<'a>(&'a AtomicUsize);

impl<'a> Standing<'a> {
    fn join(waiting: &'a AtomicUsize, line: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let standing = Self(waiting);
        (before < line).then_some(standing)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places of one process; cheap to clone.
#[derive(Clone)]
pub struct Admission {
    reads: Arc<Places>,
    writes: Arc<Places>,
    sign_in: Arc<Places>,
    large: Arc<Places>,
}

impl Admission {
    /// As many at once as keep two to sixteen cores and the database busy. Many boards ask again at the same
    /// moment, so their line is long; a write that would wait longer than a second is better sent again.
    pub fn new() -> Self {
        Self {
            reads: Arc::new(Places::new(128, 16_384, Duration::from_secs(10))),
            writes: Arc::new(Places::new(128, 384, Duration::from_secs(1))),
            sign_in: Arc::new(Places::new(16, 256, Duration::from_secs(5))),
            large: Arc::new(Places { after_body: false, ..Places::new(8, 64, Duration::from_secs(10)) }),
        }
    }

    /// The places that a request needs; none when it is not counted.
    fn of(&self, request: &Request) -> Option<&Places> {
        let path = request.uri().path();
        if matches!(path, "/events" | "/healthz" | "/readyz" | "/metrics") || path.starts_with("/assets/") {
            return None;
        }
        if path == "/sign-in" {
            return Some(&self.sign_in);
        }
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some(&self.reads);
        }
        let small = request.body().size_hint().upper().is_some_and(|length| length <= SMALL);
        Some(if small { &self.writes } else { &self.large })
    }
}

/// See the module.
pub async fn layer(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let Some(places) = admission.of(&request).filter(|_| !faults::out(Protection::Admission)) else {
        return next.run(request).await;
    };
    if places.is_full() {
        if let Some(_standing) = Standing::join(&places.pausing, PAUSING) {
            tokio::time::sleep(PAUSE).await;
        }
        return turned_away();
    }
    let (parts, mut body) = request.into_parts();
    if places.after_body {
        let Ok(read) = to_bytes(body, SMALL as usize).await else { return AppError::TooLarge.into_response() };
        body = Body::from(read);
    }
    let Some(_place) = places.take().await else { return turned_away() };
    next.run(Request::from_parts(parts, body)).await
}

fn turned_away() -> Response {
    metrics::count("requests_turned_away", 1);
    busy().into_response()
}

/// 503 with the time after which to come again.
pub fn busy() -> ClientError {
    ClientError { retry_after: Some(COME_AGAIN), ..ClientError::of(StatusCode::SERVICE_UNAVAILABLE, "busy") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_works_one_waits_and_the_third_is_told_at_once() {
        let places = Places::new(1, 1, Duration::from_millis(50));
        let working = places.take().await.expect("a place");
        assert!(!places.is_full(), "there is room in the line");
        let (waited, third) = tokio::join!(places.take(), async {
            assert!(places.is_full());
            places.take().await.is_none()
        });
        assert!(third, "the line is full");
        assert!(waited.is_none(), "it did not move in time");
        let (next, ()) = tokio::join!(places.take(), async { drop(working) });
        assert!(next.is_some(), "the place is free");
        drop(next);
        assert!(places.take().await.is_some() && !places.is_full(), "nobody stands there any more");
    }
}
