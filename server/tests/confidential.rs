//! What was said in confidence: after a story told through the router, no citizen number and no phone is
//! readable in any column of the database or any file beside it, and the log, at its most talkative, holds
//! neither numbers nor names nor what people typed.

#[path = "routes/cast.rs"]
#[allow(dead_code)] // the stage is the route table's; here a part of it acts
mod cast;
mod common;
#[path = "common/dump.rs"]
mod dump;
#[path = "common/town.rs"]
mod town;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use cast::{ACTORS, Cast};
use server::app::App;
use server::platform::http::app_router;
use server::platform::log;
use tower::ServiceExt;

/// Numbers and phones of the story: those of the stage, those on the sheet, those typed wrongly.
const NUMBERS: [&str; 8] = [
    "110105194003010011",
    "11010519400301002X",
    "13812345678",
    "11010519491231002X",
    "110105195001010047",
    "13900001111",
    "13900002222",
    "110105195001010099",
];
/// Names and words of the story.
const WORDS: [&str; 8] =
    ["甲秀兰", "乙秀兰", "丁大爷", "戊大妈", "己阿姨", "膝盖疼", "open sesame please", "not-the-password"];

/// Everything that is logged, as text.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = if byte.is_ascii_alphanumeric() { write!(out, "{}", byte as char) } else { write!(out, "%{byte:02X}") };
        out
    })
}

struct Story<'a> {
    app: &'a App,
    cast: &'a Cast,
}

impl Story<'_> {
    async fn ask(&self, actor: &str, method: &str, path: &str, kind: &str, body: Vec<u8>) -> StatusCode {
        let at = ACTORS.iter().position(|name| *name == actor).expect("an actor");
        let mut request = Request::builder()
            .method(method)
            .uri(self.cast.fill(path))
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin");
        for (name, value) in self.cast.headers(at) {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).expect("request");
        app_router(self.app.clone()).oneshot(request).await.expect("answered").status()
    }

    async fn get(&self, actor: &str, path: &str) -> StatusCode {
        self.ask(actor, "GET", path, "text/plain", vec![]).await
    }

    async fn post(&self, actor: &str, path: &str, pairs: &[(&str, &str)]) -> StatusCode {
        let body: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", encoded(&self.cast.fill(value)))).collect();
        self.ask(actor, "POST", path, "application/x-www-form-urlencoded", body.join("&").into_bytes()).await
    }

    async fn tell(&self) {
        // Sign-in with a wrong password, then a phone typed where the name goes.
        let wrong = [("login", "root"), ("password", "not-the-password")];
        assert_eq!(self.post("anonymous", "/sign-in", &wrong).await, StatusCode::UNPROCESSABLE_ENTITY);
        let phone = [("login", "13900002222"), ("password", "not-the-password")];
        assert_eq!(self.post("anonymous", "/sign-in", &phone).await, StatusCode::UNPROCESSABLE_ENTITY);
        // A sheet of people.
        let sheet = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"丁大爷.csv\"\r\n\r\n\
            姓名,身份证号,联系电话,所在社区\n丁大爷,11010519491231002X,13900001111,古城街道第2社区\n\
            戊大妈,110105195001010047,13900002222,古城街道第2社区\n己阿姨,110105195001010099,,古城街道第2社区\n\r\n--cut--\r\n";
        let kind = "multipart/form-data; boundary=cut";
        let path = "/tasks/{task-b}/subjects/upload";
        assert_eq!(self.ask("sibling", "POST", path, kind, sheet.into()).await, StatusCode::OK);
        assert_eq!(self.get("sibling", "/tasks/{task-b}/dry-run").await, StatusCode::OK);
        assert_eq!(self.post("sibling", "/tasks/{task-b}/dispatch", &[]).await, StatusCode::SEE_OTHER);
        server::platform::jobs::run_until_idle(self.app).await.expect("sent");
        // A visit with a wrong number, then a right one.
        let mut visit = vec![
            ("client_id", "{client-1}"),
            ("name", "乙秀兰"),
            ("id_no", "110105195001010099"),
            ("phone", "13900002222"),
            ("living_alone", "false"),
            ("visited_on", "2026-11-23"),
            ("remarks", "膝盖疼"),
        ];
        let path = "/items/{item-b}";
        assert_eq!(self.post("sibling", path, &visit).await, StatusCode::UNPROCESSABLE_ENTITY);
        visit[2].1 = "11010519400301002X";
        assert_eq!(self.post("sibling", path, &visit).await, StatusCode::SEE_OTHER);
        // Search, reveal, call, export.
        assert_eq!(self.get("sibling", &format!("/search?q={}", encoded("乙秀兰"))).await, StatusCode::OK);
        assert_eq!(self.get("sibling", "/search?q=13900002222").await, StatusCode::OK);
        let reveal = [("attribute", "mobile"), ("reason", "膝盖疼，问问要不要送药")];
        assert_eq!(self.post("sibling", "/people/{person-b}/reveal", &reveal).await, StatusCode::OK);
        assert_eq!(self.post("sibling", "/items/{task-done-b}/call", &[]).await, StatusCode::OK);
        let export = [("format", "csv")];
        assert_eq!(self.post("sibling", "/ledgers/{ledger}/export", &export).await, StatusCode::OK);
        // What fails, fails without words too.
        assert_eq!(self.get("anonymous", &format!("/nowhere/{}", encoded("丁大爷"))).await, StatusCode::NOT_FOUND);
        let api = r#"{"title":"乙秀兰 13900002222""#;
        let broken = self.ask("token", "POST", "/api/v1/tokens", "application/json", api.into()).await;
        assert_eq!(broken, StatusCode::BAD_REQUEST);
    }
}

/// Files below a folder that hold one of the secrets in clear.
fn files_with(folder: &Path, secrets: &[&str], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the data folder").flatten() {
        if entry.path().is_dir() {
            files_with(&entry.path(), secrets, found);
            continue;
        }
        let bytes = std::fs::read(entry.path()).expect("reads");
        for secret in secrets {
            if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                found.push(format!("{} holds {secret}", entry.path().display()));
            }
        }
    }
}

// One test alone in its process: the log's collector is the process's.
#[tokio::test(flavor = "multi_thread")]
async fn a_story_leaves_no_number_in_clear_and_nothing_personal_in_the_log() {
    let heard = Captured::default();
    let writer = heard.clone();
    tracing_subscriber::fmt().with_env_filter(log::filter("trace")).with_writer(move || writer.clone()).json().init();
    common::each(|house| {
        let heard = heard.clone();
        async move {
            let cast = Cast::build(&house.app).await;
            heard.0.lock().expect("lock").clear();
            Story { app: &house.app, cast: &cast }.tell().await;
            let text = String::from_utf8(heard.0.lock().expect("lock").clone()).expect("utf-8");
            assert!(text.contains("\"route\":\"/sign-in\""), "the log was heard: {text}");
            for word in NUMBERS.iter().chain(&WORDS) {
                for form in [(*word).to_owned(), encoded(word)] {
                    let line = text.lines().find(|line| line.contains(&form));
                    assert_eq!(line, None, "{} logs {word}", house.engine);
                }
            }
            let mut read = 0;
            for table in house.app.db.table_names().await.expect("tables") {
                for row in dump::texts_of(&house.app, &table).await {
                    read += 1;
                    let row = row.to_lowercase();
                    for number in NUMBERS {
                        let hex: String = number.bytes().map(|byte| format!("{byte:02x}")).collect();
                        assert!(!row.contains(&number.to_lowercase()), "{table} on {} holds {number}", house.engine);
                        assert!(!row.contains(&hex), "{table} on {} holds {number} as bytes", house.engine);
                    }
                }
            }
            assert!(read > 300, "the whole database was read: {read} rows");
            let mut found = Vec::new();
            files_with(house.folder(), &NUMBERS, &mut found);
            assert_eq!(found, Vec::<String>::new());
        }
    })
    .await;
}
