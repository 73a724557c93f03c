//! What a rule may know of a person: no secret, no origin, and of the rest what it asks for. A dispatch reads a million of
//! them, and no rule asks for most of a record.

use std::collections::{BTreeSet, HashMap};

use form_runtime::Map;

use super::record::{PersonRecord, RECORD_PERSON, SECRET_COLUMN};
use super::sealed::Sealed;
use crate::platform::database::bulk::keys;
use crate::platform::database::{Db, StoreError};
use crate::platform::gathered;
use crate::platform::ids::Id;
use crate::platform::secrets::is_sealed;

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
#[derive(Clone, Debug)]
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
        let found = gathered::find_by::<PersonRecord>(db, persons, move |rows| statement(&stored, rows)).await?;
        found.into_iter().map(|((_, id), record)| Ok((id, self.told(record)?))).collect()
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

    fn told(&self, record: PersonRecord) -> Result<Told, StoreError> {
        let mut values = record.fields_of(|key| self.0.contains(key))?.values;
        values.retain(|_, value| Sealed::from_value(value).is_none() && !is_sealed(value));
        Ok(Told { values, birth_date: record.birth_date })
    }
}

/// Rows of `record_person` with nothing where a secret or an origin stands, and so much of the JSON.
fn statement(stored: &str, rows: usize) -> String {
    let columns = RECORD_PERSON.columns.iter().map(|column| match *column {
        "id_no_mask" | "mobile_mask" => format!("cast(NULL AS text) AS {column}"),
        secret if secret.starts_with("id_no_") || secret.starts_with("mobile_") => {
            format!("cast(NULL AS bytea) AS {secret}")
        }
        "data" => format!("{stored} AS data"),
        "origin" => "'{}' AS origin".to_owned(),
        open => open.to_owned(),
    });
    let columns: Vec<String> = columns.collect();
    format!("SELECT {} FROM record_person WHERE {}", columns.join(", "), keys(["id", "shard"], rows))
}

/// One of each statement built here, for the prepare test.
pub(super) fn samples() -> Vec<String> {
    let wanted = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Wanted>();
    [wanted(&[]), wanted(&["sex", "name"]), wanted(&["diet"])].map(|wanted| statement(&wanted.stored(), 2)).to_vec()
}
