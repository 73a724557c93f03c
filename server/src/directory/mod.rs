//! Directory (数字通讯录): organizations, posts, staff, jurisdictions, grids.
//!
//! Owns `organization`, `organization_ancestor`, `jurisdiction`, `staff`, `post`, `grid`, `grid_premises`,
//! `grid_worker`, `working_day`. Holds them in memory ([`Directory`]); [`reload`] after every change.
//! Must not know accounts, roles or work.
//!
//! The usual next thing is a kind of organization: its key in `book.rs`, its words in the texts.

mod add;
mod book;
mod chain;
pub mod change;
mod entries;
mod holidays;
mod kinds;
mod lists;
pub mod search;
pub mod store;
pub mod working_days;

pub use add::{BookRows, NewBook, NewStaff};
pub use book::Directory;
pub use chain::{Step, candidates, chain, rule_chain};
pub use entries::{Grid, Organization, Post, Staff};
pub use holidays::published as published_holidays;
pub use kinds::{KINDS, TERRITORIAL, kind_of};
pub use store::reload;
