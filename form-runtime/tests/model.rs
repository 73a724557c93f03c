//! The shipped model holds together, and a broken one is told where.

use std::collections::BTreeMap;

use form_runtime::model::{Datatype, Sensitivity};
use form_runtime::{AttributeRef, Class, Model};
use serde_json::{Value, json};

fn at(text: &str) -> AttributeRef {
    text.parse().expect("a reference")
}

#[test]
fn shipped_model_holds_together_and_has_what_the_documents_count() {
    let model = Model::shipped();
    assert_eq!(model.inconsistencies(), []);
    let of = |class| model.attributes_of(class).count();
    let counts: BTreeMap<_, _> = Class::ALL.map(|c| (c.key(), of(c))).into();
    let expected = [("event", 150), ("organization", 112), ("person", 251), ("place", 142), ("thing", 97)];
    assert_eq!(counts, expected.into());
    let same = model.relations().filter(|r| r.from == r.to).count();
    assert_eq!((same, model.relations().count() - same), (25, 51));
}

#[test]
fn attributes_carry_type_sensitivity_freshness_and_rank() {
    let model = Model::shipped();
    let id_no = model.attribute(&at("person.id_no")).expect("exists");
    assert_eq!(id_no.datatype, Datatype::IdentityNumber);
    assert_eq!(id_no.sensitivity, Sensitivity::Secret);
    assert_eq!(id_no.freshness_days, None);
    let alone = model.attribute(&at("person.live_alone")).expect("exists");
    assert_eq!((alone.datatype, alone.freshness_days), (Datatype::Boolean, Some(180)));
    let mobile = at("person.mobile");
    assert!(model.source_rank(&mobile, "resident") < model.source_rank(&mobile, "registry"));
    let name = at("person.name");
    assert!(model.source_rank(&name, "registry") < model.source_rank(&name, "resident"));
    assert!(model.source_rank(&name, "unheard of") > model.source_rank(&name, "unverified"));
}

#[test]
fn what_is_not_verified_stays_marked() {
    let model = Model::shipped();
    let family = model.code_list("family").expect("exists");
    assert!(!family.verified && family.status.contains("verify"));
    assert!(model.code_list("ethnic").expect("exists").verified);
    let absent = model.code_list("country").expect("exists");
    assert!(absent.items.is_empty() && !absent.verified);
}

fn small() -> Value {
    let class = |key: &str, attributes: Value| {
        json!({ "class": key, "zh": key, "groups": [
            { "key": "g", "zh": "组", "attributes": attributes }] })
    };
    json!({
        "version": "t",
        "source_ranks": { "default": ["worker"] },
        "classes": [
            class("person", json!([{ "key": "name", "zh": "姓名", "datatype": "text" }])),
            class("place", json!([])), class("event", json!([])),
            class("thing", json!([])), class("organization", json!([])),
        ],
        "relations": [], "code_lists": [],
    })
}

#[test]
fn every_kind_of_broken_reference_is_a_fault() {
    assert!(Model::from_value(&small()).is_ok());
    let attribute = |extra: Value| {
        let mut model = small();
        model["classes"][0]["groups"][0]["attributes"][0] = extra;
        Model::from_value(&model).expect_err("has a fault")
    };
    let unresolved = attribute(json!({ "key": "a", "zh": "甲", "datatype": "code", "code_list": "nope" }));
    assert!(unresolved[0].message.contains("nope"), "{unresolved:?}");
    assert_eq!(unresolved[0].pointer, "/classes/person/a");
    attribute(json!({ "key": "a", "zh": "甲", "datatype": "code" }));
    attribute(json!({ "key": "a", "zh": "甲", "datatype": "reference" }));
    attribute(json!({ "key": "A b", "zh": "甲", "datatype": "text" }));
    attribute(json!({ "key": "a", "zh": "甲", "datatype": "text", "rank": "nope" }));
    let typo = attribute(json!({ "key": "a", "zh": "甲", "datatype": "text", "freshness": 3 }));
    assert_eq!(typo[0].pointer, "/classes/0");
    let mut double = small();
    let one = double["classes"][0]["groups"][0]["attributes"][0].clone();
    double["classes"][0]["groups"][0]["attributes"].as_array_mut().unwrap().push(one);
    assert!(Model::from_value(&double).is_err());
    let mut missing = small();
    missing["classes"].as_array_mut().unwrap().pop();
    assert!(Model::from_value(&missing).is_err());
    assert!(Model::from_json(&"[".repeat(1000)).is_err());
}
