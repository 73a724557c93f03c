//! Keeping, restoring and moving whole installations, between both databases in every direction.

#[path = "../common/mod.rs"]
mod common;

mod damage;
mod kills;
mod moves;
mod program;
mod schema;
mod stage;
mod whole;
mod writing;
