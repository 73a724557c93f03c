//! Residents' pages: no account, no script. A channel's door, its slip, the query of a case, the services
//! of a community, the mailbox.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Extension, Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use form_runtime::Map;
use serde::Deserialize;
use web::pages::channels::{Gone, NextStep, PlaceChoice, PlaceLink, Service, Services, SlipPage};

use super::codes::{self, Slip};
use super::model::{Case, Channel};
use super::public_form::{Door, Pairs, fill, new_client, value};
use super::submit::{self, Request, Submitted};
use super::{feedback, scope, store};
use crate::access::Viewer;
use crate::access::pages::peer;
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::platform::events::Actor;
use crate::platform::http::redirect;
use crate::platform::ids::Id;

/// Where the reader stands on the way to a community.
#[derive(Debug, Default, Deserialize)]
pub struct Where {
    /// the community, chosen
    #[serde(default)]
    place: String,
    /// the place whose parts are listed
    #[serde(default, rename = "in")]
    within: String,
    /// what is searched
    #[serde(default)]
    q: String,
}

impl Where {
    /// A step on the way, or a search.
    pub fn of(within: String, q: String) -> Self {
        Self { place: String::new(), within, q }
    }
}

/// Nobody's account is written down at a public door, only the request.
pub fn nobody(viewer: &Viewer) -> Actor {
    Actor { request_id: Some(viewer.request_id.clone()), ..Actor::default() }
}

/// The list and search of communities within a scope.
pub fn choice(app: &App, places: &[Id], asked: &Where, base: &str, title: String, intro: String) -> PlaceChoice {
    let geography = app.geography();
    let searched = !asked.q.trim().is_empty();
    let within = asked.within.parse().ok();
    let found =
        if searched { scope::search(&geography, places, &asked.q) } else { scope::level(&geography, places, within) };
    let places_shown = found
        .into_iter()
        .map(|place| {
            let on = scope::leads_on(&geography, &place);
            PlaceLink {
                label: place.name.to_owned(),
                note: if searched { place.full_name.to_string() } else { String::new() },
                href: format!("{base}?{}={}", if on { "in" } else { "place" }, place.id),
            }
        })
        .collect();
    let up = within.filter(|_| !searched).and_then(|id| geography.get(id)).map(|here| {
        let above = here.parent.filter(|parent| places.iter().any(|place| geography.contains(*place, *parent)));
        PlaceLink {
            label: here.name.to_owned(),
            note: String::new(),
            href: above.map_or_else(|| base.to_owned(), |parent| format!("{base}?in={parent}")),
        }
    });
    PlaceChoice { title, intro, action: base.to_owned(), query: asked.q.clone(), searched, places: places_shown, up }
}

async fn opened(app: &App, slug: &str) -> Result<Channel, AppError> {
    let channel = store::by_slug(&mut app.read(), slug).await?.ok_or(AppError::NotFound)?;
    if channel.state == "draft" { Err(AppError::NotFound) } else { Ok(channel) }
}

fn gone(app: &App, viewer: &Viewer, channel: &Channel, why: &str) -> Result<Response, AppError> {
    let page = Gone {
        title: channel.title_in(viewer.lang),
        text: viewer.text(why, &[]),
        href: "/services".to_owned(),
        action: viewer.text("channels-to-services", &[]),
    };
    let frame = viewer.frame(app, page.title.clone(), None);
    Ok((StatusCode::GONE, viewer.render(app, "channels/gone.html", &frame, page)?).into_response())
}

/// Why a channel takes nothing in now.
fn closed_because(app: &App, channel: &Channel) -> Option<&'static str> {
    if channel.is_open(app.now()) {
        None
    } else if channel.state == "open" && channel.opens_at.is_some_and(|at| app.now() < at) {
        Some("channels-gone-early")
    } else {
        Some("channels-gone-closed")
    }
}

/// `GET /c/{slug}`: the form, after a community is chosen where there is more than one.
pub async fn door(
    State(app): State<App>,
    viewer: Viewer,
    Path(slug): Path<String>,
    Query(asked): Query<Where>,
) -> Result<Response, AppError> {
    if slug == feedback::SLUG {
        return Ok(redirect("/feedback"));
    }
    let channel = opened(&app, &slug).await?;
    if let Some(why) = closed_because(&app, &channel) {
        return gone(&app, &viewer, &channel, why);
    }
    let places = store::scope(&mut app.read(), channel.id).await?;
    let geography = app.geography();
    let only = scope::only(&geography, &places);
    let chosen = if asked.place.is_empty() { only } else { asked.place.parse().ok() };
    if !asked.place.is_empty() && chosen.is_none_or(|place| !scope::covers(&geography, &places, place)) {
        return gone(&app, &viewer, &channel, "channels-gone-outside");
    }
    let Some(place) = chosen else {
        let base = format!("/c/{slug}");
        let page = choice(&app, &places, &asked, &base, channel.title_in(viewer.lang), channel.intro_in(viewer.lang));
        let mut frame = viewer.frame(&app, page.title.clone(), None);
        frame.back_href = page.up.as_ref().map(|up| up.href.clone());
        return Ok(viewer.render(&app, "channels/choose.html", &frame, page)?.into_response());
    };
    let published = forms::published(&app, channel.form_version_id).await?;
    let door = Door { channel, published, place };
    let client = new_client(&app, place);
    let page = show_door(&app, &viewer, &door, client, &Map::new(), &[], only.is_none())?;
    Ok(page.into_response())
}

fn show_door(
    app: &App,
    viewer: &Viewer,
    door: &Door,
    client: Id,
    answers: &Map,
    messages: &[form_runtime::FieldMessage],
    can_change: bool,
) -> Result<Html<String>, AppError> {
    let base = format!("/c/{}", door.channel.slug);
    let mut page = fill(app, viewer, door, base.clone(), client, answers, messages);
    page.change_href = can_change.then(|| base.clone());
    let title = door.channel.title_in(viewer.lang);
    let mut frame = viewer.frame(app, title, None);
    frame.path = if can_change { format!("{base}?place={}", door.place) } else { base.clone() };
    frame.back_href = can_change.then_some(base);
    frame.has_errors = !messages.is_empty();
    viewer.render(app, "channels/fill.html", &frame, page)
}

/// `POST /c/{slug}`: takes the form in and leads to the slip.
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Path(slug): Path<String>,
    Form(pairs): Form<Pairs>,
) -> Result<Response, AppError> {
    app.gate.public(peer(info.as_deref()))?;
    let channel = opened(&app, &slug).await?;
    if let Some(why) = closed_because(&app, &channel) {
        return gone(&app, &viewer, &channel, why);
    }
    let places = store::scope(&mut app.read(), channel.id).await?;
    let geography = app.geography();
    let Some(place) = value(&pairs, "place").parse().ok().filter(|id| scope::covers(&geography, &places, *id)) else {
        return gone(&app, &viewer, &channel, "channels-gone-outside");
    };
    let published = forms::published(&app, channel.form_version_id).await?;
    let door = Door { channel, published, place };
    let can_change = scope::only(&geography, &places).is_none();
    take(&app, &viewer, &door, &pairs, |client, answers, messages| {
        show_door(&app, &viewer, &door, client, answers, messages, can_change)
    })
    .await
}

/// Takes a posted page in; `again` shows it with what is wrong.
async fn take(
    app: &App,
    viewer: &Viewer,
    door: &Door,
    pairs: &Pairs,
    again: impl Fn(Id, &Map, &[form_runtime::FieldMessage]) -> Result<Html<String>, AppError>,
) -> Result<Response, AppError> {
    let client_id =
        value(pairs, "client_id").parse().map_err(|_| AppError::invalid("client_id", "channels-page-old"))?;
    let posted = forms::answers_of(app, &door.published, pairs);
    let request = Request {
        channel: door.channel.clone(),
        published: door.published.clone(),
        place: door.place,
        client_id,
        posted: posted.clone(),
        actor: nobody(viewer),
        filer: None,
    };
    match submit::submit(app, &request).await? {
        Submitted::Invalid(messages) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, again(client_id, &posted, &messages)?).into_response())
        }
        Submitted::Stored(slip) => {
            let mut response = redirect(&format!("/c/{}/slip", door.channel.slug));
            keep_slip(app, &mut response, door, slip);
            Ok(response)
        }
        Submitted::Mismatch(slip) => {
            let page = Gone {
                title: viewer.text("channels-already-title", &[]),
                text: viewer.text("channels-already-text", &[]),
                href: format!("/c/{}/slip", door.channel.slug),
                action: viewer.text("channels-already-slip", &[]),
            };
            let frame = viewer.frame(app, page.title.clone(), None);
            let page = viewer.render(app, "channels/gone.html", &frame, page)?;
            let mut response = (StatusCode::CONFLICT, page).into_response();
            keep_slip(app, &mut response, door, slip);
            Ok(response)
        }
    }
}

fn keep_slip(app: &App, response: &mut Response, door: &Door, slip: submit::Slip) {
    let kept = Slip {
        case: slip.case,
        slug: door.channel.slug.clone(),
        slip: slip.slip_code,
        code: slip.query_code,
        until: codes::until(app),
    };
    codes::keep(app, response, &kept);
}

/// The address under which people reach this house.
pub fn base_url(app: &App, headers: &HeaderMap) -> String {
    let set = app.installation.load().base_url.clone();
    if !set.is_empty() {
        return set;
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}

/// `11 月 27 日`, or none.
pub fn due_text(app: &App, viewer: &Viewer, due: Option<i64>) -> Option<String> {
    let date = app.clock.date_of(due?);
    let (month, day) = (i64::from(date.month()), i64::from(date.day()));
    Some(viewer.text("channels-day", &[("month", month.into()), ("day", day.into())]))
}

/// What happens after a request came in.
pub fn next_steps(app: &App, viewer: &Viewer, case: Option<&Case>) -> Vec<NextStep> {
    let unit = case.map_or_else(String::new, |case| scope::organization_name(app, case.holder_organization));
    let due = case.and_then(|case| due_text(app, viewer, case.due_at));
    let look = match (&unit, &due) {
        (unit, _) if unit.is_empty() => viewer.text("channels-next-look-plain", &[]),
        (unit, Some(due)) => {
            viewer.text("channels-next-look-due", &[("unit", unit.as_str().into()), ("due", due.as_str().into())])
        }
        (unit, None) => viewer.text("channels-next-look-unit", &[("unit", unit.as_str().into())]),
    };
    vec![
        NextStep { title: viewer.text("channels-next-look", &[]), text: look },
        NextStep {
            title: viewer.text("channels-next-answer", &[]),
            text: viewer.text("channels-next-answer-text", &[]),
        },
        NextStep {
            title: viewer.text("channels-next-ask", &[]),
            text: if unit.is_empty() {
                viewer.text("channels-next-ask-plain", &[])
            } else {
                viewer.text("channels-next-ask-text", &[("unit", unit.as_str().into())])
            },
        },
    ]
}

/// `GET /c/{slug}/slip`: what the browser keeps for half an hour; the code is in no address.
pub async fn slip(
    State(app): State<App>,
    viewer: Viewer,
    headers: HeaderMap,
    Path(slug): Path<String>,
) -> Result<Response, AppError> {
    let channel = opened(&app, &slug).await?;
    let Some(kept) = codes::kept::<Slip>(&app, &headers).filter(|kept| kept.slug == slug) else {
        return Ok(redirect("/query"));
    };
    let case = submit::case_of(&app, kept.case).await?;
    let page = SlipPage {
        title: channel.title_in(viewer.lang),
        slip: case.as_ref().map_or(kept.slip, |case| case.slip_code.clone()),
        code: Some(kept.code),
        received: case.as_ref().map(|case| app.clock.minute_text(case.created_at)),
        steps: next_steps(&app, &viewer, case.as_ref()),
        query_address: format!("{}/query", base_url(&app, &headers)),
        next_href: "/query".to_owned(),
        for_whom: None,
    };
    let frame = viewer.frame(&app, viewer.text("channels-slip-title", &[]), None);
    Ok(viewer.render(&app, "channels/slip.html", &frame, page)?.into_response())
}

/// `GET /services`: what is open where one lives.
pub async fn services(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Where>,
) -> Result<Html<String>, AppError> {
    let geography = app.geography();
    let root: Vec<Id> = geography.root().map(|root| root.id).into_iter().collect();
    let only = scope::only(&geography, &root);
    let chosen = asked.place.parse().ok().or(only).filter(|place| scope::covers(&geography, &root, *place));
    let mut services = Vec::new();
    if let Some(place) = chosen {
        for channel in store::open_at(&mut app.read(), place).await? {
            if channel.is_open(app.now()) && !feedback::is(channel.id) {
                services.push(Service {
                    title: channel.title_in(viewer.lang),
                    intro: channel.intro_in(viewer.lang),
                    href: format!("/c/{}?place={place}", channel.slug),
                });
            }
        }
    }
    let title = viewer.text("channels-services-title", &[]);
    let choice = choice(&app, &root, &asked, "/services", title.clone(), String::new());
    let office = chosen
        .and_then(|place| scope::holder(&geography, &app.directory(), place))
        .map(|unit| scope::organization_name(&app, unit));
    let mut frame = viewer.frame(&app, title, None);
    frame.back_href = if chosen.is_some() && only.is_none() {
        Some("/services".to_owned())
    } else {
        choice.up.as_ref().map(|up| up.href.clone())
    };
    let page = Services { place: chosen.map(|id| scope::place_name(&app, id)), services, choice, office };
    viewer.render(&app, "channels/services.html", &frame, page)
}

/// `GET /r`: the short way to the services.
pub async fn short() -> Response {
    redirect("/services")
}

async fn mailbox_door(app: &App) -> Result<Door, AppError> {
    let (channel, published, place) = feedback::mailbox(app).await?;
    Ok(Door { channel, published, place })
}

fn show_mailbox(
    app: &App,
    viewer: &Viewer,
    door: &Door,
    client: Id,
    answers: &Map,
    messages: &[form_runtime::FieldMessage],
) -> Result<Html<String>, AppError> {
    let mut page = fill(app, viewer, door, "/feedback".to_owned(), client, answers, messages);
    page.place_name.clear();
    let mut frame = viewer.frame(app, door.channel.title_in(viewer.lang), None);
    frame.has_errors = !messages.is_empty();
    viewer.render(app, "channels/fill.html", &frame, page)
}

/// `GET /feedback`: 投诉建议.
pub async fn mailbox(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    let door = mailbox_door(&app).await?;
    show_mailbox(&app, &viewer, &door, new_client(&app, door.place), &Map::new(), &[])
}

/// `POST /feedback`
pub async fn post_mailbox(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(pairs): Form<Pairs>,
) -> Result<Response, AppError> {
    app.gate.public(peer(info.as_deref()))?;
    let door = mailbox_door(&app).await?;
    take(&app, &viewer, &door, &pairs, |client, answers, messages| {
        show_mailbox(&app, &viewer, &door, client, answers, messages)
    })
    .await
}

/// A QR code (ISO/IEC 18004) of a text as an image of its own.
pub fn qr(text: &str) -> Result<Response, AppError> {
    let code = qrcode::QrCode::new(text.as_bytes()).map_err(|fault| AppError::Internal(format!("qr code: {fault}")))?;
    let image = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], image).into_response())
}

/// `GET /c/{slug}/qr.svg`: the channel's address.
pub async fn qr_of_channel(
    State(app): State<App>,
    headers: HeaderMap,
    Path(slug): Path<String>,
) -> Result<Response, AppError> {
    let channel = opened(&app, &slug).await?;
    qr(&format!("{}/c/{}", base_url(&app, &headers), channel.slug))
}

/// `GET /query/qr.svg`: the query page's address; the code itself is in no picture.
pub async fn qr_of_query(State(app): State<App>, headers: HeaderMap) -> Result<Response, AppError> {
    qr(&format!("{}/query", base_url(&app, &headers)))
}
