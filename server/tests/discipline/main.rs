//! The discipline of the database: words that no statement uses, tables that can be spread, statements that
//! stay in one shard. It is what lets the tables move to a distributed engine without a redesign.

#[path = "../common/mod.rs"]
mod common;
mod plans;
mod schema;
mod sqlite_plans;
mod words;

use std::collections::BTreeMap;

/// Every constant of the sources that holds SQL: text to name, so that a statement can be asked for its name.
pub fn names() -> BTreeMap<String, String> {
    fn walk(folder: &std::path::Path, out: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("sources").map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                walk(&entry, out);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                read(&std::fs::read_to_string(&entry).expect("text"), out);
            }
        }
    }
    fn read(source: &str, out: &mut BTreeMap<String, String>) {
        for (at, _) in source.match_indices("const ") {
            let rest = &source[at + 6..];
            let Some((name, after)) = rest.split_once(": &str =") else { continue };
            if !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
                continue;
            }
            let Some(text) = after.trim_start().strip_prefix('"') else { continue };
            out.insert(literal(text), name.to_owned());
        }
    }
    let mut out = BTreeMap::new();
    walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out
}

/// A string literal up to its closing quote, with continued lines joined.
fn literal(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => break,
            },
            c => out.push(c),
        }
    }
    out
}

#[test]
fn constants_are_found_by_their_text() {
    let names = names();
    let all: Vec<&str> =
        server::statements::constants().into_iter().flat_map(|(_, list)| list.iter().copied()).collect();
    // Those that a macro makes have no name to warn with: the plan check then wants one shard of them.
    let named = all.iter().filter(|sql| names.contains_key(**sql)).count();
    assert!(named + 5 >= all.len(), "{named} of {}", all.len());
}
