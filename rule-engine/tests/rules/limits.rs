//! Rules that loop, recurse, grow or answer nonsense end as errors that point somewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{ENGINE, decide_expert, expert, input};
use rule_engine::*;
use serde_json::json;

fn dispatch(body: &str) -> String {
    format!("fn dispatch(item, subject, chain, candidates, load) {{\n{body}\n}}")
}

fn run_fault(body: &str) -> RuleError {
    let decision = decide_expert(&dispatch(body), json!({"name": "x"}));
    match decision.outcome {
        Outcome::Orphan(Orphan::Fault { error }) => error,
        other => panic!("{body}: {other:?}"),
    }
}

fn compile_fault(text: &str) -> RuleError {
    match ENGINE.compile(&expert(text), Hook::Dispatch) {
        Err(error) => error,
        Ok(_) => panic!("compiled: {text}"),
    }
}

#[test]
fn faults_at_run_time_name_line_and_column() {
    let cases = [
        ("loop {}", "too-many-operations", 2),
        ("let n = 0;\nloop { n += 1; }", "too-many-operations", 3),
        ("let a = \"xxxxxxxx\";\nloop { a += a; }", "value-too-large", 3),
        ("let a = [1];\nloop { a += a; }", "value-too-large", 3),
        ("let m = #{};\nlet i = 0;\nloop { m[\"k\" + i] = i;\n i += 1; }", "too-many-operations", 0),
        ("let a = [];\na.pad(100000000, 1);\na", "value-too-large", 3),
        ("let a = \"\";\na.pad(100000000, \"x\");\na", "value-too-large", 3),
        ("1 / 0", "arithmetic", 2),
        ("9223372036854775807 + 1", "arithmetic", 2),
        ("throw \"坏了\";", "thrown", 2),
        ("to(())", "to-nobody", 2),
        ("to(candidates.governing(\"city\"))", "to-nobody", 2),
        ("to(candidates[0], 0)", "days-out-of-range", 2),
        ("to(candidates[0], 251)", "days-out-of-range", 2),
        ("to(candidates[99])", "no-such-index", 2),
        ("to(\"w1\")", "unknown-function", 2),
        ("subject.name = 3;", "no-such-access", 2),
        ("candidates[0].salary", "no-such-access", 2),
        ("42", "not-a-holder", 1),
        ("\"w1\"", "not-a-holder", 1),
        ("candidates[0]", "not-a-holder", 1),
        ("", "not-a-holder", 1),
        ("sleep(1000)", "unknown-function", 2),
        ("timestamp()", "unknown-function", 2),
    ];
    for (body, key, line) in cases {
        let error = run_fault(body);
        assert_eq!(error.message_key, key, "{body}: {error:?}");
        assert!(error.line >= 1 && error.column >= 1, "{body}: {error:?}");
        if line > 0 {
            assert_eq!(error.line, line, "{body}: {error:?}");
        }
    }
}

#[test]
fn recursion_is_stopped() {
    let text = format!("fn again(n) {{ again(n + 1) }}\n{}", dispatch("again(0)"));
    let decision = decide_expert(&text, json!({}));
    let Outcome::Orphan(orphan) = decision.outcome else { panic!("placed") };
    assert_eq!(orphan.fault().map(|e| e.message_key.as_str()), Some("calls-too-deep"));
    assert_eq!(orphan.fault().map(|e| e.line), Some(3));
}

#[test]
fn faults_of_the_text_name_line_and_column() {
    let cases = [
        ("fn dispatch(item, subject, chain, candidates, load) {\n  let x = ;\n}", "syntax", 2),
        ("fn dispatch(item, subject, chain, candidates, load) {\n  to(x)\n}", "unknown-name", 2),
        ("fn dispatch(item, subject, chain, candidates, load) {", "missing-token", 1),
        ("fn dispatch(item) { 1 }", "wrong-signature", 1),
        ("\nprivate fn dispatch(item, subject, chain, candidates, load) { 1 }", "wrong-signature", 2),
        ("fn other() { 1 }", "no-function", 1),
        ("", "no-function", 1),
        ("let dispatch = 1;", "no-function", 1),
    ];
    for (text, key, line) in cases {
        let error = compile_fault(text);
        assert_eq!((error.message_key.as_str(), error.line), (key, line), "{text}: {error:?}");
        assert!(error.message(Lang::ZhCn).starts_with(&format!("第 {line} 行")), "{error:?}");
    }
    for (body, key) in [
        ("eval(\"1\")", "reserved-word"),
        ("import \"x\" as y;", "reserved-word"),
        ("print(1)", "reserved-word"),
        ("let to = 1;", "helper-name"),
        ("let item = 1;", "name-taken"),
        ("let f = |x| x;", "syntax"),
        ("Fn(\"dispatch\")", "reserved-word"),
    ] {
        let error = compile_fault(&dispatch(body));
        assert_eq!((error.message_key.as_str(), error.line), (key, 2), "{body}: {error:?}");
    }
}

#[test]
fn helpers_cannot_be_replaced() {
    for name in ["to", "none", "least_load", "governing", "with_tag", "serving", "percent"] {
        let error = compile_fault(&format!("{}\nfn {name}(x) {{ x }}", dispatch("none(\"\")")));
        assert_eq!((error.message_key.as_str(), error.line), ("helper-function", 4), "{name}");
    }
    assert_eq!(compile_fault("fn f(to) { 1 }\nfn dispatch(a,b,c,d,e) { 1 }").message_key, "helper-name");
}

#[test]
fn depth_and_length_of_text_are_bounded() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{", "}"), ("#{a:", "}"), ("-", ""), ("!", ""), ("if true {", "}"), ("`${", "}`")]
    {
        for times in [100, 5_000] {
            let body = format!("{}1{}", open.repeat(times), close.repeat(times));
            let error = compile_fault(&dispatch(&body));
            assert!(matches!(error.kind, ErrorKind::Limit | ErrorKind::Syntax), "{open}: {error:?}");
        }
    }
    assert_eq!(compile_fault(&" ".repeat(70_000)).message_key, "source-too-long");
    let many: Vec<String> = (0..20).map(|n| format!("fn f{n}() {{ 1 }}")).collect();
    assert_eq!(compile_fault(&many.join("\n")).message_key, "too-many-functions");
}

#[test]
fn limits_cannot_be_caught() {
    let error = run_fault("try { loop {} } catch { }\nnone(\"survived\")");
    assert_eq!(error.message_key, "too-many-operations");
}

#[test]
fn the_deadline_counts_the_injected_clock_only() {
    let ticks = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&ticks);
    let clock: Micros = Arc::new(move || counter.fetch_add(100, Ordering::Relaxed));
    let engine = Engine::new(Limits { clock: Some(clock), time_micros: 1_000, ..Limits::default() });
    let rule = engine.compile(&expert(&dispatch("loop {}")), Hook::Dispatch).expect("compiles");
    let decision = decide(&rule, &input("i", json!({})), &mut LoadBook::default());
    let Outcome::Orphan(Orphan::Fault { error }) = decision.outcome else { panic!("placed") };
    assert_eq!(error.message_key, "too-slow");
    let quick = engine.compile(&expert(&dispatch("none(\"\")")), Hook::Dispatch).expect("compiles");
    let decision = decide(&quick, &input("i", json!({})), &mut LoadBook::default());
    assert!(matches!(decision.outcome, Outcome::Orphan(Orphan::Nobody { .. })));
}

#[test]
fn too_many_candidates_are_a_fault_not_a_cut() {
    let rule = ENGINE.compile(&expert(&dispatch("to(candidates[0])")), Hook::Dispatch).expect("compiles");
    let many = (0..201).map(|n| Candidate::staff(&format!("w{n}"), "某", "o", "")).collect();
    let input = DispatchInput { candidates: Candidates::new(many), ..input("i", json!({})) };
    let decision = decide(&rule, &input, &mut LoadBook::default());
    let Outcome::Orphan(Orphan::Fault { error }) = decision.outcome else { panic!("placed") };
    assert_eq!(error.message_key, "too-many-candidates");
}

#[test]
fn helpers_cost_the_same_for_one_and_for_two_hundred() {
    let body = "let n = 0;\nwhile n < 300 { n += 1;\n least_load(candidates.with_tag(\"x\"), load); }\nnone(\"\")";
    let rule = ENGINE.compile(&expert(&dispatch(body)), Hook::Dispatch).expect("compiles");
    let many = (0..200).map(|n| Candidate::staff(&format!("w{n}"), "某", "o", "")).collect();
    let input = DispatchInput { candidates: Candidates::new(many), ..input("i", json!({})) };
    let decision = decide(&rule, &input, &mut LoadBook::default());
    assert!(matches!(decision.outcome, Outcome::Orphan(Orphan::Nobody { .. })), "{decision:?}");
    assert!(decision.trace.len() <= 32);
}
