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
        let people =
            import_persons(app, persons, &source, &Default::default(), common::NOW).await.expect("people");
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
        let task = send(app, by, draft, |app, task| Box::pin(async move {
            rows::from_subjects(&app, &task, subjects).await.expect("rows");
        }))
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
        let file = page.split("name=\"file\" value=\"").nth(1).expect("may be confirmed").split('"').next().expect("id");
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
            '<' => inside = true,
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
