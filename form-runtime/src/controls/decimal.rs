//! Exact decimal, canonical as a JSON string ("12.5"), because a JSON number
//! would pass through binary floating point.

use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Exact decimal.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "decimal"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("小数", "Decimal")
    }
    fn kind(&self) -> Kind {
        Kind::Number
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Decimal]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,8})?$" })
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::scalar(raw)?;
        let bare = reading::bare_number(&text, options.unit.get(Lang::ZhCn));
        let number = parse(&bare).ok_or_else(|| Message::new(MessageKey::Decimal).arg("now", &text))?;
        let places = options.decimals.unwrap_or(8).min(8);
        if number.scale() > places {
            return Err(Message::new(MessageKey::DecimalPlaces).arg("limit", places));
        }
        within(number, options)?;
        Ok(json!(number.to_string()))
    }
    fn inputmode(&self) -> Option<&'static str> {
        Some("decimal")
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        bound_fault(options)
    }
}

/// A plain decimal of at most 20 whole digits, without trailing zeros.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(part) || whole.len() > 20 || part.len() > 20 {
        return None;
    }
    let number = Decimal::from_str(text).ok()?.normalize();
    Some(if number.is_zero() { Decimal::ZERO } else { number })
}

/// Judges the bounds.
pub(super) fn within(number: Decimal, options: &Options) -> Result<(), Message> {
    let bound = |b: &Option<String>| b.as_deref().and_then(parse);
    if let Some(min) = bound(&options.min).filter(|min| number < *min) {
        return Err(Message::new(MessageKey::Minimum).arg("limit", min));
    }
    if let Some(max) = bound(&options.max).filter(|max| number > *max) {
        return Err(Message::new(MessageKey::Maximum).arg("limit", max));
    }
    Ok(())
}

/// Bounds must themselves be decimals.
pub(super) fn bound_fault(options: &Options) -> Option<(String, String)> {
    [&options.min, &options.max]
        .into_iter()
        .flatten()
        .find(|b| parse(b).is_none())
        .map(|b| (format!("上下限要写数字，现在是“{b}”"), format!("bounds are numbers, not `{b}`")))
}
