//! Posts and the people in them: appoint, transfer, end, suspend, let go, reset a password.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use web::{Tab, ToastKind};

use super::form::{self, Posted};
use super::organizations::{editable, one_page};
use super::places::done;
use crate::access::admin::keep_oneself;
use crate::access::password::one_time;
use crate::access::{BUILT_IN, Permission, Reach, Viewer, create_account, grant, store as accounts};
use crate::app::App;
use crate::directory::{self, BookRows, Directory, NewBook, NewStaff, Post, Staff, change};
use crate::error::{AppError, Fault};
use crate::platform::books;
use crate::platform::database::StoreError;
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::pinyin::spell;

/// A post to be filled.
#[derive(Clone, Debug, Default)]
pub struct Appointment {
    /// where
    pub organization: Option<Id>,
    /// title of the post
    pub title: String,
    /// somebody who works here already
    pub staff: Option<Id>,
    /// otherwise a new person; empty: the post is vacant
    pub name: String,
    /// phone of a new person
    pub phone: String,
    /// tags, in any order
    pub tags: Vec<String>,
    /// key of a built-in role; empty: none
    pub role: String,
    /// sign-in name of a new account; empty: none
    pub login: String,
}

/// What became of an appointment.
#[derive(Clone, Debug)]
pub struct Appointed {
    /// the post
    pub post: Id,
    /// the password of the new account, told once
    pub password: Option<String>,
}

/// Tags as typed, separated by commas or blanks.
pub fn tags_of(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '，' | '、' | ';' | '；'))
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Whether a phone number looks like one: 5 to 15 digits, perhaps with `+` or hyphens.
pub fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (5..=15).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' '))
}

/// Whether a sign-in name is well formed.
pub fn is_login(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}

/// How far a role reaches that is given with a post: the own organization and, for a department or
/// leader, the place that the organization serves.
pub fn reaches(role: &str, place: Option<Id>, territorial: bool) -> Vec<Reach> {
    match (role, place) {
        ("administrator", _) => vec![Reach::All],
        ("leader", Some(place)) => vec![Reach::Place(place)],
        ("manager", Some(place)) if !territorial => vec![Reach::Own, Reach::Place(place)],
        _ => vec![Reach::Own],
    }
}

async fn faults_of(app: &App, new: &Appointment) -> Result<Vec<Fault>, AppError> {
    let mut faults: Vec<Fault> = change::name_fault("title", new.title.trim()).into_iter().collect();
    if new.staff.is_none() && !new.name.is_empty() {
        faults.extend(change::name_fault("person", &new.name));
    }
    if !new.phone.is_empty() && !is_phone(&new.phone) {
        faults.push(Fault::new("phone", "directory-phone-bad"));
    }
    if !new.role.is_empty() && !BUILT_IN.iter().any(|role| role.key == new.role) {
        faults.push(Fault::new("role", "directory-role-missing"));
    }
    if !new.login.is_empty() {
        if new.staff.is_some() || new.name.is_empty() {
            faults.push(Fault::new("login", "directory-login-needs-person"));
        } else if !is_login(&new.login) {
            faults.push(Fault::new("login", "directory-login-bad"));
        } else if accounts::account_by_login(&mut app.read(), &new.login).await?.is_some() {
            faults.push(Fault::new("login", "directory-login-taken"));
        }
    }
    Ok(faults)
}

/// Makes a post, its person, role and account in one transaction. Who may give the role of an
/// administrator must be one: the caller checks that.
pub async fn appoint(app: &App, new: &Appointment, viewer: &Viewer) -> Result<Appointed, AppError> {
    let faults = faults_of(app, new).await?;
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let password = (!new.login.is_empty()).then(one_time);
    let hashed = match &password {
        Some(password) => Some(app.gate.hashing.hash(password).await?),
        None => None,
    };
    let turn = app.address_book.turn().await;
    let (seen, directory) = (turn.seen, app.directory());
    let unit = new.organization.and_then(|id| directory.organization(id)).ok_or(AppError::NotFound)?;
    let (now, today) = (app.now(), app.clock.today_text());
    let mut book = NewBook::default();
    let staff = new.staff.or_else(|| {
        (!new.name.is_empty()).then(|| {
            let (pinyin, initials) = spell(&new.name);
            let id = new_free_id(now);
            let staff = Staff {
                id,
                person: new_free_id(now),
                name: new.name.clone(),
                pinyin,
                initials,
                state: "active".into(),
                version: 1,
            };
            book.staff.push(NewStaff { staff, phone: (!new.phone.is_empty()).then(|| new.phone.clone()) });
            id
        })
    });
    let rank = directory.posts_in(unit.id).map(|post| post.rank).max().unwrap_or(0) + 1;
    let post = Post {
        id: new_free_id(now),
        organization: unit.id,
        staff,
        title: new.title.trim().to_owned(),
        rank,
        tags: new.tags.clone(),
        valid_from: today.clone(),
        valid_to: None,
        version: 1,
    };
    let id = post.id;
    book.posts.push(post);
    let rows = BookRows::new(&book, &directory, &app.keys, now, &today);
    let territorial = directory::TERRITORIAL.contains(&unit.kind.as_str());
    let roles = if new.role.is_empty() { vec![] } else { reaches(&new.role, unit.place, territorial) };
    let event = change::event(
        "post.filled",
        "post",
        id,
        viewer.actor(),
        now,
        json!({"organization": unit.id, "staff": staff, "role": new.role}),
    );
    let (role, login) = (new.role.clone(), new.login.clone());
    let written = app
        .lanes
        .write(shard_of(id), vec![unit.id], move |tx| {
            let (rows, roles, role, login, hashed, event, today) = (
                rows.clone(),
                roles.clone(),
                role.clone(),
                login.clone(),
                hashed.clone(),
                event.clone(),
                today.clone(),
            );
            async move {
                seen.still(tx).await?;
                rows.write(tx).await?;
                for reach in roles {
                    grant(tx, now, &today, id, &role, reach).await?;
                }
                if let Some(hashed) = &hashed {
                    create_account(tx, now, &login, hashed, staff, true).await?;
                }
                event.write(tx, shard_of(id)).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(written, directory::reload(app)).await?;
    Ok(Appointed { post: id, password })
}

/// Only an administrator of everything makes administrators: the role given with a post reaches all.
pub fn may_give(viewer: &Viewer, role: &str) -> Result<(), AppError> {
    if role != "administrator" || viewer.principal.administers_all() { Ok(()) } else { Err(AppError::Forbidden) }
}

#[derive(Serialize)]
struct SecretPage {
    name: String,
    login: String,
    password: String,
    back: String,
}

fn secret_page(
    app: &App,
    viewer: &Viewer,
    name: &str,
    login: &str,
    password: String,
    back: String,
) -> Result<Response, AppError> {
    let context = SecretPage { name: name.to_owned(), login: login.to_owned(), password, back };
    Ok(viewer
        .page(app, "administration/secret.html", "directory-password-title", Some(Tab::Admin), context)?
        .into_response())
}

/// `POST /organizations/{id}/posts`
pub async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    editable(&app, &viewer, id)?;
    let new = Appointment {
        organization: Some(id),
        title: form::text(&posted, "title").to_owned(),
        staff: None,
        name: form::text(&posted, "person").to_owned(),
        phone: form::text(&posted, "phone").to_owned(),
        tags: tags_of(form::text(&posted, "tags")),
        role: form::text(&posted, "role").to_owned(),
        login: form::text(&posted, "login").to_lowercase(),
    };
    may_give(&viewer, &new.role)?;
    match form::faults_of(appoint(&app, &new, &viewer).await)? {
        Ok(Appointed { password: Some(password), .. }) => {
            secret_page(&app, &viewer, &new.name, &new.login, password, format!("/organizations/{id}"))
        }
        Ok(_) => Ok(done(&viewer, &format!("/organizations/{id}"), "directory-post-added")),
        Err(faults) => one_page(&app, &viewer, id, &posted, &faults),
    }
}

/// A post, if this viewer may change it.
pub fn post_of<'d>(app: &App, viewer: &Viewer, directory: &'d Directory, id: Id) -> Result<&'d Post, AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let post = directory.post(id).ok_or(AppError::NotFound)?;
    editable(app, viewer, post.organization)?;
    Ok(post)
}

/// Ends a post, unless one would shut oneself out of administering.
pub async fn end_one(app: &App, viewer: &Viewer, id: Id, version: i64) -> Result<(), AppError> {
    keep_oneself(app, viewer, |own| own.post_id == Some(id)).await?;
    change::end_post(app, id, version, viewer.actor()).await
}

/// `POST /posts/{id}/end`
pub async fn end(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let directory = app.directory();
    let unit = post_of(&app, &viewer, &directory, id)?.organization;
    let version = form::number(&posted, "version").unwrap_or(0);
    match form::faults_of(end_one(&app, &viewer, id, version).await)? {
        Ok(()) => Ok(done(&viewer, &format!("/organizations/{unit}"), "directory-post-ended")),
        Err(faults) => one_page(&app, &viewer, unit, &posted, &faults),
    }
}

/// `POST /posts/{id}/transfer`: the holder takes a post elsewhere, and gives this one up unless `keep`.
/// What was held through the old post ends with it; the new one has the role chosen here.
pub async fn transfer(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let directory = app.directory();
    let post = post_of(&app, &viewer, &directory, id)?;
    let moving = Moving {
        organization: form::id(&posted, "organization"),
        title: form::text(&posted, "title").to_owned(),
        role: form::text(&posted, "role").to_owned(),
        keep: form::text(&posted, "keep") == "1",
    };
    match form::faults_of(transfer_one(&app, &viewer, post, &moving, post.version).await)? {
        Ok((_, target)) => Ok(done(&viewer, &format!("/organizations/{target}"), "directory-post-transferred")),
        Err(faults) => one_page(&app, &viewer, post.organization, &posted, &faults),
    }
}

/// Where the holder of a post goes.
#[derive(Clone, Debug, Default)]
pub struct Moving {
    /// to which organization
    pub organization: Option<Id>,
    /// title there; empty: the same
    pub title: String,
    /// key of a built-in role there; empty: none
    pub role: String,
    /// whether the old post is kept as well
    pub keep: bool,
}

/// Gives the holder of a post one elsewhere, and ends the old one unless it is kept. Returns the new post
/// and its organization.
pub async fn transfer_one(
    app: &App,
    viewer: &Viewer,
    post: &Post,
    moving: &Moving,
    version: i64,
) -> Result<(Id, Id), AppError> {
    let target = moving.organization.filter(|id| app.directory().organization(*id).is_some());
    let target = target.ok_or_else(|| AppError::invalid("organization", "directory-organization-missing"))?;
    let staff = post.staff.ok_or_else(|| AppError::invalid("organization", "directory-post-vacant"))?;
    editable(app, viewer, target)?;
    may_give(viewer, &moving.role)?;
    if version != post.version {
        return Err(StoreError::Stale.into());
    }
    if !moving.keep {
        keep_oneself(app, viewer, |own| own.post_id == Some(post.id)).await?;
    }
    let new = Appointment {
        organization: Some(target),
        title: if moving.title.is_empty() { post.title.clone() } else { moving.title.clone() },
        staff: Some(staff),
        tags: post.tags.clone(),
        role: moving.role.clone(),
        ..Appointment::default()
    };
    let made = appoint(app, &new, viewer).await?;
    if !moving.keep {
        end_one(app, viewer, post.id, version).await?;
    }
    Ok((made.post, target))
}

/// Refuses unless every post of the person may be changed: who also works elsewhere is not this
/// administrator's alone. Gives an organization to go back to.
pub fn person(app: &App, viewer: &Viewer, id: Id) -> Result<(Staff, Id), AppError> {
    viewer.principal.require(Permission::DirectoryEdit)?;
    let directory = app.directory();
    let staff = directory.staff(id).ok_or(AppError::NotFound)?.clone();
    let units: Vec<Id> = directory.posts_of(id).map(|post| post.organization).collect();
    if units.iter().any(|unit| editable(app, viewer, *unit).is_err()) {
        return Err(AppError::NotFound);
    }
    Ok((staff, units.first().copied().ok_or(AppError::NotFound)?))
}

/// Suspends, lets in again or lets go; nobody does that to oneself.
pub async fn set_state(
    app: &App,
    viewer: &Viewer,
    staff: &Staff,
    state: &'static str,
    version: i64,
) -> Result<(), AppError> {
    if state != "active" && viewer.staff().is_ok_and(|oneself| oneself.staff == staff.id) {
        return Err(AppError::Conflict("access-not-oneself"));
    }
    change::set_staff_state(app, staff.id, state, version, viewer.actor()).await
}

/// `POST /staff/{id}/state`: `active`, `suspended`, `left`.
pub async fn state(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let (staff, unit) = person(&app, &viewer, id)?;
    let state = match form::text(&posted, "state") {
        "suspended" => "suspended",
        "left" => "left",
        _ => "active",
    };
    set_state(&app, &viewer, &staff, state, staff.version).await?;
    let text = viewer.text(&format!("directory-state-set-{state}"), &[("name", staff.name.as_str().into())]);
    Ok(redirect_with_toast(format!("/organizations/{unit}"), ToastKind::Good, text))
}

/// `GET /staff/{id}/account`: to the page where the password is reset.
pub async fn account(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let (staff, unit) = person(&app, &viewer, id)?;
    match accounts::account_by_staff(&mut app.read(), id).await? {
        Some(account) => Ok(redirect(&format!("/admin/accounts/{}", account.id))),
        None => one_page(
            &app,
            &viewer,
            unit,
            &Posted::new(),
            &[Fault::new("", "directory-no-account").with("name", &staff.name)],
        ),
    }
}
