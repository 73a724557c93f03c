//! Name of a person: "姓  名" loses its inner spaces, 阿卜杜·热合曼 keeps its dot.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Longest name, in characters.
const LIMIT: u32 = 50;

/// Name of a person.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "person_name"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("姓名", "Person's name")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Text]
    }
    fn schema(&self, options: &Options) -> Value {
        super::text::text_schema(options, LIMIT)
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let written = reading::prose(raw)?;
        let words: Vec<&str> = written.split_whitespace().collect();
        let latin = words.iter().all(|w| w.chars().all(|c| c.is_ascii() || c.is_alphabetic() && c < '\u{2e80}'));
        let name = words.join(if latin { " " } else { "" });
        // The dots of transliterated names come in several look-alikes.
        let name = name.replace(['•', '‧', '・', '．', '･', '●'], "·");
        reading::lengths(&name, options, LIMIT)?;
        let fits = |c: char| c.is_alphabetic() || matches!(c, '·' | ' ' | '-' | '\'' | '.' | '’' | '〇');
        if !name.chars().all(fits) || !name.chars().any(char::is_alphabetic) {
            return Err(MessageKey::PersonName.into());
        }
        Ok(json!(name))
    }
    fn mask(&self, value: &Value) -> String {
        let name = super::plain(value);
        name.chars().take(1).chain("**".chars()).collect()
    }
    fn autocomplete(&self) -> Option<&'static str> {
        Some("name")
    }
}
