//! What holds now, from what was said. Pure: the record before and one observation give the record after.
//!
//! Per attribute the statement that stands highest holds; among equals the one observed last, then the
//! larger id. That is a total order, so the values do not depend on the order in which statements come
//! in: a late message from another shard changes nothing that a newer visit has settled. The loser stays
//! in its observation; if it is newer than the last word for what holds, it is also shown as a contender
//! (有两种说法).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use form_runtime::{AttributeRef, Map, Model};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::observation::{Observation, SourceKind};
use super::record::PersonRecord;
use super::sealed::same;
use crate::platform::database::StoreError;
use crate::platform::ids::Id;
use crate::platform::secrets::Keys;

/// Where a current value comes from; stored as `origins` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// the observation that said it
    pub observation: Id,
    /// when that was observed, UTC microseconds
    pub at: i64,
    /// kind of source, see [`SourceKind`]
    pub source: Arc<str>,
    /// its standing for this attribute, 0 is believed most
    pub standing: i64,
    /// title of the form or file
    pub title: Arc<str>,
    /// post it was recorded in
    pub post: Option<Id>,
    /// when somebody last said or confirmed the same, UTC microseconds
    pub seen: i64,
    /// a newer statement that says otherwise but stands lower
    pub contender: Option<Contender>,
}

/// A statement that lost, though it is newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// the observation that said it
    pub observation: Id,
    /// when that was observed, UTC microseconds
    pub at: i64,
    /// stored value
    pub value: Value,
}

/// Values and origins of any record, whatever its columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    /// attribute to stored value
    pub values: Map,
    /// attribute to origin
    pub origin: BTreeMap<String, Origin>,
}

impl Fields {
    /// Takes one observation in. Nothing is taken from one that is not current.
    pub fn take_in(&mut self, keys: &Keys, model: &Model, observation: &Observation) -> Result<(), StoreError> {
        if observation.state != "current" {
            return Ok(());
        }
        let class = observation.class()?;
        let kind = SourceKind::from_key(&observation.source_kind);
        let refused = observation.refused();
        for (key, value) in observation.spoken()? {
            if !refused.contains(&key) {
                let at = AttributeRef::new(class, key);
                let standing = kind.standing(model, &at);
                self.weigh(keys, &at, value, observation, standing);
            }
        }
        Ok(())
    }

    fn weigh(&mut self, keys: &Keys, attribute: &AttributeRef, value: Value, observation: &Observation, standing: i64) {
        let (key, at) = (attribute.key.clone(), observation.observed_at);
        let said = Origin {
            observation: observation.id,
            at,
            source: observation.source_kind.as_str().into(),
            standing,
            title: observation.source_title.as_str().into(),
            post: observation.post_id,
            seen: at,
            contender: None,
        };
        let Some(holds) = self.origin.get_mut(&key) else {
            self.origin.insert(key.clone(), said);
            self.values.insert(key, value);
            return;
        };
        let current = self.values.get(&key).cloned().unwrap_or(Value::Null);
        let agrees = same(keys, attribute, &current, &value);
        let wins = (standing, Reverse(at), Reverse(said.observation))
            < (holds.standing, Reverse(holds.at), Reverse(holds.observation));
        match (wins, agrees) {
            (true, true) => {
                let (seen, contender) = (holds.seen.max(at), holds.contender.take());
                *holds = Origin { seen, contender: contender.filter(|c| c.at > seen), ..said };
            }
            (true, false) => {
                let before = Contender { observation: holds.observation, at: holds.seen, value: current };
                let mut seen = at;
                let mut contender = Some(before);
                if let Some(other) = holds.contender.take() {
                    if same(keys, attribute, &other.value, &value) {
                        seen = seen.max(other.at);
                    } else if contender.as_ref().is_some_and(|c| other.at > c.at) {
                        contender = Some(other);
                    }
                }
                *holds = Origin { seen, contender: contender.filter(|c| c.at > seen), ..said };
                self.values.insert(key, value);
            }
            (false, true) => {
                holds.seen = holds.seen.max(at);
                if holds.contender.as_ref().is_some_and(|c| c.at <= holds.seen) {
                    holds.contender = None;
                }
            }
            (false, false) => {
                let newer = at > holds.seen && holds.contender.as_ref().is_none_or(|c| at > c.at);
                if newer {
                    holds.contender = Some(Contender { observation: observation.id, at, value });
                }
            }
        }
    }
}

/// The record of a person after one more observation. Its version grows by one.
pub fn merge(
    keys: &Keys,
    model: &Model,
    record: &PersonRecord,
    observation: &Observation,
) -> Result<PersonRecord, StoreError> {
    let spoken = observation.spoken()?;
    let mut fields = record.fields_of(|key| spoken.contains_key(key))?;
    fields.take_in(keys, model, observation)?;
    let mut next = record.with_changed(fields)?;
    next.version = record.version + 1;
    next.updated_at = record.updated_at.max(observation.recorded_at);
    Ok(next)
}
