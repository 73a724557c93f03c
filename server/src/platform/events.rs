//! Events: one append-only row per business act, written in its transaction.
//!
//! The payload carries ids and keyed digests, never personal values: those stay in rows that can
//! lawfully be erased.

use serde_json::Value;

use super::database::Arg;
use super::database::bulk::{OnKey, Shape};
use super::ids::{Id, new_id};
use super::lane::Put;
use crate::args;

/// The columns of an event as it is inserted; `seq` is set later, by the sealer only.
pub const EVENT: Shape = Shape {
    table: "event",
    columns: &[
        "shard",
        "id",
        "kind",
        "version",
        "subject_class",
        "subject_id",
        "actor_account",
        "actor_post",
        "on_behalf",
        "occurred_at",
        "recorded_at",
        "request_id",
        "cause_id",
        "payload",
    ],
    key: &["id", "shard"],
};

/// Who acts: the account, the post it acts in, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// account, absent for residents without one and for jobs
    pub account: Option<Id>,
    /// post acted in
    pub post: Option<Id>,
    /// in whose name, when acting for somebody
    pub on_behalf: Option<String>,
    /// the request that caused it
    pub request_id: Option<String>,
}

/// One event before it is a row.
#[derive(Clone, Debug)]
pub struct Event {
    /// `room.act`, for example `item.submitted`
    pub kind: &'static str,
    /// class of what it is about (`person`, `item`, `task`)
    pub subject_class: &'static str,
    /// what it is about
    pub subject_id: Option<Id>,
    /// who did it
    pub actor: Actor,
    /// when it happened, UTC microseconds
    pub at: i64,
    /// ids, counts and digests
    pub payload: Value,
}

impl Event {
    /// The row's arguments on `shard`.
    pub fn row(&self, shard: i64) -> Vec<Arg> {
        args![
            shard,
            new_id(shard, self.at),
            self.kind,
            1_i64,
            self.subject_class,
            self.subject_id,
            self.actor.account,
            self.actor.post,
            &self.actor.on_behalf,
            self.at,
            self.at,
            &self.actor.request_id,
            Option::<Id>::None,
            self.payload.to_string(),
        ]
    }

    /// The row as a member of a write set.
    pub fn put(&self, shard: i64) -> Put {
        Put { shape: &EVENT, on_key: OnKey::Fail, row: self.row(shard) }
    }

    /// Writes the event in an open transaction.
    pub async fn write(
        &self,
        tx: &mut impl super::database::Exec,
        shard: i64,
    ) -> Result<(), super::database::StoreError> {
        EVENT.write(tx, vec![self.row(shard)], OnKey::Fail).await.map(|_| ())
    }
}
