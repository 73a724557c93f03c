//! Applications (应用): forms, rules, task templates, ledgers and channels that come as a folder of files.
//!
//! Owns `application`, `application_object` and `rule`. A folder is read and checked without a database
//! ([`check`]) and installed in one transaction or not at all ([`install`]); what it says is then kept by
//! the rooms it concerns. References are stable keys `app/key`; a channel's places and a task's persons
//! are bound later, by people.
//!
//! Must not read anything outside the folder, follow links, or change work that runs: an upgrade makes
//! new versions beside it.
//!
//! The usual next thing is a kind of file: its shape in `format.rs`, its check in `check.rs`, its arm in
//! `install.rs`.

pub mod cases;
mod check;
mod fault;
mod folder;
pub mod format;
mod install;
mod open;
pub mod pages;
mod retire;
pub mod store;

pub use check::{check, check_installed};
pub use fault::Fault;
pub use install::{Installed, install};
pub use open::open_channel;
pub use retire::retire;
