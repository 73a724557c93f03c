//! The current record of a person: one row, typed columns for what lists and filters use, JSON for the
//! rest, and for each value where it comes from.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use form_runtime::{Class, Map};
use serde_json::{Value, json};

use super::merge::{Fields, Origin};
use super::names::spell;
use super::observation::Subject;
use super::origins;
use super::sealed::Sealed;
use super::store;
use crate::args;
use crate::platform::database::bulk::{Shape, chunk, tuples};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

/// Columns of the current record of a person.
pub const RECORD_PERSON: Shape = Shape {
    table: "record_person",
    columns: &[
        "shard",
        "id",
        "version",
        "name",
        "pinyin",
        "initials",
        "sex",
        "birth_date",
        "id_no_cipher",
        "id_no_index",
        "id_no_tail",
        "id_no_mask",
        "mobile_cipher",
        "mobile_index",
        "mobile_tail",
        "mobile_mask",
        "living_alone",
        "community_id",
        "premises_id",
        "address",
        "data",
        "origin",
        "made_up",
        "updated_at",
    ],
    key: &["id", "shard"],
};

/// Columns of it that stand in an index.
pub const RECORD_PERSON_INDEXED: &[&str] = &[
    "name",
    "pinyin",
    "initials",
    "sex",
    "birth_date",
    "id_no_index",
    "id_no_tail",
    "mobile_tail",
    "community_id",
    "updated_at",
];

/// Attributes with a column of their own.
const OWN_COLUMN: &[&str] = &[
    "name",
    "sex",
    "birth_date",
    "live_alone",
    "residence_place",
    "residence_premises",
    "residence_addr",
    "id_no",
    "mobile",
];

/// A row of `record_person`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonRecord {
    /// shard, kept for ever
    pub shard: i64,
    /// id of the entity
    pub id: Id,
    /// grows with every observation; 0 before the first
    pub version: i64,
    /// full name; empty while unknown
    pub name: String,
    /// of the name
    pub pinyin: String,
    /// first letters
    pub initials: String,
    /// GB/T 2261.1
    pub sex: Option<String>,
    /// civil date
    pub birth_date: Option<String>,
    /// ciphertext of the citizen number (GB 11643)
    pub id_no_cipher: Option<Vec<u8>>,
    /// keyed index
    pub id_no_index: Option<Vec<u8>>,
    /// keyed index of the last four
    pub id_no_tail: Option<Vec<u8>>,
    /// `140202********1234`
    pub id_no_mask: Option<String>,
    /// ciphertext of the phone number
    pub mobile_cipher: Option<Vec<u8>>,
    /// keyed index
    pub mobile_index: Option<Vec<u8>>,
    /// keyed index of the last four
    pub mobile_tail: Option<Vec<u8>>,
    /// `138****5678`
    pub mobile_mask: Option<String>,
    /// whether the person lives alone
    pub living_alone: Option<bool>,
    /// community (or place above it) of residence
    pub community_id: Option<Id>,
    /// door or building of residence
    pub premises_id: Option<Id>,
    /// address in words
    pub address: Option<String>,
    /// JSON: attribute to stored value, for attributes without a column
    pub data: String,
    /// JSON: attribute to [`Origin`]
    pub origin: String,
    /// generated for a demo
    pub made_up: bool,
    /// UTC microseconds
    pub updated_at: i64,
    #[sqlx(skip)]
    parsed: Parsed,
}

/// What `data` and `origin` of a record say, once it was asked for.
#[derive(Clone, Debug, Default)]
struct Parsed(OnceLock<Box<Fields>>);

/// It follows from the other columns.
impl PartialEq for Parsed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Parsed {}

impl PersonRecord {
    /// A person of whom nothing is known yet.
    pub fn empty(shard: i64, id: Id) -> Self {
        Self {
            shard,
            id,
            version: 0,
            name: String::new(),
            pinyin: String::new(),
            initials: String::new(),
            sex: None,
            birth_date: None,
            id_no_cipher: None,
            id_no_index: None,
            id_no_tail: None,
            id_no_mask: None,
            mobile_cipher: None,
            mobile_index: None,
            mobile_tail: None,
            mobile_mask: None,
            living_alone: None,
            community_id: None,
            premises_id: None,
            address: None,
            data: "{}".to_owned(),
            origin: "{}".to_owned(),
            made_up: false,
            updated_at: 0,
            parsed: Parsed::default(),
        }
    }

    /// The row's arguments.
    pub fn row(&self) -> Vec<Arg> {
        args![
            self.shard,
            self.id,
            self.version,
            &self.name,
            &self.pinyin,
            &self.initials,
            &self.sex,
            &self.birth_date,
            &self.id_no_cipher,
            &self.id_no_index,
            &self.id_no_tail,
            &self.id_no_mask,
            &self.mobile_cipher,
            &self.mobile_index,
            &self.mobile_tail,
            &self.mobile_mask,
            self.living_alone,
            self.community_id,
            self.premises_id,
            &self.address,
            &self.data,
            &self.origin,
            self.made_up,
            self.updated_at,
        ]
    }

    /// As the subject of a statement or item.
    pub fn subject(&self) -> Subject {
        Subject { class: Class::Person, shard: self.shard, id: self.id }
    }

    /// Every known attribute with its stored value and origin, in the order of the keys.
    pub fn facts(&self) -> Result<BTreeMap<String, (Value, Origin)>, StoreError> {
        let fields = self.fields()?;
        let known = fields.origin.into_iter().filter_map(|(key, origin)| {
            let value = fields.values.get(&key)?.clone();
            Some((key, (value, origin)))
        });
        Ok(known.collect())
    }

    /// The stored value of one attribute.
    pub fn value(&self, attribute: &str) -> Option<Value> {
        self.parsed().ok()?.values.get(attribute).cloned()
    }

    /// Values and origins, columns and JSON together.
    pub fn fields(&self) -> Result<Fields, StoreError> {
        self.parsed().cloned()
    }

    /// The same, read once: a visit asks for it as known, as said otherwise and to merge.
    pub fn parsed(&self) -> Result<&Fields, StoreError> {
        if let Some(fields) = self.parsed.0.get() {
            return Ok(fields);
        }
        let fields = self.read()?;
        Ok(self.parsed.0.get_or_init(|| Box::new(fields)))
    }

    /// The values of some attributes, for lists: the JSON is read only where one of them stands in it.
    pub fn values_of<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<Map, StoreError> {
        let mut values = Map::new();
        let mut json: Option<Map> = None;
        for key in keys {
            let value = match self.own_column(key) {
                Some(value) => Some(value),
                None if self.data.contains(key) => {
                    if json.is_none() {
                        json = Some(serde_json::from_str(&self.data)?);
                    }
                    json.as_ref().and_then(|json| json.get(key).cloned())
                }
                None => None,
            };
            if let Some(value) = value {
                values.insert(key.to_owned(), value);
            }
        }
        Ok(values)
    }

    /// The value of an attribute that has a column of its own. One that does not fit it is in the JSON.
    fn own_column(&self, key: &str) -> Option<Value> {
        let text = |value: &Option<String>| value.as_ref().map(|value| json!(value));
        match key {
            "name" => (!self.name.is_empty()).then(|| json!(self.name)),
            "sex" => text(&self.sex),
            "birth_date" => text(&self.birth_date),
            "live_alone" => self.living_alone.map(|value| json!(value)),
            "residence_place" => self.community_id.map(|value| json!(value)),
            "residence_premises" => self.premises_id.map(|value| json!(value)),
            "residence_addr" => text(&self.address),
            "id_no" => {
                let (cipher, index) = (self.id_no_cipher.as_deref(), self.id_no_index.as_deref());
                secret(cipher, index, self.id_no_tail.as_deref(), self.id_no_mask.as_deref())
            }
            "mobile" => {
                let (cipher, index) = (self.mobile_cipher.as_deref(), self.mobile_index.as_deref());
                secret(cipher, index, self.mobile_tail.as_deref(), self.mobile_mask.as_deref())
            }
            _ => None,
        }
    }

    fn read(&self) -> Result<Fields, StoreError> {
        let mut values: Map = serde_json::from_str(&self.data)?;
        let own = OWN_COLUMN.iter().filter_map(|key| Some(((*key).to_owned(), self.own_column(key)?)));
        values.extend(own);
        Ok(Fields { values, origin: origins::read(&self.origin)? })
    }

    /// The record with these values and origins. A value that does not fit its column stays in the JSON.
    #[must_use]
    pub fn with_fields(&self, mut fields: Fields) -> Self {
        let mut next = Self { made_up: self.made_up, version: self.version, ..Self::empty(self.shard, self.id) };
        let values = &mut fields.values;
        // An emptied value keeps its origin and leaves no value.
        values.retain(|_, value| !value.is_null());
        if let Some(name) = take_text(values, "name") {
            (next.pinyin, next.initials) = if name == self.name && !self.pinyin.is_empty() {
                (self.pinyin.clone(), self.initials.clone())
            } else {
                spell(&name)
            };
            next.name = name;
        }
        next.sex = take_text(values, "sex");
        next.birth_date = take_text(values, "birth_date");
        next.address = take_text(values, "residence_addr");
        next.community_id = take(values, "residence_place", |v| v.as_str()?.parse().ok());
        next.premises_id = take(values, "residence_premises", |v| v.as_str()?.parse().ok());
        next.living_alone = take(values, "live_alone", Value::as_bool);
        if let Some((cipher, index, tail, mask)) = take(values, "id_no", Sealed::from_value).map(|s| s.columns()) {
            (next.id_no_cipher, next.id_no_index) = (Some(cipher), Some(index));
            (next.id_no_tail, next.id_no_mask) = (Some(tail), Some(mask));
        }
        if let Some((cipher, index, tail, mask)) = take(values, "mobile", Sealed::from_value).map(|s| s.columns()) {
            (next.mobile_cipher, next.mobile_index) = (Some(cipher), Some(index));
            (next.mobile_tail, next.mobile_mask) = (Some(tail), Some(mask));
        }
        next.data = Value::Object(fields.values).to_string();
        next.origin = origins::write(&fields.origin);
        next
    }
}

fn secret(cipher: Option<&[u8]>, index: Option<&[u8]>, tail: Option<&[u8]>, mask: Option<&str>) -> Option<Value> {
    Some(Sealed::from_columns(cipher?, index?, tail?, mask?).to_value())
}

fn take<T>(values: &mut Map, key: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let value = values.get(key).and_then(read)?;
    values.remove(key);
    Some(value)
}

fn take_text(values: &mut Map, key: &str) -> Option<String> {
    take(values, key, |value| value.as_str().map(str::to_owned))
}

/// The current record of one person.
pub async fn find(conn: &mut impl Exec, shard: i64, id: Id) -> Result<Option<PersonRecord>, StoreError> {
    conn.optional(store::PERSON, args![shard, id]).await
}

/// The current records of many persons, by id.
pub async fn find_many(
    conn: &mut impl Exec,
    keys: &[(i64, Id)],
) -> Result<std::collections::HashMap<Id, PersonRecord>, StoreError> {
    let mut found = std::collections::HashMap::with_capacity(keys.len());
    let mut rest = keys;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let args = now.iter().flat_map(|(shard, id)| [Arg::from(*id), Arg::from(*shard)]).collect();
        let rows: Vec<PersonRecord> = conn.all_built(many_sql(now.len()), args).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

/// The statement of [`find_many`] for `rows` keys.
pub fn many_sql(rows: usize) -> String {
    format!(
        "SELECT {} FROM record_person WHERE (id, shard) IN (VALUES {})",
        RECORD_PERSON.columns.join(", "),
        tuples(rows, 2, 1)
    )
}
