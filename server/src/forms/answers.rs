//! From what a browser posts to answers by field, and small translations between the crates' types.

use form_runtime::controls::Widget;
use form_runtime::{FieldMessage, Lang, Map, Text};
use serde_json::Value;
use web::LangMap;

use super::Published;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::geography::{Resolved, resolve};

/// The answers of a posted body (urlencoded pairs, names may repeat) by field key. A field that holds
/// several values becomes a list; of other repeated names the last counts. A place that was typed
/// (`KEY_text`, where no script put its id into `KEY`) is looked up. Pairs of other names are left out.
pub fn answers_of(app: &App, published: &Published, pairs: &[(String, String)]) -> Map {
    let all =
        |name: &str| pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
    let mut answers = Map::new();
    for field in published.compiled.fields() {
        let values = all(field.key());
        let typed = || all(&format!("{}_text", field.key())).last().map(|text| text.trim().to_owned());
        let answer = if field.many {
            let chosen: Vec<Value> = values.iter().filter(|v| !v.trim().is_empty()).map(|v| Value::from(*v)).collect();
            (!values.is_empty()).then_some(Value::Array(chosen))
        } else if field.control.widget(&field.options) == Widget::PlacePicker {
            match (values.last().filter(|id| !id.is_empty()), typed()) {
                (Some(id), _) => Some(Value::from(*id)),
                (None, Some(text)) if !text.is_empty() => Some(place_typed(app, &text)),
                (None, Some(_)) => Some(Value::from("")),
                (None, None) => values.last().map(|empty| Value::from(*empty)),
            }
        } else {
            values.last().map(|value| Value::from(*value))
        };
        if let Some(answer) = answer {
            answers.insert(field.key().to_owned(), answer);
        }
    }
    answers
}

/// The id of the one place that the text names; otherwise the text itself, which the control refuses.
fn place_typed(app: &App, text: &str) -> Value {
    match resolve(&app.geography(), text, None) {
        Resolved::One(id) => Value::from(id.to_string()),
        _ => Value::from(text),
    }
}

/// The reader's language as the pure crates know it.
pub fn language(lang: web::Lang) -> Lang {
    Lang::from_tag(lang.tag())
}

/// A text of a definition as a language map.
pub fn lang_map(text: &Text) -> LangMap {
    [Lang::ZhCn, Lang::En]
        .into_iter()
        .filter_map(|lang| Some((lang.tag().to_owned(), text.exact(lang).filter(|t| !t.is_empty())?.to_owned())))
        .collect()
}

/// A language map stored as JSON; plain text stands for Chinese alone.
pub fn to_text(stored: &str) -> Text {
    serde_json::from_str(stored).unwrap_or_else(|_| Text::zh(stored))
}

/// What is wrong with answers sent by a program, under their pointers, in the words of the page.
pub fn answer_faults(messages: &[FieldMessage]) -> AppError {
    let one = |message: &FieldMessage| {
        Fault::new(format!("/answers/{}", message.field), "forms-fault")
            .with("zh", message.text(Lang::ZhCn))
            .with("en", message.text(Lang::En))
    };
    AppError::Invalid(messages.iter().map(one).collect())
}
