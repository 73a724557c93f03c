//! How much one caller may ask of the house. Tests use [`Limits::generous`].

/// Numbers that protect the house; each can be raised by a setting of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// failed or successful sign-ins that one peer may try in a minute
    pub sign_in_per_peer: u32,
    /// sign-ins that may be tried for one account in a minute
    pub sign_in_per_account: u32,
    /// requests without sign-in that one peer may send in a minute to a form or query door
    pub public_per_peer: u32,
    /// query codes that one peer may try in a minute
    pub query_per_peer: u32,
    /// microseconds without a request after which a session ends
    pub idle: i64,
    /// microseconds after sign-in at which a session ends in any case
    pub absolute: i64,
    /// passwords that may be hashed at the same time
    pub hashing: usize,
    /// seconds after which a request is given up (not: the live stream)
    pub request_seconds: u64,
    /// live streams that one process keeps open
    pub streams: usize,
}

const HOUR: i64 = 3_600_000_000;

impl Default for Limits {
    /// 20 sign-ins a minute from one peer (an office behind one address), 6 for one account; sessions
    /// end after 2 hours without a request and 12 hours after sign-in.
    fn default() -> Self {
        Self {
            sign_in_per_peer: 20,
            sign_in_per_account: 6,
            public_per_peer: 120,
            query_per_peer: 20,
            idle: 2 * HOUR,
            absolute: 12 * HOUR,
            hashing: std::thread::available_parallelism().map_or(2, usize::from),
            request_seconds: 30,
            streams: 12_000,
        }
    }
}

impl Limits {
    /// For tests that sign many people in from one address.
    pub fn generous() -> Self {
        Self {
            sign_in_per_peer: 1_000_000,
            sign_in_per_account: 1_000_000,
            public_per_peer: 1_000_000,
            query_per_peer: 1_000_000,
            ..Self::default()
        }
    }
}
