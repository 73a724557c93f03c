//! Reads everything that is stored.

use server::app::App;
use server::platform::database::Exec;

/// Every row of a table as one text, bytes included.
pub async fn texts_of(app: &App, table: &str) -> Vec<String> {
    let columns: Vec<(String,)> = if app.db.engine() == "sqlite" {
        app.read().all_built(format!("SELECT name FROM pragma_table_info('{table}')"), vec![]).await
    } else {
        app.read()
            .all_built(
                format!("SELECT cast(column_name as text) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '{table}'"),
                vec![],
            )
            .await
    }
    .expect("columns");
    let mut out = Vec::new();
    for (column,) in columns {
        // Bytes are read as hex, texts as they are; a clear number in bytes shows as its hex.
        let (text, hex) = if app.db.engine() == "sqlite" {
            (format!("cast({column} as text)"), format!("hex({column})"))
        } else {
            (format!("cast({column} as text)"), format!("encode(cast(cast({column} as text) as bytea), 'hex')"))
        };
        for expression in [text, hex] {
            let sql = format!("SELECT coalesce({expression}, '') FROM {table}");
            match app.read().all_built::<(String,)>(sql, vec![]).await {
                Ok(rows) => out.extend(rows.into_iter().map(|row| row.0)),
                // Bytes that are no text: their hex is looked at.
                Err(_) => continue,
            }
        }
    }
    out
}
