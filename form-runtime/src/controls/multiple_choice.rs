//! Any number of several options, canonical in the order of the options.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, Widget, choice, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Most options taken at once.
const LIMIT: usize = 200;

/// Multiple choice.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "multiple_choice"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("多选", "Multiple choice")
    }
    fn kind(&self) -> Kind {
        Kind::List
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Code, Datatype::Text]
    }
    fn schema(&self, options: &Options) -> Value {
        let (min, max) = bounds(options);
        json!({
            "type": "array",
            "items": choice::option_schema(options),
            "uniqueItems": true,
            "minItems": min,
            "maxItems": max,
        })
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        let mut chosen = Vec::new();
        let mut take = |text: &str| -> Result<(), Message> {
            let value = choice::read_option(text, options)?;
            if !chosen.contains(&value) {
                chosen.push(value);
            }
            Ok(())
        };
        match raw {
            Value::Array(items) if items.len() > LIMIT => return Err(MessageKey::TooBig.into()),
            Value::Array(items) => {
                for item in items.iter().filter(|i| !reading::is_blank(i)) {
                    take(&reading::scalar(item)?)?;
                }
            }
            one => {
                let text = reading::scalar(one)?;
                // A single option may itself hold a separator.
                if take(&text).is_err() {
                    let parts = text.split(['、', ',', '，', ';', '；', '\n', '|']);
                    for part in parts.map(str::trim).filter(|p| !p.is_empty()).take(LIMIT) {
                        take(part)?;
                    }
                }
            }
        }
        let (min, max) = bounds(options);
        if chosen.len() > max {
            return Err(Message::new(MessageKey::TooMany).arg("limit", max).arg("now", chosen.len()));
        }
        if chosen.len() < min {
            return Err(Message::new(MessageKey::TooFew).arg("limit", min).arg("now", chosen.len()));
        }
        let place = |v: &String| options.choices.iter().position(|c| c.value == *v);
        chosen.sort_by_key(|v| place(v).unwrap_or(usize::MAX));
        Ok(json!(chosen))
    }
    fn widget(&self, _options: &Options) -> Widget {
        Widget::Checkboxes
    }
    fn display(&self, value: &Value, options: &Options, lang: Lang) -> String {
        let labels = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        let labels: Vec<String> = labels.map(|v| choice::label_of(v, options, lang)).collect();
        labels.join(lang.pick("、", ", "))
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        let bad = |b: &&String| b.parse::<usize>().is_err();
        if let Some(bound) = [&options.min, &options.max].into_iter().flatten().find(bad) {
            return Some((
                format!("多选的上下限是项数，要写整数，现在是“{bound}”"),
                format!("bounds of a multiple choice are numbers of options, not `{bound}`"),
            ));
        }
        choice::choice_fault(options)
    }
}

fn bounds(options: &Options) -> (usize, usize) {
    let read = |bound: &Option<String>| bound.as_ref().and_then(|b| b.parse::<usize>().ok());
    (read(&options.min).unwrap_or(1).max(1), read(&options.max).unwrap_or(LIMIT).min(LIMIT))
}
