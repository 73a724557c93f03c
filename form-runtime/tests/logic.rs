//! Every operator on every kind of argument, and expressions from nowhere.

use std::collections::{BTreeMap, BTreeSet};

use form_runtime::controls::Kind;
use form_runtime::logic::{EvalError, Expr, OPERATORS, Scope, Types, Val};
use proptest::prelude::*;
use serde_json::{Value, json};

fn suite() -> Value {
    serde_json::from_str(include_str!("cases/logic.json")).expect("JSON")
}

fn world(suite: &Value) -> (Types, Scope) {
    let mut types = Types::new();
    let mut values = BTreeMap::new();
    for (key, var) in suite["vars"].as_object().expect("vars") {
        let kind: Kind = serde_json::from_value(var["kind"].clone()).expect("a kind");
        types.insert(key.clone(), kind);
        values.insert(key.clone(), Val::read(&var["value"], kind));
    }
    let today = suite["today"].as_str().expect("today").parse().expect("a date");
    (types, Scope { values, today })
}

#[test]
fn conformance_suite() {
    let suite = suite();
    let (types, scope) = world(&suite);
    let cases = suite["cases"].as_array().expect("cases");
    assert!(cases.len() > 140);
    for case in cases {
        let expr = &case["expr"];
        let parsed = Expr::parse(expr, &types, "/x");
        if case.get("fault").is_some() {
            assert!(parsed.is_err(), "{expr} should be refused");
            continue;
        }
        let (parsed, _) = parsed.unwrap_or_else(|f| panic!("{expr}: {f}"));
        let found = parsed.eval(&scope);
        match case.get("error").and_then(Value::as_str) {
            Some("overflow") => assert_eq!(found, Err(EvalError::Overflow), "{expr}"),
            Some(_) => assert_eq!(found, Err(EvalError::DivisionByZero), "{expr}"),
            None => assert_eq!(found.expect("has a value").to_json(), case["result"], "{expr}"),
        }
    }
}

#[test]
fn suite_covers_every_operator() {
    let suite = suite();
    let mut seen = BTreeSet::new();
    for case in suite["cases"].as_array().expect("cases") {
        let good = case.get("fault").is_none();
        seen.extend(case["expr"].as_object().and_then(|m| m.keys().next()).map(|k| (k.clone(), good)));
    }
    for op in OPERATORS {
        for good in [true, false] {
            let covered = seen.contains(&(op.name.to_owned(), good));
            // Emptiness takes anything, so nothing but a count is refused there.
            assert!(covered || (op.name == "empty" && !good), "{} {good}", op.name);
        }
    }
    assert!((30..=40).contains(&OPERATORS.len()));
}

#[test]
fn depth_1000_is_a_fault() {
    // Built by hand: the macro would copy what is inside at every level.
    let mut deep = json!(true);
    for _ in 0..500 {
        let call = [("!".to_owned(), Value::Array(vec![deep]))];
        deep = Value::Object(call.into_iter().collect());
    }
    let fault = Expr::parse(&deep, &Types::new(), "/x").expect_err("too deep");
    assert!(fault.message.contains("太深"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(OPERATORS.iter().map(|o| o.name).collect::<Vec<_>>());
    let var = prop::sample::select(vec!["t", "n", "d", "n0", "yes", "b0", "day", "l", "nope"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        var.prop_map(|v| json!({ "var": v })),
    ];
    leaf.prop_recursive(5, 60, 4, move |inner| {
        prop_oneof![
            3 => (name.clone(), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, args)| json!({ name: args })),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn typed_expressions_never_panic_and_never_meet_a_wrong_type(expr in any_json()) {
        let (types, scope) = world(&suite());
        if let Ok((expr, _)) = Expr::parse(&expr, &types, "") {
            prop_assert_ne!(expr.eval(&scope), Err(EvalError::Type));
        }
    }
}
