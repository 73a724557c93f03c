//! The planner: who would get each row of a task. It decides and writes nothing; a [`Sink`] does.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use rule_engine::{Attributes, Candidates, Chain, Compiled, DispatchInput, Hook, LoadBook, Outcome, Record, decide};
use serde_json::Value;
use tokio::sync::mpsc;

use super::asked::Asked;
use super::model::{Relay, Task, TaskRow};
use super::store;
use crate::app::App;
use crate::directory::working_days::{Calendar, add_working_days};
use crate::directory::{Step, candidates, chain, rule_chain};
use crate::error::AppError;
use crate::platform::at_length;
use crate::platform::ids::Id;
use crate::platform::secrets::is_sealed;

/// Rows decided together: small enough that a slice's transaction stays near 20 ms.
pub const SLICE: i64 = 512;

/// Places whose ways are remembered: rows of one place usually stand together.
const PLACES_KEPT: usize = 4096;
/// Slices that are planned while one before them is written.
const AHEAD: usize = 2;

/// What becomes of one row.
#[derive(Clone, Debug)]
pub struct Planned {
    /// the row
    pub row: TaskRow,
    /// the way from the issuer down to the row's place; empty where the row has no place
    pub steps: Arc<[Step]>,
    /// how far down it goes at once: an index into `steps`
    pub stop: usize,
    /// the holder that the rule chose, or why there is none
    pub outcome: Result<Chosen, Refusal>,
    /// due instant
    pub due_at: Option<i64>,
}

/// Who was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// the holding organization
    pub organization: Id,
    /// the holding post, none for 待认领
    pub post: Option<Id>,
    /// working days the rule gave
    pub working_days: Option<i64>,
}

/// Why nobody gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// in zh-CN and en, one line each, for people
    pub reason: String,
    /// position in the rule, where the rule is at fault
    pub line: Option<i64>,
    /// position in the rule
    pub column: Option<i64>,
}

/// What is done with planned rows: shown or sent.
pub trait Sink: Send {
    /// Takes one slice, in the order of positions.
    fn slice(&mut self, app: &App, planned: Vec<Planned>) -> impl Future<Output = Result<(), AppError>> + Send;
}

/// Everything that stays the same during one run.
pub struct Planner {
    task: Task,
    rule: Compiled,
    relay: Relay,
    calendar: Calendar,
    record: Record,
    by_place: HashMap<Id, Ways>,
    asked: Asked,
    /// instant from which working days count
    started_at: i64,
    /// the unit from which it goes down
    from: Id,
}

#[derive(Clone)]
struct Ways {
    steps: Arc<[Step]>,
    chain: Chain,
    candidates: Candidates,
}

impl Planner {
    /// Compiles the rule and reads the calendar. `from` is the unit that hands down (the issuer, or a
    /// waiting unit with a rule of its own).
    pub async fn new(app: &App, task: Task, from: Id, started_at: i64) -> Result<Self, AppError> {
        let rule = app.rules.compile(&task.rule()?, Hook::Dispatch).map_err(|fault| {
            AppError::Internal(format!("task {}: {}", task.id, fault.message(rule_engine::Lang::En)))
        })?;
        let calendar = crate::directory::working_days::load(&mut app.read()).await?;
        let mut attributes = Attributes::new();
        attributes.insert("title".into(), Value::from(task.title.clone()));
        attributes.insert("shape".into(), Value::from(task.shape.clone()));
        let record = Record::new(task.id.to_string()).with(attributes);
        Ok(Self {
            asked: Asked::by(rule.text()),
            relay: task.relay()?,
            record,
            rule,
            calendar,
            by_place: HashMap::new(),
            started_at,
            from,
            task,
        })
    }

    /// The task as a record for hooks.
    pub fn task_record(&self) -> &Record {
        &self.record
    }

    /// Plans every row after `position`, slice by slice; the next ones are planned while one is written.
    pub async fn run(
        &mut self,
        app: &App,
        mut position: i64,
        load: &mut LoadBook,
        sink: &mut impl Sink,
    ) -> Result<(), AppError> {
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let plan = async move {
            loop {
                let rows = store::rows_after(&app.db, self.task.id, position, SLICE).await?;
                let Some(last) = rows.last().map(|row| row.position) else { return Ok(()) };
                let planned = self.slice(app, rows, load).await?;
                position = last;
                // The sink has failed; its own fault is the one to tell.
                if sender.send(planned).await.is_err() {
                    return Ok(());
                }
            }
        };
        let write = async move {
            while let Some(planned) = receiver.recv().await {
                sink.slice(app, planned).await?;
            }
            Ok::<_, AppError>(())
        };
        let (planned, written) = futures_util::join!(plan, write);
        written.and(planned)
    }

    /// Plans one slice of rows in order.
    pub async fn slice(
        &mut self,
        app: &App,
        rows: Vec<TaskRow>,
        load: &mut LoadBook,
    ) -> Result<Vec<Planned>, AppError> {
        let mut subjects = self.asked.subjects(app, &rows).await?;
        let mut one = |row: TaskRow| {
            let subject = row.subject_id.and_then(|id| subjects.remove(&id)).unwrap_or_default();
            self.one(app, row, subject, load)
        };
        Ok(at_length(|| rows.into_iter().map(&mut one).collect()))
    }

    fn one(&mut self, app: &App, row: TaskRow, subject: Attributes, load: &mut LoadBook) -> Planned {
        let Some(place) = row.place_id.filter(|_| row.fault.is_none()) else {
            let reason = row.fault.clone().unwrap_or_else(|| "tasks-fault-no-place".into());
            let refusal = Refusal { reason, line: None, column: None };
            return Planned { row, steps: Arc::default(), stop: 0, outcome: Err(refusal), due_at: None };
        };
        let ways = self.ways(app, place);
        let mut sheet: Attributes = serde_json::from_str(&row.sheet).unwrap_or_default();
        // Secrets stay sealed: a rule cannot read them.
        sheet.retain(|_, value| !is_sealed(value));
        let input = DispatchInput {
            item: Record::new(row.position.to_string()).with(sheet),
            subject: Record {
                id: row.subject_id.map(|id| id.to_string()).unwrap_or_default(),
                class: self.task.class.clone(),
                attributes: subject.into(),
            },
            chain: ways.chain,
            candidates: ways.candidates,
        };
        let decision = decide(&self.rule, &input, load);
        let stop = stop(&ways.steps, &self.relay);
        let outcome = match decision.outcome {
            Outcome::Held(given) => {
                // What a waiting unit hands down later is not its people's load yet.
                if stop + 1 < ways.steps.len() {
                    load.release(&given.holder);
                }
                chosen(app, &given).ok_or_else(|| Refusal {
                    reason: "tasks-fault-holder".into(),
                    line: None,
                    column: None,
                })
            }
            Outcome::Orphan(orphan) => {
                let fault = orphan.fault();
                Err(Refusal {
                    reason: orphan.message(rule_engine::Lang::ZhCn),
                    line: fault.map(|f| i64::from(f.line)),
                    column: fault.map(|f| i64::from(f.column)),
                })
            }
        };
        let days = outcome.as_ref().ok().and_then(|c| c.working_days).or(self.task.working_days);
        let by_days = days.map(|days| add_working_days(&self.calendar, &app.clock, self.started_at, days));
        let due_at = [by_days, self.task.deadline_at].into_iter().flatten().min();
        Planned { row, steps: ways.steps, stop, outcome, due_at }
    }

    fn ways(&mut self, app: &App, place: Id) -> Ways {
        if let Some(ways) = self.by_place.get(&place) {
            return ways.clone();
        }
        let (geography, directory) = (app.geography(), app.directory());
        let ways = Ways {
            steps: chain(&directory, &geography, self.from, place).into(),
            chain: rule_chain(&directory, &geography, self.from, place),
            candidates: Candidates::new(candidates(&directory, &geography, self.from, place)),
        };
        if self.by_place.len() >= PLACES_KEPT {
            self.by_place.clear();
        }
        self.by_place.insert(place, ways.clone());
        ways
    }
}

/// The first step below the giver that waits for its unit, else the last.
fn stop(steps: &[Step], relay: &Relay) -> usize {
    let last = steps.len().saturating_sub(1);
    (1..steps.len()).find(|&at| at < last && relay.waits_at(steps[at].level)).unwrap_or(last)
}

fn chosen(app: &App, given: &rule_engine::Dispatch) -> Option<Chosen> {
    let id: Id = given.holder.id().parse().ok()?;
    let working_days = given.working_days.map(i64::from);
    match given.holder {
        rule_engine::Holder::Org(_) => Some(Chosen { organization: id, post: None, working_days }),
        rule_engine::Holder::Staff(_) => {
            let organization = app.directory().post(id)?.organization;
            Some(Chosen { organization, post: Some(id), working_days })
        }
    }
}
