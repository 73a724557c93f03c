//! A protection that is taken out of this process for a while.

use server::platform::faults::{Protection, take_out};

/// A protection is out while this lives.
pub struct Without;

impl Without {
    /// Takes it out.
    pub fn the(protection: Protection) -> Self {
        take_out(Some(protection));
        Self
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        take_out(None);
    }
}
