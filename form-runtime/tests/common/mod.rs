//! What the tests share.

use form_runtime::definition::parse;
use form_runtime::validate::{Context, Validated};
use form_runtime::{CompiledForm, Date, Known, Map, Model, compile, validate};
use serde_json::Value;

pub const VISIT: &str = include_str!("../forms/visit.json");

pub const CTX: Context = Context { today: Date::constant(2026, 11, 24) };

pub fn visit() -> CompiledForm {
    form(VISIT)
}

pub fn form(text: &str) -> CompiledForm {
    let definition = parse(text).expect("the form reads");
    compile(&definition, &Model::shipped()).expect("the form has no fault")
}

pub fn map(value: Value) -> Map {
    let Value::Object(map) = value else { panic!("an object is wanted") };
    map
}

pub fn judge(form: &CompiledForm, answers: Value, known: Value) -> Validated {
    validate(form, &map(answers), &Known::from_values(&map(known)), CTX)
}
