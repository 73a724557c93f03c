//! A record as JSON for the API, written from the text in which it is stored: a tree of fifty values, each with where it
//! comes from, took several times as long as these bytes.

use std::io::Write;
use std::ops::Range;

use form_runtime::{Class, Model};
use serde::Serialize;
use serde_json::{Value, json};

use super::known::state;
use super::merge::Origin;
use super::record::PersonRecord;
use super::sealed::Sealed;
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// Bytes that an attribute usually takes.
const ATTRIBUTE: usize = 288;

/// A stored value as the API shows it: secrets are `{"mask": …}`.
pub fn shown(value: &Value) -> Value {
    match Sealed::from_value(value) {
        Some(sealed) => json!({"mask": sealed.mask}),
        None => value.clone(),
    }
}

/// What is told of the person, before the attributes.
#[derive(Serialize)]
struct Head<'a> {
    id: Id,
    class: &'static str,
    version: i64,
    name: &'a str,
    community: Option<Id>,
    made_up: bool,
    updated_at: i64,
}

/// Where a value comes from. Most attributes of a record say the same here.
#[derive(Serialize)]
struct Told<'a> {
    observation: Id,
    observed_at: i64,
    last_said_at: i64,
    source: &'a str,
    title: &'a str,
}

/// The record with each attribute's value, origin and freshness at `now`, UTC microseconds.
pub(super) fn person(record: &PersonRecord, now: i64) -> Result<Vec<u8>, StoreError> {
    let model = Model::shipped();
    let mut stored: Vec<(&str, &str)> = record.stored()?.collect();
    stored.sort_unstable_by_key(|(key, _)| *key);
    let mut out = Vec::with_capacity(ATTRIBUTE * (stored.len() + 12));
    let head = Head {
        id: record.id,
        class: Class::Person.key(),
        version: record.version,
        name: &record.name,
        community: record.community_id,
        made_up: record.made_up,
        updated_at: record.updated_at,
    };
    open_object(&mut out, &head)?;
    out.extend_from_slice(br#","attributes":{"#);
    let mut before: Option<(&Origin, Range<usize>)> = None;
    for (key, origin) in record.origins()? {
        let start = out.len();
        // The key stands in the column as JSON, without the marks.
        write!(out, "{}\"{key}\":{{\"value\":", if before.is_some() { "," } else { "" })
            .map_err(serde_json::Error::io)?;
        match record.own_column_shown(key) {
            Some(value) => serde_json::to_writer(&mut out, &value)?,
            None => match stored.binary_search_by_key(&key, |(key, _)| key).map(|at| stored[at].1) {
                Ok(value) if value.starts_with('{') => {
                    serde_json::to_writer(&mut out, &shown(&serde_json::from_str(value)?))?;
                }
                Ok(value) => out.extend_from_slice(value.as_bytes()),
                // An emptied value keeps its origin.
                Err(_) => {
                    out.truncate(start);
                    continue;
                }
            },
        }
        out.extend_from_slice(b",\"freshness\":");
        serde_json::to_writer(&mut out, &state(&model, Class::Person, key, origin, now))?;
        out.push(b',');
        let start = out.len();
        match &before {
            Some((other, told)) if says_the_same(other, origin) => out.extend_from_within(told.clone()),
            _ => {
                let told = Told {
                    observation: origin.observation,
                    observed_at: origin.at,
                    last_said_at: origin.seen,
                    source: &origin.source,
                    title: &origin.title,
                };
                open_object(&mut out, &told)?;
                // Its members go into the attribute's object.
                out.remove(start);
            }
        }
        before = Some((origin, start..out.len()));
        out.extend_from_slice(b",\"contender\":");
        let contender = origin.contender.as_ref().map(|contender| {
            json!({"value": shown(&contender.value), "observed_at": contender.at, "observation": contender.observation})
        });
        serde_json::to_writer(&mut out, &contender)?;
        out.push(b'}');
    }
    out.extend_from_slice(b"}}");
    Ok(out)
}

/// An object that is still open.
fn open_object(out: &mut Vec<u8>, members: &impl Serialize) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *out, members)?;
    out.pop();
    Ok(())
}

fn says_the_same(one: &Origin, other: &Origin) -> bool {
    (one.observation, one.at, one.seen) == (other.observation, other.at, other.seen)
        && one.source == other.source
        && one.title == other.title
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use form_runtime::Map;

    use super::super::merge::{Contender, Fields};
    use super::*;
    use crate::platform::clock::DAY;
    use crate::platform::ids::new_free_id;

    fn origin(observation: Id, at: i64, title: &str) -> Origin {
        let (source, contender) = ("worker".into(), None);
        Origin { observation, at, source, standing: 1, title: title.into(), post: None, seen: at, contender }
    }

    fn record(values: Value, origin: BTreeMap<String, Origin>) -> PersonRecord {
        let Value::Object(values) = values else { unreachable!("an object") };
        let values: Map = values;
        PersonRecord::empty(1, new_free_id(1)).with_changed(Fields { values, origin }).expect("written")
    }

    #[test]
    fn every_attribute_tells_its_value_origin_and_freshness() {
        let (one, other) = (new_free_id(1), new_free_id(2));
        let secret = Sealed::from_columns(b"cipher", b"index", b"tail", "140202********1234");
        let contender = Some(Contender { observation: other, at: 9, value: secret.to_value() });
        let origins = BTreeMap::from([
            ("name".to_owned(), origin(one, 7, "走访\"一\"")),
            ("diet".to_owned(), origin(one, 7, "走访\"一\"")),
            ("emptied".to_owned(), origin(one, 7, "走访\"一\"")),
            ("card".to_owned(), Origin { contender, ..origin(one, 7, "走访\"一\"") }),
            ("steps".to_owned(), Origin { seen: 8, ..origin(one, 7, "走访\"一\"") }),
            ("zones".to_owned(), origin(other, 7, "表")),
        ]);
        let values = json!({"name": "陈\"淑芬", "diet": "低盐\n清淡", "card": secret.to_value(), "steps": [1, {"a": null}],
            "zones": {"wall": "北"}});
        let record = record(values, origins);
        let told: Value = serde_json::from_slice(&person(&record, DAY).expect("written")).expect("json");
        let attributes = told["attributes"].as_object().expect("an object");
        let keys: Vec<&str> = attributes.keys().map(String::as_str).collect();
        assert_eq!(keys, ["card", "diet", "name", "steps", "zones"]);
        assert_eq!((&told["name"], &told["id"]), (&json!("陈\"淑芬"), &json!(record.id)));
        let expected = json!({"value": "低盐\n清淡", "freshness": "fresh", "observation": one, "observed_at": 7,
            "last_said_at": 7, "source": "worker", "title": "走访\"一\"", "contender": null});
        assert_eq!(attributes["diet"], expected);
        assert_eq!(attributes["name"]["value"], json!("陈\"淑芬"));
        assert_eq!(attributes["steps"]["value"], json!([1, {"a": null}]));
        assert_eq!((&attributes["steps"]["last_said_at"], &attributes["steps"]["observed_at"]), (&json!(8), &json!(7)));
        assert_eq!((&attributes["zones"]["title"], &attributes["zones"]["observation"]), (&json!("表"), &json!(other)));
        assert_eq!(attributes["zones"]["value"], json!({"wall": "北"}));
        // Of a secret only its mask leaves, also of the one that lost.
        assert_eq!(attributes["card"]["value"], json!({"mask": "140202********1234"}));
        assert_eq!(attributes["card"]["contender"]["value"], json!({"mask": "140202********1234"}));
        assert_eq!(attributes["card"]["freshness"], "disputed");
        let nobody = PersonRecord::empty(1, new_free_id(1));
        let told: Value = serde_json::from_slice(&person(&nobody, 0).expect("written")).expect("json");
        assert_eq!(told["attributes"], json!({}));
    }
}
