//! Bad input through the doors that people use, the router and the program: each is told in Chinese and in
//! English what is wrong and where, nothing of it is stored, and the house goes on serving.

#[path = "routes/cast.rs"]
#[allow(dead_code)] // the stage is the route table's; here a part of it acts
mod cast;
mod common;
#[path = "common/packages.rs"]
mod packages;
#[path = "common/town.rs"]
mod town;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use cast::{ACTORS, Cast};
use packages::{ENTITY_BOMB, package, two_gigabytes, workbook};
use server::app::App;
use server::platform::database::{Exec, catalogue};
use server::platform::http::app_router;
use tower::ServiceExt;

const SHEET: &str = "/tasks/{task-b}/subjects/upload";
const IMPORT: &str = "/api/v1/tasks/{task-b}/subjects/import";

/// Everything that is stored, by table. Sessions and the reasons of refused API calls are not content.
async fn stored(app: &App) -> BTreeMap<&'static str, i64> {
    let mut all = BTreeMap::new();
    for (table, _) in catalogue::TABLES {
        if matches!(*table, "web_session" | "lease" | "job") {
            continue;
        }
        let rows: Vec<(i64,)> =
            app.read().all_built(format!("SELECT count(*) FROM {table}"), vec![]).await.expect("counts");
        all.insert(*table, rows[0].0);
    }
    all
}

/// One actor with a browser set to a language.
struct Asker<'a> {
    app: &'a App,
    cast: &'a Cast,
    actor: usize,
    lang: &'static str,
}

impl Asker<'_> {
    fn request(&self, path: &str, kind: &str) -> axum::http::request::Builder {
        let mut cookie = format!("lang={}", self.lang);
        let mut builder = Request::post(self.cast.fill(path))
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin");
        for (name, value) in self.cast.headers(self.actor) {
            if name == "cookie" {
                cookie = format!("{value}; {cookie}");
            } else {
                builder = builder.header(name, value);
            }
        }
        builder.header(header::COOKIE, cookie)
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = app_router(self.app.clone()).oneshot(request).await.expect("answered");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 8 << 20).await.expect("body");
        (status, String::from_utf8(bytes.to_vec()).expect("utf-8"))
    }

    async fn upload(&self, path: &str, name: &str, bytes: &[u8]) -> (StatusCode, String) {
        let body = format!("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        let mut body = body.into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let request = self.request(path, "multipart/form-data; boundary=cut");
        self.send(request.body(Body::from(body)).expect("request")).await
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> (StatusCode, String) {
        let encoded = |text: &str| {
            text.bytes().fold(String::new(), |mut out, b| {
                use std::fmt::Write;
                let _ = if b.is_ascii_alphanumeric() { write!(out, "{}", b as char) } else { write!(out, "%{b:02X}") };
                out
            })
        };
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.request(path, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.join("&"))).expect("request")).await
    }
}

fn at(name: &str) -> usize {
    ACTORS.iter().position(|actor| *actor == name).expect("an actor")
}

/// The house still answers.
async fn alive(app: &App) {
    let request = Request::get("/readyz").body(Body::empty()).expect("request");
    let response = app_router(app.clone()).oneshot(request).await.expect("answered");
    assert_eq!(response.status(), StatusCode::OK);
}

/// What is refused whole: file, name, and what the answer says in Chinese and in English.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str, [&'static str; 2])> {
    let plain = "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>";
    let html = "<html><head><meta charset=utf-8></head><table><tr><td>姓名</td></tr></table></html>";
    vec![
        ("two gigabytes of zeros", two_gigabytes(), "名单.xlsx", ["解压", "unpack"]),
        ("a macro workbook", workbook(plain, &[("xl/vbaProject.bin", b"x")]), "名单.xlsm", ["宏", "macro"]),
        ("an entity bomb", workbook(ENTITY_BOMB, &[]), "名单.xlsx", ["实体", "entit"]),
        ("an HTML page", html.as_bytes().to_vec(), "名单.xls", ["网页", "web page"]),
        ("a zip of something else", package(&[("a.txt", b"x")]), "名单.xlsx", ["不是", "not"]),
        ("wrong columns", "颜色,大小\n红,3\n".as_bytes().to_vec(), "名单.csv", ["所在社区", "所在社区"]),
        (
            "one column twice",
            "姓名,姓名,所在社区\n甲,乙,古城街道第2社区\n".as_bytes().to_vec(),
            "名单.csv",
            ["姓名", "姓名"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_and_wrong_sheets_are_refused_whole_at_every_door() {
    let house = common::sqlite().await;
    let cast = Cast::build(&house.app).await;
    let doors = [
        (SHEET, at("sibling")),
        (IMPORT, at("sibling")),
        ("/admin/places/upload", at("administrator")),
        ("/admin/address-book/upload", at("administrator")),
    ];
    let before = stored(&house.app).await;
    for (what, bytes, name, words) in refused() {
        for (door, actor) in doors {
            for (lang, word) in ["zh-CN", "en"].into_iter().zip(words) {
                // Names of columns are the task's own.
                if door.starts_with("/admin") && word.contains("社区") || door.starts_with("/admin") && word == "姓名"
                {
                    continue;
                }
                let asker = Asker { app: &house.app, cast: &cast, actor, lang };
                let (status, text) = asker.upload(door, name, &bytes).await;
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{what} at {door} ({lang}): {text}");
                assert!(text.to_lowercase().contains(word), "{what} at {door} ({lang}) does not say {word}: {text}");
            }
        }
    }
    assert_eq!(stored(&house.app).await, before, "nothing of it is stored");
    alive(&house.app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_wrong_are_told_by_row() {
    common::each(|house| async move {
        let cast = Cast::build(&house.app).await;
        let sheet = "姓名,身份证号,所在社区,走访日期\n\
            丁大爷,11010519491231002X,古城街道第2社区,\n\
            戊大妈,110105194912310021,古城街道第2社区,\n\
            己大爷,,火星社区,\n\
            丁大爷,11010519491231002X,古城街道第2社区,\n\
            庚大妈,,古城街道第2社区,二月三十\n";
        for (lang, words) in [
            (
                "zh-CN",
                ["第 3 行", "第 4 行：找不到社区“火星社区”", "第 5 行：与第 2 行是同一个人", "第 6 行：走访日期"],
            ),
            (
                "en",
                [
                    "Row 3",
                    "Row 4: There is no community “火星社区”",
                    "Row 5: The same person as row 2",
                    "Row 6: Visited on",
                ],
            ),
        ] {
            let asker = Asker { app: &house.app, cast: &cast, actor: at("sibling"), lang };
            let (status, page) = asker.upload(SHEET, "名单.csv", sheet.as_bytes()).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            for word in words {
                assert!(page.contains(word), "{lang}: {word} is not on {page}");
            }
            let (status, json) = asker.upload(IMPORT, "名单.csv", sheet.as_bytes()).await;
            assert_eq!(status, StatusCode::OK);
            let json: serde_json::Value = serde_json::from_str(&json).expect("json");
            assert_eq!((json["rows"].as_i64(), json["faulty"].as_i64()), (Some(5), Some(4)), "{json}");
            assert_eq!(json["faults"][0]["row"], 3);
        }
        // A task that was sent takes no rows, and leaves nobody behind in the register.
        let before = stored(&house.app).await;
        let asker = Asker { app: &house.app, cast: &cast, actor: at("sibling"), lang: "en" };
        let sent = "姓名,所在社区\n辛大爷,古城街道第2社区\n";
        let (status, _) = asker.upload("/tasks/{task-b-runs}/subjects/upload", "名单.csv", sent.as_bytes()).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert_eq!(stored(&house.app).await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_loop_recurse_grow_or_answer_nonsense_are_refused_by_line() {
    common::each(|house| async move {
        let cast = Cast::build(&house.app).await;
        let task: server::platform::ids::Id = cast.bound("task-b").parse().expect("id");
        let rule = |app: &App| {
            let app = app.clone();
            async move {
                let row: (String, i64) = app
                    .read()
                    .one("SELECT rule, version FROM task WHERE id = $1", server::args![task])
                    .await
                    .expect("task");
                row
            }
        };
        let before = (stored(&house.app).await, rule(&house.app).await);
        let head = "fn dispatch(item, subject, chain, candidates, load) {\n";
        for (what, text, line) in [
            ("loops", format!("{head}loop {{}}\n}}"), 2),
            ("recurses", format!("fn again(n) {{ again(n + 1) }}\n{head}again(0)\n}}"), 3),
            ("allocates", format!("{head}let a = [1];\nloop {{ a += a; }}\n}}"), 3),
            ("answers nonsense", format!("{head}42\n}}"), 1),
            ("does not parse", format!("{head}let x = ;\n}}"), 2),
            ("asks the world", format!("{head}import \"x\" as y;\n}}"), 2),
        ] {
            for (lang, told) in [("zh-CN", format!("第 {line} 行")), ("en", format!("ine {line}"))] {
                let asker = Asker { app: &house.app, cast: &cast, actor: at("sibling"), lang };
                let (status, page) =
                    asker.post("/tasks/{task-b}/rule", &[("form", "expert"), ("rhai", text.as_str())]).await;
                assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {page}");
                assert!(page.contains(&told), "{what} ({lang}) does not say {told}: {page}");
            }
        }
        assert_eq!((stored(&house.app).await, rule(&house.app).await), before, "the rule stays as it was");
        alive(&house.app).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_file_with_a_cycle_and_a_body_of_fifty_megabytes_are_refused() {
    common::each(|house| async move {
        let cast = Cast::build(&house.app).await;
        let before = stored(&house.app).await;
        let cycle = "代码,级别,名称,上级代码\nA,3,甲区,B\nB,3,乙区,C\nC,3,丙区,A\n";
        for (lang, word) in [("zh-CN", "第 2 行"), ("en", "Line 2")] {
            let asker = Asker { app: &house.app, cast: &cast, actor: at("administrator"), lang };
            let (status, page) = asker.upload("/admin/places/upload", "places.csv", cycle.as_bytes()).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.contains(word), "{lang}: {page}");
        }
        let big = "x".repeat(50 << 20);
        for (path, kind) in [
            ("/sign-in", "application/x-www-form-urlencoded"),
            ("/api/v1/tokens", "application/json"),
            ("/api/v1/tasks", "application/json"),
            ("/forms", "application/x-www-form-urlencoded"),
            ("/items/{item-a}", "application/x-www-form-urlencoded"),
        ] {
            for (lang, word) in [("zh-CN", "太大"), ("en", "oo large")] {
                let asker = Asker { app: &house.app, cast: &cast, actor: at("same"), lang };
                let request = asker.request(path, kind).body(Body::from(big.clone())).expect("request");
                let (status, text) = asker.send(request).await;
                assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}: {text}");
                assert!(text.contains(word), "{path} ({lang}): {text}");
            }
        }
        // An upload may be that large, but no sheet is.
        for (lang, word) in [("zh-CN", "MB"), ("en", "MB")] {
            let asker = Asker { app: &house.app, cast: &cast, actor: at("sibling"), lang };
            let (status, page) = asker.upload(SHEET, "名单.csv", big.as_bytes()).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.contains(word), "{lang}: {page}");
        }
        assert_eq!(stored(&house.app).await, before);
        alive(&house.app).await;
    })
    .await;
}

/// A copy of the finished application that a test may spoil.
fn application() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("folder");
        for entry in fs::read_dir(from).expect("reads").flatten() {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).expect("copied");
            }
        }
    }
    let folder = tempfile::tempdir().expect("folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/elder-visit"), folder.path());
    folder
}

fn hutong(lang: &str, arguments: &[&str]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_hutong"))
        .args(arguments)
        .env("LC_ALL", lang)
        .env_remove("HUTONG_DATABASE_URL")
        .output()
        .expect("the program runs");
    let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (done.status.success(), text)
}

#[test]
fn the_program_refuses_bad_folders_and_files_and_says_where() {
    let change = |dir: &Path, file: &str, edit: &dyn Fn(&mut serde_json::Value)| {
        let path = dir.join(file);
        let mut value = serde_json::from_str(&fs::read_to_string(&path).expect("reads")).expect("json");
        edit(&mut value);
        fs::write(path, value.to_string()).expect("written");
    };
    let mut deep = serde_json::json!(true);
    for _ in 0..100 {
        deep = serde_json::json!({ "!": [deep] });
    }
    type Spoil<'a> = Box<dyn Fn(&Path) + 'a>;
    let spoiled: Vec<(&str, Spoil<'_>, &str)> = vec![
        (
            "a missing reference",
            Box::new(|dir| change(dir, "tasks/visit.json", &|t| t["form"] = "elder-visit/nothing".into())),
            "tasks/visit.json /form",
        ),
        (
            "a remote $ref",
            Box::new(|dir| {
                change(dir, "forms/visit.json", &|f| f["fields"][0]["$ref"] = "http://example.com/x".into());
            }),
            "forms/visit.json /fields/0/$ref",
        ),
        (
            "an evil regex",
            Box::new(|dir| change(dir, "forms/visit.json", &|f| f["fields"][0]["pattern"] = "(a+)+\\1".into())),
            "forms/visit.json /fields/0/pattern",
        ),
        (
            "logic too deep",
            Box::new(|dir| change(dir, "forms/visit.json", &|f| f["fields"][0]["visible"] = deep.clone())),
            "forms/visit.json",
        ),
        (
            "depth 1,000",
            Box::new(|dir| {
                let text = format!("{{\"id\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
                fs::write(dir.join("forms/visit.json"), text).expect("written");
            }),
            "forms/visit.json",
        ),
        (
            "a rule that loops",
            Box::new(|dir| {
                let rule = serde_json::json!({ "source": { "form": "expert",
                    "rhai": "fn dispatch(item, subject, chain, candidates, load) {\nloop {}\n}" } });
                change(dir, "rules/grid-worker.json", &|r| {
                    let title = r["title"].clone();
                    *r = rule.clone();
                    if !title.is_null() {
                        r["title"] = title;
                    }
                });
            }),
            "grid-worker.json",
        ),
    ];
    let data = tempfile::tempdir().expect("folder");
    let data = data.path().to_str().expect("utf-8");
    for (what, spoil, place) in spoiled {
        let folder = application();
        spoil(folder.path());
        let dir: PathBuf = folder.path().to_owned();
        let dir = dir.to_str().expect("utf-8");
        for (lang, refusal) in [("zh_CN.UTF-8", "没有改动"), ("en_US.UTF-8", "nothing was changed")] {
            let (fine, text) = hutong(lang, &["app", "check", dir]);
            assert!(!fine && text.contains(place) && text.contains(refusal), "{what} ({lang}): {text}");
            assert!(!text.contains("panicked"), "{what}: {text}");
        }
        let (fine, text) = hutong("en_US.UTF-8", &["--data", data, "app", "install", dir]);
        assert!(!fine && text.contains(place), "{what}: {text}");
        let (_, json) = hutong("en_US.UTF-8", &["--json", "app", "check", dir]);
        let first: serde_json::Value = serde_json::from_str(json.lines().next().expect("a line")).expect("json");
        assert!(first["message_zh"].is_string() && first["message"].is_string(), "{json}");
    }
    let good = application();
    assert!(hutong("en_US.UTF-8", &["app", "check", good.path().to_str().expect("utf-8")]).0);
    let files = tempfile::tempdir().expect("folder");
    let cycle = files.path().join("places.csv");
    fs::write(&cycle, "代码,级别,名称,上级代码\nA,3,甲区,B\nB,3,乙区,C\nC,3,丙区,A\n").expect("written");
    let cycle = cycle.to_str().expect("utf-8");
    for (lang, word) in [("zh_CN.UTF-8", "第 2 行"), ("en_US.UTF-8", "Line 2")] {
        let (fine, text) = hutong(lang, &["--data", data, "import", "places", cycle]);
        assert!(!fine && text.contains(word), "{lang}: {text}");
    }
    let (fine, text) = hutong("en_US.UTF-8", &["--data", data, "import", "places", "/nowhere/at/all.tsv"]);
    assert!(!fine && text.contains("/nowhere/at/all.tsv"), "{text}");
}
