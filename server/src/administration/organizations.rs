//! Organizations: look around, search, add, rename, transfer, end; the page of one with its posts.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use web::{Choice, Field, FieldKind, Tab};

use super::form::{self, ErrorLine, Picked, Posted};
use super::places::done;
use super::tree::{inside, roots, staff_only};
use crate::access::admin::keep_oneself;
use crate::access::{BUILT_IN, Permission, Viewer};
use crate::app::App;
use crate::directory::change::{self, NewOrganization};
use crate::directory::{self, KINDS, Organization};
use crate::error::{AppError, Fault};
use crate::measures;
use crate::platform::ids::Id;

/// How many a search or a page shows.
const FOUND: usize = 60;

/// `?q=TEXT`
#[derive(Default, Deserialize)]
pub struct Ask {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
struct Crumb {
    label: String,
    href: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    href: String,
    kind: String,
    place: String,
    posts: usize,
    inside: usize,
}

#[derive(Serialize)]
struct Person {
    name: String,
    href: String,
    note: String,
}

#[derive(Serialize)]
struct ListPage {
    rows: Vec<Row>,
    people: Vec<Person>,
    q: String,
    may_add: bool,
    fields: Vec<Field>,
    pickers: [Picked; 3],
    errors: Vec<ErrorLine>,
}

#[derive(Serialize)]
struct PostRow {
    id: Id,
    version: i64,
    title: String,
    name: String,
    staff: Option<Id>,
    state: String,
    suspended: bool,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct OnePage {
    crumbs: Vec<Crumb>,
    id: Id,
    version: i64,
    name: String,
    short_name: String,
    kind: String,
    place: String,
    place_href: String,
    parent: Picked,
    counterpart: Picked,
    line: String,
    line_href: String,
    since: String,
    rows: Vec<Row>,
    posts: Vec<PostRow>,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
    may_edit: bool,
    may_end: bool,
}

/// The word for a kind of organization.
pub fn kind_text(viewer: &Viewer, kind: &str) -> String {
    viewer.text(&format!("directory-kind-{}", kind.replace('_', "-")), &[])
}

fn row(app: &App, viewer: &Viewer, unit: &Organization) -> Row {
    let book = app.directory();
    Row {
        name: unit.name.clone(),
        href: format!("/organizations/{}", unit.id),
        kind: kind_text(viewer, &unit.kind),
        place: unit.place.and_then(|id| app.geography().get(id).map(|p| p.full_name.to_string())).unwrap_or_default(),
        posts: book.posts_in(unit.id).count(),
        inside: book.children(unit.id).count(),
    }
}

fn picked_unit(app: &App, id: Option<Id>, errors: &[ErrorLine], name: &str) -> Picked {
    Picked {
        value: id.map(|id| id.to_string()).unwrap_or_default(),
        label: id.and_then(|id| app.directory().organization(id).map(|o| o.short_name.clone())).unwrap_or_default(),
        error: form::error_at(errors, name),
    }
}

fn list_page(app: &App, viewer: &Viewer, q: &str, posted: &Posted, faults: &[Fault]) -> Result<Response, AppError> {
    staff_only(viewer)?;
    let (geography, book) = (app.geography(), app.directory());
    let (units, people) = if q.trim().is_empty() {
        let mut units = Vec::new();
        for root in roots(&book) {
            units.push(root);
            units.extend(inside(&geography, &book, root.id));
        }
        (units, Vec::new())
    } else {
        (directory::search::organizations(&book, q, FOUND), directory::search::staff(&book, q, FOUND))
    };
    let errors = form::told(viewer, faults);
    let mut name = form::field(viewer, FieldKind::Text, "name", "directory-name", posted, &errors);
    name.required = true;
    let short = form::field(viewer, FieldKind::Text, "short_name", "directory-short-name", posted, &errors);
    let mut kind = form::field(viewer, FieldKind::Select, "kind", "directory-kind", posted, &errors);
    kind.required = true;
    kind.options = form::choices(viewer, "directory-kind", &KINDS);
    let place = form::id(posted, "place");
    let context = ListPage {
        rows: units.into_iter().take(FOUND * 4).map(|unit| row(app, viewer, unit)).collect(),
        people: people
            .into_iter()
            .filter_map(|person| {
                let post = book.posts_of(person.id).next()?;
                let unit = book.organization(post.organization)?;
                Some(Person {
                    name: person.name.clone(),
                    href: format!("/organizations/{}", unit.id),
                    note: format!("{} {}", unit.short_name, post.title),
                })
            })
            .collect(),
        q: q.to_owned(),
        may_add: viewer.principal.has(Permission::DirectoryEdit),
        fields: vec![name, short, kind],
        pickers: [
            picked_unit(app, form::id(posted, "parent"), &errors, "parent"),
            picked_unit(app, form::id(posted, "counterpart"), &errors, "counterpart"),
            Picked {
                value: place.map(|id| id.to_string()).unwrap_or_default(),
                label: place.and_then(|id| geography.get(id).map(|p| p.name.to_owned())).unwrap_or_default(),
                error: form::error_at(&errors, "place"),
            },
        ],
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("directory-title", &[]), Some(Tab::Admin));
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/organizations.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// The page of one organization, with what was posted and what is wrong with it.
pub fn one_page(app: &App, viewer: &Viewer, id: Id, posted: &Posted, faults: &[Fault]) -> Result<Response, AppError> {
    staff_only(viewer)?;
    let (geography, book) = (app.geography(), app.directory());
    let unit = book.organization(id).ok_or(AppError::NotFound)?;
    let errors = form::told(viewer, faults);
    let mut crumbs: Vec<Crumb> = book
        .chain(id)
        .map(|o| Crumb { label: o.short_name.clone(), href: format!("/organizations/{}", o.id) })
        .chain([Crumb { label: viewer.text("directory-title", &[]), href: "/organizations".to_owned() }])
        .collect();
    crumbs.reverse();
    let posts = book
        .posts_in(id)
        .map(|post| {
            let holder = book.holder(post.id);
            let state = holder.map_or("vacant", |s| s.state.as_str());
            PostRow {
                id: post.id,
                version: post.version,
                title: post.title.clone(),
                name: holder.map(|s| s.name.clone()).unwrap_or_default(),
                staff: holder.map(|s| s.id),
                suspended: state == "suspended",
                state: viewer.text(&format!("directory-state-{state}"), &[]),
                tags: post.tags.clone(),
            }
        })
        .collect();
    let line = unit.counterpart.and_then(|id| book.organization(id));
    let place = unit.place.and_then(|id| geography.get(id));
    let context = OnePage {
        crumbs,
        id,
        version: unit.version,
        name: unit.name.clone(),
        short_name: unit.short_name.clone(),
        kind: kind_text(viewer, &unit.kind),
        place: place.map(|p| p.full_name.to_string()).unwrap_or_default(),
        place_href: place.map(|p| format!("/places?at={}", p.id)).unwrap_or_default(),
        parent: picked_unit(app, unit.parent, &errors, "parent"),
        counterpart: picked_unit(app, unit.counterpart, &errors, "counterpart"),
        line: line.map(|o| o.name.clone()).unwrap_or_default(),
        line_href: line.map(|o| format!("/organizations/{}", o.id)).unwrap_or_default(),
        since: unit.valid_from.clone(),
        rows: inside(&geography, &book, id).into_iter().map(|unit| row(app, viewer, unit)).collect(),
        posts,
        fields: post_fields(viewer, posted, &errors),
        may_edit: viewer.may(app, Permission::DirectoryEdit, unit.place, Some(id)),
        may_end: book.children(id).next().is_none() && book.lines_below(id).next().is_none(),
        errors,
    };
    let mut frame = viewer.frame(app, unit.name.clone(), Some(Tab::Admin));
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/organization.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// Fields of a new post with its person.
fn post_fields(viewer: &Viewer, posted: &Posted, errors: &[ErrorLine]) -> Vec<Field> {
    let mut title = form::field(viewer, FieldKind::Text, "title", "directory-post-title", posted, errors);
    title.required = true;
    let mut person = form::field(viewer, FieldKind::Text, "person", "directory-post-person", posted, errors);
    person.hint = Some(viewer.text("directory-post-person-hint", &[]));
    let phone = form::field(viewer, FieldKind::Phone, "phone", "directory-post-phone", posted, errors);
    let mut role = form::field(viewer, FieldKind::Select, "role", "directory-post-role", posted, errors);
    role.hint = Some(viewer.text("directory-post-role-hint", &[]));
    role.options = role_choices(viewer);
    let mut tags = form::field(viewer, FieldKind::Text, "tags", "directory-post-tags", posted, errors);
    tags.hint = Some(viewer.text("directory-post-tags-hint", &[]));
    let mut login = form::field(viewer, FieldKind::Text, "login", "directory-post-login", posted, errors);
    login.hint = Some(viewer.text("directory-post-login-hint", &[]));
    vec![title, person, phone, role, tags, login]
}

/// The built-in roles as choices.
pub fn role_choices(viewer: &Viewer) -> Vec<Choice> {
    let at = usize::from(viewer.lang == web::Lang::En);
    BUILT_IN.iter().map(|role| Choice::new(role.key, role.title[at])).collect()
}

/// `GET /organizations`
pub async fn list(State(app): State<App>, viewer: Viewer, Query(ask): Query<Ask>) -> Result<Response, AppError> {
    list_page(&app, &viewer, &ask.q, &Posted::new(), &[])
}

/// `GET /organizations/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    one_page(&app, &viewer, id, &Posted::new(), &[])
}

/// `POST /organizations`
pub async fn add(State(app): State<App>, viewer: Viewer, Form(posted): Form<Posted>) -> Result<Response, AppError> {
    let new = NewOrganization {
        name: form::text(&posted, "name").to_owned(),
        short_name: form::text(&posted, "short_name").to_owned(),
        kind: form::text(&posted, "kind").to_owned(),
        parent: form::id(&posted, "parent"),
        counterpart: form::id(&posted, "counterpart"),
        place: form::id(&posted, "place"),
    };
    may_add(&app, &viewer, new.parent, new.place)?;
    match form::faults_of(change::add_organization(&app, &new, viewer.actor()).await)? {
        Ok(id) => Ok(done(&viewer, &format!("/organizations/{id}"), "directory-added")),
        Err(faults) => list_page(&app, &viewer, "", &posted, &faults),
    }
}

/// Refuses a new organization outside of what may be changed: the unit above and the place it would serve
/// must both lie within, for roles held in it reach that place.
pub fn may_add(app: &App, viewer: &Viewer, parent: Option<Id>, place: Option<Id>) -> Result<(), AppError> {
    let book = app.directory();
    let above = parent.and_then(|id| book.organization(id));
    let served = above.and_then(|unit| unit.place);
    viewer.require_at(app, Permission::DirectoryEdit, served, parent)?;
    match (place, served) {
        (Some(place), Some(served)) if app.geography().contains(served, place) => Ok(()),
        (Some(place), _) => viewer.require_at(app, Permission::DirectoryEdit, Some(place), None),
        (None, _) => Ok(()),
    }
}

/// Refuses to put an organization where the viewer changes nothing; only whoever may change all takes one
/// out of the tree.
pub fn may_move(app: &App, viewer: &Viewer, id: Id, parent: Option<Id>) -> Result<(), AppError> {
    let before = app.directory().organization(id).and_then(|unit| unit.parent);
    if parent == before { Ok(()) } else { viewer.require_at(app, Permission::DirectoryEdit, None, parent) }
}

/// Ends an organization with its posts, unless one would shut oneself out of administering.
pub async fn end_one(app: &App, viewer: &Viewer, id: Id, version: i64) -> Result<(), AppError> {
    let posts: Vec<Id> = app.directory().posts_in(id).map(|post| post.id).collect();
    keep_oneself(app, viewer, |own| own.post_id.is_some_and(|post| posts.contains(&post))).await?;
    change::end_organization(app, id, version, viewer.actor()).await
}

/// Refuses unless this organization may be changed.
pub fn editable(app: &App, viewer: &Viewer, id: Id) -> Result<(), AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let place = app.directory().organization(id).ok_or(AppError::NotFound)?.place;
    viewer.require_at(app, Permission::DirectoryEdit, place, Some(id))
}

/// `POST /organizations/{id}/rename`
pub async fn rename(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, id)?;
    let (name, short) = (form::text(&posted, "name"), form::text(&posted, "short_name"));
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(change::rename_organization(&app, id, name, short, version, viewer.actor()).await)? {
        Ok(()) => Ok(done(&viewer, &format!("/organizations/{id}"), "directory-renamed")),
        Err(faults) => one_page(&app, &viewer, id, &posted, &faults),
    }
}

/// `POST /organizations/{id}/transfer`
pub async fn transfer(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, id)?;
    let (parent, counterpart) = (form::id(&posted, "parent"), form::id(&posted, "counterpart"));
    may_move(&app, &viewer, id, parent)?;
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(
        change::transfer_organization(
            &app,
            id,
            parent,
            counterpart,
            version,
            viewer.actor(),
            measures::follow::organization,
        )
        .await,
    )? {
        Ok(()) => Ok(done(&viewer, &format!("/organizations/{id}"), "directory-transferred")),
        Err(faults) => one_page(&app, &viewer, id, &posted, &faults),
    }
}

/// `POST /organizations/{id}/end`
pub async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, id)?;
    let above = app.directory().organization(id).and_then(|o| o.parent);
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(end_one(&app, &viewer, id, version).await)? {
        Ok(()) => {
            let back = above.map_or_else(|| "/organizations".to_owned(), |id| format!("/organizations/{id}"));
            Ok(done(&viewer, &back, "directory-ended"))
        }
        Err(faults) => one_page(&app, &viewer, id, &posted, &faults),
    }
}
