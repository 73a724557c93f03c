//! For the fault tests only (feature `fault-hooks`): boards that do not tell the truth, so that a test can
//! show that it notices them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::platform::ids::Id;

static FOLDER_OFF: Mutex<BTreeSet<Id>> = Mutex::new(BTreeSet::new());
static BLIND: Mutex<BTreeSet<Id>> = Mutex::new(BTreeSet::new());

fn set(switch: &Mutex<BTreeSet<Id>>, task: Id, on: bool) {
    if let Ok(mut tasks) = switch.lock() {
        if on {
            tasks.insert(task)
        } else {
            tasks.remove(&task)
        };
    }
}

/// The folder leaves the deltas of this task alone, or takes them again.
pub fn folder_off(task: Id, off: bool) {
    set(&FOLDER_OFF, task, off);
}

/// Boards of this task leave out what is not folded yet, or read it again.
pub fn ignore_unfolded(task: Id, ignored: bool) {
    set(&BLIND, task, ignored);
}

/// Whether the folder leaves this task alone.
pub(super) fn is_folder_off(task: Id) -> bool {
    FOLDER_OFF.lock().is_ok_and(|tasks| tasks.contains(&task))
}

/// Whether boards of this task read folded totals only.
pub(super) fn is_blind(task: Id) -> bool {
    BLIND.lock().is_ok_and(|tasks| tasks.contains(&task))
}
