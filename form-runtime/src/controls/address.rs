//! Address as free text; placing it in the tree is geography's work.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading, text::text_schema};
use crate::Lang;
use crate::message::Message;
use crate::model::Datatype;

/// Longest address, in characters.
const LIMIT: u32 = 200;

/// Address text.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "address"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("地址", "Address")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Text]
    }
    fn schema(&self, options: &Options) -> Value {
        text_schema(options, LIMIT)
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let written = reading::prose(raw)?;
        let address = written.split_whitespace().collect::<Vec<_>>().join(" ");
        reading::lengths(&address, options, LIMIT)?;
        Ok(json!(address))
    }
    fn autocomplete(&self) -> Option<&'static str> {
        Some("street-address")
    }
}
