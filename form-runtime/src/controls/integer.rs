//! Whole number, within what every JSON reader keeps exact.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// 2^53 - 1.
const LARGEST: i64 = 9_007_199_254_740_991;

/// Whole number.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "integer"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("整数", "Whole number")
    }
    fn kind(&self) -> Kind {
        Kind::Number
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Integer]
    }
    fn schema(&self, options: &Options) -> Value {
        let (min, max) = bounds(options);
        json!({ "type": "integer", "minimum": min, "maximum": max })
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::scalar(raw)?;
        let bare = reading::bare_number(&text, options.unit.get(Lang::ZhCn));
        let bare = bare.strip_suffix(".0").or_else(|| bare.strip_suffix(".00")).unwrap_or(&bare);
        let wrong = || Message::new(MessageKey::Integer).arg("now", &text);
        let number: i64 = bare.parse().map_err(|_| wrong())?;
        if !(-LARGEST..=LARGEST).contains(&number) {
            return Err(wrong());
        }
        let (min, max) = bounds(options);
        if number < min {
            return Err(Message::new(MessageKey::Minimum).arg("limit", min));
        }
        if number > max {
            return Err(Message::new(MessageKey::Maximum).arg("limit", max));
        }
        Ok(json!(number))
    }
    fn inputmode(&self) -> Option<&'static str> {
        Some("numeric")
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        [&options.min, &options.max].into_iter().flatten().find(|b| b.parse::<i64>().is_err()).map(|b| {
            (
                format!("整数的上下限要写整数，现在是“{b}”"),
                format!("bounds of a whole number are whole numbers, not `{b}`"),
            )
        })
    }
}

fn bounds(options: &Options) -> (i64, i64) {
    let read = |bound: &Option<String>| bound.as_ref().and_then(|b| b.parse::<i64>().ok());
    (read(&options.min).unwrap_or(-LARGEST).max(-LARGEST), read(&options.max).unwrap_or(LARGEST).min(LARGEST))
}
