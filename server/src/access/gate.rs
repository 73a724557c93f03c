//! The gate: how often one peer or account may try, and the pool that hashes passwords.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::password::Hashing;
use crate::error::AppError;
use crate::platform::limits::Limits;

/// Counts tries; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    peers: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    accounts: Arc<DefaultKeyedRateLimiter<String>>,
    public: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    query: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    /// the pool that hashes passwords
    pub hashing: Hashing,
}

fn per_minute(count: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count.max(1)).expect("at least one"))
}

/// Entries above which those that have recovered are forgotten.
const KEPT: usize = 10_000;

fn check<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), AppError> {
    if limiter.len() > KEPT {
        limiter.retain_recent();
    }
    limiter
        .check_key(key)
        .map_err(|until| AppError::TooMany(until.wait_time_from(DefaultClock::default().now()).as_secs() + 1))
}

impl Gate {
    /// A gate with the limits of the process.
    pub fn new(limits: Limits) -> Self {
        Self {
            peers: Arc::new(RateLimiter::keyed(per_minute(limits.sign_in_per_peer))),
            accounts: Arc::new(RateLimiter::keyed(per_minute(limits.sign_in_per_account))),
            public: Arc::new(RateLimiter::keyed(per_minute(limits.public_per_peer))),
            query: Arc::new(RateLimiter::keyed(per_minute(limits.query_per_peer))),
            hashing: Hashing::new(limits.hashing),
        }
    }

    /// A sign-in from `peer` for `login`. The peer is the socket's: headers are never believed.
    pub fn sign_in(&self, peer: IpAddr, login: &str) -> Result<(), AppError> {
        check(&self.peers, &peer)?;
        check(&self.accounts, &login.to_lowercase())
    }

    /// A write or query without sign-in (a channel's form, a query code, a personal link).
    pub fn public(&self, peer: IpAddr) -> Result<(), AppError> {
        check(&self.public, &peer)
    }

    /// A query code from `peer`: codes must not be found by trying.
    pub fn query(&self, peer: IpAddr) -> Result<(), AppError> {
        check(&self.query, &peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_counted_by_peer_and_by_account() {
        let gate = Gate::new(Limits { sign_in_per_peer: 3, sign_in_per_account: 2, ..Limits::default() });
        let peer = |last| IpAddr::from([10, 0, 0, last]);
        assert!(gate.sign_in(peer(1), "wang").is_ok());
        assert!(gate.sign_in(peer(2), "Wang").is_ok());
        assert!(
            matches!(gate.sign_in(peer(3), "wang"), Err(AppError::TooMany(1..=60))),
            "the account is closed for a while"
        );
        assert!(gate.sign_in(peer(1), "li").is_ok());
        assert!(gate.sign_in(peer(1), "zhao").is_ok());
        assert!(matches!(gate.sign_in(peer(1), "sun"), Err(AppError::TooMany(_))), "the peer is closed for a while");
        assert!(gate.sign_in(peer(4), "sun").is_ok(), "others are not");
    }
}
