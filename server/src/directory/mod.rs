//! Directory (数字通讯录): organizations, posts, staff, jurisdictions, grids.
//!
//! Owns `organization`, `organization_ancestor`, `jurisdiction`, `staff`, `post`, `grid`, `grid_premises`,
//! `grid_worker`. Holds them in memory ([`Directory`]). Must not know accounts, roles or work.

mod book;

pub use book::{Directory, Grid, Organization, Post, Staff};
