//! Observations on their way to another shard.
//!
//! The sender's write set carries an outbox row whose observation has its final id. The drain, at least
//! every second, takes rows in and deletes them in the same transaction. Taking in is idempotent by the
//! observation's id, so a row that comes back (a restored backup, a drain that died on an engine without
//! transactions across shards) changes nothing.

use std::time::Duration;

use form_runtime::{Class, Model};

use super::merge::merge;
use super::observation::{OBSERVATION, Observation};
use super::plain::{self, PlainRecord};
use super::record::{PersonRecord, RECORD_PERSON, find};
use super::store;
use crate::app::App;
use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::ids::Id;

/// Columns of the outbox.
pub const OUTBOX: Shape = Shape {
    table: "outbox",
    columns: &["shard", "id", "target_shard", "kind", "payload", "created_at"],
    key: &["shard", "id"],
};

/// The kind of row that this room sends to itself.
pub const KIND: &str = "observation";

/// Rows taken in at once.
const AT_ONCE: i64 = 256;

/// Drains until the process ends; one such task per process is enough, several do no harm.
pub async fn run(app: App) {
    loop {
        match drain_all_shards(&app).await {
            Ok(count) if count == AT_ONCE as usize => continue,
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "the outbox could not be drained, trying again"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Takes in what waits, oldest first, up to 256 rows. Returns how many.
pub async fn drain_all_shards(app: &App) -> Result<usize, StoreError> {
    let waiting: Vec<(i64, Id, i64, String)> = app.read().all(store::OUTBOX_WAITING, args![KIND, AT_ONCE]).await?;
    let count = waiting.len();
    for (shard, id, target, payload) in waiting {
        let mut observation: Observation = match serde_json::from_str(&payload) {
            Ok(observation) => observation,
            Err(fault) => {
                // Left where it is for a human: `hutong doctor` lists old outbox rows.
                tracing::error!(%fault, outbox = %id, "an outbox row cannot be read");
                continue;
            }
        };
        observation.recorded_at = app.now();
        let subject = observation.entity_id;
        app.lanes
            .write(target, vec![subject], move |tx| {
                let observation = observation.clone();
                Box::pin(async move {
                    take_in(tx, &observation).await?;
                    tx.execute(store::OUTBOX_DONE, args![shard, id]).await?;
                    Ok::<(), StoreError>(())
                })
            })
            .await?;
    }
    Ok(count)
}

/// Stores an observation in its entity's shard and takes it into the record, unless it is there already.
/// Returns whether it was new.
pub async fn take_in(tx: &mut impl Exec, observation: &Observation) -> Result<bool, StoreError> {
    if OBSERVATION.write(tx, vec![observation.row()], OnKey::Keep).await? == 0 {
        return Ok(false);
    }
    let (shard, id, now) = (observation.shard, observation.entity_id, observation.recorded_at);
    ENTITY.write(tx, vec![entity_row(shard, id, &observation.class, None, now)], OnKey::Keep).await?;
    if observation.state == "current" {
        take_into_record(tx, observation).await?;
    }
    Ok(true)
}

/// Merges an observation into the current record and writes that.
pub async fn take_into_record(tx: &mut impl Exec, observation: &Observation) -> Result<(), StoreError> {
    let model = Model::shipped();
    let (shard, id) = (observation.shard, observation.entity_id);
    let class = observation.class()?;
    let Some(shape) = plain::shape(class) else {
        debug_assert_eq!(class, Class::Person);
        let before = find(tx, shard, id).await?.unwrap_or_else(|| PersonRecord::empty(shard, id));
        let next = merge(&model, &before, observation)?;
        return RECORD_PERSON.write(tx, vec![next.row()], OnKey::Replace).await.map(|_| ());
    };
    let before = plain::find(tx, class, shard, id).await?.unwrap_or_else(|| PlainRecord::empty(shard, id));
    let mut fields = before.fields()?;
    fields.take_in(&model, observation)?;
    let next =
        PlainRecord { version: before.version + 1, updated_at: observation.recorded_at, ..before.with_fields(fields) };
    shape.write(tx, vec![next.row()], OnKey::Replace).await.map(|_| ())
}
