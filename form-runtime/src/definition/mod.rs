//! A form as written in `forms/*.json` of an application folder.
//!
//! `fields` are flat and ordered; `sections` is the layout and names them by
//! key (without sections, all fields stand in one). [`parse`] reads a file and
//! points at what cannot be read; [`check`] judges the meaning against the
//! model. Nothing here evaluates.

mod binding;
mod check;
mod read;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use binding::{Binding, Owner};
pub use check::{MAX_CHOICES, MAX_FIELDS, check};
pub(crate) use read::value_too_deep;
pub use read::{MAX_DEPTH, parse, parse_bounded, parse_value};

use crate::Text;
use crate::message::Severity;
use crate::model::Class;

/// A form definition. Immutable once published; versions are the caller's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormDefinition {
    /// Key inside its application.
    pub id: String,
    /// Title.
    pub title: Text,
    /// What the filler reads first.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub intro: Text,
    /// Class of the subject; follows from the bindings when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Class>,
    /// Layout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// Every field.
    #[serde(default)]
    pub fields: Vec<FieldDefinition>,
    /// Settings of the whole form.
    #[serde(default)]
    pub settings: Settings,
}

/// One part of the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Unique among sections.
    pub key: String,
    /// Heading; none when empty.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub title: Text,
    /// Text under the heading.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub intro: Text,
    /// Keys of its fields, in order.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Settings of the whole form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// 没有变化 may be offered where everything required is known.
    #[serde(default = "yes")]
    pub no_change: bool,
    /// Minutes that filling takes, as its maker estimates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
}

fn yes() -> bool {
    true
}

impl Default for Settings {
    fn default() -> Self {
        Self { no_change: true, minutes: None }
    }
}

/// One field. Logic members (`visible`, `required`, `readonly`, `computed`,
/// `when`, `test`) are a boolean or an expression of [`crate::logic`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDefinition {
    /// Unique in the form; answers go by it.
    pub key: String,
    /// Key of a digital control.
    pub control: String,
    /// Label.
    pub label: Text,
    /// Help under the label.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub hint: Text,
    /// Other names of its column in sheets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Whose attribute it is; unbound answers stay in the submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<Binding>,
    /// Must be answered (while visible).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Value>,
    /// Shown at all; a hidden field's answer is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible: Option<Value>,
    /// Shown, not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readonly: Option<Value>,
    /// Stands in the input until something else is known or typed; an
    /// expression without fields, e.g. `{"today": []}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Computed instead of asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Value>,
    /// Options of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceDefinition>,
    /// Options from a code list of the model; a bound attribute brings its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_list: Option<String>,
    /// Least value (number or text, see the control).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    /// Greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// Least characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Most characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Linear regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Decimal places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
    /// Unit behind the value.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub unit: Text,
    /// Checks across fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckDefinition>,
}

/// One option, perhaps only offered while a condition holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceDefinition {
    /// Stored value.
    pub value: String,
    /// What is shown.
    pub label: Text,
    /// Offered only while this is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
}

/// A check: when `test` is false, the message stands at the field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckDefinition {
    /// Must be true, or unknown.
    pub test: Value,
    /// Whether it stands in the way.
    #[serde(default)]
    pub severity: Severity,
    /// What the filler reads.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub message: Text,
}

impl FormDefinition {
    /// The field of a key.
    pub fn field(&self, key: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|f| f.key == key)
    }

    /// The definition as a file's text.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
