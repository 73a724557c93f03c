//! The real program over HTTP, on both databases: killed under load and while it dispatches, overloaded, kept
//! and moved at full load.

mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/desk.rs"]
mod desk;
#[path = "../common/dice.rs"]
mod dice;
mod dispatched;
mod flood;
mod journal;
mod kept;
mod kills;
mod load;
#[path = "../keeping/program.rs"]
mod program;
#[path = "../keeping/stage.rs"]
#[allow(dead_code)] // only its places; the city here is smaller
mod site;
mod stage;
#[path = "../common/town.rs"]
mod town;
mod truth;

use dice::setting;
