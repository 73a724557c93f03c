//! A secret inside stored JSON: ciphertext, keyed index of the whole and of the last four, mask.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_runtime::model::{Datatype, Sensitivity};
use form_runtime::{AttributeRef, Model};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::platform::secrets::{Keys, SecretError, mask_id_no, mask_phone};

/// What is stored of a secret value. Equality of values is equality of `index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// `enc:BASE64`, see [`Keys::seal_text`]
    pub sealed: String,
    /// keyed index of the normalized value, base64
    pub index: String,
    /// keyed index of its last four characters, base64
    pub tail: String,
    /// what may be shown
    pub mask: String,
}

impl Sealed {
    /// Seals a clear value of an attribute such as `person.id_no`. A mask (a value with `*`) and an
    /// empty text are no values: a mask never travels back.
    pub fn of(keys: &Keys, model: &Model, at: &AttributeRef, clear: &str) -> Option<Self> {
        let value = normalize(clear);
        if value.is_empty() || value.contains('*') {
            return None;
        }
        let mask = match model.attribute(at).map(|attribute| attribute.datatype) {
            Some(Datatype::IdentityNumber) => mask_id_no(&value),
            _ => mask_phone(&value),
        };
        Some(Self {
            sealed: keys.seal_text(&context(at), &value),
            index: STANDARD.encode(keys.index(&at.key, &value)),
            tail: STANDARD.encode(keys.tail_index(&at.key, &value)),
            mask,
        })
    }

    /// The clear value; asked for by [`super::reveal`] only.
    pub fn open(&self, keys: &Keys, at: &AttributeRef) -> Result<String, SecretError> {
        keys.open_text(&context(at), &self.sealed)
    }

    /// The version of the keys that sealed and indexed it.
    pub fn version(&self) -> Option<i64> {
        let bytes = STANDARD.decode(self.sealed.strip_prefix("enc:")?).ok()?;
        bytes.first().map(|version| i64::from(*version))
    }

    /// The same value under the present keys.
    pub fn anew(&self, keys: &Keys, at: &AttributeRef) -> Result<Self, SecretError> {
        let value = self.open(keys, at)?;
        Ok(Self {
            sealed: keys.seal_text(&context(at), &value),
            index: STANDARD.encode(keys.index(&at.key, &value)),
            tail: STANDARD.encode(keys.tail_index(&at.key, &value)),
            mask: self.mask.clone(),
        })
    }

    /// A stored value that is a sealed secret.
    pub fn from_value(value: &Value) -> Option<Self> {
        if value.is_object() { serde_json::from_value(value.clone()).ok() } else { None }
    }

    /// As stored JSON.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("four texts are JSON")
    }

    /// Ciphertext, index, tail and mask as the columns of a record.
    pub fn columns(&self) -> (Vec<u8>, Vec<u8>, Vec<u8>, String) {
        let bytes = |text: &str| STANDARD.decode(text).unwrap_or_default();
        let cipher = bytes(self.sealed.trim_start_matches("enc:"));
        (cipher, bytes(&self.index), bytes(&self.tail), self.mask.clone())
    }

    /// Back from the columns of a record.
    pub fn from_columns(cipher: &[u8], index: &[u8], tail: &[u8], mask: &str) -> Self {
        Self {
            sealed: format!("enc:{}", STANDARD.encode(cipher)),
            index: STANDARD.encode(index),
            tail: STANDARD.encode(tail),
            mask: mask.to_owned(),
        }
    }
}

/// The context a secret of an attribute is sealed under: `person.id_no`.
fn context(at: &AttributeRef) -> String {
    at.to_string()
}

/// Whether the model keeps an attribute as a secret.
pub fn is_secret(model: &Model, at: &AttributeRef) -> bool {
    model.attribute(at).is_some_and(|attribute| attribute.sensitivity == Sensitivity::Secret)
}

/// Full-width to half-width, no spaces or dashes, upper case: one number has one index.
pub fn normalize(clear: &str) -> String {
    clear.nfkc().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

/// Whether two stored values of an attribute are the same: secrets by their index, the rest as JSON. While
/// keys are rotated the two may be indexed by different versions; then the values themselves are compared.
pub fn same(keys: &Keys, at: &AttributeRef, one: &Value, other: &Value) -> bool {
    match (Sealed::from_value(one), Sealed::from_value(other)) {
        (Some(one), Some(other)) if one.version() == other.version() => one.index == other.index,
        (Some(one), Some(other)) => match (one.open(keys, at), other.open(keys, at)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        },
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use form_runtime::Class;

    #[test]
    fn a_sealed_number_keeps_its_mask_and_meets_its_equal() {
        let (keys, model) = (Keys::ephemeral(), Model::shipped());
        let at = AttributeRef::new(Class::Person, "id_no");
        let one = Sealed::of(&keys, &model, &at, "１40202194501011234").expect("a number");
        let other = Sealed::of(&keys, &model, &at, "140202 19450101 1234").expect("a number");
        assert_eq!(one.mask, "140202********1234");
        assert!(same(&keys, &at, &one.to_value(), &other.to_value()));
        keys.add_next().expect("added");
        keys.activate().expect("current");
        let later = Sealed::of(&keys, &model, &at, "140202194501011234").expect("a number");
        assert_ne!(one.index, later.index);
        assert!(same(&keys, &at, &one.to_value(), &later.to_value()), "also across a rotation");
        assert_eq!(one.anew(&keys, &at).expect("opens").index, later.index);
        assert_ne!(one.sealed, other.sealed);
        assert!(!one.to_value().to_string().contains("194501"));
        assert_eq!(one.open(&keys, &at).expect("opens"), "140202194501011234");
        let (cipher, index, tail, mask) = one.columns();
        assert_eq!(Sealed::from_columns(&cipher, &index, &tail, &mask), one);
        assert_eq!(Sealed::of(&keys, &model, &at, "140202********1234"), None);
    }
}
