//! Mobile (1, 3-9, nine digits), landline with area code, or a service number
//! (400/800, 95xxx). Canonical: digits; landline `0352-1234567`.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Phone number.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "phone"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("电话号码", "Phone number")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Phone, Datatype::Text]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({
            "type": "string",
            "pattern": "^(1[3-9][0-9]{9}|0[0-9]{2,3}-[2-9][0-9]{6,7}|[48]00[0-9]{7}|9[56][0-9]{3,4})$",
        })
    }
    fn read(&self, raw: &Value, _options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::scalar(raw)?;
        let digits = reading::compact(&text).replace(['(', ')', '+', '.', '/'], "");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(MessageKey::Phone.into());
        }
        let digits = digits.strip_prefix("0086").unwrap_or(&digits);
        let digits = match digits.strip_prefix("86") {
            Some(rest) if digits.len() > 11 => rest,
            _ => digits,
        };
        if let Some(landline) = digits.strip_prefix('0').and_then(|_| landline(digits)) {
            return Ok(json!(landline));
        }
        let service = (digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800")))
            || (matches!(digits.len(), 5 | 6) && (digits.starts_with("95") || digits.starts_with("96")));
        if service {
            return Ok(json!(digits));
        }
        let second = digits.as_bytes().get(1).copied().unwrap_or(b'0');
        if digits.starts_with('1') && (b'3'..=b'9').contains(&second) {
            if digits.len() == 11 {
                return Ok(json!(digits));
            }
            return Err(Message::new(MessageKey::PhoneLength).arg("now", digits.len()));
        }
        Err(MessageKey::Phone.into())
    }
    fn mask(&self, value: &Value) -> String {
        super::mask_text(&super::plain(value), 3, 4)
    }
    fn secret(&self) -> bool {
        true
    }
    fn inputmode(&self) -> Option<&'static str> {
        Some("tel")
    }
    fn autocomplete(&self) -> Option<&'static str> {
        Some("tel-national")
    }
}

/// Area code (three digits for 010 and 02x, else four) and 7 or 8 digits.
fn landline(digits: &str) -> Option<String> {
    let area = if digits.starts_with("01") || digits.starts_with("02") { 3 } else { 4 };
    let (area, local) = digits.split_at_checked(area)?;
    let fits = matches!(local.len(), 7 | 8) && (b'2'..=b'9').contains(local.as_bytes().first()?);
    fits.then(|| format!("{area}-{local}"))
}
