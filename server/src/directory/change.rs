//! Changing the address book: organizations, posts, people and grids. Every act is dated today, checked
//! against the book in memory, and leaves an event.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::add::{BookRows, NewBook};
use super::entries::{Grid, Organization};
use super::kinds::{KINDS, TERRITORIAL};
use super::store;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::books::{self, Seen};
use crate::platform::database::{StoreError, Tx};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::pinyin::spell;

/// An organization to be added.
#[derive(Clone, Debug, Default)]
pub struct NewOrganization {
    /// full name
    pub name: String,
    /// for display; empty: the full name
    pub short_name: String,
    /// one of [`KINDS`]
    pub kind: String,
    /// the unit it belongs to
    pub parent: Option<Id>,
    /// the unit of its line one level up
    pub counterpart: Option<Id>,
    /// the place it governs or serves
    pub place: Option<Id>,
}

/// What is wrong with a name, if anything.
pub fn name_fault(field: &str, name: &str) -> Option<Fault> {
    let bad = name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control);
    bad.then(|| Fault::new(field, "directory-name-bad"))
}

/// Everything wrong with a new organization.
pub fn faults_of(app: &App, new: &NewOrganization) -> Vec<Fault> {
    let (directory, geography) = (app.directory(), app.geography());
    let name = new.name.trim();
    let mut faults: Vec<Fault> = name_fault("name", name).into_iter().collect();
    if !KINDS.contains(&new.kind.as_str()) {
        faults.push(Fault::new("kind", "directory-kind-missing"));
    }
    if new.parent.is_some_and(|id| directory.organization(id).is_none()) {
        faults.push(Fault::new("parent", "directory-organization-missing"));
    }
    if new.counterpart.is_some_and(|id| directory.organization(id).is_none()) {
        faults.push(Fault::new("counterpart", "directory-organization-missing"));
    }
    match new.place {
        Some(place) if geography.get(place).is_none() => faults.push(Fault::new("place", "directory-place-missing")),
        Some(place) if TERRITORIAL.contains(&new.kind.as_str()) => {
            if let Some(known) = directory.governing(place) {
                faults.push(Fault::new("place", "directory-place-governed").with("name", &known.name));
            }
        }
        None if TERRITORIAL.contains(&new.kind.as_str()) => faults.push(Fault::new("place", "directory-place-needed")),
        _ => {}
    }
    let twin = |o: &&Organization| o.name == name && o.parent == new.parent;
    if directory.organizations().any(|o| twin(&o)) {
        faults.push(Fault::new("name", "directory-name-taken"));
    }
    faults
}

/// The row-to-be of a new organization.
pub fn organization_of(app: &App, new: &NewOrganization) -> Organization {
    let name = new.name.trim().to_owned();
    let short = new.short_name.trim();
    let short_name = if short.is_empty() { name.clone() } else { short.to_owned() };
    let (pinyin, initials) = spell(&short_name);
    let level = new.place.and_then(|place| app.geography().get(place).map(|place| place.level));
    let above = new.parent.and_then(|id| app.directory().organization(id).map(|o| o.level));
    Organization {
        id: new_free_id(app.now()),
        parent: new.parent,
        counterpart: new.counterpart,
        place: new.place,
        kind: new.kind.clone(),
        level: level.or(above).unwrap_or(2),
        name,
        short_name,
        pinyin,
        initials,
        valid_from: app.clock.today_text(),
        valid_to: None,
        version: 1,
    }
}

/// Adds an organization and returns its id.
pub async fn add_organization(app: &App, new: &NewOrganization, actor: Actor) -> Result<Id, AppError> {
    let turn = app.address_book.turn().await;
    let faults = faults_of(app, new);
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let organization = organization_of(app, new);
    let id = organization.id;
    let book = NewBook { organizations: vec![organization], ..NewBook::default() };
    let rows = BookRows::new(&book, &app.directory(), &app.keys, app.now(), &app.clock.today_text());
    let event = event(
        "organization.added",
        "organization",
        id,
        actor,
        app.now(),
        json!({"parent": new.parent, "place": new.place}),
    );
    write(app, turn.seen, id, event, move |tx| {
        let rows = rows.clone();
        async move { rows.write(tx).await }.boxed()
    })
    .await?;
    Ok(id)
}

/// Gives an organization another name; `version` is the one that was seen.
pub async fn rename_organization(
    app: &App,
    id: Id,
    name: &str,
    short: &str,
    version: i64,
    actor: Actor,
) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    let unit = directory.organization(id).ok_or(AppError::NotFound)?;
    let name = name.trim().to_owned();
    if let Some(fault) = name_fault("name", &name) {
        return Err(AppError::Invalid(vec![fault]));
    }
    let short = if short.trim().is_empty() { name.clone() } else { short.trim().to_owned() };
    if (&unit.name, &unit.short_name) == (&name, &short) {
        return unchanged(unit.version, version);
    }
    let event = event("organization.renamed", "organization", id, actor, app.now(), json!({"version": version}));
    write(app, turn.seen, id, event, move |tx| {
        let (name, short, (pinyin, initials)) = (name.clone(), short.clone(), spell(&short));
        async move { store::rename_organization(tx, id, [&name, &short, &pinyin, &initials], version).await }.boxed()
    })
    .await
}

/// What already is as it was asked for stays without an event, unless something older was looked at.
fn unchanged(now: i64, seen: i64) -> Result<(), AppError> {
    if now == seen { Ok(()) } else { Err(StoreError::Stale.into()) }
}

/// What a transfer changed above an organization: whom it (with everything inside) has left, whom it has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// the organization
    pub organization: Id,
    /// above it before, not any more
    pub left: Vec<Id>,
    /// above it now, not before
    pub joined: Vec<Id>,
}

/// What other rooms do in the transaction of a transfer.
pub type Along = for<'t> fn(&'t mut Tx, Moved) -> BoxFuture<'t, Result<(), StoreError>>;

/// Puts an organization under another one and into another line; everything inside moves along, and so does
/// what `along` takes care of.
pub async fn transfer_organization(
    app: &App,
    id: Id,
    parent: Option<Id>,
    counterpart: Option<Id>,
    version: i64,
    actor: Actor,
    along: Along,
) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    let unit = directory.organization(id).ok_or(AppError::NotFound)?;
    if (unit.parent, unit.counterpart) == (parent, counterpart) {
        return unchanged(unit.version, version);
    }
    let mut faults = Vec::new();
    let inside = |above: Id| directory.chain(above).any(|o| o.id == id);
    if parent.is_some_and(|parent| directory.organization(parent).is_none() || inside(parent)) {
        faults.push(Fault::new("parent", "directory-parent-circle"));
    }
    let line_circle = |mut above: Id| {
        for _ in 0..32 {
            match directory.organization(above).and_then(|o| o.counterpart) {
                _ if above == id => return true,
                Some(next) => above = next,
                None => return false,
            }
        }
        true
    };
    if counterpart.is_some_and(|above| directory.organization(above).is_none() || line_circle(above)) {
        faults.push(Fault::new("counterpart", "directory-parent-circle"));
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let before: Vec<Id> = directory.chain(id).map(|o| o.id).collect();
    let above: Vec<Id> = parent.into_iter().flat_map(|parent| directory.chain(parent)).map(|o| o.id).collect();
    let after: Vec<Id> = [&[id], above.as_slice()].concat();
    let moved = Moved {
        organization: id,
        left: before.iter().filter(|above| !after.contains(above)).copied().collect(),
        joined: after.iter().filter(|above| !before.contains(above)).copied().collect(),
    };
    let event = event(
        "organization.transferred",
        "organization",
        id,
        actor,
        app.now(),
        json!({"parent": parent, "counterpart": counterpart}),
    );
    write(app, turn.seen, id, event, move |tx| {
        let (above, moved) = (above.clone(), moved.clone());
        async move {
            store::transfer_organization(tx, id, parent, counterpart, version).await?;
            store::move_under(tx, id, &above).await?;
            along(tx, moved).await
        }
        .boxed()
    })
    .await
}

/// Ends an organization and its posts today. Units inside must be ended or transferred first.
pub async fn end_organization(app: &App, id: Id, version: i64, actor: Actor) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    directory.organization(id).ok_or(AppError::NotFound)?;
    if directory.children(id).next().is_some() || directory.lines_below(id).next().is_some() {
        return Err(AppError::Conflict("directory-end-children"));
    }
    let today = app.clock.today_text();
    let event = event("organization.ended", "organization", id, actor, app.now(), json!({"version": version}));
    write(app, turn.seen, id, event, move |tx| {
        let today = today.clone();
        async move { store::end_organization(tx, id, &today, version).await }.boxed()
    })
    .await
}

/// Ends a post today: what was held through it ends with it.
pub async fn end_post(app: &App, id: Id, version: i64, actor: Actor) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    let post = directory.post(id).ok_or(AppError::NotFound)?;
    let today = app.clock.today_text();
    let event = event(
        "post.ended",
        "post",
        id,
        actor,
        app.now(),
        json!({"organization": post.organization, "staff": post.staff}),
    );
    write(app, turn.seen, id, event, move |tx| {
        let today = today.clone();
        async move { store::end_post(tx, id, &today, version).await }.boxed()
    })
    .await
}

/// Suspends, restores or lets go (`active`, `suspended`, `left`); who leaves gives up every post.
pub async fn set_staff_state(
    app: &App,
    id: Id,
    state: &'static str,
    version: i64,
    actor: Actor,
) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    let staff = directory.staff(id).ok_or(AppError::NotFound)?;
    if staff.state == state {
        return unchanged(staff.version, version);
    }
    let today = app.clock.today_text();
    // Whoever listens in one of these posts is asked at once whether that is still allowed.
    let told = std::iter::once(id).chain(directory.posts_of(id).map(|post| post.id)).collect();
    let event = event("staff.state", "person", id, actor, app.now(), json!({"state": state}));
    write_telling(app, turn.seen, id, told, event, move |tx| {
        let today = today.clone();
        async move { store::set_staff_state(tx, id, state, version, &today).await }.boxed()
    })
    .await
}

/// Adds a grid to a community.
pub async fn add_grid(app: &App, community: Id, name: &str, premises: Vec<Id>, actor: Actor) -> Result<Id, AppError> {
    let turn = app.address_book.turn().await;
    let name = name.trim().to_owned();
    if app.geography().get(community).is_none_or(|place| place.level != 5) {
        return Err(AppError::NotFound);
    }
    if let Some(fault) = name_fault("name", &name) {
        return Err(AppError::Invalid(vec![fault]));
    }
    if app.directory().grids_in(community).any(|grid| grid.name == name) {
        return Err(AppError::invalid("name", "directory-grid-taken"));
    }
    let id = new_free_id(app.now());
    let grid = Grid { id, community, name, workers: Vec::new(), premises, version: 1 };
    let book = NewBook { grids: vec![grid], ..NewBook::default() };
    let rows = BookRows::new(&book, &app.directory(), &app.keys, app.now(), &app.clock.today_text());
    let event = event("grid.added", "grid", id, actor, app.now(), json!({"community": community}));
    write(app, turn.seen, id, event, move |tx| {
        let rows = rows.clone();
        async move { rows.write(tx).await }.boxed()
    })
    .await?;
    Ok(id)
}

/// Lets a post work in a grid, or no longer.
pub async fn set_grid_worker(app: &App, grid: Id, post: Id, works: bool, actor: Actor) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    let directory = app.directory();
    let there = directory.grid(grid).ok_or(AppError::NotFound)?.workers.contains(&post);
    directory.post(post).ok_or_else(|| AppError::invalid("post", "directory-post-missing"))?;
    if there == works {
        return Ok(());
    }
    let today = app.clock.today_text();
    let event = event("grid.worker", "grid", grid, actor, app.now(), json!({"post": post, "works": works}));
    write(app, turn.seen, grid, event, move |tx| {
        let today = today.clone();
        async move { store::set_grid_worker(tx, grid, post, works, &today).await }.boxed()
    })
    .await
}

/// Ends a grid today.
pub async fn end_grid(app: &App, id: Id, version: i64, actor: Actor) -> Result<(), AppError> {
    let turn = app.address_book.turn().await;
    app.directory().grid(id).ok_or(AppError::NotFound)?;
    let today = app.clock.today_text();
    let event = event("grid.ended", "grid", id, actor, app.now(), json!({"version": version}));
    write(app, turn.seen, id, event, move |tx| {
        let today = today.clone();
        async move { store::end_grid(tx, id, &today, version).await }.boxed()
    })
    .await
}

/// An event of this room.
pub fn event(kind: &'static str, class: &'static str, id: Id, actor: Actor, at: i64, payload: Value) -> Event {
    Event { kind, subject_class: class, subject_id: Some(id), actor, at, payload }
}

/// One change with its event, in one transaction; the book is read again afterwards.
async fn write<F>(app: &App, seen: Seen, id: Id, event: Event, run: F) -> Result<(), AppError>
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + Sync + 'static,
{
    write_telling(app, seen, id, vec![id], event, run).await
}

/// The same, telling more than the id.
async fn write_telling<F>(app: &App, seen: Seen, id: Id, told: Vec<Id>, event: Event, run: F) -> Result<(), AppError>
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + Sync + 'static,
{
    let run = std::sync::Arc::new(run);
    let done = app
        .lanes
        .write(shard_of(id), told, move |tx| {
            let (run, event) = (run.clone(), event.clone());
            async move {
                seen.still(tx).await?;
                run(tx).await?;
                event.write(tx, shard_of(id)).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(done, store::reload(app)).await
}
