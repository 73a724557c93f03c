//! The city that is measured: places, organizations, workers with tokens, persons, two tasks. Built by
//! calling the rooms, as the demo is, in a process of its own so that its memory is not the server's.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use form_runtime::model::{Datatype, Sensitivity};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use server::access::{self, Principal, Reach, StaffViewer, Who, password, tokens};
use server::app::App;
use server::directory::{self, BookRows, Grid, NewBook, NewStaff, Organization, Post, Staff};
use server::entities::{PersonRow, Source, SourceKind, Subject, import_persons};
use server::error::AppError;
use server::geography::{self, PlaceRef};
use server::measures::Measures;
use server::platform::database::Exec;
use server::platform::events::Actor;
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use server::platform::settings;
use server::tasks::create::{self, Draft};
use server::tasks::{Relay, Task, TaskShape, dispatch, rows, templates};
use server::{applications, args, start};

use crate::client::{Fault, plain_text};
use crate::scale::Scale;

/// What a run needs to know of the city; kept beside the data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct City {
    /// sizes it was built with
    pub scale: Scale,
    /// token of the city's manager, who may see everything
    pub manager: String,
    /// tokens of the workers
    pub workers: Vec<String>,
    /// items to file: token's position, item, whether it lives alone is asked
    pub items: Vec<(usize, Id)>,
    /// task whose items are filed
    pub filed: Option<Id>,
    /// draft task over everybody
    pub big: Option<Id>,
    /// the ledger of everybody
    pub ledger: Option<Id>,
    /// a place with about a hundred thousand persons
    pub district: Option<Id>,
    /// a place with five hundred below it
    pub wide: Option<Id>,
    /// root of the city
    pub root: Option<Id>,
    /// some persons
    pub people: Vec<Id>,
    /// seconds that writing the persons took
    pub people_seconds: f64,
    /// bytes of the database before and after the persons
    pub people_bytes: (i64, i64),
    /// rows written for them
    pub people_rows: i64,
}

/// File beside the data with the [`City`].
pub const FILE: &str = "bench-city.json";

const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙"];
const GIVEN: [&str; 12] =
    ["秀英", "桂兰", "建国", "淑珍", "玉梅", "志强", "海燕", "凤英", "德福", "春生", "丽华", "永安"];

/// Builds it whole.
pub async fn build(place: &start::Place, scale: Scale) -> Result<City, Fault> {
    let app = start::open(place).await.map_err(|fault| fault.to_string())?;
    let city = build_in(&app, scale).await.map_err(plain_text)?;
    std::fs::write(place.data.join(FILE), serde_json::to_vec(&city)?)?;
    app.stop();
    app.db.close().await;
    Ok(city)
}

/// Reads what [`build`] kept.
pub fn read(data: &Path) -> Result<City, Fault> {
    Ok(serde_json::from_slice(&std::fs::read(data.join(FILE))?)?)
}

async fn build_in(app: &App, scale: Scale) -> Result<City, AppError> {
    let began = Instant::now();
    let say = |what: &str| eprintln!("  {:>6.1} s  {what}", began.elapsed().as_secs_f64());
    app.lanes
        .write(0, vec![], |tx| {
            async move {
                settings::put(tx, settings::NAME, "大同市").await?;
                settings::put(tx, settings::BASE_URL, "http://127.0.0.1").await?;
                settings::put(tx, settings::SET_UP_AT, "1").await?;
                access::seed_roles(tx).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await?;
    let lines = geography::read_places(places(&scale).as_bytes(), "places.tsv").map_err(AppError::Invalid)?;
    let plan = geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text());
    geography::import(app, plan, Actor::default(), "bench", |_, _| {}).await?;
    say("places");
    let staff = organizations(app, &scale).await?;
    say("organizations");
    let mut city = City { scale: scale.clone(), ..City::default() };
    let geography = app.geography();
    let root = geography.all().find(|place| place.level == 2).ok_or(AppError::NotFound)?;
    city.root = Some(root.id);
    city.wide = geography.children(root.id).next().map(|place| place.id);
    city.district = city.wide;
    city.ledger = Some(server::ledgers::everybody());
    city.manager = token(app, &staff.manager).await?;
    for worker in &staff.workers {
        city.workers.push(token(app, worker).await?);
    }
    say("tokens");
    let manager = by(app, &staff.manager).await?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/elder-visit");
    applications::install(app, &folder, &manager.1).await?;
    let people = persons(app, &scale, &staff.workers, &mut city).await?;
    say("persons");
    city.people = people.iter().step_by((people.len() / 512).max(1)).map(|person| person.id).collect();
    let filed = task(app, &manager, "走访（在办）", people[..scale.filed.min(people.len())].to_vec()).await?;
    dispatch::begin(app, filed, None, &manager.1).await?;
    run_until_idle(app).await?;
    city.filed = Some(filed);
    city.items = items(app, filed, &staff.workers).await?;
    say("a task to file");
    city.big = Some(task(app, &manager, "全市走访", people).await?);
    say("a task to dispatch");
    Ok(city)
}

/// `code level name`: one city, districts, townships (the first district has five hundred at full scale),
/// communities spread evenly.
fn places(scale: &Scale) -> String {
    let mut text = String::from("140200000000\t2\t大同市\n");
    let townships = scale.townships();
    let mut left = scale.places.saturating_sub(1 + townships.len() + townships.iter().sum::<usize>());
    let mut to_go = townships.iter().sum::<usize>();
    for (d, count) in townships.iter().enumerate() {
        let d = d + 1;
        let _ = writeln!(text, "1402{d:02}000000\t3\t第{d}区");
        for t in 1..=*count {
            let _ = writeln!(text, "1402{d:02}{t:03}000\t4\t{d}区{t}街道");
            let communities = (left / to_go).min(999);
            (left, to_go) = (left - communities, to_go - 1);
            for c in 1..=communities {
                let _ = writeln!(text, "1402{d:02}{t:03}{c:03}\t5\t{d}区{t}街{c}社区");
            }
        }
    }
    text
}

/// Somebody who signs in.
struct Login {
    account: String,
    staff: Id,
    post: Id,
    place: Id,
}

struct Cast {
    manager: Login,
    workers: Vec<Login>,
}

async fn organizations(app: &App, scale: &Scale) -> Result<Cast, AppError> {
    let (now, today) = (app.now(), app.clock.today_text());
    let geography = app.geography();
    let mut book = NewBook::default();
    let mut governing = std::collections::HashMap::new();
    let mut logins: Vec<(Login, &'static str)> = Vec::new();
    let mut committees = 0;
    let most = scale.organizations.saturating_sub(scale.townships().iter().sum::<usize>() + 50);
    let worth = (most / scale.townships().iter().sum::<usize>().max(1)).max(1);
    let mut in_township = std::collections::HashMap::new();
    for place in geography.all().filter(|place| place.level >= 2) {
        if place.level == 5 {
            let taken: &mut usize = in_township.entry(place.parent).or_default();
            if *taken >= worth || committees >= most {
                continue;
            }
            *taken += 1;
            committees += 1;
        }
        let unit = unit(place, place.parent.and_then(|id| governing.get(&id).copied()), now, &today);
        let id = unit.id;
        governing.insert(place.id, id);
        book.organizations.push(unit);
        let (title, tag) =
            if place.level == 5 { ("网格员", "grid_worker") } else { ("民政干事", "civil_affairs") };
        let staff = person(now, book.staff.len());
        let post = Post {
            id: new_free_id(now),
            organization: id,
            staff: Some(staff.staff.id),
            title: title.into(),
            rank: 50,
            tags: vec![tag.into()],
            valid_from: today.clone(),
            valid_to: None,
            version: 1,
        };
        if place.level == 5 {
            book.grids.push(Grid {
                id: new_free_id(now),
                community: place.id,
                name: "第 1 网格".into(),
                workers: vec![post.id],
                premises: vec![],
                version: 1,
            });
        }
        let login =
            Login { account: format!("b{}", logins.len()), staff: staff.staff.id, post: post.id, place: place.id };
        let role = match place.level {
            2 => "manager",
            5 => "grid_worker",
            _ => "",
        };
        if !role.is_empty() && logins.len() <= scale.workers {
            logins.push((login, role));
        }
        book.staff.push(staff);
        book.posts.push(post);
    }
    let rows = BookRows::new(&book, &app.directory(), &app.keys, now, &today);
    let hashed = password::hash_now("bench-password-1");
    let grants: Vec<(String, Id, Id, &'static str, Reach)> = logins
        .iter()
        .map(|(login, role)| {
            let reach = if *role == "manager" { Reach::Place(login.place) } else { Reach::Own };
            (login.account.clone(), login.staff, login.post, *role, reach)
        })
        .collect();
    app.lanes
        .write(0, vec![], move |tx| {
            let (rows, grants, hashed, today) = (rows.clone(), grants.clone(), hashed.clone(), today.clone());
            async move {
                rows.write(tx).await?;
                for (account, staff, post, role, reach) in grants {
                    access::grant(tx, now, &today, post, role, reach).await?;
                    access::create_account(tx, now, &account, &hashed, Some(staff), false).await?;
                }
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await?;
    directory::reload(app).await?;
    let mut logins = logins.into_iter().map(|(login, _)| login);
    let manager = logins.next().ok_or(AppError::NotFound)?;
    Ok(Cast { manager, workers: logins.collect() })
}

fn unit(place: PlaceRef<'_>, parent: Option<Id>, now: i64, today: &str) -> Organization {
    let kind = match place.level {
        2 | 3 => "government",
        4 => "street_office",
        _ => "residents_committee",
    };
    Organization {
        id: new_free_id(now),
        parent,
        counterpart: None,
        place: Some(place.id),
        kind: kind.into(),
        level: place.level,
        name: format!("{}办事机构", place.name),
        short_name: place.name.to_owned(),
        pinyin: String::new(),
        initials: String::new(),
        valid_from: today.into(),
        valid_to: None,
        version: 1,
    }
}

fn person(now: i64, at: usize) -> NewStaff {
    let staff = Staff {
        id: new_free_id(now),
        person: new_free_id(now),
        name: name(at),
        pinyin: String::new(),
        initials: String::new(),
        state: "active".into(),
        version: 1,
    };
    NewStaff { staff, phone: None }
}

fn name(at: usize) -> String {
    format!("{}{}", SURNAMES[at % 12], GIVEN[at / 12 % 12])
}

async fn token(app: &App, login: &Login) -> Result<String, AppError> {
    let account = access::store::account_by_login(&mut app.read(), &login.account).await?.ok_or(AppError::NotFound)?;
    tokens::create(app, account.id, Some(login.post), "bench", None, Actor::default()).await
}

async fn by(app: &App, login: &Login) -> Result<(StaffViewer, Actor, Principal), AppError> {
    let account = access::store::account_by_login(&mut app.read(), &login.account).await?.ok_or(AppError::NotFound)?;
    let principal = access::load_principal(app, account.id, Some(login.post)).await?;
    let Who::Staff { account, staff, post, organization } = principal.who else { return Err(AppError::Forbidden) };
    let actor = Actor { account: Some(account), post: Some(post), ..Actor::default() };
    Ok((StaffViewer { account, staff, post, organization }, actor, principal))
}

/// Persons with fifty attributes each: those who are filed about live where the workers are, the others
/// everywhere. Place by place, as a registry has them.
async fn persons(app: &App, scale: &Scale, workers: &[Login], city: &mut City) -> Result<Vec<rows::Subject>, AppError> {
    const BATCH: usize = 4096;
    let geography = app.geography();
    let communities: Vec<Id> = geography.all().filter(|place| place.level == 5).map(|place| place.id).collect();
    let source = Source {
        kind: SourceKind::Registry,
        id: None,
        submission: None,
        form_version: None,
        batch: Some("bench".into()),
        title: "人口基础信息（测量数据）".into(),
    };
    let attributes = attributes();
    let before = app.db.size().await?;
    let began = Instant::now();
    let mut people = Vec::with_capacity(scale.persons);
    while people.len() < scale.persons {
        let first = people.len();
        let batch: Vec<PersonRow> = (first..scale.persons.min(first + BATCH))
            .map(|at| {
                let community = if at < scale.filed {
                    workers[at * workers.len() / scale.filed].place
                } else {
                    communities[(at - scale.filed) * communities.len() / (scale.persons - scale.filed)]
                };
                PersonRow { values: values(at, &attributes), community: Some(community), premises: None, made_up: true }
            })
            .collect();
        let places: Vec<Option<Id>> = batch.iter().map(|row| row.community).collect();
        let claimed = import_persons(app, batch, &source, &Actor::default(), app.now()).await?;
        for (at, (person, place)) in claimed.into_iter().zip(places).enumerate() {
            let Subject { shard, id, .. } = person.subject();
            people.push(rows::Subject { shard, id, place, label: name(first + at) });
        }
    }
    city.people_seconds = began.elapsed().as_secs_f64();
    city.people_bytes = (before, app.db.size().await?);
    // entity, observation, current record, claim of the number
    city.people_rows = 4 * scale.persons as i64;
    Ok(people)
}

/// Forty-five text attributes of the shipped model beside name, number, phone, sex and residence.
fn attributes() -> Vec<String> {
    let model = form_runtime::Model::shipped();
    model
        .attributes_of(form_runtime::Class::Person)
        .filter(|attribute| attribute.datatype == Datatype::Text && !attribute.many && attribute.key != "name")
        .filter(|attribute| attribute.sensitivity == Sensitivity::Personal)
        .map(|attribute| attribute.key.clone())
        .take(45)
        .collect()
}

fn values(at: usize, attributes: &[String]) -> Map<String, Value> {
    let birth = format!("{}{:02}{:02}", 1930 + at % 70, 1 + at / 70 % 12, 1 + at / 840 % 28);
    let division = 100_000 + (at / 23_520) * 7 % 800_000;
    let mut values = Map::new();
    values.insert("name".into(), json!(name(at)));
    values.insert("id_no".into(), json!(server::demo::citizen_number(&division.to_string(), &birth, at as u64 % 1000)));
    values.insert("mobile".into(), json!(format!("199{:08}", at % 100_000_000)));
    values.insert("sex".into(), json!(if at.is_multiple_of(2) { "1" } else { "2" }));
    for (n, key) in attributes.iter().enumerate() {
        values.insert(key.clone(), json!(format!("值{n}-{}", at % 97)));
    }
    values
}

async fn task(
    app: &App,
    manager: &(StaffViewer, Actor, Principal),
    title: &str,
    subjects: Vec<rows::Subject>,
) -> Result<Id, AppError> {
    let one = templates::find(&mut app.read(), "elder-visit/visit").await?.ok_or(AppError::NotFound)?;
    let mut draft = Draft {
        title: title.to_owned(),
        form_version_id: one.form_version_id,
        class: "person".into(),
        shape: TaskShape::Listed,
        root_place: app
            .directory()
            .organization(manager.0.organization)
            .and_then(|unit| unit.place)
            .unwrap_or_default(),
        working_days: Some(20),
        deadline: None,
        app_key: None,
        measures: Measures::default(),
    };
    let (mut rule, mut relay) = (create::first_rule(TaskShape::Listed), Relay::default());
    one.template.begin(&mut draft, &mut rule, &mut relay);
    draft.title = title.to_owned();
    let task: Task = create::create(app, manager.0, &manager.1, draft, self::rule()).await?;
    rows::from_subjects(app, &task, subjects).await?;
    Ok(task.id)
}

/// Whoever of the community's grid workers holds least, else the community's committee, else the township.
fn rule() -> rule_engine::Rule {
    let rhai = r#"fn dispatch(item, subject, chain, candidates, load) {
    let who = least_load(candidates.serving("community").with_tag("grid_worker"), load);
    if who == () { who = candidates.governing("community"); }
    if who == () { who = candidates.governing("township"); }
    if who == () { return none("nobody"); }
    return to(who, 3);
}"#;
    rule_engine::Rule { source: rule_engine::RuleSource::Expert { rhai: rhai.into() } }
}

async fn items(app: &App, task: Id, workers: &[Login]) -> Result<Vec<(usize, Id)>, AppError> {
    const ITEMS: &str =
        "SELECT id, holder_post FROM item WHERE task_id = $1 AND holder_post IS NOT NULL ORDER BY position";
    let posts: std::collections::HashMap<Id, usize> =
        workers.iter().enumerate().map(|(at, login)| (login.post, at)).collect();
    let rows: Vec<(Id, Id)> = app.read().all(ITEMS, args![task]).await?;
    // Everybody files at the same time: the next item is another worker's.
    const STRIDE: usize = 7919;
    let at_once = (0..rows.len()).map(|at| rows[at * STRIDE % rows.len()]);
    Ok(at_once.filter_map(|(item, post)| Some((*posts.get(&post)?, item))).collect())
}
