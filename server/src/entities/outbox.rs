//! Observations on their way to another shard.
//!
//! The sender's write set carries an outbox row whose observation has its final id. The drain, at least
//! every second (`jobs.rs`), takes rows in and deletes them in the same transaction. Taking in is idempotent by the
//! observation's id, so a row that comes back (a restored backup, a drain that died on an engine without
//! transactions across shards) changes nothing.

use std::collections::BTreeMap;

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
use crate::platform::secrets::Keys;

/// Columns of the outbox.
pub const OUTBOX: Shape = Shape {
    table: "outbox",
    columns: &["shard", "id", "target_shard", "kind", "payload", "created_at"],
    key: &["id", "shard"],
};

/// The kind of row that this room sends to itself.
pub const KIND: &str = "observation";

/// The kind of a row that could not be taken in.
pub const ASIDE: &str = "observation.aside";

/// Rows taken in at once.
const AT_ONCE: i64 = 256;

/// Takes in what waits, oldest first, up to 256 rows, one commit per lane. Returns how many rows left the
/// queue. A row that cannot be taken in is set aside for a human and holds nothing up.
pub async fn drain_all_shards(app: &App) -> Result<usize, StoreError> {
    let waiting: Vec<(i64, Id, i64, String)> =
        app.read().all(store::OUTBOX_WAITING_ALL_SHARDS, args![KIND, AT_ONCE]).await?;
    let count = waiting.len();
    let mut lanes: BTreeMap<usize, Vec<Sent>> = BTreeMap::new();
    for (shard, id, target, payload) in waiting {
        match serde_json::from_str::<Observation>(&payload) {
            Ok(mut observation) => {
                observation.recorded_at = app.now();
                lanes.entry(app.lanes.number_of(target)).or_default().push(Sent { shard, id, observation });
            }
            Err(fault) => set_aside(app, shard, id, &fault.to_string()).await?,
        }
    }
    for group in lanes.into_values() {
        match take_in_group(app, group.clone()).await {
            Ok(()) => {}
            Err(fault) if fault.retryable() => return Err(fault),
            Err(_) => {
                for one in group {
                    let (shard, id) = (one.shard, one.id);
                    match take_in_group(app, vec![one]).await {
                        Ok(()) => {}
                        Err(fault) if fault.retryable() => return Err(fault),
                        Err(fault) => set_aside(app, shard, id, &fault.to_string()).await?,
                    }
                }
            }
        }
    }
    Ok(count)
}

/// An outbox row with its observation.
#[derive(Clone)]
struct Sent {
    shard: i64,
    id: Id,
    observation: Observation,
}

/// Takes rows of one lane in and deletes them, in one commit.
async fn take_in_group(app: &App, group: Vec<Sent>) -> Result<(), StoreError> {
    let Some(lane) = group.first().map(|sent| sent.observation.shard) else {
        return Ok(());
    };
    let keys = app.keys.clone();
    let subjects = group.iter().map(|sent| sent.observation.entity_id).collect();
    app.lanes
        .write(lane, subjects, move |tx| {
            let (group, keys) = (group.clone(), keys.clone());
            Box::pin(async move {
                for sent in &group {
                    take_in(&keys, tx, &sent.observation).await?;
                    tx.execute(store::OUTBOX_DONE, args![sent.shard, sent.id]).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn set_aside(app: &App, shard: i64, id: Id, fault: &str) -> Result<(), StoreError> {
    tracing::error!(fault, outbox = %id, "an outbox row is set aside");
    app.lanes
        .write(shard, Vec::new(), move |tx| {
            Box::pin(async move { tx.execute(store::OUTBOX_ASIDE, args![shard, id, ASIDE]).await.map(|_| ()) })
        })
        .await
}

/// Stores an observation in its entity's shard and takes it into the record, unless it is there already.
/// Returns whether it was new.
pub async fn take_in(keys: &Keys, tx: &mut impl Exec, observation: &Observation) -> Result<bool, StoreError> {
    if OBSERVATION.write(tx, vec![observation.row()], OnKey::Keep).await? == 0 {
        return Ok(false);
    }
    let (shard, id, now) = (observation.shard, observation.entity_id, observation.recorded_at);
    ENTITY.write(tx, vec![entity_row(shard, id, &observation.class, None, now)], OnKey::Keep).await?;
    if observation.state == "current" {
        take_into_record(keys, tx, observation).await?;
    }
    Ok(true)
}

/// Merges an observation into the current record and writes that.
pub async fn take_into_record(keys: &Keys, tx: &mut impl Exec, observation: &Observation) -> Result<(), StoreError> {
    let model = Model::shipped();
    let (shard, id) = (observation.shard, observation.entity_id);
    let class = observation.class()?;
    let Some(shape) = plain::shape(class) else {
        debug_assert_eq!(class, Class::Person);
        let before = find(tx, shard, id).await?.unwrap_or_else(|| PersonRecord::empty(shard, id));
        let next = merge(keys, &model, &before, observation)?;
        return RECORD_PERSON.write(tx, vec![next.row()], OnKey::Next).await.map(|_| ());
    };
    let before = plain::find(tx, class, shard, id).await?.unwrap_or_else(|| PlainRecord::empty(shard, id));
    let mut fields = before.fields()?;
    fields.take_in(keys, &model, observation)?;
    let next =
        PlainRecord { version: before.version + 1, updated_at: observation.recorded_at, ..before.with_fields(fields) };
    shape.write(tx, vec![next.row()], OnKey::Next).await.map(|_| ())
}
