//! For the fault tests only (feature `fault-hooks`): takes one protection of the audit room out, so that
//! a test can show that it is needed. `audit.guard` is the lease's epoch before a slice, `audit.once` the
//! condition that only an event without `seq` gets one, `audit.start` the comparison with the heads
//! outside when the house opens.

use std::sync::Mutex;

static OUT: Mutex<Option<String>> = Mutex::new(None);

/// Takes one protection out, or puts all back.
pub fn take_out(protection: Option<&str>) {
    if let Ok(mut out) = OUT.lock() {
        *out = protection.map(str::to_owned);
    }
}

/// Whether a protection is out.
pub fn taken_out(protection: &str) -> bool {
    OUT.lock().is_ok_and(|out| out.as_deref() == Some(protection))
}
