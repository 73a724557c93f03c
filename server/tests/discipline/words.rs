//! Words and forms that do not exist, or mean something else, on one of the engines we may have to run on.

use std::sync::LazyLock;

use regex::Regex;
use server::platform::database::MIGRATIONS;
use server::statements;

/// What is forbidden, and a statement that must be caught for it.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("trigger", r"\btrigger\b", "create trigger t after insert on item execute function f()"),
    (
        "procedure",
        r"\b(function|procedure)\b|\bcall\s+\w+\s*\(|\bdo\s+\$",
        "create or replace function f() returns bigint as 'x'",
    ),
    (
        "sequence",
        r"\b(sequence|(big|small)?serial|identity|nextval|autoincrement)\b",
        "create table a (id bigserial primary key)",
    ),
    ("merge", r"\bmerge\s+into\b", "merge into item using delta on true when matched then delete"),
    ("truncate", r"\btruncate\b", "truncate delta"),
    ("temporary table", r"\btemp(orary)?\s+table\b", "create temp table a (id bigint)"),
    ("savepoint", r"\bsavepoint\b", "savepoint a"),
    ("array", r"\[|\barray\b|\bunnest\b|\bany\s*\(|\barray_agg\b", "select id from item where id = any($1)"),
    ("enum", r"\benum\b", "create type state as enum ('open')"),
    ("listen", r"\b(listen|notify|unlisten|pg_notify)\b", "notify items"),
    ("advisory lock", r"advisory", "select pg_advisory_xact_lock(1)"),
    (
        "lock table",
        r"\block\s+table\b|\bfor\s+(update|share|no\s+key)\b|\bskip\s+locked\b",
        "select id from job for update skip locked",
    ),
    (
        "time or chance of the database",
        r"\bnow\s*\(|\brandom\s*\(|\bcurrent_(date|time|timestamp)\b|\blocaltime|gen_random_uuid|randomblob|strftime|\bdatetime\s*\(|clock_timestamp",
        "update item set moved_at = now()",
    ),
    (
        "on constraint",
        r"\bon\s+constraint\b",
        "insert into item (shard) values ($1) on conflict on constraint item_pkey do nothing",
    ),
    (
        "grouping sets",
        r"\bgrouping\s+sets\b|\bcube\s*\(|\brollup\s*\(",
        "select count(*) from item group by rollup (state)",
    ),
    ("select *", r"\bselect\s+\*|,\s*\*|\w\.\*", "select * from item"),
    (
        "change inside a CTE",
        r"\bas\s*\(\s*(insert|update|delete)\b",
        "with gone as (delete from delta returning amount) select sum(amount) from gone",
    ),
    ("cast to uuid", r"::|\bas\s+uuid\s*\)", "select cast($1 as uuid)"),
    ("JSON read by SQL", r"->|\bjsonb?_|\bjson_each|\bto_jsonb?\b", "select data->>'name' from record_person"),
    (
        "sum without its type",
        r"(?:^|[^(])\bsum\s*\(|cast\(sum\([^)]*\)\s+as\s+(?:integer|numeric|int)\b",
        "select sum(amount) from delta",
    ),
    (
        "dialect",
        r"\bilike\b|\bglob\b|\bifnull\b|\binsert\s+or\b|\bpragma\b|\browid\b|\bctid\b|\bisnull\b|\bstring_agg\b|\bgroup_concat\b",
        "insert or replace into setting (key) values ($1)",
    ),
    ("distinct on", r"\bdistinct\s+on\b", "select distinct on (id) id from item"),
];

static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new("'[^']*'").expect("regex"));
static PATTERNS: LazyLock<Vec<(&str, Regex)>> =
    LazyLock::new(|| FORBIDDEN.iter().map(|(what, pattern, _)| (*what, Regex::new(pattern).expect("regex"))).collect());

/// What a statement does that it must not.
fn caught(sql: &str) -> Vec<&'static str> {
    // Texts inside quotes are data.
    let plain = QUOTED.replace_all(sql, "''").to_lowercase();
    PATTERNS.iter().filter(|(_, pattern)| pattern.is_match(&plain)).map(|(what, _)| *what).collect()
}

#[test]
fn no_statement_uses_a_forbidden_word() {
    let mut all: Vec<(String, String)> = Vec::new();
    for (file, list) in statements::constants() {
        all.extend(list.iter().map(|sql| (file.to_owned(), (*sql).to_owned())));
    }
    all.extend(statements::samples().into_iter().map(|(room, sql)| (room.to_owned(), sql)));
    for migration in MIGRATIONS {
        for text in [migration.sqlite, migration.postgres] {
            let bare: String =
                text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
            all.extend(bare.split(';').map(|statement| (migration.name.to_owned(), statement.to_owned())));
        }
    }
    assert!(all.len() > 300, "the statements are found");
    let faults: Vec<String> = all
        .iter()
        .flat_map(|(from, sql)| caught(sql).into_iter().map(move |what| format!("{from}: {what}: {sql}")))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_forbidden_word_is_caught() {
    for (what, _, bad) in FORBIDDEN {
        assert!(caught(bad).contains(what), "{what} is not caught in {bad}");
    }
}
