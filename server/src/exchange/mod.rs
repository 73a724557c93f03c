//! Exchange: what passes between rooms that do not know each other. It stands beside the line of rooms
//! and calls their use-cases; nothing calls it but the URL table.

pub mod home;
pub mod ledger_subjects;
