//! A published form of form-runtime, laid out and rendered on a real page.

#![allow(clippy::unwrap_used)] // a fault of a test stops it

use form_runtime::definition::parse;
use form_runtime::validate::Context;
use form_runtime::{Date, Known, Lang as FormLang, Model, compile, form_view, validate};
use serde::Serialize;
use serde_json::{Map, Value, json};
use web::{Field, FieldKind, FormPage, Lang, PageFrame, Renderer};

const VISIT: &str = include_str!("../../form-runtime/tests/forms/visit.json");

fn page(answers: &Value, known: &Value) -> FormPage {
    let form = compile(&parse(VISIT).unwrap(), &Model::shipped()).unwrap();
    let map = |value: &Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
    let known = Known::from_values(&map(known));
    let today = Date::constant(2026, 11, 24);
    let answers = map(answers);
    let messages =
        if answers.is_empty() { Vec::new() } else { validate(&form, &answers, &known, Context { today }).errors };
    FormPage::from(&form_view(&form, &known, &answers, &messages, FormLang::ZhCn, today))
}

fn field<'a>(page: &'a FormPage, name: &str) -> &'a Field {
    let mut all = page.sections.iter().flat_map(|section| &section.fields);
    all.find(|field| field.name == name).unwrap()
}

#[derive(Serialize)]
struct FormContext<'a> {
    form: &'a FormPage,
}

fn html(page: &FormPage) -> String {
    let renderer = Renderer::new();
    let frame = PageFrame::new("走访", "大同市政民互通平台");
    renderer.render("design/form.html", Lang::ZhCn, &frame, FormContext { form: page }).unwrap()
}

#[test]
fn an_empty_form_asks_everything() {
    let page = page(&json!({}), &json!({}));
    assert_eq!(field(&page, "living_alone").kind, FieldKind::YesNo);
    assert_eq!(field(&page, "id_no").kind, FieldKind::CitizenNumber);
    assert_eq!(field(&page, "visited_on").kind, FieldKind::Date);
    let html = html(&page);
    for name in ["name", "id_no", "phone", "living_alone", "contact", "visited_on", "needs"] {
        assert!(html.contains(&format!("name=\"{name}\"")), "{name} is not asked");
    }
    // The follow-up carries its condition for the script and in words without it.
    let contact = field(&page, "contact");
    let when: Value = serde_json::from_str(contact.when.as_deref().unwrap()).unwrap();
    assert_eq!(when, json!([{"field": "living_alone", "equals": ["true"]}]));
    assert!(html.contains("<noscript><p class=\"hint\">"));
    // A citizen number is never kept in the browser.
    let at = html.find("name=\"id_no\"").unwrap();
    let tag = &html[at..at + html[at..].find('>').unwrap()];
    assert!(tag.contains("data-secret"), "{tag}");
}

#[test]
fn what_is_known_is_shown_and_can_be_changed() {
    let page = page(&json!({}), &json!({"name": "欧阳秀兰", "living_alone": true}));
    assert_eq!(field(&page, "name").known.as_ref().unwrap().text, "欧阳秀兰");
    let html = html(&page);
    assert!(html.contains("<p class=\"known-value\">欧阳秀兰</p>"));
    assert!(html.contains("不对？改一下"));
}

#[test]
fn errors_link_to_their_questions() {
    let page = page(&json!({"name": "<b>", "living_alone": "maybe", "visited_on": "someday"}), &json!({}));
    let names: Vec<&str> = page.errors.iter().filter_map(|e| e.name.as_deref()).collect();
    assert!(names.contains(&"visited_on") && names.contains(&"living_alone"), "{names:?}");
    assert_eq!(names.len(), page.errors.len(), "an error links to no question");
    let html = html(&page);
    for name in names {
        assert!(html.contains(&format!("href=\"#f-{name}\"")), "{name}");
        assert!(html.contains(&format!("id=\"f-{name}\"")), "{name} has no element to go to");
    }
    assert!(html.contains("value=\"someday\""), "what was typed must stand");
    assert!(!html.contains("value=\"<b>\""));
}
