//! Yes or no, in the many ways of office sheets.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, Widget, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Yes or no.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "boolean"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("是否", "Yes or no")
    }
    fn kind(&self) -> Kind {
        Kind::Boolean
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Boolean]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "boolean" })
    }
    fn read(&self, raw: &Value, _options: &Options, _today: Date) -> Result<Value, Message> {
        if let Value::Bool(yes) = raw {
            return Ok(json!(yes));
        }
        let text = reading::scalar(raw)?;
        match text.to_lowercase().as_str() {
            "是" | "有" | "对" | "√" | "✓" | "✔" | "☑" | "■" | "y" | "yes" | "true" | "1" | "on" => {
                Ok(json!(true))
            }
            "否" | "无" | "没有" | "不是" | "×" | "✗" | "✘" | "x" | "□" | "☐" | "n" | "no" | "false" | "0" | "off" => {
                Ok(json!(false))
            }
            _ => Err(Message::new(MessageKey::Boolean).arg("now", text)),
        }
    }
    fn widget(&self, _options: &Options) -> Widget {
        Widget::YesNo
    }
    fn display(&self, value: &Value, _options: &Options, lang: Lang) -> String {
        match value {
            Value::Bool(true) => lang.pick("是", "Yes").into(),
            Value::Bool(false) => lang.pick("否", "No").into(),
            _ => String::new(),
        }
    }
}
