//! The real differences between the two databases, each a named method. A test counts them.

use super::{Db, Exec, StoreError};

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
