//! How much everybody holds already, kept in item order so that a run repeats exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dispatch::Holder;

/// Items by holder. The caller owns it, starts it with what everybody holds already, and saves it
/// with each slice; [`crate::decide`] adds each decision to it. A run resumed from a saved book
/// decides as if it had never stopped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoadBook {
    counts: Arc<BTreeMap<String, u64>>,
    #[serde(skip)]
    changed: BTreeSet<String>,
}

impl LoadBook {
    /// A book of what everybody holds at the start.
    pub fn new(counts: BTreeMap<String, u64>) -> Self {
        Self { counts: Arc::new(counts), changed: BTreeSet::new() }
    }

    /// Items held by this id; 0 if unknown.
    pub fn count(&self, id: &str) -> u64 {
        self.counts.get(id).copied().unwrap_or(0)
    }

    /// Adds one item to a holder.
    pub fn assign(&mut self, holder: &Holder) {
        self.set(holder.id(), self.count(holder.id()).saturating_add(1));
    }

    /// Takes one item from a holder, not below none.
    pub fn release(&mut self, holder: &Holder) {
        self.set(holder.id(), self.count(holder.id()).saturating_sub(1));
    }

    /// All counts, by id.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// The counts changed since the last call: what a slice has to save.
    pub fn take_changed(&mut self) -> Vec<(String, u64)> {
        let ids = std::mem::take(&mut self.changed);
        ids.into_iter().map(|id| (id.clone(), self.count(&id))).collect()
    }

    fn set(&mut self, id: &str, count: u64) {
        // No script outlives its decision, so the map is ours alone and this copies nothing.
        Arc::make_mut(&mut self.counts).insert(id.to_owned(), count);
        self.changed.insert(id.to_owned());
    }

    pub(crate) fn shared(&self) -> Arc<BTreeMap<String, u64>> {
        Arc::clone(&self.counts)
    }
}

/// Books are equal when everybody holds as much in both, saved or not.
impl PartialEq for LoadBook {
    fn eq(&self, other: &Self) -> bool {
        self.counts == other.counts
    }
}

impl Eq for LoadBook {}
