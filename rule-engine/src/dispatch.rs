//! `dispatch(item, subject, chain, candidates, load) -> holder`: the dry run and the dispatch
//! both decide here and nowhere else.

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};

use crate::compile::{Compiled, Hook};
use crate::error::{ErrorKind, RuleError};
use crate::host::{ChainHost, Given, ListHost, LoadHost, Nobody, RecordHost, Run};
use crate::input::{CandidateKind, Candidates, Chain, Record};
use crate::load::LoadBook;
use crate::messages::{self, Lang};
use crate::trace::Step;

/// All that a decision may depend on, besides the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchInput {
    /// The item; its id names the decision.
    pub item: Record,
    /// Whom it is about.
    pub subject: Record,
    /// Places from the leaf up.
    pub chain: Chain,
    /// Who may hold it, already filtered by permission.
    pub candidates: Candidates,
}

/// Who holds an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Holder {
    /// An organization: to be claimed.
    Org(String),
    /// A person.
    Staff(String),
}

impl Holder {
    /// The opaque id.
    pub fn id(&self) -> &str {
        let (Self::Org(id) | Self::Staff(id)) = self;
        id
    }
}

/// A placed item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Who holds it.
    pub holder: Holder,
    /// 1 to 250; `None`: the task's own deadline.
    pub working_days: Option<u32>,
}

/// Why nobody holds an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Orphan {
    /// The rule ran and said `none(reason)`: a question of the address book or of the rule.
    Nobody {
        /// As the rule gave it; generated rules give keys that [`Orphan::message`] translates.
        reason: String,
    },
    /// The rule is at fault, at a line and column.
    Fault {
        /// The fault.
        error: RuleError,
    },
}

impl Orphan {
    /// For the list of items that nobody would get.
    pub fn message(&self, lang: Lang) -> String {
        match self {
            Self::Nobody { reason } => messages::reason(reason, lang),
            Self::Fault { error } => error.message(lang),
        }
    }

    /// The fault, unless the rule itself said that nobody gets it.
    pub fn fault(&self) -> Option<&RuleError> {
        match self {
            Self::Nobody { .. } => None,
            Self::Fault { error } => Some(error),
        }
    }
}

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Somebody holds it.
    Held(Dispatch),
    /// Nobody does.
    Orphan(Orphan),
}

/// One decision, with the helper calls that led to it (see [`crate::why`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Id of the item.
    pub item: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What the rule looked at, in order.
    pub trace: Vec<Step>,
}

impl Decision {
    /// Who holds the item, if anybody.
    pub fn holder(&self) -> Option<&Holder> {
        match &self.outcome {
            Outcome::Held(dispatch) => Some(&dispatch.holder),
            Outcome::Orphan(_) => None,
        }
    }
}

/// The most working days a rule may give.
pub(crate) const MAX_DAYS: u32 = 250;

/// Decides one item and enters it in the load book. Never fails: a fault of the rule makes this
/// item an orphan and leaves the others alone.
pub fn decide(rule: &Compiled, input: &DispatchInput, load: &mut LoadBook) -> Decision {
    let item = input.item.id.clone();
    let count = input.candidates.all().len();
    if count > Candidates::MAX {
        let error =
            rule.fault(ErrorKind::Input, "too-many-candidates").arg("count", count).arg("limit", Candidates::MAX);
        return Decision { item, outcome: Outcome::Orphan(Orphan::Fault { error }), trace: vec![] };
    }
    let run = Run::new(input.chain.clone(), input.candidates.clone(), load.shared());
    let args = vec![
        RecordHost::dynamic(&input.item),
        RecordHost::dynamic(&input.subject),
        ChainHost::dynamic(&run),
        ListHost::dynamic(&run),
        LoadHost::dynamic(&run),
    ];
    let answer = rule.run(Hook::Dispatch, args.clone()).and_then(|answer| read(rule, answer));
    // Taken first: to find the line of a fault the rule may run once more.
    let trace = run.take_trace();
    let outcome = answer.unwrap_or_else(|error| Outcome::Orphan(Orphan::Fault { error: rule.locate(error, args) }));
    drop(run);
    if let Outcome::Held(dispatch) = &outcome {
        load.assign(&dispatch.holder);
    }
    Decision { item, outcome, trace }
}

fn read(rule: &Compiled, answer: rhai::Dynamic) -> Result<Outcome, RuleError> {
    let got = answer.type_name();
    if let Some(nobody) = answer.clone().try_cast::<Nobody>() {
        return Ok(Outcome::Orphan(Orphan::Nobody { reason: nobody.0 }));
    }
    let Some(given) = answer.try_cast::<Given>() else {
        return Err(rule.fault(ErrorKind::Result, "not-a-holder").arg("got", got));
    };
    let candidate = given.candidate();
    let id = candidate.id.clone();
    let holder = match candidate.kind {
        CandidateKind::Org => Holder::Org(id),
        CandidateKind::Staff => Holder::Staff(id),
    };
    Ok(Outcome::Held(Dispatch { holder, working_days: given.days }))
}

/// Decides items one after another; lazy, so the caller may stop, save `load` and go on later.
pub fn decide_batch<'a, I>(rule: &'a Compiled, items: I, load: &'a mut LoadBook) -> DecideBatch<'a, I::IntoIter>
where
    I: IntoIterator,
    I::Item: Borrow<DispatchInput>,
{
    DecideBatch { rule, items: items.into_iter(), load }
}

/// The iterator of [`decide_batch`].
#[derive(Debug)]
pub struct DecideBatch<'a, I> {
    rule: &'a Compiled,
    items: I,
    load: &'a mut LoadBook,
}

impl<I> Iterator for DecideBatch<'_, I>
where
    I: Iterator,
    I::Item: Borrow<DispatchInput>,
{
    type Item = Decision;

    fn next(&mut self) -> Option<Decision> {
        let input = self.items.next()?;
        Some(decide(self.rule, input.borrow(), self.load))
    }
}
