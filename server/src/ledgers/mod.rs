//! Ledgers (台账): living registers of entities of one class.
//!
//! Owns `ledger`. A ledger is a definition over the current records: which columns, which people. Its
//! rows are never copied; every list, count and export is a query with the viewer's predicate inside.
//! Must not know forms, tasks or channels, which feed records through the entities room.
//!
//! The usual next thing is a comparison: one entry in `definition.rs` and one in `entities::search::Test`.

pub mod api;
pub mod definition;
mod export;
mod filter;
pub mod pages;
mod rows;
mod rows_text;
pub mod store;

pub use definition::{Condition, Definition, check};
pub use export::{Exported, export};
pub use filter::Filter;
pub use rows::{Member, members, people};
pub use store::{Ledger, everybody, find, list, retire, save, seed};
