//! The town at work: two people in every community, one in every office above, each with an account; a
//! published form; tasks of all three shapes.
#![allow(dead_code)] // each test file uses its part of it

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use server::access::password::hash_now;
use server::access::{self, Holder, Permission, Reach, Scope, StaffViewer, Viewer, Who};
use server::app::App;
use server::args;
use server::directory::{self, Post, Staff};
use server::entities::{PersonRow, Source, SourceKind, import_persons};
use server::error::AppError;
use server::forms;
use server::ledgers;
use server::measures::Measures;
use server::platform::database::bulk::OnKey;
use server::platform::events::Actor;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use server::platform::settings;
use server::start;
use server::tasks::acts::By;
use server::tasks::create::{self, Draft};
use server::tasks::rows::{self, Subject};
use server::tasks::{Relay, Task, TaskShape, dispatch};
use tower::ServiceExt;

use super::common::NOW;
use super::town::Town;

const VISIT: &str = include_str!("../../../form-runtime/tests/forms/visit.json");
/// What the visit counts besides the states.
const MEASURES: &str = r#"{"declared": [{"key": "alone", "title": {"zh-CN": "独居"}, "aggregation": "count"}],
    "rule": {"source": {"form": "expert", "rhai": "fn measure(item, answers) { #{ alone: if answers.living_alone == true { 1 } else { 0 } } }"}}}"#;

/// Somebody who works here.
#[derive(Clone)]
pub struct Person {
    pub login: String,
    pub by: By,
    pub post: Id,
    pub staff: Id,
    pub organization: Id,
}

/// The town with its people. Logins: `manager`; `d3` and the like for the office of the place at that
/// position, `o3` for a community's committee, `w3` for its grid worker.
pub struct Desk {
    pub town: Town,
    pub people: HashMap<String, Person>,
    pub form: Id,
}

impl Desk {
    pub async fn build(app: &App) -> Self {
        let town = Town::build(app).await;
        let city = Reach::Place(town.places[0].id);
        let mut hired: Vec<(String, Staff, Post, &'static str, Reach)> = Vec::new();
        let mut hire = |login: String, unit: usize, title: &str, role: &'static str, reach: Reach| {
            let staff = Staff {
                id: new_free_id(NOW),
                person: new_free_id(NOW),
                name: format!("员工{login}"),
                pinyin: login.clone(),
                initials: login.clone(),
                state: "active".into(),
                version: 1,
            };
            let post = Post {
                id: new_free_id(NOW),
                organization: town.organizations[unit].id,
                staff: Some(staff.id),
                title: title.into(),
                rank: 5,
                tags: if role == "grid_worker" { vec![role.to_owned()] } else { vec![] },
                valid_from: "2020-01-01".into(),
                valid_to: None,
                version: 1,
            };
            hired.push((login, staff, post, role, reach));
        };
        hire("manager".into(), 0, "经办", "manager", city);
        for (at, place) in town.places.iter().enumerate() {
            match place.level {
                3 | 4 => hire(format!("d{at}"), at, "民政干事", "office_worker", Reach::Own),
                5 => {
                    hire(format!("o{at}"), at, "社区工作者", "office_worker", Reach::Own);
                    hire(format!("w{at}"), at, "网格员", "grid_worker", Reach::Own);
                }
                _ => {}
            }
        }
        let grids: Vec<(Id, Id, Id)> = town
            .communities()
            .into_iter()
            .map(|at| {
                let worker = hired.iter().find(|one| one.0 == format!("w{at}")).expect("hired").2.id;
                (new_free_id(NOW), town.places[at].id, worker)
            })
            .collect();
        let (now, today, hashed) = (app.now(), app.clock.today_text(), hash_now("open sesame please"));
        let rows = hired.clone();
        let accounts: HashMap<String, Id> = app
            .lanes
            .write(0, vec![], move |tx| {
                let (rows, today, hashed, grids) = (rows.clone(), today.clone(), hashed.clone(), grids.clone());
                Box::pin(async move {
                    use directory::store as book;
                    access::seed_roles(tx).await?;
                    ledgers::seed(tx, NOW).await?;
                    settings::put(tx, settings::SET_UP_AT, "1").await?;
                    let mut accounts = HashMap::new();
                    for (login, staff, post, role, reach) in &rows {
                        book::STAFF.write(tx, vec![book::staff_row(staff, &None, &None)], OnKey::Fail).await?;
                        book::POST.write(tx, vec![book::post_row(post)], OnKey::Fail).await?;
                        let id = access::create_account(tx, now, login, &hashed, Some(staff.id), false).await?;
                        access::grant_to(tx, now, &today, Holder::Post(post.id), role, *reach).await?;
                        accounts.insert(login.clone(), id);
                    }
                    let none = Option::<&str>::None;
                    for (grid, place, worker) in grids {
                        let row = args![grid, place, "第 1 网格", "1", "2020-01-01", none, 1_i64];
                        book::GRID.write(tx, vec![row], OnKey::Fail).await?;
                        book::GRID_WORKER.write(tx, vec![args![grid, worker, "2020-01-01", none]], OnKey::Fail).await?;
                    }
                    Ok::<_, AppError>(accounts)
                })
            })
            .await
            .expect("written");
        start::reload(app).await.expect("settings");
        directory::reload(app).await.expect("address book");
        let mut people = HashMap::new();
        for (login, staff, post, ..) in hired {
            let account = accounts[&login];
            let principal = access::load_principal(app, account, Some(post.id)).await.expect("principal");
            let actor = Actor { account: Some(account), post: Some(post.id), ..Actor::default() };
            let by = By { principal, actor };
            let (post, organization) = (post.id, post.organization);
            people.insert(login.clone(), Person { login, by, post, staff: staff.id, organization });
        }
        let form = publish(app, &people["manager"].by, VISIT).await;
        Self { town, people, form }
    }

    pub fn by(&self, login: &str) -> &By {
        &self.people[login].by
    }

    pub fn unit(&self, at: usize) -> Id {
        self.town.organizations[at].id
    }

    fn issuer(&self) -> StaffViewer {
        match self.by("manager").principal.who {
            Who::Staff { account, staff, post, organization } => StaffViewer { account, staff, post, organization },
            _ => panic!("the manager is staff"),
        }
    }

    /// So many persons in each community, known by name, age and whether they live alone.
    pub async fn persons(&self, app: &App, each: usize) -> Vec<Subject> {
        self.persons_after(app, each, 0).await
    }

    /// The same after so many that there are already.
    pub async fn persons_after(&self, app: &App, each: usize, before: usize) -> Vec<Subject> {
        let communities = self.town.communities();
        let rows: Vec<PersonRow> = (0..communities.len() * each)
            .map(|at| {
                let n = before + at;
                let values = serde_json::json!({
                    "name": format!("老人{n}"), "birth_date": format!("{}-03-01", 1935 + n % 20),
                    "live_alone": true, "emergency_name": "家属", "mobile": "13812345678",
                    "id_no": format!("14020219450101{n:04}"),
                });
                PersonRow {
                    values: values.as_object().expect("object").clone(),
                    community: Some(self.town.places[communities[at / each]].id),
                    premises: None,
                    made_up: true,
                }
            })
            .collect();
        let places: Vec<Option<Id>> = rows.iter().map(|row| row.community).collect();
        let source = Source {
            kind: SourceKind::Sheet,
            id: None,
            submission: None,
            form_version: None,
            batch: None,
            title: "名单".into(),
        };
        let people = import_persons(app, rows, &source, &Actor::default(), NOW).await.expect("people");
        let subject = |(n, (person, place)): (usize, (server::entities::Imported, Option<Id>))| Subject {
            shard: person.shard,
            id: person.id,
            place,
            label: format!("老人{}", before + n),
        };
        people.into_iter().zip(places).enumerate().map(subject).collect()
    }

    /// A draft of the city's.
    pub async fn draft(&self, app: &App, shape: TaskShape, rule: rule_engine::Rule, relay: Relay) -> Task {
        let draft = Draft {
            title: "独居老人走访".into(),
            form_version_id: self.form,
            class: "person".into(),
            shape,
            root_place: self.town.places[0].id,
            working_days: Some(3),
            deadline: None,
            app_key: None,
            measures: Measures::parse(MEASURES).expect("measures"),
        };
        let task = create::create(app, self.issuer(), &Actor::default(), draft, rule).await.expect("created");
        create::set_relay(app, task.id, None, &Actor::default(), relay).await.expect("relay")
    }

    /// A listed task over the persons, sent.
    pub async fn listed(&self, app: &App, subjects: Vec<Subject>, rule: rule_engine::Rule, relay: Relay) -> Task {
        let task = self.draft(app, TaskShape::Listed, rule, relay).await;
        rows::from_subjects(app, &task, subjects).await.expect("rows");
        send(app, task.id).await
    }

    /// A discovery or unit return of all communities, sent; each asks with this form, or with the visit's.
    pub async fn units(&self, app: &App, shape: TaskShape, form: Option<&str>) -> Task {
        let mut desk = Self { town: self.town.clone(), people: self.people.clone(), form: self.form };
        if let Some(form) = form {
            desk.form = publish(app, self.by("manager"), form).await;
        }
        let task = desk.draft(app, shape, create::first_rule(shape), Relay::default()).await;
        rows::from_units(app, &task, 5).await.expect("rows");
        send(app, task.id).await
    }
}

/// Dispatches what a task has rows for and has not sent.
pub async fn send(app: &App, task: Id) -> Task {
    let begun = dispatch::begin(app, task, None, &Actor::default()).await.expect("begun");
    run_until_idle(app).await.expect("sent");
    let sent = server::tasks::store::task(&mut app.read(), task).await.expect("task");
    assert_eq!((sent.state.as_str(), sent.published_release), ("running", begun.release));
    sent
}

async fn publish(app: &App, by: &By, text: &str) -> Id {
    let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
    viewer.principal = by.principal.clone();
    let all = Permission::ALL.iter().map(|&permission| access::Grant { permission, scope: Scope::All });
    viewer.principal.grants = all.collect();
    let id = forms::edit::create(app, &viewer, "独居老人走访", "").await.expect("form");
    let form = forms::edit::load(app, &viewer, id).await.expect("form");
    let definition = form_runtime::definition::parse(text).expect("definition");
    forms::edit::save(app, &viewer, &form, &definition).await.expect("saved");
    let form = forms::edit::load(app, &viewer, id).await.expect("form");
    forms::publish::publish(app, &form, &viewer.actor()).await.expect("published").id
}

/// A signed-in browser without scripts.
pub struct Browser {
    app: App,
    pub cookie: String,
}

/// An answer, read whole.
pub struct Page {
    pub status: StatusCode,
    pub location: String,
    pub text: String,
    pub toast: String,
}

impl Browser {
    pub async fn sign_in(app: &App, login: &str) -> Self {
        let mut browser = Self { app: app.clone(), cookie: String::new() };
        let entered = browser.post("/sign-in", &[("login", login), ("password", "open sesame please")]).await;
        assert_eq!(entered.status, StatusCode::SEE_OTHER, "{login}: {}", entered.text);
        browser.cookie = entered.toast;
        browser
    }

    pub fn english(&self) -> Self {
        Self { app: self.app.clone(), cookie: format!("{}; lang=en", self.cookie) }
    }

    pub async fn get(&self, path: &str) -> Page {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).expect("request");
        self.send(request).await
    }

    /// The page that an answer leads to, with the message it shows once.
    pub async fn follow(&self, answer: &Page) -> String {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let cookie = format!("{}; {}", self.cookie, answer.toast);
        let next = Self { app: self.app.clone(), cookie }.get(&answer.location).await;
        assert_eq!(next.status, StatusCode::OK, "{}", answer.location);
        next.text
    }

    pub async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Page {
        let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.join("&")))
            .expect("request");
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let answer: Response<Body> = app_router(self.app.clone()).oneshot(request).await.expect("the router answers");
        let status = answer.status();
        let words = |name: header::HeaderName| {
            let all = answer.headers().get_all(name);
            let all = all.iter().filter_map(|value| Some(value.to_str().ok()?.split(';').next()?.to_owned()));
            all.collect::<Vec<_>>().join("; ")
        };
        let (location, toast) = (words(header::LOCATION), words(header::SET_COOKIE));
        let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("body");
        Page { status, location, text: String::from_utf8_lossy(&bytes).into_owned(), toast }
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The value of the first hidden input with this name.
pub fn hidden(page: &str, name: &str) -> String {
    let start = page.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {page}"));
    let rest = &page[start..];
    rest.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a value").to_owned()
}
