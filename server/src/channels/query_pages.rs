//! `/query`: a resident with a query code sees the state of the one case, and corrects what is asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use form_runtime::controls::is_blank;
use form_runtime::{FieldMessage, Map};
use serde::Deserialize;
use web::ToastKind;
use web::pages::channels::{CaseState as StatePage, Fill, Happened, QueryPage};

use super::codes::{self, Opened};
use super::model::{Case, CaseState, Channel, Correction, Step, StepKind};
use super::public::{due_text, nobody};
use super::public_form::{Door, Pairs, fill, new_client, value};
use super::submit::{self, Request, Submitted};
use super::{handle, query, scope, store};
use crate::access::Viewer;
use crate::access::pages::peer;
use crate::app::App;
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::Id;

/// What the query page posts.
#[derive(Debug, Default, Deserialize)]
pub struct CodeForm {
    #[serde(default)]
    code: String,
}

fn ask(app: &App, viewer: &Viewer, error: Option<&str>) -> Result<Html<String>, AppError> {
    let mut frame = viewer.frame(app, viewer.text("channels-query-title", &[]), None);
    frame.has_errors = error.is_some();
    viewer.render(app, "channels/query.html", &frame, QueryPage { error: error.map(|key| viewer.text(key, &[])) })
}

/// `GET /query`
pub async fn show(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    ask(&app, &viewer, None)
}

/// `POST /query`: a right code opens the case for half an hour in this browser.
pub async fn enter(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<CodeForm>,
) -> Result<Response, AppError> {
    app.gate.query(peer(info.as_deref()))?;
    match query::find(&app, &form.code).await? {
        Some(case) => {
            let mut response = redirect("/query/case");
            codes::keep(&app, &mut response, &Opened { case: case.id, until: codes::until(&app) });
            Ok(response)
        }
        None => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, ask(&app, &viewer, Some("channels-query-wrong"))?).into_response())
        }
    }
}

async fn opened(app: &App, headers: &HeaderMap) -> Result<Option<(Case, Channel, Vec<Step>)>, AppError> {
    let Some(kept) = codes::kept::<Opened>(app, headers) else { return Ok(None) };
    let mut db = app.read();
    let Some(case) = store::case(&mut db, kept.case).await? else { return Ok(None) };
    let channel = handle::channel_of(app, &case).await?;
    let steps = store::steps(&mut db, &case).await?;
    Ok(Some((case, channel, steps)))
}

/// What a resident reads of a step; what concerns only the workers is left out.
fn told(viewer: &Viewer, app: &App, step: &Step) -> Option<Happened> {
    let kind = StepKind::from_key(&step.kind);
    let note = match kind {
        StepKind::Claimed | StepKind::Submitted | StepKind::Filed | StepKind::Corrected => None,
        StepKind::CorrectionAsked => {
            serde_json::from_str::<Correction>(step.note.as_deref()?).ok().map(|correction| correction.text)
        }
        StepKind::Answered | StepKind::Rejected => step.note.clone(),
        StepKind::Transferred => None,
        StepKind::Given | StepKind::Proposed | StepKind::SentBack => return None,
    };
    Some(Happened {
        title: viewer.text(&format!("channels-told-{}", kind.key()), &[]),
        note,
        at: app.clock.minute_text(step.at),
        kind: colour(kind),
    })
}

/// The colour of a step.
pub fn colour(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Answered => "good",
        StepKind::CorrectionAsked => "warn",
        StepKind::Rejected => "danger",
        _ => "",
    }
}

/// The fields that are asked again, and those that became wrong by what was corrected. A secret given before
/// is shown by its mask: whoever found the slip learns no number from it.
fn narrowed(
    viewer: &Viewer,
    mut page: Fill,
    asked: &Correction,
    messages: &[FieldMessage],
    masks: &BTreeMap<String, String>,
) -> Fill {
    let wanted = |name: &str| asked.fields.iter().any(|key| key == name) || messages.iter().any(|m| m.field == name);
    for section in &mut page.form.sections {
        section.fields.retain(|field| wanted(&field.name));
        for field in &mut section.fields {
            if let Some(mask) = masks.get(&field.name) {
                field.hint = Some(viewer.text("channels-secret-before", &[("mask", mask.as_str().into())]));
                field.required = false;
            }
        }
    }
    page.form.sections.retain(|section| !section.fields.is_empty());
    page.asked = Some(asked.text.clone());
    page
}

/// Masks of the secrets that were given before.
fn masks(published: &Published, answers: &Map) -> BTreeMap<String, String> {
    let given = |key: &str| answers.get(key).filter(|value| !is_blank(value));
    let secret = published.compiled.fields().iter().filter(|field| field.secret);
    secret.filter_map(|field| Some((field.key().to_owned(), field.control.mask(given(field.key())?)))).collect()
}

/// Answers without those that only their mask may be seen of.
fn without(answers: &Map, masks: &BTreeMap<String, String>) -> Map {
    answers.iter().filter(|(key, _)| !masks.contains_key(*key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

async fn state_page(
    app: &App,
    viewer: &Viewer,
    (case, channel, steps): &(Case, Channel, Vec<Step>),
    again: Option<(Id, &Map, &[FieldMessage])>,
) -> Result<Html<String>, AppError> {
    let state = case.state();
    let correction = match query::correction(steps).filter(|_| state == CaseState::Correction) {
        None => None,
        Some(asked) => {
            let before = query::answers(app, case).await?;
            let door =
                Door { channel: channel.clone(), published: handle::form_of(app, case).await?, place: case.place_id };
            let masks = masks(&door.published, &before);
            let open = without(&before, &masks);
            let (client, answers, messages) = again.unwrap_or((new_client(app, case.place_id), &open, &[]));
            let page = fill(app, viewer, &door, "/query/case".to_owned(), client, answers, messages);
            Some(narrowed(viewer, page, &asked, messages, &masks))
        }
    };
    let page = StatePage {
        title: channel.title_in(viewer.lang),
        state: viewer.text(&format!("channels-state-told-{}", state.key()), &[]),
        kind: match state {
            CaseState::Done => "good",
            CaseState::Correction => "warn",
            CaseState::Rejected => "danger",
            _ => "quiet",
        },
        answer: case.answer.clone().filter(|_| state.is_end()),
        due: due_text(app, viewer, case.due_at).filter(|_| !state.is_end()),
        holder: scope::organization_name(app, case.holder_organization),
        slip: case.slip_code.clone(),
        steps: steps.iter().rev().filter_map(|step| told(viewer, app, step)).collect(),
        correction,
    };
    let mut frame = viewer.frame(app, page.title.clone(), None);
    frame.back_href = Some("/query".to_owned());
    frame.has_errors = again.is_some();
    viewer.render(app, "channels/state.html", &frame, page)
}

/// `GET /query/case`
pub async fn case(State(app): State<App>, viewer: Viewer, headers: HeaderMap) -> Result<Response, AppError> {
    match opened(&app, &headers).await? {
        Some(found) => Ok(state_page(&app, &viewer, &found, None).await?.into_response()),
        None => Ok(redirect("/query")),
    }
}

/// `POST /query/case`: the named fields again; the rest stays as it was answered.
pub async fn correct(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(pairs): Form<Pairs>,
) -> Result<Response, AppError> {
    app.gate.public(peer(info.as_deref()))?;
    let Some(found) = opened(&app, &headers).await? else { return Ok(redirect("/query")) };
    let (before, channel, steps) = &found;
    let client_id: Id =
        value(&pairs, "client_id").parse().map_err(|_| AppError::invalid("client_id", "channels-page-old"))?;
    let published = handle::form_of(&app, before).await?;
    let asked = query::correction(steps).unwrap_or_default();
    let mut answers = query::answers(&app, before).await?;
    let masks = masks(&published, &answers);
    let mut typed = without(&answers, &masks);
    let posted = forms::answers_of(&app, &published, &pairs);
    // Fields that follow from a corrected one may be answered as well; others only when they were asked.
    let follows = |key: &str| published.compiled.field(key).is_some_and(|field| field.definition.visible.is_some());
    for (key, answer) in posted {
        // A secret left empty stays as it was given: its mask does not travel back.
        let kept = masks.contains_key(&key) && is_blank(&answer);
        if !kept && (asked.fields.contains(&key) || follows(&key) || !answers.contains_key(&key)) {
            typed.insert(key.clone(), answer.clone());
            answers.insert(key, answer);
        }
    }
    let request = Request {
        channel: channel.clone(),
        published,
        place: before.place_id,
        client_id,
        posted: answers.clone(),
        actor: nobody(&viewer),
        filer: None,
    };
    match submit::correct(&app, &request, before).await? {
        Submitted::Stored(_) => {
            Ok(redirect_with_toast("/query/case", ToastKind::Good, viewer.text("channels-corrected", &[])))
        }
        Submitted::Mismatch(_) => Err(AppError::Conflict("channels-moved")),
        Submitted::Invalid(messages) => {
            let page = state_page(&app, &viewer, &found, Some((client_id, &typed, &messages))).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}
