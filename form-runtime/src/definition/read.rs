//! Reading a definition from text that anybody may have written: size and
//! depth are bounded before it is parsed, and each field is read on its own so
//! that a fault names it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{FieldDefinition, FormDefinition, Section};
use crate::Fault;
use crate::fault::token;

/// Deepest nesting of a document.
pub const MAX_DEPTH: usize = 32;
/// Largest document, in bytes.
const MAX_BYTES: usize = 1_048_576;

/// Reads a form definition.
///
/// # Errors
/// Every part that cannot be read, with its pointer; for broken JSON the line
/// and column.
pub fn parse(text: &str) -> Result<FormDefinition, Vec<Fault>> {
    parse_value(&parse_bounded(text).map_err(|fault| vec![fault])?)
}

/// Reads JSON within the bounds of size and depth.
///
/// # Errors
/// Too large, too deep, or not JSON, with line and column.
pub fn parse_bounded(text: &str) -> Result<Value, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new("", "文件超过 1 MB，请拆分", "the file is over 1 MB; split it"));
    }
    if let Some((line, column)) = too_deep(text) {
        return Err(Fault::new(
            "",
            format!("第 {line} 行第 {column} 列：嵌套超过 {MAX_DEPTH} 层，请简化"),
            format!("line {line}, column {column}: nested over {MAX_DEPTH} levels; simplify"),
        ));
    }
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Fault::new(
            "",
            format!("第 {line} 行第 {column} 列不是正确的 JSON：{error}"),
            format!("line {line}, column {column}: not JSON: {error}"),
        )
    })
}

/// Line and column where nesting goes beyond the bound.
fn too_deep(text: &str) -> Option<(usize, usize)> {
    let (mut depth, mut line, mut column) = (0_usize, 1, 0);
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        column += 1;
        match c {
            '\n' => (line, column) = (line + 1, 0),
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some((line, column));
                }
            }
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Deeper than the bound? Walks no further than the bound itself.
pub(crate) fn value_too_deep(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|v| value_too_deep(v, left - 1)),
        Value::Object(map) => left == 0 || map.values().any(|v| value_too_deep(v, left - 1)),
        _ => false,
    }
}

/// Reads a form definition that is already JSON.
///
/// # Errors
/// As [`parse`].
pub fn parse_value(value: &Value) -> Result<FormDefinition, Vec<Fault>> {
    if value_too_deep(value, MAX_DEPTH) {
        return Err(vec![Fault::new(
            "",
            format!("嵌套超过 {MAX_DEPTH} 层，请简化"),
            format!("nested over {MAX_DEPTH} levels; simplify"),
        )]);
    }
    let Value::Object(whole) = value else {
        return Err(vec![Fault::new("", "表单应是一个 JSON 对象", "a form is a JSON object")]);
    };
    let mut faults = Vec::new();
    find_refs(value, "", &mut faults);
    let head: Map<String, Value> = whole
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "fields" | "sections"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let head = FormDefinition::deserialize(Value::Object(head));
    let fields: Vec<FieldDefinition> = each(whole, "fields", &mut faults);
    let sections: Vec<Section> = each(whole, "sections", &mut faults);
    match head {
        Ok(head) if faults.is_empty() => Ok(FormDefinition { sections, fields, ..head }),
        Ok(_) => Err(faults),
        Err(error) => {
            faults.push(unreadable(String::new(), &error));
            Err(faults)
        }
    }
}

fn each<T: for<'de> Deserialize<'de>>(whole: &Map<String, Value>, key: &str, faults: &mut Vec<Fault>) -> Vec<T> {
    let entries = match whole.get(key) {
        None => return Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            faults.push(Fault::new(format!("/{key}"), "应是一个列表", "must be a list"));
            return Vec::new();
        }
    };
    let mut found = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        match T::deserialize(entry) {
            Ok(read) => found.push(read),
            Err(error) => faults.push(unreadable(format!("/{key}/{index}"), &error)),
        }
    }
    found
}

fn unreadable(pointer: String, error: &serde_json::Error) -> Fault {
    Fault::new(pointer, format!("读不懂：{error}"), format!("cannot be read: {error}"))
}

/// A form never points anywhere else: everything it needs is in it.
fn find_refs(value: &Value, at: &str, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let pointer = format!("{at}/{}", token(key));
                if matches!(key.as_str(), "$ref" | "$dynamicRef" | "$schema" | "$id") {
                    faults.push(Fault::new(
                        &pointer,
                        format!("表单里不能用 {key}，不会去别处取内容；请把内容写在表单里"),
                        format!("a form may not use {key}, nothing is fetched; write the content here"),
                    ));
                }
                find_refs(inner, &pointer, faults);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                find_refs(inner, &format!("{at}/{index}"), faults);
            }
        }
        _ => {}
    }
}
