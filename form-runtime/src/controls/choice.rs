//! One of several options.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, Widget, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Single choice.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "choice"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("单选", "Single choice")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::Code, Datatype::Text]
    }
    fn schema(&self, options: &Options) -> Value {
        option_schema(options)
    }
    fn read(&self, raw: &Value, options: &Options, _today: Date) -> Result<Value, Message> {
        read_option(&reading::scalar(raw)?, options).map(|value| json!(value))
    }
    fn widget(&self, options: &Options) -> Widget {
        if options.choices.len() > 7 { Widget::Select } else { Widget::Radio }
    }
    fn display(&self, value: &Value, options: &Options, lang: Lang) -> String {
        label_of(&super::plain(value), options, lang)
    }
    fn fault(&self, options: &Options) -> Option<(String, String)> {
        choice_fault(options)
    }
}

/// The fragment of one option.
pub(super) fn option_schema(options: &Options) -> Value {
    if options.open {
        return json!({ "type": "string", "minLength": 1, "maxLength": 200 });
    }
    let values: Vec<&str> = options.choices.iter().map(|c| c.value.as_str()).collect();
    json!({ "type": "string", "enum": values })
}

/// The stored value that a text names: by value, by label, or by "1.男".
pub(super) fn read_option(text: &str, options: &Options) -> Result<String, Message> {
    let squeezed = |t: &str| reading::clean(t).split_whitespace().collect::<String>();
    let wanted = squeezed(text);
    let by_value = |t: &str| options.choices.iter().find(|c| squeezed(&c.value) == t);
    let by_label = |t: &str| options.choices.iter().find(|c| c.label.all().any(|label| squeezed(label) == t));
    // "1.男", "A、男": a short plain mark in front, nothing that could be an option.
    let unnumbered = wanted
        .split_once(['.', '、', ':', ')'])
        .filter(|(mark, _)| mark.len() <= 3 && mark.bytes().all(|b| b.is_ascii_alphanumeric()))
        .map(|(_, label)| label);
    let found = by_value(&wanted).or_else(|| by_label(&wanted)).or_else(|| unnumbered.and_then(by_label));
    match found {
        Some(choice) => Ok(choice.value.clone()),
        None if options.open && text.chars().count() <= 200 => Ok(text.to_owned()),
        None => Err(Message::new(MessageKey::Choice).arg("now", text)),
    }
}

/// The label of a stored value; the value itself when the option is gone.
pub(super) fn label_of(value: &str, options: &Options, lang: Lang) -> String {
    let found = options.choices.iter().find(|c| c.value == value);
    found.map_or_else(|| value.to_owned(), |c| c.label.get(lang).to_owned())
}

/// A choice needs options, each once.
pub(super) fn choice_fault(options: &Options) -> Option<(String, String)> {
    if options.choices.is_empty() && !options.open {
        return Some((
            "选择题至少要有一个选项，请写 choices 或 code_list".into(),
            "a choice needs options: write choices or code_list".into(),
        ));
    }
    let double =
        options.choices.iter().enumerate().find(|(i, c)| options.choices[..*i].iter().any(|d| d.value == c.value));
    if let Some((_, choice)) = double {
        return Some((format!("选项“{}”重复", choice.value), format!("the option `{}` is there twice", choice.value)));
    }
    options.choices.iter().find(|c| c.value.is_empty() || c.value.chars().count() > 200 || c.label.is_empty()).map(
        |_| {
            (
                "每个选项都要有 value（不超过 200 字）和 label".into(),
                "every option needs a value of at most 200 characters and a label".into(),
            )
        },
    )
}
