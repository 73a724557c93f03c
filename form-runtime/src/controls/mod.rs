//! Digital controls: how one kind of field is read, judged, shown and masked.
//!
//! A closed list. To add one: a file here with a unit struct that implements
//! [`Control`], a `mod` line and a line in [`ALL`]; the conformance test in
//! `tests/controls.rs` then asks for its vectors.

mod address;
mod bank_card;
mod boolean;
mod choice;
mod citizen_number;
mod date;
mod decimal;
mod integer;
mod long_text;
mod money;
mod multiple_choice;
mod person_name;
mod phone;
mod place;
mod reading;
mod text;
mod uscc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use date::bound as date_bound;
pub use reading::{clean, is_blank, is_nothing_sign};

use crate::message::Message;
use crate::model::Datatype;
use crate::{Lang, Text};

/// What a control's canonical values are to field logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// JSON string.
    Text,
    /// JSON integer, or exact decimal written as a JSON string.
    Number,
    /// JSON boolean.
    Boolean,
    /// JSON string `YYYY-MM-DD`.
    Date,
    /// JSON array of distinct strings.
    List,
}

/// One option of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Stored value.
    pub value: String,
    /// What is shown.
    pub label: Text,
}

/// Settings of one field that its control reads. Bounds of `decimal` are
/// decimals written as text, of `money` yuan, of `date` `YYYY-MM-DD` or `today`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Options of a choice.
    pub choices: Vec<Choice>,
    /// The choices are all there are; false when a code list is not authored yet.
    pub open: bool,
    /// Least value or number of choices.
    pub min: Option<String>,
    /// Greatest value or number of choices.
    pub max: Option<String>,
    /// Least length in characters.
    pub min_length: Option<u32>,
    /// Greatest length in characters.
    pub max_length: Option<u32>,
    /// Linear regular expression over the whole text.
    pub pattern: Option<String>,
    /// Decimal places.
    pub decimals: Option<u32>,
    /// Unit shown behind the value.
    pub unit: Text,
}

/// The element that a page draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Widget {
    /// `<input type=text>`.
    Input,
    /// `<textarea>`.
    Textarea,
    /// Two radio buttons.
    YesNo,
    /// `<input type=date>`.
    Date,
    /// Radio buttons, or a select when there are many.
    Radio,
    /// `<select>`.
    Select,
    /// Check boxes.
    Checkboxes,
    /// The place picker.
    PlacePicker,
}

/// One digital control.
pub trait Control: Sync {
    /// Key in form definitions.
    fn key(&self) -> &'static str;
    /// Name in the builder.
    fn name(&self, lang: Lang) -> &'static str;
    /// What its values are to logic.
    fn kind(&self) -> Kind;
    /// Attributes it may be bound to.
    fn datatypes(&self) -> &'static [Datatype];
    /// JSON Schema 2020-12 fragment of the canonical value.
    fn schema(&self, options: &Options) -> Value;
    /// Reads what came in into the canonical value. Blank input never gets
    /// here. `today` bounds dates.
    ///
    /// # Errors
    /// What to tell the person.
    fn read(&self, raw: &Value, options: &Options, today: Date) -> Result<Value, Message>;
    /// What is drawn.
    fn widget(&self, options: &Options) -> Widget {
        let _ = options;
        Widget::Input
    }
    /// The canonical value as a reader sees it.
    fn display(&self, value: &Value, options: &Options, lang: Lang) -> String {
        let _ = lang;
        with_unit(plain(value), options, lang)
    }
    /// The canonical value as it stands in an input.
    fn input_value(&self, value: &Value) -> String {
        plain(value)
    }
    /// What may be shown of a secret value.
    fn mask(&self, value: &Value) -> String {
        mask_text(&plain(value), 0, 0)
    }
    /// Unbound values are kept as secrets.
    fn secret(&self) -> bool {
        false
    }
    /// The `inputmode` of its input.
    fn inputmode(&self) -> Option<&'static str> {
        None
    }
    /// The `autocomplete` of its input when the filler speaks of herself.
    fn autocomplete(&self) -> Option<&'static str> {
        None
    }
    /// What is wrong with these settings, Chinese and English.
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        let _ = options;
        None
    }
}

/// Every control, in the order of the builder's palette.
pub const ALL: &[&dyn Control] = &[
    &text::Control,
    &long_text::Control,
    &integer::Control,
    &decimal::Control,
    &money::Control,
    &boolean::Control,
    &date::Control,
    &choice::Control,
    &multiple_choice::Control,
    &phone::Control,
    &citizen_number::Control,
    &uscc::Control,
    &bank_card::Control,
    &person_name::Control,
    &address::Control,
    &place::Control,
];

/// The control of a key.
pub fn control(key: &str) -> Option<&'static dyn Control> {
    ALL.iter().copied().find(|c| c.key() == key)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn with_unit(text: String, options: &Options, lang: Lang) -> String {
    match options.unit.get(lang) {
        "" => text,
        unit if text.is_empty() => unit.to_owned(),
        unit => format!("{text} {unit}"),
    }
}

/// Keeps the first and last characters and hides the number of the others.
fn mask_text(text: &str, head: usize, tail: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= head + tail {
        return "****".into();
    }
    let first: String = chars[..head].iter().collect();
    let last: String = chars[chars.len() - tail..].iter().collect();
    format!("{first}****{last}")
}
