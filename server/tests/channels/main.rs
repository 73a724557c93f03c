//! Channels and cases through the whole router, on both databases: a resident without account or script, the
//! workers of the community, the API.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/town.rs"]
mod town;

mod api;
mod resident;
mod stage;
mod worker;
