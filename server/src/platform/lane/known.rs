//! Writes whose rows are known before they begin: slices of long work. The embedded database takes them in one go on
//! the lane's thread, without a letter to the driver's for each statement.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::mark::Mark;
use super::{Lanes, Run, Wing, Write};
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Alike, Arg, First, StoreError, Straight, Touched, Tx};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::Id;

/// Rows of one table that are written alike.
pub struct Block {
    /// table, columns, key
    pub shape: &'static Shape,
    /// insert, keep, replace or add
    pub on_key: OnKey,
    /// one argument per column each
    pub rows: Vec<Vec<Arg>>,
}

struct Known {
    straight: Arc<Straight>,
    first: Option<First>,
    blocks: Vec<Block>,
}

impl Lanes {
    /// Writes rows in one transaction in the lane of `shard`, once, as [`Lanes::write`] does. False where `first`
    /// changes no row: then nothing is written.
    pub async fn write_known(
        &self,
        shard: i64,
        first: Option<First>,
        mut blocks: Vec<Block>,
    ) -> Result<bool, StoreError> {
        // A table that gets no row is not written: what is kept of it stays.
        blocks.retain(|block| !block.rows.is_empty());
        if let Some(straight) = self.wing.db.straight().filter(|_| !faults::out(Protection::OneTransaction)) {
            let known = Known { straight: straight.clone(), first, blocks };
            return self.write_in(&self.lane_of(shard).usual, shard, vec![], Arc::new(known)).await;
        }
        let known = Arc::new((first, blocks));
        self.write(shard, vec![], move |tx| {
            let known = known.clone();
            Box::pin(async move { write(tx, known.0.as_ref(), &known.1).await })
        })
        .await
    }
}

async fn write(tx: &mut Tx, first: Option<&First>, blocks: &[Block]) -> Result<bool, StoreError> {
    if let Some(first) = first
        && !first.holds(tx).await?
    {
        return Ok(false);
    }
    for block in blocks {
        block.shape.write_rows(tx, &block.rows, block.on_key).await?;
    }
    Ok(true)
}

impl Write<bool, StoreError> for Known {
    fn once<'a>(&'a self, wing: &'a Wing, mark: Mark, _: &'a [Id]) -> BoxFuture<'a, Run<bool, StoreError>> {
        Box::pin(async move {
            let mark = (!faults::out(Protection::WriteMark)).then(|| mark.first());
            let firsts: Vec<&First> = mark.iter().chain(&self.first).collect();
            let alike: Vec<Alike<'_>> = self.blocks.iter().map(Block::alike).collect();
            match in_one_go(wing, &self.straight, &firsts, &alike) {
                Ok(None) => Run::Done(true),
                Ok(Some(0)) if mark.is_some() => Run::DoneBefore,
                Ok(Some(_)) => Run::Done(false),
                Err(fault @ StoreError::Lost(_)) => Run::Unknown(true, fault),
                Err(fault) => Run::Failed(fault),
            }
        })
    }
}

impl Block {
    fn alike(&self) -> Alike<'_> {
        Alike { shape: self.shape, on_key: self.on_key, rows: self.rows.iter().map(Vec::as_slice).collect() }
    }
}

/// One transaction on the thread of the lane, as [`Straight::write`] does it.
pub(super) fn in_one_go(
    wing: &Wing,
    straight: &Straight,
    firsts: &[&First],
    all: &[Alike<'_>],
) -> Result<Option<usize>, StoreError> {
    let write = || {
        faults::before_commit()?;
        let refused = straight.write(firsts, all)?;
        faults::after_commit().map(|()| refused)
    };
    let written = catch_unwind(AssertUnwindSafe(write));
    // Also when there was no answer: it may have happened.
    let tables: Vec<&str> = all.iter().map(|alike| alike.shape.table).collect();
    let mut touched = Touched::of(&tables);
    for first in firsts {
        touched.note(first.sql);
    }
    wing.changes.note(touched);
    written.unwrap_or_else(|_| Err(StoreError::Corrupt("a write panicked".into())))
}
