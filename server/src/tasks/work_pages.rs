//! Pages of lists: my to-dos, my part of a task on the phone, my unit's part, its items.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::response::{Html, Response};
use serde::Serialize;
use web::{Tab, ToastKind};

use super::acts::By;
use super::model::{Assignment, Item, ItemState, Task};
use super::pages::titled;
use super::todo::{self, Kind};
use super::work_store::{self, NEVER, Wanted};
use super::worker_list::{FilterLink, part_of, work_list};
use super::{holding, pass_on, store, words};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

type Params = Query<BTreeMap<String, String>>;

/// `DUE.ID` of a cursor.
fn cursor(params: &BTreeMap<String, String>) -> Option<(i64, Id)> {
    let (due, id) = params.get("after")?.split_once('.')?;
    Some((due.parse().ok()?, id.parse().ok()?))
}

/// One line of the to-do list.
#[derive(Debug, Serialize)]
pub struct TodoLine {
    /// task and kind
    pub title: String,
    /// where it is done
    pub href: String,
    /// what the button says
    pub action: String,
    /// from whom, how many
    pub note: String,
    /// kind or due
    pub chip: String,
    /// kind of the chip
    pub chip_kind: &'static str,
    /// of what I hold
    pub percent: Option<i64>,
}

/// The list as the workbench and `/work` show it.
pub fn todo_lines(app: &App, viewer: &Viewer, lines: &[todo::Line]) -> Vec<TodoLine> {
    lines
        .iter()
        .map(|line| {
            let key = line.kind.key();
            let from = words::unit(app, line.issuer);
            let due = words::due(app, viewer, line.due_at);
            let (chip, chip_kind) = match (line.kind, due) {
                (Kind::Mine | Kind::Unclaimed, Some(due)) => due,
                (Kind::Correction, _) => (viewer.text("work-todo-correction", &[]), "danger"),
                (_, Some((text, "danger"))) => (text, "danger"),
                _ => (viewer.text(&format!("work-todo-{key}"), &[]), "primary"),
            };
            TodoLine {
                title: line.title.clone(),
                href: line.href.clone(),
                action: viewer.text(&format!("work-do-{key}"), &[]),
                note: viewer.text(&format!("work-note-{key}"), &[("from", from.into()), ("n", line.count.into())]),
                chip,
                chip_kind,
                percent: line.done.map(|(done, all)| web::percent_of(done, all)),
            }
        })
        .collect()
}

#[derive(Serialize)]
struct TodoPage {
    filters: Vec<FilterLink>,
    lines: Vec<TodoLine>,
    total: i64,
}

/// `GET /work`
pub async fn todo(State(app): State<App>, viewer: Viewer, Query(params): Params) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let list = todo::todo(&app, &viewer).await?;
    let chosen = params.get("kind").and_then(|key| Kind::from_key(key));
    let mut filters = vec![FilterLink {
        label: viewer.text("work-show-all", &[]),
        href: "/work".into(),
        count: Some(list.total()),
        current: chosen.is_none(),
    }];
    for kind in Kind::ALL {
        let count = list.count(kind);
        if count > 0 || chosen == Some(kind) {
            filters.push(FilterLink {
                label: viewer.text(&format!("work-todo-{}", kind.key()), &[]),
                href: format!("/work?kind={}", kind.key()),
                count: Some(count),
                current: chosen == Some(kind),
            });
        }
    }
    let shown: Vec<todo::Line> =
        list.lines.iter().filter(|line| chosen.is_none_or(|kind| line.kind == kind)).cloned().collect();
    let page = TodoPage { filters, lines: todo_lines(&app, &viewer, &shown), total: list.total() };
    viewer.page(&app, "work/todo.html", "work-todo-title", Some(Tab::Tasks), page)
}

/// `GET /work/{task}`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(params): Params,
) -> Result<Html<String>, AppError> {
    let task = part_of(&app, &viewer, task).await?;
    let show = match params.get("show").map(String::as_str) {
        Some("changed") => "changed",
        Some("all") => "all",
        _ => "open",
    };
    let title = task.title.clone();
    let page = work_list(&app, &viewer, task, show, cursor(&params)).await?;
    let frame = viewer.frame(&app, title, Some(Tab::Tasks));
    viewer.render(&app, "work/list.html", &frame, page)
}

#[derive(Serialize)]
struct UnitPage {
    id: String,
    title: String,
    unit: String,
    from: Option<String>,
    received: i64,
    held: i64,
    passed_down: i64,
    done: i64,
    waived: i64,
    void: i64,
    returned_up: i64,
    balanced: bool,
    waiting: bool,
    passes: Option<String>,
    assignment: String,
    children: Vec<BTreeMap<&'static str, serde_json::Value>>,
    may_pass: bool,
    list_href: String,
}

/// The viewer's own assignment of a task: of the unit acted for, else of the nearest one above it.
async fn own_assignment(app: &App, viewer: &Viewer, task: &Task, chosen: Option<Id>) -> Result<Assignment, AppError> {
    let staff = viewer.staff()?;
    let by = By::of(viewer);
    let all = store::published_assignments(&mut app.read(), task).await?;
    if let Some(id) = chosen {
        let found = all.iter().find(|a| a.id == id).ok_or(AppError::NotFound)?;
        let seen = by.answers_for(app, found)
            || viewer.may(app, Permission::TaskRead, Some(found.place_id), Some(found.organization_id));
        return if seen { Ok(found.clone()) } else { Err(AppError::NotFound) };
    }
    let own = all.iter().find(|a| a.organization_id == staff.organization);
    let reach = || all.iter().find(|a| by.answers_for(app, a));
    own.or_else(reach).cloned().ok_or(AppError::NotFound)
}

/// `GET /tasks/{id}/unit`
pub async fn unit(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(params): Params,
) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskRead)?;
    let task = store::task(&mut app.read(), task).await?;
    let chosen = params.get("part").and_then(|id| id.parse().ok());
    let own = own_assignment(&app, &viewer, &task, chosen).await?;
    let ends = work_store::ends_all_shards(&mut app.read(), &own).await?;
    let of = |state: &str| ends.iter().find(|row| row.0 == state).map_or(0, |row| row.1);
    let held: i64 = ["open", "review", "correction", "void_proposed"].into_iter().map(of).sum();
    let (done, waived, void) = (of("done"), of("waived"), of("void"));
    let parent = match own.parent_id {
        Some(above) => Some(store::assignment(&mut app.read(), task.id, above).await?),
        None => None,
    };
    let children = work_store::below(&mut app.read(), &own).await?;
    let may_rows = viewer.principal.has(Permission::ItemRead);
    let rows = children
        .iter()
        .map(|child| {
            let state = viewer.text(&format!("work-part-{}", child.state), &[]);
            BTreeMap::from([
                ("name", words::unit(&app, child.organization_id).into()),
                ("href", format!("/tasks/{}/unit?part={}", task.id, child.id).into()),
                ("received", child.received.into()),
                ("passed", child.passed_down.into()),
                ("returned", child.returned_up.into()),
                (
                    "state",
                    serde_json::json!({"text": state, "kind": if child.state == "waiting" { "warn" } else { "" }}),
                ),
            ])
        })
        .collect();
    let page = UnitPage {
        id: task.id.to_string(),
        title: task.title.clone(),
        unit: words::unit(&app, own.organization_id),
        from: parent.map(|above| words::unit(&app, above.organization_id)),
        received: own.received,
        held,
        passed_down: own.passed_down,
        done,
        waived,
        void,
        returned_up: own.returned_up,
        balanced: own.received == held + own.passed_down + done + waived + void,
        waiting: own.state == "waiting",
        passes: own.passes_at.map(|at| words::day(&app, &viewer, at)),
        assignment: own.id.to_string(),
        children: rows,
        may_pass: By::of(&viewer).answers_for(&app, &own),
        list_href: if may_rows { format!("/tasks/{}/items?part={}", task.id, own.id) } else { String::new() },
    };
    titled(&app, &viewer, &task, "work/unit.html", false, page)
}

/// `POST /tasks/{id}/pass-on`
pub async fn pass_on_part(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    axum::Form(form): axum::Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemAssign)?;
    let part: Id = form.get("part").and_then(|id| id.parse().ok()).ok_or(AppError::NotFound)?;
    let done = pass_on::pass_on(&app, &By::of(&viewer), task, part).await?;
    let text = viewer.text("work-passed-on-toast", &[("moved", done.moved.into()), ("kept", done.kept.into())]);
    let kind = if done.kept > 0 { ToastKind::Warn } else { ToastKind::Good };
    Ok(redirect_with_toast(format!("/tasks/{task}/unit?part={part}"), kind, text))
}

#[derive(Serialize)]
struct ItemsPage {
    id: String,
    title: String,
    filters: Vec<FilterLink>,
    conditions: Vec<Condition>,
    columns: Vec<BTreeMap<&'static str, String>>,
    rows: Vec<BTreeMap<&'static str, serde_json::Value>>,
    total: i64,
    next: Option<String>,
    acts: bool,
    may_assign: bool,
    may_recall: bool,
    posts: Vec<(String, String)>,
    units: Vec<(String, String)>,
    back: String,
}

#[derive(Serialize)]
struct Condition {
    label: String,
    remove_href: String,
}

/// Rows of a page.
const ROWS: i64 = 50;

/// `GET /tasks/{id}/items?node=&state=&holder=none&part=&after=`
pub async fn items(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Query(params): Params,
) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let task = store::task_seen(&mut app.read(), &viewer.principal, task).await?;
    let id_of = |name: &str| params.get(name).and_then(|text| text.parse::<Id>().ok());
    let (node, part, under) = (id_of("node"), id_of("part"), id_of("org"));
    let state = params.get("state").and_then(|key| ItemState::from_key(key));
    let all = Wanted {
        task: Some(task.id),
        node,
        under,
        assignment: part,
        unclaimed: params.get("holder").is_some_and(|holder| holder == "none"),
        late_at: params.contains_key("late").then(|| app.now()),
        limit: ROWS + 1,
        ..Wanted::default()
    };
    let counts = work_store::count(&mut app.read(), &all, &viewer.principal, Permission::ItemRead).await?;
    let wanted = Wanted { states: state.map(ItemState::key).into_iter().collect(), after: cursor(&params), ..all };
    let mut found = work_store::list(&mut app.read(), &wanted, &viewer.principal, Permission::ItemRead).await?;
    let more = found.len() as i64 > ROWS;
    found.truncate(ROWS as usize);
    let link = |changes: &[(&str, Option<&str>)]| {
        let mut kept = params.clone();
        kept.remove("after");
        for (name, value) in changes {
            match value {
                Some(value) => kept.insert((*name).to_owned(), (*value).to_owned()),
                None => kept.remove(*name),
            };
        }
        let query: Vec<String> = kept.iter().map(|(k, v)| format!("{k}={v}")).collect();
        format!("/tasks/{}/items?{}", task.id, query.join("&"))
    };
    let mut filters = vec![FilterLink {
        label: viewer.text("work-show-all", &[]),
        href: link(&[("state", None)]),
        count: Some(counts.iter().map(|row| row.1).sum()),
        current: state.is_none(),
    }];
    for known in ItemState::ALL {
        let count: i64 = counts.iter().filter(|row| row.0 == known.key()).map(|row| row.1).sum();
        if count > 0 || state == Some(known) {
            filters.push(FilterLink {
                label: words::state_text(&viewer, known.key()),
                href: link(&[("state", Some(known.key()))]),
                count: Some(count),
                current: state == Some(known),
            });
        }
    }
    let mut conditions = Vec::new();
    let mut condition =
        |label: String, name: &str| conditions.push(Condition { label, remove_href: link(&[(name, None)]) });
    if let Some(node) = node {
        condition(words::place(&app, node), "node");
    }
    if let Some(unit) = under {
        condition(words::unit(&app, unit), "org");
    }
    if wanted.unclaimed {
        condition(viewer.text("work-unclaimed", &[]), "holder");
    }
    if wanted.late_at.is_some() {
        condition(viewer.text("work-late", &[]), "late");
    }
    let part = match part {
        Some(part) => store::assignment(&mut app.read(), task.id, part).await.ok(),
        None => None,
    };
    if let Some(part) = &part {
        condition(viewer.text("work-held-at", &[("unit", words::unit(&app, part.organization_id).into())]), "part");
    }
    let by = By::of(&viewer);
    let (posts, units) = targets(&app, &viewer, &task, &found).await?;
    let column = |key: &'static str, kind: &str| {
        BTreeMap::from([
            ("key", key.to_owned()),
            ("label", viewer.text(&format!("work-column-{key}"), &[])),
            ("kind", kind.to_owned()),
        ])
    };
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| link(&[("after", Some(&format!("{}.{}", last.due_at.unwrap_or(NEVER), last.id)))]));
    let page = ItemsPage {
        id: task.id.to_string(),
        title: task.title.clone(),
        filters,
        conditions,
        columns: vec![
            column("name", "head"),
            column("place", ""),
            column("holder", ""),
            column("state", "chip"),
            column("due", ""),
            column("reason", ""),
        ],
        rows: found.iter().map(|item| row(&app, &viewer, item)).collect(),
        total: counts.iter().filter(|row| state.is_none_or(|state| state.key() == row.0)).map(|row| row.1).sum(),
        next,
        acts: viewer.principal.has(Permission::ItemHandle) && found.iter().any(|item| by.handles(&app, item)),
        may_assign: found.iter().any(|item| by.assigns(&app, item)),
        may_recall: holding::may_recall_some(&app, &by, &task, &found).await?,
        posts,
        units,
        back: link(&[]),
    };
    titled(&app, &viewer, &task, "work/items.html", false, page)
}

/// People and units that the listed items can be given to, where they all lie at one assignment.
async fn targets(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    items: &[Item],
) -> Result<(Vec<(String, String)>, Vec<(String, String)>), AppError> {
    let Some(first) = items.first().filter(|first| items.iter().all(|item| item.assignment_id == first.assignment_id))
    else {
        return Ok((vec![], vec![]));
    };
    if !By::of(viewer).assigns(app, first) {
        return Ok((vec![], vec![]));
    }
    let own = store::assignment(&mut app.read(), task.id, first.assignment_id).await?;
    Ok((people(app, own.organization_id), units(app, task, &own)))
}

/// Posts of an organization with who holds them.
pub fn people(app: &App, organization: Id) -> Vec<(String, String)> {
    let directory = app.directory();
    directory
        .posts_in(organization)
        .filter_map(|post| {
            let holder = directory.holder(post.id).filter(|holder| holder.state == "active")?;
            Some((post.id.to_string(), format!("{} {}", holder.name, post.title)))
        })
        .collect()
}

/// Units that items of an assignment can go to: below it where it can hand down, else beside it.
pub fn units(app: &App, task: &Task, own: &Assignment) -> Vec<(String, String)> {
    let below = holding::neighbours(app, task, own, true);
    let beside = if own.parent_id.is_some() { holding::neighbours(app, task, own, false) } else { vec![] };
    below.into_iter().chain(beside).map(|unit| (unit.0.to_string(), unit.2)).collect()
}

fn row(app: &App, viewer: &Viewer, item: &Item) -> BTreeMap<&'static str, serde_json::Value> {
    let due = words::due(app, viewer, item.due_at).map(|due| due.0);
    BTreeMap::from([
        ("id", item.id.to_string().into()),
        ("href", format!("/items/{}", item.id).into()),
        ("name", if item.label.is_empty() { viewer.text("work-unnamed", &[]) } else { item.label.clone() }.into()),
        ("place", words::place(app, item.place_id).into()),
        ("holder", words::holder(app, viewer, item).into()),
        (
            "state",
            serde_json::json!({"text": words::state_text(viewer, &item.state), "kind": words::state_kind(&item.state)}),
        ),
        ("due", due.into()),
        ("reason", item.reason.as_deref().map(|why| words::reason(viewer, None, why)).into()),
    ])
}
