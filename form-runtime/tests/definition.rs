//! Definitions from people: good ones compile, bad ones are told where.

mod common;

use form_runtime::definition::{FormDefinition, MAX_FIELDS, parse, parse_value};
use form_runtime::schema::SchemaValidator;
use form_runtime::{Fault, Model, check};
use proptest::prelude::*;
use serde_json::{Value, json};

fn visit_value() -> Value {
    serde_json::from_str(common::VISIT).expect("JSON")
}

/// The faults after one change, whether found on reading or on checking.
fn faults(change: impl FnOnce(&mut Value)) -> Vec<Fault> {
    let mut value = visit_value();
    change(&mut value);
    match parse_value(&value) {
        Ok(definition) => check(&definition, &Model::shipped()),
        Err(faults) => faults,
    }
}

fn only(pointer: &str, change: impl FnOnce(&mut Value)) -> Fault {
    let found = faults(change);
    let at = found.iter().find(|f| f.pointer == pointer);
    at.unwrap_or_else(|| panic!("no fault at {pointer}: {found:?}")).clone()
}

#[test]
fn the_visit_form_has_no_fault_and_survives_writing() {
    assert_eq!(faults(|_| ()), []);
    let definition = parse(common::VISIT).expect("reads");
    assert_eq!(parse(&definition.to_json()).expect("reads again"), definition);
}

#[test]
fn compiled_schema() {
    insta::assert_json_snapshot!(common::visit().schema());
}

#[test]
fn each_mistake_is_pointed_at() {
    only("/fields/1/key", |f| f["fields"][1]["key"] = json!("name"));
    only("/fields/1/key", |f| f["fields"][1]["key"] = json!("身份证"));
    only("/fields/0/bind", |f| {
        f["fields"][0]["bind"] = json!("subject.person.nope");
    });
    only("/fields/0/bind", |f| {
        f["fields"][0]["bind"] = json!("subject.place.place_name");
    });
    only("/fields/0/bind", |f| {
        f["fields"][0]["bind"] = json!("subject.person.birth_date");
    });
    only("/fields/0/bind", |f| {
        f["fields"][0]["bind"] = json!("event.person.name");
    });
    only("/fields/0/bind", |f| {
        f["fields"][0]["bind"] = json!("linked.nope.person.name");
    });
    only("/fields/7/bind", |f| {
        f["fields"][7]["bind"] = json!("event.event.visit_time");
    });
    only("/fields/0", |f| f["fields"][0]["bind"] = json!("name"));
    only("/fields/0/control", |f| {
        f["fields"][0]["control"] = json!("nope");
    });
    only("/fields/0", |f| f["fields"][0]["colour"] = json!("red"));
    only("/fields/0/label", |f| f["fields"][0]["label"] = json!(""));
    only("/fields/4/visible/nope", |f| {
        f["fields"][4]["visible"] = json!({ "nope": [1] });
    });
    only("/fields/4/visible", |f| {
        f["fields"][4]["visible"] = json!(3);
    });
    only("/fields/4/visible/==/0/var", |f| {
        f["fields"][4]["visible"] = json!({ "==": [{ "var": "gone" }, true] });
    });
    only("/fields/4", |f| {
        f["fields"][4]["visible"] = json!({ "filled": [{ "var": "contact" }] });
    });
    only("/fields/6", |f| f["fields"][6]["choices"] = json!([]));
    only("/fields/6", |f| {
        let one = f["fields"][6]["choices"][0].clone();
        f["fields"][6]["choices"].as_array_mut().unwrap().push(one);
    });
    only("/fields/5", |f| f["fields"][5]["max"] = json!("tomorrow"));
    only("/fields/5/checks/0/message", |f| {
        f["fields"][5]["checks"][0].as_object_mut().unwrap().remove("message");
    });
    only("/sections/0/fields/0", |f| {
        f["sections"][0]["fields"][0] = json!("gone");
    });
    only("/sections", |f| {
        drop(f["sections"][0]["fields"].as_array_mut().unwrap().pop());
    });
    only("/fields/5/default", |f| {
        f["fields"][5]["default"] = json!("today");
    });
    only("/fields/0/default/var", |f| {
        f["fields"][0]["default"] = json!({ "var": "contact" });
    });
    only("/fields", |f| f["fields"] = json!([]));
    only("/fields", |f| {
        let field = |i| json!({ "key": format!("f{i}"), "control": "text", "label": "x" });
        f["fields"] = (0..=MAX_FIELDS).map(field).collect();
    });
}

#[test]
fn hostile_definitions_are_faults_and_nothing_else() {
    let fault = only("/fields/0/$ref", |f| {
        f["fields"][0]["$ref"] = json!("http://example.com/x");
    });
    assert!(fault.message.contains("$ref"));
    for evil in ["(a+)+\\1", "(?=a)b", "(((a{999}){999}){999}", "((a{900}){900})", "("] {
        only("/fields/7/pattern", |f| {
            f["fields"][7]["pattern"] = json!(evil);
        });
    }
    // Catastrophic for a backtracking engine, linear for ours: allowed.
    assert_eq!(faults(|f| f["fields"][7]["pattern"] = json!("(a+)+b")), []);
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let found = parse(&deep).expect_err("too deep");
    assert!(found[0].message.contains("第 1 行第 38 列"), "{found:?}");
    assert!(parse(&"[".repeat(100_000)).is_err());
    let broken = parse("{\n  \"id\": \n}").expect_err("not JSON");
    assert!(broken[0].message.contains("第 3 行"), "{broken:?}");
    assert!(parse(&format!("\"{}\"", "x".repeat(2_000_000))).is_err());
    assert!(parse("[]").is_err());
    let mut deep = Value::Bool(true);
    for _ in 0..500 {
        deep = Value::Object([("!".to_owned(), Value::Array(vec![deep]))].into_iter().collect());
    }
    let mut definition: FormDefinition = parse(common::VISIT).expect("reads");
    definition.fields[4].visible = Some(deep);
    let found = check(&definition, &Model::shipped());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pointer, "/fields/4");
}

#[test]
fn hostile_schemas_are_refused() {
    let pointer = |schema: Value| SchemaValidator::compile(&schema).unwrap_err()[0].pointer.clone();
    assert_eq!(pointer(json!({ "properties": { "a": { "$ref": "https://example.com/s" } } })), "/properties/a/$ref");
    assert_eq!(pointer(json!({ "pattern": "(?=x)" })), "/pattern");
    assert!(SchemaValidator::compile(&json!({ "type": "nope" })).is_err());
    let formats = SchemaValidator::compile(&json!({ "format": "date" })).expect("compiles");
    assert_eq!(formats.errors(&json!("2024-02-30")).len(), 1, "formats are asserted");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reading_anything_never_panics(text in ".*") {
        drop(parse(&text));
    }

    #[test]
    fn a_form_with_one_member_replaced_never_panics(
        field in 0_usize..8,
        member in prop::sample::select(vec![
            "key", "control", "label", "hint", "bind", "required", "visible", "readonly",
            "computed", "choices", "min", "max", "pattern", "checks", "unit", "code_list",
        ]),
        value in any_json(),
    ) {
        drop(faults(|f| f["fields"][field][member] = value));
    }

    #[test]
    fn any_answer_gives_a_verdict_and_accepted_ones_fit_the_schema(
        key in prop::sample::select(vec![
            "name", "id_no", "phone", "living_alone", "contact", "visited_on", "needs", "remarks", "?",
        ]),
        value in any_json(),
    ) {
        let form = common::visit();
        let judged = common::judge(&form, json!({ key: value }), json!({}));
        for message in judged.errors.iter().chain(&judged.warnings) {
            prop_assert!(!message.text(form_runtime::Lang::ZhCn).is_empty());
        }
        let schema = SchemaValidator::compile(form.schema()).expect("compiles");
        let wrong = schema.errors(&Value::Object(judged.normalized));
        prop_assert!(wrong.iter().all(|e| e.keyword == "required"), "{wrong:?}");
    }
}
