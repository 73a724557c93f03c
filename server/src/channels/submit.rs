//! A filled form becomes a case: from a resident's page, from a worker who files for somebody, or from a
//! resident who corrects.

use std::sync::Arc;

use form_runtime::extract::Sayings;
use form_runtime::{Class, FieldMessage, Known, Map};
use serde_json::json;

use super::model::{Case, CaseState, Channel, StepKind};
use super::store::{self, CASE_STEP, case_put, step_row};
use super::{codes, scope};
use crate::app::App;
use crate::directory::working_days::{add_working_days, load};
use crate::entities::{self, Applied, Claimed, Said, Source, SourceKind};
use crate::error::AppError;
use crate::forms::submit::{Door, Filing, Ready, first, prepare};
use crate::forms::{self, Published};
use crate::platform::database::bulk::OnKey;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::{Expect, Outcome, Put};

/// Tries while somebody else changes the same person's record.
const TRIES: usize = 4;

/// The worker who files for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filer {
    /// post acted in
    pub post: Id,
    /// its organization
    pub organization: Id,
}

/// One filled form at a channel's door.
#[derive(Clone, Debug)]
pub struct Request {
    /// the channel
    pub channel: Channel,
    /// its form
    pub published: Arc<Published>,
    /// the community whose page was opened
    pub place: Id,
    /// made by the server for the page; the same id is the same submission for ever
    pub client_id: Id,
    /// answers by field key
    pub posted: Map,
    /// who sends it
    pub actor: Actor,
    /// the worker who files it, none for a resident
    pub filer: Option<Filer>,
}

/// What the filler takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// the case
    pub case: Id,
    /// on the slip
    pub slip_code: String,
    /// opens the case's state; stored nowhere
    pub query_code: String,
}

/// What became of a filled form.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// it is durable; a repeat gets the first slip
    Stored(Slip),
    /// what to change, field by field
    Invalid(Vec<FieldMessage>),
    /// something else was stored under the same client's id
    Mismatch(Slip),
}

/// Shard of a place.
pub fn shard_of_place(app: &App, place: Id) -> Result<i64, AppError> {
    app.geography().get(place).map(|found| found.shard).ok_or(AppError::NotFound)
}

/// Takes a request in. Page, message and timing do not depend on whether the person is known.
pub async fn submit(app: &App, request: &Request) -> Result<Submitted, AppError> {
    let (shard, now) = (shard_of_place(app, request.place)?, app.now());
    let case_id = new_id(shard, now);
    let query_code = codes::query_code(app, request.channel.id, request.place, request.client_id);
    let filing = Filing {
        published: Arc::clone(&request.published),
        door: Door::Case { shard, id: case_id, channel: request.channel.id },
        client_id: request.client_id,
        posted: request.posted.clone(),
        known: Known::default(),
        confirm_all: false,
        actor: request.actor.clone(),
    };
    if let Some(before) = repeat(app, &filing, &query_code).await? {
        return Ok(before);
    }
    let ready = match prepare(app, &filing) {
        Ok(ready) => ready,
        Err(messages) => return Ok(Submitted::Invalid(messages)),
    };
    let subject = subject_of(app, &request.published, &ready, request.place).await?;
    let digest = codes::digest(app, &query_code).ok_or_else(|| AppError::Internal("a query code of no code".into()))?;
    let holder = holder_of(app, &request.channel, request.place);
    let at_home = request.filer.is_some_and(|filer| filer.organization == holder);
    let mut case = Case {
        shard,
        id: case_id,
        channel_id: request.channel.id,
        submission_id: ready.submission_id,
        observation_id: None,
        subject_shard: subject.map(|subject| subject.shard),
        subject_id: subject.map(|subject| subject.id),
        place_id: request.place,
        holder_organization: holder,
        holder_post: request.filer.filter(|_| at_home).map(|filer| filer.post),
        state: if at_home { CaseState::Accepted } else { CaseState::Open }.key().to_owned(),
        label: label_of(&ready, request),
        slip_code: ready.slip_code.clone(),
        query_digest: digest,
        answer: None,
        decision: None,
        filed_by_post: request.filer.map(|filer| filer.post),
        due_at: due(app, &request.channel, now).await?,
        created_at: now,
        moved_at: now,
        done_at: None,
        version: 1,
    };
    for _ in 0..TRIES {
        let stated = state(app, request, &ready, &case, subject, at_home).await?;
        case.observation_id = stated.as_ref().map(|applied| applied.observation);
        let kind = if request.filer.is_some() { StepKind::Filed } else { StepKind::Submitted };
        match store_case(app, &ready, &case, stated, OnKey::Fail, kind, &request.actor).await? {
            Outcome::Stored => {
                return Ok(Submitted::Stored(Slip { case: case.id, slip_code: case.slip_code, query_code }));
            }
            // The same page was sent twice at once, and the other one was first.
            Outcome::Repeated { .. } | Outcome::Mismatch => {
                let before = repeat(app, &filing, &query_code).await?;
                return before.ok_or_else(|| AppError::Internal("a repeat of nothing".into()));
            }
            Outcome::Stale => {}
        }
    }
    Err(AppError::Conflict("channels-moved"))
}

/// What was stored before under the same client's id, with its own case.
async fn repeat(app: &App, filing: &Filing, query_code: &str) -> Result<Option<Submitted>, AppError> {
    let Some(found) = first(app, filing).await? else { return Ok(None) };
    let row = crate::forms::store::submission(&mut app.read(), filing.door.shard(), found.submission_id).await?;
    let case = row.ok_or(AppError::NotFound)?.door_id;
    let slip = Slip { case, slip_code: found.slip_code, query_code: query_code.to_owned() };
    Ok(Some(if found.same { Submitted::Stored(slip) } else { Submitted::Mismatch(slip) }))
}

/// A resident corrects: a new submission of the same case with the whole answers, checked anew.
pub async fn correct(app: &App, request: &Request, before: &Case) -> Result<Submitted, AppError> {
    let filing = Filing {
        published: Arc::clone(&request.published),
        door: Door::Case { shard: before.shard, id: before.id, channel: request.channel.id },
        client_id: request.client_id,
        posted: request.posted.clone(),
        known: Known::default(),
        confirm_all: false,
        actor: request.actor.clone(),
    };
    let slip = Slip { case: before.id, slip_code: before.slip_code.clone(), query_code: String::new() };
    if let Some(found) = first(app, &filing).await? {
        return Ok(if found.same { Submitted::Stored(slip) } else { Submitted::Mismatch(slip) });
    }
    if before.state() != CaseState::Correction {
        return Err(AppError::Conflict("channels-not-in-correction"));
    }
    let ready = match prepare(app, &filing) {
        Ok(ready) => ready,
        Err(messages) => return Ok(Submitted::Invalid(messages)),
    };
    let subject = subject_of(app, &request.published, &ready, before.place_id).await?;
    let mut case = Case {
        submission_id: ready.submission_id,
        subject_shard: subject.map(|subject| subject.shard),
        subject_id: subject.map(|subject| subject.id),
        state: if before.holder_post.is_some() { CaseState::Accepted } else { CaseState::Open }.key().to_owned(),
        label: label_of(&ready, request),
        due_at: due(app, &request.channel, app.now()).await?,
        moved_at: app.now(),
        version: before.version + 1,
        ..before.clone()
    };
    let stated = state(app, request, &ready, &case, subject, false).await?;
    case.observation_id = stated.as_ref().map(|applied| applied.observation);
    let mut ready = ready;
    ready.write_set.expects.push(Expect {
        table: "service_case",
        shard: case.shard,
        id: case.id,
        version: before.version,
    });
    match store_case(app, &ready, &case, stated, OnKey::Next, StepKind::Corrected, &request.actor).await? {
        Outcome::Stale => Err(AppError::Conflict("channels-moved")),
        Outcome::Mismatch => Ok(Submitted::Mismatch(slip)),
        Outcome::Stored | Outcome::Repeated { .. } => {
            // What was said first waits no longer: the correction stands in its place.
            if let Some(old) = before.observation_id
                && entities::pending(app, old).await?.is_some()
            {
                entities::reject(app, old, request.actor.clone()).await?;
            }
            Ok(Submitted::Stored(slip))
        }
    }
}

fn holder_of(app: &App, channel: &Channel, place: Id) -> Id {
    scope::holder(&app.geography(), &app.directory(), place).unwrap_or(channel.organization_id)
}

async fn due(app: &App, channel: &Channel, now: i64) -> Result<Option<i64>, AppError> {
    let Some(days) = channel.working_days else { return Ok(None) };
    let calendar = load(&mut app.read()).await?;
    Ok(Some(add_working_days(&calendar, &app.clock, now, days)))
}

/// What a list calls it: the person's name; where the form is about nobody, what was chosen first; else the
/// channel's title.
fn label_of(ready: &Ready, request: &Request) -> String {
    if let Some(name) = ready.extraction.subject.said.get("name").and_then(serde_json::Value::as_str) {
        return name.to_owned();
    }
    let fields = request.published.compiled.fields().iter();
    let mut choices = fields.filter(|field| !field.many && !field.options.choices.is_empty());
    let chosen = choices.find_map(|field| {
        let value = ready.normalized.get(field.key()).filter(|value| !value.is_null())?;
        Some(field.control.display(value, &field.options, forms::language(web::Lang::ZhCn)))
    });
    chosen.unwrap_or_else(|| request.channel.title_in(web::Lang::ZhCn))
}

/// The person it is about: by citizen number, or a provisional one. None when the form is about nobody.
async fn subject_of(app: &App, published: &Published, ready: &Ready, place: Id) -> Result<Option<Claimed>, AppError> {
    if published.class != Class::Person.key() || ready.extraction.subject.is_empty() {
        return Ok(None);
    }
    let number = ready.extraction.subject.said.get("id_no").and_then(serde_json::Value::as_str);
    entities::claim_person(app, number, place).await.map(Some)
}

/// The form that was filled, and the service it was filled for where that has another name.
fn source_title(request: &Request) -> String {
    let form = web::Lang::ZhCn.pick(&request.published.title);
    let service = request.channel.title_in(web::Lang::ZhCn);
    if form == service { service } else { format!("{form}（{service}）") }
}

/// The rows of what is said: waiting when a resident says it, current at once when a worker does.
async fn state(
    app: &App,
    request: &Request,
    ready: &Ready,
    case: &Case,
    subject: Option<Claimed>,
    at_home: bool,
) -> Result<Option<Applied>, AppError> {
    let Some(subject) = subject else { return Ok(None) };
    let kind = match request.filer {
        None => SourceKind::Unverified,
        Some(_) if at_home => SourceKind::Worker,
        Some(_) => SourceKind::Clerk,
    };
    let source = Source {
        kind,
        id: Some(case.id),
        submission: Some(ready.submission_id),
        form_version: Some(request.published.id),
        batch: None,
        title: source_title(request),
    };
    let sayings = at_place(app, &ready.extraction.subject, case.place_id);
    let said = Said::of_form(subject.subject(), &sayings, source, request.actor.clone(), app.now());
    if request.filer.is_none() {
        return Ok(Some(entities::pending_from(app, case.shard, &said)?));
    }
    let record = entities::find(&mut app.read(), subject.shard, subject.id).await?;
    Ok(Some(entities::apply_from(app, case.shard, record.as_ref(), &said)?))
}

/// Whoever opens a community's page says with it where they live, unless the form asks for that.
fn at_place(app: &App, sayings: &Sayings, place: Id) -> Sayings {
    let mut sayings = sayings.clone();
    if app.geography().get(place).is_some_and(|found| found.level >= 5) {
        sayings.said.entry("residence_place").or_insert_with(|| json!(place));
    }
    sayings
}

async fn store_case(
    app: &App,
    ready: &Ready,
    case: &Case,
    stated: Option<Applied>,
    on_key: OnKey,
    kind: StepKind,
    actor: &Actor,
) -> Result<Outcome, AppError> {
    let mut set = ready.write_set.clone();
    if let Some(applied) = stated {
        set.puts.extend(applied.puts);
        set.expects.extend(applied.expects);
    }
    set.puts.push(case_put(case, on_key));
    let step = step_row(case, kind.key(), None, case.moved_at, actor.post);
    set.puts.push(Put { shape: &CASE_STEP, on_key: OnKey::Fail, row: step });
    set.puts.push(event(case, kind, actor).put(case.shard));
    set.signals.extend([Some(case.holder_organization), case.holder_post].into_iter().flatten());
    Ok(app.lanes.submit(set).await?)
}

/// The event of an act on a case.
pub fn event(case: &Case, kind: StepKind, actor: &Actor) -> Event {
    let name = match kind {
        StepKind::Submitted => "case.submitted",
        StepKind::Filed => "case.filed",
        StepKind::Claimed => "case.claimed",
        StepKind::Given => "case.given",
        StepKind::Transferred => "case.transferred",
        StepKind::CorrectionAsked => "case.correction_asked",
        StepKind::Corrected => "case.corrected",
        StepKind::Proposed => "case.proposed",
        StepKind::SentBack => "case.sent_back",
        StepKind::Answered => "case.answered",
        StepKind::Rejected => "case.rejected",
    };
    Event {
        kind: name,
        subject_class: "case",
        subject_id: Some(case.id),
        actor: actor.clone(),
        at: case.moved_at,
        payload: json!({
            "channel": case.channel_id,
            "submission": case.submission_id,
            "observation": case.observation_id,
            "holder": case.holder_organization,
        }),
    }
}

/// The case a slip speaks of.
pub async fn case_of(app: &App, id: Id) -> Result<Option<Case>, AppError> {
    Ok(store::case(&mut app.read(), id).await?)
}
