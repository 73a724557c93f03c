//! The tree of places: look around, search, add, rename, end; grids of a community.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use web::{Choice, Field, FieldKind, Tab, ToastKind};

use super::form::{self, ErrorLine, Posted};
use super::tree::staff_only;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::directory;
use crate::error::{AppError, Fault};
use crate::geography::change::{self, NewPlace};
use crate::geography::{self, PlaceRef, level_key};
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

/// How many a search shows.
const FOUND: usize = 50;

/// `?at=ID&q=TEXT`
#[derive(Default, Deserialize)]
pub struct Ask {
    #[serde(default)]
    at: String,
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
struct Crumb {
    label: String,
    href: String,
}

#[derive(Serialize)]
struct PlaceRow {
    name: String,
    href: String,
    kind: String,
    code: String,
    path: String,
    below: usize,
    outside: bool,
}

#[derive(Serialize)]
struct Unit {
    name: String,
    href: String,
}

#[derive(Serialize)]
struct GridRow {
    id: Id,
    name: String,
    version: i64,
    workers: Vec<Worker>,
}

#[derive(Serialize)]
struct Worker {
    post: Id,
    label: String,
}

#[derive(Serialize)]
struct Here {
    id: Id,
    name: String,
    official_name: String,
    path: String,
    kind: String,
    code: String,
    outside: bool,
    since: String,
    version: i64,
    community: bool,
    doors: i64,
    units: Vec<Unit>,
    grids: Vec<GridRow>,
    candidates: Vec<Choice>,
    may_end: bool,
}

#[derive(Serialize)]
struct PlacesPage {
    crumbs: Vec<Crumb>,
    here: Option<Here>,
    rows: Vec<PlaceRow>,
    q: String,
    may_edit: bool,
    may_edit_grids: bool,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
}

fn row(app: &App, viewer: &Viewer, place: PlaceRef<'_>) -> PlaceRow {
    PlaceRow {
        name: place.name.to_owned(),
        href: format!("/places?at={}", place.id),
        kind: kind_text(viewer, place.kind),
        code: place.code.unwrap_or_default().to_owned(),
        path: place.full_name.to_string(),
        below: app.geography().shown_children(place.id).len(),
        outside: !place.in_list && place.code.is_some(),
    }
}

/// The word for a kind of place.
pub fn kind_text(viewer: &Viewer, kind: &str) -> String {
    viewer.text(&format!("geography-kind-{}", kind.replace('_', "-")), &[])
}

async fn here(app: &App, viewer: &Viewer, place: PlaceRef<'_>) -> Result<Here, AppError> {
    let book = app.directory();
    let community = place.level == 5;
    let worker = |post: Id| {
        let title = book.post(post).map(|p| p.title.clone()).unwrap_or_default();
        let name = book.holder(post).map(|s| s.name.clone()).unwrap_or_default();
        Worker { post, label: format!("{name} {title}").trim().to_owned() }
    };
    let mut grids: Vec<GridRow> = book
        .grids_in(place.id)
        .map(|grid| GridRow {
            id: grid.id,
            name: grid.name.clone(),
            version: grid.version,
            workers: grid.workers.iter().map(|post| worker(*post)).collect(),
        })
        .collect();
    grids.sort_by(|a, b| a.name.cmp(&b.name));
    let candidates = book
        .at_place(place.id)
        .flat_map(|unit| book.posts_in(unit.id))
        .filter(|post| post.staff.is_some())
        .map(|post| Choice::new(post.id.to_string(), worker(post.id).label))
        .collect();
    let doors = if community {
        let counts = geography::premises::counts(&mut app.read(), place, &app.clock.today_text()).await?;
        counts.get("door").copied().unwrap_or(0)
    } else {
        0
    };
    Ok(Here {
        id: place.id,
        name: place.name.to_owned(),
        official_name: place.official_name.to_owned(),
        path: place.full_name.to_string(),
        kind: kind_text(viewer, place.kind),
        code: place.code.unwrap_or_default().to_owned(),
        outside: !place.in_list && place.code.is_some(),
        since: place.valid_from.to_owned(),
        version: place.version,
        community,
        doors,
        units: book
            .at_place(place.id)
            .map(|unit| Unit { name: unit.name.clone(), href: format!("/organizations/{}", unit.id) })
            .collect(),
        grids,
        candidates: if community { candidates } else { Vec::new() },
        may_end: app.geography().children(place.id).next().is_none() && book.at_place(place.id).next().is_none(),
    })
}

async fn page(
    app: &App,
    viewer: &Viewer,
    at: Option<Id>,
    q: &str,
    posted: &Posted,
    faults: &[Fault],
) -> Result<Response, AppError> {
    staff_only(viewer)?;
    let geography = app.geography();
    let place = match at {
        Some(id) => Some(geography.get(id).ok_or(AppError::NotFound)?),
        None => geography.root(),
    };
    let rows: Vec<PlaceRow> = if q.trim().is_empty() {
        place
            .map(|p| geography.shown_children(p.id))
            .unwrap_or_default()
            .into_iter()
            .map(|p| row(app, viewer, p))
            .collect()
    } else {
        geography::search(&geography, q, None, FOUND).into_iter().map(|p| row(app, viewer, p)).collect()
    };
    let mut crumbs: Vec<Crumb> = place
        .into_iter()
        .flat_map(|p| geography.chain(p.id))
        .filter(|p| !p.is_hidden())
        .map(|p| Crumb { label: p.name.to_owned(), href: format!("/places?at={}", p.id) })
        .collect();
    crumbs.reverse();
    let errors = form::told(viewer, faults);
    let mut name = form::field(viewer, FieldKind::Text, "name", "geography-name", posted, &errors);
    name.required = true;
    name.hint = Some(viewer.text("geography-name-hint", &[]));
    let mut level = form::field(viewer, FieldKind::Select, "level", "geography-level", posted, &errors);
    level.required = true;
    let above = place.map_or(0, |p| p.level);
    level.options = (above + 1..=5)
        .map(|level| Choice::new(level.to_string(), viewer.text(&format!("geography-level-{}", level_key(level)), &[])))
        .collect();
    if level.value.is_empty() {
        level.value = (above + 1).to_string();
    }
    let mut code = form::field(viewer, FieldKind::Text, "code", "geography-code", posted, &errors);
    code.hint = Some(viewer.text("geography-code-hint", &[]));
    let edit_at = |permission| viewer.may(app, permission, place.map(|p| p.id), None);
    let context = PlacesPage {
        crumbs,
        here: match place {
            Some(place) => Some(here(app, viewer, place).await?),
            None => None,
        },
        rows,
        q: q.to_owned(),
        may_edit: edit_at(Permission::PlaceEdit),
        may_edit_grids: edit_at(Permission::DirectoryEdit),
        fields: if above < 5 { vec![name, level, code] } else { vec![] },
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("geography-title", &[]), Some(Tab::Admin));
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/places.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// `GET /places`
pub async fn show(State(app): State<App>, viewer: Viewer, Query(ask): Query<Ask>) -> Result<Response, AppError> {
    let at = if ask.at.is_empty() { None } else { Some(ask.at.parse().map_err(|_| AppError::NotFound)?) };
    page(&app, &viewer, at, &ask.q, &Posted::new(), &[]).await
}

/// `POST /places`: adds one under `parent`.
pub async fn add(State(app): State<App>, viewer: Viewer, Form(posted): Form<Posted>) -> Result<Response, AppError> {
    let parent = form::id(&posted, "parent");
    viewer.require_at(&app, Permission::PlaceEdit, parent, None)?;
    let new = NewPlace {
        parent,
        name: form::text(&posted, "name").to_owned(),
        level: form::number(&posted, "level").unwrap_or(0),
        code: form::text(&posted, "code").to_owned(),
    };
    match form::faults_of(change::add(&app, new, viewer.actor()).await)? {
        Ok(id) => Ok(done(&viewer, &format!("/places?at={id}"), "geography-added")),
        Err(faults) => page(&app, &viewer, parent, "", &posted, &faults).await,
    }
}

/// `POST /places/{id}/rename`
pub async fn rename(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, Permission::PlaceEdit, id)?;
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(change::rename(&app, id, form::text(&posted, "new_name"), version, viewer.actor()).await)? {
        Ok(()) => Ok(done(&viewer, &format!("/places?at={id}"), "geography-renamed")),
        Err(mut faults) => {
            faults.iter_mut().filter(|fault| fault.at == "name").for_each(|fault| fault.at = "new_name".to_owned());
            page(&app, &viewer, Some(id), "", &posted, &faults).await
        }
    }
}

/// `POST /places/{id}/end`
pub async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, Permission::PlaceEdit, id)?;
    let version = form::number(&posted, "version").unwrap_or(0);
    let above = app.geography().get(id).and_then(|place| place.parent);
    let result = if app.directory().at_place(id).next().is_some() {
        Err(AppError::Conflict("geography-end-organizations"))
    } else {
        change::end(&app, id, version, viewer.actor()).await
    };
    match form::faults_of(result)? {
        Ok(()) => Ok(done(
            &viewer,
            &above.map_or_else(|| "/places".to_owned(), |id| format!("/places?at={id}")),
            "geography-ended",
        )),
        Err(faults) => page(&app, &viewer, Some(id), "", &posted, &faults).await,
    }
}

/// `POST /places/{id}/grids`: adds a grid to a community.
pub async fn add_grid(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, Permission::DirectoryEdit, id)?;
    let added = directory::change::add_grid(&app, id, form::text(&posted, "name"), Vec::new(), viewer.actor()).await;
    match form::faults_of(added)? {
        Ok(_) => Ok(done(&viewer, &format!("/places?at={id}"), "directory-grid-added")),
        Err(mut faults) => {
            faults.iter_mut().for_each(|fault| fault.at = "grid_name".to_owned());
            page(&app, &viewer, Some(id), "", &posted, &faults).await
        }
    }
}

/// `POST /grids/{id}/workers`: `post` works here, or with `works=0` no longer.
pub async fn grid_worker(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let community = app.directory().grid(id).ok_or(AppError::NotFound)?.community;
    editable(&app, &viewer, Permission::DirectoryEdit, community)?;
    let works = form::text(&posted, "works") != "0";
    let set = match form::id(&posted, "post") {
        Some(post) => directory::change::set_grid_worker(&app, id, post, works, viewer.actor()).await,
        None => Err(AppError::invalid("post", "directory-post-missing")),
    };
    match form::faults_of(set)? {
        Ok(()) => Ok(done(&viewer, &format!("/places?at={community}"), "directory-grid-changed")),
        Err(faults) => page(&app, &viewer, Some(community), "", &posted, &faults).await,
    }
}

/// `POST /grids/{id}/end`
pub async fn end_grid(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let community = app.directory().grid(id).ok_or(AppError::NotFound)?.community;
    editable(&app, &viewer, Permission::DirectoryEdit, community)?;
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(directory::change::end_grid(&app, id, version, viewer.actor()).await)? {
        Ok(()) => Ok(done(&viewer, &format!("/places?at={community}"), "directory-grid-ended")),
        Err(faults) => page(&app, &viewer, Some(community), "", &posted, &faults).await,
    }
}

/// Refuses unless this place may be changed in that way.
pub fn editable(app: &App, viewer: &Viewer, permission: Permission, place: Id) -> Result<(), AppError> {
    viewer.principal.require(permission)?;
    app.geography().get(place).ok_or(AppError::NotFound)?;
    viewer.require_at(app, permission, Some(place), None)
}

/// Back to a page with a word about what was done.
pub fn done(viewer: &Viewer, path: &str, key: &str) -> Response {
    redirect_with_toast(path, ToastKind::Good, viewer.text(key, &[]))
}
