//! What boards show, kept while nothing of it is written.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;

use super::board::{Board, read_board};
use super::summary::TaskSummary;
use super::{Axis, summary};
use crate::access::{self, Principal};
use crate::app::App;
use crate::error::AppError;
use crate::platform::changes::Cache;
use crate::platform::ids::Id;
use crate::platform::locked;

/// Boards of one process.
pub struct Boards {
    boards: Cache<(Id, Axis, Id), Board>,
    answers: Mutex<Answers>,
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
        Self { boards: Cache::new(&shown, 1000), answers: Mutex::default(), tasks: Cache::new(&seen, 10_000) }
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

/// A board in writing.
struct Written {
    /// what it was made from
    board: Arc<Board>,
    /// the instants from and before which it says the truth: a clock may also be set back
    holds: Range<i64>,
    text: Bytes,
}

/// Answers of the API in writing, by task, axis and node.
#[derive(Default)]
struct Answers {
    kept: HashMap<(Id, Axis, Id), Written>,
    bytes: usize,
}

/// Bytes of answers that are kept; with more they are forgotten.
const ANSWERS: usize = 8 << 20;

/// The board in writing: what `write` makes of it, once for as long as neither the board nor what of it is late changes.
pub(super) fn written<E>(
    app: &App,
    (task, axis): (Id, Axis),
    board: &Arc<Board>,
    now: i64,
    write: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Bytes, E> {
    let key = (task, axis, board.here.id);
    let known = |known: &&Written| Arc::ptr_eq(&known.board, board) && known.holds.contains(&now);
    if let Some(known) = locked(&app.boards.answers).kept.get(&key).filter(known) {
        return Ok(known.text.clone());
    }
    let text = Bytes::from(write()?);
    let until = board.nodes().map(|node| node.work.changes_after(now)).min().unwrap_or(i64::MAX);
    let mut answers = locked(&app.boards.answers);
    if answers.bytes > ANSWERS {
        *answers = Answers::default();
    }
    answers.bytes += text.len();
    let new = Written { board: board.clone(), holds: now..until, text: text.clone() };
    if let Some(old) = answers.kept.insert(key, new) {
        answers.bytes -= old.text.len();
    }
    Ok(text)
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
