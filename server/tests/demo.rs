//! The demo city: as the issue describes it, quickly built, the same every time.

mod common;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use server::app::App;
use server::directory;
use server::geography::premises;
use server::measures::{self, Axis, Measures};
use server::platform::http::app_router;
use server::platform::ids::Id;
use server::tasks::templates;
use server::platform::database::Exec;
use server::{access, demo};
use tower::ServiceExt;

async fn count(house: &common::House, sql: &'static str) -> i64 {
    house.app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

#[tokio::test]
async fn the_city_is_built_as_described() {
    common::each(|house| async move {
        let start = std::time::Instant::now();
        let accounts = demo::build(&house.app, "http://127.0.0.1:8080").await.expect("builds").accounts;
        println!("{}: demo city in {:?}", house.engine, start.elapsed());
        let app = &house.app;
        assert!(app.installation.load().set_up && app.installation.load().demo);
        let (geography, book) = (app.geography(), app.directory());
        let kind = |kind: &str| book.organizations().filter(|o| o.kind == kind).count();
        // A government and a bureau for the city and ten districts and counties; the zone has its 管委会 for both.
        assert_eq!([kind("government"), kind("bureau"), kind("administrative_committee")], [11, 11, 1]);
        assert_eq!(kind("street_office") + kind("township_government"), 127);
        assert_eq!([kind("residents_committee"), kind("villagers_committee")], [401, 1426]);
        // One grid in every community, with a worker.
        for community in geography.all().filter(|place| place.level == 5) {
            let grids: Vec<_> = book.grids_in(community.id).collect();
            assert_eq!(grids.len(), 1, "{}", community.full_name);
            assert!(grids[0].workers.iter().all(|post| book.holder(*post).is_some()) && !grids[0].workers.is_empty());
        }
        // The line from the city's bureau down to every committee, and only the first station may skip.
        let bureau = book.organizations().find(|o| o.name == "大同市民政局").expect("bureau");
        for community in geography.all().filter(|place| place.level == 5) {
            let steps = directory::chain(&book, &geography, bureau.id, community.id);
            let levels: Vec<i64> = steps.iter().map(|step| step.level).collect();
            assert_eq!(levels, [2, 3, 4, 5], "{}", community.full_name);
            let names: Vec<&str> = steps.iter().map(|s| book.organization(s.organization).expect("unit").kind.as_str()).collect();
            assert!(matches!(names[1], "bureau" | "administrative_committee"));
            assert!(steps.iter().all(|step| book.organization(step.organization).and_then(|o| o.place) == Some(step.place)));
        }
        let community = geography.by_code("140213050007").expect("community");
        let candidates = directory::candidates(&book, &geography, bureau.id, community.id);
        assert!(candidates.iter().any(|c| c.grid && c.name == "孙晓东"));
        assert!(candidates.iter().any(|c| c.name == "永泰街道办事处"));
        // Doors and residents, marked as made up.
        assert_eq!(count(&house, "SELECT count(*) FROM premises WHERE kind = 'door' AND made_up").await, 2000);
        assert_eq!(count(&house, "SELECT count(*) FROM record_person WHERE made_up").await, 3000);
        assert_eq!(count(&house, "SELECT count(*) FROM record_person WHERE id_no_index IS NULL OR premises_id IS NULL").await, 0);
        let alone = count(&house, "SELECT count(*) FROM record_person WHERE living_alone").await;
        assert!((200..400).contains(&alone), "{alone} live alone");
        // The visit application: installed, its channel open, a task over its ledger, part of it done.
        let done = count(&house, "SELECT count(*) FROM item WHERE state = 'done'").await;
        assert_eq!(done, 77);
        assert_eq!(count(&house, "SELECT count(*) FROM item").await, alone);
        assert_eq!(count(&house, "SELECT count(*) FROM item WHERE holder_post IS NULL").await, 0);
        assert_eq!(count(&house, "SELECT count(*) FROM observation").await, 3000 + alone + done);
        assert_eq!(count(&house, "SELECT count(*) FROM channel c JOIN channel_scope s ON s.channel_id = c.id WHERE c.state = 'open'").await, 2);
        let (task, root): (Id, Id) =
            app.read().one("SELECT id, root_place FROM task WHERE state = 'running'", vec![]).await.expect("task");
        let board = measures::board(app, task, Axis::Place, root).await.expect("board").here;
        assert_eq!(
            ["assigned", "done", "open", "visited", "living_alone"].map(|measure| board.total(measure)),
            [alone, done, alone - done, done, done]
        );
        assert!(board.total("needs_help") > 0 && board.total("needs_help") < done);
        let doors = premises::counts(&mut app.read(), community, "2026-11-24").await.expect("counts");
        assert_eq!(doors["door"], 1000);
        // Only the printed names can sign in, and each does.
        assert_eq!(count(&house, "SELECT count(*) FROM account").await, accounts.len() as i64);
        for account in &accounts {
            let principal = access::tokens::principal(app, &account.token).await.expect("reads").expect("is somebody");
            assert!(principal.account().is_some() && !principal.grants.is_empty(), "{}", account.login);
        }
        let two = accounts.iter().find(|account| account.login == "zhouhaiyan").expect("two posts");
        let row = access::store::account_by_login(&mut app.read(), &two.login).await.expect("reads").expect("is there");
        assert_eq!(book.posts_of(row.staff_id.expect("staff")).count(), 2);
        a_task_begins_with_the_template(app, &accounts).await;
        // Building again changes nothing and tells the same.
        let again = demo::build(app, "http://127.0.0.1:8080").await.expect("builds").accounts;
        assert_eq!(again, accounts);
        assert_eq!(count(&house, "SELECT count(*) FROM organization").await, 1977);
    })
    .await;
}

/// The first step offers the template, fills it in, and the task made from it counts what the template says.
async fn a_task_begins_with_the_template(app: &App, accounts: &[demo::DemoAccount]) {
    let token = |login: &str| accounts.iter().find(|account| account.login == login).expect("is of the cast").token.clone();
    let (manager, admin, worker) = (token("liuhui"), token("admin"), token("sunxiaodong"));
    let (status, page) = ask(app, &manager, "GET", "/tasks/new", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("/tasks/new?template=elder-visit/visit") && !page.contains("name=\"template\""));
    let (_, page) = ask(app, &manager, "GET", "/tasks/new?template=elder-visit/visit", "").await;
    assert!(page.contains("name=\"template\" value=\"elder-visit/visit\"") && page.contains("value=\"独居老人走访\""));
    let (status, _) = ask(app, &manager, "GET", "/tasks/new?template=no/such", "").await;
    assert_eq!(status, 200);
    let one = templates::find(&mut app.read(), "elder-visit/visit").await.expect("reads").expect("template");
    let place = app.geography().by_code("140213000000").expect("district").id;
    let post = |title: &str, shape: &str| {
        format!("template=elder-visit/visit&title={title}&form={}&shape={shape}&working_days=4&root_place={place}", one.form_version_id)
    };
    let (status, to) = ask(app, &manager, "POST", "/tasks/new", &post("visit-again", "listed")).await;
    assert_eq!(status, 303, "{to}");
    let made = |title: &'static str| async move {
        let row: (Option<String>, String, String) =
            app.read().one("SELECT app_key, rule, measures FROM task WHERE title = $1", server::args![title]).await.expect("task");
        row
    };
    let (key, rule, measures) = made("visit-again").await;
    assert_eq!(key.as_deref(), Some("elder-visit/visit"));
    assert_eq!(Some(serde_json::from_str(&rule).expect("rule")), one.template.rule);
    assert_eq!(Measures::parse(&measures).expect("measures"), one.template.measures);
    // Another shape leaves the template behind.
    let (status, _) = ask(app, &manager, "POST", "/tasks/new", &post("return", "unit_return")).await;
    assert_eq!(status, 303);
    assert_eq!(made("return").await.0, None);
    let (status, page) = ask(app, &admin, "GET", "/admin/apps", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("elder-visit/register") && page.contains("独居老人关爱登记") && !page.contains("有问题"));
    let (status, _) = ask(app, &worker, "POST", "/admin/apps/elder-visit/retire", "").await;
    assert_eq!(status, 403);
}

async fn ask(app: &App, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body.to_owned()))
        .expect("request");
    let answer = app_router(app.clone()).oneshot(request).await.expect("answers");
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 4 << 20).await.expect("body");
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn the_program_carries_the_application_as_committed() {
    fn walk(dir: &std::path::Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("reads").flatten() {
            if entry.path().is_dir() { walk(&entry.path(), all) } else { all.push(entry.path()) }
        }
    }
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/elder-visit");
    let mut files = Vec::new();
    walk(&dir, &mut files);
    let mut committed: Vec<String> = files
        .iter()
        .map(|path| path.strip_prefix(&dir).expect("below").to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".md"))
        .collect();
    committed.sort();
    let carried: Vec<&str> = demo::APPLICATION.iter().map(|(name, _)| *name).collect();
    assert_eq!(carried, committed);
}
