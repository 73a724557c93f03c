//! Persons in bulk: rows of a sheet, subjects of a task, a generated city.
//!
//! Each row is one statement. Rows with a citizen number meet the person it belongs to, silently; rows
//! without one make a provisional person each. Written in grouped commits of at most 128 rows of one
//! lane, so that people's submissions never wait for an import.

use std::collections::{BTreeMap, HashMap};

use form_runtime::{Class, Map, Model};
use serde_json::json;

use super::claim::{Claimed, claim_persons};
use super::merge::merge;
use super::observation::{OBSERVATION, Observation, Said, Source};
use super::record::{PersonRecord, RECORD_PERSON, find_many};
use crate::app::App;
use crate::error::AppError;
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{StoreError, Tx};
use crate::platform::entity::{ENTITY, entity_row};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::Id;
use crate::platform::secrets::{Keys, digest, hex};

/// Rows of one commit.
const SLICE: usize = 128;

/// One person as a row says.
#[derive(Clone, Debug, Default)]
pub struct PersonRow {
    /// attribute to canonical value: `name`, `id_no`, `mobile`, `residence_addr` … secrets in clear
    pub values: Map,
    /// community of residence; decides the shard of a new person
    pub community: Option<Id>,
    /// door or building of residence
    pub premises: Option<Id>,
    /// generated for a demo
    pub made_up: bool,
}

/// The person of one row.
pub type Imported = Claimed;

/// Takes rows in and returns their persons in the same order. `observed_at` is UTC microseconds.
pub async fn import_persons(
    app: &App,
    rows: Vec<PersonRow>,
    source: &Source,
    actor: &Actor,
    observed_at: i64,
) -> Result<Vec<Imported>, AppError> {
    let numbers = rows.iter().map(|row| (text(&row.values, "id_no"), row.community)).collect();
    let claimed = claim_persons(app, numbers).await?;
    let model = Model::shipped();
    let now = app.now();
    // Rows of one lane together, in their own order: equal numbers meet in the order of the sheet.
    let mut lanes: BTreeMap<usize, Vec<Statement>> = BTreeMap::new();
    for (position, (row, person)) in rows.into_iter().zip(&claimed).enumerate() {
        let made_up = row.made_up;
        let said = said(row, *person, source, actor, observed_at);
        let observation = Observation::of(&app.keys, &model, &said, now + position as i64, |_| None);
        lanes.entry(app.lanes.number_of(person.shard)).or_default().push(Statement { observation, made_up });
    }
    for slice in lanes.values().flat_map(|all| slices(all)) {
        let lane = slice.first().map_or(0, |statement| statement.observation.shard);
        let (actor, keys) = (actor.clone(), app.keys.clone());
        app.lanes
            .write(lane, Vec::new(), move |tx| {
                let (slice, actor, keys) = (slice.clone(), actor.clone(), keys.clone());
                Box::pin(async move { write(&keys, tx, slice, &actor, now).await })
            })
            .await?;
    }
    Ok(claimed)
}

#[derive(Clone)]
struct Statement {
    observation: Observation,
    made_up: bool,
}

fn slices(all: &[Statement]) -> Vec<Vec<Statement>> {
    all.chunks(SLICE).map(<[Statement]>::to_vec).collect()
}

fn text(values: &Map, key: &str) -> Option<String> {
    values.get(key).and_then(|value| value.as_str()).map(str::to_owned)
}

fn said(row: PersonRow, person: Claimed, source: &Source, actor: &Actor, observed_at: i64) -> Said {
    let mut values = row.values;
    // An empty cell says nothing.
    values.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    if let Some(community) = row.community {
        values.entry("residence_place").or_insert_with(|| json!(community));
    }
    if let Some(premises) = row.premises {
        values.entry("residence_premises").or_insert_with(|| json!(premises));
    }
    Said {
        id: None,
        subject: person.subject(),
        said: values,
        confirmed: Vec::new(),
        shown: Vec::new(),
        source: source.clone(),
        observed_at,
        actor: actor.clone(),
    }
}

async fn write(keys: &Keys, tx: &mut Tx, slice: Vec<Statement>, actor: &Actor, now: i64) -> Result<(), StoreError> {
    let model = Model::shipped();
    let mut subjects: Vec<(i64, Id)> = slice.iter().map(|s| (s.observation.shard, s.observation.entity_id)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let mut records: HashMap<Id, PersonRecord> = find_many(tx, &subjects).await?;
    let versions: HashMap<Id, i64> = records.iter().map(|(id, record)| (*id, record.version)).collect();
    let mut by_shard: BTreeMap<i64, Vec<Id>> = BTreeMap::new();
    for statement in &slice {
        let observation = &statement.observation;
        let (shard, id) = (observation.shard, observation.entity_id);
        let mut before = records.remove(&id).unwrap_or_else(|| PersonRecord::empty(shard, id));
        before.made_up |= statement.made_up;
        records.insert(id, merge(keys, &model, &before, observation)?);
        by_shard.entry(shard).or_default().push(id);
    }
    let class = Class::Person.key();
    let entities = subjects.iter().map(|(shard, id)| entity_row(*shard, *id, class, records[id].community_id, now));
    ENTITY.write(tx, entities.collect(), OnKey::Keep).await?;
    OBSERVATION.write(tx, slice.iter().map(|s| s.observation.row()).collect(), OnKey::Fail).await?;
    // Several statements about one person are one step of the record.
    for (id, record) in &mut records {
        record.version = versions.get(id).copied().unwrap_or(0) + 1;
    }
    let rows = subjects.iter().map(|(_, id)| records[id].row()).collect();
    RECORD_PERSON.write(tx, rows, OnKey::Next).await?;
    for (shard, ids) in by_shard {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.as_bytes().to_vec()).collect();
        let event = Event {
            kind: "person.imported",
            subject_class: class,
            subject_id: None,
            actor: actor.clone(),
            at: now,
            payload: json!({"count": ids.len(), "digest": hex(&digest(&bytes))}),
        };
        event.write(tx, shard).await?;
    }
    Ok(())
}
