//! A picked place (community and its like): the canonical value is the place's
//! id. That it exists and lies in the filler's scope is the caller's to check.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, Widget, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Place picker.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "place"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("地点", "Place")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Reference]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$" })
    }
    fn read(&self, raw: &Value, _options: &Options, _today: Date) -> Result<Value, Message> {
        let id = reading::scalar(raw)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if id.is_empty() || id.len() > 64 || !id.bytes().all(fits) {
            return Err(MessageKey::Place.into());
        }
        Ok(json!(id))
    }
    fn widget(&self, _options: &Options) -> Widget {
        Widget::PlacePicker
    }
}
