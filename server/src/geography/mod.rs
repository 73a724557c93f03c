//! Geography: the dated tree of places from province to community, and the premises below.
//!
//! Owns `place`, `place_ancestor`, `place_code`, `premises`, `tree_version`. Holds all places in memory
//! ([`Geography`]); premises stay in the database. Must not know organizations.
//!
//! The usual next thing is an importer: one file beside `import.rs` plus one line in its list.

pub mod change;
mod import;
mod names;
mod place;
mod place_file;
mod plan_import;
mod planting;
pub mod premises;
mod provinces;
mod resolve;
mod search;
pub mod store;
mod tree;

pub use import::{Imported, import, import_by};
pub use names::{display_name, kind_of, level_key, short_address};
pub use place::{FullName, Place, PlaceRef};
pub use place_file::{PlaceLine, read as read_places, sheet_fault};
pub use plan_import::{Plan, plan};
pub use provinces::{PROVINCES, province_of};
pub use resolve::{Resolved, resolve};
pub use search::search;
pub use store::reload;
pub use tree::Geography;
