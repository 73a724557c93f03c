//! The values a script sees. They are handles: cloning is cheap, nothing can be written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::Dynamic;

use crate::input::{Candidate, Candidates, Chain, ChainPlace, Record};
use crate::trace::{MAX_STEPS, Step};

/// What one decision looks at, and its trace.
#[derive(Debug)]
pub(crate) struct Run {
    pub chain: Chain,
    pub candidates: Candidates,
    pub load: Arc<BTreeMap<String, u64>>,
    trace: Mutex<Vec<Step>>,
}

impl Run {
    pub fn new(chain: Chain, candidates: Candidates, load: Arc<BTreeMap<String, u64>>) -> Arc<Self> {
        Arc::new(Self { chain, candidates, load, trace: Mutex::default() })
    }

    /// Notes a helper call; a script that calls thousands keeps only the first.
    pub fn note(&self, step: impl FnOnce() -> Step) {
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if trace.len() < MAX_STEPS {
            trace.push(step());
        }
    }

    pub fn take_trace(&self) -> Vec<Step> {
        std::mem::take(&mut *self.trace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn load_of(&self, id: &str) -> u64 {
        self.load.get(id).copied().unwrap_or(0)
    }
}

/// `item`, `subject`, `task`, `answers`, `totals`.
#[derive(Debug, Clone)]
pub(crate) struct RecordHost(pub Arc<Record>);

impl RecordHost {
    pub fn dynamic(record: &Record) -> Dynamic {
        Dynamic::from(Self(Arc::new(record.clone())))
    }
}

/// `chain`.
#[derive(Debug, Clone)]
pub(crate) struct ChainHost(pub Arc<Run>);

impl ChainHost {
    pub fn dynamic(run: &Arc<Run>) -> Dynamic {
        Dynamic::from(Self(Arc::clone(run)))
    }
}

/// One place of the chain.
#[derive(Debug, Clone)]
pub(crate) struct PlaceHost {
    pub run: Arc<Run>,
    pub index: usize,
}

impl PlaceHost {
    pub fn place(&self) -> &ChainPlace {
        &self.run.chain.places()[self.index]
    }
}

/// `candidates`, or some of them.
#[derive(Debug, Clone)]
pub(crate) struct ListHost {
    pub run: Arc<Run>,
    pub picked: Arc<Vec<usize>>,
}

impl ListHost {
    pub fn dynamic(run: &Arc<Run>) -> Dynamic {
        let picked = Arc::new((0..run.candidates.all().len()).collect());
        Dynamic::from(Self { run: Arc::clone(run), picked })
    }

    pub fn filter(&self, keep: impl Fn(&Candidate) -> bool) -> Self {
        let all = self.run.candidates.all();
        let picked = self.picked.iter().copied().filter(|index| keep(&all[*index])).collect();
        Self { run: Arc::clone(&self.run), picked: Arc::new(picked) }
    }

    pub fn candidate(&self, index: usize) -> CandidateHost {
        CandidateHost { run: Arc::clone(&self.run), index }
    }
}

/// One candidate.
#[derive(Debug, Clone)]
pub(crate) struct CandidateHost {
    pub run: Arc<Run>,
    pub index: usize,
}

impl CandidateHost {
    pub fn candidate(&self) -> &Candidate {
        &self.run.candidates.all()[self.index]
    }
}

/// `load`.
#[derive(Debug, Clone)]
pub(crate) struct LoadHost(pub Arc<Run>);

impl LoadHost {
    pub fn dynamic(run: &Arc<Run>) -> Dynamic {
        Dynamic::from(Self(Arc::clone(run)))
    }
}

/// What `to(…)` answers. Only `to` makes one, and only of a candidate of this very decision.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub to: CandidateHost,
    pub days: Option<u32>,
}

impl Given {
    pub fn candidate(&self) -> &Candidate {
        self.to.candidate()
    }
}

/// What `none(reason)` answers.
#[derive(Debug, Clone)]
pub(crate) struct Nobody(pub String);

/// What `percent(part, whole)` answers, in hundredths of a percent; nothing for a share of 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(pub Option<i64>);
