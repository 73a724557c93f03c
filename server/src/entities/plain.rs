//! Current records of places, things, events and organizations: a name, a place, and the rest as JSON.

use form_runtime::Class;
use serde_json::Value;

use super::merge::Fields;
use super::names::spell;
use super::origins;
use super::store;
use crate::args;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

macro_rules! shape {
    ($name:ident, $table:literal) => {
        /// Columns of the current record of this class.
        pub const $name: Shape = Shape {
            table: $table,
            columns: &[
                "shard",
                "id",
                "version",
                "name",
                "pinyin",
                "initials",
                "community_id",
                "data",
                "origin",
                "updated_at",
            ],
            key: &["id", "shard"],
        };
    };
}
shape!(RECORD_PLACE, "record_place");
shape!(RECORD_EVENT, "record_event");
shape!(RECORD_THING, "record_thing");
shape!(RECORD_ORGANIZATION, "record_organization");

/// A row of one of the four tables.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PlainRecord {
    /// shard
    pub shard: i64,
    /// id of the entity
    pub id: Id,
    /// grows with every observation; 0 before the first
    pub version: i64,
    /// display name; empty while unknown
    pub name: String,
    /// of the name
    pub pinyin: String,
    /// first letters
    pub initials: String,
    /// where it is
    pub community_id: Option<Id>,
    /// JSON: attribute to stored value
    pub data: String,
    /// JSON: attribute to origin
    pub origin: String,
    /// UTC microseconds
    pub updated_at: i64,
}

impl PlainRecord {
    /// Something of which nothing is known yet.
    pub fn empty(shard: i64, id: Id) -> Self {
        Self {
            shard,
            id,
            version: 0,
            name: String::new(),
            pinyin: String::new(),
            initials: String::new(),
            community_id: None,
            data: "{}".to_owned(),
            origin: "{}".to_owned(),
            updated_at: 0,
        }
    }

    /// Values and origins.
    pub fn fields(&self) -> Result<Fields, StoreError> {
        Ok(Fields { values: serde_json::from_str(&self.data)?, origin: origins::read(&self.origin)? })
    }

    /// The record with these values and origins.
    #[must_use]
    pub fn with_fields(&self, mut fields: Fields) -> Self {
        fields.values.retain(|_, value| !value.is_null());
        let name = fields.values.get("name").and_then(Value::as_str).unwrap_or(&self.name).to_owned();
        let (pinyin, initials) = spell(&name);
        Self {
            name,
            pinyin,
            initials,
            data: Value::Object(fields.values).to_string(),
            origin: origins::write(fields.origin.iter().map(|(key, origin)| (key.as_str(), origin))),
            ..self.clone()
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
            self.community_id,
            &self.data,
            &self.origin,
            self.updated_at,
        ]
    }
}

/// The table of a class other than person.
pub fn shape(class: Class) -> Option<&'static Shape> {
    match class {
        Class::Person => None,
        Class::Place => Some(&RECORD_PLACE),
        Class::Event => Some(&RECORD_EVENT),
        Class::Thing => Some(&RECORD_THING),
        Class::Organization => Some(&RECORD_ORGANIZATION),
    }
}

/// The current record of a place, event, thing or organization.
pub async fn find(conn: &mut impl Exec, class: Class, shard: i64, id: Id) -> Result<Option<PlainRecord>, StoreError> {
    let sql = match class {
        Class::Person => {
            return Err(StoreError::Corrupt("a person has a record of its own kind".to_owned()));
        }
        Class::Place => store::PLACE,
        Class::Event => store::EVENT,
        Class::Thing => store::THING,
        Class::Organization => store::ORGANIZATION,
    };
    conn.optional(sql, args![shard, id]).await
}
