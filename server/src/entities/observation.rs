//! What one submission, row or message said about one entity.

use form_runtime::{AttributeRef, Class, Map, Model};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sealed::{Sealed, is_secret};
use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Arg, StoreError};
use crate::platform::events::Actor;
use crate::platform::ids::{Id, new_id};
use crate::platform::lane::Put;
use crate::platform::secrets::Keys;

/// Columns of an observation.
pub const OBSERVATION: Shape = Shape {
    table: "observation",
    columns: &[
        "shard",
        "id",
        "entity_id",
        "class",
        "state",
        "source_kind",
        "source_id",
        "submission_id",
        "form_version_id",
        "batch",
        "source_title",
        "said",
        "confirmed",
        "shown",
        "rank",
        "certification",
        "observed_at",
        "recorded_at",
        "account_id",
        "post_id",
    ],
    key: &["id", "shard"],
};

/// What kind of source speaks; how far each is believed about an attribute is the model's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// confirmed by whoever answers for it
    Certified,
    /// a base registry (公安、民政)
    Registry,
    /// a grassroots worker, in person
    Worker,
    /// a counter clerk
    Clerk,
    /// a sheet that somebody uploaded
    Sheet,
    /// the resident, verified or accepted by the worker of the case
    Resident,
    /// anybody
    Unverified,
}

impl SourceKind {
    /// Key as stored, and as the model's orders name it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Registry => "registry",
            Self::Worker => "worker",
            Self::Clerk => "clerk",
            Self::Sheet => "sheet",
            Self::Resident => "resident",
            Self::Unverified => "unverified",
        }
    }

    /// By stored key; what is unknown is believed least.
    pub fn from_key(key: &str) -> Self {
        [Self::Certified, Self::Registry, Self::Worker, Self::Clerk, Self::Sheet, Self::Resident]
            .into_iter()
            .find(|kind| kind.key() == key)
            .unwrap_or(Self::Unverified)
    }

    /// Its place in the order of an attribute, 0 is believed most. People who speak in person (worker,
    /// clerk, resident) stand together on the best place of the three: among them the latest holds, so
    /// that a visit corrects what was told before it, and the other way round.
    pub fn standing(self, model: &Model, at: &AttributeRef) -> i64 {
        const IN_PERSON: [SourceKind; 3] = [SourceKind::Worker, SourceKind::Clerk, SourceKind::Resident];
        let rank = |kind: Self| model.source_rank(at, kind.key()) as i64;
        if IN_PERSON.contains(&self) { IN_PERSON.into_iter().map(rank).min().unwrap_or(0) } else { rank(self) }
    }
}

/// The entity that something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// one of the five
    pub class: Class,
    /// its shard
    pub shard: i64,
    /// its id
    pub id: Id,
}

/// Where a statement comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// what kind of source
    pub kind: SourceKind,
    /// item, case or file
    pub id: Option<Id>,
    /// the submission
    pub submission: Option<Id>,
    /// the form's version
    pub form_version: Option<Id>,
    /// the batch (an import)
    pub batch: Option<String>,
    /// in words: the form's or file's title
    pub title: String,
}

/// A statement before it is stored. Values are canonical; secrets are clear text here and nowhere after.
#[derive(Clone, Debug)]
pub struct Said {
    /// id fixed before, for a repeatable slice; none makes one
    pub id: Option<Id>,
    /// about whom
    pub subject: Subject,
    /// attribute to canonical value; null empties a known value
    pub said: Map,
    /// attributes whose known value was confirmed
    pub confirmed: Vec<String>,
    /// attributes that were only shown
    pub shown: Vec<String>,
    /// by whom or what
    pub source: Source,
    /// when it was observed, UTC microseconds
    pub observed_at: i64,
    /// who recorded it
    pub actor: Actor,
}

impl Said {
    /// What a form's answer says about its subject, observed when it was recorded.
    pub fn of_form(
        subject: Subject,
        sayings: &form_runtime::extract::Sayings,
        source: Source,
        actor: Actor,
        now: i64,
    ) -> Self {
        let keys = |map: &Map| map.keys().cloned().collect();
        Self {
            id: None,
            subject,
            said: sayings.said.clone(),
            confirmed: keys(&sayings.confirmed),
            shown: keys(&sayings.shown),
            source,
            observed_at: now,
            actor,
        }
    }
}

/// A row of `observation`. Also what travels through the outbox: it holds no secret in clear.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, Serialize, Deserialize)]
pub struct Observation {
    /// shard of the entity
    pub shard: i64,
    /// carries the same shard
    pub id: Id,
    /// about whom
    pub entity_id: Id,
    /// class of the entity
    pub class: String,
    /// `current`, `pending`, `rejected`
    pub state: String,
    /// see [`SourceKind`]
    pub source_kind: String,
    /// item, case or file
    pub source_id: Option<Id>,
    /// the submission
    pub submission_id: Option<Id>,
    /// the form's version
    pub form_version_id: Option<Id>,
    /// an import's batch
    pub batch: Option<String>,
    /// the form's or file's title
    pub source_title: String,
    /// JSON: attribute to stored value
    pub said: String,
    /// JSON: attribute to the stored value that was confirmed
    pub confirmed: String,
    /// JSON: list of attributes
    pub shown: String,
    /// the source's place in the default order
    pub rank: i64,
    /// JSON about its acceptance: who accepted, which attributes were refused
    pub certification: Option<String>,
    /// UTC microseconds
    pub observed_at: i64,
    /// UTC microseconds: when it became part of the record
    pub recorded_at: i64,
    /// who recorded it
    pub account_id: Option<Id>,
    /// in which post
    pub post_id: Option<Id>,
}

impl Observation {
    /// The stored form of a statement. `known` gives the stored value of a confirmed attribute.
    pub fn of(keys: &Keys, model: &Model, said: &Said, now: i64, known: impl Fn(&str) -> Option<Value>) -> Self {
        let class = said.subject.class;
        let mut values = Map::new();
        for (key, value) in &said.said {
            let at = AttributeRef::new(class, key.clone());
            if value.is_null() || !is_secret(model, &at) {
                values.insert(key.clone(), value.clone());
            } else if let Some(sealed) = value.as_str().and_then(|clear| Sealed::of(keys, model, &at, clear)) {
                values.insert(key.clone(), sealed.to_value());
            }
        }
        if class == Class::Person {
            entail(&mut values, &said.said);
        }
        let confirmed: Map = said
            .confirmed
            .iter()
            .filter(|key| !values.contains_key(*key))
            .filter_map(|key| Some((key.clone(), known(key)?)))
            .collect();
        Self {
            shard: said.subject.shard,
            id: said.id.unwrap_or_else(|| new_id(said.subject.shard, now)),
            entity_id: said.subject.id,
            class: class.key().to_owned(),
            state: "current".to_owned(),
            source_kind: said.source.kind.key().to_owned(),
            source_id: said.source.id,
            submission_id: said.source.submission,
            form_version_id: said.source.form_version,
            batch: said.source.batch.clone(),
            source_title: said.source.title.clone(),
            said: Value::Object(values).to_string(),
            confirmed: Value::Object(confirmed).to_string(),
            shown: json!(said.shown).to_string(),
            rank: said.source.kind.standing(model, &AttributeRef::new(class, "")),
            certification: None,
            observed_at: said.observed_at,
            recorded_at: now,
            account_id: said.actor.account,
            post_id: said.actor.post,
        }
    }

    /// Attribute to stored value, of what was said.
    pub fn said(&self) -> Result<Map, StoreError> {
        Ok(serde_json::from_str(&self.said)?)
    }

    /// Attribute to stored value, of what was confirmed.
    pub fn confirmed(&self) -> Result<Map, StoreError> {
        Ok(serde_json::from_str(&self.confirmed)?)
    }

    /// Both together: who confirms a value says it too, only without typing it.
    pub fn spoken(&self) -> Result<Map, StoreError> {
        let mut spoken = self.confirmed()?;
        spoken.extend(self.said()?);
        Ok(spoken)
    }

    /// Attributes that the worker of the case did not accept.
    pub fn refused(&self) -> Vec<String> {
        self.certification
            .as_deref()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .and_then(|value| serde_json::from_value(value["refused"].clone()).ok())
            .unwrap_or_default()
    }

    /// The class of the entity.
    pub fn class(&self) -> Result<Class, StoreError> {
        self.class.parse().map_err(|()| StoreError::Corrupt(format!("entity class {}", self.class)))
    }

    /// The row's arguments.
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.shard,
            self.id,
            self.entity_id,
            &self.class,
            &self.state,
            &self.source_kind,
            self.source_id,
            self.submission_id,
            self.form_version_id,
            &self.batch,
            &self.source_title,
            &self.said,
            &self.confirmed,
            &self.shown,
            self.rank,
            &self.certification,
            self.observed_at,
            self.recorded_at,
            self.account_id,
            self.post_id,
        ]
    }

    /// The row as a member of a write set.
    pub fn put(&self) -> Put {
        Put { shape: &OBSERVATION, on_key: OnKey::Fail, row: self.row() }
    }
}

/// A citizen number (GB 11643) entails sex and date of birth: whoever says it says them too, unless
/// told otherwise in the same breath.
fn entail(values: &mut Map, clear: &Map) {
    let Some(number) = clear.get("id_no").and_then(Value::as_str).map(super::sealed::normalize) else {
        return;
    };
    if !values.contains_key("id_no") {
        return;
    }
    if let Some((sex, birth)) = from_citizen_number(&number) {
        values.entry("sex").or_insert_with(|| json!(sex));
        values.entry("birth_date").or_insert_with(|| json!(birth));
    }
}

/// Sex (GB/T 2261.1: 1 male, 2 female) and civil date of birth from an 18-digit number.
pub fn from_citizen_number(number: &str) -> Option<(&'static str, String)> {
    if number.len() != 18 || !number.is_ascii() {
        return None;
    }
    let date: form_runtime::Date =
        format!("{}-{}-{}", &number[6..10], &number[10..12], &number[12..14]).parse().ok()?;
    let order = number[16..17].parse::<u8>().ok()?;
    Some((if order % 2 == 1 { "1" } else { "2" }, date.to_string()))
}
