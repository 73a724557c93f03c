//! Changing single places: add, rename, end. Splits, merges and moves are planned acts of their own.

use futures_util::FutureExt;

use super::import::{TREE_SHARD, new_paths, rows_of_one};
use super::names::{display_name, kind_of};
use super::place::Place;
use super::store;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::books;
use crate::platform::database::bulk::OnKey;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::pinyin::spell;

/// A place to be added by hand.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    /// the place above
    pub parent: Option<Id>,
    /// official name
    pub name: String,
    /// 1 to 5, below the level of the place above
    pub level: i64,
    /// code, if it has one
    pub code: String,
}

fn name_fault(name: &str) -> Option<Fault> {
    let bad = name.is_empty() || name.chars().count() > 80 || name.contains('/') || name.chars().any(char::is_control);
    bad.then(|| Fault::new("name", "geography-name-bad"))
}

/// Adds a place and returns its id.
pub async fn add(app: &App, new: NewPlace, actor: Actor) -> Result<Id, AppError> {
    let turn = app.places_book.turn().await;
    let (seen, geography) = (turn.seen, app.geography());
    let (name, code) = (new.name.trim().to_owned(), new.code.trim().to_owned());
    let mut faults: Vec<Fault> = name_fault(&name).into_iter().collect();
    let above = new.parent.and_then(|id| geography.get(id));
    if above.is_none() && !geography.is_empty() {
        faults.push(Fault::new("parent", "geography-parent-missing"));
    }
    if !(1..=5).contains(&new.level) || above.is_some_and(|above| above.level >= new.level) {
        faults.push(Fault::new("level", "geography-level-bad"));
    }
    if code.len() > 32 || code.chars().any(char::is_control) {
        faults.push(Fault::new("code", "geography-code-bad"));
    } else if let Some(known) = geography.by_code(&code) {
        faults.push(Fault::new("code", "geography-code-taken").with("name", known.full_name));
    }
    if let Some(above) = above
        && geography.children(above.id).any(|sister| sister.official_name == name)
    {
        faults.push(Fault::new("name", "geography-name-taken").with("above", above.name));
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let now = app.now();
    let id = new_free_id(now);
    let shown = display_name(&name);
    let (pinyin, initials) = spell(&shown);
    let kind = kind_of(new.level, &name);
    let sort = above.map_or(0, |above| geography.children(above.id).map(|sister| sister.sort).max().unwrap_or(0) + 1);
    let full_name = match above {
        Some(above) if above.parent.is_some() => format!("{}/{shown}", above.full_name),
        _ => shown.clone(),
    };
    let place = Place {
        id,
        parent: above.map(|above| above.id),
        level: new.level,
        kind: kind.to_owned(),
        name: shown,
        official_name: name,
        full_name,
        pinyin,
        initials,
        in_list: !code.is_empty() && kind != "economic_zone",
        code: (!code.is_empty()).then_some(code),
        shard: shard_of(id),
        sort,
        valid_from: app.clock.today_text(),
        valid_to: None,
        version: 1,
    };
    let event = event("place.added", id, actor, now, serde_json::json!({"parent": place.parent, "level": place.level}));
    let above = super::import::Above::new(app, std::slice::from_ref(&place));
    let done = app
        .lanes
        .write(TREE_SHARD, vec![id], move |tx| {
            let (place, event, above) = (place.clone(), event.clone(), above.clone());
            async move {
                seen.still(tx).await?;
                // The first place of all publishes the first version of the tree.
                let mut version = store::tree_version(tx).await?;
                if version == 0 {
                    version = 1;
                    store::publish(tx, version, "", &place.valid_from, now).await?;
                }
                for (shape, rows) in rows_of_one(&place, &above, version, now) {
                    shape.write(tx, rows, OnKey::Fail).await?;
                }
                event.write(tx, TREE_SHARD).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(done, store::reload(app)).await?;
    Ok(id)
}

/// Gives a place another official name; `version` is the one that was seen.
pub async fn rename(app: &App, id: Id, name: &str, version: i64, actor: Actor) -> Result<(), AppError> {
    let turn = app.places_book.turn().await;
    let (seen, geography) = (turn.seen, app.geography());
    let place = geography.get(id).ok_or(AppError::NotFound)?;
    let name = name.trim();
    if let Some(fault) = name_fault(name) {
        return Err(AppError::Invalid(vec![fault]));
    }
    let shown = display_name(name);
    let (pinyin, initials) = spell(&shown);
    let mut renamed =
        Place { name: shown, official_name: name.to_owned(), pinyin, initials, version, ..place.to_place() };
    let mut paths = new_paths(app, std::slice::from_ref(&renamed), true);
    if let Some(at) = paths.iter().position(|(known, _)| *known == id) {
        renamed.full_name = paths.remove(at).1;
    }
    let now = app.now();
    let event = event("place.renamed", id, actor, now, serde_json::json!({"version": version}));
    let done = app
        .lanes
        .write(TREE_SHARD, vec![id], move |tx| {
            let (renamed, paths, event) = (renamed.clone(), paths.clone(), event.clone());
            async move {
                seen.still(tx).await?;
                store::rename(tx, &renamed).await?;
                for (id, path) in &paths {
                    store::set_full_name(tx, *id, path).await?;
                }
                event.write(tx, TREE_SHARD).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(done, store::reload(app)).await
}

/// Ends a place today. What still lies under it must be ended or moved first.
pub async fn end(app: &App, id: Id, version: i64, actor: Actor) -> Result<(), AppError> {
    let turn = app.places_book.turn().await;
    let (seen, geography) = (turn.seen, app.geography());
    geography.get(id).ok_or(AppError::NotFound)?;
    if geography.children(id).next().is_some() {
        return Err(AppError::Conflict("geography-end-children"));
    }
    let (now, today) = (app.now(), app.clock.today_text());
    let event = event("place.ended", id, actor, now, serde_json::json!({"version": version}));
    let done = app
        .lanes
        .write(TREE_SHARD, vec![id], move |tx| {
            let (today, event) = (today.clone(), event.clone());
            async move {
                seen.still(tx).await?;
                store::end(tx, id, &today, version).await?;
                event.write(tx, TREE_SHARD).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(done, store::reload(app)).await
}

fn event(kind: &'static str, id: Id, actor: Actor, at: i64, payload: serde_json::Value) -> Event {
    Event { kind, subject_class: "place", subject_id: Some(id), actor, at, payload }
}
