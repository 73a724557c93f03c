//! Header cells and rows as offices write them; drafts of the plain builder.

mod common;

use common::{form, judge, map, visit};
use form_runtime::builder::{self, FieldDraft};
use form_runtime::columns::{columns_of, letters, match_columns};
use form_runtime::{Lang, Model, Text, check};
use serde_json::{Value, json};

fn header(labels: &[&str]) -> Vec<Vec<String>> {
    labels.iter().map(|l| vec![(*l).to_owned()]).collect()
}

#[test]
fn noisy_headers_find_their_fields() {
    let found = match_columns(
        &visit(),
        &header(&["编号", "姓  名*", "3、身份证\n号码", "是否独居（是/否）", "", "走访日期:", "Phone", "联系人"]),
        &["编号"],
    );
    assert_eq!(found.system["编号"], 0);
    let fields: Vec<_> = found.fields.iter().map(|(k, c)| (k.as_str(), *c)).collect();
    assert_eq!(fields, [("id_no", 2), ("living_alone", 3), ("name", 1), ("phone", 6), ("visited_on", 5)]);
    assert!(found.is_usable());
    let faults: Vec<_> = found.faults.iter().map(|f| f.text(Lang::ZhCn)).collect();
    assert_eq!(faults, ["第 H 列“联系人”不在表单里，请改成表单里的名称或删掉"]);
}

#[test]
fn missing_and_double_columns_are_faults() {
    let found = match_columns(&visit(), &header(&["姓名", "老人姓名", "独居", "走访日期"]), &[]);
    let faults: Vec<_> = found.faults.iter().map(|f| f.text(Lang::ZhCn)).collect();
    assert_eq!(faults, ["第 A、B 列都是“姓名”，请只留一列", "缺少“身份证号”这一列，请补上"]);
    assert!(!found.is_usable());
}

#[test]
fn a_label_under_two_parents_is_known_by_its_path() {
    let form = form(
        r#"{ "id": "t", "title": "租", "fields": [
          { "key": "a", "control": "text", "label": "姓名", "aliases": ["房东姓名"] },
          { "key": "b", "control": "text", "label": "姓名", "aliases": ["承租人姓名"] } ] }"#,
    );
    let path = |a: &str| vec![a.to_owned(), "姓 名".to_owned()];
    let found = match_columns(&form, &[path("承租人"), path("房东"), path("中介")], &[]);
    assert_eq!((found.fields["a"], found.fields["b"]), (1, 0));
    assert_eq!(found.faults.len(), 1, "whose name the third is, nobody knows");
}

#[test]
fn a_row_with_text_dates_full_width_digits_and_signs_for_nothing() {
    let form = visit();
    let labels: Vec<_> = columns_of(&form, Lang::ZhCn).into_iter().map(|c| vec![c.label]).collect();
    let columns = match_columns(&form, &labels, &[]);
    assert_eq!(columns.faults, []);
    let row = [
        json!("王秀兰"),
        json!("１１０１０５１９４９１２３１００２Ｘ"),
        json!(13_800_138_000.0),
        json!("√"),
        json!("王强"),
        json!(46_349.0),
        json!("送餐、维修"),
        json!("—"),
    ];
    let answers = columns.answers(&form, &row);
    assert!(!answers.contains_key("remarks"));
    let judged = judge(&form, Value::Object(answers), json!({}));
    assert_eq!(judged.errors, []);
    assert_eq!(judged.normalized["visited_on"], json!("2026-11-23"));
    assert_eq!(judged.normalized["phone"], json!("13800138000"));
    assert_eq!(judged.normalized["needs"], json!(["meals", "repair"]));
    let short = columns.answers(&form, &[json!("王秀兰"), Value::Null, json!(""), json!("无")]);
    assert_eq!(short, map(json!({ "name": "王秀兰", "living_alone": "无" })));
}

#[test]
fn columns_are_named_like_a_spreadsheet_names_them() {
    assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
}

#[test]
fn the_builder_makes_the_visit_form_from_nothing() {
    let model = Model::shipped();
    let mut drafts = Vec::new();
    for at in [
        "person.name",
        "person.id_no",
        "person.mobile",
        "person.live_alone",
        "person.emergency_name",
        "event.visit_time",
    ] {
        builder::add_attribute(&mut drafts, &model, &at.parse().unwrap()).expect("a control fits");
    }
    let controls: Vec<_> = drafts.iter().map(|d| d.control.as_str()).collect();
    assert_eq!(controls, ["person_name", "citizen_number", "phone", "boolean", "text", "date"]);
    drafts[4].when_field = "live_alone".into();
    drafts[4].when_value = "true".into();
    let needs = builder::add(&mut drafts, "multiple_choice");
    drafts[needs].label = "需要的帮助".into();
    drafts[needs].choices = "送餐\nclean=打扫".into();
    let definition = builder::to_definition("visit", Text::zh("走访"), &drafts).expect("reads");
    assert_eq!(check(&definition, &model), []);
    assert_eq!(builder::from_definition(&definition), Some(drafts.clone()));
    builder::move_by(&mut drafts, "name", 100);
    assert_eq!(drafts.last().map(|d| d.key.as_str()), Some("name"));
    builder::move_by(&mut drafts, "name", isize::MIN);
    assert_eq!(drafts[0].key, "name");
    builder::change_control(&mut drafts, "mobile", "date", &model);
    assert_eq!(drafts[2].bind, "", "a date does not fit a phone number");
    builder::remove(&mut drafts, "live_alone");
    assert!(drafts.iter().all(|d| d.when_field.is_empty()));
    drafts.push(FieldDraft { bind: "nonsense".into(), ..FieldDraft::default() });
    let faults = builder::to_definition("visit", Text::zh("走访"), &drafts).expect_err("a bad binding");
    assert_eq!(faults[0].pointer, "/fields/6/bind");
}

#[test]
fn the_builder_refuses_what_it_would_lose() {
    let definition = form_runtime::definition::parse(common::VISIT).expect("reads");
    assert_eq!(builder::from_definition(&definition), None);
}

#[test]
fn every_attribute_gets_a_control_that_fits_or_none() {
    let model = Model::shipped();
    let mut fitting = 0;
    for (at, _) in model.attributes() {
        let mut drafts = Vec::new();
        if builder::add_attribute(&mut drafts, &model, at).is_some() {
            let definition = builder::to_definition("t", Text::zh("t"), &drafts).expect("reads");
            assert_eq!(check(&definition, &model), [], "{at}");
            fitting += 1;
        }
    }
    assert!(fitting > 500, "{fitting}");
}
