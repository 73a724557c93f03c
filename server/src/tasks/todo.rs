//! To-do: one list for a viewer, by due: what I hold, 待认领 of my unit, what came back, what I must decide,
//! and parts that wait for my unit to pass them on. Grouped by task, a fixed number of queries.

use serde::Serialize;

use crate::access::{Columns, Permission, Principal, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::{Arg, Exec};
use crate::platform::ids::Id;

use super::work_store::ITEM_COLUMNS;

/// Tasks shown at the most.
const MOST: i64 = 200;

/// What kind of thing is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 退回修改: held by me, fields named
    Correction,
    /// held by me
    Mine,
    /// 待认领 of my unit
    Unclaimed,
    /// 退回: came back to my unit from below
    Returned,
    /// 待确认: a void that my unit must confirm
    Confirm,
    /// 待下派: a part that waits for my unit
    PassOn,
}

impl Kind {
    /// In the order of the chips.
    pub const ALL: [Self; 6] =
        [Self::Mine, Self::Correction, Self::Unclaimed, Self::Returned, Self::Confirm, Self::PassOn];

    /// Stable key; the chip's text is `work-todo-KEY`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Correction => "correction",
            Self::Mine => "mine",
            Self::Unclaimed => "unclaimed",
            Self::Returned => "returned",
            Self::Confirm => "confirm",
            Self::PassOn => "pass-on",
        }
    }

    /// By key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// One line: so many items of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// what to do
    pub kind: Kind,
    /// the task
    pub task: Id,
    /// its title
    pub title: String,
    /// its shape
    pub shape: String,
    /// who issued it
    pub issuer: Id,
    /// how many items
    pub count: i64,
    /// the soonest due among them
    pub due_at: Option<i64>,
    /// where it is done
    pub href: String,
    /// of what the viewer holds: done, all (lines of [`Kind::Mine`])
    pub done: Option<(i64, i64)>,
}

/// The list with its counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Todo {
    /// soonest due first
    pub lines: Vec<Line>,
    /// due today or late, items
    pub due_today: i64,
}

impl Todo {
    /// Items of a kind.
    pub fn count(&self, kind: Kind) -> i64 {
        self.lines.iter().filter(|line| line.kind == kind).map(|line| line.count).sum()
    }

    /// Items in all.
    pub fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.count).sum()
    }
}

type Row = (Id, String, String, Id, i64, Option<i64>, i64);

/// Statement of items grouped by task, for one kind.
fn items_sql(principal: &Principal, kind: Kind, post: Id, organization: Id, today_end: i64) -> (String, Vec<Arg>) {
    let mut args = args![today_end];
    let permission = if kind == Kind::Confirm { Permission::ItemRead } else { Permission::ItemHandle };
    let seen = principal.rows(permission, ITEM_COLUMNS, &mut args);
    let mut next = |value: Id| {
        args.push(Arg::from(value));
        format!("${}", args.len())
    };
    let unclaimed = |organization: String| {
        format!("i.holder_post IS NULL AND i.holder_organization = {organization} AND i.state = 'open'")
    };
    let condition = match kind {
        Kind::Mine => format!("i.holder_post = {} AND i.state = 'open'", next(post)),
        Kind::Correction => format!("i.holder_post = {} AND i.state = 'correction'", next(post)),
        Kind::Unclaimed => format!("{} AND i.reason IS NULL", unclaimed(next(organization))),
        Kind::Returned => format!("{} AND i.reason IS NOT NULL", unclaimed(next(organization))),
        Kind::Confirm | Kind::PassOn => format!(
            "i.state = 'void_proposed' AND EXISTS (SELECT 1 FROM assignment a JOIN assignment g ON g.task_id = a.task_id AND g.id = a.parent_id \
             WHERE a.task_id = i.task_id AND a.id = i.assignment_id AND g.organization_id = {})",
            next(organization)
        ),
    };
    // A unit that must pass its part on sees one line for it, not one for each item.
    let waiting = match kind {
        Kind::Unclaimed | Kind::Returned => {
            " AND NOT EXISTS (SELECT 1 FROM assignment w WHERE w.task_id = i.task_id AND w.id = i.assignment_id AND w.state = 'waiting')"
        }
        _ => "",
    };
    args.push(Arg::from(MOST));
    let sql = format!(
        "SELECT t.id, t.title, t.shape, t.issuer_organization, count(*), min(i.due_at), \
         cast(sum(CASE WHEN i.due_at < $1 THEN 1 ELSE 0 END) as bigint) \
         FROM item i JOIN task t ON t.id = i.task_id AND i.release <= t.published_release \
         WHERE t.state IN ('running', 'dispatching') AND i.parent_item_id IS NULL AND {seen} AND {condition}{waiting} \
         GROUP BY t.id, t.title, t.shape, t.issuer_organization ORDER BY min(i.due_at), t.id LIMIT ${}",
        args.len()
    );
    (sql, args)
}

/// Statement of parts that wait for an organization.
fn waiting_sql(principal: &Principal, organization: Id) -> (String, Vec<Arg>) {
    let mut args = args![organization];
    let columns = Columns { place: Some("a.place_id"), organization: Some("a.organization_id"), post: None };
    let seen = principal.rows(Permission::ItemAssign, columns, &mut args);
    args.push(Arg::from(MOST));
    let sql = format!(
        "SELECT t.id, t.title, t.shape, t.issuer_organization, a.received - a.passed_down, a.passes_at, a.received \
         FROM assignment a JOIN task t ON t.id = a.task_id AND a.release <= t.published_release \
         WHERE a.organization_id = $1 AND a.state = 'waiting' AND a.received > a.passed_down \
         AND t.state IN ('running', 'dispatching') AND {seen} \
         ORDER BY a.passes_at, t.id LIMIT ${}",
        args.len()
    );
    (sql, args)
}

const HELD_ALL_SHARDS: &str = "SELECT i.task_id, count(*), cast(sum(CASE WHEN i.state IN ('done', 'waived') THEN 1 ELSE 0 END) as bigint) FROM item i \
     JOIN task t ON t.id = i.task_id AND i.release <= t.published_release \
     WHERE i.holder_post = $1 AND i.state <> 'void' AND i.parent_item_id IS NULL AND t.state IN ('running', 'dispatching') GROUP BY i.task_id";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[HELD_ALL_SHARDS];

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    let (principal, id) = (Principal::job(), Id::nil());
    let mut all: Vec<String> = Kind::ALL.into_iter().map(|kind| items_sql(&principal, kind, id, id, 0).0).collect();
    all.push(waiting_sql(&principal, id).0);
    all
}

/// Everything that the viewer, in the post acted in, has to do.
pub async fn todo(app: &App, viewer: &Viewer) -> Result<Todo, AppError> {
    let (Some(post), Some(organization)) = (viewer.principal.post(), viewer.principal.organization()) else {
        return Ok(Todo::default());
    };
    let principal = &viewer.principal;
    let today_end = app.clock.at(app.clock.today().tomorrow().unwrap_or(app.clock.today()), 0, 0);
    let mut db = app.read();
    let held: Vec<(Id, i64, i64)> = db.all(HELD_ALL_SHARDS, args![post]).await?;
    let mut todo = Todo::default();
    for kind in [Kind::Mine, Kind::Correction, Kind::Unclaimed, Kind::Returned, Kind::Confirm] {
        if kind == Kind::Confirm && !principal.has(Permission::ItemAssign) {
            continue;
        }
        let (sql, args) = items_sql(principal, kind, post, organization, today_end);
        let rows: Vec<Row> = db.all_built(sql, args).await?;
        for (task, title, shape, issuer, count, due_at, due_today) in rows {
            todo.due_today += due_today;
            let href = match kind {
                Kind::Mine | Kind::Correction | Kind::Unclaimed => format!("/work/{task}"),
                Kind::Returned => format!("/tasks/{task}/items?state=open&holder=none"),
                Kind::Confirm | Kind::PassOn => format!("/tasks/{task}/items?state=void_proposed"),
            };
            let done =
                (kind == Kind::Mine).then(|| held.iter().find(|row| row.0 == task).map(|row| (row.2, row.1))).flatten();
            todo.lines.push(Line { kind, task, title, shape, issuer, count, due_at, href, done });
        }
    }
    if principal.has(Permission::ItemAssign) {
        let (sql, args) = waiting_sql(principal, organization);
        let rows: Vec<Row> = db.all_built(sql, args).await?;
        for (task, title, shape, issuer, count, due_at, _) in rows {
            let href = format!("/tasks/{task}/unit");
            todo.lines.push(Line { kind: Kind::PassOn, task, title, shape, issuer, count, due_at, href, done: None });
        }
    }
    todo.lines.sort_by_key(|line| (line.due_at.unwrap_or(i64::MAX), line.kind, line.task));
    Ok(todo)
}
