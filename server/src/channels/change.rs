//! Changing what a channel says, when it is open, how soon and by how many it is answered.

use serde_json::{Value, json};

use super::edit::{self, Draft, both};
use super::model::Channel;
use super::{feedback, store};
use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::{Id, shard_of};

/// A channel that this viewer may change in this way; the built-in mailbox keeps its words.
pub async fn changeable(app: &App, viewer: &Viewer, id: Id) -> Result<Channel, AppError> {
    let channel = edit::own(app, viewer, id).await?;
    if feedback::is(id) { Err(AppError::NotFound) } else { Ok(channel) }
}

/// The channel as it stands, in the words in which it is edited.
pub fn draft_from(app: &App, channel: &Channel) -> Draft {
    let text = |stored: &str, lang: &str| {
        let map: Value = serde_json::from_str(stored).unwrap_or_default();
        map[lang].as_str().or_else(|| map.as_str().filter(|_| lang == "zh-CN")).unwrap_or_default().to_owned()
    };
    let day =
        |at: Option<i64>, before: i64| at.map(|at| app.clock.date_of(at - before).to_string()).unwrap_or_default();
    Draft {
        title: text(&channel.title, "zh-CN"),
        title_en: text(&channel.title, "en"),
        intro: text(&channel.intro, "zh-CN"),
        intro_en: text(&channel.intro, "en"),
        form: Some(channel.form_version_id),
        places: Vec::new(),
        review: channel.review.clone(),
        working_days: channel.working_days.map(|days| days.to_string()).unwrap_or_default(),
        opens_on: day(channel.opens_at, 0),
        // The last open day: it closes at the midnight that follows.
        closes_on: day(channel.closes_at, 1),
    }
}

/// Stores what differs from the channel as it stands; form and places of the draft are not looked at.
/// Without a difference nothing is written.
pub async fn change(app: &App, viewer: &Viewer, id: Id, version: i64, draft: &Draft) -> Result<Channel, AppError> {
    let before = changeable(app, viewer, id).await?;
    if version != before.version {
        return Err(AppError::Stale(json!({"version": before.version, "state": before.state})));
    }
    let mut faults = Vec::new();
    edit::check_words(draft, &mut faults);
    let checked = edit::check_handling(app, draft, &mut faults);
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let shown = draft_from(app, &before);
    let mut after = before.clone();
    if (&draft.title, &draft.title_en) != (&shown.title, &shown.title_en) {
        after.title = both(&draft.title, &draft.title_en);
    }
    if (&draft.intro, &draft.intro_en) != (&shown.intro, &shown.intro_en) {
        after.intro = both(&draft.intro, &draft.intro_en);
    }
    // An instant that an application set may lie within a day: it stays unless another day is given.
    if draft.opens_on != shown.opens_on {
        after.opens_at = checked.opens_at;
    }
    if draft.closes_on != shown.closes_on {
        after.closes_at = checked.closes_at;
    }
    after.review.clone_from(&draft.review);
    after.working_days = checked.working_days;
    if after == before {
        return Ok(before);
    }
    let (actor, now, changed) = (viewer.actor(), app.now(), after.clone());
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let (actor, changed) = (actor.clone(), changed.clone());
            Box::pin(async move {
                store::change(tx, &changed).await?;
                let payload = json!({"version": changed.version, "review": changed.review,
                    "working_days": changed.working_days, "opens_at": changed.opens_at, "closes_at": changed.closes_at});
                edit::event("channel.changed", id, &actor, now, payload).write(tx, shard_of(id)).await?;
                Ok::<(), AppError>(())
            })
        })
        .await?;
    after.version += 1;
    Ok(after)
}
