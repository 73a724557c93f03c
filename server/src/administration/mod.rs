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

use axum::extract::State;
use axum::response::Html;
use serde::Serialize;
use web::Tab;

use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;

#[derive(Serialize)]
struct Index {
    places: usize,
    organizations: usize,
    posts: usize,
    staff: usize,
    may_edit: bool,
}

/// `GET /admin`
pub async fn index(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    if !viewer.principal.has(Permission::DirectoryEdit) && !viewer.principal.has(Permission::PlaceEdit) {
        viewer.principal.require(Permission::Administer)?;
    }
    let (organizations, posts, staff) = app.directory().sizes();
    let context = Index {
        places: app.geography().len(),
        organizations,
        posts,
        staff,
        may_edit: viewer.principal.has(Permission::DirectoryEdit),
    };
    viewer.page(&app, "administration/index.html", "administration-title", Some(Tab::Admin), context)
}
