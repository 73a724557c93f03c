//! A unit that is put under another one takes what was counted for it along, in the transaction that moves it.

use futures_util::future::BoxFuture;

use super::fold::{LEASE, add};
use super::store::{DAY_TOTAL, DAYS_OF_NODE_ALL_TASKS, NODE_TOTAL, TOTALS_OF_NODE_ALL_TASKS};
use crate::args;
use crate::directory::change::Moved;
use crate::platform::database::{Exec, StoreError, Tx};
use crate::platform::ids::Id;
use crate::platform::leases;

/// Takes the totals of a unit from those it has left and adds them to those it has come under. The folder waits
/// meanwhile: it would still count for the old ones.
pub fn organization(tx: &mut Tx, moved: Moved) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(async move {
        leases::hold(tx, LEASE).await?;
        let sides = || {
            let left = moved.left.iter().map(|node| (*node, -1));
            left.chain(moved.joined.iter().map(|node| (*node, 1))).collect::<Vec<(Id, i64)>>()
        };
        let totals: Vec<(Id, String, i64)> = tx.all(TOTALS_OF_NODE_ALL_TASKS, args![moved.organization]).await?;
        let rows = totals.iter().flat_map(|(task, measure, total)| {
            sides().into_iter().map(move |(node, sign)| args![*task, "org", node, measure, sign * total, 1_i64])
        });
        add(tx, &NODE_TOTAL, rows.collect()).await?;
        let days: Vec<(Id, String, String, i64)> = tx.all(DAYS_OF_NODE_ALL_TASKS, args![moved.organization]).await?;
        let rows = days.iter().flat_map(|(task, measure, day, total)| {
            sides().into_iter().map(move |(node, sign)| args![*task, node, measure, day, sign * total])
        });
        add(tx, &DAY_TOTAL, rows.collect()).await
    })
}
