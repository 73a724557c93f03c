//! Importing places: what was planned is written in slices that nobody sees, then published at once.

use futures_util::FutureExt;

use super::place::{Place, PlaceRef};
use super::plan_import::Plan;
use super::store::{self, PLACE, PLACE_ANCESTOR, PLACE_CODE, place_row};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Arg, Tx};
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::Id;
use crate::platform::jobs::JobHandle;
use crate::platform::settings;

/// Places per slice: each slice is one short transaction of the lane.
const SLICE: usize = 256;
/// The lane that carries the tree: it has no community.
pub(super) const TREE_SHARD: i64 = 0;

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// new places
    pub made: usize,
    /// places with another name than before
    pub renamed: usize,
    /// the version of the tree that shows them
    pub tree_version: i64,
}

/// Carries out a plan without faults. `progress` hears how many of how many places are written.
///
/// Until the last, small commit nobody sees anything of it: the rows carry a version of the tree that
/// is not published. An import that is broken off leaves rows that the next one removes.
pub async fn import(
    app: &App,
    plan: Plan,
    actor: Actor,
    note: &str,
    progress: impl Fn(usize, usize) + Send,
) -> Result<Imported, AppError> {
    import_by(app, None, plan, actor, note, progress).await
}

/// The same as the work of a job: once that was taken over, not one more slice is written.
pub async fn import_by(
    app: &App,
    job: Option<&JobHandle>,
    plan: Plan,
    actor: Actor,
    note: &str,
    progress: impl Fn(usize, usize) + Send,
) -> Result<Imported, AppError> {
    if plan.fault_count > 0 {
        return Err(AppError::Invalid(plan.faults));
    }
    let (now, today) = (app.now(), app.clock.today_text());
    let next = app
        .lanes
        .write(TREE_SHARD, vec![], {
            let job = job.cloned();
            move |tx| {
                let job = job.clone();
                async move {
                    held(job.as_ref(), tx).await?;
                    store::clear_unpublished(tx).await?;
                    Ok::<_, AppError>(store::tree_version(tx).await? + 1)
                }
                .boxed()
            }
        })
        .await?;
    let above = Above::new(app, &plan.places);
    let total = plan.places.len();
    // In the order of the keys: every slice then touches few pages of the indexes.
    let mut places = plan.places;
    places.sort_unstable_by_key(|place| place.id);
    for (at, slice) in places.chunks(SLICE).enumerate() {
        let (rows, job) = (Rows::of(slice, &above, next, now), job.cloned());
        app.lanes
            .write(TREE_SHARD, vec![], move |tx| {
                let (rows, job) = (rows.clone(), job.clone());
                async move {
                    held(job.as_ref(), tx).await?;
                    ENTITY.write(tx, rows.entities, OnKey::Keep).await?;
                    PLACE.write(tx, rows.places, OnKey::Fail).await?;
                    PLACE_ANCESTOR.write(tx, rows.ancestors, OnKey::Keep).await?;
                    PLACE_CODE.write(tx, rows.codes, OnKey::Keep).await?;
                    Ok::<_, AppError>(())
                }
                .boxed()
            })
            .await?;
        progress((at * SLICE + slice.len()).min(total), total);
    }
    let root = places.iter().find(|place| place.parent.is_none()).map(|place| place.id);
    let outcome = Imported { made: total, renamed: plan.renamed.len(), tree_version: next };
    let event = Event {
        kind: "place.imported",
        subject_class: "place",
        subject_id: root.or_else(|| app.geography().root().map(|place| place.id)),
        actor,
        at: now,
        payload: serde_json::json!({"made": outcome.made, "renamed": outcome.renamed, "tree_version": next}),
    };
    let paths = new_paths(app, &plan.renamed, false);
    let (renamed, note, book, job) = (plan.renamed, note.to_owned(), app.clone(), job.cloned());
    app.lanes
        .write(TREE_SHARD, vec![], move |tx| {
            let (renamed, paths, note, today, event) =
                (renamed.clone(), paths.clone(), note.clone(), today.clone(), event.clone());
            let (book, job) = (book.clone(), job.clone());
            async move {
                held(job.as_ref(), tx).await?;
                book.places_book.raise(tx).await?;
                if store::staged(tx, next).await? != total as i64 {
                    return Err(AppError::Conflict("geography-import-running"));
                }
                for place in &renamed {
                    store::rename(tx, place).await?;
                }
                for (id, path) in &paths {
                    store::set_full_name(tx, *id, path).await?;
                }
                store::publish(tx, next, &note, &today, now).await?;
                if let Some(root) = root {
                    settings::put(tx, settings::ROOT_PLACE, &root.to_string()).await?;
                }
                event.write(tx, TREE_SHARD).await?;
                Ok(())
            }
            .boxed()
        })
        .await?;
    store::reload(app).await?;
    Ok(outcome)
}

async fn held(job: Option<&JobHandle>, tx: &mut Tx) -> Result<(), AppError> {
    match job {
        Some(job) => job.guard(tx).await,
        None => Ok(()),
    }
}

/// The paths of what lies under renamed places (and, if asked for, of themselves) with the new names.
pub(super) fn new_paths(app: &App, renamed: &[Place], themselves: bool) -> Vec<(Id, String)> {
    let geography = app.geography();
    let name = |place: PlaceRef| {
        renamed.iter().find(|new| new.id == place.id).map_or_else(|| place.name.to_owned(), |new| new.name.clone())
    };
    let below = renamed.iter().flat_map(|place| geography.subtree(place.id).skip(usize::from(!themselves)));
    below
        .map(|place| {
            let mut names: Vec<String> =
                geography.chain(place.id).filter(|p| p.parent.is_some() && !p.is_hidden()).map(name).collect();
            names.reverse();
            if names.is_empty() {
                names.push(name(place));
            }
            (place.id, names.join("/"))
        })
        .collect()
}

/// Parents of places that exist and of those being made.
#[derive(Clone)]
pub(super) struct Above {
    parents: std::collections::HashMap<Id, Option<Id>>,
}

impl Above {
    pub(super) fn new(app: &App, places: &[Place]) -> Self {
        let geography = app.geography();
        let parents =
            geography.all().chain(places.iter().map(Place::view)).map(|place| (place.id, place.parent)).collect();
        Self { parents }
    }

    fn chain(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(Some(id), |here| self.parents.get(here).copied().flatten()).take(16)
    }
}

#[derive(Clone)]
struct Rows {
    entities: Vec<Vec<Arg>>,
    places: Vec<Vec<Arg>>,
    ancestors: Vec<Vec<Arg>>,
    codes: Vec<Vec<Arg>>,
}

impl Rows {
    fn of(slice: &[Place], above: &Above, tree_version: i64, now: i64) -> Self {
        let mut rows = Self { entities: vec![], places: vec![], ancestors: vec![], codes: vec![] };
        for place in slice {
            let community = (place.level == 5).then_some(place.id);
            rows.entities.push(entity_row(place.shard, place.id, "place", community, now));
            rows.places.push(place_row(place, tree_version));
            rows.ancestors
                .extend(above.chain(place.id).enumerate().map(|(depth, id)| args![id, place.id, depth as i64]));
            if let Some(code) = &place.code {
                rows.codes.push(args![place.id, code, "nbs", &place.valid_from, Option::<String>::None]);
            }
        }
        rows
    }
}

/// The rows that make one place, for adding a single one.
pub(super) fn rows_of_one(
    place: &Place,
    above: &Above,
    tree_version: i64,
    now: i64,
) -> [(&'static Shape, Vec<Vec<Arg>>); 4] {
    let rows = Rows::of(std::slice::from_ref(place), above, tree_version, now);
    [(&ENTITY, rows.entities), (&PLACE, rows.places), (&PLACE_ANCESTOR, rows.ancestors), (&PLACE_CODE, rows.codes)]
}
