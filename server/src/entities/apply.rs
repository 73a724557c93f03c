//! One statement becomes rows: the observation, the current record, and the entity if it is new.
//! Pure with respect to the database: the record before comes in, rows go out, into a write set.

use form_runtime::{Class, Model};
use serde_json::json;

use super::merge::merge;
use super::observation::{Observation, Said};
use super::outbox::{self, OUTBOX};
use super::plain::{self, PlainRecord};
use super::record::{PersonRecord, RECORD_PERSON, RECORD_PERSON_INDEXED};
use crate::app::App;
use crate::args;
use crate::platform::database::StoreError;
use crate::platform::database::bulk::OnKey;
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::{Expect, Put};

/// What a statement writes.
#[derive(Clone, Debug)]
pub struct Applied {
    /// the record after; absent when it is another shard's to make, when the statement only waits, or
    /// when the subject is no person
    pub record: Option<PersonRecord>,
    /// the observation's id
    pub observation: Id,
    /// rows for the write set
    pub puts: Vec<Put>,
    /// what must still hold when they are written
    pub expects: Vec<Expect>,
}

/// A current statement about a person, written in the person's own shard. `record` is what was read
/// before, `None` if there is none.
pub fn apply(app: &App, record: Option<&PersonRecord>, said: &Said) -> Result<Applied, StoreError> {
    let model = Model::shipped();
    let now = app.now();
    let observation = observe(app, &model, record, said, now)?;
    let empty = PersonRecord::empty(said.subject.shard, said.subject.id);
    let next = merge(&app.keys, &model, record.unwrap_or(&empty), &observation)?;
    let written = match record {
        Some(before) => Put::changed(&RECORD_PERSON, RECORD_PERSON_INDEXED, &before.row(), next.row()),
        None => Put { shape: &RECORD_PERSON, on_key: OnKey::Next, row: next.row() },
    };
    let mut puts = vec![observation.put(), written];
    // Who has a record is there already.
    if record.is_none() {
        puts.push(entity_put(&observation, next.community_id, now));
    }
    let expects = vec![Expect {
        table: RECORD_PERSON.table,
        shard: said.subject.shard,
        id: said.subject.id,
        version: record.map_or(0, |record| record.version),
    }];
    Ok(Applied { record: Some(next), observation: observation.id, puts, expects })
}

/// A current statement about a place, thing, event or organization, in its own shard.
pub fn apply_plain(app: &App, record: Option<&PlainRecord>, said: &Said) -> Result<Applied, StoreError> {
    let model = Model::shipped();
    let shape = plain::shape(said.subject.class)
        .ok_or_else(|| StoreError::Corrupt("a person's statement goes through `apply`".to_owned()))?;
    let now = app.now();
    let empty = PlainRecord::empty(said.subject.shard, said.subject.id);
    let before = record.unwrap_or(&empty);
    let mut fields = before.fields()?;
    let observation = Observation::of(&app.keys, &model, said, now, |key| fields.values.get(key).cloned());
    fields.take_in(&app.keys, &model, &observation)?;
    let next = PlainRecord { version: before.version + 1, updated_at: now, ..before.with_fields(fields) };
    let puts = vec![
        entity_put(&observation, next.community_id, now),
        observation.put(),
        Put { shape, on_key: OnKey::Next, row: next.row() },
    ];
    let expects = vec![Expect {
        table: shape.table,
        shard: before.shard,
        id: before.id,
        version: record.map_or(0, |r| r.version),
    }];
    Ok(Applied { record: None, observation: observation.id, puts, expects })
}

/// The same as [`apply`] for a submission whose door lies on `from`: in place when that is the person's
/// shard, else through the outbox, applied once within a second.
pub fn apply_from(app: &App, from: i64, record: Option<&PersonRecord>, said: &Said) -> Result<Applied, StoreError> {
    if said.subject.shard == from && said.subject.class == Class::Person {
        return apply(app, record, said);
    }
    let observation = observe(app, &Model::shipped(), record, said, app.now())?;
    Ok(sent(from, &observation, app.now()))
}

/// A statement that waits for the worker of the case (an unverified resident's). Nothing of the record
/// changes, and nothing about the person is read or shown.
pub fn pending_from(app: &App, from: i64, said: &Said) -> Result<Applied, StoreError> {
    let now = app.now();
    let mut observation = observe(app, &Model::shipped(), None, said, now)?;
    "pending".clone_into(&mut observation.state);
    if said.subject.shard != from {
        return Ok(sent(from, &observation, now));
    }
    let puts = vec![entity_put(&observation, None, now), observation.put()];
    Ok(Applied { record: None, observation: observation.id, puts, expects: Vec::new() })
}

fn observe(
    app: &App,
    model: &Model,
    record: Option<&PersonRecord>,
    said: &Said,
    now: i64,
) -> Result<Observation, StoreError> {
    let confirmed = |key: &str| said.confirmed.iter().any(|confirmed| confirmed == key);
    let fields = record.map(|record| record.fields_of(confirmed)).transpose()?;
    Ok(Observation::of(&app.keys, model, said, now, |key| fields.as_ref()?.values.get(key).cloned()))
}

fn entity_put(observation: &Observation, community: Option<Id>, now: i64) -> Put {
    let row = entity_row(observation.shard, observation.entity_id, &observation.class, community, now);
    Put { shape: &ENTITY, on_key: OnKey::Keep, row }
}

/// The outbox row that carries an observation to its entity's shard.
fn sent(from: i64, observation: &Observation, now: i64) -> Applied {
    let row = args![from, new_id(from, now), observation.shard, outbox::KIND, json!(observation).to_string(), now,];
    Applied {
        record: None,
        observation: observation.id,
        puts: vec![Put { shape: &OUTBOX, on_key: OnKey::Fail, row }],
        expects: Vec::new(),
    }
}
