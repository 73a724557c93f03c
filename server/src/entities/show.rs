//! Stored values in words.

use form_runtime::model::Datatype;
use form_runtime::{AttributeRef, Class, Model};
use serde_json::Value;
use web::Lang;

use super::known::place_name;
use super::sealed::Sealed;
use crate::app::App;
use crate::knowledge::model_lang;

/// The attribute's name; its key if the model does not know it.
pub fn label(model: &Model, lang: Lang, class: Class, key: &str) -> String {
    match key {
        "age" => web::text(lang, "entities-age", &[]),
        "residence_premises" => web::text(lang, "entities-premises", &[]),
        _ => model
            .attribute(&AttributeRef::new(class, key))
            .map_or_else(|| key.to_owned(), |attribute| attribute.name(model_lang(lang)).to_owned()),
    }
}

/// A stored value for a reader: codes by their meaning, places by their name, secrets by their mask.
pub fn text(app: &App, model: &Model, lang: Lang, at: &AttributeRef, value: &Value) -> String {
    if let Some(sealed) = Sealed::from_value(value) {
        return sealed.mask;
    }
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => web::text(lang, if *value { "common-yes" } else { "common-no" }, &[]),
        Value::Array(values) => {
            let parts: Vec<String> = values.iter().map(|value| text(app, model, lang, at, value)).collect();
            parts.join(if lang == Lang::En { ", " } else { "、" })
        }
        Value::String(word) => word_text(app, model, lang, at, word),
        Value::Number(number) if datatype(model, at) == Some(Datatype::Money) => {
            let fen = number.as_i64().unwrap_or(0);
            format!("{}.{:02}", fen / 100, (fen % 100).abs())
        }
        other => other.to_string(),
    }
}

fn datatype(model: &Model, at: &AttributeRef) -> Option<Datatype> {
    model.attribute(at).map(|attribute| attribute.datatype)
}

fn word_text(app: &App, model: &Model, lang: Lang, at: &AttributeRef, word: &str) -> String {
    let Some(attribute) = model.attribute(at) else {
        return word.to_owned();
    };
    match attribute.datatype {
        Datatype::Reference => place_name(app, &Value::from(word)).unwrap_or_else(|| word.to_owned()),
        Datatype::Code => attribute
            .code_list
            .as_ref()
            .and_then(|list| model.code_list(list))
            .and_then(|list| list.items.iter().find(|item| item.code == word))
            .map_or_else(
                || word.to_owned(),
                |item| {
                    if lang == Lang::En && !item.en.is_empty() { item.en.clone() } else { item.zh.clone() }
                },
            ),
        _ => word.to_owned(),
    }
}
