//! Several lines of text.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, Widget, reading, text::text_schema};
use crate::Lang;
use crate::message::Message;
use crate::model::Datatype;

/// Longest text, in characters.
const LIMIT: u32 = 4_000;

/// Several lines of text.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "long_text"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("多行文字", "Long text")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::LongText, Datatype::Text]
    }
    fn schema(&self, options: &Options) -> Value {
        text_schema(options, LIMIT)
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::prose(raw)?;
        reading::lengths(&text, options, LIMIT)?;
        Ok(json!(text))
    }
    fn widget(&self, _options: &Options) -> Widget {
        Widget::Textarea
    }
}
