//! The column `origin` of a current record: for each attribute where its value comes from.
//!
//! Most values of a record come from few observations, so those are listed once and the attributes name
//! them by position: `{"by": [{…}], "of": {"name": {"by": 0, "standing": 1}}}`. With fifty attributes this
//! is a tenth of what one origin for each would take, and a record is read and written with every visit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::merge::{Contender, Origin};
use super::pairs::{Pairs, Span};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

#[derive(Deserialize, Serialize)]
struct Column<'a> {
    #[serde(borrow, default)]
    by: Vec<By<'a>>,
    #[serde(borrow, default)]
    of: Pairs<&'a str, Of<'a>>,
}

/// What the attributes of one observation share.
#[derive(Deserialize, Eq, PartialEq, Serialize)]
struct By<'a> {
    observation: Id,
    at: i64,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    post: Option<Id>,
}

#[derive(Deserialize, Serialize)]
struct Of<'a> {
    by: usize,
    standing: i64,
    /// left out where it is the instant of the observation
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contender: Option<Cow<'a, Contender>>,
}

/// A column that was read: attributes by where they stand in its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<(Span, Origin)>);

impl Origins {
    /// Reads the column.
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        let column: Column<'_> = serde_json::from_str(text)?;
        let shared: Vec<(Arc<str>, Arc<str>)> =
            column.by.iter().map(|by| (by.source.as_ref().into(), by.title.as_ref().into())).collect();
        let origin = |(key, of): (&str, Of<'_>)| {
            let lost = || StoreError::Corrupt(format!("origin of {key}: no observation {}", of.by));
            let (by, (source, title)) = column.by.get(of.by).zip(shared.get(of.by)).ok_or_else(lost)?;
            let origin = Origin {
                observation: by.observation,
                at: by.at,
                source: source.clone(),
                standing: of.standing,
                title: title.clone(),
                post: by.post,
                seen: of.seen.unwrap_or(by.at),
                contender: of.contender.map(Cow::into_owned),
            };
            Ok((Span::of(key, text), origin))
        };
        column.of.0.into_iter().map(origin).collect::<Result<_, _>>().map(Self)
    }

    /// Attributes and their origins; `text` is the column.
    pub(super) fn iter<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (&'t str, &'t Origin)> {
        self.0.iter().map(|(key, origin)| (key.within(text), origin))
    }
}

/// Every origin of a column.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Origin>, StoreError> {
    let origins = Origins::read(text)?;
    Ok(origins.0.into_iter().map(|(key, origin)| (key.within(text).to_owned(), origin)).collect())
}

/// The attributes that a column speaks of.
pub fn attributes(text: &str) -> Vec<String> {
    let keys = |column: Column<'_>| column.of.0.into_iter().map(|(key, _)| key.to_owned()).collect();
    serde_json::from_str(text).map(keys).unwrap_or_default()
}

/// The column's text; each attribute once, in any order.
pub(super) fn write<'a>(origins: impl Iterator<Item = (&'a str, &'a Origin)>) -> String {
    let mut sorted: Vec<(&str, &Origin)> = origins.collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let mut column = Column { by: Vec::new(), of: Pairs(Vec::with_capacity(sorted.len())) };
    for (key, origin) in sorted {
        let by = By {
            observation: origin.observation,
            at: origin.at,
            source: Cow::from(&*origin.source),
            title: Cow::from(&*origin.title),
            post: origin.post,
        };
        // Few observations hold all that is known of one person: looking through them beats a map.
        let place = column.by.iter().position(|known| *known == by).unwrap_or_else(|| {
            column.by.push(by);
            column.by.len() - 1
        });
        let of = Of {
            by: place,
            standing: origin.standing,
            seen: (origin.seen != origin.at).then_some(origin.seen),
            contender: origin.contender.as_ref().map(Cow::Borrowed),
        };
        column.of.0.push((key, of));
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
        let text = write(all.iter().map(|(key, origin)| (key.as_str(), origin)));
        assert_eq!(text.matches("走访").count(), 2, "{text}");
        assert_eq!(read(&text).expect("reads back"), all);
        assert!(read("{}").expect("nothing known").is_empty());
        assert!(read(r#"{"by": [], "of": {"a": {"by": 0, "standing": 1}}}"#).is_err());
    }
}
