//! The stage: a town, its workers signed in, a published form, and browsers that keep their cookies.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use server::access::password::hash_now;
use server::access::{self, Grant, Permission, Principal, Reach, Scope, StaffViewer, Viewer, Who};
use server::app::App;
use server::directory::{self, Post, Staff};
use server::entities::{PersonRow, Source, SourceKind, import_persons};
use server::error::AppError;
use server::forms;
use server::measures::Measures;
use server::platform::clock::DAY;
use server::platform::database::bulk::OnKey;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use server::tasks::create::{self, Draft};
use server::tasks::rows::{self, Subject};
use server::tasks::{TaskShape, dispatch};
use tower::ServiceExt;

use super::common::{House, NOW};
use super::town::Town;

const VISIT: &str = include_str!("../../../form-runtime/tests/forms/visit.json");
pub const NUMBER: &str = "140202194501011238";
pub const OTHER_NUMBER: &str = "140202195002032143";
pub const MOBILE: &str = "13812345678";
/// Title of the channel that every test opens.
pub const TITLE: &str = "独居老人自己登记";

/// An answer: status, where it leads, its text.
pub struct Page {
    pub status: u16,
    pub to: String,
    pub text: String,
}

impl Page {
    /// The page contains all of these.
    #[track_caller]
    pub fn has(&self, all: &[&str]) -> &Self {
        for one in all {
            assert!(self.text.contains(one), "{} lacks {one}: {}", self.status, self.main());
        }
        self
    }

    /// What a failed test shows of it: the main part without tags.
    fn main(&self) -> String {
        let from = self.text.find("<main").unwrap_or(0);
        let to = self.text.find("</main>").unwrap_or(self.text.len());
        let (mut out, mut inside) = (String::new(), false);
        for sign in self.text[from..to].chars() {
            match sign {
                '<' => inside = true,
                '>' => inside = false,
                sign if !inside => out.push(sign),
                _ => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The page contains none of these.
    #[track_caller]
    pub fn lacks(&self, all: &[&str]) -> &Self {
        for one in all {
            assert!(!self.text.contains(one), "the page shows {one}: {}", self.main());
        }
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{} {}", self.to, self.main());
        self
    }

    /// The value of a hidden field.
    #[track_caller]
    pub fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let at = self.text.find(&mark).unwrap_or_else(|| panic!("no {name}: {}", self.text)) + mark.len();
        self.text[at..].split('"').next().expect("a value").to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// A browser, or an API caller, with its cookies; no script runs in it.
pub struct Browser {
    app: App,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), cookies: BTreeMap::new() }
    }

    pub async fn ask(&mut self, request: axum::http::request::Builder, body: String) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header(header::COOKIE, cookies.join("; "))
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .expect("request");
        let response: Response<Body> = app_router(self.app.clone()).oneshot(request).await.expect("answers");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("ascii").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("name and value");
            if cookie.to_str().is_ok_and(|text| text.contains("Max-Age=0")) {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = response.status().as_u16();
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("").to_owned();
        let text = to_bytes(response.into_body(), 1 << 22).await.expect("body");
        Page { status, to, text: String::from_utf8_lossy(&text).into_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.ask(Request::get(path), String::new()).await
    }

    /// Posts pairs as a form without script does.
    pub async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Page {
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, body.join("&")).await
    }

    pub async fn post_json(&mut self, path: &str, body: Value, version: Option<i64>) -> Page {
        self.send_json(Request::post(path), body, version).await
    }

    pub async fn patch_json(&mut self, path: &str, body: Value, version: Option<i64>) -> Page {
        self.send_json(Request::patch(path), body, version).await
    }

    async fn send_json(&mut self, request: axum::http::request::Builder, body: Value, version: Option<i64>) -> Page {
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        self.ask(request, body.to_string()).await
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte))
        } else {
            out.push_str(&format!("%{byte:02X}"))
        }
        out
    })
}

/// The built town.
pub struct Stage {
    pub app: App,
    pub town: Town,
    /// the published version
    pub form: Id,
}

impl Stage {
    pub async fn build(house: &House) -> Self {
        let app = house.app.clone();
        let town = Town::build(&app).await;
        let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
        let nil = Id::nil();
        viewer.principal = Principal {
            who: Who::Staff { account: nil, staff: nil, post: nil, organization: town.organizations[0].id },
            grants: Permission::ALL.iter().map(|&permission| Grant { permission, scope: Scope::All }).collect(),
        };
        let form = forms::edit::create(&app, &viewer, "独居老人走访", "").await.expect("form");
        let loaded = forms::edit::load(&app, &viewer, form).await.expect("form");
        let definition = form_runtime::definition::parse(VISIT).expect("definition");
        forms::edit::save(&app, &viewer, &loaded, &definition).await.expect("saved");
        let loaded = forms::edit::load(&app, &viewer, form).await.expect("form");
        let form = forms::publish::publish(&app, &loaded, &viewer.actor()).await.expect("published").id;
        Self { app, town, form }
    }

    /// Place and unit of the n-th community.
    pub fn community(&self, n: usize) -> (Id, Id) {
        let at = self.town.communities()[n];
        (self.town.places[at].id, self.town.organizations[at].id)
    }

    /// Somebody with a post, an account and a role there, signed in.
    pub async fn worker(&self, login: &str, organization: Id, role: &'static str) -> Browser {
        let (app, now, today) = (&self.app, self.app.now(), self.app.clock.today_text());
        let (owned, hashed) = (login.to_owned(), hash_now("open sesame please"));
        app.lanes
            .write(0, vec![], move |tx| {
                let (today, hashed, login) = (today.clone(), hashed.clone(), owned.clone());
                Box::pin(async move {
                    use directory::store as book;
                    let staff = Staff {
                        id: new_free_id(now),
                        person: new_free_id(now),
                        name: format!("员工{login}"),
                        pinyin: String::new(),
                        initials: String::new(),
                        state: "active".into(),
                        version: 1,
                    };
                    let post = Post {
                        id: new_free_id(now),
                        organization,
                        staff: Some(staff.id),
                        title: "网格员".into(),
                        rank: 1,
                        tags: vec!["grid_worker".into()],
                        valid_from: "2020-01-01".into(),
                        valid_to: None,
                        version: 1,
                    };
                    access::seed_roles(tx).await?;
                    book::STAFF.write(tx, vec![book::staff_row(&staff, &None, &None)], OnKey::Fail).await?;
                    book::POST.write(tx, vec![book::post_row(&post)], OnKey::Fail).await?;
                    access::create_account(tx, now, &login, &hashed, Some(staff.id), false).await?;
                    access::grant_to(tx, now, &today, access::Holder::Post(post.id), role, Reach::Own).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("written");
        directory::reload(app).await.expect("address book");
        self.sign_in(login).await
    }

    pub async fn sign_in(&self, login: &str) -> Browser {
        let mut browser = Browser::new(&self.app);
        browser.post("/sign-in", &[("login", login), ("password", "open sesame please")]).await.is(303);
        browser
    }

    /// A person of the n-th community as a roster of last year has it, and a task to visit there, sent.
    pub async fn visit(&self, n: usize, name: &str) -> Id {
        let (app, place) = (&self.app, self.community(n).0);
        let values = json!({"name": name, "id_no": NUMBER, "mobile": MOBILE, "live_alone": true});
        let row = PersonRow {
            values: values.as_object().expect("object").clone(),
            community: Some(place),
            ..PersonRow::default()
        };
        let source = Source {
            kind: SourceKind::Sheet,
            id: None,
            submission: None,
            form_version: None,
            batch: None,
            title: "花名册.xlsx".into(),
        };
        let people =
            import_persons(app, vec![row], &source, &Default::default(), NOW - 400 * DAY).await.expect("imports");
        let by = StaffViewer {
            account: Id::nil(),
            staff: Id::nil(),
            post: Id::nil(),
            organization: self.town.organizations[0].id,
        };
        let draft = Draft {
            title: "冬季走访".into(),
            form_version_id: self.form,
            class: "person".into(),
            shape: TaskShape::Listed,
            root_place: self.town.places[0].id,
            working_days: Some(3),
            deadline: None,
            app_key: None,
            measures: Measures::default(),
        };
        let rule = create::first_rule(TaskShape::Listed);
        let task = create::create(app, by, &Default::default(), draft, rule).await.expect("task");
        let subject = Subject { shard: people[0].shard, id: people[0].id, place: Some(place), label: name.to_owned() };
        rows::from_subjects(app, &task, vec![subject]).await.expect("rows");
        dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
        run_until_idle(app).await.expect("sent");
        people[0].id
    }

    /// The administrator of a fresh installation: an account without a post.
    pub async fn root(&self) -> Browser {
        let (now, today, hashed) = (NOW, self.app.clock.today_text(), hash_now("open sesame please"));
        self.app
            .lanes
            .write(0, vec![], move |tx| {
                let (today, hashed) = (today.clone(), hashed.clone());
                Box::pin(async move {
                    access::seed_roles(tx).await?;
                    let root = access::create_account(tx, now, "root", &hashed, None, false).await?;
                    let holder = access::Holder::Account(root);
                    access::grant_to(tx, now, &today, holder, "administrator", Reach::All).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("administrator");
        self.sign_in("root").await
    }

    /// Staff of the city makes the channel over a place and opens it, by the page. Its own path and the
    /// address for residents.
    pub async fn channel(&self, manager: &mut Browser, place: Id, review: &str) -> (String, String) {
        let (form, place) = (self.form.to_string(), place.to_string());
        manager.get("/channels/new").await.is(200).has(&["独居老人走访 v1"]);
        let made = manager
            .post(
                "/channels/new",
                &[
                    ("title", TITLE),
                    ("intro", "自己或家人都可以填"),
                    ("form", &form),
                    ("place", &place),
                    ("review", review),
                    ("working_days", "3"),
                    ("open", "1"),
                ],
            )
            .await;
        assert_eq!(made.is(303).status, StatusCode::SEE_OTHER.as_u16());
        let page = manager.get(&made.to).await;
        page.is(200).has(&[TITLE, "开放中", "3 个工作日"]);
        let at = page.text.find("href=\"/c/").expect("the address") + 6;
        let door = page.text[at..].split('"').next().expect("quoted").to_owned();
        (made.to, door)
    }
}

/// The answers of somebody who lives alone.
pub fn answers<'a>(name: &'a str, number: &'a str, mobile: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("id_no", number),
        ("phone", mobile),
        ("living_alone", "true"),
        ("contact", "王建国"),
        ("visited_on", "2026-11-24"),
    ]
}

/// A resident fills a community's form and sends it; the slip page.
pub async fn submit(app: &App, door: &str, place: Id, filled: &[(&str, &str)]) -> (Browser, Page) {
    let mut resident = Browser::new(app);
    let form = resident.get(&format!("{door}?place={place}")).await;
    let (client, place) = (form.is(200).hidden("client_id"), place.to_string());
    let mut pairs = vec![("client_id", client.as_str()), ("place", place.as_str())];
    pairs.extend_from_slice(filled);
    let sent = resident.post(door, &pairs).await;
    assert_eq!(sent.is(303).to, format!("{door}/slip"));
    let slip = resident.get(&sent.to).await;
    slip.is(200);
    (resident, slip)
}

/// The query code of a slip page.
#[track_caller]
pub fn code(slip: &Page) -> String {
    let at = slip.text.find("class=\"code\">").expect("a code") + 13;
    slip.text[at..].split('<').next().expect("closed").trim().to_owned()
}

/// The only case whose row a list shows.
#[track_caller]
pub fn case_link(page: &Page) -> String {
    let at = page.text.find("href=\"/cases/").unwrap_or_else(|| panic!("no case: {}", page.text)) + 6;
    page.text[at..].split('"').next().expect("quoted").to_owned()
}
