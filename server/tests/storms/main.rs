//! What passes by: conflicts, answers to COMMIT that never come, connections that break, callers that leave,
//! members that are poisoned, writes that hang or panic. Each protection is also taken out, and the same check
//! must then fail. Only with the feature `fault-hooks`.
#![cfg(feature = "fault-hooks")]

#[path = "../routes/cast.rs"]
#[allow(dead_code)] // the stage of the routes; here fewer people come on
mod cast;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/dice.rs"]
mod dice;
mod lanes;
mod leave;
mod once;
mod proxy;
#[path = "../common/town.rs"]
mod town;
#[path = "../common/without.rs"]
mod without;

use server::args;
use server::platform::database::bulk::{OnKey, Shape, adding};
use server::platform::database::{Db, Exec, StoreError};
use server::platform::entity::{ENTITY, entity_row};
use server::platform::ids::{Id, new_id};
use server::platform::lane::{Block, Lanes, Put, SubmissionKey, WriteSet};

use common::NOW;

const SUBMISSION: Shape = Shape {
    table: "submission",
    columns: &[
        "shard",
        "form_id",
        "client_id",
        "id",
        "form_version_id",
        "door_kind",
        "door_id",
        "payload_hash",
        "answers",
        "slip_code",
        "submitted_at",
    ],
    key: &["shard", "form_id", "client_id"],
};

/// A submission with one more row, an entity of class `tag`.
pub fn submission(shard: i64, client: Id, tag: &str) -> WriteSet {
    let id = new_id(shard, NOW);
    let row = args![shard, client, client, id, client, "item", id, vec![1_u8], "{}", format!("S-{id}"), NOW];
    let entity = entity_row(shard, new_id(shard, NOW), tag, None, NOW);
    WriteSet {
        shard,
        key: SubmissionKey { form_id: client, client_id: client, payload_hash: vec![1] },
        expects: vec![],
        puts: vec![
            Put { shape: &SUBMISSION, on_key: OnKey::Fail, row },
            Put { shape: &ENTITY, on_key: OnKey::Fail, row: entity },
        ],
        signals: vec![],
    }
}

/// A write of the dangerous kind: it makes its id inside the closure and gives it back.
pub async fn create(lanes: &Lanes, shard: i64, tag: String) -> Result<Id, StoreError> {
    lanes
        .write(shard, vec![], move |tx| {
            let tag = tag.clone();
            Box::pin(async move {
                let id = new_id(shard, NOW);
                ENTITY.write(tx, vec![entity_row(shard, id, &tag, None, NOW)], OnKey::Fail).await?;
                Ok(id)
            })
        })
        .await
}

const TOTAL: Shape = Shape {
    table: "node_total",
    columns: &["task_id", "axis", "node_id", "measure", "total", "tree_version"],
    key: &["task_id", "axis", "node_id", "measure"],
};

/// Rows that are known beforehand and must not be written twice: one is added to a total.
pub async fn add_one(lanes: &Lanes, shard: i64, total: Id) -> Result<bool, StoreError> {
    let rows = vec![args![total, "place", total, "done", 1_i64, 1_i64]];
    lanes.write_known(shard, None, vec![Block { shape: &TOTAL, on_key: adding(&TOTAL, &["total"]), rows }]).await
}

/// What such a total is now.
pub async fn total(db: &Db, id: Id) -> i64 {
    let found: Option<(i64,)> =
        db.clone().optional("SELECT total FROM node_total WHERE task_id = $1", args![id]).await.expect("totals");
    found.map_or(0, |row| row.0)
}

/// Ids of the entities of one class.
pub async fn entities(db: &Db, tag: &str) -> Vec<Id> {
    let rows: Vec<(Id,)> =
        db.clone().all("SELECT id FROM entity WHERE class = $1", args![tag]).await.expect("entities");
    rows.into_iter().map(|row| row.0).collect()
}
