//! Making a channel, opening and closing it, changing its scope.

use std::collections::BTreeMap;

use form_runtime::Text;
use serde_json::json;

use super::model::Channel;
use super::{feedback, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::platform::database::Tx;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::secrets::random;

/// A channel before it is made.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// zh-CN
    pub title: String,
    /// en, may be empty
    pub title_en: String,
    /// zh-CN
    pub intro: String,
    /// en, may be empty
    pub intro_en: String,
    /// the published version to fill
    pub form: Option<Id>,
    /// whose residents it is for
    pub places: Vec<Id>,
    /// `none` or `worker`
    pub review: String,
    /// days as typed; empty for none
    pub working_days: String,
    /// civil date; empty for at once
    pub opens_on: String,
    /// civil date, the last open one; empty for no end
    pub closes_on: String,
}

/// The texts of a language pair as they are stored.
pub fn both(zh: &str, en: &str) -> String {
    let text = if en.trim().is_empty() { Text::zh(zh.trim()) } else { Text::both(zh.trim(), en.trim()) };
    serde_json::to_string(&text).unwrap_or_default()
}

/// Letters of an address that nobody guesses by accident: 35 bits.
fn slug() -> String {
    const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    random::<7>().iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect()
}

/// Days and instants of a draft.
pub struct Checked {
    /// within how many working days a case is answered
    pub working_days: Option<i64>,
    /// UTC microseconds; not before
    pub opens_at: Option<i64>,
    /// UTC microseconds; not from then on
    pub closes_at: Option<i64>,
}

/// What is wrong with the words of a draft, new or changed.
pub fn check_words(draft: &Draft, faults: &mut Vec<Fault>) {
    if draft.title.trim().is_empty() {
        faults.push(Fault::new("title", "channels-title-needed"));
    }
    for (at, text, most) in [
        ("title", &draft.title, 60),
        ("title_en", &draft.title_en, 120),
        ("intro", &draft.intro, 1000),
        ("intro_en", &draft.intro_en, 2000),
    ] {
        if text.chars().count() > most {
            faults.push(Fault::new(at, "channels-too-long").with("n", most));
        }
    }
}

/// What is wrong with how a draft is handled and when it is open, and its days and instants.
pub fn check_handling(app: &App, draft: &Draft, faults: &mut Vec<Fault>) -> Checked {
    if !["none", "worker"].contains(&draft.review.as_str()) {
        faults.push(Fault::new("review", "channels-review-needed"));
    }
    let working_days = match draft.working_days.trim() {
        "" => None,
        text => match text.parse::<i64>() {
            Ok(days) if (1..=250).contains(&days) => Some(days),
            _ => {
                faults.push(Fault::new("working_days", "channels-days-wrong"));
                None
            }
        },
    };
    let opens_at = day(app, &draft.opens_on, "opens_on", 0, faults);
    let closes_at = day(app, &draft.closes_on, "closes_on", 1, faults);
    if let (Some(opens), Some(closes)) = (opens_at, closes_at)
        && opens >= closes
    {
        faults.push(Fault::new("closes_on", "channels-closes-before"));
    }
    Checked { working_days, opens_at, closes_at }
}

/// Makes a channel as a draft, or opens it at once.
pub async fn create(app: &App, viewer: &Viewer, draft: &Draft, open: bool) -> Result<Channel, AppError> {
    viewer.principal.require(Permission::ChannelEdit)?;
    let mut faults = Vec::new();
    check_words(draft, &mut faults);
    let form = match draft.form {
        Some(id) => forms::published(app, id).await.ok(),
        None => None,
    };
    if form.is_none() {
        faults.push(Fault::new("form", "channels-form-needed"));
    }
    let places = check_places(app, viewer, &draft.places, &mut faults);
    let checked = check_handling(app, draft, &mut faults);
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let organization_id =
        viewer.principal.organization().or_else(|| top(app)).ok_or(AppError::Conflict("channels-no-unit"))?;
    let channel = Channel {
        id: new_free_id(app.now()),
        app_key: None,
        slug: slug(),
        title: both(&draft.title, &draft.title_en),
        intro: both(&draft.intro, &draft.intro_en),
        form_version_id: form.map(|form| form.id).unwrap_or_default(),
        organization_id,
        review: draft.review.clone(),
        working_days: checked.working_days,
        state: if open { "open" } else { "draft" }.to_owned(),
        opens_at: checked.opens_at,
        closes_at: checked.closes_at,
        created_at: app.now(),
        version: 1,
    };
    let (made, actor) = (channel.clone(), viewer.actor());
    app.lanes
        .write(shard_of(channel.id), vec![channel.id, organization_id], move |tx| {
            let (channel, places, actor) = (made.clone(), places.clone(), actor.clone());
            Box::pin(async move { create_in(tx, &channel, &places, &actor).await })
        })
        .await?;
    Ok(channel)
}

/// The same inside an open transaction, for the installation of applications and the demo city.
pub async fn create_in(tx: &mut Tx, channel: &Channel, places: &[Id], actor: &Actor) -> Result<(), AppError> {
    store::insert(tx, channel, places).await?;
    let payload = json!({"form_version": channel.form_version_id, "places": places, "state": channel.state});
    event("channel.created", channel.id, actor, channel.created_at, payload).write(tx, shard_of(channel.id)).await?;
    Ok(())
}

/// A free slug for a channel made by an application.
pub fn new_slug() -> String {
    slug()
}

/// An event of a channel.
pub fn event(kind: &'static str, id: Id, actor: &Actor, at: i64, payload: serde_json::Value) -> Event {
    Event { kind, subject_class: "channel", subject_id: Some(id), actor: actor.clone(), at, payload }
}

/// The organization that stands highest: for accounts without a post.
pub fn top(app: &App) -> Option<Id> {
    let book = app.directory();
    book.organizations()
        .filter(|unit| unit.parent.is_none())
        .min_by_key(|unit| (unit.level, unit.id))
        .map(|unit| unit.id)
}

fn check_places(app: &App, viewer: &Viewer, places: &[Id], faults: &mut Vec<Fault>) -> Vec<Id> {
    let geography = app.geography();
    let mut places: Vec<Id> = places.iter().copied().filter(|place| geography.get(*place).is_some()).collect();
    places.sort_unstable();
    places.dedup();
    if places.is_empty() {
        faults.push(Fault::new("place", "channels-place-needed"));
    }
    if let Some(outside) = places.iter().find(|place| !viewer.may(app, Permission::ChannelEdit, Some(**place), None)) {
        let name = geography.get(*outside).map_or_else(String::new, |place| place.full_name.to_string());
        faults.push(Fault::new("place", "channels-place-outside").with("name", name));
    }
    places
}

fn day(app: &App, text: &str, at: &str, later: i64, faults: &mut Vec<Fault>) -> Option<i64> {
    use jiff::ToSpan;
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let date = crate::platform::sheets::Cell::text(text).as_date();
    let date = date.and_then(|date| date.checked_add(later.days()).ok());
    if date.is_none() {
        faults.push(Fault::new(at, "channels-date-wrong"));
    }
    date.map(|date| app.clock.at(date, 0, 0))
}

/// The channel, if this viewer may change it; any other does not exist.
pub async fn own(app: &App, viewer: &Viewer, id: Id) -> Result<Channel, AppError> {
    viewer.principal.require(Permission::ChannelEdit)?;
    let channel = store::channel(&mut app.read(), id).await?.ok_or(AppError::NotFound)?;
    if may_edit(app, viewer, &channel) { Ok(channel) } else { Err(AppError::NotFound) }
}

/// Whether the viewer may change a channel.
pub fn may_edit(app: &App, viewer: &Viewer, channel: &Channel) -> bool {
    let place = app.directory().organization(channel.organization_id).and_then(|unit| unit.place);
    viewer.may(app, Permission::ChannelEdit, place, Some(channel.organization_id))
}

/// Opens or closes a channel. Saying it twice changes nothing.
pub async fn set_state(
    app: &App,
    viewer: &Viewer,
    id: Id,
    version: Option<i64>,
    state: &'static str,
) -> Result<Channel, AppError> {
    let mut channel = own(app, viewer, id).await?;
    if version.is_some_and(|version| version != channel.version) {
        return Err(AppError::Stale(json!({"version": channel.version, "state": channel.state})));
    }
    if channel.state == state {
        return Ok(channel);
    }
    if state == "closed" && channel.state == "draft" {
        return Err(AppError::Conflict("channels-not-open"));
    }
    if state == "open" && !feedback::is(id) && store::scope(&mut app.read(), id).await?.is_empty() {
        // One that came with an application has no places yet.
        return Err(AppError::invalid("place", "channels-place-needed"));
    }
    let (actor, now, version) = (viewer.actor(), app.now(), channel.version);
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                store::set_state(tx, id, version, state).await?;
                let kind = if state == "open" { "channel.opened" } else { "channel.closed" };
                event(kind, id, &actor, now, json!({})).write(tx, shard_of(id)).await?;
                Ok::<(), AppError>(())
            })
        })
        .await?;
    channel.version += 1;
    state.clone_into(&mut channel.state);
    Ok(channel)
}

/// Adds a place to the scope, or takes one out; one always stays.
pub async fn change_scope(
    app: &App,
    viewer: &Viewer,
    id: Id,
    add: Option<Id>,
    remove: Option<Id>,
) -> Result<(), AppError> {
    own(app, viewer, id).await?;
    let mut faults = Vec::new();
    if let Some(place) = add {
        check_places(app, viewer, &[place], &mut faults);
    }
    if let Some(place) = remove
        && store::scope(&mut app.read(), id).await?.iter().all(|one| *one == place)
    {
        faults.push(Fault::new("place", "channels-last-place"));
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let (actor, now) = (viewer.actor(), app.now());
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                if let Some(place) = add {
                    store::add_scope(tx, id, &[place]).await?;
                }
                if let Some(place) = remove {
                    store::remove_scope(tx, id, place).await?;
                }
                event("channel.scope", id, &actor, now, json!({"added": add, "removed": remove}))
                    .write(tx, shard_of(id))
                    .await?;
                Ok::<(), AppError>(())
            })
        })
        .await
}

/// The draft of a posted page.
pub fn draft_of(posted: &BTreeMap<String, String>, places: Vec<Id>) -> Draft {
    let value = |name: &str| posted.get(name).cloned().unwrap_or_default();
    Draft {
        title: value("title"),
        title_en: value("title_en"),
        intro: value("intro"),
        intro_en: value("intro_en"),
        form: value("form").parse().ok(),
        places,
        review: posted.get("review").cloned().unwrap_or_else(|| "none".to_owned()),
        working_days: value("working_days"),
        opens_on: value("opens_on"),
        closes_on: value("closes_on"),
    }
}
