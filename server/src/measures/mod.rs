//! Measures: what is counted of each item, and the totals that are always true.
//!
//! Owns `delta`, `partial_total`, `node_total`, `day_total`. A total is a group sum: an item stores its
//! [`Contribution`]; every change appends exactly its negative (with its original day) and the new one
//! as delta rows at the leaf place and, apart from it, at the holding organization. The folder adds
//! deltas to the totals of every ancestor and removes them in the same transaction; a board reads
//! totals and unfolded deltas in one snapshot.
//!
//! Must not know tasks, forms or channels beyond the columns `task.published_release` and those of
//! `item` that the recount and [`summary`] read; must not write anything but
//! its own tables.
//!
//! To count one more thing of every item: add its name to [`BUILT_IN`] and its rule to
//! [`Contribution::of_item`]; the recount must then derive it from the item's own columns.

pub mod api;
pub mod board;
mod chains;
mod contribution;
mod declare;
mod deltas;
#[cfg(feature = "fault-hooks")]
pub mod faults;
pub mod fold;
pub mod follow;
mod kept;
mod leaves;
mod opening;
pub mod pages;
pub mod recount;
mod store;
pub mod summary;
mod view;
mod work;

pub use board::{Board, Node};
pub use contribution::{BUILT_IN, Contribution, Counted};
pub use declare::{Measure, Measures};
pub use deltas::{Deltas, delta_puts};
pub use fold::fold_once;
pub use kept::{Boards, board};
pub use opening::Opening;
pub use recount::{Difference, recount, unbalanced};
pub use store::STATEMENTS;
pub use work::{OpenWork, Standing, Work};

/// One of each statement that the files of this room build, for the prepare test.
pub fn samples() -> Vec<String> {
    [store::samples(), chains::samples()].concat()
}

/// The two separate foldings; never their product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// leaf: the place of the item
    Place,
    /// leaf: the holding organization
    Organization,
}

impl Axis {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Place, Self::Organization];

    /// As stored and as in URLs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Organization => "org",
        }
    }

    /// By key; what is not one is none.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.key() == key)
    }
}
