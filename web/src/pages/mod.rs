//! Typed contexts of the pages, one file per room.

pub mod boards;
pub mod channels;
pub mod design;
pub mod entities;
pub mod errors;
pub mod forms;
pub mod knowledge;
pub mod ledgers;
