//! `/`, the workbench (工作台): what waits for me across rooms, by due time; what I may make; what I look
//! after. Tasks and channels each tell what waits; only here do the two meet in one list.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::Tab;

use crate::access::{Permission, Viewer, Who};
use crate::app::App;
use crate::channels::{feedback, todo as cases};
use crate::error::AppError;
use crate::platform::http::redirect;
use crate::tasks::todo as items;
use crate::tasks::words;
use crate::tasks::work_pages::{TodoLine, todo_lines};
use crate::{channels, ledgers, tasks};

/// Lines before "the other n" is clicked.
const SHORT: usize = 12;
/// Links of one kind in "what I look after".
const LINKS: usize = 4;

/// One line of the list with what it is filtered and ordered by.
struct Waiting {
    due_at: i64,
    key: &'static str,
    count: i64,
    line: TodoLine,
}

#[derive(Serialize)]
struct Chip {
    label: String,
    href: String,
    count: Option<i64>,
    current: bool,
}

#[derive(Serialize)]
struct Make {
    title: String,
    note: String,
    href: &'static str,
    icon: &'static str,
}

#[derive(Serialize)]
struct Link {
    title: String,
    href: String,
}

/// Links under the name of their room.
#[derive(Serialize)]
struct Group {
    title: String,
    href: &'static str,
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Page {
    greeting: String,
    today: String,
    due_today: i64,
    filters: Vec<Chip>,
    lines: Vec<TodoLine>,
    more: usize,
    more_href: String,
    make: Vec<Make>,
    groups: Vec<Group>,
}

/// `GET /`: the workbench of whoever has something to do, make or look after. A leader, who only sees
/// totals, begins at the boards; anybody else signs in first.
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(params): Query<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    if viewer.principal.who == Who::Anonymous {
        return Err(AppError::SignIn);
    }
    let make = make(&viewer);
    let works = [Permission::ItemHandle, Permission::CaseHandle, Permission::PersonRead];
    if make.is_empty() && !works.iter().any(|one| viewer.principal.has(*one)) {
        return Ok(redirect("/boards"));
    }
    let page = page(&app, &viewer, &params, make).await?;
    Ok(viewer.page(&app, "exchange/workbench.html", "workbench-title", Some(Tab::Home), page)?.into_response())
}

async fn page(
    app: &App,
    viewer: &Viewer,
    params: &BTreeMap<String, String>,
    make: Vec<Make>,
) -> Result<Page, AppError> {
    let (all, due_today) = waiting(app, viewer).await?;
    let kinds: [&'static str; 7] = ["correction", "mine", "unclaimed", "case", "returned", "confirm", "pass-on"];
    let chosen = params.get("kind").and_then(|key| kinds.iter().find(|kind| *kind == key)).copied();
    let count = |kind: Option<&str>| -> i64 {
        all.iter().filter(|one| kind.is_none_or(|kind| one.key == kind)).map(|one| one.count).sum()
    };
    let mut filters = vec![Chip {
        label: viewer.text("work-show-all", &[]),
        href: "/".to_owned(),
        count: Some(count(None)),
        current: chosen.is_none(),
    }];
    for kind in kinds {
        if count(Some(kind)) > 0 || chosen == Some(kind) {
            let text = if kind == "case" { "workbench-cases".to_owned() } else { format!("work-todo-{kind}") };
            filters.push(Chip {
                label: viewer.text(&text, &[]),
                href: format!("/?kind={kind}"),
                count: Some(count(Some(kind))),
                current: chosen == Some(kind),
            });
        }
    }
    let mut lines: Vec<TodoLine> =
        all.into_iter().filter(|one| chosen.is_none_or(|kind| one.key == kind)).map(|one| one.line).collect();
    let more = if params.contains_key("all") { 0 } else { lines.len().saturating_sub(SHORT) };
    lines.truncate(lines.len() - more);
    let now = app.clock.zoned(app.now());
    let name = viewer.person.as_ref().map(|person| person.name.clone()).unwrap_or_default();
    let part = match now.hour() {
        5..12 => "morning",
        12..18 => "afternoon",
        _ => "evening",
    };
    let weekday = viewer.text(&format!("workbench-weekday-{}", now.weekday().to_monday_one_offset()), &[]);
    let day = words::day(app, viewer, app.now());
    Ok(Page {
        greeting: viewer.text(&format!("workbench-good-{part}"), &[("name", name.into())]),
        today: viewer.text("workbench-today", &[("day", day.into()), ("weekday", weekday.into())]),
        due_today,
        filters,
        lines,
        more,
        more_href: chosen.map_or_else(|| "/?all=1".to_owned(), |kind| format!("/?kind={kind}&all=1")),
        make,
        groups: groups(app, viewer).await?,
    })
}

/// Everything that waits, soonest due first, and how much of it is due today or late.
async fn waiting(app: &App, viewer: &Viewer) -> Result<(Vec<Waiting>, i64), AppError> {
    let todo = items::todo(app, viewer).await?;
    let mut due_today = todo.due_today;
    let mut all: Vec<Waiting> = todo
        .lines
        .iter()
        .zip(todo_lines(app, viewer, &todo.lines))
        .map(|(item, line)| Waiting {
            due_at: item.due_at.unwrap_or(i64::MAX),
            key: item.kind.key(),
            count: item.count,
            line,
        })
        .collect();
    let tomorrow = app.clock.at(app.clock.today().tomorrow().unwrap_or(app.clock.today()), 0, 0);
    for one in cases::todo(app, viewer).await? {
        let due_at = one.case.due_at.unwrap_or(i64::MAX);
        due_today += i64::from(due_at < tomorrow);
        all.push(Waiting { due_at, key: "case", count: 1, line: case_line(app, viewer, &one) });
    }
    all.sort_by_key(|one| one.due_at);
    Ok((all, due_today))
}

fn case_line(app: &App, viewer: &Viewer, one: &cases::Line) -> TodoLine {
    let key = one.kind.key();
    let mut title = one.channel.clone();
    if one.case.label != one.channel {
        title = format!("{title} {}", one.case.label);
    }
    // The worker knows where her community lies: its name is enough.
    let place = app.geography().get(one.case.place_id).map(|place| place.name.to_owned()).unwrap_or_default();
    let from = if one.case.filed_by_post.is_some() { "workbench-case-filed" } else { "workbench-case-from" };
    let note = viewer.text(from, &[("place", place.into())]);
    let (chip, chip_kind) = match words::due(app, viewer, one.case.due_at) {
        Some((text, kind)) if !kind.is_empty() || one.kind == cases::Kind::Mine => (text, kind),
        _ => (viewer.text(&format!("channels-todo-{key}"), &[]), "primary"),
    };
    TodoLine {
        title,
        href: one.href.clone(),
        action: viewer.text(&format!("channels-do-{key}"), &[]),
        note,
        chip,
        chip_kind,
        percent: None,
    }
}

/// What this post may begin; nothing that it may not is shown.
fn make(viewer: &Viewer) -> Vec<Make> {
    let has = |permission| viewer.principal.has(permission);
    let rows = [
        (has(Permission::TaskIssue), "task", "/tasks/new", "clipboard-list"),
        (has(Permission::FormEdit), "form", "/forms", "file-plus"),
        (has(Permission::ChannelEdit), "channel", "/channels/new", "qr-code"),
        (has(Permission::CaseHandle), "file", "/channels", "pencil"),
        (has(Permission::Administer), "admin", "/admin", "settings"),
    ];
    rows.into_iter()
        .filter(|row| row.0)
        .map(|(_, key, href, icon)| Make {
            title: viewer.text(&format!("workbench-make-{key}"), &[]),
            note: viewer.text(&format!("workbench-make-{key}-note"), &[]),
            href,
            icon,
        })
        .collect()
}

/// Ledgers that the post reads, running tasks that its unit issued, open channels that it may change.
async fn groups(app: &App, viewer: &Viewer) -> Result<Vec<Group>, AppError> {
    let (mut all, mut db, principal) = (Vec::new(), app.read(), &viewer.principal);
    let mut push = |key: &str, href: &'static str, links: Vec<Link>| {
        if !links.is_empty() {
            all.push(Group { title: viewer.text(key, &[]), href, links });
        }
    };
    if principal.has(Permission::PersonRead) {
        let links = ledgers::list(&mut db).await?.into_iter().take(LINKS).map(|ledger| Link {
            title: viewer.lang.pick(&ledger.definition.title).to_owned(),
            href: format!("/ledgers/{}", ledger.id),
        });
        push("workbench-ledgers", "/ledgers", links.collect());
    }
    if principal.has(Permission::TaskIssue) {
        let own =
            |task: &tasks::Task| task.state == "running" && Some(task.issuer_organization) == principal.organization();
        let seen = tasks::store::tasks_seen(&mut db, principal).await?;
        let links = seen
            .into_iter()
            .filter(own)
            .take(LINKS)
            .map(|task| Link { title: task.title, href: format!("/tasks/{}", task.id) });
        push("workbench-tasks", "/tasks", links.collect());
    }
    if principal.has(Permission::ChannelEdit) {
        let seen = channels::store::list(&mut db, principal, None, 50).await?;
        let links = seen
            .into_iter()
            .filter(|one| one.is_open(app.now()) && !feedback::is(one.id) && channels::edit::may_edit(app, viewer, one))
            .take(LINKS)
            .map(|one| Link { title: one.title_in(viewer.lang), href: format!("/channels/{}", one.id) });
        push("workbench-channels", "/channels", links.collect());
    }
    Ok(all)
}
