//! One person's page, revealing a secret, and the search over people, places and organizations.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use web::Tab;
use web::pages::entities::{Hit, SearchPage};

use super::person_page::{Asked, context};
use super::reveal::{reveal as reveal_secret, visible};
use super::search::{Looked, People, age};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;

/// Which statements of the history are shown.
#[derive(Debug, Default, Deserialize)]
pub struct PersonQuery {
    /// only those recorded before this instant, UTC microseconds
    pub before: Option<i64>,
}

/// `GET /people/{id}`
pub async fn person(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(query): Query<PersonQuery>,
) -> Result<Html<String>, AppError> {
    let record = visible(&app, &viewer, Permission::PersonRead, id).await?;
    let page = context(&app, &viewer, &record, query.before, Asked::default()).await?;
    let frame = viewer.frame(&app, page.name.clone(), Some(Tab::Ledgers));
    viewer.render(&app, "entities/person.html", &frame, page)
}

/// What the reveal form posts.
#[derive(Debug, Deserialize)]
pub struct RevealForm {
    /// `id_no`, `mobile` …
    #[serde(default)]
    pub attribute: String,
    /// why
    #[serde(default)]
    pub reason: String,
}

/// `POST /people/{id}/reveal`: the page again, with this one value in clear, kept by no cache.
pub async fn reveal(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(form): Form<RevealForm>,
) -> Result<Response, AppError> {
    let record = visible(&app, &viewer, Permission::PersonRead, id).await?;
    let (asked, status) = match reveal_secret(&app, &viewer, id, &form.attribute, &form.reason).await {
        Ok(clear) => (Asked { attribute: Some(form.attribute), clear: Some(clear), error: None }, StatusCode::OK),
        Err(AppError::Invalid(faults)) => {
            let error = faults.first().map(|fault| fault.text(viewer.lang));
            (Asked { attribute: Some(form.attribute), clear: None, error }, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(other) => return Err(other),
    };
    let page = context(&app, &viewer, &record, None, asked).await?;
    let mut frame = viewer.frame(&app, page.name.clone(), Some(Tab::Ledgers));
    frame.path = format!("/people/{id}");
    frame.has_errors = status != StatusCode::OK;
    let html = viewer.render(&app, "entities/person.html", &frame, page)?;
    let mut response = (status, html).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What the search box sends.
#[derive(Debug, Default, Deserialize)]
pub struct SearchQuery {
    /// search text
    #[serde(default)]
    pub q: String,
}

/// Hits of one kind on the search page.
const HITS: usize = 20;

/// `GET /search?q=`
pub async fn search(
    State(app): State<App>,
    viewer: Viewer,
    Query(query): Query<SearchQuery>,
) -> Result<Html<String>, AppError> {
    viewer.principal.account().ok_or(AppError::SignIn)?;
    let looked = Looked::parse(&query.q);
    let whole = looked == Some(Looked::Whole);
    let q = if whole { String::new() } else { query.q.trim().to_owned() };
    let (mut people, mut more_people) = (Vec::new(), false);
    if looked.is_some() && !whole && viewer.principal.has(Permission::PersonRead) {
        let wanted = People { looked: looked.clone(), ..People::default() };
        let page = wanted.page_all_shards(&app, &viewer.principal, &[Permission::PersonRead], None, HITS).await?;
        more_people = page.next.is_some();
        people = page.rows.iter().map(|record| person_hit(&app, &viewer, record)).collect();
    }
    let text = looked.as_ref().map(|looked| match looked {
        Looked::Name(text) | Looked::Latin(text) | Looked::Tail(text) => text.clone(),
        Looked::Whole => String::new(),
    });
    let (places, organizations) = match text.filter(|text| !text.is_empty()) {
        Some(text) => (places(&app, &text), organizations(&app, &text)),
        None => (Vec::new(), Vec::new()),
    };
    let page = SearchPage {
        error: whole.then(|| viewer.text("entities-only-last-four", &[])),
        people,
        more_people,
        people_href: "/ledgers".to_owned(),
        places,
        organizations,
        q,
    };
    let mut frame = viewer.frame(&app, viewer.text("entities-search", &[]), None);
    if whole {
        "/search".clone_into(&mut frame.path);
    }
    viewer.render(&app, "entities/search.html", &frame, page)
}

fn person_hit(app: &App, viewer: &Viewer, record: &super::PersonRecord) -> Hit {
    let place = record.community_id.and_then(|id| app.geography().get(id).map(|place| place.full_name.to_string()));
    let years = record
        .birth_date
        .as_deref()
        .and_then(|date| age(app.clock.today(), date))
        .map(|years| viewer.text("entities-years", &[("n", years.into())]));
    let note: Vec<String> =
        [years, record.id_no_mask.clone(), place, record.address.clone()].into_iter().flatten().collect();
    Hit {
        title: if record.name.is_empty() { viewer.text("entities-no-name", &[]) } else { record.name.clone() },
        note: note.join(" · "),
        href: format!("/people/{}", record.id),
    }
}

fn places(app: &App, text: &str) -> Vec<Hit> {
    let geography = app.geography();
    crate::geography::search(&geography, text, None, HITS)
        .into_iter()
        .map(|place| Hit {
            title: place.name.to_owned(),
            note: place.full_name.to_string(),
            href: format!("/places?at={}", place.id),
        })
        .collect()
}

fn organizations(app: &App, text: &str) -> Vec<Hit> {
    let (geography, directory) = (app.geography(), app.directory());
    let place = |id: Id| geography.get(id).map(|place| place.full_name.to_string());
    crate::directory::search::organizations(&directory, text, HITS)
        .into_iter()
        .map(|organization| Hit {
            title: organization.name.clone(),
            note: organization.place.and_then(place).unwrap_or_default(),
            href: format!("/organizations/{}", organization.id),
        })
        .collect()
}
