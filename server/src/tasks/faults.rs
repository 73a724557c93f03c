//! For the fault tests only (feature `fault-hooks`): loses one movement of a task, so that a test can show
//! that the checks notice it.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::platform::database::Arg;
use crate::platform::ids::Id;

/// What of the next movement is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// its row
    Row,
    /// what it changes in the counters
    Counters,
}

static NEXT: Mutex<Option<HashMap<Id, Lost>>> = Mutex::new(None);

/// The next movement of the task loses this.
pub fn lose(task: Id, what: Lost) {
    if let Ok(mut next) = NEXT.lock() {
        next.get_or_insert_default().insert(task, what);
    }
}

/// Whether the loss has not happened yet.
pub fn waits(task: Id) -> bool {
    NEXT.lock().is_ok_and(|next| next.as_ref().is_some_and(|next| next.contains_key(&task)))
}

fn take(task: Id, what: Lost) -> bool {
    let Ok(mut next) = NEXT.lock() else { return false };
    let next = next.get_or_insert_default();
    next.get(&task) == Some(&what) && next.remove(&task).is_some()
}

/// The rows of movements that are written.
pub(super) fn kept(task: Id, mut rows: Vec<Vec<Arg>>) -> Vec<Vec<Arg>> {
    if !rows.is_empty() && take(task, Lost::Row) {
        rows.pop();
    }
    rows
}

/// Whether the counters are not written.
pub(super) fn shifts_lost(task: Id) -> bool {
    take(task, Lost::Counters)
}
