//! What an accepted answer says: about the subject, the event, linked
//! entities; and what stays in the submission.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::{Binding, Owner};
use crate::known::FactState;
use crate::{CompiledForm, Known, Map, Validated};

/// Which shown values the person vouched for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// None beyond what was answered.
    #[default]
    Nothing,
    /// 没有变化: everything that was shown.
    AllShown,
    /// These fields.
    Fields(BTreeSet<String>),
}

/// What was said about one entity, by attribute key. The three are disjoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sayings {
    /// New or changed values; null where a known value was emptied.
    pub said: Map,
    /// Known values that were vouched for; null where only a mask was shown.
    pub confirmed: Map,
    /// Known values that were only shown.
    pub shown: Map,
    /// Attributes among them that are kept only as ciphertext.
    pub secret: BTreeSet<String>,
}

impl Sayings {
    /// Nothing was said or confirmed.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty() && self.confirmed.is_empty()
    }
}

/// What an answer says, sorted by whom it is about. Values are clear text:
/// whoever stores them encrypts what `secret` names.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Extraction {
    /// About the subject.
    pub subject: Sayings,
    /// About the event that filling the form is.
    pub event: Sayings,
    /// About linked entities, by relation and class key.
    pub linked: BTreeMap<String, Sayings>,
    /// Answers bound to nothing, by field key.
    pub unbound: Map,
    /// Field keys among `unbound` that are kept only as ciphertext.
    pub unbound_secret: BTreeSet<String>,
}

/// Sorts an accepted answer. `known` is what the page showed.
pub fn extract(form: &CompiledForm, validated: &Validated, known: &Known, confirm: &Confirm) -> Extraction {
    let mut out = Extraction::default();
    for field in form.fields() {
        let key = field.key();
        if validated.visible.get(key) != Some(&true) {
            continue;
        }
        let value = validated.normalized.get(key);
        let Some(bind) = &field.definition.bind else {
            if let Some(value) = value {
                out.unbound.insert(key.to_owned(), value.clone());
                if field.secret {
                    out.unbound_secret.insert(key.to_owned());
                }
            }
            continue;
        };
        let attribute = bind.attribute.key.clone();
        let sayings = sayings_of(&mut out, bind);
        let fact = known.get(key);
        let spoken = validated.said.contains(key);
        let same = fact.is_some_and(|f| f.value.as_ref() == value);
        let (list, value) = if validated.cleared.contains(key) {
            (&mut sayings.said, Value::Null)
        } else if let Some(fact) = fact.filter(|_| !spoken || same) {
            // Asked again because it was stale or disputed, and answered the same.
            let asked = spoken && fact.state != FactState::Fresh;
            let vouched = match confirm {
                Confirm::AllShown => true,
                Confirm::Fields(keys) => keys.contains(key),
                Confirm::Nothing => false,
            };
            let list = if asked || vouched { &mut sayings.confirmed } else { &mut sayings.shown };
            (list, fact.value.clone().unwrap_or(Value::Null))
        } else if let Some(value) = value {
            (&mut sayings.said, value.clone())
        } else {
            continue;
        };
        list.insert(attribute.clone(), value);
        if field.secret {
            sayings.secret.insert(attribute);
        }
    }
    out
}

fn sayings_of<'a>(out: &'a mut Extraction, bind: &Binding) -> &'a mut Sayings {
    match &bind.owner {
        Owner::Subject => &mut out.subject,
        Owner::Event => &mut out.event,
        Owner::Linked(relation) => out.linked.entry(format!("{relation}.{}", bind.attribute.class)).or_default(),
    }
}
