//! Split, measure, present, example cases and the sentence's page and form.

use std::collections::BTreeMap;

use crate::common::{ENGINE, expert, input, record};
use rule_engine::*;
use serde_json::json;

fn compile(hook: Hook, rhai: &str) -> Compiled {
    ENGINE.compile(&expert(rhai), hook).expect("compiles")
}

#[expect(clippy::needless_pass_by_value, reason = "called with json!")]
fn ready(value: serde_json::Value, hook: Hook) -> Compiled {
    let rule = serde_json::from_value(json!({ "source": value })).expect("reads");
    ENGINE.compile(&rule, hook).expect("compiles")
}

#[test]
fn split_gives_a_group_or_says_why_not() {
    let rule = ready(json!({"form": "ready", "name": "group_by", "of": "subject", "field": "街区"}), Hook::Split);
    insta::assert_snapshot!("group_by", rule.text());
    let task = record("t", json!({}));
    assert_eq!(split(&rule, &task, &record("s", json!({"街区": " 东 "}))).expect("group"), "东");
    assert_eq!(split(&rule, &task, &record("s", json!({"街区": 7}))).expect("group"), "7");
    for (value, key) in [
        (json!({}), "no-group"),
        (json!({"街区": [1]}), "group-not-text"),
        (json!({"街区": "a\nb"}), "group-bad"),
        (json!({"街区": "长".repeat(65)}), "group-bad"),
    ] {
        assert_eq!(split(&rule, &task, &record("s", value)).expect_err("no group").message_key, key);
    }
}

fn declared() -> Vec<MeasureDeclaration> {
    let one = |name: &str, aggregation, scale| MeasureDeclaration { name: name.into(), aggregation, scale };
    vec![one("走访", Aggregation::Count, 0), one("需帮助", Aggregation::Count, 0), one("补贴", Aggregation::Sum, 2)]
}

#[test]
fn measures_come_in_smallest_units() {
    let rule = ready(
        json!({"form": "ready", "name": "measures", "measures": [
            {"measure": "走访", "amount": 1},
            {"measure": "需帮助", "when": [{"of": "answers", "field": "needs", "is": "filled"}], "amount": 1},
            {"measure": "补贴", "amount": {"of": "answers", "field": "fee", "scale": 2}},
        ]}),
        Hook::Measure,
    );
    insta::assert_snapshot!("measures", rule.text());
    let count = |answers| measure(&rule, &record("i", json!({})), &record("", answers), &declared());
    let amounts = |a: i64, b: i64, c: i64| {
        BTreeMap::from([("走访".to_owned(), a), ("需帮助".to_owned(), b), ("补贴".to_owned(), c)])
    };
    assert_eq!(count(json!({})).expect("measures"), amounts(1, 0, 0));
    assert_eq!(count(json!({"needs": "助餐", "fee": 12.5})).expect("measures"), amounts(1, 1, 1250));
    assert_eq!(count(json!({"needs": [], "fee": "-0.07"})).expect("measures"), amounts(1, 0, -7));
    for bad in [json!("12.345"), json!("abc"), json!(true), json!("9999999999999999999"), json!("1.-5")] {
        assert_eq!(count(json!({ "fee": bad.clone() })).expect_err("refused").message_key, "not-scalable", "{bad}");
    }
}

#[test]
fn nonsense_measures_are_refused() {
    let item = record("i", json!({}));
    for (body, key) in [
        ("#{\"别的\": 1}", "measure-undeclared"),
        ("#{\"补贴\": 0.0 / 0.0}", "measure-not-whole"),
        ("#{\"补贴\": 1.5}", "measure-not-whole"),
        ("#{\"补贴\": \"3\"}", "measure-not-whole"),
        ("#{\"补贴\": 900000000001}", "measure-too-large"),
        ("#{\"补贴\": -9223372036854775807 - 1}", "measure-too-large"),
        ("#{\"走访\": 2}", "measure-not-count"),
        ("5", "measures-not-map"),
        ("9223372036854775807 * 2", "arithmetic"),
    ] {
        let rule = compile(Hook::Measure, &format!("fn measure(item, answers) {{ {body} }}"));
        let error = measure(&rule, &item, &record("", json!({})), &declared()).expect_err(body);
        assert_eq!(error.message_key, key, "{body}");
    }
}

#[test]
fn indicators_are_numbers_or_shares() {
    let rule = ready(
        json!({"form": "ready", "name": "indicators", "indicators": [
            {"indicator": "走访数", "total": "走访"}, {"indicator": "走访率", "total": "走访", "share_of": "应走访"},
        ]}),
        Hook::Present,
    );
    insta::assert_snapshot!("indicators", rule.text());
    let show = |a: i64, b: i64| {
        present(&rule, &BTreeMap::from([("走访".to_owned(), a), ("应走访".to_owned(), b)])).expect("indicators")
    };
    assert_eq!(show(1, 3)["走访率"], Indicator::Percent { basis_points: 3333 });
    assert_eq!(show(2, 3)["走访率"], Indicator::Percent { basis_points: 6667 });
    assert_eq!(show(2, 0)["走访率"], Indicator::Empty);
    assert_eq!(show(2, 0)["走访数"], Indicator::Number { value: 2 });
    let bad = compile(Hook::Present, "fn present(totals) { #{a: \"x\"} }");
    assert_eq!(present(&bad, &BTreeMap::new()).expect_err("refused").message_key, "indicator-not-number");
}

#[test]
fn a_rule_compiled_for_one_hook_serves_no_other() {
    let rule = compile(Hook::Split, "fn split(task, subject) { \"a\" }");
    let decision = decide(&rule, &input("i", json!({})), &mut LoadBook::default());
    let Outcome::Orphan(orphan) = decision.outcome else { panic!("placed") };
    assert_eq!(orphan.fault().map(|e| e.message_key.as_str()), Some("wrong-hook"));
}

#[derive(serde::Deserialize)]
struct File {
    hook: Hook,
    rule: Rule,
    cases: Vec<Case>,
}

#[test]
fn cases_from_the_folder_pass_and_can_fail() {
    let mut seen = 0;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("file");
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let rule = ENGINE.compile(&file.rule, file.hook).unwrap_or_else(|e| panic!("{path:?}: {e:?}"));
        for result in check_cases(&rule, &file.cases).unwrap_or_else(|e| panic!("{path:?}: {}", e.message(Lang::En))) {
            assert!(result.passed && result.message(Lang::ZhCn).is_none());
            seen += 1;
        }
        let mut wrong = file.cases.clone();
        wrong[0].expect = Expect::Group { group: "never".into() };
        let error = check_cases(&rule, &wrong).expect_err("must fail");
        assert_eq!(error.message_key, "case-failed");
    }
    assert!(seen >= 6, "{seen}");
    let rule = compile(Hook::Split, "fn split(task, subject) { \"a\" }");
    assert_eq!(check_cases(&rule, &[]).expect_err("none").message_key, "no-cases");
}

fn choices() -> Choices {
    let field =
        |key: &str, label: &str, kind| FieldChoice { of: Source::Subject, key: key.into(), label: label.into(), kind };
    Choices {
        tags: vec![Choice::new("grid_worker", "网格员")],
        fields: vec![
            field("age", "年龄", FieldKind::Number),
            field("alone", "独居", FieldKind::Flag),
            field("name", "姓名", FieldKind::Text),
        ],
    }
}

fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn a_sentence_goes_to_the_page_and_comes_back() {
    let posted = form(&[
        ("level", "community"),
        ("whom", "tag:grid_worker"),
        ("days", "３"),
        ("if_field", "subject.age"),
        ("if_is", "at_least"),
        ("if_value", "80"),
        ("else_level", "township"),
        ("else_whom", "organization"),
        ("else_days", ""),
    ]);
    let sentence = Sentence::from_form(&posted, &choices()).expect("valid");
    assert_eq!(
        sentence.text(Lang::ZhCn, &choices()),
        "如果年龄大于或等于80，每收到一份，派给所在社区的网格员，3 个工作日办结；否则派给街道（乡镇）的管理单位。"
    );
    assert_eq!(
        sentence.text(Lang::En, &Choices::default()),
        "If age is at least 80, give each item to the community's grid worker, 3 working days to finish; otherwise to the township's governing organization."
    );
    let parts = sentence.render(Lang::ZhCn, &choices());
    insta::assert_snapshot!("render", serde_json::to_string_pretty(&parts).expect("json"));
    let again: BTreeMap<_, _> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Blank(blank) => Some((blank.name, blank.value)),
            Part::Text { .. } => None,
        })
        .collect();
    assert_eq!(Sentence::from_form(&again, &choices()).expect("valid"), sentence);
    let plain = Sentence { when: None, otherwise: None, ..sentence };
    assert_eq!(plain.text(Lang::ZhCn, &choices()), "每收到一份，派给所在社区的网格员，3 个工作日办结。");
}

#[test]
fn posted_faults_name_their_blank() {
    let base = [("level", "community"), ("whom", "organization")];
    for (change, field, key) in [
        (("level", "moon"), "level", "form-level"),
        (("whom", "tag:nobody"), "whom", "form-whom"),
        (("days", "0"), "days", "form-days"),
        (("days", "三"), "days", "form-days"),
        (("days", "251"), "days", "form-days"),
        (("if_field", "subject.secret"), "if_field", "form-field"),
        (("if_field", "subject.age"), "if_is", "form-comparison"),
        (("else_level", "city"), "else_whom", "form-whom"),
    ] {
        let mut posted = form(&base);
        posted.insert(change.0.to_owned(), change.1.to_owned());
        let errors = Sentence::from_form(&posted, &choices()).expect_err("refused");
        assert!(errors.iter().any(|e| e.field == field && e.message_key == key), "{change:?}: {errors:?}");
        assert!(errors.iter().all(|e| e.message(Lang::En) != e.message(Lang::ZhCn)));
    }
    assert_eq!(Sentence::from_form(&form(&[]), &choices()).expect_err("refused").len(), 2);
}
