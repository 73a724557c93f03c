//! Rules that drive work: how a task is split, to whom an item goes, what is counted.
//!
//! **Owns** the Rhai sandbox and its limits, the typed hooks, the sources of a rule (ready-made,
//! sentence with blanks, decision table, expert text) and the one function by which both the dry
//! run and the dispatch decide.
//!
//! **Must not** know a clock, a file, a network or a database, nor look anything up: everything a
//! rule may read is handed in, already filtered by permission, and the same input gives the same
//! decision for ever. Time enters only as a monotonic counter for the deadline.
//!
//! The usual path:
//!
//! ```
//! use rule_engine::*;
//! let engine = Engine::new(Limits::default());
//! let rule = Rule { source: RuleSource::Sentence(Sentence {
//!     when: None,
//!     then: Action { level: Level::Community, whom: Whom::Tag { tag: "grid_worker".into() }, working_days: Some(3) },
//!     otherwise: None,
//! })};
//! let compiled = engine.compile(&rule, Hook::Dispatch)?;
//! let mut load = LoadBook::default();
//! let input = DispatchInput {
//!     item: Record::new("i1"), subject: Record::new("s1"),
//!     chain: Chain::new(vec![ChainPlace {
//!         id: "p1".into(), level: "community".into(), name: "新华社区".into(), kind: String::new(),
//!         governing_org: Some("o1".into()),
//!     }]),
//!     candidates: Candidates::new(vec![Candidate {
//!         tags: vec!["grid_worker".into()], ..Candidate::staff("w1", "王强", "o1", "p1")
//!     }]),
//! };
//! let decision = decide(&compiled, &input, &mut load);
//! assert_eq!(decision.holder().map(Holder::id), Some("w1"));
//! # Ok::<(), RuleError>(())
//! ```
//!
//! To add a hook: a variant of [`Hook`] with its function name and parameters, a file like
//! `split.rs` that turns host values into arguments and checks what comes back, and a case kind in
//! `cases.rs`. To add a helper: register it in `helpers.rs`, where its name becomes reserved.

mod cases;
mod compile;
mod dispatch;
mod engine;
mod error;
mod generate;
mod helpers;
mod host;
mod input;
mod load;
mod measure;
mod messages;
mod present;
mod rule;
mod sentence;
mod sentence_form;
mod split;
mod texts;
mod trace;
mod validate;

pub use cases::{Case, CaseInput, CaseResult, Expect, check_cases, run_cases};
pub use compile::{Compiled, Hook};
pub use dispatch::{DecideBatch, Decision, Dispatch, DispatchInput, Holder, Orphan, Outcome, decide, decide_batch};
pub use engine::{Engine, Limits, Micros};
pub use error::{ErrorKind, RuleError};
pub use generate::generate;
pub use input::{Attributes, Candidate, CandidateKind, Candidates, Chain, ChainPlace, Record};
pub use load::LoadBook;
pub use measure::{Aggregation, MAX_AMOUNT, MeasureDeclaration, measure};
pub use messages::Lang;
pub use present::{Indicator, present};
pub use rule::{
    Action, Amount, Comparison, Condition, DecisionTable, IndicatorRule, Level, Literal, MeasureRule, Ready, Rule,
    RuleSource, Sentence, Source, TableRow, Whom,
};
pub use sentence::{Blank, BlankKind, Choice, Choices, FieldChoice, FieldKind, Part};
pub use sentence_form::FieldError;
pub use split::split;
pub use trace::{Step, why};
