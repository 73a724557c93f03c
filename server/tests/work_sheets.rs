//! 下载我的部分 / 上传填好的: a part of a task done by sheet, with files that LibreOffice saved.
//!
//! The fixtures under `fixtures/sheets/work` hold stand-ins where a downloaded sheet holds ids and checks;
//! the tests put those of their own download there, by the person's name.

mod common;
#[path = "common/staffed.rs"]
mod staffed;
#[path = "common/town.rs"]
mod town;

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};

use form_runtime::Class;
use server::access::{Grant, Permission, Principal, Scope, StaffViewer, Viewer, Who};
use server::app::App;
use server::entities::{PersonRow, Source, SourceKind, import_persons};
use server::forms;
use server::measures::Measures;
use server::platform::database::Exec;
use server::platform::ids::Id;
use server::platform::jobs::run_until_idle;
use server::platform::sheets::{ID_LABEL, Limits, Wanted, data_rows, find_header, read};
use server::tasks::create::{self, Draft};
use server::tasks::rows::{self, Subject};
use server::tasks::sheet_down::CHECK_LABEL;
use server::tasks::{TaskShape, dispatch};
use staffed::Staffed;

const VISIT: &str = include_str!("../../form-runtime/tests/forms/visit.json");
const NAMES: [&str; 6] = ["赵桂英", "钱玉兰", "孙德福", "李秀珍", "周长贵", "吴素梅"];

/// A running task over six people of the first community (and one of the second).
struct Scene {
    staffed: Staffed,
    task: Id,
    people: Vec<Id>,
}

fn everything(staffed: &Staffed) -> (Viewer, StaffViewer) {
    let manager = &staffed.people["manager"];
    let by = StaffViewer {
        account: manager.account,
        staff: manager.staff,
        post: manager.post,
        organization: manager.organization,
    };
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
    viewer.principal = Principal {
        who: Who::Staff { account: by.account, staff: by.staff, post: by.post, organization: by.organization },
        grants: Permission::ALL.iter().map(|&permission| Grant { permission, scope: Scope::All }).collect(),
    };
    (viewer, by)
}

async fn published(app: &App, viewer: &Viewer, text: &str) -> Id {
    let form = forms::edit::create(app, viewer, "表", "").await.expect("form");
    let loaded = forms::edit::load(app, viewer, form).await.expect("form");
    let definition = form_runtime::definition::parse(text).expect("definition");
    forms::edit::save(app, viewer, &loaded, &definition).await.expect("saved");
    let loaded = forms::edit::load(app, viewer, form).await.expect("form");
    forms::publish::publish(app, &loaded, &viewer.actor()).await.expect("published").id
}

fn draft(form: Id, class: Class, shape: TaskShape, root: Id) -> Draft {
    Draft {
        title: "独居老人走访".into(),
        form_version_id: form,
        class: class.key().into(),
        shape,
        root_place: root,
        working_days: Some(3),
        deadline: None,
        app_key: None,
        measures: Measures::default(),
    }
}

impl Scene {
    async fn build(app: &App) -> Self {
        let staffed = Staffed::build(app).await;
        let (viewer, by) = everything(&staffed);
        let form = published(app, &viewer, VISIT).await;
        let places: Vec<Id> = (0..7).map(|n| staffed.community(usize::from(n == 6))).collect();
        let names: Vec<&str> = NAMES.into_iter().chain(["郑别处"]).collect();
        let persons = names
            .iter()
            .zip(&places)
            .enumerate()
            .map(|(n, (name, place))| PersonRow {
                values: serde_json::json!({
                    "name": name, "live_alone": true, "emergency_name": "赵小军", "mobile": format!("1380013800{n}"),
                    "id_no": id_no(n),
                })
                .as_object()
                .expect("object")
                .clone(),
                community: Some(*place),
                premises: None,
                made_up: true,
            })
            .collect();
        let source = Source {
            kind: SourceKind::Sheet,
            id: None,
            submission: None,
            form_version: None,
            batch: None,
            title: "名单".into(),
        };
        let people = import_persons(app, persons, &source, &Default::default(), common::NOW).await.expect("people");
        let subjects = people
            .iter()
            .zip(&places)
            .zip(&names)
            .map(|((person, place), name)| Subject {
                shard: person.shard,
                id: person.id,
                place: Some(*place),
                label: (*name).to_owned(),
            })
            .collect();
        let root = staffed.town.places[0].id;
        let draft = draft(form, Class::Person, TaskShape::Listed, root);
        let task = send(app, by, draft, |app, task| {
            Box::pin(async move {
                rows::from_subjects(&app, &task, subjects).await.expect("rows");
            })
        })
        .await;
        Self { staffed, task, people: people.iter().map(|person| person.id).collect() }
    }

    fn at(&self, end: &str) -> String {
        format!("/work/{}/sheet{end}", self.task)
    }

    async fn download(&self, app: &App, who: &str) -> Vec<u8> {
        let (status, bytes) = self.staffed.ask(app, who, "POST", &self.at("/download"), &[], vec![]).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
        bytes
    }

    /// Uploads; the status and the page's words.
    async fn look(&self, app: &App, who: &str, name: &str, file: &[u8]) -> (u16, String) {
        let (status, bytes) = self.staffed.upload(app, who, &self.at("/upload"), name, file).await;
        (status.as_u16(), words(&bytes))
    }

    /// Uploads and confirms; the words of the page with the slips.
    async fn store(&self, app: &App, who: &str, name: &str, file: &[u8]) -> (u16, String) {
        let (status, bytes) = self.staffed.upload(app, who, &self.at("/upload"), name, file).await;
        let page = String::from_utf8(bytes).expect("text");
        assert_eq!(status, 200, "{}", words(page.as_bytes()));
        let file =
            page.split("name=\"file\" value=\"").nth(1).expect("may be confirmed").split('"').next().expect("id");
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let body = format!("file={file}").into_bytes();
        let (status, bytes) = self.staffed.ask(app, who, "POST", &self.at("/apply"), &kind, body).await;
        (status.as_u16(), words(&bytes))
    }
}

type Rows<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

async fn send(
    app: &App,
    by: StaffViewer,
    draft: Draft,
    rows: impl FnOnce(App, server::tasks::Task) -> Rows<'static>,
) -> Id {
    let first = create::first_rule(draft.shape);
    let task = create::create(app, by, &Default::default(), draft, first).await.expect("created");
    rows(app.clone(), task.clone()).await;
    dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
    run_until_idle(app).await.expect("jobs");
    task.id
}

/// A made-up number of the demo's kind, with a right check digit.
fn id_no(n: usize) -> String {
    server::demo::citizen_number("990105", &format!("1940030{}", n + 1), 2)
}

/// A page as its words.
fn words(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let main = page.split("<main").nth(1).unwrap_or(&page);
    let mut out = String::new();
    let mut inside = false;
    for c in main.chars() {
        match c {
            '<' => {
                inside = true;
                out.push(' ');
            }
            '>' => inside = false,
            _ if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Id and check of each row that was handed out, by name.
fn handed(file: &[u8], label: &str) -> HashMap<String, (String, String)> {
    let book = read(file, "a.xlsx", &Limits::default()).expect("a sheet");
    let sheet = book.first_visible().expect("rows");
    let wanted = [Wanted::required(ID_LABEL), Wanted::required(CHECK_LABEL), Wanted::required(label)];
    let header = find_header(sheet, &wanted).expect("the header");
    let column = |n: usize| header.columns[n].expect("found");
    data_rows(sheet, &header)
        .rows
        .into_iter()
        .map(|row| {
            let text = |n: usize| sheet.cell(row, column(n)).normalized_text();
            (text(2), (text(0), text(1)))
        })
        .collect()
}

/// The stand-ins of the `n`th person in the fixtures: as long as what they stand for.
fn stand_ins(n: usize) -> (String, String) {
    (format!("00000000-0000-7000-8000-{n:012}"), format!("h{n:032}.cccccccccccccccc"))
}

fn swap(bytes: Vec<u8>, pairs: &[(String, String)]) -> Vec<u8> {
    let mut bytes = bytes;
    for (from, to) in pairs {
        assert_eq!(from.len(), to.len());
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|part| part == from.as_bytes()) {
            let start = at + found;
            bytes[start..start + to.len()].copy_from_slice(to.as_bytes());
            at = start + to.len();
        }
    }
    bytes
}

/// A fixture with the ids and checks of a download.
fn fixture(name: &str, handed: &HashMap<String, (String, String)>, names: &[&str]) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets/work/");
    let bytes = std::fs::read(format!("{folder}{name}")).expect("a committed fixture");
    let mut pairs = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let ((from_id, from_check), (id, check)) = (stand_ins(n), &handed[*name]);
        pairs.extend([(from_id, id.clone()), (from_check, check.clone())]);
    }
    if !bytes.starts_with(b"PK") {
        return swap(bytes, &pairs);
    }
    let mut from = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..from.len() {
        let mut part = from.by_index(n).expect("part");
        let mut content = Vec::new();
        part.read_to_end(&mut content).expect("content");
        to.start_file(part.name().expect("name").into_owned(), zip::write::SimpleFileOptions::default()).expect("part");
        to.write_all(&swap(content, &pairs)).expect("content");
    }
    to.finish().expect("zip").into_inner()
}

async fn submissions(app: &App) -> i64 {
    app.read().one::<(i64,)>("SELECT count(*) FROM submission", vec![]).await.expect("count").0
}

/// Writes what a worker downloads, for `fixtures/sheets/work/make.py`.
#[tokio::test]
#[ignore = "makes the source of the fixtures: see fixtures/sheets/work/README.md"]
async fn write_the_downloads_that_the_fixtures_are_made_of() {
    let folder = std::env::var("HUTONG_SHEETS_TO").expect("HUTONG_SHEETS_TO names a folder");
    let house = common::sqlite().await;
    let scene = Scene::build(&house.app).await;
    let bytes = scene.download(&house.app, "anna").await;
    std::fs::write(format!("{folder}/visits.xlsx"), &bytes).expect("written");
    let unit = unit_scene(&house.app, &scene.staffed).await;
    let path = format!("/work/{unit}/sheet/download");
    let (_, bytes) = scene.staffed.ask(&house.app, "anna", "POST", &path, &[], vec![]).await;
    std::fs::write(format!("{folder}/unit.xlsx"), &bytes).expect("written");
}

const RETURN: &str = r#"{"id": "return", "title": {"zh-CN": "独居老人月报"}, "fields": [
    {"key": "people", "control": "integer", "label": {"zh-CN": "独居老人数"}, "required": true, "min": 0},
    {"key": "visited", "control": "integer", "label": {"zh-CN": "走访人次"}, "required": true, "min": 0},
    {"key": "until", "control": "date", "label": {"zh-CN": "截至日期"}, "required": true},
    {"key": "note", "control": "long_text", "label": {"zh-CN": "说明"}}]}"#;

/// A unit return (报表) to the two communities' units.
async fn unit_scene(app: &App, staffed: &Staffed) -> Id {
    let (viewer, by) = everything(staffed);
    let form = published(app, &viewer, RETURN).await;
    let root = staffed.town.places[0].id;
    let draft = draft(form, Class::Organization, TaskShape::UnitReturn, root);
    send(app, by, draft, |app, task| {
        Box::pin(async move {
            rows::from_units(&app, &task, 5).await.expect("rows");
        })
    })
    .await
}

/// State of each person's item of the task.
async fn states(app: &App, task: Id) -> HashMap<String, String> {
    let rows: Vec<(String, String)> =
        app.read().all("SELECT label, state FROM item WHERE task_id = $1", server::args![task]).await.expect("items");
    rows.into_iter().collect()
}

/// Stored answers by the name in them.
async fn answers(app: &App) -> HashMap<String, serde_json::Value> {
    let rows: Vec<(String,)> = app.read().all("SELECT answers FROM submission", vec![]).await.expect("submissions");
    rows.iter()
        .map(|row| {
            let value: serde_json::Value = serde_json::from_str(&row.0).expect("json");
            (value["name"].as_str().unwrap_or_default().to_owned(), value)
        })
        .collect()
}

fn slips(page: &str) -> Vec<String> {
    let slip = |word: &&str| word.len() == 13 && word.as_bytes()[6] == b'-';
    let mut found: Vec<String> = page.split(' ').filter(slip).map(str::to_owned).collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn what_libreoffice_saved_is_stored_alike() {
    common::each(|house| async move {
        let app = &house.app;
        for (n, name) in ["filled.xlsx", "filled.xls", "filled_utf8.csv", "filled_gb18030.csv"].into_iter().enumerate()
        {
            let house = if n == 0 {
                None
            } else if house.engine == "sqlite" {
                Some(common::sqlite().await)
            } else {
                Some(common::postgres().await)
            };
            let app = house.as_ref().map_or(app, |house| &house.app);
            let scene = Scene::build(app).await;
            let file = fixture(name, &handed(&scene.download(app, "anna").await, "办理对象"), &NAMES);
            let (status, page) = scene.look(app, "anna", name, &file).await;
            assert_eq!(status, 200, "{name}: {page}");
            for word in
                ["检查通过，还没有存", "确认提交 4 件", "腿脚不便，需要人陪", "送餐、打扫", "139****9000", "合计行"]
            {
                assert!(page.contains(word), "{name}: {word} in {page}");
            }
            assert!(!page.contains("13900139000"), "{name}: {page}");
            assert_eq!(submissions(app).await, 0, "{name}: looking stores nothing");
            let (status, page) = scene.store(app, "anna", name, &file).await;
            assert_eq!(status, 200, "{name}: {page}");
            assert!(page.contains("提交了 4 件"), "{name}: {page}");
            let first = slips(&page);
            assert_eq!((submissions(app).await, first.len()), (4, 4), "{name}: {page}");
            let states = states(app, scene.task).await;
            for (person, state) in NAMES.into_iter().zip(["done", "done", "done", "done", "open", "open"]) {
                assert_eq!(states[person], state, "{name}: {person}");
            }
            let answers = answers(app).await;
            for (person, day) in NAMES.into_iter().zip(["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]) {
                assert_eq!(answers[person]["visited_on"], day, "{name}: {person}");
            }
            assert_eq!(answers["赵桂英"]["needs"], serde_json::json!(["meals", "cleaning"]), "{name}");
            assert_eq!(answers["赵桂英"]["remarks"], "腿脚不便，需要人陪", "{name}");
            assert_eq!(answers["李秀珍"].get("remarks"), None, "{name}");
            let living: (Option<bool>, Option<String>) = app
                .read()
                .one(
                    "SELECT living_alone, mobile_mask FROM record_person WHERE id = $1",
                    server::args![scene.people[2]],
                )
                .await
                .expect("record");
            assert_eq!(living, (Some(false), Some("138****8002".into())), "{name}");
            // The same sheet again: the same slips, nothing twice.
            let (status, page) = scene.look(app, "anna", name, &file).await;
            assert_eq!((status, slips(&page)), (200, first), "{name}: {page}");
            assert!(page.contains("没有新填的"), "{name}: {page}");
            assert_eq!(submissions(app).await, 4, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_faulty_file_stores_nothing_and_each_fault_has_its_row_and_column() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let ids = handed(&scene.download(app, "anna").await, "办理对象");
        let file = fixture("faulty.xlsx", &ids, &NAMES);
        let (status, page) = scene.look(app, "anna", "faulty.xlsx", &file).await;
        assert_eq!(status, 422, "{page}");
        for (at, word) in [
            ("第 2 行 J 列 赵桂英", "走访日期"),
            ("第 2 行 G 列 赵桂英", "联系电话"),
            ("第 5 行 A 列 孙德福", "和第 4 行是同一件"),
            ("第 6 行 J 列 李秀珍", "请填写走访日期"),
            ("第 6 行 F 列 李秀珍", "后几位已经丢失"),
            ("第 7 行 B 列 周长贵", "没有编号"),
            ("第 8 行 B 列 吴素梅", "编号或校验被改动过"),
        ] {
            let found = page.split(at).nth(1).unwrap_or_else(|| panic!("{at} in {page}"));
            assert!(found.chars().take(40).collect::<String>().contains(word), "{at} {word}: {found}");
        }
        assert!(page.contains("什么都没有存") && page.contains("有 7 处要改"), "{page}");
        assert_eq!(submissions(app).await, 0);
        let english = [("content-type", "multipart/form-data; boundary=cut"), ("accept-language", "en")];
        let mut body = b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xlsx\"\r\n\r\n".to_vec();
        body.extend_from_slice(&file);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let (status, bytes) = scene.staffed.ask(app, "anna", "POST", &scene.at("/upload"), &english, body).await;
        let page = words(&bytes);
        assert_eq!(status, 422);
        assert!(page.contains("Row 7, column B") && page.contains("This row has no id"), "{page}");
        // A format that is not read says what to do.
        let (status, page) = scene.look(app, "anna", "filled.ods", &fixture_as_is("filled.ods")).await;
        assert_eq!(status, 422);
        assert!(page.contains("另存为 xlsx"), "{page}");
        // A sheet that was not downloaded here.
        let (status, page) = scene.look(app, "anna", "a.csv", "姓名,走访日期\n赵桂英,2026-11-20\n".as_bytes()).await;
        assert_eq!(status, 422);
        assert!(page.contains("这不是从这里下载的表"), "{page}");
        assert_eq!(submissions(app).await, 0);
    })
    .await;
}

fn fixture_as_is(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets/work/");
    std::fs::read(format!("{folder}{name}")).expect("a committed fixture")
}

#[tokio::test]
async fn rows_of_others_and_of_another_task_are_refused_and_what_moved_is_told() {
    common::each(|house| async move {
        let app = &house.app;
        let scene = Scene::build(app).await;
        let ids = handed(&scene.download(app, "anna").await, "办理对象");
        assert!(!ids.contains_key("郑别处"), "only her part goes down");
        let file = fixture("filled.xlsx", &ids, &NAMES);
        // Ben did not download it, and has none of its items.
        let (status, page) = scene.look(app, "ben", "filled.xlsx", &file).await;
        assert_eq!(status, 422);
        assert!(page.contains("这张表不是您下载的"), "{page}");
        // Another task of the same people.
        let (viewer, by) = everything(&scene.staffed);
        let form = published(app, &viewer, VISIT).await;
        let (place, person) = (scene.staffed.community(0), scene.people[1]);
        let root = scene.staffed.town.places[0].id;
        let other = send(app, by, draft(form, Class::Person, TaskShape::Listed, root), |app, task| {
            Box::pin(async move {
                let shard = server::platform::ids::shard_of(person);
                let subject = Subject { shard, id: person, place: Some(place), label: "钱玉兰".into() };
                rows::from_subjects(&app, &task, vec![subject]).await.expect("rows");
            })
        })
        .await;
        let (status, bytes) =
            scene.staffed.upload(app, "anna", &format!("/work/{other}/sheet/upload"), "filled.xlsx", &file).await;
        assert_eq!(status, 422);
        assert!(words(&bytes).contains("这一行是另一个任务的"), "{}", words(&bytes));
        // She visits there with a new telephone; and does another of the sheet's rows on the phone.
        let (item,): (Id,) =
            app.read().one("SELECT id FROM item WHERE task_id = $1", server::args![other]).await.expect("the item");
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = |phone: &str| {
            let client = server::platform::ids::new_free_id(common::NOW);
            format!("client_id={client}&visited_on=2026-11-23{phone}").into_bytes()
        };
        let path = format!("/items/{item}");
        let (status, bytes) = scene.staffed.ask(app, "anna", "POST", &path, &form, body("&phone=13700137000")).await;
        assert_eq!(status, 303, "{}", words(&bytes));
        let path = format!("/items/{}", ids["李秀珍"].0);
        let (status, bytes) = scene.staffed.ask(app, "anna", "POST", &path, &form, body("")).await;
        assert_eq!(status, 303, "{}", words(&bytes));
        let (status, page) = scene.look(app, "anna", "filled.xlsx", &file).await;
        assert_eq!(status, 422);
        assert!(page.contains("联系电话 138****8001 → 137****7000"), "{page}");
        assert!(page.contains("这一件已经办结"), "{page}");
        assert!(page.contains("有 2 处要改"), "{page}");
        assert_eq!(submissions(app).await, 2, "nothing of the sheet is stored");
        // Given to somebody else meanwhile: not hers any more.
        let moved = scene
            .staffed
            .ask(
                app,
                "manager",
                "POST",
                "/items/transfer",
                &form,
                format!("item={}&to={}&reason=x", ids["孙德福"].0, one_unit(&scene.staffed)).into_bytes(),
            )
            .await;
        assert_eq!(moved.0, 303);
        let (_, page) = scene.look(app, "anna", "filled.xlsx", &file).await;
        assert!(page.contains("这一件不在您手里"), "{page}");
    })
    .await;
}

fn one_unit(staffed: &Staffed) -> Id {
    staffed.people["ben"].organization
}

#[tokio::test]
async fn a_unit_return_is_done_by_sheet() {
    common::each(|house| async move {
        let app = &house.app;
        let staffed = Staffed::build(app).await;
        let task = unit_scene(app, &staffed).await;
        let (status, down) =
            staffed.ask(app, "anna", "POST", &format!("/work/{task}/sheet/download"), &[], vec![]).await;
        assert_eq!(status, 200);
        let ids = handed(&down, "办理对象");
        assert_eq!(ids.len(), 1, "her unit's row only");
        let unit: Vec<&str> = ids.keys().map(String::as_str).collect();
        let file = fixture("unit.xlsx", &ids, &unit);
        let scene = Scene { staffed, task, people: vec![] };
        let (status, page) = scene.store(app, "anna", "unit.xlsx", &file).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("提交了 1 件"), "{page}");
        let (stored,): (String,) = app.read().one("SELECT answers FROM submission", vec![]).await.expect("one");
        let stored: serde_json::Value = serde_json::from_str(&stored).expect("json");
        assert_eq!(
            stored,
            serde_json::json!({"people": 12, "visited": 15, "until": "2026-11-23", "note": "含外出 1 人"})
        );
    })
    .await;
}
