//! What a rule looked at: the answer to 「为什么派给王强？」.

use serde::{Deserialize, Serialize};

use crate::dispatch::{Decision, Outcome};
use crate::messages::{self, Lang};

/// The most steps kept of one decision.
pub(crate) const MAX_STEPS: usize = 32;

/// One helper call of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Looked for the organization governing the place at a level.
    Governing {
        /// Level asked for.
        level: String,
        /// Name of the place, if the chain has that level.
        place: Option<String>,
        /// Name of the organization, if it is a candidate.
        found: Option<String>,
    },
    /// Took those who serve the place at a level.
    Serving {
        /// Level asked for.
        level: String,
        /// Name of the place, if the chain has that level.
        place: Option<String>,
        /// How many.
        left: usize,
    },
    /// Took those working in one place.
    InPlace {
        /// Id of the place.
        place: String,
        /// How many.
        left: usize,
    },
    /// Took those with a tag or post.
    WithTag {
        /// Tag or post.
        tag: String,
        /// How many.
        left: usize,
    },
    /// Took the one who holds least.
    LeastLoad {
        /// Among how many.
        among: usize,
        /// Name of the one found.
        found: Option<String>,
        /// How much that one held before.
        load: u64,
    },
    /// Gave it.
    To {
        /// Name.
        name: String,
        /// Working days, if the rule set them.
        working_days: Option<u32>,
    },
}

/// The decision explained, one line a step, for a person.
pub fn why(decision: &Decision, lang: Lang) -> Vec<String> {
    let mut lines: Vec<String> = decision.trace.iter().map(|step| messages::step(step, lang)).collect();
    if let Outcome::Orphan(orphan) = &decision.outcome {
        lines.push(orphan.message(lang));
    }
    lines
}
