//! Installations to keep and empty places to restore into.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use server::app::App;
use server::demo::{self, DemoAccounts};
use server::keeping::{self, KeepError, Report, Restored, Seen};
use server::platform::database::bulk::OnKey;
use server::platform::database::{Arg, Db, Exec};
use server::platform::entity::{ENTITY, entity_row};
use server::platform::files::{self, NewFile};
use server::platform::ids::{Id, new_id};
use server::start::{self, Place};
use server::{args, doctor, front};
use tower::ServiceExt;

use super::common;

pub const ENGINES: [&str; 2] = ["sqlite", "postgresql"];

/// A place of its own, on either database; with nothing there yet.
pub struct Site {
    pub place: Place,
    pub folder: Arc<tempfile::TempDir>,
}

impl Site {
    pub async fn on(engine: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("temp"));
        let database_url = if engine == "sqlite" { None } else { Some(schema().await) };
        Self { place: Place { data: folder.path().join("data"), database_url }, folder }
    }

    /// A file beside the data folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn open(&self) -> App {
        start::open(&self.place).await.expect("opens")
    }

    /// Whether an import into this place was broken off. One that was killed before it made its folder left nothing.
    pub async fn is_unfinished(&self) -> bool {
        if self.place.database_url.is_none() && !self.place.sqlite_file().exists() {
            return false;
        }
        let db = self.place.connect().await.expect("opens");
        let marks = start::marks(&db).await.expect("reads");
        db.close().await;
        marks[1].is_some()
    }

    pub async fn backup(&self, file: &Path, with_keys: bool) -> Result<Report, KeepError> {
        keeping::backup(&self.place, file, with_keys, Arc::new(|| common::NOW), silent()).await
    }

    pub async fn restore(&self, file: &Path, keys: Option<&Path>) -> Result<Restored, KeepError> {
        keeping::restore(&self.place, file, keys, common::NOW, silent()).await
    }

    /// The options that name this place to the program.
    pub fn options(&self) -> Vec<String> {
        let mut options = vec!["--data".to_owned(), self.place.data.display().to_string()];
        if let Some(url) = &self.place.database_url {
            options.extend(["--database-url".to_owned(), url.clone()]);
        }
        options
    }

    /// How `hutong move --to` names it.
    pub fn url(&self) -> String {
        self.place.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", self.place.data.display()))
    }
}

pub fn silent() -> Seen {
    Arc::new(|_, _| {})
}

async fn schema() -> String {
    let url = common::postgres_url();
    let schema = format!("k{}", server::platform::ids::new_free_id(common::NOW).simple());
    let admin = Db::open_postgres(&url).await.expect("the test PostgreSQL answers");
    admin.clone().execute_built(format!("CREATE SCHEMA {schema}"), vec![]).await.expect("schema");
    admin.close().await;
    format!("{url}?options=-c%20search_path%3D{schema}")
}

/// What the stored files of the city hold.
fn contents() -> [Vec<u8>; 3] {
    [vec![], vec![7; 3], (0..700_000_u32).map(|n| (n % 251) as u8).collect()]
}

/// The demo city with what is hard to keep: every kind of null and empty, odd letters, files. It is built
/// once for this test program and kept; every test gets a copy of its own.
pub async fn city(engine: &str) -> (Site, DemoAccounts, Vec<(Id, Vec<u8>)>) {
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified()).expect("program");
    let built = built.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let lock = std::fs::File::create(folder.join("city.lock")).expect("lock");
    lock.lock().expect("locked");
    let (archive, about) = (folder.join("city.hutong"), folder.join(format!("city-{built}.json")));
    if !about.exists() {
        for old in std::fs::read_dir(&folder).expect("folder").flatten() {
            let name = old.file_name().to_string_lossy().into_owned();
            if name.starts_with("city-") || name == "city.hutong" {
                std::fs::remove_file(old.path()).expect("removed");
            }
        }
        build(&archive, &about).await;
    }
    let told = std::fs::read(&about).expect("read");
    let (accounts, stored): (DemoAccounts, Vec<Id>) = serde_json::from_slice(&told).expect("json");
    let site = Site::on(engine).await;
    site.restore(&archive, None).await.expect("restored");
    (site, accounts, stored.into_iter().zip(contents()).collect())
}

async fn build(archive: &Path, about: &Path) {
    let site = Site::on("sqlite").await;
    let app = site.open().await;
    let accounts = demo::build(&app, "http://127.0.0.1:8080").await.expect("builds");
    let mut tx = app.db.begin_write().await.expect("begins");
    let texts = ["", " ", "互通 👵🏽 e\u{301} \u{202e}rtl", "a\r\n\tb\\'\"$1;--", "\u{10ffff}", "Ä ä ß I ı İ"];
    for (at, text) in texts.iter().enumerate() {
        let shard = at as i64;
        ENTITY
            .write(
                &mut tx,
                vec![entity_row(shard, new_id(shard, common::NOW), "thing", None, i64::MIN + shard)],
                OnKey::Fail,
            )
            .await
            .expect("written");
        tx.execute(
            "INSERT INTO setting (key, value, version) VALUES ($1, $2, $3)",
            args![format!("odd {text}"), *text, i64::MAX],
        )
        .await
        .expect("written");
        tx.execute(
            "INSERT INTO idempotency (key, request_hash, status, body, created_at) VALUES ($1, $2, 200, $3, $4)",
            args![format!("{at}"), [0_u8, 255].repeat(at), *text, -1_i64],
        )
        .await
        .expect("written");
    }
    tx.commit().await.expect("commits");
    let mut stored = Vec::new();
    for bytes in contents() {
        let file = NewFile {
            purpose: "test",
            name: "名单.csv".into(),
            media_type: "text/csv".into(),
            bytes,
            owner: None,
            expires_at: None,
        };
        stored.push(files::put(&app, file).await.expect("stored"));
    }
    app.db.close().await;
    site.backup(archive, true).await.expect("kept");
    let told = serde_json::to_vec(&(accounts, stored)).expect("json");
    std::fs::write(about, told).expect("written");
}

/// What the API says of the first running task's board, at its root and as of no particular moment.
pub async fn board(app: &App, accounts: &DemoAccounts) -> Value {
    let (task,): (Id,) = app.read().one("SELECT id FROM task WHERE state = 'running'", vec![]).await.expect("task");
    let token = &accounts.accounts.iter().find(|account| account.login == "liuhui").expect("manager").token;
    let request = Request::get(format!("/api/v1/boards/{task}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .expect("request");
    let answer = front::app_router(app.clone()).oneshot(request).await.expect("answers");
    assert_eq!(answer.status(), 200);
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("body");
    let mut board: Value = serde_json::from_slice(&bytes).expect("json");
    for instant in ["as_of", "open_as_of"] {
        board.as_object_mut().expect("object").remove(instant).expect("said");
    }
    assert!(board["here"]["totals"]["assigned"].as_i64().expect("counted") > 200, "{board}");
    board
}

/// The self-check finds nothing.
pub async fn is_well(app: &App) {
    let checks = doctor::examine(app, |_| {}).await.expect("looks");
    let faults: Vec<_> = checks.iter().filter(|check| check.fault.is_some()).collect();
    assert!(faults.is_empty() && checks.len() > 4, "{faults:?}");
}

/// One number.
pub async fn number(db: &Db, sql: &'static str, args: Vec<Arg>) -> i64 {
    db.clone().one::<(i64,)>(sql, args).await.expect("counts").0
}

/// The text of a refusal.
pub fn refused<T>(result: Result<T, KeepError>) -> String {
    match result {
        Ok(_) => panic!("was not refused"),
        Err(fault) => fault.to_string(),
    }
}
