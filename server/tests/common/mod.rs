//! The same body on both databases: `each(|house| async move { … }).await`.
//!
//! PostgreSQL is a must: `make test` starts it (`scripts/test-postgres.sh`); without it the tests fail
//! and say so. Every house has a schema of its own there, or a file of its own on SQLite.
#![allow(dead_code)] // each test file uses its part of the harness

pub mod shadow;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use server::app::App;
use server::platform::clock::Clock;
use server::platform::database::{Db, Exec, migrate};
use server::platform::limits::Limits;
use server::platform::secrets::Keys;
use server::start;

/// 2026-11-24 09:00 in Shanghai, a Tuesday.
pub const NOW: i64 = 1_795_482_000_000_000;

/// A database of its own, migrated and empty, with an app on it.
pub struct House {
    pub app: App,
    pub engine: &'static str,
    folder: Arc<tempfile::TempDir>,
}

impl House {
    /// Where its keys, files and embedded database lie.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Runs `body` on SQLite, then on PostgreSQL.
pub async fn each<F, R>(body: F)
where
    F: Fn(House) -> R,
    R: Future<Output = ()>,
{
    // An async block captures the fields it names: the folder must outlive it here.
    for house in [sqlite().await, postgres().await] {
        let folder = Arc::clone(&house.folder);
        body(house).await;
        drop(folder);
    }
}

/// Only the databases, for tests below the app.
pub async fn each_db<F, R>(body: F)
where
    F: Fn(Db) -> R,
    R: Future<Output = ()>,
{
    let folder = tempfile::tempdir().expect("temp folder");
    let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("sqlite opens");
    storm();
    body(db).await;
    body(open_postgres().await).await;
}

pub async fn sqlite() -> House {
    let folder = tempfile::tempdir().expect("temp folder");
    let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("sqlite opens");
    house(db, folder).await
}

pub async fn postgres() -> House {
    let folder = tempfile::tempdir().expect("temp folder");
    house(open_postgres().await, folder).await
}

pub async fn house(db: Db, folder: tempfile::TempDir) -> House {
    migrate(&db, NOW).await.expect("migrates");
    let engine = db.engine();
    let app = start::assemble_within(db, Clock::fixed(NOW), Keys::ephemeral(), folder.path(), Limits::generous())
        .await
        .expect("opens");
    storm();
    House { app, engine, folder: Arc::new(folder) }
}

/// With `HUTONG_TEST_HARD=SEED` the same bodies run once more where it is hard: on PostgreSQL with hash
/// partitions and at serializable; with the feature `fault-hooks` on both databases with conflicts before
/// and silence after one commit in ten.
fn hard() -> Option<u64> {
    std::env::var("HUTONG_TEST_HARD").ok().map(|seed| seed.parse().expect("HUTONG_TEST_HARD is a number"))
}

/// Throws faults from here on, if this is a hard run.
fn storm() {
    #[cfg(feature = "fault-hooks")]
    if let Some(seed) = hard() {
        server::platform::faults::throw(seed, 50, 50);
    }
}

async fn open_postgres() -> Db {
    let db =
        open_schema(if hard().is_some() { "%20-c%20default_transaction_isolation%3Dserializable" } else { "" }).await;
    if hard().is_some() {
        shadow::lay(&db, NOW).await;
    }
    db
}

/// PostgreSQL with every sharded table as hash partitions.
pub async fn shadow_db() -> Db {
    let db = open_schema("").await;
    shadow::lay(&db, NOW).await;
    db
}

async fn open_schema(options: &str) -> Db {
    Db::open_postgres(&schema_url(options).await).await.expect("opens")
}

/// The URL of a new, empty schema.
pub async fn schema_url(options: &str) -> String {
    let url = postgres_url();
    let schema = format!("t{}", server::platform::ids::new_free_id(NOW).simple());
    let admin = Db::open_postgres(&url).await.expect("the test PostgreSQL answers");
    admin.clone().execute_built(format!("CREATE SCHEMA {schema}"), vec![]).await.expect("schema");
    admin.close().await;
    format!("{url}?options=-c%20search_path%3D{schema}{options}")
}

/// The URL that `scripts/test-postgres.sh` wrote.
pub fn postgres_url() -> String {
    if let Ok(url) = std::env::var("HUTONG_TEST_POSTGRES") {
        return url;
    }
    let folder = std::env::var("HUTONG_PG_DIR")
        .map_or_else(|_| std::env::temp_dir().join("hutong-test-postgres"), PathBuf::from);
    std::fs::read_to_string(folder.join("url"))
        .expect("no test PostgreSQL: run `make test` or `sh scripts/test-postgres.sh` first")
        .trim()
        .to_owned()
}

/// PostgreSQL takes an untyped argument in VALUES for text. At run time every argument comes with its
/// type; here the first tuple says it.
pub fn typed(sql: &str) -> String {
    const KEYS: [(&str, &[&str]); 6] = [
        ("(id, shard)", &["uuid", "bigint"]),
        ("(r.id, r.shard)", &["uuid", "bigint"]),
        ("(shard, entity_id)", &["bigint", "uuid"]),
        ("(client_id, form_id, shard)", &["uuid", "uuid", "bigint"]),
        ("(shard, number)", &["bigint", "bigint"]),
        ("(shard, seq)", &["bigint", "bigint"]),
    ];
    let sql = sql.replace(
        "UPDATE event SET seq = v.column3 FROM (VALUES ($1, $2, $3)",
        "UPDATE event SET seq = v.column3 FROM (VALUES (cast($1 as bigint), cast($2 as uuid), cast($3 as bigint))",
    );
    KEYS.into_iter().fold(sql, |sql, (key, kinds)| {
        let plain: Vec<String> = (1..=kinds.len()).map(|n| format!("${n}")).collect();
        let cast: Vec<String> =
            kinds.iter().enumerate().map(|(at, kind)| format!("cast(${} as {kind})", at + 1)).collect();
        sql.replace(
            &format!("{key} IN (VALUES ({}", plain.join(", ")),
            &format!("{key} IN (VALUES ({}", cast.join(", ")),
        )
    })
}
