//! Text with tokens `enc:…`, under the present keys.
//!
//! A token does not say in which context it was sealed; the contexts are few, and only the right one opens.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_runtime::model::Sensitivity;
use form_runtime::{AttributeRef, Model};
use serde_json::Value;

use crate::entities::Sealed;
use crate::platform::secrets::{Keys, SecretError};

const MARK: &str = "enc:";

/// The contexts in which something stored is sealed.
pub struct Contexts {
    attributes: Vec<AttributeRef>,
    others: [&'static str; 4],
}

impl Contexts {
    /// Those of the shipped model and of the rooms.
    pub fn of(model: &Model) -> Self {
        let secret = model.attributes().filter(|(_, attribute)| attribute.sensitivity == Sensitivity::Secret);
        Self {
            attributes: secret.map(|(at, _)| at.clone()).collect(),
            others: [
                "answer",
                crate::tasks::rows::SHEET_CONTEXT,
                crate::entities::reveal::REASON,
                crate::front::idempotency::CONTEXT,
            ],
        }
    }

    /// The text with everything under the present keys; none when it is so already.
    pub fn anew(&self, keys: &Keys, text: &str) -> Result<Option<String>, SecretError> {
        let mut changes = BTreeMap::new();
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.sealed(keys, &value, &mut changes)?;
        }
        for token in tokens(text) {
            if version(token) != Some(keys.version()) && !changes.contains_key(token) {
                changes.insert(token.to_owned(), self.token(keys, token)?);
            }
        }
        if changes.is_empty() {
            return Ok(None);
        }
        // What is replaced is base64 of random bytes: it stands nowhere by chance.
        Ok(Some(changes.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))))
    }

    /// Sealed values with their indexes, wherever they stand in the JSON.
    fn sealed(&self, keys: &Keys, value: &Value, changes: &mut BTreeMap<String, String>) -> Result<(), SecretError> {
        if let Some(old) = Sealed::from_value(value) {
            if old.version() != Some(keys.version()) {
                let new =
                    self.attributes.iter().find_map(|at| old.anew(keys, at).ok()).ok_or(SecretError::Unreadable)?;
                changes.extend([(old.sealed, new.sealed), (old.index, new.index), (old.tail, new.tail)]);
            }
            return Ok(());
        }
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.sealed(keys, value, changes)),
            Value::Object(values) => values.values().try_for_each(|value| self.sealed(keys, value, changes)),
            // JSON inside JSON: an observation on its way through the outbox.
            Value::String(text) if text.starts_with(['{', '[']) => match serde_json::from_str::<Value>(text) {
                Ok(value) => self.sealed(keys, &value, changes),
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn token(&self, keys: &Keys, token: &str) -> Result<String, SecretError> {
        let attributes = self.attributes.iter().map(ToString::to_string);
        attributes
            .chain(self.others.iter().map(|context| (*context).to_owned()))
            .find_map(|context| Some(keys.seal_text(&context, &keys.open_text(&context, token).ok()?)))
            .ok_or(SecretError::Unreadable)
    }
}

/// The version by which a token was sealed.
pub fn version(token: &str) -> Option<i64> {
    let bytes = STANDARD.decode(token.strip_prefix(MARK)?.get(..4)?).ok()?;
    bytes.first().map(|version| i64::from(*version))
}

/// Every token of a text.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(MARK).filter_map(|(at, _)| {
        let rest = &text[at + MARK.len()..];
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))).unwrap_or(rest.len());
        // Shorter than version, nonce and tag: text that only looks like it.
        (end >= 40).then(|| &text[at..at + MARK.len() + end])
    })
}

#[cfg(test)]
mod tests {
    use form_runtime::Class;
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_in_a_text_is_made_anew_and_nothing_else_is_touched() {
        let (keys, model) = (Keys::ephemeral(), Model::shipped());
        let at = AttributeRef::new(Class::Person, "id_no");
        let number = Sealed::of(&keys, &model, &at, "140202194501011234").expect("a number");
        let text = json!({
            "id_no": number.to_value(),
            "inside": json!({"said": {"mobile": 1, "id_no": number.to_value()}}).to_string(),
            "note": "enc: is no token, nor is enc:abc",
            "sheet": keys.seal_text(crate::tasks::rows::SHEET_CONTEXT, "clear"),
            "exact": 0.10,
        })
        .to_string();
        let contexts = Contexts::of(&model);
        assert_eq!(contexts.anew(&keys, &text).expect("reads"), None);
        keys.add_next().expect("added");
        keys.activate().expect("current");
        let new = contexts.anew(&keys, &text).expect("reads").expect("changed");
        assert!(tokens(&new).all(|token| version(token) == Some(2)));
        assert_eq!(tokens(&new).count(), 3);
        assert!(!new.contains(&number.index) && !new.contains(&number.tail), "indexed anew");
        assert_eq!(contexts.anew(&keys, &new).expect("reads"), None);
        let value: Value = serde_json::from_str(&new).expect("still JSON");
        let again = Sealed::from_value(&value["id_no"]).expect("sealed");
        assert_eq!(again.open(&keys, &at).expect("opens"), "140202194501011234");
        assert_eq!(again.index, Sealed::of(&keys, &model, &at, "140202194501011234").expect("a number").index);
        assert_eq!(value["note"], "enc: is no token, nor is enc:abc");
        keys.retire().expect("taken out");
        assert!(contexts.anew(&keys, &text).is_err(), "what cannot be read is said, not lost");
    }
}
