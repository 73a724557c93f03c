//! Playing an application's cases: what is answered to a form, what is asked of a rule.

use std::collections::BTreeMap;

use form_runtime::{CompiledForm, FieldMessage, FormDefinition, Known, Model, compile, validate};
use rule_engine::{Case, CaseInput, Compiled, Engine, MeasureDeclaration, RuleError, check_cases, measure, run_cases};
use serde::Deserialize;

use super::check::Examined;
use super::fault::Fault;
use super::format::{CaseFile, FormCase};

/// The rules that compiled, with their cases.
pub(super) struct Played {
    rules: BTreeMap<String, (Compiled, Vec<Case>)>,
}

impl Played {
    /// Whether a measure rule counts only what a task declares: asked again with each of its cases.
    pub fn measures_fit(&self, rule: &str, declared: &[MeasureDeclaration]) -> Option<RuleError> {
        let (compiled, cases) = self.rules.get(rule)?;
        cases.iter().find_map(|case| match &case.input {
            CaseInput::Measure { item, answers, .. } => measure(compiled, item, answers, declared).err(),
            _ => None,
        })
    }
}

/// Compiles every rule and plays every case; what does not come out as written is a fault.
pub(super) fn play(examined: &Examined, faults: &mut Vec<Fault>) -> Played {
    let engine = crate::start::rules();
    let mut played = Played { rules: compiled(&engine, examined, faults) };
    for (key, file) in &examined.cases {
        let name = format!("cases/{key}.json");
        let of = (file.form.as_ref(), file.rule.as_ref());
        match of {
            (Some(form), None) if form.app == examined.head.id => match examined.forms.get(&form.key) {
                Some(definition) => play_form(&name, definition, file, faults),
                None => faults.push(missing(&name, "/form", &form.to_string())),
            },
            (None, Some(rule)) if rule.app == examined.head.id => {
                if !examined.rules.contains_key(&rule.key) {
                    faults.push(missing(&name, "/rule", &rule.to_string()));
                } else if let Some((compiled, cases)) = played.rules.get_mut(&rule.key) {
                    cases.extend(play_rule(&name, compiled, file, faults));
                }
            }
            _ => faults.push(Fault::new(
                &name,
                "",
                "写上 form 或 rule 其中一个，指明是本应用哪张表单或哪条规则的例子",
                "name one of form and rule: the form or rule of this application that it is about",
            )),
        }
    }
    for (key, (compiled, cases)) in &played.rules {
        // Faults of single cases are told at the cases; here only that there are none.
        if cases.is_empty()
            && let Err(error) = check_cases(compiled, cases)
        {
            faults.push(Fault::of_rule(&format!("rules/{key}.json"), "", &error));
        }
    }
    played
}

fn missing(file: &str, at: &str, name: &str) -> Fault {
    Fault::new(file, at, format!("没有“{name}”"), format!("there is no `{name}`"))
}

fn compiled(engine: &Engine, examined: &Examined, faults: &mut Vec<Fault>) -> BTreeMap<String, (Compiled, Vec<Case>)> {
    let mut rules = BTreeMap::new();
    for (key, file) in &examined.rules {
        match engine.compile(&file.rule(), file.hook) {
            Ok(compiled) => {
                rules.insert(key.clone(), (compiled, Vec::new()));
            }
            Err(error) => faults.push(Fault::of_rule(&format!("rules/{key}.json"), "/source", &error)),
        }
    }
    rules
}

fn read<T: for<'de> Deserialize<'de>>(name: &str, file: &CaseFile, faults: &mut Vec<Fault>) -> Vec<(usize, T)> {
    let mut cases = Vec::new();
    for (index, case) in file.cases.iter().enumerate() {
        match T::deserialize(case) {
            Ok(case) => cases.push((index, case)),
            Err(error) => faults.push(Fault::new(
                name,
                format!("/cases/{index}"),
                format!("读不懂：{error}"),
                format!("cannot be read: {error}"),
            )),
        }
    }
    cases
}

/// The cases of a file that could be read.
fn play_rule(name: &str, compiled: &Compiled, file: &CaseFile, faults: &mut Vec<Fault>) -> Vec<Case> {
    let cases: Vec<(usize, Case)> = read(name, file, faults);
    for (index, case) in &cases {
        for result in run_cases(compiled, std::slice::from_ref(case)) {
            if let Some(error) = &result.error {
                faults.push(Fault::of_rule(name, &format!("/cases/{index}"), error));
            }
        }
    }
    cases.into_iter().map(|(_, case)| case).collect()
}

fn play_form(name: &str, definition: &FormDefinition, file: &CaseFile, faults: &mut Vec<Fault>) {
    // What a form lacks is told at the form.
    let Ok(form) = compile(definition, &Model::shipped()) else { return };
    let Some(today) = file.today else {
        faults.push(Fault::new(
            name,
            "/today",
            "写上填表那一天，例如 2026-11-24",
            "write the day of filling, such as 2026-11-24",
        ));
        return;
    };
    for (index, case) in read::<FormCase>(name, file, faults) {
        for (what, expected, got) in differences(&form, &case, today) {
            faults.push(Fault::new(
                name,
                format!("/cases/{index}/{what}"),
                format!("“{}”应得到 {expected}，实际得到 {got}", case.name),
                format!("`{}` should give {expected} and gives {got}", case.name),
            ));
        }
    }
}

/// Where a case does not come out: member, expected, got.
fn differences(form: &CompiledForm, case: &FormCase, today: form_runtime::Date) -> Vec<(&'static str, String, String)> {
    let known = Known::from_values(&case.known);
    let validated = validate(form, &case.answers, &known, validate::Context { today });
    let keys = |messages: &[FieldMessage]| -> BTreeMap<String, String> {
        messages.iter().map(|message| (message.field.clone(), message.key.as_str().to_owned())).collect()
    };
    let shown = |keys: &BTreeMap<String, String>| serde_json::to_string(keys).unwrap_or_default();
    let mut found = Vec::new();
    for (what, expected, got) in
        [("errors", &case.errors, keys(&validated.errors)), ("warnings", &case.warnings, keys(&validated.warnings))]
    {
        if *expected != got {
            found.push((what, shown(expected), shown(&got)));
        }
    }
    if let Some(expected) = &case.normalized
        && *expected != validated.normalized
    {
        let text = |map: &form_runtime::Map| serde_json::Value::Object(map.clone()).to_string();
        found.push(("normalized", text(expected), text(&validated.normalized)));
    }
    found
}
