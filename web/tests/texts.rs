//! Both languages say everything, and templates say nothing that is not there.

#![allow(clippy::unwrap_used)] // a fault of a test stops it

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

/// Key to the variables its text uses.
type Catalogue = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn inline(expression: &InlineExpression<String>, into: &mut BTreeSet<String>) {
    match expression {
        InlineExpression::VariableReference { id } => {
            into.insert(id.name.clone());
        }
        InlineExpression::Placeable { expression } => variables_of(expression, into),
        _ => {}
    }
}

fn variables_of(expression: &Expression<String>, into: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(one) => inline(one, into),
        Expression::Select { selector, variants } => {
            inline(selector, into);
            for variant in variants {
                variables(&variant.value, into);
            }
        }
    }
}

fn variables(pattern: &Pattern<String>, into: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            variables_of(expression, into);
        }
    }
}

/// Reads a language; each key must start with the name of its room's file.
fn catalogue(tag: &str) -> Catalogue {
    let mut all = Catalogue::new();
    for path in files(&root().join("texts").join(tag), "ftl") {
        let room = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path).unwrap();
        let resource = parser::parse(source).unwrap_or_else(|(_, e)| panic!("{}: {e:?}", path.display()));
        for entry in resource.body {
            let Entry::Message(message) = entry else {
                continue;
            };
            let key = message.id.name;
            assert!(key.starts_with(&format!("{room}-")), "{}: key {key} must start with {room}-", path.display());
            let mut used = BTreeSet::new();
            let value = message.value.unwrap_or_else(|| panic!("{}: {key} is empty", path.display()));
            variables(&value, &mut used);
            assert!(all.insert(key.clone(), used).is_none(), "{}: {key} stands twice", path.display());
        }
    }
    all
}

#[test]
fn both_languages_have_the_same_keys_and_variables() {
    let (zh, en) = (catalogue("zh-CN"), catalogue("en"));
    let mut faults = Vec::new();
    for key in zh.keys().chain(en.keys()).collect::<BTreeSet<_>>() {
        match (zh.get(key), en.get(key)) {
            (Some(left), Some(right)) if left != right => {
                faults.push(format!("{key}: zh-CN uses {left:?}, en uses {right:?}"));
            }
            (None, _) => faults.push(format!("{key} is missing in zh-CN")),
            (_, None) => faults.push(format!("{key} is missing in en")),
            _ => {}
        }
    }
    assert!(zh.len() > 50, "the catalogue was not found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The literal keys after `start` in a source, with the text up to the closing parenthesis.
fn literals<'a>(source: &'a str, start: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices(start) {
        let boundary = source[..at].chars().next_back();
        if boundary.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &source[at + start.len()..];
        if let Some((key, after)) = rest.split_once('"') {
            found.push((key, after));
        }
    }
    found
}

#[test]
fn every_text_that_a_template_names_exists() {
    let all = catalogue("zh-CN");
    let mut faults = Vec::new();
    let mut seen = 0;
    for path in files(&root().join("templates"), "html") {
        let source = fs::read_to_string(&path).unwrap();
        for (key, after) in literals(&source, "t(\"") {
            // `t("room-" ~ value)` is checked by the page that renders it.
            if after.trim_start().starts_with('~') {
                continue;
            }
            seen += 1;
            let Some(wanted) = all.get(key) else {
                faults.push(format!("{}: no text {key}", path.display()));
                continue;
            };
            let call = after.split('}').next().unwrap_or_default();
            for name in wanted {
                let given = [format!("{name}="), format!("{name} =")];
                if !given.iter().any(|form| call.contains(form.as_str())) {
                    faults.push(format!("{}: {key} needs {name}=", path.display()));
                }
            }
        }
    }
    assert!(seen > 40, "the templates were not found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn templates_keep_the_content_security_policy() {
    for path in files(&root().join("templates"), "html") {
        let source = fs::read_to_string(&path).unwrap();
        for forbidden in [" style=\"", "<style", " onclick=", " onchange=", " onsubmit=", "javascript:"] {
            assert!(!source.contains(forbidden), "{}: {forbidden}", path.display());
        }
        for (at, _) in source.match_indices("<script") {
            let tag = &source[at..source[at..].find('>').map_or(source.len(), |end| at + end)];
            assert!(tag.contains(" src=") || tag.contains("application/json"), "{}: inline script", path.display());
        }
    }
}

/// The words that the rules against formalism forbid (ux B18).
#[test]
fn nothing_ranks_people_or_counts_their_presence() {
    for path in files(&root().join("texts/zh-CN"), "ftl") {
        let source = fs::read_to_string(&path).unwrap();
        for word in ["积分", "排行", "打卡", "签到", "在线时长"] {
            assert!(!source.contains(word), "{}: {word}", path.display());
        }
    }
}
