//! What is already known about the subject when a form is opened.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CompiledForm, Map};

/// Whether a known value may stand without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    /// Inside its freshness period: shown, not asked.
    #[default]
    Fresh,
    /// Older than its freshness period: asked, prefilled.
    Stale,
    /// Sources disagree or the subject objected: asked, prefilled.
    Disputed,
}

/// One known value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Canonical value. `None` when only the mask may be shown.
    #[serde(default)]
    pub value: Option<Value>,
    /// What to show of a secret value.
    #[serde(default)]
    pub mask: Option<String>,
    /// What to show instead of the value, e.g. the name of a picked place.
    #[serde(default)]
    pub text: Option<String>,
    /// Civil date on which it was observed.
    #[serde(default)]
    pub since: Option<Date>,
    /// Who or what said so, ready for the reader.
    #[serde(default)]
    pub source: Option<String>,
    /// May it stand.
    #[serde(default)]
    pub state: FactState,
}

impl Fact {
    /// A fresh value without origin.
    pub fn of(value: Value) -> Self {
        Self { value: Some(value), ..Self::default() }
    }

    /// Something is known, if only its mask.
    pub fn is_known(&self) -> bool {
        self.value.as_ref().is_some_and(|v| !v.is_null()) || self.mask.is_some()
    }
}

/// Known values by **field key** of the form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Known(pub BTreeMap<String, Fact>);

impl Known {
    /// Fresh facts from canonical values by field key; nulls are not known.
    pub fn from_values(values: &Map) -> Self {
        let known = values.iter().filter(|(_, v)| !v.is_null());
        Self(known.map(|(k, v)| (k.clone(), Fact::of(v.clone()))).collect())
    }

    /// Facts of the subject, given by attribute key, put under the field that
    /// is bound to each.
    pub fn of_subject(form: &CompiledForm, facts: &BTreeMap<String, Fact>) -> Self {
        let bound = form.fields().iter().filter_map(|field| {
            let attribute = field.definition.bind.as_ref()?.of_subject()?;
            Some((field.key().to_owned(), facts.get(&attribute.key)?.clone()))
        });
        Self(bound.collect())
    }

    /// The fact under a field, if something is known.
    pub fn get(&self, field: &str) -> Option<&Fact> {
        self.0.get(field).filter(|f| f.is_known())
    }

    /// The known value under a field, when it may be seen.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.get(field)?.value.as_ref().filter(|v| !v.is_null())
    }
}
