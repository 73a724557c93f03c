//! The rule step of the wizard: a sentence with blanks, a ready-made rule, or Rhai.

use std::collections::{BTreeMap, BTreeSet};

use rule_engine::{
    Action, Choice, Choices, FieldChoice, FieldKind, Level, Ready, Rule, RuleSource, Sentence, Source, Whom,
};

use super::model::Relay;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms::Published;

/// What an author may choose from: tags of the address book, fields of the form and the person.
pub fn choices(app: &App, form: &Published, lang: web::Lang) -> Choices {
    let tags: BTreeSet<String> = app.directory().tags().map(str::to_owned).collect();
    let tags = tags.into_iter().map(|tag| {
        let key = format!("tasks-tag-{}", tag.replace('_', "-"));
        let known = web::text(lang, &key, &[]);
        Choice { label: if known == key { tag.clone() } else { known }, value: tag }
    });
    let form_lang = if lang == web::Lang::ZhCn { form_runtime::Lang::ZhCn } else { form_runtime::Lang::En };
    let mut fields = vec![
        subject("age", &web::text(lang, "tasks-field-age", &[]), FieldKind::Number),
        subject("living_alone", &web::text(lang, "tasks-field-alone", &[]), FieldKind::Flag),
        subject("sex", &web::text(lang, "tasks-field-sex", &[]), FieldKind::Text),
    ];
    for field in form.compiled.fields().iter().filter(|field| !field.secret) {
        use form_runtime::controls::Kind;
        let kind = match field.control.kind() {
            Kind::Number => FieldKind::Number,
            Kind::Boolean => FieldKind::Flag,
            _ => FieldKind::Text,
        };
        let label = web::text(lang, "tasks-field-sheet", &[("label", field.label().get(form_lang).into())]);
        fields.push(FieldChoice { of: Source::Item, key: field.key().to_owned(), label, kind });
    }
    Choices { tags: tags.collect(), fields }
}

fn subject(key: &str, label: &str, kind: FieldKind) -> FieldChoice {
    FieldChoice { of: Source::Subject, key: key.to_owned(), label: label.to_owned(), kind }
}

/// The sentence that stands in the form when the rule is none: the community's grid worker, in the
/// task's own working days.
pub fn usual(working_days: Option<i64>) -> Sentence {
    let then = Action {
        level: Level::Community,
        whom: Whom::Tag { tag: "grid_worker".into() },
        working_days: working_days.and_then(|days| u32::try_from(days).ok()),
    };
    Sentence { when: None, then, otherwise: None }
}

/// The rule as posted: `form` says which of the three ways.
pub fn posted_rule(posted: &BTreeMap<String, String>, choices: &Choices, lang: web::Lang) -> Result<Rule, AppError> {
    let get = |name: &str| posted.get(name).map_or("", |value| value.trim());
    let source = match get("form") {
        "ready" => RuleSource::Ready(ready(&get)?),
        "expert" => RuleSource::Expert { rhai: get("rhai").replace("\r\n", "\n") },
        _ => {
            let tag = if lang == web::Lang::ZhCn { rule_engine::Lang::ZhCn } else { rule_engine::Lang::En };
            let sentence = Sentence::from_form(posted, choices).map_err(|errors| {
                let told = |e: &rule_engine::FieldError| {
                    Fault::new(e.field.clone(), "tasks-blank").with("why", e.message(tag))
                };
                AppError::Invalid(errors.iter().map(told).collect())
            })?;
            RuleSource::Sentence(sentence)
        }
    };
    Ok(Rule { source })
}

fn ready<'a>(get: &impl Fn(&str) -> &'a str) -> Result<Ready, AppError> {
    let level =
        Level::from_key(get("ready_level")).ok_or_else(|| AppError::invalid("ready_level", "tasks-need-level"))?;
    let days = get("ready_days");
    let working_days = match days {
        "" => None,
        text => match text.parse::<u32>() {
            Ok(days @ 1..=250) => Some(days),
            _ => return Err(AppError::invalid("ready_days", "tasks-days-range")),
        },
    };
    let tag = get("ready_tag").to_owned();
    Ok(match get("ready") {
        "governing" => Ready::Governing { level, working_days },
        "least_load" => Ready::LeastLoad { level, tag: (!tag.is_empty()).then_some(tag), working_days },
        "tag" if !tag.is_empty() => Ready::Tag { level, tag, working_days },
        "tag" => return Err(AppError::invalid("ready_tag", "tasks-need-tag")),
        _ => return Err(AppError::invalid("ready", "tasks-need-ready")),
    })
}

/// Which levels act themselves, as posted: `wait_3`, `after_3` and the same for 4.
pub fn posted_relay(posted: &BTreeMap<String, String>) -> Result<Relay, AppError> {
    let mut relay = Relay::default();
    for level in [3_i64, 4] {
        if posted.get(&format!("wait_{level}")).is_none_or(|value| value != "wait") {
            continue;
        }
        relay.waits.push(level);
        let after = posted.get(&format!("after_{level}")).map_or("", |value| value.trim());
        if !after.is_empty() {
            let days = after.parse::<i64>().ok().filter(|days| (1..=60).contains(days));
            let days = days.ok_or_else(|| AppError::invalid(format!("after_{level}"), "tasks-relay-range"))?;
            relay.passes_after.insert(level, days);
        }
    }
    Ok(relay)
}

/// The rule in one sentence for people.
pub fn rule_text(rule: &Rule, choices: &Choices, lang: web::Lang) -> String {
    let tag = if lang == web::Lang::ZhCn { rule_engine::Lang::ZhCn } else { rule_engine::Lang::En };
    match &rule.source {
        RuleSource::Sentence(sentence) => sentence.text(tag, choices),
        RuleSource::Ready(Ready::Governing { .. }) => web::text(lang, "tasks-ready-governing", &[]),
        RuleSource::Ready(Ready::LeastLoad { .. }) => web::text(lang, "tasks-ready-least-load", &[]),
        RuleSource::Ready(_) => web::text(lang, "tasks-ready-tag", &[]),
        RuleSource::Table(_) => web::text(lang, "tasks-rule-table", &[]),
        RuleSource::Expert { .. } => web::text(lang, "tasks-rule-expert", &[]),
    }
}
