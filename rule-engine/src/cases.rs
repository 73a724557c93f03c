//! Example cases: every rule carries some, and all must pass before it is published.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::compile::{Compiled, Hook};
use crate::dispatch::{DispatchInput, Orphan, Outcome, decide};
use crate::error::{ErrorKind, RuleError};
use crate::input::Record;
use crate::load::LoadBook;
use crate::measure::{MeasureDeclaration, measure};
use crate::messages::{self, Lang};
use crate::present::{Indicator, present};
use crate::split::split;

/// One example: this, asked of the rule, must give that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Name for people.
    pub name: String,
    /// What is handed in.
    pub input: CaseInput,
    /// What must come out.
    pub expect: Expect,
}

/// The input of a case, by hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "hook", rename_all = "snake_case")]
pub enum CaseInput {
    /// For `dispatch`.
    Dispatch {
        /// As at run time.
        #[serde(flatten)]
        input: DispatchInput,
        /// What everybody holds already.
        #[serde(default)]
        load: LoadBook,
    },
    /// For `split`.
    Split {
        /// The task.
        task: Record,
        /// The subject.
        subject: Record,
    },
    /// For `measure`.
    Measure {
        /// The item.
        item: Record,
        /// What was answered.
        answers: Record,
        /// The task's measures.
        measures: Vec<MeasureDeclaration>,
    },
    /// For `present`.
    Present {
        /// Totals by measure.
        totals: BTreeMap<String, i64>,
    },
}

/// The answer a case expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Expect {
    /// This holder.
    Holder {
        /// Candidate's id.
        id: String,
        /// And these working days.
        #[serde(default)]
        working_days: Option<u32>,
    },
    /// The rule itself says that nobody gets it; a fault is never what a case expects.
    Nobody,
    /// This group.
    Group {
        /// Its name.
        group: String,
    },
    /// These amounts; a declared measure left out is 0.
    Measures {
        /// By measure.
        amounts: BTreeMap<String, i64>,
    },
    /// These indicators.
    Indicators {
        /// By indicator.
        indicators: BTreeMap<String, Indicator>,
    },
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Whether the answer was the expected one.
    pub passed: bool,
    /// The answer, unless the rule was at fault.
    pub got: Option<Expect>,
    /// Why it did not pass.
    pub error: Option<RuleError>,
}

impl CaseResult {
    /// What to tell the author; `None` when it passed.
    pub fn message(&self, lang: Lang) -> Option<String> {
        self.error.as_ref().map(|error| error.message(lang))
    }
}

/// Runs all cases, each on its own.
pub fn run_cases(rule: &Compiled, cases: &[Case]) -> Vec<CaseResult> {
    cases.iter().map(|case| run_case(rule, case)).collect()
}

/// What publishing asks: at least one case, and all pass. The results are for the page when they
/// do; the first fault when they do not.
pub fn check_cases(rule: &Compiled, cases: &[Case]) -> Result<Vec<CaseResult>, RuleError> {
    if cases.is_empty() {
        return Err(RuleError::new(ErrorKind::Definition, "no-cases"));
    }
    let results = run_cases(rule, cases);
    match results.iter().find_map(|result| result.error.clone()) {
        Some(error) => Err(error),
        None => Ok(results),
    }
}

fn run_case(rule: &Compiled, case: &Case) -> CaseResult {
    let name = case.name.clone();
    let got = match ask(rule, case) {
        Ok(got) => got,
        Err(error) => {
            return CaseResult { name, passed: false, got: None, error: Some(error) };
        }
    };
    let passed = got == complete(case);
    let error = (!passed).then(|| {
        RuleError::new(ErrorKind::Definition, "case-failed")
            .arg("name", &name)
            .arg("expected", shown(&case.expect))
            .arg("got", shown(&got))
    });
    CaseResult { name, passed, got: Some(got), error }
}

fn ask(rule: &Compiled, case: &Case) -> Result<Expect, RuleError> {
    let hook = match &case.input {
        CaseInput::Dispatch { .. } => Hook::Dispatch,
        CaseInput::Split { .. } => Hook::Split,
        CaseInput::Measure { .. } => Hook::Measure,
        CaseInput::Present { .. } => Hook::Present,
    };
    if rule.hook() != hook {
        return Err(RuleError::new(ErrorKind::Definition, "case-wrong-hook").arg("name", &case.name));
    }
    match &case.input {
        CaseInput::Dispatch { input, load } => match decide(rule, input, &mut load.clone()).outcome {
            Outcome::Held(dispatch) => {
                Ok(Expect::Holder { id: dispatch.holder.id().to_owned(), working_days: dispatch.working_days })
            }
            Outcome::Orphan(Orphan::Nobody { .. }) => Ok(Expect::Nobody),
            Outcome::Orphan(Orphan::Fault { error }) => Err(error),
        },
        CaseInput::Split { task, subject } => split(rule, task, subject).map(|group| Expect::Group { group }),
        CaseInput::Measure { item, answers, measures } => {
            measure(rule, item, answers, measures).map(|amounts| Expect::Measures { amounts })
        }
        CaseInput::Present { totals } => present(rule, totals).map(|indicators| Expect::Indicators { indicators }),
    }
}

/// The expectation with the zeros that an author may leave out.
fn complete(case: &Case) -> Expect {
    match (&case.input, &case.expect) {
        (CaseInput::Measure { measures, .. }, Expect::Measures { amounts }) => {
            let mut all = amounts.clone();
            for measure in measures {
                all.entry(measure.name.clone()).or_insert(0);
            }
            Expect::Measures { amounts: all }
        }
        (_, expect) => expect.clone(),
    }
}

/// Compact, the same in both languages: ids, names and numbers only.
fn shown(expect: &Expect) -> String {
    match expect {
        Expect::Holder { id, working_days: Some(days) } => format!("{id}, {days}"),
        Expect::Holder { id, working_days: None } => id.clone(),
        Expect::Nobody => "none".to_owned(),
        Expect::Group { group } => group.clone(),
        Expect::Measures { amounts } => messages::pairs(amounts.iter()),
        Expect::Indicators { indicators } => messages::pairs(indicators.iter().map(|(name, one)| {
            let value = match one {
                Indicator::Number { value } => value.to_string(),
                Indicator::Percent { basis_points } => {
                    let sign = if *basis_points < 0 { "-" } else { "" };
                    let size = basis_points.unsigned_abs();
                    format!("{sign}{}.{:02}%", size / 100, size % 100)
                }
                Indicator::Empty => "-".to_owned(),
            };
            (name, value)
        })),
    }
}
