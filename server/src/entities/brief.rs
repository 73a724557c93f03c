//! What a rule may know of a person: no secret, no origin, and of the rest what it asks for. A dispatch reads a million of
//! them, and no rule asks for most of a record.

use std::collections::{BTreeSet, HashMap};

use form_runtime::Map;

use super::record::{PersonRecord, SECRET_COLUMN};
use super::sealed::Sealed;
use crate::platform::database::bulk::keys;
use crate::platform::database::{Arg, Cells, Db, StoreError, Taken};
use crate::platform::gathered::{self, Keyed};
use crate::platform::ids::Id;

/// Attributes with a column of their own that is no secret, and the condition under which the value may stand in the
/// JSON: it is not known, or did not fit.
const COLUMNS: [(&str, &str); 7] = [
    ("name", "name = ''"),
    ("sex", "sex IS NULL"),
    ("birth_date", "birth_date IS NULL"),
    ("live_alone", "living_alone IS NULL"),
    ("residence_place", "community_id IS NULL"),
    ("residence_premises", "premises_id IS NULL"),
    ("residence_addr", "address IS NULL"),
];

/// The attributes that somebody wants to know of many persons.
#[derive(Clone, Debug, Default)]
pub struct Wanted(BTreeSet<String>);

impl FromIterator<String> for Wanted {
    fn from_iter<I: IntoIterator<Item = String>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// What is told of a person.
#[derive(Clone, Debug)]
pub struct Told {
    /// the wanted attributes that are known, without secrets
    pub values: Map,
    /// civil date, whether wanted or not
    pub birth_date: Option<String>,
}

impl Wanted {
    /// Their keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What is known of these persons, by shard and id; who has no record is left out.
    pub async fn of(&self, db: &Db, persons: Vec<(i64, Id)>) -> Result<HashMap<Id, Told>, StoreError> {
        let stored = self.stored();
        let found = gathered::find_by::<Brief>(db, persons, move |rows| statement(&stored, rows)).await?;
        found.into_iter().map(|((_, id), brief)| Ok((id, self.told(brief)?))).collect()
    }

    /// What is read of the JSON, as SQL: nothing, if the columns have all that is wanted.
    fn stored(&self) -> String {
        let column = |key: &String| COLUMNS.iter().find(|(name, _)| name == key).map(|(_, missing)| *missing);
        if self.0.iter().any(|key| column(key).is_none() && !SECRET_COLUMN.contains(&key.as_str())) {
            return "data".to_owned();
        }
        let missing: Vec<&str> = self.0.iter().filter_map(column).collect();
        match missing.as_slice() {
            [] => "'{}'".to_owned(),
            missing => format!("CASE WHEN {} THEN data ELSE '{{}}' END", missing.join(" OR ")),
        }
    }

    fn told(&self, brief: Brief) -> Result<Told, StoreError> {
        let record = brief.record();
        let mut values = record.fields_of(|key| self.0.contains(key))?.values;
        values.retain(|_, value| {
            Sealed::from_value(value).is_none() && !value.as_str().is_some_and(|text| text.starts_with("enc:"))
        });
        Ok(Told { values, birth_date: record.birth_date })
    }
}

/// A row of `record_person` without what no rule may read.
#[derive(Clone, sqlx::FromRow)]
struct Brief {
    shard: i64,
    id: Id,
    name: String,
    sex: Option<String>,
    birth_date: Option<String>,
    living_alone: Option<bool>,
    community_id: Option<Id>,
    premises_id: Option<Id>,
    address: Option<String>,
    stored: String,
}

fn statement(stored: &str, rows: usize) -> String {
    format!(
        "SELECT shard, id, name, sex, birth_date, living_alone, community_id, premises_id, address, {stored} AS stored \
         FROM record_person WHERE {}",
        keys(["id", "shard"], rows)
    )
}

/// One of each statement built here, for the prepare test.
pub(super) fn samples() -> Vec<String> {
    let wanted = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Wanted>();
    [wanted(&[]), wanted(&["sex", "name"]), wanted(&["diet"])].map(|wanted| statement(&wanted.stored(), 2)).to_vec()
}

impl Brief {
    fn record(self) -> PersonRecord {
        let mut record = PersonRecord::empty(self.shard, self.id);
        record.name = self.name;
        record.sex = self.sex;
        record.birth_date = self.birth_date;
        record.living_alone = self.living_alone;
        record.community_id = self.community_id;
        record.premises_id = self.premises_id;
        record.address = self.address;
        record.data = self.stored;
        record
    }
}

impl Keyed for Brief {
    type Key = (i64, Id);

    fn sql(rows: usize) -> String {
        statement("data", rows)
    }

    fn args(key: &(i64, Id)) -> [Arg; 2] {
        PersonRecord::args(key)
    }

    fn key(&self) -> (i64, Id) {
        (self.shard, self.id)
    }
}

impl Taken for Brief {
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            shard: cells.take()?,
            id: cells.take()?,
            name: cells.take()?,
            sex: cells.take()?,
            birth_date: cells.take()?,
            living_alone: cells.take()?,
            community_id: cells.take()?,
            premises_id: cells.take()?,
            address: cells.take()?,
            stored: cells.take()?,
        })
    }
}
