//! Access: the one evaluator, and who is asking.
//!
//! Owns `account`, `role`, `role_grant`, `api_token`, `personal_link`. Every read and write of every room
//! asks [`Principal`]; lists take their predicate from [`Principal::rows`]. It fails closed: what no
//! grant covers is not seen. Must not know forms, tasks or channels beyond the names of permissions.

mod principal;
mod viewer;

pub use principal::{Columns, Grant, Permission, Principal, Scope, Who};
pub use viewer::{StaffViewer, Viewer};
