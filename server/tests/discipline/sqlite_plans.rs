//! SQLite: a statement finds its rows by an index that is there, not by one made for the occasion.

use server::platform::database::{Db, Exec, migrate};
use server::statements;

use super::common;

/// What SQLite says when it walks a table and looks up the rows of a statement, not the other way round.
const MADE: [&str; 2] = ["AUTOMATIC", "BLOOM FILTER ON"];

#[tokio::test]
async fn no_index_is_made_for_one_statement() {
    let folder = tempfile::tempdir().expect("folder");
    let db = Db::open_sqlite(&folder.path().join("plans.db")).await.expect("opens");
    migrate(&db, common::NOW).await.expect("migrates");
    let mut tx = db.begin_write().await.expect("begins");
    let constants = statements::constants()
        .into_iter()
        .flat_map(|(file, list)| list.iter().map(move |sql| (file, (*sql).to_owned())));
    let samples = statements::samples().into_iter();
    // As many rows as a slice of the sealer has: a plan for two says nothing about it.
    let many = [("audit", server::audit::store::number_sql(512))];
    let mut faults = Vec::new();
    for (room, sql) in constants.chain(samples).chain(many) {
        let plan: Vec<(i64, i64, i64, String)> = tx
            .all_built(format!("EXPLAIN QUERY PLAN {sql}"), vec![])
            .await
            .unwrap_or_else(|fault| panic!("{fault}\n{sql}"));
        let made: Vec<&String> =
            plan.iter().map(|(.., line)| line).filter(|line| MADE.iter().any(|word| line.contains(word))).collect();
        if !made.is_empty() {
            faults.push(format!("{room}: {made:?} in {}", sql.chars().take(300).collect::<String>()));
        }
    }
    assert!(faults.is_empty(), "{}:\n{}", faults.len(), faults.join("\n"));
}
