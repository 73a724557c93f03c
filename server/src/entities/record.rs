//! The current record of a person: one row, typed columns for what lists and filters use, JSON for the
//! rest, and for each value where it comes from.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use form_runtime::{Class, Map};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::merge::{Fields, Origin};
use super::names::spell;
use super::observation::Subject;
use super::origins::{self, Origins};
use super::pairs::{Pairs, Span};
use super::sealed::Sealed;
use super::store;
use crate::args;
use crate::platform::database::bulk::{Shape, keys};
use crate::platform::database::{Arg, Cells, Exec, StoreError, Taken};
use crate::platform::gathered::{self, Keyed};
use crate::platform::ids::Id;

/// Cells of the current record of a person.
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

/// Cells of it that stand in an index.
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

/// Those of them that are secrets.
pub(super) const SECRET_COLUMN: [&str; 2] = ["id_no", "mobile"];

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
struct Parsed(OnceLock<Box<Read>>);

/// Where keys and values stand in `data`, and the origins.
#[derive(Clone, Debug)]
struct Read {
    values: Vec<(Span, Span)>,
    origins: Origins,
}

impl Read {
    /// Keys and values as JSON.
    fn values<'t>(&'t self, data: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.values.iter().map(move |(key, value)| (key.within(data), value.within(data)))
    }
}

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
        self.fields_of(|key| key == attribute).ok()?.values.shift_remove(attribute)
    }

    /// Values and origins, columns and JSON together.
    pub fn fields(&self) -> Result<Fields, StoreError> {
        self.fields_of(|_| true)
    }

    /// Keys and values of the JSON, each as JSON.
    pub(super) fn stored(&self) -> Result<impl Iterator<Item = (&str, &str)>, StoreError> {
        Ok(self.read()?.values(&self.data))
    }

    /// Attributes and their origins, in the order of the keys.
    pub(super) fn origins(&self) -> Result<impl Iterator<Item = (&str, &Origin)>, StoreError> {
        Ok(self.read()?.origins.iter(&self.origin))
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
    pub(super) fn own_column(&self, key: &str) -> Option<Value> {
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

    /// The same as it is shown: of a secret its mask. The columns of one stand together or not at all.
    pub(super) fn own_column_shown(&self, key: &str) -> Option<Value> {
        let mask = match key {
            "id_no" => &self.id_no_mask,
            "mobile" => &self.mobile_mask,
            _ => return self.own_column(key),
        };
        mask.as_ref().map(|mask| json!({ "mask": mask }))
    }

    /// Values and origins of the attributes that are wanted: nothing else is copied, which is what most of a filing
    /// would be for. One that is not known has neither.
    pub fn fields_of(&self, wanted: impl Fn(&str) -> bool) -> Result<Fields, StoreError> {
        let read = self.read()?;
        let mut values = Map::new();
        for (key, value) in read.values(&self.data).filter(|(key, _)| wanted(key)) {
            values.insert(key.to_owned(), serde_json::from_str(value)?);
        }
        let own = OWN_COLUMN.iter().filter(|key| wanted(key));
        values.extend(own.filter_map(|key| Some(((*key).to_owned(), self.own_column(key)?))));
        let origins = read.origins.iter(&self.origin).filter(|(key, _)| wanted(key));
        Ok(Fields { values, origin: origins.map(|(key, origin)| (key.to_owned(), origin.clone())).collect() })
    }

    /// The record with what `changed` says of its attributes; those that it does not name stay as they are. A value
    /// that does not fit its column stays in the JSON.
    pub fn with_changed(&self, mut changed: Fields) -> Result<Self, StoreError> {
        let mut next = Self { parsed: Parsed::default(), data: String::new(), origin: String::new(), ..self.clone() };
        // An emptied value keeps its origin and leaves no value.
        changed.values.retain(|_, value| !value.is_null());
        let mut json = Map::new();
        for key in changed.origin.keys() {
            let value = changed.values.get(key);
            let held = OWN_COLUMN.contains(&key.as_str()) && next.hold(key, value);
            if let (false, Some(value)) = (held, value) {
                json.insert(key.clone(), value.clone());
            }
        }
        let read = self.read()?;
        let stays = |key: &str| !changed.origin.contains_key(key);
        next.data = with_members(read.values(&self.data).filter(|(key, _)| stays(key)), &json);
        let kept = read.origins.iter(&self.origin).filter(|(key, _)| stays(key));
        next.origin = origins::write(kept.chain(changed.origin.iter().map(|(key, origin)| (key.as_str(), origin))));
        Ok(next)
    }

    /// Read once for all that a visit asks of it.
    fn read(&self) -> Result<&Read, StoreError> {
        if let Some(read) = self.parsed.0.get() {
            return Ok(read);
        }
        let values: Pairs<&str, &RawValue> = serde_json::from_str(&self.data)?;
        let spans = |(key, value): &(&str, &RawValue)| (Span::of(key, &self.data), Span::of(value.get(), &self.data));
        let read = Read { values: values.0.iter().map(spans).collect(), origins: Origins::read(&self.origin)? };
        Ok(self.parsed.0.get_or_init(|| Box::new(read)))
    }

    /// Puts a value into its own column, or empties that; says whether the value is held there.
    fn hold(&mut self, key: &str, value: Option<&Value>) -> bool {
        let text = value.and_then(Value::as_str);
        let id = || text.and_then(|text| text.parse::<Id>().ok());
        let sealed = || value.and_then(Sealed::from_value).map(|sealed| sealed.columns());
        let kept = |text: Option<&str>| text.map(str::to_owned);
        match key {
            "name" => {
                let name = text.unwrap_or_default();
                if name != self.name || self.pinyin.is_empty() {
                    (self.pinyin, self.initials) = if name.is_empty() { Default::default() } else { spell(name) };
                }
                name.clone_into(&mut self.name);
                text.is_some()
            }
            "sex" => {
                self.sex = kept(text);
                text.is_some()
            }
            "birth_date" => {
                self.birth_date = kept(text);
                text.is_some()
            }
            "residence_addr" => {
                self.address = kept(text);
                text.is_some()
            }
            "residence_place" => {
                self.community_id = id();
                self.community_id.is_some()
            }
            "residence_premises" => {
                self.premises_id = id();
                self.premises_id.is_some()
            }
            "live_alone" => {
                self.living_alone = value.and_then(Value::as_bool);
                self.living_alone.is_some()
            }
            "id_no" => {
                let columns = sealed();
                let held = columns.is_some();
                (self.id_no_cipher, self.id_no_index, self.id_no_tail, self.id_no_mask) = apart(columns);
                held
            }
            "mobile" => {
                let columns = sealed();
                let held = columns.is_some();
                (self.mobile_cipher, self.mobile_index, self.mobile_tail, self.mobile_mask) = apart(columns);
                held
            }
            _ => false,
        }
    }
}

impl Keyed for PersonRecord {
    /// shard and id
    type Key = (i64, Id);

    fn sql(rows: usize) -> String {
        format!("SELECT {} FROM record_person WHERE {}", RECORD_PERSON.columns.join(", "), keys(["id", "shard"], rows))
    }

    fn args((shard, id): &(i64, Id)) -> [Arg; 2] {
        [Arg::from(*id), Arg::from(*shard)]
    }

    fn key(&self) -> (i64, Id) {
        (self.shard, self.id)
    }
}

impl Taken for PersonRecord {
    /// In the order of [`RECORD_PERSON`].
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            shard: cells.take()?,
            id: cells.take()?,
            version: cells.take()?,
            name: cells.take()?,
            pinyin: cells.take()?,
            initials: cells.take()?,
            sex: cells.take()?,
            birth_date: cells.take()?,
            id_no_cipher: cells.take()?,
            id_no_index: cells.take()?,
            id_no_tail: cells.take()?,
            id_no_mask: cells.take()?,
            mobile_cipher: cells.take()?,
            mobile_index: cells.take()?,
            mobile_tail: cells.take()?,
            mobile_mask: cells.take()?,
            living_alone: cells.take()?,
            community_id: cells.take()?,
            premises_id: cells.take()?,
            address: cells.take()?,
            data: cells.take()?,
            origin: cells.take()?,
            made_up: cells.take()?,
            updated_at: cells.take()?,
            parsed: Parsed::default(),
        })
    }
}

/// An object of members whose values stand as JSON already, and some more.
fn with_members<'a>(members: impl Iterator<Item = (&'a str, &'a str)>, more: &Map) -> String {
    let mut text = String::from("{");
    for (key, value) in members {
        text.extend([if text.len() > 1 { ",\"" } else { "\"" }, key, "\":", value]);
    }
    for (key, value) in more {
        text.push_str(if text.len() > 1 { "," } else { "" });
        text.extend([Value::from(key.as_str()).to_string(), ":".to_owned(), value.to_string()]);
    }
    text.push('}');
    text
}

/// Ciphertext, index, tail and mask, each for its column.
fn apart<B, T>(columns: Option<(B, B, B, T)>) -> (Option<B>, Option<B>, Option<B>, Option<T>) {
    columns.map_or((None, None, None, None), |(cipher, index, tail, mask)| {
        (Some(cipher), Some(index), Some(tail), Some(mask))
    })
}

fn secret(cipher: Option<&[u8]>, index: Option<&[u8]>, tail: Option<&[u8]>, mask: Option<&str>) -> Option<Value> {
    Some(Sealed::from_columns(cipher?, index?, tail?, mask?).to_value())
}

/// The current record of one person.
pub async fn find(conn: &mut impl Exec, shard: i64, id: Id) -> Result<Option<PersonRecord>, StoreError> {
    conn.optional(store::PERSON, args![shard, id]).await
}

/// The current records of many persons, by id.
pub async fn find_many(conn: &mut impl Exec, keys: &[(i64, Id)]) -> Result<HashMap<Id, PersonRecord>, StoreError> {
    let records = gathered::read::<PersonRecord>(conn, keys).await?;
    Ok(records.into_iter().map(|record| (record.id, record)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    fn origin() -> Origin {
        Origin {
            observation: new_free_id(7),
            at: 7,
            source: "worker".into(),
            standing: 1,
            title: "走访".into(),
            post: None,
            seen: 7,
            contender: None,
        }
    }

    fn changed(values: Value) -> Fields {
        let Value::Object(values) = values else { unreachable!("an object") };
        let origin = values.keys().map(|key| (key.clone(), origin())).collect();
        Fields { values, origin }
    }

    #[test]
    fn what_is_not_named_stays_as_it_was_written() {
        let first = changed(json!({"name": "陈淑芬", "sex": "2", "diet": "低盐\n\"清淡\"", "steps": 1200}));
        let record = PersonRecord::empty(1, new_free_id(1)).with_changed(first).expect("written");
        assert_eq!(
            (record.name.as_str(), record.sex.as_deref(), record.initials.as_str()),
            ("陈淑芬", Some("2"), "csf")
        );
        let second = changed(json!({"sex": 2, "steps": null, "mood": "好"}));
        let next = record.with_changed(second).expect("written");
        let data: Value = serde_json::from_str(&next.data).expect("json");
        // A sex that is no text does not fit its column; an emptied value keeps its origin alone.
        assert_eq!(data, json!({"diet": "低盐\n\"清淡\"", "sex": 2, "mood": "好"}));
        assert_eq!((next.name.as_str(), next.sex.as_deref()), ("陈淑芬", None));
        let (before, after) = (record.fields().expect("read"), next.fields().expect("read"));
        assert_eq!(before.origin["diet"], after.origin["diet"]);
        assert!(after.origin["steps"] != before.origin["steps"] && after.values.get("steps").is_none());
        assert_eq!(next.value("sex"), Some(json!(2)));
        let same = next.with_changed(Fields::default()).expect("written");
        assert_eq!((&same.data, &same.origin), (&next.data, &next.origin));
        let torn = PersonRecord { data: "{\"a\": 1".to_owned(), ..PersonRecord::empty(1, new_free_id(1)) };
        assert!(torn.fields_of(|_| true).is_err() && torn.with_changed(Fields::default()).is_err());
    }
}
