//! One shard: every statement on sharded tables touches one partition of each, carries a shard in each row,
//! or says `all_shards` in its name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use server::platform::database::catalogue::{Class, TABLES};
use server::platform::database::{Db, Exec, StoreError, Tx};
use server::statements;

use super::common::{self, typed};

/// Statements made by builders have no name of their own: by room and a part of the text, those that fan out.
const BUILT_ALL_SHARDS: &[(&str, &str)] = &[
    // Lists, counts and to-do lists of items: narrowed by scope, which may hold many communities.
    ("tasks", "FROM item i JOIN task t ON t.id = i.task_id AND i.release <= t.published_release"),
    // The same for cases.
    ("channels", "FROM service_case c WHERE"),
    // Persons of a scope: who moved keeps the shard of the first community.
    ("entities", "FROM record_person r WHERE"),
    // The job that re-encrypts walks whole tables, a page at a time.
    ("rekeying", "WHERE (id, shard) > ($1, $2)"),
    // The sealer, a leased job: each row says its shard, which a plan over VALUES cannot show.
    ("audit", "UPDATE event SET seq = v.column3 FROM (VALUES"),
];

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("regex")
}
static ROWS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\((?:[a-z_.]+, )*(?:\w\.)?shard(?:, [a-z_.]+)*\) in \((?:values )?"));
static BRANCHES: LazyLock<Regex> =
    LazyLock::new(|| regex(r"where \(shard = \$\d+ and id = \$\d+\)(?: or \(shard = \$\d+ and id = \$\d+\))*$"));
static SCANNED: LazyLock<Regex> = LazyLock::new(|| regex(r"\bon ([a-z_]+)_p(\d)\b"));

/// How a statement goes to the shards.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// touches no sharded table
    None,
    /// one partition of each
    One,
    /// each row says its shard
    Group,
    /// several partitions: the tables
    All(BTreeSet<String>),
}

/// `(id, shard) IN (VALUES …)`, `INSERT INTO t (shard, …) VALUES`, `(shard = $1 AND id = $2) OR …`: each row says its shard.
fn group(sql: &str) -> bool {
    let text = sql.to_lowercase();
    ROWS.is_match(&text) || BRANCHES.is_match(&text)
}

fn is_sharded(name: &str) -> bool {
    TABLES.iter().any(|table| table.0 == name && table.1 == Class::Sharded)
}

/// An insert goes where its row says: it must name the shard, from an argument and first.
fn insert_without_shard(sql: &str) -> Option<String> {
    let text = sql.trim_start().to_lowercase();
    let (table, rest) = text.strip_prefix("insert into ")?.split_once(' ')?;
    (is_sharded(table) && !rest.starts_with("(shard,")).then(|| table.to_owned())
}

/// Asks the planner, with the same shard for every number.
async fn kind(tx: &mut Tx, sql: &str) -> Result<Kind, StoreError> {
    if let Some(table) = insert_without_shard(sql) {
        return Ok(Kind::All(BTreeSet::from([table])));
    }
    tx.execute_built(format!("PREPARE probe AS {}", typed(sql)), vec![]).await?;
    let types: (Option<String>,) = tx
        .all::<(Option<String>,)>(
            "SELECT cast(array_to_string(parameter_types, ',') as text) FROM pg_prepared_statements WHERE name = 'probe'",
            vec![],
        )
        .await?
        .remove(0);
    let values: Vec<&str> = types
        .0
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| match name {
            "bigint" | "integer" => "5",
            "uuid" => "'00000000-0000-7000-8000-000000000000'",
            "boolean" => "true",
            _ => "''",
        })
        .collect();
    let call = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let plan: Vec<(String,)> = tx.all_built(format!("EXPLAIN (COSTS OFF) EXECUTE probe{call}"), vec![]).await?;
    tx.execute_built("DEALLOCATE probe".to_owned(), vec![]).await?;
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (line,) in &plan {
        for found in SCANNED.captures_iter(line).filter(|found| is_sharded(&found[1])) {
            parts.entry(found[1].to_owned()).or_default().insert(found[2].to_owned());
        }
    }
    let many: BTreeSet<String> = parts.iter().filter(|(_, set)| set.len() > 1).map(|(name, _)| name.clone()).collect();
    Ok(match (parts.is_empty(), many.is_empty()) {
        (true, _) => Kind::None,
        (false, true) => Kind::One,
        (false, false) if group(sql) => Kind::Group,
        (false, false) => Kind::All(many),
    })
}

async fn probe(db: &Db, sql: &str) -> Kind {
    let mut tx = db.begin_write().await.expect("begins");
    tx.execute_built("SET LOCAL plan_cache_mode = force_custom_plan".to_owned(), vec![]).await.expect("set");
    let kind = kind(&mut tx, sql).await.unwrap_or_else(|fault| panic!("{fault}\n{sql}"));
    tx.rollback().await.expect("rolled back");
    kind
}

#[tokio::test]
async fn a_statement_touches_one_shard_or_says_so() {
    let db = common::shadow_db().await;
    let names = super::names();
    let mut faults = Vec::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, list) in statements::constants() {
        for sql in list {
            let name = names.get(*sql).cloned().unwrap_or_default();
            let found = probe(&db, sql).await;
            let says = name.contains("ALL_SHARDS");
            *kinds
                .entry(match found {
                    Kind::None => "none",
                    Kind::One => "one",
                    Kind::Group => "group",
                    Kind::All(_) => "all",
                })
                .or_default() += 1;
            match found {
                Kind::All(tables) if !says => {
                    faults.push(format!("{file} {name} touches every shard of {tables:?}: {sql}"))
                }
                // A name that warns of what is not so makes the warning worthless.
                Kind::None | Kind::One if says => {
                    faults.push(format!("{file} {name} does not touch many shards: {sql}"))
                }
                _ => {}
            }
        }
    }
    let mut used = BTreeSet::new();
    for (room, sql) in statements::samples() {
        let Kind::All(tables) = probe(&db, &sql).await else { continue };
        let declared = BUILT_ALL_SHARDS.iter().find(|(of, part)| *of == room && sql.contains(part));
        match declared {
            Some(found) => drop(used.insert(*found)),
            None => faults.push(format!("{room} (built) touches every shard of {tables:?}: {sql}")),
        }
    }
    faults.extend(
        BUILT_ALL_SHARDS
            .iter()
            .filter(|one| !used.contains(*one))
            .map(|one| format!("{one:?} is declared for nothing")),
    );
    assert!(faults.is_empty(), "{} of {kinds:?}:\n{}", faults.len(), faults.join("\n"));
    assert!(kinds["one"] >= 25, "{kinds:?}");
}

#[tokio::test]
async fn a_statement_that_leaves_its_shard_is_found() {
    let db = common::shadow_db().await;
    for bad in [
        "UPDATE item SET version = 2 WHERE id = $1",
        "SELECT i.id FROM item i JOIN movement m ON m.item_id = i.id WHERE i.shard = $1",
        "SELECT id FROM item WHERE shard + 0 = $1",
        "DELETE FROM delta WHERE task_id = $1",
        "INSERT INTO entity (id, shard, class, created_at) VALUES ($1, $2, $3, $4)",
    ] {
        assert!(matches!(probe(&db, bad).await, Kind::All(_)), "{bad}");
    }
    for (good, kind) in [
        ("UPDATE item SET version = 2 WHERE shard = $1 AND id = $2", Kind::One),
        (
            "SELECT i.id FROM item i JOIN movement m ON m.shard = i.shard AND m.item_id = i.id WHERE i.shard = $1",
            Kind::One,
        ),
        ("SELECT id FROM item WHERE (id, shard) IN (VALUES ($1, $2), ($3, $4))", Kind::Group),
        ("SELECT id FROM place WHERE parent_id = $1", Kind::None),
    ] {
        assert_eq!(probe(&db, good).await, kind, "{good}");
    }
}
