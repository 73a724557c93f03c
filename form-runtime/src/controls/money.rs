//! Money in whole fen; read and shown in yuan.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::{Kind, Options, decimal, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// 2^53 - 1 fen.
const LARGEST: i64 = 9_007_199_254_740_991;

/// Money.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "money"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("金额", "Money")
    }
    fn kind(&self) -> Kind {
        Kind::Number
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Money]
    }
    fn schema(&self, options: &Options) -> Value {
        let fen =
            |b: &Option<String>| b.as_deref().and_then(decimal::parse).and_then(|yuan| to_fen(yuan).ok().flatten());
        json!({
            "type": "integer",
            "minimum": fen(&options.min).unwrap_or(-LARGEST),
            "maximum": fen(&options.max).unwrap_or(LARGEST),
            "description": "fen",
        })
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let text = reading::scalar(raw)?;
        let wrong = || Message::new(MessageKey::Money).arg("now", &text);
        let bare = reading::bare_number(&text, "元");
        let bare = bare.trim_start_matches(['¥', '￥']);
        let yuan = decimal::parse(bare).ok_or_else(wrong)?;
        decimal::within(yuan, options)?;
        let fen = to_fen(yuan)?.ok_or_else(wrong)?;
        Ok(json!(fen))
    }
    fn display(&self, value: &Value, _options: &Options, lang: Lang) -> String {
        let yuan = self.input_value(value);
        lang.pick(format!("{yuan} 元"), format!("¥{yuan}"))
    }
    fn input_value(&self, value: &Value) -> String {
        value.as_i64().map_or_else(String::new, |fen| Decimal::new(fen, 2).to_string())
    }
    fn inputmode(&self) -> Option<&'static str> {
        Some("decimal")
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        decimal::bound_fault(options)
    }
}

/// Whole fen of an amount in yuan; `None` when it is too large.
fn to_fen(yuan: Decimal) -> Result<Option<i64>, Message> {
    if yuan.scale() > 2 {
        return Err(Message::new(MessageKey::DecimalPlaces).arg("limit", 2));
    }
    let fen = yuan.checked_mul(Decimal::ONE_HUNDRED).and_then(|f| f.to_i64());
    Ok(fen.filter(|f| (-LARGEST..=LARGEST).contains(f)))
}
