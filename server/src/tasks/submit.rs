//! Submitting an item: answers, what they say about the subject, what they count, in one commit.

use std::collections::BTreeMap;

use form_runtime::{Class, Extraction, FieldMessage, Map};
use rule_engine::{Compiled, Hook, MeasureDeclaration, Record as RuleRecord, RuleError};
use serde_json::json;

use super::acts::{self, By};
use super::model::{Item, ItemState, Task, TaskShape};
use super::opened::{self, Opened, Record};
use super::store::{ITEM, ITEM_INDEXED};
use crate::app::App;
use crate::entities::{self, Applied, Said, Source, SourceKind, Subject};
use crate::error::AppError;
use crate::forms::Published;
use crate::forms::submit::{Door, Filing, first, prepare};
use crate::measures::{Contribution, delta_puts};
use crate::platform::events::Event;
use crate::platform::ids::{Id, shard_of};
use crate::platform::lane::{Expect, Outcome, Put, WriteSet};
use crate::platform::secrets::is_sealed;

/// What was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// made by the server when the form opened, or by an API client
    pub client_id: Id,
    /// by field
    pub answers: Map,
    /// 没有变化
    pub confirm_all: bool,
    /// the item's version on the page
    pub item_version: Option<i64>,
    /// the record's version on the page
    pub record_version: Option<i64>,
}

/// 提交凭证
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// the submission
    pub submission_id: Id,
    /// what people read out
    pub slip_code: String,
    /// whether the same had been stored before
    pub repeated: bool,
}

/// Why nothing was stored.
#[derive(Clone, Debug)]
pub enum Refused {
    /// by field
    Fields(Vec<FieldMessage>),
    /// item or record moved since the page was opened: show the change again
    Moved,
}

/// Files a visit.
pub async fn submit(app: &App, by: &By, item: Id, posted: Posted) -> Result<Result<Slip, Refused>, AppError> {
    let (task, item) = acts::load(app, by, item).await?;
    if !by.handles(app, &item) && item.submission_id.is_none() {
        return Err(AppError::Forbidden);
    }
    let opened = opened::open(app, task, item).await?;
    submit_opened(app, by, &opened, posted).await
}

/// A visit that stands: stored before, or ready for the lane.
#[derive(Clone, Debug)]
pub enum Planned {
    /// the same was stored before
    Before(Slip),
    /// what is to be written, and the slip it will have
    Now(Box<WriteSet>, Slip),
}

/// Files a visit of an item that was read already.
pub async fn submit_opened(
    app: &App,
    by: &By,
    opened: &Opened,
    posted: Posted,
) -> Result<Result<Slip, Refused>, AppError> {
    let (set, slip) = match plan(app, by, opened, &posted).await? {
        Ok(Planned::Now(set, slip)) => (set, slip),
        Ok(Planned::Before(slip)) => return Ok(Ok(slip)),
        Err(refused) => return Ok(Err(refused)),
    };
    match app.lanes.submit(*set).await? {
        Outcome::Stored => Ok(Ok(slip)),
        Outcome::Repeated { submission_id, slip_code } => Ok(Ok(Slip { submission_id, slip_code, repeated: true })),
        Outcome::Mismatch => Err(AppError::Conflict("work-conflict-mismatch")),
        Outcome::Stale => Ok(Err(Refused::Moved)),
    }
}

/// Judges a visit and makes its rows; nothing is stored.
pub async fn plan(app: &App, by: &By, opened: &Opened, posted: &Posted) -> Result<Result<Planned, Refused>, AppError> {
    let Opened { task, item, published, record, .. } = opened;
    if task.shape() == TaskShape::Discovery {
        return Err(AppError::Conflict("work-conflict-certify"));
    }
    let filing = filing(app, by, opened, posted);
    // A repeat gets its first slip, whatever became of the item since; of an item that was never filed there
    // can be none, and the lane looks in any case.
    let before = if item.submission_id.is_some() { first(app, &filing).await? } else { None };
    if let Some(first) = before {
        return if first.same {
            let slip = Slip { submission_id: first.submission_id, slip_code: first.slip_code, repeated: true };
            Ok(Ok(Planned::Before(slip)))
        } else {
            Err(AppError::Conflict("work-conflict-mismatch"))
        };
    }
    acts::running(task)?;
    if !by.handles(app, item) {
        return Err(AppError::Forbidden);
    }
    acts::to_be_done(item)?;
    if posted.item_version.is_some_and(|version| version != item.version)
        || posted.record_version.is_some_and(|version| version != record.version())
    {
        return Ok(Err(Refused::Moved));
    }
    if posted.confirm_all && opened.last.is_none() {
        return Err(AppError::Conflict("work-conflict-no-visit"));
    }
    let mut ready = match prepare(app, &filing) {
        Ok(ready) => ready,
        Err(messages) => return Ok(Err(Refused::Fields(messages))),
    };
    let now = app.now();
    if let Some(applied) = statement(app, by, opened, &ready.extraction, ready.submission_id, now)? {
        ready.write_set.puts.extend(applied.puts);
        ready.write_set.expects.extend(applied.expects);
    }
    let changed = !posted.confirm_all && differs(opened, &ready.extraction);
    let mut after = done(item, by, ready.submission_id, now);
    after.changed = Some(changed);
    let old = Contribution::parse(&item.contribution)?;
    let amounts = measured(app, task, item, published, &ready.normalized).await?;
    let new = acts::contribution(&after, &amounts, &old, &app.clock.today_text());
    after.contribution = new.text();
    let set = &mut ready.write_set;
    let (old, new) = (old.standing(&item.standing()), new.standing(&after.standing()));
    set.puts.extend(delta_puts(item.shard, task.id, item.release, &old, &new, now));
    set.puts.push(Put::changed(&ITEM, ITEM_INDEXED, &item.row(), after.row()));
    set.puts.push(submitted(item, &filing, by, ready.submission_id, now).put(item.shard));
    set.expects.push(Expect { table: ITEM.table, shard: item.shard, id: item.id, version: item.version });
    set.signals.extend([task.id, item.id, item.holder_organization].into_iter().chain(after.holder_post));
    let slip = Slip { submission_id: ready.submission_id, slip_code: ready.slip_code, repeated: false };
    Ok(Ok(Planned::Now(Box::new(ready.write_set), slip)))
}

/// The filing of an item; with 没有变化 what a default answers (the visit is today) is filled in.
pub fn filing(app: &App, by: &By, opened: &Opened, posted: &Posted) -> Filing {
    let mut answers = posted.answers.clone();
    if posted.confirm_all {
        for (key, value) in opened.published.compiled.defaults(app.clock.today()) {
            if opened.known.get(&key).is_none() {
                answers.entry(key).or_insert(value);
            }
        }
    }
    Filing {
        published: opened.published.clone(),
        door: Door::Item { shard: opened.item.shard, id: opened.item.id },
        client_id: posted.client_id,
        posted: answers,
        known: opened.known.clone(),
        confirm_all: posted.confirm_all,
        actor: by.actor.clone(),
    }
}

fn submitted(item: &Item, filing: &Filing, by: &By, submission: Id, now: i64) -> Event {
    Event {
        kind: "item.submitted",
        subject_class: "item",
        subject_id: Some(item.id),
        actor: by.actor.clone(),
        at: now,
        payload: json!({
            "task": item.task_id,
            "submission": submission,
            "subject": item.subject_id,
            "form_version": filing.published.id,
            "confirmed_all": filing.confirm_all,
        }),
    }
}

/// An item that is done by this submission; whoever files an unclaimed one has thereby claimed it.
pub fn done(item: &Item, by: &By, submission: Id, now: i64) -> Item {
    let mut after = item.clone();
    ItemState::Done.key().clone_into(&mut after.state);
    after.reason = None;
    if by.principal.organization() == Some(item.holder_organization) {
        after.holder_post = item.holder_post.or(by.principal.post());
    }
    after.submission_id = Some(submission);
    after.moved_at = now;
    after.done_at = Some(now);
    after.version += 1;
    after
}

/// What a task counts of an answer: its rule, compiled once for each version of the task.
#[derive(Default)]
pub struct Counting(Option<(Result<Compiled, RuleError>, Vec<MeasureDeclaration>)>);

impl Counting {
    fn of(app: &App, task: &Task) -> Result<Self, AppError> {
        let measures = task.measures()?;
        let compiled = |rule| (app.rules.compile(rule, Hook::Measure), measures.declarations());
        Ok(Self(measures.rule.as_ref().map(compiled)))
    }
}

/// What a task's own rule counts of the answers. Secrets are kept from it; a rule that fails counts
/// nothing and is reported, it never stands in a worker's way.
pub async fn measured(
    app: &App,
    task: &Task,
    item: &Item,
    published: &Published,
    answers: &Map,
) -> Result<BTreeMap<String, i64>, AppError> {
    let counting = app.counting.get(app.lanes.changes(), task.id, async { Counting::of(app, task) }).await?;
    let Some((compiled, declarations)) = &counting.0 else { return Ok(BTreeMap::new()) };
    let mut open = answers.clone();
    for secret in published.compiled.secret_fields() {
        open.remove(secret);
    }
    let mut attributes: Map = serde_json::from_str(&item.sheet).unwrap_or_default();
    attributes.retain(|_, value| !is_sealed(value));
    let record = RuleRecord::new(item.id.to_string()).with(attributes);
    let answers = RuleRecord::new(item.id.to_string()).with(open);
    let counted = compiled
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|compiled| rule_engine::measure(compiled, &record, &answers, declarations));
    Ok(counted.unwrap_or_else(|fault| {
        tracing::warn!(task = %task.id, item = %item.id, fault = %fault.message(rule_engine::Lang::En), "measure rule failed");
        BTreeMap::new()
    }))
}

/// Whether the visit found something else than was known.
fn differs(opened: &Opened, extraction: &Extraction) -> bool {
    if !extraction.subject.said.is_empty() {
        return true;
    }
    let Some(last) = &opened.last else { return false };
    let found = |key: &String| opened.published.compiled.field(key).is_some_and(opened::is_finding);
    let event = extraction.event.said.iter().chain(&extraction.unbound);
    let answers: Vec<_> = event.filter(|(key, _)| found(key)).collect();
    answers.iter().any(|(key, value)| last.answers.get(*key) != Some(*value))
}

/// What the answers say about the subject, as rows. None where there is no subject to speak of.
fn statement(
    app: &App,
    by: &By,
    opened: &Opened,
    extraction: &Extraction,
    submission: Id,
    now: i64,
) -> Result<Option<Applied>, AppError> {
    let item = &opened.item;
    let (Some(subject), Some(class)) = (item.subject_id, item.subject_class.parse::<Class>().ok()) else {
        return Ok(None);
    };
    let subject = Subject { class, shard: item.subject_shard.unwrap_or_else(|| shard_of(subject)), id: subject };
    let source = Source {
        kind: SourceKind::Worker,
        id: Some(item.id),
        submission: Some(submission),
        form_version: Some(opened.published.id),
        batch: None,
        title: web::Lang::ZhCn.pick(&opened.published.title).to_owned(),
    };
    let said = Said::of_form(subject, &extraction.subject, source, by.actor.clone(), now);
    let applied = match &opened.record {
        Record::Plain(record) if subject.shard == item.shard => entities::apply_plain(app, Some(record), &said)?,
        Record::None if class != Class::Person && subject.shard == item.shard => {
            entities::apply_plain(app, None, &said)?
        }
        record => entities::apply_from(app, item.shard, record.person(), &said)?,
    };
    Ok(Some(applied))
}
