//! Acts on a case: claim, give, transfer, ask for a correction, answer, reject.

use serde_json::json;

use super::model::{Case, CaseState, Channel, Correction, Decision, StepKind};
use super::store::{self, CASE_STEP, move_case, step_row};
use super::submit::event;
use super::{compare, feedback};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::{self, Review};
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::database::bulk::OnKey;
use crate::platform::ids::Id;

/// Longest answer, reason or request in characters.
pub const LONGEST: usize = 1000;

/// Whether the viewer may do something with a case. The built-in mailbox is open to administrators of its
/// place too.
pub fn may(app: &App, viewer: &Viewer, permission: Permission, case: &Case) -> bool {
    viewer.may(app, permission, Some(case.place_id), Some(case.holder_organization))
        || (viewer.principal.has(permission)
            && case.holder_post.is_some()
            && case.holder_post == viewer.principal.post())
        || administers_mailbox(app, viewer, case)
}

/// Whether it came into the mailbox of a place that the viewer administers.
pub fn administers_mailbox(app: &App, viewer: &Viewer, case: &Case) -> bool {
    feedback::is(case.channel_id)
        && viewer.may(app, Permission::Administer, Some(case.place_id), Some(case.holder_organization))
}

/// The case, if this viewer may see it; any other does not exist.
pub async fn visible(app: &App, viewer: &Viewer, id: Id) -> Result<Case, AppError> {
    if viewer.principal.account().is_none() {
        return Err(AppError::SignIn);
    }
    let case = store::case(&mut app.read(), id).await?.ok_or(AppError::NotFound)?;
    if may(app, viewer, Permission::CaseRead, &case) { Ok(case) } else { Err(AppError::NotFound) }
}

/// The case for an act: seen, allowed, not ended, and still as the page showed it.
async fn in_hand(app: &App, viewer: &Viewer, id: Id, version: Option<i64>) -> Result<Case, AppError> {
    let case = visible(app, viewer, id).await?;
    if !may(app, viewer, Permission::CaseHandle, &case) {
        return Err(AppError::Forbidden);
    }
    if version.is_some_and(|version| version != case.version) {
        return Err(AppError::Stale(json!({"version": case.version, "state": case.state})));
    }
    if case.state().is_end() {
        return Err(AppError::Conflict("channels-ended"));
    }
    Ok(case)
}

/// Writes what an act changed, with its step and event, in one transaction.
async fn record(app: &App, viewer: &Viewer, case: Case, kind: StepKind, note: Option<String>) -> Result<(), AppError> {
    let (actor, before) = (viewer.actor(), case.holder_organization);
    let mut signals = vec![case.id, before];
    signals.extend(case.holder_post);
    app.lanes
        .write(case.shard, signals, move |tx| {
            let (case, actor, note) = (case.clone(), actor.clone(), note.clone());
            Box::pin(async move {
                move_case(tx, &case).await?;
                let step = step_row(&case, kind.key(), note.as_deref(), case.moved_at, actor.post);
                CASE_STEP.write(tx, vec![step], OnKey::Fail).await?;
                event(&case, kind, &actor).write(tx, case.shard).await?;
                Ok::<(), AppError>(())
            })
        })
        .await
}

fn words(field: &str, text: &str) -> Result<String, AppError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AppError::invalid(field, "channels-words-needed"));
    }
    if text.chars().count() > LONGEST {
        return Err(AppError::invalid(field, "channels-words-long"));
    }
    Ok(text.to_owned())
}

/// Takes a case on. Taking one's own case again changes nothing.
pub async fn claim(app: &App, viewer: &Viewer, id: Id, version: Option<i64>) -> Result<(), AppError> {
    let post = viewer.staff()?.post;
    let case = in_hand(app, viewer, id, None).await?;
    match case.holder_post {
        Some(holder) if holder == post => return Ok(()),
        Some(_) => return Err(AppError::Conflict("channels-held")),
        None => {}
    }
    let mut case = in_hand(app, viewer, id, version).await?;
    case.holder_post = Some(post);
    case.state = CaseState::Accepted.key().to_owned();
    case.moved_at = app.now();
    record(app, viewer, case, StepKind::Claimed, None).await
}

/// Gives a case to a post of the organization that holds it.
pub async fn give(app: &App, viewer: &Viewer, id: Id, version: Option<i64>, to: Id) -> Result<(), AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    if !may(app, viewer, Permission::ItemAssign, &case) {
        return Err(AppError::Forbidden);
    }
    let book = app.directory();
    let post = book.post(to).filter(|post| post.organization == case.holder_organization && post.staff.is_some());
    let post = post.ok_or_else(|| AppError::invalid("to", "channels-no-such-post"))?;
    let name = book.holder(to).map_or_else(|| post.title.clone(), |staff| staff.name.clone());
    case.holder_post = Some(to);
    if case.state() == CaseState::Open {
        case.state = CaseState::Accepted.key().to_owned();
    }
    case.moved_at = app.now();
    record(app, viewer, case, StepKind::Given, Some(name)).await
}

/// Where a case can go: units with the same unit above.
pub fn siblings(app: &App, case: &Case) -> Vec<(Id, String)> {
    let book = app.directory();
    let Some(parent) = book.organization(case.holder_organization).and_then(|unit| unit.parent) else {
        return Vec::new();
    };
    let above = book.organization(parent).into_iter();
    above
        .chain(book.children(parent))
        .filter(|unit| unit.id != case.holder_organization)
        .map(|unit| (unit.id, unit.name.clone()))
        .collect()
}

/// Hands a case to a sibling, or up to the unit above both.
pub async fn transfer(
    app: &App,
    viewer: &Viewer,
    id: Id,
    version: Option<i64>,
    to: Id,
    reason: &str,
) -> Result<(), AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    let reason = words("reason", reason)?;
    let name = siblings(app, &case).into_iter().find(|(id, _)| *id == to).map(|(_, name)| name);
    let name = name.ok_or_else(|| AppError::invalid("to", "channels-no-such-unit"))?;
    case.holder_organization = to;
    case.holder_post = None;
    case.state = CaseState::Open.key().to_owned();
    case.decision = None;
    case.moved_at = app.now();
    record(app, viewer, case, StepKind::Transferred, Some(format!("{name}：{reason}"))).await
}

/// Asks the resident to correct named fields.
pub async fn ask_correction(
    app: &App,
    viewer: &Viewer,
    id: Id,
    version: Option<i64>,
    fields: Vec<String>,
    text: &str,
) -> Result<(), AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    let text = words("text", text)?;
    let published = form_of(app, &case).await?;
    let fields: Vec<String> = fields.into_iter().filter(|key| published.compiled.field(key).is_some()).collect();
    if fields.is_empty() {
        return Err(AppError::invalid("fields", "channels-fields-needed"));
    }
    if case.filed_by_post.is_some() {
        // What a worker filed is current already: there is nobody at a page who could correct it.
        return Err(AppError::Conflict("channels-filed-no-correction"));
    }
    case.state = CaseState::Correction.key().to_owned();
    case.decision = None;
    case.moved_at = app.now();
    let note = serde_json::to_string(&Correction { text, fields }).unwrap_or_default();
    record(app, viewer, case, StepKind::CorrectionAsked, Some(note)).await
}

/// Answers a case: what was said enters the record, without the refused attributes. Where the channel
/// wants a second worker, the first only proposes.
pub async fn answer(
    app: &App,
    viewer: &Viewer,
    id: Id,
    version: Option<i64>,
    refused: Vec<String>,
    text: &str,
) -> Result<CaseState, AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    let text = words("answer", text)?;
    let channel = channel_of(app, &case).await?;
    let post = viewer.principal.post();
    if channel.review == "worker" && case.state() != CaseState::Review {
        let decision = Decision { refused, answer: text, post };
        compare::check_refused(app, &case, &decision.refused).await?;
        case.decision = serde_json::to_string(&decision).ok();
        case.state = CaseState::Review.key().to_owned();
        case.moved_at = app.now();
        record(app, viewer, case, StepKind::Proposed, None).await?;
        return Ok(CaseState::Review);
    }
    if case.state() == CaseState::Review && decision_of(&case).post == post {
        return Err(AppError::Conflict("channels-second-person"));
    }
    accept_said(app, viewer, &case, refused).await?;
    case.answer = Some(text.clone());
    case.state = CaseState::Done.key().to_owned();
    case.moved_at = app.now();
    case.done_at = Some(case.moved_at);
    record(app, viewer, case, StepKind::Answered, Some(text)).await?;
    Ok(CaseState::Done)
}

/// Whoever handles the case vouches for what waits. Done before the case ends: if the process dies
/// between, the case is answered again and what was accepted stays accepted.
async fn accept_said(app: &App, viewer: &Viewer, case: &Case, refused: Vec<String>) -> Result<(), AppError> {
    let Some(observation) = case.observation_id else { return Ok(()) };
    if entities::pending(app, observation).await?.is_none() {
        return Ok(());
    }
    entities::accept(app, observation, Review { refused, actor: viewer.actor() }).await
}

/// The second worker does not agree: back to the first, with a reason.
pub async fn send_back(app: &App, viewer: &Viewer, id: Id, version: Option<i64>, reason: &str) -> Result<(), AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    if case.state() != CaseState::Review {
        return Err(AppError::Conflict("channels-not-in-review"));
    }
    let reason = words("reason", reason)?;
    case.holder_post = decision_of(&case).post.or(case.holder_post);
    case.state = CaseState::Accepted.key().to_owned();
    case.decision = None;
    case.moved_at = app.now();
    record(app, viewer, case, StepKind::SentBack, Some(reason)).await
}

/// Rejects a case with a reason that the resident reads; nothing of it enters the record.
pub async fn reject(app: &App, viewer: &Viewer, id: Id, version: Option<i64>, reason: &str) -> Result<(), AppError> {
    let mut case = in_hand(app, viewer, id, version).await?;
    let reason = words("reason", reason)?;
    if let Some(observation) = case.observation_id
        && entities::pending(app, observation).await?.is_some()
    {
        entities::reject(app, observation, viewer.actor()).await?;
    }
    case.answer = Some(reason.clone());
    case.state = CaseState::Rejected.key().to_owned();
    case.moved_at = app.now();
    case.done_at = Some(case.moved_at);
    record(app, viewer, case, StepKind::Rejected, Some(reason)).await
}

/// What the first worker decided.
pub fn decision_of(case: &Case) -> Decision {
    case.decision.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The channel of a case.
pub async fn channel_of(app: &App, case: &Case) -> Result<Channel, AppError> {
    store::channel(&mut app.read(), case.channel_id).await?.ok_or(AppError::NotFound)
}

/// The form version that a case was filled on: a submission keeps its version.
pub async fn form_of(app: &App, case: &Case) -> Result<std::sync::Arc<Published>, AppError> {
    let row =
        forms::store::submission(&mut app.read(), case.shard, case.submission_id).await?.ok_or(AppError::NotFound)?;
    forms::published(app, row.form_version_id).await
}
