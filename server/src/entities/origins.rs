//! The column `origin` of a current record: for each attribute where its value comes from.
//!
//! Most values of a record come from few observations, so those are listed once and the attributes name
//! them by position: `{"by": [{…}], "of": {"name": {"by": 0, "standing": 1}}}`. With fifty attributes this
//! is a tenth of what one origin for each would take, and a record is read and written with every visit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::merge::{Contender, Origin};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

#[derive(Default, Deserialize, Serialize)]
struct Column {
    #[serde(default)]
    by: Vec<By>,
    #[serde(default)]
    of: BTreeMap<String, Of>,
}

/// What the attributes of one observation share.
#[derive(Clone, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct By {
    observation: Id,
    at: i64,
    source: String,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    post: Option<Id>,
}

#[derive(Deserialize, Serialize)]
struct Of {
    by: usize,
    standing: i64,
    /// left out where it is the instant of the observation
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contender: Option<Contender>,
}

/// Reads the column.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Origin>, StoreError> {
    let column: Column = serde_json::from_str(text)?;
    let shared: Vec<(Arc<str>, Arc<str>)> =
        column.by.iter().map(|by| (by.source.as_str().into(), by.title.as_str().into())).collect();
    let origin = |(key, of): (String, Of)| {
        let lost = || StoreError::Corrupt(format!("origin of {key}: no observation {}", of.by));
        let (by, (source, title)) = (column.by.get(of.by).ok_or_else(lost)?, shared.get(of.by).ok_or_else(lost)?);
        let origin = Origin {
            observation: by.observation,
            at: by.at,
            source: source.clone(),
            standing: of.standing,
            title: title.clone(),
            post: by.post,
            seen: of.seen.unwrap_or(by.at),
            contender: of.contender,
        };
        Ok((key, origin))
    };
    column.of.into_iter().map(origin).collect()
}

/// The attributes that a column speaks of.
pub fn attributes(text: &str) -> Vec<String> {
    serde_json::from_str::<Column>(text).map(|column| column.of.into_keys().collect()).unwrap_or_default()
}

/// The column's text.
pub(super) fn write(origins: &BTreeMap<String, Origin>) -> String {
    let mut column = Column::default();
    let mut places: HashMap<By, usize> = HashMap::new();
    for (key, origin) in origins {
        let by = By {
            observation: origin.observation,
            at: origin.at,
            source: origin.source.to_string(),
            title: origin.title.to_string(),
            post: origin.post,
        };
        let place = *places.entry(by.clone()).or_insert_with(|| {
            column.by.push(by);
            column.by.len() - 1
        });
        let of = Of {
            by: place,
            standing: origin.standing,
            seen: (origin.seen != origin.at).then_some(origin.seen),
            contender: origin.contender.clone(),
        };
        column.of.insert(key.clone(), of);
    }
    serde_json::to_string(&column).expect("ids, texts and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    fn origin(observation: Id, seen: i64) -> Origin {
        Origin {
            observation,
            at: 7,
            source: "worker".into(),
            standing: 2,
            title: "走访".into(),
            post: None,
            seen,
            contender: None,
        }
    }

    #[test]
    fn an_observation_is_written_once_and_reads_back_for_each_attribute() {
        let (one, other) = (new_free_id(1), new_free_id(2));
        let contender = Some(Contender { observation: one, at: 9, value: "别的".into() });
        let all = BTreeMap::from([
            ("a".to_owned(), origin(one, 7)),
            ("b".to_owned(), origin(one, 8)),
            ("c".to_owned(), Origin { contender, ..origin(other, 7) }),
        ]);
        let text = write(&all);
        assert_eq!(text.matches("走访").count(), 2, "{text}");
        assert_eq!(read(&text).expect("reads back"), all);
        assert!(read("{}").expect("nothing known").is_empty());
        assert!(read(r#"{"by": [], "of": {"a": {"by": 0, "standing": 1}}}"#).is_err());
    }
}
