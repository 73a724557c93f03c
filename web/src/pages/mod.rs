//! Typed contexts of the pages, one file per room.

pub mod design;
pub mod errors;
