//! The JSON Schema of a form's canonical answers. Any validator accepts it;
//! what only we know stands in `x-` members.

use serde_json::{Map, Value, json};

use super::CompiledField;
use crate::Lang;
use crate::definition::FormDefinition;

pub(super) fn schema(definition: &FormDefinition, fields: &[CompiledField]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        properties.insert(field.key().to_owned(), property(field));
    }
    let required: Vec<&str> = fields.iter().filter(|f| f.always_required()).map(CompiledField::key).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": definition.title.get(Lang::ZhCn),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(field: &CompiledField) -> Value {
    let mut schema = field.control.schema(&field.options);
    schema["title"] = json!(field.label().get(Lang::ZhCn));
    schema["x-control"] = json!(field.control.key());
    let written = &field.definition;
    if let Some(bind) = &written.bind {
        schema["x-bind"] = json!(bind);
    }
    if field.secret {
        schema["x-secret"] = json!(true);
    }
    let logic = [
        ("x-visible", &written.visible),
        ("x-required", &written.required),
        ("x-readonly", &written.readonly),
        ("x-computed", &written.computed),
    ];
    for (name, expr) in logic {
        if let Some(expr) = expr.as_ref().filter(|e| e.is_object()) {
            // As text: a schema reader must not mistake logic for schema.
            schema[name] = json!(expr.to_string());
        }
    }
    schema
}
