//! What the JSON files of this room share: lists of the trees in memory, and the newer value with a 412.

use axum::Json;
use serde::Deserialize;
use serde_json::Value;

use crate::error::AppError;
use crate::openapi::Param;
use crate::platform::api::{Listed, Paging};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// Query of a tree: whose children.
pub const PARENT: Param = Param { name: "parent", about: "id of the node whose children are wanted; absent: the root" };
/// Query of a tree: what is looked for.
pub const SEARCH: Param = Param { name: "q", about: "name, pinyin, initials or code; best first" };

/// Query of the two trees.
#[derive(Deserialize)]
pub struct Ask {
    /// whose children are wanted
    pub parent: Option<Id>,
    /// what is looked for
    pub q: Option<String>,
    /// which page
    #[serde(flatten)]
    pub paging: Paging,
}

/// Cuts a list in memory to a page; the cursor is the position after it.
pub fn paged<T>(all: Vec<T>, paging: &Paging, show: impl FnMut(T) -> Value) -> Result<Json<Listed<Value>>, AppError> {
    let (limit, start) = (paging.limit()?, paging.after::<usize>()?.unwrap_or(0));
    let rows: Vec<(usize, T)> = all.into_iter().enumerate().skip(start).take(limit as usize + 1).collect();
    let page = Listed::cut(rows, limit, |(at, _)| at + 1);
    let mut show = show;
    Ok(Json(page.map(|(_, row)| show(row))))
}

/// The newer value travels along with 412.
pub fn stale(result: Result<(), AppError>, current: impl FnOnce() -> Value) -> Result<(), AppError> {
    match result {
        Err(AppError::Store(StoreError::Stale)) => Err(AppError::Stale(current())),
        other => other,
    }
}
