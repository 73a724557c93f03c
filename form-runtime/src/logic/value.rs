//! Values and types of logic.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::controls::Kind;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Val {
    /// Missing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// Exact number.
    Number(Decimal),
    /// Text.
    Text(String),
    /// Civil date.
    Date(Date),
    /// Chosen options.
    List(Vec<String>),
}

/// The type of an expression. `Null` fits everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only the literal null.
    Null,
    /// Yes or no.
    Boolean,
    /// Number.
    Number,
    /// Text.
    Text,
    /// Date.
    Date,
    /// List of texts.
    List,
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Number => Self::Number,
            Kind::Boolean => Self::Boolean,
            Kind::Date => Self::Date,
            Kind::List => Self::List,
        }
    }
}

impl Type {
    /// Name in faults.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "text",
            Self::Date => "date",
            Self::List => "list",
        }
    }
}

impl Val {
    /// Reads a canonical answer of a kind; what does not fit is missing.
    pub fn read(value: &Value, kind: Kind) -> Self {
        let read = match (value, kind) {
            (Value::String(text), Kind::Text) => Some(Self::Text(text.clone())),
            (Value::String(text), Kind::Number) => text.parse().ok().map(Self::Number),
            (Value::Number(number), Kind::Number) => number.to_string().parse().ok().map(Self::Number),
            (Value::Bool(yes), Kind::Boolean) => Some(Self::Bool(*yes)),
            (Value::String(text), Kind::Date) => text.parse().ok().map(Self::Date),
            (Value::Array(items), Kind::List) => {
                Some(Self::List(items.iter().filter_map(|i| i.as_str().map(Into::into)).collect()))
            }
            _ => None,
        };
        read.unwrap_or(Self::Null)
    }

    /// As JSON: numbers are text, except whole ones.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(yes) => json!(yes),
            Self::Number(number) => {
                let number = number.normalize();
                match i64::try_from(number).ok().filter(|_| number.scale() == 0) {
                    Some(whole) => json!(whole),
                    None => json!(number.to_string()),
                }
            }
            Self::Text(text) => json!(text),
            Self::Date(date) => json!(date.to_string()),
            Self::List(items) => json!(items),
        }
    }

    /// Missing, an empty text or nothing chosen.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            _ => false,
        }
    }
}
