//! The only module that knows the JSON Schema library (it changes often).
//!
//! Formats are asserted, patterns run on the linear `regex` engine within a
//! size limit, nothing is ever fetched.

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::Fault;
use crate::definition::{MAX_DEPTH, value_too_deep};
use crate::fault::token;

/// Largest compiled pattern, in bytes.
const PATTERN_SIZE: usize = 256 * 1024;

/// A compiled JSON Schema 2020-12.
pub struct SchemaValidator(Validator);

impl fmt::Debug for SchemaValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchemaValidator")
    }
}

/// One disagreement between a value and a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer into the value.
    pub pointer: String,
    /// Keyword that failed.
    pub keyword: String,
    /// The missing property, for `required`.
    pub property: Option<String>,
}

impl SchemaError {
    /// The top-level property it is about.
    pub fn field(&self) -> Option<&str> {
        self.property.as_deref().or_else(|| self.pointer.strip_prefix('/')?.split('/').next()).filter(|f| !f.is_empty())
    }
}

impl SchemaValidator {
    /// Compiles a schema that anybody may have written.
    ///
    /// # Errors
    /// Too deep, a `$ref` that leaves the document, a pattern that the linear
    /// engine refuses, or no JSON Schema.
    pub fn compile(schema: &Value) -> Result<Self, Vec<Fault>> {
        if value_too_deep(schema, MAX_DEPTH) {
            return Err(vec![Fault::new(
                "",
                format!("嵌套超过 {MAX_DEPTH} 层，请简化"),
                format!("nested over {MAX_DEPTH} levels; simplify"),
            )]);
        }
        let mut faults = Vec::new();
        walk(schema, "", &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE))
            .build(schema)
            .map(Self)
            .map_err(|error| {
                vec![Fault::new(
                    error.schema_path().to_string(),
                    format!("不是正确的 JSON Schema：{error}"),
                    format!("not a JSON Schema: {error}"),
                )]
            })
    }

    /// Every disagreement; empty when the value fits.
    pub fn errors(&self, value: &Value) -> Vec<SchemaError> {
        let read = |error: jsonschema::ValidationError<'_>| SchemaError {
            pointer: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            property: match error.kind() {
                ValidationErrorKind::Required { property } => property.as_str().map(str::to_owned),
                _ => None,
            },
        };
        self.0.iter_errors(value).map(read).collect()
    }
}

/// What the linear engine says about a pattern, Chinese and English.
pub fn pattern_fault(pattern: &str) -> Option<(String, String)> {
    let built = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE)
        .build();
    match built {
        Ok(_) if pattern.len() <= 500 => None,
        Ok(_) | Err(regex::Error::CompiledTooBig(_)) => {
            Some(("这个正则表达式太大，请简化".into(), "this pattern is too large; simplify".into()))
        }
        Err(_) => Some((
            "这个正则表达式不能用（不支持前后查找和反向引用，括号要配对）".into(),
            "this pattern cannot be used (no look-around, no back-references, balanced brackets)".into(),
        )),
    }
}

fn walk(value: &Value, at: &str, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let pointer = format!("{at}/{}", token(key));
                let text = inner.as_str();
                match (key.as_str(), text) {
                    ("$ref" | "$dynamicRef", Some(to)) if !to.starts_with('#') => {
                        faults.push(Fault::new(
                            &pointer,
                            format!("不能引用别处的内容：{to}"),
                            format!("may not refer to anything elsewhere: {to}"),
                        ));
                    }
                    ("pattern", Some(pattern)) => {
                        if let Some((zh, en)) = pattern_fault(pattern) {
                            faults.push(Fault::new(&pointer, zh, en));
                        }
                    }
                    ("patternProperties", _) => {
                        for pattern in inner.as_object().into_iter().flat_map(|m| m.keys()) {
                            if let Some((zh, en)) = pattern_fault(pattern) {
                                faults.push(Fault::new(&pointer, zh, en));
                            }
                        }
                    }
                    _ => {}
                }
                walk(inner, &pointer, faults);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                walk(inner, &format!("{at}/{index}"), faults);
            }
        }
        _ => {}
    }
}
