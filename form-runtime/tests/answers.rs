//! From a posted answer to what it says, through the visit form.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{CTX, form, judge, map, visit};
use form_runtime::message::{FieldMessage, MessageKey, Severity};
use form_runtime::{Confirm, Fact, FactState, FormView, Known, Lang, Text, extract, form_view, validate};
use serde_json::{Value, json};

fn good() -> Value {
    json!({
        "name": "王 秀兰", "id_no": "11010519491231002x", "phone": "138 0013 8000",
        "living_alone": "是", "contact": "王强", "visited_on": "2026年11月23日",
        "needs": ["company", "meals"], "remarks": "",
    })
}

fn texts(messages: &[FieldMessage], lang: Lang) -> Vec<String> {
    messages.iter().map(|m| m.text(lang)).collect()
}

#[test]
fn a_good_answer_becomes_canonical() {
    let judged = judge(&visit(), good(), json!({}));
    assert_eq!((judged.errors, judged.warnings), (vec![], vec![]));
    assert_eq!(
        Value::Object(judged.normalized),
        json!({
            "name": "王秀兰", "id_no": "11010519491231002X", "phone": "13800138000",
            "living_alone": true, "contact": "王强", "visited_on": "2026-11-23",
            "needs": ["meals", "company"],
        })
    );
}

#[test]
fn what_is_wrong_is_said_plainly_in_both_languages() {
    let answers = json!({
        "name": "", "id_no": "11010519491231002", "living_alone": "也许",
        "visited_on": "2026-12-01", "needs": ["hug"], "colour": "red",
    });
    let judged = judge(&visit(), answers, json!({}));
    assert_eq!(
        texts(&judged.errors, Lang::ZhCn),
        [
            "请填写姓名",
            "身份证号应为 18 位，现在是 17 位，请核对",
            "是否独居请选“是”或“否”；现在是“也许”",
            "走访日期不能晚于 2026-11-24",
            "需要的帮助里没有“hug”这一项，请从选项中选择",
            "表单里没有“colour”这一项，请刷新页面",
        ]
    );
    assert_eq!(texts(&judged.errors, Lang::En)[0], "Enter Name");
    let old = judge(&visit(), json!({ "visited_on": "2026-01-01" }), json!({}));
    assert_eq!(texts(&old.warnings, Lang::ZhCn), ["走访日期在 90 天以前，请核对"]);
}

#[test]
fn every_message_fills_its_blanks_in_both_languages() {
    for key in MessageKey::ALL {
        for lang in [Lang::ZhCn, Lang::En] {
            let args = [("now", "甲".to_owned()), ("limit", "9".to_owned())];
            let message = FieldMessage {
                field: "f".into(),
                key: *key,
                args: args.into(),
                severity: Severity::Error,
                label: Text::zh("{now}"),
                custom: None,
            };
            let text = message.text(lang);
            assert!(!text.is_empty() && text.matches('{').count() == text.matches('}').count(), "{text}");
            // A label that looks like a blank stays as it is.
            let rest = text.replace("{now}", "");
            assert!(!rest.contains(['{', '}']), "{text}");
        }
    }
}

#[test]
fn required_counts_only_while_visible_and_hidden_answers_are_dropped() {
    let mut answers = good();
    answers["living_alone"] = json!("false");
    let judged = judge(&visit(), answers.clone(), json!({}));
    assert!(judged.is_ok());
    assert!(!judged.normalized.contains_key("contact"));
    answers["living_alone"] = json!("true");
    answers["contact"] = json!(" ");
    let judged = judge(&visit(), answers, json!({}));
    assert_eq!(texts(&judged.errors, Lang::ZhCn), ["请填写紧急联系人"]);
}

#[test]
fn posted_and_known_are_judged_together() {
    let known = json!({
        "name": "王秀兰", "id_no": "11010519491231002X", "living_alone": true, "contact": "王强",
    });
    let only_date = judge(&visit(), json!({ "visited_on": "20261123" }), known.clone());
    assert!(only_date.is_ok(), "{:?}", only_date.errors);
    assert_eq!(only_date.normalized["name"], json!("王秀兰"));
    let emptied = judge(&visit(), json!({ "name": "", "visited_on": "20261123" }), known);
    assert_eq!(texts(&emptied.errors, Lang::ZhCn), ["请填写姓名"]);
    assert!(emptied.cleared.contains("name"));
}

fn masked() -> Known {
    let fact = |value: Value| Fact::of(value);
    Known(BTreeMap::from([
        ("name".into(), fact(json!("王秀兰"))),
        ("id_no".into(), Fact { mask: Some("110105****002X".into()), ..Fact::default() }),
        (
            "phone".into(),
            Fact {
                mask: Some("138****8000".into()),
                state: FactState::Stale,
                since: Some("2024-10-28".parse().expect("a date")),
                source: Some("人口台账".into()),
                ..Fact::default()
            },
        ),
        ("living_alone".into(), Fact { since: Some("2026-10-28".parse().expect("a date")), ..fact(json!(true)) }),
        ("contact".into(), Fact { state: FactState::Disputed, ..fact(json!("王强")) }),
    ]))
}

#[test]
fn a_mask_never_travels_back() {
    let form = visit();
    for posted in [json!("110105****002X"), json!(""), Value::Null] {
        let answers = json!({ "id_no": posted, "visited_on": "2026-11-23" });
        let judged = validate(&form, &map(answers), &masked(), CTX);
        assert!(judged.is_ok(), "{:?}", judged.errors);
        assert!(!judged.normalized.contains_key("id_no"));
        let said = extract(&form, &judged, &masked(), &Confirm::Nothing);
        assert!(!said.subject.said.contains_key("id_no"));
        assert_eq!(said.subject.shown["id_no"], Value::Null);
        assert!(said.subject.secret.contains("id_no"));
    }
    let changed = map(json!({ "id_no": "440113201410050", "visited_on": "2026-11-23" }));
    assert!(!validate(&form, &changed, &masked(), CTX).is_ok());
}

#[test]
fn said_confirmed_and_shown_are_kept_apart() {
    let form = visit();
    let answers = map(json!({
        "name": "王秀兰", "contact": "王强", "living_alone": "否",
        "visited_on": "2026-11-23", "needs": ["meals"],
    }));
    let judged = validate(&form, &answers, &masked(), CTX);
    let confirm = Confirm::Fields(BTreeSet::from(["name".into()]));
    let found = extract(&form, &judged, &masked(), &confirm);
    // No longer alone: the contact is hidden, so nothing is said about it.
    assert_eq!(Value::Object(found.subject.said), json!({ "live_alone": false }));
    assert_eq!(Value::Object(found.subject.confirmed), json!({ "name": "王秀兰" }));
    assert_eq!(Value::Object(found.subject.shown), json!({ "id_no": null, "mobile": null }));
    assert_eq!(Value::Object(found.event.said), json!({ "visit_time": "2026-11-23" }));
    assert_eq!(Value::Object(found.unbound), json!({ "needs": ["meals"] }));
    // Asked because disputed, answered the same: that is a confirmation.
    let same = map(json!({ "contact": "王强", "visited_on": "2026-11-23" }));
    let judged = validate(&form, &same, &masked(), CTX);
    let found = extract(&form, &judged, &masked(), &Confirm::Nothing);
    assert_eq!(Value::Object(found.subject.confirmed), json!({ "emergency_name": "王强" }));
}

#[test]
fn no_change_confirms_all_that_was_shown() {
    let form = visit();
    let judged = validate(&form, &form.defaults(CTX.today), &masked(), CTX);
    assert!(judged.is_ok());
    let found = extract(&form, &judged, &masked(), &Confirm::AllShown);
    assert_eq!(Value::Object(found.event.said), json!({ "visit_time": "2026-11-24" }));
    assert!(found.subject.said.is_empty() && found.subject.shown.is_empty());
    let confirmed: BTreeSet<_> = found.subject.confirmed.keys().map(String::as_str).collect();
    let all = ["name", "id_no", "mobile", "live_alone", "emergency_name"];
    assert_eq!(confirmed, all.into());
}

fn view(known: &Known, answers: Value, lang: Lang) -> FormView {
    let form = visit();
    let answers = map(answers);
    let messages = if answers.is_empty() { vec![] } else { validate(&form, &answers, known, CTX).errors };
    form_view(&form, known, &answers, &messages, lang, CTX.today)
}

#[test]
fn view_of_an_empty_form() {
    insta::assert_json_snapshot!("view_empty_zh", view(&Known::default(), json!({}), Lang::ZhCn));
}

#[test]
fn view_with_known_values_and_errors() {
    let answers = json!({ "contact": "王3", "phone": "1380013800", "living_alone": "true" });
    insta::assert_json_snapshot!("view_known_zh", view(&masked(), answers.clone(), Lang::ZhCn));
    insta::assert_json_snapshot!("view_known_en", view(&masked(), answers, Lang::En));
}

#[test]
fn a_view_asks_only_for_what_is_unknown_stale_or_disputed() {
    let page = view(&masked(), json!({}), Lang::ZhCn);
    let asked: Vec<_> = page.fields().filter(|f| f.asked).map(|f| f.name.as_str()).collect();
    assert_eq!(asked, ["phone", "contact", "visited_on", "needs", "remarks"]);
    let whole = serde_json::to_string(&page).expect("serializes");
    assert!(!whole.contains("13800138000") && !whole.contains("11010519491231002X"));
    let when = page.fields().find(|f| f.name == "contact").and_then(|f| f.when.clone());
    assert_eq!(when.as_deref(), Some(r#"[{"field":"living_alone","equals":["true"]}]"#));
    let date = page.fields().find(|f| f.name == "visited_on").expect("there");
    assert_eq!(date.value, "2026-11-24", "a visit is today unless said otherwise");
    assert!(page.can_confirm_all, "all else that is required is known");
    assert!(!view(&Known::default(), json!({}), Lang::ZhCn).can_confirm_all);
}

#[test]
fn a_known_secret_in_clear_is_shown_masked() {
    let known = Known::from_values(&map(json!({ "id_no": "11010519491231002X" })));
    let page = view(&known, json!({}), Lang::ZhCn);
    let field = page.fields().find(|f| f.name == "id_no").expect("there");
    assert_eq!(field.known.as_ref().map(|k| k.text.as_str()), Some("110105****002X"));
    assert_eq!(field.value, "");
}

const LOGIC: &str = r#"{
  "id": "t", "title": "测", "fields": [
    { "key": "total", "control": "money", "label": "合计", "computed": { "+": [{ "var": "a" }, { "var": "b" }] } },
    { "key": "a", "control": "money", "label": "甲" },
    { "key": "b", "control": "money", "label": "乙", "readonly": { "==": [{ "var": "a" }, 100] } },
    { "key": "kind", "control": "choice", "label": "类别", "choices": [
      { "value": "x", "label": "一" },
      { "value": "y", "label": "二", "when": { ">": [{ "var": "a" }, 100] } } ] },
    { "key": "free", "control": "text", "label": "编号", "pattern": "[A-Z]{2}\\d+" }
  ] }"#;

#[test]
fn computed_readonly_choices_and_patterns_are_the_servers() {
    let form = form(LOGIC);
    let answers = json!({ "a": "1.00", "b": "2", "total": "999", "kind": "y", "free": "ab1" });
    let judged = judge(&form, answers, json!({ "b": 300 }));
    assert_eq!(judged.normalized["total"], json!(300), "1.00 + 2 yuan, whatever was posted");
    let keys: Vec<_> = judged.errors.iter().map(|m| (m.field.as_str(), m.key.as_str())).collect();
    assert_eq!(keys, [("b", "read_only"), ("kind", "choice_closed"), ("free", "pattern")]);
    let page = form_view(&form, &Known::default(), &map(json!({ "a": "2" })), &[], Lang::ZhCn, CTX.today);
    let kind = page.fields().find(|f| f.name == "kind").expect("there");
    assert!(kind.options.iter().all(|o| o.offered));
}

#[test]
fn three_hundred_fields_with_logic_are_judged_and_laid_out_at_once() {
    let field = |i: usize| {
        let visible = json!({ "!=": [{ "var": format!("f{}", i.saturating_sub(1)) }, "no"] });
        let mut field = json!({ "key": format!("f{i}"), "control": "text", "label": format!("第{i}项") });
        if i > 0 && i.is_multiple_of(3) {
            field["visible"] = visible;
        }
        field
    };
    let fields: Vec<Value> = (0..300).map(field).collect();
    let form = form(&json!({ "id": "big", "title": "大表", "fields": fields }).to_string());
    let answers: Value = (0..300).map(|i| (format!("f{i}"), json!("yes"))).collect();
    let start = std::time::Instant::now();
    let judged = judge(&form, answers.clone(), json!({}));
    let page = form_view(&form, &Known::default(), &map(answers), &[], Lang::ZhCn, CTX.today);
    assert_eq!((judged.normalized.len(), page.fields().count()), (300, 300));
    assert!(start.elapsed().as_secs() < 2, "{:?} unoptimized", start.elapsed());
}
