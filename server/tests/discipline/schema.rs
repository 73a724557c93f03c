//! Tables: each in one class, few types, `shard` first; and the same schema as hash partitions.

use std::collections::{BTreeMap, BTreeSet};

use server::platform::database::catalogue::{Class, TABLES};
use server::platform::database::{Exec, MIGRATIONS};
use server::statements;

use super::common;

/// A changed row names a column of an index only where it differs: the lists of such columns are the indexes'.
#[test]
fn the_lists_of_indexed_columns_are_those_of_the_indexes() {
    let indexed = |table: &str, key: &[&str]| -> BTreeSet<String> {
        let statements = MIGRATIONS.iter().flat_map(|migration| migration.postgres.split(';'));
        let on = format!(" on {table} (");
        let lists = statements.filter(|s| s.contains("index ")).filter_map(|s| s.split_once(on.as_str()));
        let columns = lists.flat_map(|(_, list)| list.split(')').next().unwrap_or_default().split(','));
        columns.map(|column| column.trim().to_owned()).filter(|column| !key.contains(&column.as_str())).collect()
    };
    let listed = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect::<BTreeSet<String>>();
    assert_eq!(indexed("item", &["shard", "id"]), listed(server::tasks::store::ITEM_INDEXED));
    assert_eq!(indexed("record_person", &["shard", "id"]), listed(server::entities::record::RECORD_PERSON_INDEXED));
}

const TYPES: [&str; 6] = ["bigint", "text", "uuid", "boolean", "bytea", "double precision"];

struct Table {
    columns: Vec<(String, String)>,
    keys: Vec<(String, Vec<String>)>,
}

/// The tables of a migration text: columns with types, keys and uniques with their columns.
fn tables(text: &str) -> BTreeMap<String, Table> {
    let bare: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ");
    let mut out: BTreeMap<String, Table> = BTreeMap::new();
    for statement in bare.split(';').map(str::trim) {
        let names = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        if let Some(rest) = statement.strip_prefix("create table ") {
            let (name, body) = rest.split_once(" (").expect("a body");
            let body = body.trim_end().strip_suffix(')').expect("closed");
            let mut table = Table { columns: vec![], keys: vec![] };
            for part in parts(body) {
                let words: Vec<&str> = part.split_whitespace().collect();
                match words[0] {
                    "primary" | "unique" => {
                        let list = part.split_once('(').expect("columns").1.trim_end_matches(')');
                        table.keys.push((words[0].to_owned(), names(list)));
                    }
                    "constraint" | "foreign" | "check" => panic!("{name}: {part}"),
                    column => {
                        let kind = if words[1] == "double" { "double precision" } else { words[1] };
                        table.columns.push((column.to_owned(), kind.to_owned()));
                        for key in ["primary key", "unique"].into_iter().filter(|key| part.contains(key)) {
                            table.keys.push((key.to_owned(), vec![column.to_owned()]));
                        }
                    }
                }
            }
            assert!(out.insert(name.to_owned(), table).is_none(), "{name} is created twice");
        } else if let Some(rest) = statement.strip_prefix("create unique index ") {
            let (_, on) = rest.split_once(" on ").expect("a table");
            let (name, list) = on.split_once(" (").expect("columns");
            out.get_mut(name)
                .expect("created before")
                .keys
                .push(("unique".to_owned(), names(list.trim_end_matches(')'))));
        }
    }
    out
}

/// Splits at the commas outside brackets.
fn parts(body: &str) -> Vec<String> {
    let (mut out, mut depth) = (vec![String::new()], 0);
    for c in body.chars() {
        match c {
            ',' if depth == 0 => {
                out.push(String::new());
                continue;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        out.last_mut().expect("one").push(c);
    }
    out.into_iter().map(|part| part.trim().to_owned()).collect()
}

/// What is wrong with a schema.
fn faults(text: &str, classes: &[(&str, Class)]) -> Vec<String> {
    let mut out = Vec::new();
    let tables = tables(text);
    let listed: BTreeSet<&str> = classes.iter().map(|table| table.0).collect();
    if listed.len() != classes.len() {
        out.push("a table is in two classes".to_owned());
    }
    for (name, table) in &tables {
        out.extend((!listed.contains(name.as_str())).then(|| format!("{name} is in no class")));
        let strange = table.columns.iter().filter(|column| !TYPES.contains(&column.1.as_str()));
        out.extend(strange.map(|column| format!("{name}.{} is of type {}", column.0, column.1)));
        out.extend((!table.keys.iter().any(|key| key.0.starts_with("primary"))).then(|| format!("{name} has no key")));
        if !classes.contains(&(name.as_str(), Class::Sharded)) {
            continue;
        }
        out.extend((table.columns[0].0 != "shard").then(|| format!("{name} does not begin with shard")));
        let wrong = table.keys.iter().filter(|key| !key.1.iter().any(|column| column == "shard"));
        out.extend(wrong.map(|key| format!("{name}: {} {:?} is without shard", key.0, key.1)));
    }
    // Made by the code that reads it, before any migration.
    let gone = listed.iter().filter(|name| !tables.contains_key(**name) && **name != "schema_migration");
    out.extend(gone.map(|name| format!("{name} does not exist")));
    out
}

#[test]
fn tables_can_be_spread() {
    let text: String = MIGRATIONS.iter().map(|migration| migration.postgres).collect();
    assert_eq!(faults(&text, TABLES), Vec::<String>::new());
}

#[test]
fn a_table_that_cannot_be_spread_is_found() {
    let sharded = [("a", Class::Sharded)];
    for (bad, classes, said) in [
        ("create table a (shard bigint not null, id uuid not null, primary key (id))", &sharded[..], "primary"),
        (
            "create table a (id uuid not null, shard bigint not null, primary key (shard, id))",
            &sharded,
            "does not begin",
        ),
        (
            "create table a (shard bigint not null, id uuid not null unique, primary key (id, shard))",
            &sharded,
            "unique",
        ),
        (
            "create table a (shard bigint not null, id uuid not null, primary key (shard, id)); create unique index b on a (id);",
            &sharded,
            "unique",
        ),
        ("create table a (shard bigint not null, at timestamp, primary key (shard))", &sharded, "timestamp"),
        (
            "create table a (shard bigint not null, primary key (shard)); create table b (id uuid primary key)",
            &sharded,
            "no class",
        ),
        ("create table a (shard bigint not null, id uuid)", &sharded, "no key"),
        ("create table a (shard bigint primary key)", &[("a", Class::Sharded), ("a", Class::OwnKey)], "two classes"),
    ] {
        assert!(faults(bad, classes).iter().any(|fault| fault.contains(said)), "{bad}");
    }
}

#[tokio::test]
async fn every_statement_prepares_on_the_shadow_schema() {
    let db = common::shadow_db().await;
    let names: BTreeSet<String> = db.table_names().await.expect("names").into_iter().collect();
    for (name, class) in TABLES {
        assert_eq!(names.contains(&format!("{name}_p0")), *class == Class::Sharded, "{name}");
    }
    let mut conn = db.clone();
    for (file, list) in statements::constants() {
        for sql in list {
            conn.prepare(sql).await.unwrap_or_else(|fault| panic!("{file}: {fault}\n{sql}"));
        }
    }
    for (room, sql) in statements::samples() {
        let sql = common::typed(&sql);
        conn.prepare(&sql).await.unwrap_or_else(|fault| panic!("{room}: {fault}\n{sql}"));
    }
    for bad in ["create unique index a on item (id)", "alter table submission add constraint a unique (client_id)"] {
        let mut tx = db.begin_write().await.expect("begins");
        assert!(tx.execute_built(bad.to_owned(), vec![]).await.is_err(), "a key without shard is refused: {bad}");
        tx.rollback().await.expect("rolled back");
    }
}
