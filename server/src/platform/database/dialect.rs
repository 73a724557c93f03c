//! The real differences between the two databases, each a named method. A test counts them.

use std::sync::Arc;

use super::tables::Table;
use super::{Db, Exec, StoreError, Target, Tx, Wire};

/// Arguments from which SQLite's look-up of a parameter's name counts: it walks a list for each.
const MANY: usize = 32;

impl Target<'_> {
    /// The statement as this engine binds it fastest. SQLite keeps `$1, $2 …` as names and walks all of them
    /// for each argument, so a statement of 15,000 arguments takes a hundred million steps; plain `?` have no
    /// names. Statements whose arguments do not stand once each in their order stay as they are.
    pub(super) fn fitted(&self, sql: Arc<str>, args: usize) -> Arc<str> {
        match self {
            Self::Sqlite(_) | Self::SqliteReaders(_) if args >= MANY => nameless(&sql, args).map_or(sql, Arc::from),
            _ => sql,
        }
    }
}

/// `$1 … $n` as `?`, if each stands once and in order.
fn nameless(sql: &str, args: usize) -> Option<String> {
    let mut out = String::with_capacity(sql.len());
    let (mut rest, mut next) = (sql, 1);
    while let Some(at) = rest.find('$') {
        let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        if rest[at + 1..at + 1 + digits].parse::<usize>() != Ok(next) {
            return None;
        }
        out.push_str(&rest[..at]);
        out.push('?');
        rest = &rest[at + 1 + digits..];
        next += 1;
    }
    out.push_str(rest);
    (next == args + 1).then_some(out)
}

impl Db {
    /// Names of the tables that exist now.
    pub async fn table_names(&self) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        const POSTGRES: &str =
            "SELECT cast(tablename as text) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename";
        let sql = match self {
            Self::Sqlite { .. } => SQLITE,
            Self::Postgres { .. } => POSTGRES,
        };
        let rows: Vec<(String,)> = self.clone().all(sql, vec![]).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// How many writer lanes the engine carries well: SQLite has one writer. On few cores more lanes would only make
    /// the groups smaller.
    pub fn lanes(&self) -> usize {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres { .. } => std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4),
        }
    }

    /// Whether several processes may be at work on it.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// What is wrong with the pages of the database, a few of it in words; reads all of them. PostgreSQL says it
    /// of the pages that hold rows, for certain only where it keeps checksums.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str = "PRAGMA quick_check(20)";
        if let Self::Sqlite { .. } = self {
            let told: Result<Vec<(String,)>, StoreError> = self.clone().all(SQLITE, vec![]).await;
            return match told {
                Ok(rows) => Ok(rows.into_iter().map(|row| row.0).filter(|text| text != "ok").collect()),
                Err(StoreError::Damaged(fault)) => Ok(vec![fault.to_string()]),
                Err(fault) => Err(fault),
            };
        }
        let mut wrong = Vec::new();
        for name in self.table_names().await? {
            let sql = format!("SELECT count(*) FROM {name}");
            let counted = self.snapshot(move |tx| {
                Box::pin(async move {
                    // Counting over an index would leave the rows unread.
                    tx.execute("SET LOCAL enable_indexonlyscan = off", vec![]).await?;
                    tx.all_built::<(i64,)>(sql, vec![]).await.map(|_| ())
                })
            });
            match counted.await {
                Err(StoreError::Damaged(fault)) => wrong.push(format!("table {name}: {fault}")),
                other => other?,
            }
        }
        Ok(wrong)
    }

    /// Makes the planner count again in tables of which half the rows or more are new since it last did, and says in
    /// how many: after an import it would believe them empty until the database looks by itself, a minute or more
    /// later. SQLite's planner does not count.
    pub async fn take_stock(&self) -> Result<usize, StoreError> {
        const GROWN: &str = "SELECT cast(relname as text) FROM pg_stat_user_tables WHERE schemaname = current_schema() \
             AND n_mod_since_analyze > 1000 + n_live_tup / 2 ORDER BY relname";
        let Self::Postgres { .. } = self else { return Ok(0) };
        let grown: Vec<(String,)> = self.clone().all(GROWN, vec![]).await?;
        for (table,) in &grown {
            self.clone().execute_built(format!("ANALYZE {table}"), vec![]).await?;
        }
        Ok(grown.len())
    }

    /// Bytes the database takes on disk.
    pub async fn size(&self) -> Result<i64, StoreError> {
        const SQLITE: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        const POSTGRES: &str = "SELECT pg_database_size(current_database())";
        let sql = match self {
            Self::Sqlite { .. } => SQLITE,
            Self::Postgres { .. } => POSTGRES,
        };
        let row: (i64,) = self.clone().one(sql, vec![]).await?;
        Ok(row.0)
    }
}

impl Tx {
    /// What makes a text sort by its bytes, whatever the database's collation is.
    pub fn byte_order(&self) -> &'static str {
        match self.wire {
            Wire::Sqlite(_) => "",
            Wire::Postgres(_) => " COLLATE \"C\"",
        }
    }

    /// Table and name of every column that exists now.
    pub async fn column_names(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        const SQLITE: &str = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name";
        const POSTGRES: &str = "SELECT cast(table_name as text), cast(column_name as text) FROM information_schema.columns \
             WHERE table_schema = current_schema() ORDER BY 1, 2";
        let sql = match self.wire {
            Wire::Sqlite(_) => SQLITE,
            Wire::Postgres(_) => POSTGRES,
        };
        self.all(sql, vec![]).await
    }

    /// Nobody else writes until this transaction ends. SQLite's writing transaction is that already.
    pub async fn lock_against_writes(&mut self, tables: &[Table]) -> Result<(), StoreError> {
        if let Wire::Sqlite(_) = self.wire {
            return Ok(());
        }
        // The other database is read for as long as it takes while this transaction waits.
        self.execute("SET LOCAL idle_in_transaction_session_timeout = 0", vec![]).await?;
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        self.execute_built(format!("LOCK TABLE {} IN SHARE MODE", names.join(", ")), vec![]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::nameless;

    #[test]
    fn names_go_only_where_each_argument_stands_once_in_order() {
        assert_eq!(
            nameless("INSERT INTO t (a, b) VALUES ($1, $2)", 2).as_deref(),
            Some("INSERT INTO t (a, b) VALUES (?, ?)")
        );
        assert_eq!(nameless("SELECT 1 WHERE a = $2 AND b = $1", 2), None);
        assert_eq!(nameless("SELECT 1 WHERE a = $1 OR b = $1", 1), None);
        assert_eq!(nameless("SELECT 1 WHERE a = $1", 2), None);
    }
}
