//! One line of text.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Longest line, in characters.
const LIMIT: u32 = 200;

/// One line of text.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "text"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("单行文字", "Text")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Text, Datatype::LongText, Datatype::Plate, Datatype::Url]
    }
    fn schema(&self, options: &Options) -> Value {
        text_schema(options, LIMIT)
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::prose(raw)?;
        if text.contains('\n') {
            return Err(MessageKey::LineBreak.into());
        }
        reading::lengths(&text, options, LIMIT)?;
        Ok(json!(text))
    }
}

/// The fragment of a text with these settings and at most `limit` characters.
pub(super) fn text_schema(options: &Options, limit: u32) -> Value {
    let mut schema = json!({
        "type": "string",
        "minLength": options.min_length.unwrap_or(1),
        "maxLength": options.max_length.unwrap_or(limit).min(limit),
    });
    if let Some(pattern) = &options.pattern {
        schema["pattern"] = json!(format!("^(?:{pattern})$"));
    }
    schema
}
