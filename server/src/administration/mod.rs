//! Administration: the pages with which an installation is set up and kept: set-up from nothing, places
//! and premises, the address book, grids, imports, working days.
//!
//! Owns no table: it calls the use-cases of geography, directory and access, one transaction each. Must
//! not know forms, tasks or channels.
//!
//! The usual next thing is a page: one handler beside its sisters, one template under
//! `web/templates/administration`, one line in `routes.rs` and in the table of the tests.

pub mod address_book;
pub mod api;
mod form;
pub mod imports;
pub mod organizations;
pub mod places;
pub mod plan_book;
pub mod premises;
pub mod set_up;
pub mod staff;
pub mod tree;
pub mod working_days;
