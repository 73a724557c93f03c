//! Migrations: forward only, the same file names on both sides, released files frozen by hash.

use sha2::{Digest, Sha256};

use super::{Db, Exec, StoreError, Tx, Wire};
use crate::args;
use crate::platform::secrets::hex;

/// One step of the schema.
pub struct Migration {
    /// file name without folder
    pub name: &'static str,
    /// text for SQLite
    pub sqlite: &'static str,
    /// text for PostgreSQL
    pub postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: include_str!(concat!("../../../../migrations/sqlite/", $name)),
            postgres: include_str!(concat!("../../../../migrations/postgres/", $name)),
        }),*]
    };
}

/// Every migration in order.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_platform.sql",
    "0002_geography_directory_access.sql",
    "0003_entities_forms.sql",
    "0004_work.sql",
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (name text NOT NULL PRIMARY KEY, digest text NOT NULL, applied_at bigint NOT NULL)";
const APPLIED: &str = "SELECT name, digest FROM schema_migration ORDER BY name";
const RECORD: &str =
    "INSERT INTO schema_migration (name, digest, applied_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";

impl Migration {
    /// SHA-256 over both texts, in hex.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.sqlite);
        hash.update([0]);
        hash.update(self.postgres);
        hex(&hash.finalize())
    }
}

/// How the database's schema stands against this binary's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// nothing applied yet
    Empty,
    /// some migrations are missing
    Behind(usize),
    /// as this binary wants it
    Current,
    /// applied by a newer binary, or a released file was changed: the name of the first such step
    Foreign(String),
}

/// Compares the applied migrations with ours, changing nothing.
pub async fn schema_state(db: &Db) -> Result<SchemaState, StoreError> {
    if !db.table_names().await?.iter().any(|name| name == "schema_migration") {
        return Ok(SchemaState::Empty);
    }
    let applied: Vec<(String, String)> = db.clone().all(APPLIED, vec![]).await?;
    for (name, digest) in &applied {
        match MIGRATIONS.iter().find(|migration| migration.name == name) {
            Some(migration) if migration.digest() == *digest => {}
            _ => return Ok(SchemaState::Foreign(name.clone())),
        }
    }
    Ok(match MIGRATIONS.len() - applied.len() {
        0 => SchemaState::Current,
        _ if applied.is_empty() => SchemaState::Empty,
        missing => SchemaState::Behind(missing),
    })
}

/// Applies what is missing, each step in its own transaction; refuses a schema newer than this binary.
pub async fn migrate(db: &Db, now: i64) -> Result<usize, StoreError> {
    if let SchemaState::Foreign(name) = schema_state(db).await? {
        return Err(StoreError::Corrupt(format!(
            "the database was migrated by another version (step {name}); use that version of hutong"
        )));
    }
    let mut tx = db.begin_write().await?;
    tx.execute(CREATE, vec![]).await?;
    tx.commit().await?;
    let applied: Vec<(String, String)> = db.clone().all(APPLIED, vec![]).await?;
    let mut count = 0;
    for migration in MIGRATIONS {
        if applied.iter().any(|(name, _)| name == migration.name) {
            continue;
        }
        let mut tx = db.begin_write().await?;
        let text = match db {
            Db::Sqlite { .. } => migration.sqlite,
            Db::Postgres { .. } => migration.postgres,
        };
        for statement in statements(text) {
            tx.execute_built(statement, vec![]).await?;
        }
        tx.execute(RECORD, args![migration.name, migration.digest(), now]).await?;
        tx.commit().await?;
        count += 1;
    }
    Ok(count)
}

/// One applied step: name and digest.
pub type Step = (String, String);

/// The steps that were applied, in order; none of an empty database.
pub async fn steps(conn: &mut impl Exec) -> Result<Vec<Step>, StoreError> {
    conn.all(APPLIED, vec![]).await
}

/// The first `count` steps within an open transaction, on a database without tables.
pub async fn create(tx: &mut Tx, count: usize, now: i64) -> Result<(), StoreError> {
    tx.execute(CREATE, vec![]).await?;
    for migration in MIGRATIONS.iter().take(count) {
        let text = match tx.wire {
            Wire::Sqlite(_) => migration.sqlite,
            Wire::Postgres(_) => migration.postgres,
        };
        for statement in statements(text) {
            tx.execute_built(statement, vec![]).await?;
        }
        tx.execute(RECORD, args![migration.name, migration.digest(), now]).await?;
    }
    Ok(())
}

/// Splits a migration into statements; our DDL has no semicolon inside one.
pub(super) fn statements(text: &str) -> Vec<String> {
    let bare: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    bare.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}
