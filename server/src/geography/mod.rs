//! Geography: the dated tree of places from province to community, and the premises below.
//!
//! Owns `place`, `place_ancestor`, `place_code`, `premises`, `tree_version`. Holds all places in memory
//! ([`Geography`]); premises stay in the database. Must not know organizations.
//!
//! The usual next thing is an importer: one file beside `import.rs` plus one line in its list.

mod names;
mod resolve;
pub mod store;
mod tree;

pub use names::{display_name, kind_of, level_key};
pub use resolve::{Resolved, resolve};
pub use store::reload;
pub use tree::{Geography, Place};
