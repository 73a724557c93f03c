//! What boards show, kept while nothing of it is written.

use std::sync::Arc;

use super::board::{Board, read_board};
use super::summary::TaskSummary;
use super::{Axis, summary};
use crate::access::{self, Principal};
use crate::app::App;
use crate::error::AppError;
use crate::platform::changes::Cache;
use crate::platform::ids::Id;

/// Boards of one process.
pub struct Boards {
    boards: Cache<(Id, Axis, Id), Board>,
    /// by account, post, task and the civil date: grants end with a day
    tasks: Cache<(Option<Id>, Option<Id>, Id, String), TaskSummary>,
}

impl Default for Boards {
    fn default() -> Self {
        let shown = [
            "delta",
            "node_total",
            "day_total",
            "task",
            "place",
            "place_ancestor",
            "organization",
            "organization_ancestor",
        ];
        let seen = [&access::TABLES[..], &["task", "node_total", "place_ancestor", "organization_ancestor"]].concat();
        Self {
            boards: Cache::new(&shown, 1000),
            tasks: Cache::new(&seen, 10_000),
        }
    }
}

/// The totals of `node` and of its children: folded rows plus what is not folded yet.
pub async fn board(app: &App, task: Id, axis: Axis, node: Id) -> Result<Arc<Board>, AppError> {
    let read = read_board(app, task, axis, node);
    #[cfg(feature = "fault-hooks")]
    if super::faults::is_blind(task) {
        return read.await.map(Arc::new);
    }
    app.boards.boards.get(app.lanes.changes(), (task, axis, node), read).await
}

/// A published task by id, if the principal may see some of its totals; otherwise it does not exist.
pub async fn task(app: &App, principal: &Principal, id: Id) -> Result<Arc<TaskSummary>, AppError> {
    let read = summary::task(app, principal, id);
    let (account, post) = (principal.account(), principal.post());
    if account.is_none() {
        return read.await.map(Arc::new);
    }
    app.boards.tasks.get(app.lanes.changes(), (account, post, id, app.clock.today_text()), read).await
}
