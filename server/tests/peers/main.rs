//! Several processes on one PostgreSQL: they show the same, never do a thing twice, and go on when one of them is
//! killed, frozen or of another version. Some tests drive two of the real program, some two apps in this process
//! where a moment must be met exactly. Each protection is also taken out. Only with the feature `fault-hooks`.
#![cfg(feature = "fault-hooks")]

mod at_once;
mod books;
#[path = "../crash/client.rs"]
#[allow(dead_code)] // each test program uses its part of it
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/desk.rs"]
mod desk;
#[path = "../common/dice.rs"]
mod dice;
mod frozen;
mod heard;
mod joined;
#[path = "../crash/journal.rs"]
mod journal;
#[path = "../crash/load.rs"]
#[allow(dead_code)]
mod load;
mod pair;
#[path = "../keeping/program.rs"]
mod program;
#[path = "../common/root.rs"]
mod root;
#[path = "../keeping/stage.rs"]
#[allow(dead_code)] // only its places; the city here is smaller
mod site;
#[path = "../crash/stage.rs"]
#[allow(dead_code)]
mod stage;
#[path = "../common/town.rs"]
mod town;
#[path = "../crash/truth.rs"]
#[allow(dead_code)]
mod truth;
mod upgraded;
#[path = "../common/without.rs"]
mod without;

use dice::setting;
