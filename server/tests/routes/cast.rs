//! The stage: three communities with a person each, and everybody who asks.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{Request, header};
use server::access::password::{Hashed, hash_now};
use server::access::{
    self, Grant, Holder, Permission, Principal, Reach, Scope, StaffViewer, Viewer, Who, store as accounts, tokens,
};
use server::app::App;
use server::args;
use server::channels::{self, submit::Request as Filled};
use server::directory::{self, Post, Staff};
use server::entities::{PersonRow, Source, SourceKind, import_persons};
use server::error::AppError;
use server::forms;
use server::ledgers;
use server::measures::Measures;
use server::platform::database::Exec;
use server::platform::database::bulk::OnKey;
use server::platform::files::{self, NewFile};
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id};
use server::platform::jobs::run_until_idle;
use server::platform::settings;
use server::start;
use server::tasks::create::{self, Draft};
use server::tasks::rows::{self, Subject};
use server::tasks::{Relay, TaskShape, dispatch};
use tower::ServiceExt;

use super::common::NOW;
use super::town::Town;

/// Who asks, in the order of the table's cells. The worker works in community `a`; `sibling` in `b`, of the
/// same township; `parent` in that township; `other` is the worker's second post, in `c`, of another
/// district. Link and query code are of `a`.
/// `local` administers the township only.
pub const ACTORS: [&str; 12] = [
    "anonymous",
    "link",
    "query",
    "token",
    "same",
    "sibling",
    "parent",
    "leader",
    "administrator",
    "local",
    "suspended",
    "other",
];

/// The person of each community.
const PEOPLE: [(char, &str); 3] = [('a', "甲秀兰"), ('b', "乙秀兰"), ('c', "丙秀兰")];

/// What rows are recognized by: the person (and her item) of each community, the clerk and the colleague
/// without an account of each, the city's task that runs and its draft, a draft and a running task of community `b`,
/// the city's open channel and a draft of one of `b`. A case of each community is called like its person; `M` came into the mailbox, `F` is a draft of a form of `b`; before it is
/// published it says of how many persons within scope (`1`, `3`) something is known.
pub const MARKS: [(char, &str); 16] = [
    ('S', "乙社区草稿"),
    ('R', "乙社区已发"),
    ('a', "甲秀兰"),
    ('b', "乙秀兰"),
    ('c', "丙秀兰"),
    ('A', "待甲"),
    ('B', "待乙"),
    ('C', "待丙"),
    ('T', "走访已发"),
    ('D', "走访草稿"),
    ('O', "走访登记通道"),
    ('K', "乙社区渠道稿"),
    ('M', "不会用，求助"),
    ('F', "乙社区的表单草稿"),
    ('1', "范围里最近的 1 人"),
    ('3', "范围里最近的 3 人"),
];

const PASSWORD: &str = "open sesame please";
const VISIT: &str = include_str!("../../../form-runtime/tests/forms/visit.json");

/// Everything built.
pub struct Cast {
    bound: HashMap<String, String>,
    headers: Vec<Vec<(String, String)>>,
}

#[derive(Clone)]
struct Hired {
    staff: Staff,
    posts: Vec<(Post, &'static str, Reach)>,
    login: &'static str,
}

fn post(organization: Id, staff: Id, title: &str) -> Post {
    Post {
        id: new_free_id(NOW),
        organization,
        staff: Some(staff),
        title: title.into(),
        rank: 5,
        tags: vec![],
        valid_from: "2020-01-01".into(),
        valid_to: None,
        version: 1,
    }
}

fn hire(login: &'static str, posts: &[(Id, &str, &'static str, Reach)]) -> Hired {
    let staff = Staff {
        id: new_free_id(NOW),
        person: new_free_id(NOW),
        name: format!("员工{login}"),
        pinyin: login.into(),
        initials: login.into(),
        state: "active".into(),
        version: 1,
    };
    let mut posts: Vec<_> =
        posts.iter().map(|(unit, title, role, reach)| (post(*unit, staff.id, title), *role, *reach)).collect();
    // Items are sent to these two only.
    if matches!(login, "same" | "sibling") {
        posts.iter_mut().for_each(|post| post.0.tags.push("grid_worker".into()));
    }
    Hired { staff, posts, login }
}

impl Hired {
    fn named(mut self, name: &str) -> Self {
        self.staff.name = name.into();
        self
    }
}

async fn employ(app: &App, people: Vec<Hired>, hashed: &Hashed) -> HashMap<&'static str, Id> {
    let (now, today, hashed) = (app.now(), app.clock.today_text(), hashed.clone());
    let ids = app
        .lanes
        .write(0, vec![], move |tx| {
            let (people, today, hashed) = (people.clone(), today.clone(), hashed.clone());
            Box::pin(async move {
                use directory::store as book;
                let mut ids = HashMap::new();
                for hired in &people {
                    book::STAFF.write(tx, vec![book::staff_row(&hired.staff, &None, &None)], OnKey::Fail).await?;
                    if !hired.login.is_empty() {
                        let id =
                            access::create_account(tx, now, hired.login, &hashed, Some(hired.staff.id), false).await?;
                        ids.insert(hired.login, id);
                    }
                    for (post, role, reach) in &hired.posts {
                        book::POST.write(tx, vec![book::post_row(post)], OnKey::Fail).await?;
                        access::grant(tx, now, &today, post.id, role, *reach).await?;
                    }
                }
                Ok::<_, AppError>(ids)
            })
        })
        .await
        .expect("employed");
    directory::reload(app).await.expect("address book");
    ids
}

async fn sign_in(app: &App, login: &str, post: Option<Id>) -> Vec<(String, String)> {
    let ask = |path: &str, cookie: &str, body: String| {
        Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie)
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .expect("request")
    };
    let router = app_router(app.clone());
    let body = format!("login={login}&password={}", PASSWORD.replace(' ', "+"));
    let entered = router.clone().oneshot(ask("/sign-in", "", body)).await.expect("answered");
    assert_eq!(entered.status(), 303, "{login} signs in");
    let cookie =
        entered.headers()[header::SET_COOKIE].to_str().expect("ascii").split(';').next().expect("pair").to_owned();
    if let Some(post) = post {
        let changed = router.oneshot(ask("/identity", &cookie, format!("post={post}&back=/"))).await.expect("answered");
        assert_eq!(changed.status(), 303, "{login} changes post");
    }
    vec![("cookie".to_owned(), cookie)]
}

impl Cast {
    /// Builds the stage.
    pub async fn build(app: &App) -> Self {
        let town = Town::build(app).await;
        let communities = town.communities();
        let (a, b, c) = (communities[0], communities[1], communities[4]);
        let township = (0..town.places.len())
            .find(|at| town.places[*at].id == town.places[a].parent.expect("parent"))
            .expect("township");
        let unit = |at: usize| town.organizations[at].id;
        app.lanes
            .write(0, vec![], move |tx| {
                Box::pin(async move {
                    access::seed_roles(tx).await?;
                    ledgers::seed(tx, NOW).await?;
                    settings::put(tx, settings::SET_UP_AT, "1").await?;
                    Ok::<_, AppError>(())
                })
            })
            .await
            .expect("seeded");
        start::reload(app).await.expect("settings");
        let hashed = hash_now(PASSWORD);
        let city = Reach::Place(town.places[0].id);
        let people = vec![
            hire(
                "same",
                &[(unit(a), "社区工作者", "office_worker", Reach::Own), (unit(c), "网格员", "grid_worker", Reach::Own)],
            ),
            hire("sibling", &[(unit(b), "社区工作者", "office_worker", Reach::Own)]),
            hire("parent", &[(unit(township), "民政干事", "office_worker", Reach::Own)]),
            hire("leader", &[(unit(0), "副市长", "leader", city)]),
            hire("suspended", &[(unit(a), "社区工作者", "office_worker", Reach::Own)]),
            hire("manager", &[(unit(0), "经办", "manager", city)]),
            hire("local", &[(unit(township), "管理员", "administrator", Reach::Own)]),
            hire("clerk-a", &[(unit(a), "窗口", "clerk", Reach::Own)]).named("待甲"),
            hire("clerk-b", &[(unit(b), "窗口", "clerk", Reach::Own)]).named("待乙"),
            hire("clerk-c", &[(unit(c), "窗口", "clerk", Reach::Own)]).named("待丙"),
            hire("", &[(unit(a), "新人", "clerk", Reach::Own)]).named("待甲"),
            hire("", &[(unit(b), "新人", "clerk", Reach::Own)]).named("待乙"),
            hire("", &[(unit(c), "新人", "clerk", Reach::Own)]).named("待丙"),
        ];
        let workers = [(a, 0, 0), (b, 1, 0), (c, 0, 1)]
            .map(|(at, person, post)| (town.places[at].id, people[person].posts[post].0.id));
        let manager = people[5].clone();
        let posts: HashMap<&str, Vec<Id>> =
            people.iter().map(|hired| (hired.login, hired.posts.iter().map(|post| post.0.id).collect())).collect();
        let ids = employ(app, people.clone(), &hashed).await;
        let grids: Vec<_> = workers.iter().map(|(place, post)| (new_free_id(NOW), *place, *post)).collect();
        let (now, today) = (app.now(), app.clock.today_text());
        let root = app
            .lanes
            .write(0, vec![], move |tx| {
                let (grids, hashed, today) = (grids.clone(), hashed.clone(), today.clone());
                Box::pin(async move {
                    use directory::store as book;
                    for (grid, place, post) in grids {
                        let none = Option::<&str>::None;
                        book::GRID
                            .write(
                                tx,
                                vec![args![grid, place, "第 1 网格", "1", "2020-01-01", none, 1_i64]],
                                OnKey::Fail,
                            )
                            .await?;
                        book::GRID_WORKER.write(tx, vec![args![grid, post, "2020-01-01", none]], OnKey::Fail).await?;
                    }
                    let root = access::create_account(tx, now, "root", &hashed, None, false).await?;
                    access::grant_to(tx, now, &today, Holder::Account(root), "administrator", Reach::All).await?;
                    Ok::<_, AppError>(root)
                })
            })
            .await
            .expect("administrator");
        directory::reload(app).await.expect("address book");
        let mut cast = Self { bound: HashMap::new(), headers: vec![] };
        cast.bind("account-root", root);
        for (login, id) in &ids {
            cast.bind(&format!("account-{login}"), id);
        }
        for (login, list) in &posts {
            for (n, id) in list.iter().enumerate() {
                cast.bind(&format!("post-{login}-{n}"), id);
            }
        }
        let (spare, new) = (communities[3], communities[7]);
        for (name, at) in
            [("a", a), ("b", b), ("c", c), ("township", township), ("city", 0), ("spare", spare), ("new", new)]
        {
            cast.bind(&format!("place-{name}"), town.places[at].id);
            cast.bind(&format!("unit-{name}"), town.organizations[at].id);
        }
        let by = StaffViewer {
            account: ids["manager"],
            staff: manager.staff.id,
            post: manager.posts[0].0.id,
            organization: unit(0),
        };
        for (mark, at) in [("a", 10), ("b", 11), ("c", 12)] {
            cast.bind(&format!("staff-new-{mark}"), people[at].staff.id);
            cast.bind(&format!("post-new-{mark}"), people[at].posts[0].0.id);
        }
        cast.bind("staff-local", people[6].staff.id);
        for n in 1..=4 {
            cast.bind(&format!("client-{n}"), new_free_id(NOW));
        }
        let sibling = &people[1];
        let neighbour = StaffViewer {
            account: ids["sibling"],
            staff: sibling.staff.id,
            post: sibling.posts[0].0.id,
            organization: unit(b),
        };
        cast.work(app, &town, [a, b, c], by, neighbour).await;
        cast.rest(app, &ids, &posts).await;
        cast
    }

    /// Persons, a form, a running task over them, a draft, ledgers.
    async fn work(&mut self, app: &App, town: &Town, at: [usize; 3], by: StaffViewer, neighbour: StaffViewer) {
        let rows: Vec<PersonRow> = PEOPLE
            .iter()
            .zip(at)
            .map(|((_, name), at)| PersonRow {
                values: serde_json::json!({"name": name, "birth_date": "1940-03-01", "live_alone": true, "mobile": "13812345678"})
                    .as_object()
                    .expect("object")
                    .clone(),
                community: Some(town.places[at].id),
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
        let people = import_persons(app, rows, &source, &Default::default(), NOW).await.expect("people");
        let mut subjects = Vec::new();
        for ((person, (mark, name)), at) in people.iter().zip(PEOPLE).zip(at) {
            self.bind(&format!("person-{mark}"), person.id);
            subjects.push(Subject {
                shard: person.shard,
                id: person.id,
                place: Some(town.places[at].id),
                label: name.to_owned(),
            });
        }
        let mut viewer = Viewer::anonymous(web::Lang::ZhCn, "test".into(), "/".into());
        viewer.principal = Principal {
            who: Who::Staff { account: by.account, staff: by.staff, post: by.post, organization: by.organization },
            grants: Permission::ALL.iter().map(|&permission| Grant { permission, scope: Scope::All }).collect(),
        };
        let form = forms::edit::create(app, &viewer, "独居老人走访", "").await.expect("form");
        self.bind("form", form);
        let loaded = forms::edit::load(app, &viewer, form).await.expect("form");
        forms::edit::save(app, &viewer, &loaded, &form_runtime::definition::parse(VISIT).expect("definition"))
            .await
            .expect("saved");
        let loaded = forms::edit::load(app, &viewer, form).await.expect("form");
        let version = forms::publish::publish(app, &loaded, &viewer.actor()).await.expect("published").id;
        self.bind("form-version", version);
        let mut next_door = viewer.clone();
        next_door.principal.who = Who::Staff {
            account: neighbour.account,
            staff: neighbour.staff,
            post: neighbour.post,
            organization: neighbour.organization,
        };
        let draft = forms::edit::create(app, &next_door, "乙社区的表单草稿", "").await.expect("draft");
        self.bind("form-draft", draft);
        let loaded = forms::edit::load(app, &next_door, draft).await.expect("draft");
        let named = VISIT.replace("独居老人走访", "乙社区的表单草稿");
        forms::edit::save(app, &next_door, &loaded, &form_runtime::definition::parse(&named).expect("definition"))
            .await
            .expect("saved");
        let plain = forms::edit::create(app, &next_door, "隔壁的草稿表", "").await.expect("draft");
        self.bind("form-plain", plain);
        for (name, title, by) in [
            ("task", "走访已发", by),
            ("task-draft", "走访草稿", by),
            ("task-b", "乙社区草稿", neighbour),
            ("task-b-runs", "乙社区已发", neighbour),
            ("task-b-more", "隔壁的又一件", neighbour),
        ] {
            let draft = Draft {
                title: title.into(),
                form_version_id: version,
                class: "person".into(),
                shape: TaskShape::Listed,
                root_place: if name.starts_with("task-b") { town.places[at[1]].id } else { town.places[0].id },
                working_days: Some(3),
                deadline: None,
                app_key: None,
                measures: Measures::default(),
            };
            let task = create::create(app, by, &Default::default(), draft, create::first_rule(TaskShape::Listed))
                .await
                .expect("created");
            let wanted = if name.starts_with("task-b") { subjects[1..2].to_vec() } else { subjects.clone() };
            rows::from_subjects(app, &task, wanted).await.expect("rows");
            self.bind(name, task.id);
            if matches!(name, "task" | "task-b-runs" | "task-b-more") {
                dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
                run_until_idle(app).await.expect("sent");
            }
        }
        let task: Id = self.bound["task"].parse().expect("id");
        let items: Vec<(Id, String)> =
            app.read().all("SELECT id, label FROM item WHERE task_id = $1", args![task]).await.expect("items");
        for (mark, name) in PEOPLE {
            let item = items.iter().find(|item| item.1 == name).unwrap_or_else(|| panic!("no item for {name}"));
            self.bind(&format!("item-{mark}"), item.0);
        }
        let parts: Vec<(Id, Id)> = app
            .read()
            .all("SELECT id, organization_id FROM assignment WHERE task_id = $1", args![task])
            .await
            .expect("assignments");
        for (name, at) in [("a", at[0]), ("b", at[1]), ("c", at[2])] {
            if let Some(part) = parts.iter().find(|part| part.1 == town.organizations[at].id) {
                self.bind(&format!("assignment-{name}"), part.0);
            }
        }
        self.channels(app, town, at, &viewer, &next_door, version).await;
        let more: (Id,) = app
            .read()
            .one("SELECT id FROM item WHERE task_id = $1", args![self.bound("task-b-more").parse::<Id>().expect("id")])
            .await
            .expect("the neighbour's item");
        self.bind("more-b", more.0);
        self.more_work(app, town, [by, neighbour], version, &subjects).await;
        let ledger: (Id,) =
            app.read().one("SELECT id FROM ledger ORDER BY created_at, id LIMIT 1", vec![]).await.expect("a ledger");
        self.bind("ledger", ledger.0);
    }

    /// An open channel of the city with a case of each community, a draft of community `b`, and what came into
    /// the mailbox.
    async fn channels(&mut self, app: &App, town: &Town, at: [usize; 3], city: &Viewer, next_door: &Viewer, form: Id) {
        let draft = |title: &str, place: usize| channels::edit::Draft {
            title: title.into(),
            form: Some(form),
            places: vec![town.places[place].id],
            review: "none".into(),
            working_days: "3".into(),
            ..Default::default()
        };
        let open = channels::edit::create(app, city, &draft("走访登记通道", 0), true).await.expect("channel");
        let kept = channels::edit::create(app, next_door, &draft("乙社区渠道稿", at[1]), false).await.expect("draft");
        for (name, channel) in [("", &open), ("-b", &kept)] {
            self.bind(&format!("channel{name}"), channel.id);
            self.bind(&format!("slug{name}"), &channel.slug);
        }
        let published = forms::published(app, form).await.expect("form");
        let numbers = ["140202193811120080", "140202194610100061", "140202194207071117"];
        for (((mark, name), at), number) in PEOPLE.into_iter().zip(at).zip(numbers) {
            let answers =
                serde_json::json!({"name": name, "id_no": number, "living_alone": false, "visited_on": "2026-11-24"});
            let request = Filled {
                channel: open.clone(),
                published: published.clone(),
                place: town.places[at].id,
                client_id: new_free_id(NOW),
                posted: answers.as_object().expect("object").clone(),
                actor: Default::default(),
                filer: None,
            };
            self.file(app, mark, &request).await;
        }
        let (channel, published, place) = channels::feedback::mailbox(app).await.expect("mailbox");
        let posted = serde_json::json!({"kind": "help", "text": "路灯坏了"});
        let request = Filled {
            channel,
            published,
            place,
            client_id: new_free_id(NOW),
            posted: posted.as_object().expect("object").clone(),
            actor: Default::default(),
            filer: None,
        };
        self.file(app, 'm', &request).await;
        for act in ["claim", "give", "transfer", "correct", "answer", "send-back", "reject", "reveal"] {
            self.bind(act, act);
        }
    }

    async fn file(&mut self, app: &App, mark: char, request: &Filled) {
        let slip = match channels::submit::submit(app, request).await.expect("filed") {
            channels::submit::Submitted::Stored(slip) => slip,
            other => panic!("{other:?}"),
        };
        self.bind(&format!("case-{mark}"), slip.case);
        self.bind(&format!("code-{mark}"), slip.query_code);
    }

    /// What the browser of a resident keeps who typed the query code of a case.
    async fn opened(&self, app: &App, mark: char) -> Vec<(String, String)> {
        let request = Request::post("/query")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(format!("code={}", self.bound(&format!("code-{mark}")))))
            .expect("request");
        let answer = app_router(app.clone()).oneshot(request).await.expect("answered");
        assert_eq!(answer.status(), 303, "the code opens the case");
        let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("ascii");
        vec![("cookie".to_owned(), cookie.split(';').next().expect("pair").to_owned())]
    }

    /// A task whose townships wait before they pass on, one whose items are done, a discovery that runs and
    /// one that is a draft. Their titles are no marks: lists are judged by the tasks of [`Cast::work`].
    async fn more_work(&mut self, app: &App, town: &Town, by: [StaffViewer; 2], version: Id, subjects: &[Subject]) {
        for (name, title, shape) in [
            ("task-waits", "逐级传达", TaskShape::Listed),
            ("task-done", "已经走访", TaskShape::Listed),
            ("task-find", "全市摸排", TaskShape::Discovery),
            ("task-find-draft", "摸排底稿", TaskShape::Discovery),
            ("draft-find-b", "社区摸排底稿", TaskShape::Discovery),
        ] {
            let draft = Draft {
                title: title.into(),
                form_version_id: version,
                class: "person".into(),
                shape,
                root_place: town.places[0].id,
                working_days: Some(3),
                deadline: None,
                app_key: None,
                measures: Measures::default(),
            };
            let task = create::create(
                app,
                by[usize::from(name == "draft-find-b")],
                &Default::default(),
                draft,
                create::first_rule(shape),
            )
            .await
            .expect("created");
            self.bind(name, task.id);
            match shape {
                TaskShape::Listed => rows::from_subjects(app, &task, subjects.to_vec()).await.expect("rows"),
                _ => rows::from_units(app, &task, 5).await.expect("rows"),
            };
            if matches!(name, "task-find-draft" | "draft-find-b") {
                continue;
            }
            if name == "task-waits" {
                let relay = Relay { waits: vec![4], ..Relay::default() };
                create::set_relay(app, task.id, None, &Default::default(), relay).await.expect("relay");
            }
            dispatch::begin(app, task.id, None, &Default::default()).await.expect("begun");
            run_until_idle(app).await.expect("sent");
            let items: Vec<(Id, Id, String)> = app
                .read()
                .all("SELECT id, holder_organization, label FROM item WHERE task_id = $1", args![task.id])
                .await
                .expect("items");
            for (mark, person) in PEOPLE {
                let unit: Id = self.bound(&format!("unit-{mark}")).parse().expect("id");
                let listed = shape == TaskShape::Listed;
                let mine = items.iter().find(|item| if listed { item.2 == person } else { item.1 == unit });
                if let Some(item) = mine {
                    self.bind(&format!("{name}-{mark}"), item.0);
                }
            }
            if name == "task-waits" {
                let township: Id = self.bound("unit-township").parse().expect("id");
                let part: (Id,) = app
                    .read()
                    .one(
                        "SELECT id FROM assignment WHERE task_id = $1 AND organization_id = $2",
                        args![task.id, township],
                    )
                    .await
                    .expect("the township waits");
                self.bind("part-waits", part.0);
            }
        }
    }

    /// The workers' visits: the items of `task-done` are sent, so that there are slips.
    async fn visits(&self, app: &App) {
        for (mark, login, number) in [
            ('a', "same", "110105194003010011"),
            ('b', "sibling", "11010519400301002X"),
            ('c', "other", "110105194003010038"),
        ] {
            let item = self.bound(&format!("task-done-{mark}"));
            let body = format!(
                "client_id={}&name={}&id_no={number}&living_alone=false&visited_on=2026-11-23",
                new_free_id(NOW),
                PEOPLE.iter().find(|person| person.0 == mark).expect("person").1,
            );
            let at = ACTORS.iter().position(|actor| *actor == login).expect("actor");
            let mut request = Request::post(format!("/items/{item}"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin");
            for (name, value) in &self.headers[at] {
                request = request.header(name, value);
            }
            let sent = app_router(app.clone()).oneshot(request.body(Body::from(body)).expect("request")).await;
            let sent = sent.expect("answered");
            assert_eq!(sent.status(), 303, "{login} files the visit");
        }
    }

    /// Files, jobs, grants, sessions.
    async fn rest(&mut self, app: &App, ids: &HashMap<&'static str, Id>, posts: &HashMap<&str, Vec<Id>>) {
        let file = NewFile {
            purpose: "test",
            name: "a.csv".into(),
            media_type: "text/csv".into(),
            bytes: "甲秀兰".as_bytes().to_vec(),
            owner: Some(ids["same"]),
            expires_at: None,
        };
        self.bind("file", files::put(app, file).await.expect("file"));
        let (jobs, owner) = (app.jobs.clone(), ids["same"]);
        let job = app
            .lanes
            .write(0, vec![], move |tx| {
                let jobs = jobs.clone();
                Box::pin(async move { jobs.enqueue(tx, "platform.tidy", &serde_json::json!({}), Some(owner)).await })
            })
            .await
            .map_err(AppError::from)
            .expect("job");
        self.bind("job", job);
        let grant: (Id,) = app
            .read()
            .one("SELECT id FROM role_grant WHERE post_id = $1", args![posts["clerk-a"][0]])
            .await
            .expect("grant");
        self.bind("grant", grant.0);
        let local: (Id,) = app
            .read()
            .one("SELECT id FROM role_grant WHERE post_id = $1", args![posts["local"][0]])
            .await
            .expect("grant");
        self.bind("grant-local", local.0);
        let far: (Id,) = app
            .read()
            .one("SELECT id FROM role_grant WHERE post_id = $1", args![posts["clerk-c"][0]])
            .await
            .expect("grant");
        self.bind("grant-c", far.0);
        let near: (Id,) = app
            .read()
            .one("SELECT id FROM role_grant WHERE post_id = $1", args![posts["clerk-b"][0]])
            .await
            .expect("grant");
        self.bind("grant-b", near.0);
        self.bind("day", "2027-05-01");
        let grids: Vec<(Id, Id)> = app.read().all("SELECT id, community_id FROM grid", vec![]).await.expect("grids");
        let directory = app.directory();
        for mark in ["a", "b", "c"] {
            let place = self.bound(&format!("place-{mark}"));
            if let Some(grid) = grids.iter().find(|grid| grid.1.to_string() == place) {
                self.bind(&format!("grid-{mark}"), grid.0);
            }
            let post: Id = self.bound(&format!("post-clerk-{mark}-0")).parse().expect("id");
            self.bind(&format!("staff-{mark}"), directory.post(post).and_then(|post| post.staff).expect("holder"));
        }
        let (a, c) = (posts["same"][0], posts["same"][1]);
        let token = tokens::create(app, ids["same"], Some(a), "test", None, Default::default()).await.expect("token");
        let spare = tokens::create(app, ids["same"], Some(a), "spare", None, Default::default()).await.expect("token");
        let rows = tokens::list(&mut app.read(), ids["same"]).await.expect("tokens");
        self.bind("token", rows.iter().find(|row| row.title == "spare").expect("listed").id);
        drop(spare);
        self.bind("asset", web::asset_url("staff.css").trim_start_matches("/assets/"));
        self.bind("none", new_free_id(NOW));
        self.bind("unknown", "unknown");
        self.bind("name", "name");
        self.bind("one", 1);
        let suspended = sign_in(app, "suspended", None).await;
        let account = ids["suspended"];
        app.lanes
            .write(0, vec![], move |tx| Box::pin(async move { accounts::set_state(tx, account, "suspended").await }))
            .await
            .map_err(AppError::from)
            .expect("suspended");
        self.headers = vec![
            vec![],
            vec![],
            self.opened(app, 'a').await,
            vec![("authorization".to_owned(), format!("Bearer {token}"))],
            sign_in(app, "same", Some(a)).await,
            sign_in(app, "sibling", None).await,
            sign_in(app, "parent", None).await,
            sign_in(app, "leader", None).await,
            sign_in(app, "root", None).await,
            sign_in(app, "local", None).await,
            suspended,
            sign_in(app, "same", Some(c)).await,
        ];
        self.visits(app).await;
    }

    fn bind(&mut self, name: &str, value: impl ToString) {
        self.bound.insert(name.to_owned(), value.to_string());
    }

    /// What a name of the table stands for.
    pub fn bound(&self, name: &str) -> String {
        self.bound.get(name).unwrap_or_else(|| panic!("the stage has no {name}")).clone()
    }

    /// `{name}` replaced.
    pub fn fill(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in &self.bound {
            out = out.replace(&format!("{{{name}}}"), value);
        }
        out
    }

    /// What the actor sends along.
    pub fn headers(&self, actor: usize) -> &[(String, String)] {
        &self.headers[actor]
    }
}
