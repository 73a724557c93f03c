//! Hutong (互通): the server. `ARCHITECTURE.md` is the map of this crate.

pub mod platform;
