//! How large the measured city is.

use serde::{Deserialize, Serialize};

/// Sizes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scale {
    /// of the tree, communities included
    pub places: usize,
    /// of the address book
    pub organizations: usize,
    /// who sign in and file
    pub workers: usize,
    /// with fifty attributes each
    pub persons: usize,
    /// of them, subjects of a task that is filed
    pub filed: usize,
    /// seconds of each measurement
    pub seconds: f64,
    /// boards open at once
    pub boards: usize,
    /// streams that only hold
    pub streams: usize,
}

impl Scale {
    /// What everything is tested at.
    pub fn full() -> Self {
        Self {
            places: 100_000,
            organizations: 10_000,
            workers: 512,
            persons: 1_000_000,
            filed: 200_000,
            seconds: 10.0,
            boards: 1000,
            streams: 10_000,
        }
    }

    /// For every change.
    pub fn quick() -> Self {
        Self {
            places: 12_000,
            organizations: 2_000,
            workers: 128,
            persons: 30_000,
            filed: 24_000,
            seconds: 2.0,
            boards: 200,
            streams: 500,
        }
    }

    /// Townships of each district: the first has five hundred, so that one board has five hundred areas.
    pub fn townships(&self) -> Vec<usize> {
        let others = if self.places >= 100_000 { 26 } else { 4 };
        std::iter::once(500).chain(std::iter::repeat_n(others, 19)).collect()
    }
}
