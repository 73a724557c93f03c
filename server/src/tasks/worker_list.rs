//! A worker's list of one task: cards by due, what the last visit found, one tap where nothing changed.
//! No ranking, no location.

use std::collections::HashMap;

use form_runtime::Date;
use form_runtime::definition::Owner;
use serde::Serialize;

use super::model::{Item, ItemState, Task, TaskShape};
use super::opened::last_text;
use super::visits::{LastVisit, last_visits};
use super::work_store::{self, NEVER, Wanted};
use super::{store, words};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::{self, PersonRecord};
use crate::error::AppError;
use crate::forms;
use crate::geography::short_address;
use crate::platform::ids::{Id, new_id};

/// Cards of a page.
const PAGE: i64 = 30;

/// One subject.
#[derive(Debug, Serialize)]
pub struct Card {
    id: String,
    name: String,
    /// `81 岁`, `独居`
    notes: Vec<String>,
    address: String,
    /// chip and its kind, where there is something to say
    chip: Option<(String, &'static str)>,
    reason: Option<String>,
    last: Option<String>,
    /// to be done, by this viewer
    open: bool,
    unclaimed: bool,
    /// 没有变化 is offered
    unchanged: bool,
    client_id: String,
    version: i64,
    phone: bool,
}

/// The page.
#[derive(Debug, Serialize)]
pub struct WorkList {
    id: String,
    title: String,
    due: Option<(String, &'static str)>,
    done: i64,
    total: i64,
    percent: i64,
    progress: String,
    filters: Vec<FilterLink>,
    cards: Vec<Card>,
    next: Option<String>,
    discovery: bool,
    may_sheet: bool,
    unit_href: Option<String>,
    query: String,
}

/// A chip.
#[derive(Debug, Serialize)]
pub struct FilterLink {
    /// what it says
    pub label: String,
    /// where it leads
    pub href: String,
    /// how many
    pub count: Option<i64>,
    /// whether it is in force
    pub current: bool,
}

/// Whether this viewer has any part in a task.
pub async fn part_of(app: &App, viewer: &Viewer, task: Id) -> Result<Task, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let task = store::task(&mut app.read(), task).await?;
    if task.published_release == 0 {
        return Err(AppError::NotFound);
    }
    Ok(task)
}

/// The viewer's part of a task.
pub fn mine(viewer: &Viewer, task: Id) -> Result<Wanted, AppError> {
    let staff = viewer.staff()?;
    Ok(Wanted { task: Some(task), mine: Some((staff.post, staff.organization)), limit: PAGE + 1, ..Wanted::default() })
}

/// Builds the list. `show` is `open`, `changed` or `all`.
pub async fn work_list(
    app: &App,
    viewer: &Viewer,
    task: Task,
    show: &str,
    after: Option<(i64, Id)>,
) -> Result<WorkList, AppError> {
    let principal = &viewer.principal;
    let all = mine(viewer, task.id)?;
    let counts = work_store::count(&mut app.read(), &all, principal, Permission::ItemHandle).await?;
    let of =
        |states: &[&str]| counts.iter().filter(|row| states.contains(&row.0.as_str())).map(|row| row.1).sum::<i64>();
    let changed: i64 = counts.iter().map(|row| row.2).sum();
    let (open, void) = (of(&["open", "correction"]), of(&["void"]));
    let total = counts.iter().map(|row| row.1).sum::<i64>() - void;
    if counts.is_empty()
        && !viewer.may(app, Permission::TaskRead, Some(task.root_place), Some(task.issuer_organization))
    {
        return Err(AppError::NotFound);
    }
    let wanted = match show {
        "changed" => Wanted { changed: Some(true), after, ..all },
        "all" => Wanted { after, ..all },
        _ => Wanted { states: vec!["open", "correction"], after, ..all },
    };
    let mut items = work_store::list(&mut app.read(), &wanted, principal, Permission::ItemHandle).await?;
    let more = items.len() as i64 > PAGE;
    items.truncate(PAGE as usize);
    let next = items.last().filter(|_| more).map(|last| format!("{}.{}", last.due_at.unwrap_or(NEVER), last.id));
    let cards = cards(app, viewer, &task, &items).await?;
    let link = |key: &'static str, count: Option<i64>| FilterLink {
        label: viewer.text(&format!("work-show-{key}"), &[]),
        href: format!("/work/{}?show={key}", task.id),
        count,
        current: key == show,
    };
    let assigns = viewer.principal.has(Permission::ItemAssign);
    Ok(WorkList {
        id: task.id.to_string(),
        due: words::due(app, viewer, items.iter().filter_map(|item| item.due_at).min().or(task.deadline_at)),
        done: total - open - of(&["void_proposed", "review"]),
        total,
        percent: web::percent_of(of(&["done", "waived"]), total),
        progress: viewer.text("work-progress", &[("done", of(&["done", "waived"]).into()), ("total", total.into())]),
        filters: vec![link("open", Some(open)), link("changed", Some(changed)), link("all", None)],
        cards,
        next,
        discovery: task.shape() == TaskShape::Discovery,
        may_sheet: super::sheet_down::offered(&task) && open > 0,
        unit_href: assigns.then(|| format!("/tasks/{}/unit", task.id)),
        query: format!("/work/{}?show={show}", task.id),
        title: task.title,
    })
}

async fn cards(app: &App, viewer: &Viewer, task: &Task, items: &[Item]) -> Result<Vec<Card>, AppError> {
    let subjects: Vec<(i64, Id)> =
        items.iter().filter_map(|item| Some((item.subject_shard?, item.subject_id?))).collect();
    let records =
        if task.class == "person" { entities::find_many(&mut app.read(), &subjects).await? } else { HashMap::new() };
    let ids: Vec<Id> = subjects.iter().map(|subject| subject.1).collect();
    let visits = last_visits(app, &ids).await?;
    let form = forms::published(app, task.form_version_id).await?;
    // A visit's own question that must be answered each time cannot be answered by one tap.
    let answered = form.compiled.defaults(app.clock.today());
    let asks = form.compiled.fields().iter().any(|field| {
        let of_subject = field.definition.bind.as_ref().is_some_and(|bind| bind.owner == Owner::Subject);
        field.always_required() && !of_subject && !answered.contains_key(field.key())
    });
    let no_change = form.compiled.definition().settings.no_change && !asks;
    let mut cards = Vec::with_capacity(items.len());
    for item in items {
        let record = item.subject_id.and_then(|id| records.get(&id));
        let last =
            item.subject_id.and_then(|id| visits.get(&id)).filter(|last| Some(last.submission) != item.submission_id);
        let state = ItemState::from_key(&item.state);
        let open = matches!(state, Some(ItemState::Open | ItemState::Correction));
        let chip = match state {
            Some(ItemState::Open) if item.holder_post.is_none() => {
                Some((viewer.text("work-unclaimed", &[]), "primary"))
            }
            Some(ItemState::Open) => words::due(app, viewer, item.due_at).filter(|due| !due.1.is_empty()),
            _ => Some((words::state_text(viewer, &item.state), words::state_kind(&item.state))),
        };
        cards.push(Card {
            id: item.id.to_string(),
            name: name(item, record),
            notes: notes(app, viewer, record),
            address: address(app, item, record),
            chip,
            reason: item
                .reason
                .as_deref()
                .filter(|_| !matches!(state, Some(ItemState::Done)))
                .map(|why| words::reason(viewer, Some(&form), why)),
            last: match last {
                Some(last) => Some(last_line(app, viewer, last).await?),
                None => None,
            },
            open,
            unclaimed: item.holder_post.is_none(),
            unchanged: open && last.is_some() && no_change && state == Some(ItemState::Open),
            client_id: new_id(item.shard, app.now()).to_string(),
            version: item.version,
            phone: record.is_some_and(|record| record.mobile_mask.is_some())
                && viewer.principal.has(Permission::PersonReveal),
        });
    }
    Ok(cards)
}

/// `上次 10 月 28 日：身体好，腿脚不便`
pub async fn last_line(app: &App, viewer: &Viewer, last: &LastVisit) -> Result<String, AppError> {
    let form = forms::published(app, last.form_version).await?;
    let text = last_text(&form, last, forms::language(viewer.lang));
    let day = words::day(app, viewer, last.at);
    Ok(if text.is_empty() {
        viewer.text("work-last-bare", &[("day", day.into())])
    } else {
        viewer.text("work-last", &[("day", day.into()), ("text", text.into())])
    })
}

fn name(item: &Item, record: Option<&PersonRecord>) -> String {
    record.map(|record| record.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(|| item.label.clone())
}

/// `81 岁`, `独居`
pub fn notes(app: &App, viewer: &Viewer, record: Option<&PersonRecord>) -> Vec<String> {
    let Some(record) = record else { return vec![] };
    let mut notes = Vec::new();
    if let Some(born) = record.birth_date.as_deref().and_then(|text| text.parse::<Date>().ok()) {
        let today = app.clock.today();
        let before = (today.month(), today.day()) < (born.month(), born.day());
        notes.push(
            viewer.text("work-age", &[("years", i64::from(today.year() - born.year() - i16::from(before)).into())]),
        );
    }
    if record.living_alone == Some(true) {
        notes.push(viewer.text("work-living-alone", &[]));
    }
    notes
}

/// The address in words, else the place. What leads down to the community is left out: whoever works there
/// knows it.
pub fn address(app: &App, item: &Item, record: Option<&PersonRecord>) -> String {
    let known = record.and_then(|record| record.address.clone()).filter(|text| !text.is_empty());
    let Some(known) = known else { return words::place(app, item.place_id) };
    let geography = app.geography();
    geography
        .get(item.place_id)
        .map_or(known.clone(), |place| short_address(&known, &place.full_name.to_string()).to_owned())
}
