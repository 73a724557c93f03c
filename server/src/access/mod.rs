//! Access: the one evaluator, and who is asking.
//!
//! Owns `account`, `role`, `role_grant`, `api_token`, `personal_link`. Every read and write of every room
//! asks [`Principal`]; lists take their predicate from [`Principal::rows`]. It fails closed: what no
//! grant covers is not seen. Must not know forms, tasks or channels beyond the names of permissions.
//!
//! The usual next thing is a permission: one line in `principal.rs`, and its place in the built-in
//! roles of `roles.rs`. A new kind of principal is a variant of [`Who`], found in `crate::front`.

pub mod admin;
pub mod admin_api;
pub mod admin_pages;
pub mod api;
#[cfg(feature = "fault-hooks")]
pub mod faults;
pub mod gate;
pub mod links;
pub mod pages;
pub mod password;
mod principal;
mod roles;
pub mod sign_in;
pub mod store;
pub mod tokens;
mod viewer;

use crate::platform::ids::Id;

pub use principal::{Columns, Grant, Permission, Principal, Scope, Who};
pub use roles::{BUILT_IN, BuiltIn, Holder, Reach, end_grant, grant, grant_to, seed_roles};
pub use store::{Known, TABLES, create_account, load_principal};
pub use viewer::{StaffViewer, Viewer};

/// Every statement of this room, for the prepare test.
pub const STATEMENTS: &[&[&str]] =
    &[admin::STATEMENTS, roles::STATEMENTS, store::STATEMENTS, tokens::STATEMENTS, links::STATEMENTS];

/// One sample of each statement that a builder makes.
pub fn samples() -> Vec<String> {
    let grants = [Scope::Place(Id::nil()), Scope::Organization(Id::nil())]
        .map(|scope| Grant { permission: Permission::Administer, scope });
    let principal = Principal { who: Who::Anonymous, grants: grants.into() };
    vec![
        admin::accounts_sql(&principal, "", "", 1).0,
        admin::without_account_sql(&principal, "").0,
        admin::who_sql(&principal, "", None, 1, "").0,
    ]
}
