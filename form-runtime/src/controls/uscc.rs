//! Unified social credit code, GB 32100-2015.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Unified social credit code.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "uscc"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("统一社会信用代码", "Unified social credit code")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Uscc]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({
            "type": "string",
            "pattern": "^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$",
        })
    }
    fn read(&self, raw: &Value, _options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::compact(&reading::scalar(raw)?).to_uppercase();
        let length = text.chars().count();
        if length != 18 {
            return Err(Message::new(MessageKey::UsccLength).arg("now", length));
        }
        let mut values = [0_u32; 18];
        for (value, c) in values.iter_mut().zip(text.chars()) {
            let at = ALPHABET.find(c).filter(|_| c.is_ascii());
            let at = at.ok_or_else(|| Message::new(MessageKey::UsccCharacters).arg("now", c))?;
            *value = u32::try_from(at).unwrap_or(0);
        }
        if !text.bytes().skip(2).take(6).all(|b| b.is_ascii_digit()) {
            return Err(MessageKey::UsccForm.into());
        }
        // Weight i is 3^i mod 31.
        let mut weight = 1;
        let mut sum = 0;
        for value in &values[..17] {
            sum += value * weight;
            weight = weight * 3 % 31;
        }
        if (31 - sum % 31) % 31 != values[17] {
            return Err(MessageKey::UsccCheck.into());
        }
        Ok(json!(text))
    }
}

const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
