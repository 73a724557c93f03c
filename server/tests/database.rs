//! The store's contract, on both databases: schema parity, catalogue, statements, lanes.

mod common;

use std::collections::BTreeSet;

use server::platform::database::catalogue::{Class, TABLES};
use server::platform::database::{Exec, MIGRATIONS, SchemaState, StoreError, migrate, schema_state};
use server::{args, statements};

/// Released migrations never change: their digests are frozen here.
const FROZEN: &[(&str, &str)] = &[];

#[test]
fn migrations_differ_only_in_type_names() {
    fn plain(text: &str) -> String {
        let mut out = text.replace(") strict;", ");");
        for (from, to) in
            [("integer", "N"), ("bigint", "N"), ("boolean", "N"), ("blob", "B"), ("bytea", "B"), ("uuid", "B")]
        {
            out = out.replace(&format!(" {from}"), &format!(" {to}"));
        }
        out
    }
    for migration in MIGRATIONS {
        assert_eq!(plain(migration.sqlite), plain(migration.postgres), "{}", migration.name);
    }
}

#[test]
fn released_migrations_are_frozen() {
    for (name, digest) in FROZEN {
        let migration = MIGRATIONS.iter().find(|m| m.name == *name).expect("a released migration is never removed");
        assert_eq!(migration.digest(), *digest, "{name} was released: write a new migration instead");
    }
}

#[tokio::test]
async fn the_catalogue_names_every_table_once() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let there: BTreeSet<String> = db.table_names().await.expect("names").into_iter().collect();
        let listed: BTreeSet<String> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(there, listed, "{}", db.engine());
        assert_eq!(listed.len(), TABLES.len(), "listed twice");
    })
    .await;
}

#[test]
fn sharded_tables_begin_with_shard_in_keys_and_uniques() {
    let text: String = MIGRATIONS.iter().map(|m| m.postgres).collect();
    for (name, class) in TABLES {
        let Some(start) = text.find(&format!("create table {name} (")) else { continue };
        let body = &text[start..text[start..].find(");").expect("ends") + start];
        if *class == Class::Sharded {
            assert!(body.contains("shard bigint not null"), "{name} has no shard");
            assert!(body.contains("primary key (shard"), "{name}: the primary key must begin with shard");
            for unique in body.match_indices("unique (") {
                assert!(body[unique.0..].starts_with("unique (shard"), "{name}: a unique must begin with shard");
            }
        }
        for (at, _) in text.match_indices("create unique index") {
            let line = &text[at..at + text[at..].find(';').expect("ends")];
            if line.contains(&format!(" on {name} (")) && *class == Class::Sharded {
                assert!(line.contains("(shard"), "{line}");
            }
        }
    }
}

#[tokio::test]
async fn every_statement_prepares_on_both() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let mut conn = db.clone();
        for (file, list) in statements::constants() {
            for sql in list {
                conn.prepare(sql).await.unwrap_or_else(|fault| panic!("{} {file}: {fault}\n{sql}", db.engine()));
            }
        }
        for (name, sql) in statements::samples() {
            let sql = if db.engine() == "postgresql" { typed(&sql) } else { sql };
            conn.prepare(&sql).await.unwrap_or_else(|fault| panic!("{} {name}: {fault}\n{sql}", db.engine()));
        }
    })
    .await;
}

/// PostgreSQL takes an untyped argument in VALUES for text. At run time every argument comes with its
/// type; here the first tuple says it.
fn typed(sql: &str) -> String {
    let sql = sql.replace(
        "UPDATE event SET seq = v.column3 FROM (VALUES ($1, $2, $3)",
        "UPDATE event SET seq = v.column3 FROM (VALUES (cast($1 as bigint), cast($2 as uuid), cast($3 as bigint))",
    );
    let keys = [("id", "uuid"), ("entity_id", "uuid"), ("number", "bigint"), ("seq", "bigint")];
    keys.into_iter().fold(sql, |sql, (key, kind)| {
        sql.replace(
            &format!("(shard, {key}) IN (VALUES ($1, $2)"),
            &format!("(shard, {key}) IN (VALUES (cast($1 as bigint), cast($2 as {kind}))"),
        )
    })
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        assert_eq!(schema_state(&db).await.expect("state"), SchemaState::Current);
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO schema_migration (name, digest, applied_at) VALUES ($1, $2, $3)",
            args!["9999_later.sql", "x", 1_i64],
        )
        .await
        .expect("inserted");
        tx.commit().await.expect("commits");
        assert!(
            matches!(migrate(&db, common::NOW).await, Err(StoreError::Corrupt(text)) if text.contains("9999_later.sql"))
        );
    })
    .await;
}
