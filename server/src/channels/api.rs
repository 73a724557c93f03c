//! JSON of channels and cases, and the door without an account: submit through a channel, ask by query code.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use form_runtime::Map;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

pub use super::api_schema::OPERATIONS;
use super::case_pages::{self, Act, WAITING};
use super::edit::{self, Draft};
use super::model::{Case, CaseState, Channel, Step, StepKind};
use super::public::nobody;
use super::submit::{self, Request, Submitted};
use super::{change, compare, feedback, handle, pages, query, scope, store};
use crate::access::Viewer;
use crate::access::pages::peer;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::platform::api::{IfMatch, Listed, Paging, Sent, etag, sent};
use crate::platform::ids::Id;

async fn channel_json(app: &App, channel: &Channel) -> Result<Value, AppError> {
    let text = |stored: &str| serde_json::from_str::<Value>(stored).unwrap_or_default();
    Ok(json!({
        "id": channel.id, "slug": channel.slug, "path": format!("/c/{}", channel.slug), "title": text(&channel.title),
        "intro": text(&channel.intro), "form_version": channel.form_version_id, "organization": channel.organization_id,
        "places": store::scope(&mut app.read(), channel.id).await?, "review": channel.review,
        "working_days": channel.working_days, "state": channel.state, "opens_at": channel.opens_at,
        "closes_at": channel.closes_at, "created_at": channel.created_at, "version": channel.version,
    }))
}

/// A case without what was answered: that is for whoever opens it.
fn case_json(case: &Case) -> Value {
    json!({
        "id": case.id, "channel": case.channel_id, "label": case.label, "slip": case.slip_code, "place": case.place_id,
        "holder_organization": case.holder_organization, "holder_post": case.holder_post, "state": case.state,
        "answer": case.answer, "filed_by_post": case.filed_by_post, "due_at": case.due_at,
        "created_at": case.created_at, "moved_at": case.moved_at, "done_at": case.done_at, "version": case.version,
    })
}

fn steps_json(steps: &[Step], told: impl Fn(StepKind) -> bool, posts: bool) -> Vec<Value> {
    let steps = steps.iter().filter(|step| told(StepKind::from_key(&step.kind)));
    steps
        .map(|step| {
            let mut row = json!({"kind": step.kind, "at": step.at});
            if posts {
                row["post"] = json!(step.post_id);
                row["note"] = json!(step.note);
            }
            row
        })
        .collect()
}

/// `GET /api/v1/channels`
pub async fn channels(
    State(app): State<App>,
    viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Json<Value>, AppError> {
    pages::guard(&viewer)?;
    let limit = paging.limit()?;
    let found = store::list(&mut app.read(), &viewer.principal, paging.after()?, limit + 1).await?;
    let listed = Listed::cut(found, limit, |channel| (channel.created_at, channel.id));
    let mut items = Vec::new();
    for channel in &listed.items {
        items.push(channel_json(&app, channel).await?);
    }
    Ok(Json(json!({"items": items, "next_cursor": listed.next_cursor})))
}

/// What a new channel is made of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    title: String,
    #[serde(default)]
    title_en: String,
    #[serde(default)]
    intro: String,
    #[serde(default)]
    intro_en: String,
    form_version: Id,
    places: Vec<Id>,
    #[serde(default)]
    review: Option<String>,
    #[serde(default)]
    working_days: Option<i64>,
    #[serde(default)]
    opens_on: String,
    #[serde(default)]
    closes_on: String,
    #[serde(default)]
    open: bool,
}

/// `POST /api/v1/channels`
pub async fn make(State(app): State<App>, viewer: Viewer, Json(new): Json<NewChannel>) -> Result<Response, AppError> {
    let draft = Draft {
        title: new.title,
        title_en: new.title_en,
        intro: new.intro,
        intro_en: new.intro_en,
        form: Some(new.form_version),
        places: new.places,
        review: new.review.unwrap_or_else(|| "none".to_owned()),
        working_days: new.working_days.map(|days| days.to_string()).unwrap_or_default(),
        opens_on: new.opens_on,
        closes_on: new.closes_on,
    };
    let channel = edit::create(&app, &viewer, &draft, new.open).await.map_err(pointed)?;
    Ok((StatusCode::CREATED, [etag(channel.version)], Json(channel_json(&app, &channel).await?)).into_response())
}

/// Field names of a page become pointers into the body.
fn pointed(error: AppError) -> AppError {
    let AppError::Invalid(faults) = error else { return error };
    let name = |at: &str| match at {
        "form" => "/form_version".to_owned(),
        "place" => "/places".to_owned(),
        at if at.starts_with('/') => at.to_owned(),
        at => format!("/{at}"),
    };
    AppError::Invalid(faults.into_iter().map(|fault| Fault { at: name(&fault.at), ..fault }).collect())
}

/// `GET /api/v1/channels/{id}`
pub async fn channel(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let channel = pages::seen(&app, &viewer, id).await?;
    Ok(([etag(channel.version)], Json(channel_json(&app, &channel).await?)).into_response())
}

/// What of a channel is to be another; what is absent stays, `null` takes a limit away.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    title: Option<String>,
    title_en: Option<String>,
    intro: Option<String>,
    intro_en: Option<String>,
    review: Option<String>,
    #[serde(default, deserialize_with = "days")]
    working_days: Option<String>,
    #[serde(default, deserialize_with = "date")]
    opens_on: Option<String>,
    #[serde(default, deserialize_with = "date")]
    closes_on: Option<String>,
}

/// A number as it would be typed; `null` is an empty field.
fn days<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::<i64>::deserialize(value)?.map(|days| days.to_string()).unwrap_or_default()))
}

/// A day as it would be typed; `null` is an empty field.
fn date<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::<String>::deserialize(value)?.unwrap_or_default()))
}

impl Change {
    fn onto(self, mut draft: Draft) -> Draft {
        let texts = [
            (self.title, &mut draft.title),
            (self.title_en, &mut draft.title_en),
            (self.intro, &mut draft.intro),
            (self.intro_en, &mut draft.intro_en),
            (self.review, &mut draft.review),
            (self.working_days, &mut draft.working_days),
            (self.opens_on, &mut draft.opens_on),
            (self.closes_on, &mut draft.closes_on),
        ];
        for (new, old) in texts {
            if let Some(new) = new {
                *old = new;
            }
        }
        draft
    }
}

/// `PATCH /api/v1/channels/{id}`
pub async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
    body: Sent<Change>,
) -> Result<Response, AppError> {
    let channel = change::changeable(&app, &viewer, id).await?;
    let (IfMatch(version), body) = (version?, sent(body)?);
    let draft = body.onto(change::draft_from(&app, &channel));
    match change::change(&app, &viewer, id, version, &draft).await {
        Ok(channel) => Ok(([etag(channel.version)], Json(channel_json(&app, &channel).await?)).into_response()),
        Err(AppError::Stale(_)) => Err(AppError::Stale(channel_json(&app, &channel).await?)),
        Err(other) => Err(pointed(other)),
    }
}

async fn set_state(
    app: &App,
    viewer: &Viewer,
    id: Id,
    version: Result<IfMatch, AppError>,
    state: &'static str,
) -> Result<Response, AppError> {
    edit::own(app, viewer, id).await?;
    let IfMatch(version) = version?;
    let channel = edit::set_state(app, viewer, id, Some(version), state).await.map_err(pointed)?;
    Ok(([etag(channel.version)], Json(channel_json(app, &channel).await?)).into_response())
}

/// `POST /api/v1/channels/{id}/open`
pub async fn open(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<Response, AppError> {
    set_state(&app, &viewer, id, version, "open").await
}

/// `POST /api/v1/channels/{id}/close`
pub async fn close(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    version: Result<IfMatch, AppError>,
) -> Result<Response, AppError> {
    set_state(&app, &viewer, id, version, "closed").await
}

/// Which cases.
#[derive(Debug, Default, Deserialize)]
pub struct CasesAsked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    channel: Option<Id>,
    #[serde(flatten)]
    paging: Paging,
}

/// `GET /api/v1/cases`
pub async fn cases(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<CasesAsked>,
) -> Result<Json<Value>, AppError> {
    pages::guard(&viewer)?;
    let limit = asked.paging.limit()?;
    let states = match asked.state.as_str() {
        "" => Vec::new(),
        "waiting" => WAITING.to_vec(),
        key => match CaseState::ALL.iter().find(|state| state.key() == key) {
            Some(state) => vec![state.key()],
            None => return Err(AppError::invalid("state", "channels-no-such-state")),
        },
    };
    let filter = store::CaseFilter { states, channel: asked.channel, after: asked.paging.after()?, mine: None };
    let (principal, mailbox) = (&viewer.principal, Some(feedback::id()));
    let found = store::cases_all_shards(&mut app.read(), principal, mailbox, &filter, limit + 1).await?;
    let listed = Listed::cut(found, limit, |case| (case.due_at.unwrap_or(store::NEVER), case.id));
    Ok(Json(json!(listed.map(|case| case_json(&case)))))
}

/// `GET /api/v1/cases/{id}`: with answers (secrets by their mask), what would change, and what happened.
pub async fn case(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let case = handle::visible(&app, &viewer, id).await?;
    one(&app, &viewer, &case).await
}

async fn one(app: &App, viewer: &Viewer, case: &Case) -> Result<Response, AppError> {
    let mut body = case_json(case);
    body["answers"] = json!(case_pages::answers(app, viewer, case, None).await?);
    body["changes"] = json!(compare::changes(app, viewer, case).await?);
    let steps = store::steps(&mut app.read(), case).await?;
    body["steps"] = json!(steps_json(&steps, |_| true, true));
    Ok(([etag(case.version)], Json(body)).into_response())
}

/// `POST /api/v1/cases/{id}/{act}`
pub async fn act(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, name)): Path<(Id, String)>,
    version: Result<IfMatch, AppError>,
    body: Option<Json<BTreeMap<String, Value>>>,
) -> Result<Response, AppError> {
    handle::visible(&app, &viewer, id).await?;
    let IfMatch(version) = version?;
    let pairs = case_pages::pairs_of(&body.map(|Json(body)| body).unwrap_or_default());
    let act = Act { pairs: &pairs, version: Some(version) };
    case_pages::perform(&app, &viewer, id, &name, act).await.map_err(pointed)?;
    match handle::visible(&app, &viewer, id).await {
        Ok(case) => one(&app, &viewer, &case).await,
        // It went to another unit, whose business it is now.
        Err(AppError::NotFound) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(other) => Err(other),
    }
}

/// One filled form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    place: Id,
    client_id: Id,
    answers: Map,
}

/// `POST /api/v1/channels/{id}/cases`: no account; nothing known is said back.
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(id): Path<Id>,
    Json(new): Json<NewCase>,
) -> Result<Response, AppError> {
    app.gate.public(peer(info.as_deref()))?;
    let channel = store::channel(&mut app.read(), id).await?.filter(|one| one.state != "draft");
    let channel = channel.ok_or(AppError::NotFound)?;
    if !channel.is_open(app.now()) {
        return Err(AppError::Gone("channels-gone-closed"));
    }
    let places = store::scope(&mut app.read(), channel.id).await?;
    if !scope::covers(&app.geography(), &places, new.place) {
        return Err(AppError::invalid("/place", "channels-gone-outside"));
    }
    let published = forms::published(&app, channel.form_version_id).await?;
    let request = Request {
        channel,
        published: published.clone(),
        place: new.place,
        client_id: new.client_id,
        posted: new.answers,
        actor: nobody(&viewer),
        filer: None,
    };
    match submit::submit(&app, &request).await? {
        Submitted::Stored(slip) => {
            let body = json!({"slip": slip.slip_code, "query_code": slip.query_code});
            Ok((StatusCode::CREATED, Json(body)).into_response())
        }
        Submitted::Mismatch(_) => Err(AppError::Conflict("channels-already-text")),
        Submitted::Invalid(messages) => Err(forms::answer_faults(&messages)),
    }
}

/// A query code; in a body, so that it stands in no address or log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    code: String,
}

/// `POST /api/v1/query`
pub async fn state(
    State(app): State<App>,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, AppError> {
    app.gate.query(peer(info.as_deref()))?;
    let case = query::find(&app, &asked.code).await?.ok_or(AppError::NotFound)?;
    let steps = store::steps(&mut app.read(), &case).await?;
    let correction = query::correction(&steps).filter(|_| case.state() == CaseState::Correction);
    let told = |kind| !matches!(kind, StepKind::Given | StepKind::Proposed | StepKind::SentBack);
    // That two workers look at it is their own affair.
    let state = if case.state() == CaseState::Review { CaseState::Accepted } else { case.state() };
    Ok(Json(json!({
        "slip": case.slip_code, "state": state.key(), "answer": case.answer.filter(|_| state.is_end()),
        "due_at": case.due_at, "correction": correction, "steps": steps_json(&steps, told, false),
    })))
}
