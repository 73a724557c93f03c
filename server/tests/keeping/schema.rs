//! The walk knows every column; archives of other schemas.

use std::collections::BTreeSet;

use server::args;
use server::platform::database::tables::{Type, tables};
use server::platform::database::{Exec, MIGRATIONS, create, migrate};

use super::common;
use super::stage::{Site, number, refused};

#[tokio::test]
async fn tables_are_as_both_databases_have_them() {
    common::each_db(|db| async move {
        migrate(&db, common::NOW).await.expect("migrates");
        let sql = match db.engine() {
            "sqlite" => {
                "SELECT m.name, c.name, c.type, c.\"notnull\" = 0 AND c.pk = 0, c.pk FROM sqlite_master m, pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'schema_migration'"
            }
            _ => {
                "SELECT cast(c.table_name as text), cast(c.column_name as text), cast(c.data_type as text), c.is_nullable = 'YES', \
                 cast(coalesce(k.ordinal_position, 0) as bigint) FROM information_schema.columns c \
                 LEFT JOIN information_schema.table_constraints t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.constraint_type = 'PRIMARY KEY' \
                 LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name \
                      AND k.table_name = c.table_name AND k.column_name = c.column_name \
                 WHERE c.table_schema = current_schema() AND c.table_name <> 'schema_migration'"
            }
        };
        let there: Vec<(String, String, String, bool, i64)> = db.clone().all(sql, vec![]).await.expect("columns");
        let there: BTreeSet<_> = there.into_iter().collect();
        let named = |kind: Type| match (db.engine(), kind) {
            ("sqlite", Type::I64 | Type::Bool) => "INTEGER".to_owned(),
            ("sqlite", Type::Uuid | Type::Bytes) => "BLOB".to_owned(),
            ("sqlite", Type::Text) => "TEXT".to_owned(),
            (_, kind) => kind.name().to_owned(),
        };
        let mut known = BTreeSet::new();
        for table in tables(MIGRATIONS.len()).expect("understood") {
            for column in &table.columns {
                let key = table.key.iter().position(|name| *name == column.name).map_or(0, |at| at as i64 + 1);
                known.insert((
                    table.name.clone(),
                    column.name.clone(),
                    named(column.kind),
                    column.nullable && key == 0,
                    key,
                ));
            }
        }
        let there: BTreeSet<_> = there
            .into_iter()
            .map(|(t, c, kind, null, key)| (t, c, if db.engine() == "sqlite" { kind.to_uppercase() } else { kind }, null, key))
            .collect();
        assert_eq!(known.len(), there.len());
        for (known, there) in known.iter().zip(&there) {
            assert_eq!(known, there, "{}", db.engine());
        }
    })
    .await;
}

/// A key file as an installation has it.
fn keys(site: &Site) {
    std::fs::create_dir_all(&site.place.data).expect("folder");
    server::platform::secrets::Keys::open(&site.place.keys_file(), true).expect("made");
}

#[tokio::test]
async fn an_archive_of_an_older_schema_is_restored_and_then_migrated() {
    for (from, to) in [("sqlite", "postgresql"), ("postgresql", "sqlite")] {
        let (old, new) = (Site::on(from).await, Site::on(to).await);
        keys(&old);
        let db = old.place.connect().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        create(&mut tx, 1, common::NOW).await.expect("the first step");
        tx.execute("INSERT INTO setting (key, value, version) VALUES ('name', '旧', 1)", vec![])
            .await
            .expect("written");
        tx.commit().await.expect("commits");
        db.close().await;
        let file = old.beside("old.hutong");
        let kept = old.backup(&file, true).await.expect("kept");
        assert_eq!((kept.head.schema.len(), kept.head.rows), (1, 1));
        let restored = new.restore(&file, None).await.expect("restored");
        assert!(restored.checks.iter().all(|check| check.fault.is_none()), "{:?}", restored.checks);
        let app = new.open().await;
        assert_eq!(app.installation.load().name, "旧");
        assert_eq!(number(&app.db, "SELECT count(*) FROM schema_migration", vec![]).await, MIGRATIONS.len() as i64);
        assert_eq!(number(&app.db, "SELECT count(*) FROM item", vec![]).await, 0, "a table of a later step");
        app.db.close().await;
    }
}

#[tokio::test]
async fn a_database_that_is_not_as_its_schema_says_is_not_kept() {
    for engine in super::stage::ENGINES {
        let site = Site::on(engine).await;
        keys(&site);
        let file = site.beside("a.hutong");
        let db = site.place.connect().await.expect("opens");
        migrate(&db, common::NOW).await.expect("migrates");
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("ALTER TABLE setting ADD COLUMN note text", vec![]).await.expect("altered");
        tx.commit().await.expect("commits");
        let text = refused(site.backup(&file, false).await);
        assert!(text.contains("setting.note"), "{text}");
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("ALTER TABLE setting DROP COLUMN note", vec![]).await.expect("altered");
        tx.execute(
            "INSERT INTO schema_migration (name, digest, applied_at) VALUES ($1, $2, $3)",
            args!["9999_later.sql", "x", 1_i64],
        )
        .await
        .expect("inserted");
        tx.commit().await.expect("commits");
        let text = refused(site.backup(&file, false).await);
        assert!(text.contains("9999_later.sql"), "{text}");
        db.close().await;
        let left: Vec<_> =
            std::fs::read_dir(site.folder.path()).expect("folder").map(|e| e.expect("entry").file_name()).collect();
        assert_eq!(left, ["data"], "no half archive is left");
    }
}
