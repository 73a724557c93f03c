//! For the fault tests only (feature `fault-hooks`): takes the predicate out of one statement at a time,
//! so that a test can show that each is needed.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Mutex;

/// Where a statement asks for its predicate: file and line.
pub type Site = (String, u32);

static SEEN: Mutex<BTreeSet<Site>> = Mutex::new(BTreeSet::new());
static OUT: Mutex<Option<Site>> = Mutex::new(None);

/// Notes the site; true when its predicate is taken out.
pub fn taken_out(caller: &Location<'_>) -> bool {
    let site = (caller.file().to_owned(), caller.line());
    let out = OUT.lock().is_ok_and(|out| out.as_ref() == Some(&site));
    if let Ok(mut seen) = SEEN.lock() {
        seen.insert(site);
    }
    out
}

/// Every site that asked so far.
pub fn seen() -> BTreeSet<Site> {
    SEEN.lock().map(|seen| seen.clone()).unwrap_or_default()
}

/// Takes the predicate of one site out, or puts all back.
pub fn take_out(site: Option<Site>) {
    if let Ok(mut out) = OUT.lock() {
        *out = site;
    }
}
