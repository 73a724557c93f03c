//! Administration: the pages with which an installation is set up and kept: set-up from nothing, places
//! and premises, the address book, grids, imports, working days.
//!
//! Owns no table: it calls the use-cases of geography, directory and access, one transaction each. Must
//! not know forms, tasks or channels.
//!
//! The usual next thing is a page: one handler beside its sisters, one template under
//! `web/templates/administration`, one line in `routes.rs` and in the table of the tests.

pub mod address_book;
mod api;
mod form;
pub mod grids_api;
pub mod import;
pub mod import_api;
pub mod imports;
pub mod organizations;
pub mod organizations_api;
pub mod places;
pub mod places_api;
pub mod plan_book;
pub mod posts_api;
pub mod premises;
pub mod premises_api;
pub mod set_up;
pub mod set_up_api;
pub mod staff;
pub mod staff_api;
pub mod tree;
pub mod working_days;
pub mod working_days_api;
