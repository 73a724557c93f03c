//! Bank card number with its Luhn digit (GB/T 14504).

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Bank card number.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "bank_card"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("银行卡号", "Bank card number")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Text]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "string", "pattern": "^[0-9]{12,19}$" })
    }
    fn read(&self, raw: &Value, _options: &Options, _today: Date) -> Result<Value, Message> {
        let digits = reading::compact(&reading::scalar(raw)?);
        let fits = (12..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !fits || !luhn(&digits).is_multiple_of(10) {
            return Err(MessageKey::BankCard.into());
        }
        Ok(json!(digits))
    }
    fn mask(&self, value: &Value) -> String {
        super::mask_text(&super::plain(value), 0, 4)
    }
    fn secret(&self) -> bool {
        true
    }
    fn inputmode(&self) -> Option<&'static str> {
        Some("numeric")
    }
}

fn luhn(digits: &str) -> u32 {
    let from_right = digits.bytes().rev().map(|b| u32::from(b - b'0')).enumerate();
    from_right
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => d,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum()
}
