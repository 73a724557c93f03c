//! Staff pages of channels: the list, making one, one channel, its poster, filing for somebody (代填).

use std::collections::BTreeMap;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use form_runtime::{FieldMessage, Map};
use serde::Deserialize;
use web::pages::channels::{ChannelList, ChannelNew, ChannelPage, ChannelRow, Fact, Poster, ScopePlace, Word};
use web::{Choice, Field, FieldKind, Tab, ToastKind};

use super::codes::{self, Filed};
use super::edit::{self, change_scope, draft_of};
use super::edit_pages::{handling, summary, with_errors, words};
use super::model::{CaseState, Channel};
use super::public::{Where, base_url, choice};
use super::public_form::{Door, Pairs, fill, new_client, value};
use super::submit::{self, Filer, Request, Submitted};
use super::{feedback, scope, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::geography::{Resolved, resolve};
use crate::platform::api::Paging;
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::Id;

/// Rows of one page.
const ROWS: i64 = 30;

/// Whether channels are any business of this viewer.
pub fn guard(viewer: &Viewer) -> Result<(), AppError> {
    viewer.principal.require(Permission::CaseRead).or_else(|_| viewer.principal.require(Permission::ChannelEdit))
}

/// The state of a channel in a word.
pub fn state_word(app: &App, viewer: &Viewer, channel: &Channel) -> Word {
    let (key, kind) = match channel.state.as_str() {
        "draft" => ("draft", ""),
        "open" if channel.is_open(app.now()) => ("open", "good"),
        "open" if channel.opens_at.is_some_and(|at| app.now() < at) => ("early", "primary"),
        _ => ("closed", ""),
    };
    Word { text: viewer.text(&format!("channels-state-{key}"), &[]), kind }
}

async fn scope_names(app: &App, channel: Id) -> Result<Vec<ScopePlace>, AppError> {
    let geography = app.geography();
    let places = store::scope(&mut app.read(), channel).await?;
    let named = places.into_iter().filter_map(|id| geography.get(id));
    Ok(named.map(|place| ScopePlace { id: place.id.to_string(), name: place.full_name.to_string() }).collect())
}

/// `GET /channels`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(paging): Query<Paging>,
) -> Result<Html<String>, AppError> {
    guard(&viewer)?;
    let found = store::list(&mut app.read(), &viewer.principal, paging.after()?, ROWS + 1).await?;
    let listed = crate::platform::api::Listed::cut(found, ROWS, |channel| (channel.created_at, channel.id));
    let may_handle = viewer.principal.has(Permission::CaseHandle);
    let mut channels = Vec::new();
    for channel in listed.items {
        let places = scope_names(&app, channel.id).await?;
        let names: Vec<&str> = places.iter().take(3).filter_map(|place| place.name.rsplit('/').next()).collect();
        let unit = scope::organization_name(&app, channel.organization_id);
        let parts: Vec<String> = [names.join("、"), unit].into_iter().filter(|part| !part.is_empty()).collect();
        channels.push(ChannelRow {
            title: channel.title_in(viewer.lang),
            href: format!("/channels/{}", channel.id),
            state: state_word(&app, &viewer, &channel),
            note: parts.join(" · "),
            file_href: (may_handle && channel.is_open(app.now()) && !feedback::is(channel.id))
                .then(|| format!("/channels/{}/file", channel.id)),
        });
    }
    let filter = store::CaseFilter { states: vec!["open", "accepted", "review"], ..store::CaseFilter::default() };
    let waiting =
        store::count_cases_all_shards(&mut app.read(), &viewer.principal, Some(feedback::id()), &filter).await?;
    let page = ChannelList {
        channels,
        may_create: viewer.principal.has(Permission::ChannelEdit),
        waiting: waiting.into_iter().map(|(_, count)| count).sum(),
        next: listed.next_cursor.map(|cursor| format!("/channels?cursor={cursor}")),
    };
    viewer.page(&app, "channels/list.html", "channels-title", Some(Tab::Channels), page)
}

async fn new_page(
    app: &App,
    viewer: &Viewer,
    posted: &BTreeMap<String, String>,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let value = |name: &str| posted.get(name).cloned().unwrap_or_default();
    let mut form = Field::new(FieldKind::Select, "form", viewer.text("channels-field-form", &[]));
    form.required = true;
    form.value = value("form");
    let choices = forms::choices(app).await?;
    form.options = choices
        .iter()
        .map(|(id, title, _, number)| Choice::new(id.to_string(), format!("{} v{number}", viewer.lang.pick(title))))
        .collect();
    let told = |name: &str| faults.iter().find(|fault| fault.at == name).map(|fault| fault.text(viewer.lang));
    let mut first = words(viewer, posted);
    first.push(form);
    let place_label = if value("place_text").is_empty() {
        value("place").parse().map_or_else(|_| String::new(), |id| scope::place_name(app, id))
    } else {
        value("place_text")
    };
    let page = ChannelNew {
        fields: with_errors(viewer, first, faults),
        handling: with_errors(viewer, handling(viewer, posted), faults),
        errors: summary(viewer, faults),
        place: value("place"),
        place_label,
        place_error: told("place").unwrap_or_default(),
        no_forms: choices.is_empty(),
    };
    let mut frame = viewer.frame(app, viewer.text("channels-new-title", &[]), Some(Tab::Channels));
    frame.has_errors = !faults.is_empty();
    viewer.render(app, "channels/new.html", &frame, page)
}

/// `GET /channels/new`
pub async fn new(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::ChannelEdit)?;
    let mut posted = BTreeMap::new();
    // A link from a form names it; one's own place stands in until another is chosen.
    if let Some(form) = asked.get("form") {
        posted.insert("form".to_owned(), form.clone());
        posted.insert("working_days".to_owned(), "3".to_owned());
    }
    let own =
        viewer.principal.organization().and_then(|id| app.directory().organization(id).and_then(|unit| unit.place));
    if let Some(place) = own {
        posted.entry("working_days".to_owned()).or_insert_with(|| "3".to_owned());
        posted.insert("place".to_owned(), place.to_string());
    }
    new_page(&app, &viewer, &posted, &[]).await
}

/// The place of a tree picker: its id, or what was typed where no script put the id in.
fn picked(app: &App, id: &str, typed: &str) -> Option<Id> {
    match id.parse() {
        Ok(id) => Some(id),
        Err(_) => match resolve(&app.geography(), typed.trim(), None) {
            Resolved::One(id) => Some(id),
            _ => None,
        },
    }
}

/// `POST /channels/new`
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ChannelEdit)?;
    let value = |name: &str| posted.get(name).map_or("", String::as_str);
    let place = picked(&app, value("place"), value("place_text"));
    let draft = draft_of(&posted, place.into_iter().collect());
    match edit::create(&app, &viewer, &draft, value("open") == "1").await {
        Ok(channel) => {
            let key = if channel.state == "open" { "channels-made-open" } else { "channels-made-draft" };
            Ok(redirect_with_toast(format!("/channels/{}", channel.id), ToastKind::Good, viewer.text(key, &[])))
        }
        Err(AppError::Invalid(faults)) => {
            let page = new_page(&app, &viewer, &posted, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// A channel that this viewer may see: open ones, and those it may change.
pub async fn seen(app: &App, viewer: &Viewer, id: Id) -> Result<Channel, AppError> {
    guard(viewer)?;
    let channel = store::channel(&mut app.read(), id).await?.ok_or(AppError::NotFound)?;
    if channel.state == "open" || edit::may_edit(app, viewer, &channel) { Ok(channel) } else { Err(AppError::NotFound) }
}

async fn channel_page(
    app: &App,
    viewer: &Viewer,
    headers: &HeaderMap,
    channel: &Channel,
    place_error: String,
) -> Result<Html<String>, AppError> {
    let published = forms::published(app, channel.form_version_id).await?;
    let fact = |key: &str, value: String| Fact { label: viewer.text(key, &[]), value, note: None };
    let day =
        |at: Option<i64>| at.map_or_else(|| viewer.text("channels-no-limit", &[]), |at| app.clock.minute_text(at));
    let days = channel
        .working_days
        .map_or_else(|| viewer.text("channels-no-limit", &[]), |n| viewer.text("channels-days", &[("n", n.into())]));
    let filter = store::CaseFilter { channel: Some(channel.id), ..store::CaseFilter::default() };
    let counts =
        store::count_cases_all_shards(&mut app.read(), &viewer.principal, Some(feedback::id()), &filter).await?;
    let cases = CaseState::ALL
        .iter()
        .filter_map(|state| {
            let (_, count) = counts.iter().find(|(key, _)| key == state.key())?;
            Some(fact(&format!("channels-case-{}", state.key()), web::group_thousands(&count.to_string())))
        })
        .collect();
    let open = channel.is_open(app.now()) && !feedback::is(channel.id);
    let page = ChannelPage {
        id: channel.id.to_string(),
        title: channel.title_in(viewer.lang),
        intro: channel.intro_in(viewer.lang),
        state: state_word(app, viewer, channel),
        state_key: channel.state.clone(),
        version: channel.version.to_string(),
        address: format!("{}/c/{}", base_url(app, headers), channel.slug),
        path: format!("/c/{}", channel.slug),
        facts: vec![
            fact("channels-field-form", format!("{} v{}", viewer.lang.pick(&published.title), published.number)),
            fact("channels-unit", scope::organization_name(app, channel.organization_id)),
            fact("channels-field-review", viewer.text(&format!("channels-review-{}", channel.review), &[])),
            fact("channels-field-working-days", days),
            fact("channels-field-opens-on", day(channel.opens_at)),
            fact("channels-field-closes-on", day(channel.closes_at)),
        ],
        places: scope_names(app, channel.id).await?,
        cases,
        may_edit: edit::may_edit(app, viewer, channel) && !feedback::is(channel.id),
        may_file: open && viewer.principal.has(Permission::CaseHandle),
        place_error,
    };
    let frame = viewer.frame(app, page.title.clone(), Some(Tab::Channels));
    viewer.render(app, "channels/show.html", &frame, page)
}

/// `GET /channels/{id}`
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Html<String>, AppError> {
    let channel = seen(&app, &viewer, id).await?;
    channel_page(&app, &viewer, &headers, &channel, String::new()).await
}

/// `POST /channels/{id}/open`
pub async fn open(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Response, AppError> {
    match edit::set_state(&app, &viewer, id, None, "open").await {
        Err(AppError::Invalid(faults)) => {
            let channel = edit::own(&app, &viewer, id).await?;
            let text = faults.first().map_or_else(String::new, |fault| fault.text(viewer.lang));
            let page = channel_page(&app, &viewer, &headers, &channel, text).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
        other => other?,
    };
    Ok(redirect_with_toast(format!("/channels/{id}"), ToastKind::Good, viewer.text("channels-opened", &[])))
}

/// `POST /channels/{id}/close`
pub async fn close(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    edit::set_state(&app, &viewer, id, None, "closed").await?;
    Ok(redirect_with_toast(format!("/channels/{id}"), ToastKind::Good, viewer.text("channels-closed", &[])))
}

/// `POST /channels/{id}/scope`: adds a place, or takes one out.
pub async fn set_scope(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    let channel = edit::own(&app, &viewer, id).await?;
    let value = |name: &str| posted.get(name).map_or("", String::as_str);
    let remove = value("remove").parse().ok();
    let add = if remove.is_none() { picked(&app, value("place"), value("place_text")) } else { None };
    let done = if add.is_none() && remove.is_none() {
        Err(AppError::invalid("place", "channels-place-needed"))
    } else {
        change_scope(&app, &viewer, id, add, remove).await
    };
    match done {
        Ok(()) => Ok(redirect(&format!("/channels/{id}"))),
        Err(AppError::Invalid(faults)) => {
            let text = faults.first().map_or_else(String::new, |fault| fault.text(viewer.lang));
            let page = channel_page(&app, &viewer, &headers, &channel, text).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// `GET /channels/{id}/poster`: one sheet of paper with the QR code.
pub async fn poster(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Html<String>, AppError> {
    let channel = seen(&app, &viewer, id).await?;
    let names: Vec<String> = scope_names(&app, id).await?.into_iter().map(|place| place.name).collect();
    let page = Poster {
        title: channel.title_in(viewer.lang),
        intro: channel.intro_in(viewer.lang),
        places: names.join("、"),
        address: format!("{}/c/{}", base_url(&app, &headers), channel.slug),
        qr: format!("/c/{}/qr.svg", channel.slug),
        back: format!("/channels/{id}"),
    };
    let frame = viewer.frame(&app, page.title.clone(), Some(Tab::Channels));
    viewer.render(&app, "channels/poster.html", &frame, page)
}

async fn filing(app: &App, viewer: &Viewer, id: Id) -> Result<(Channel, Vec<Id>), AppError> {
    viewer.principal.require(Permission::CaseHandle)?;
    viewer.staff()?;
    let channel = seen(app, viewer, id).await?;
    if !channel.is_open(app.now()) || feedback::is(id) {
        return Err(AppError::Conflict("channels-not-open"));
    }
    let places = store::scope(&mut app.read(), id).await?;
    Ok((channel, places))
}

fn may_file(app: &App, viewer: &Viewer, places: &[Id], place: Id) -> bool {
    scope::covers(&app.geography(), places, place) && viewer.may(app, Permission::CaseHandle, Some(place), None)
}

fn show_filing(
    app: &App,
    viewer: &Viewer,
    door: &Door,
    client: Id,
    answers: &Map,
    messages: &[FieldMessage],
) -> Result<Html<String>, AppError> {
    let action = format!("/channels/{}/file", door.channel.id);
    let mut page = fill(app, viewer, door, action.clone(), client, answers, messages);
    page.change_href = Some(format!("{action}?in="));
    let title = viewer.text("channels-file-title", &[("title", door.channel.title_in(viewer.lang).into())]);
    let mut frame = viewer.frame(app, title, Some(Tab::Channels));
    frame.has_errors = !messages.is_empty();
    viewer.render(app, "channels/file.html", &frame, page)
}

/// `GET /channels/{id}/file`: 代填.
pub async fn file(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(asked): Query<FileAsked>,
) -> Result<Html<String>, AppError> {
    let (channel, places) = filing(&app, &viewer, id).await?;
    let geography = app.geography();
    let own =
        viewer.principal.organization().and_then(|id| app.directory().organization(id).and_then(|unit| unit.place));
    let chosen: Option<Id> = match (&asked.place, &asked.within, &asked.q) {
        (Some(place), _, _) => place.parse().ok(),
        (None, None, None) => {
            own.filter(|place| may_file(&app, &viewer, &places, *place)).or_else(|| scope::only(&geography, &places))
        }
        _ => None,
    };
    if let Some(place) = chosen {
        if !may_file(&app, &viewer, &places, place) {
            return Err(AppError::NotFound);
        }
        let published = forms::published(&app, channel.form_version_id).await?;
        let door = Door { channel, published, place };
        return show_filing(&app, &viewer, &door, new_client(&app, place), &Map::new(), &[]);
    }
    let base = format!("/channels/{id}/file");
    let asked = Where::of(asked.within.unwrap_or_default(), asked.q.unwrap_or_default());
    let page = choice(&app, &places, &asked, &base, channel.title_in(viewer.lang), String::new());
    let frame = viewer.frame(&app, page.title.clone(), Some(Tab::Channels));
    viewer.render(&app, "channels/file_choose.html", &frame, page)
}

/// Where a worker files for.
#[derive(Debug, Default, Deserialize)]
pub struct FileAsked {
    place: Option<String>,
    #[serde(rename = "in")]
    within: Option<String>,
    q: Option<String>,
}

/// `POST /channels/{id}/file`
pub async fn file_send(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(pairs): Form<Pairs>,
) -> Result<Response, AppError> {
    let staff = viewer.staff()?;
    let (channel, places) = filing(&app, &viewer, id).await?;
    let place: Id = value(&pairs, "place").parse().map_err(|_| AppError::invalid("place", "channels-place-needed"))?;
    if !may_file(&app, &viewer, &places, place) {
        return Err(AppError::NotFound);
    }
    let published = forms::published(&app, channel.form_version_id).await?;
    let client_id =
        value(&pairs, "client_id").parse().map_err(|_| AppError::invalid("client_id", "channels-page-old"))?;
    let door = Door { channel, published, place };
    let posted = forms::answers_of(&app, &door.published, &pairs);
    let mut actor = viewer.actor();
    actor.on_behalf = Some("resident".to_owned());
    let request = Request {
        channel: door.channel.clone(),
        published: door.published.clone(),
        place,
        client_id,
        posted: posted.clone(),
        actor,
        filer: Some(Filer { post: staff.post, organization: staff.organization }),
    };
    match submit::submit(&app, &request).await? {
        Submitted::Invalid(messages) => {
            let page = show_filing(&app, &viewer, &door, client_id, &posted, &messages)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Submitted::Mismatch(_) => Err(AppError::Conflict("channels-already-text")),
        Submitted::Stored(slip) => {
            let mut response = redirect(&format!("/cases/{}/slip", slip.case));
            codes::keep(
                &app,
                &mut response,
                &Filed { case: slip.case, code: slip.query_code, until: codes::until(&app) },
            );
            Ok(response)
        }
    }
}
