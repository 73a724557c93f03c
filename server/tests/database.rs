//! The store's contract, on both databases: schema parity, catalogue, statements, lanes.

mod common;

use std::collections::BTreeSet;

use server::platform::database::catalogue::TABLES;
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
            let sql = if db.engine() == "postgresql" { common::typed(&sql) } else { sql };
            conn.prepare(&sql).await.unwrap_or_else(|fault| panic!("{} {name}: {fault}\n{sql}", db.engine()));
        }
    })
    .await;
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

#[tokio::test]
async fn after_an_import_the_planner_counts_again() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let mut tx = db.begin_write().await.expect("begins");
        for day in 0..3000_i64 {
            let row = args![day.to_string(), true, ""];
            tx.execute("INSERT INTO working_day (day, working, note) VALUES ($1, $2, $3)", row)
                .await
                .expect("inserted");
        }
        tx.commit().await.expect("commits");
        if db.engine() == "sqlite" {
            assert_eq!(db.take_stock().await.expect("nothing to do"), 0);
            return;
        }
        // PostgreSQL tells a little later what was written.
        let begin = std::time::Instant::now();
        while db.take_stock().await.expect("counted") == 0 {
            assert!(begin.elapsed() < std::time::Duration::from_secs(10), "the rows were not noticed");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let (rows,): (i64,) = db
            .clone()
            .one(
                "SELECT cast(c.reltuples as bigint) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = current_schema() AND c.relname = 'working_day'",
                vec![],
            )
            .await
            .expect("counted");
        assert_eq!(rows, 3000);
        assert_eq!(db.take_stock().await.expect("counted"), 0, "once is enough");
    })
    .await;
}
