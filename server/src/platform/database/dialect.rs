//! The real differences between the two databases, each a named method. A test counts them.

use super::tables::Table;
use super::{Db, Exec, StoreError, Tx};

impl Db {
    /// Names of the tables that exist now.
    pub async fn table_names(&self) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        const POSTGRES: &str =
            "SELECT cast(tablename as text) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename";
        let sql = match self {
            Self::Sqlite { .. } => SQLITE,
            Self::Postgres(_) => POSTGRES,
        };
        let rows: Vec<(String,)> = self.clone().all(sql, vec![]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// How many writer lanes the engine carries well: SQLite has one writer.
    pub fn lanes(&self) -> usize {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres(_) => 4,
        }
    }

    /// Bytes the database takes on disk.
    pub async fn size(&self) -> Result<i64, StoreError> {
        const SQLITE: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        const POSTGRES: &str = "SELECT pg_database_size(current_database())";
        let sql = match self {
            Self::Sqlite { .. } => SQLITE,
            Self::Postgres(_) => POSTGRES,
        };
        let row: (i64,) = self.clone().one(sql, vec![]).await?;
        Ok(row.0)
    }
}

impl Tx {
    /// What makes a text sort by its bytes, whatever the database's collation is.
    pub fn byte_order(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " COLLATE \"C\"",
        }
    }

    /// Table and name of every column that exists now.
    pub async fn column_names(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        const SQLITE: &str = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name";
        const POSTGRES: &str = "SELECT cast(table_name as text), cast(column_name as text) FROM information_schema.columns \
             WHERE table_schema = current_schema() ORDER BY 1, 2";
        let sql = match self {
            Self::Sqlite(_) => SQLITE,
            Self::Postgres(_) => POSTGRES,
        };
        self.all(sql, vec![]).await
    }

    /// Nobody else writes until this transaction ends. SQLite's writing transaction is that already.
    pub async fn lock_against_writes(&mut self, tables: &[Table]) -> Result<(), StoreError> {
        if let Self::Sqlite(_) = self {
            return Ok(());
        }
        // The other database is read for as long as it takes while this transaction waits.
        self.execute("SET LOCAL idle_in_transaction_session_timeout = 0", vec![]).await?;
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        self.execute_built(format!("LOCK TABLE {} IN SHARE MODE", names.join(", ")), vec![]).await.map(|_| ())
    }
}
