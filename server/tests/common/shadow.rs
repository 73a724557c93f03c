//! The shadow schema: every sharded table as hash partitions, derived from the migrations themselves, as a
//! distributed engine would have them.

use server::args;
use server::platform::database::catalogue::{Class, TABLES};
use server::platform::database::{Db, Exec, MIGRATIONS};

/// Partitions of each sharded table.
pub const PARTITIONS: i64 = 4;

/// The statements of one migration, sharded tables partitioned.
pub fn statements(text: &str) -> Vec<String> {
    let bare: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let mut out = Vec::new();
    for statement in bare.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let name = statement.strip_prefix("create table ").and_then(|rest| rest.split(" (").next());
        let sharded = name.filter(|name| TABLES.iter().any(|table| table.0 == *name && table.1 == Class::Sharded));
        let Some(name) = sharded else {
            out.push(statement.to_owned());
            continue;
        };
        out.push(format!("{statement} partition by hash (shard)"));
        for part in 0..PARTITIONS {
            out.push(format!(
                "create table {name}_p{part} partition of {name} for values with (modulus {PARTITIONS}, remainder {part})"
            ));
        }
    }
    out
}

/// Lays the schema so, and notes the migrations as applied.
pub async fn lay(db: &Db, now: i64) {
    let mut tx = db.begin_write().await.expect("begins");
    tx.execute(
        "CREATE TABLE schema_migration (name text NOT NULL PRIMARY KEY, digest text NOT NULL, applied_at bigint NOT NULL)",
        vec![],
    )
    .await
    .expect("created");
    for migration in MIGRATIONS {
        for statement in statements(migration.postgres) {
            let said = statement.clone();
            tx.execute_built(statement, vec![]).await.unwrap_or_else(|fault| panic!("{fault}\n{said}"));
        }
        tx.execute(
            "INSERT INTO schema_migration (name, digest, applied_at) VALUES ($1, $2, $3)",
            args![migration.name, migration.digest(), now],
        )
        .await
        .expect("noted");
    }
    tx.commit().await.expect("commits");
}
