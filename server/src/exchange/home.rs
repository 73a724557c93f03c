//! `/`: where somebody who has signed in begins, by what the post may do.

use axum::extract::State;
use axum::response::Response;

use crate::access::{Permission, Viewer, Who};
use crate::app::App;
use crate::error::AppError;
use crate::platform::http::redirect;

/// `GET /`: to the to-do list, the boards, or administration; anybody else signs in first.
pub async fn show(State(_): State<App>, viewer: Viewer) -> Result<Response, AppError> {
    if viewer.principal.who == Who::Anonymous {
        return Err(AppError::SignIn);
    }
    let has = |permission| viewer.principal.has(permission);
    Ok(redirect(if has(Permission::ItemHandle) {
        "/work"
    } else if has(Permission::Administer) {
        "/admin"
    } else if has(Permission::BoardRead) {
        "/boards"
    } else {
        "/ledgers"
    }))
}
