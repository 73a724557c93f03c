//! Administration through the whole router, on both databases: set-up from nothing, places, address
//! book, imports, premises, working days.

mod common;

use std::io::Cursor;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use server::app::App;
use server::platform::database::Exec;
use server::platform::events::Actor;
use server::platform::http::app_router;
use server::platform::ids::Id;
use server::{administration, demo, directory, geography};
use tower::ServiceExt;

async fn send(app: &App, request: Request<Body>) -> Response<Body> {
    app_router(app.clone()).oneshot(request).await.expect("the router answers")
}

fn get(path: &str, token: &str) -> Request<Body> {
    let request = Request::get(path);
    let request =
        if token.is_empty() { request } else { request.header(header::AUTHORIZATION, format!("Bearer {token}")) };
    request.body(Body::empty()).expect("request")
}

fn post(path: &str, token: &str, pairs: &[(&str, &str)]) -> Request<Body> {
    let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    let request =
        if token.is_empty() { request } else { request.header(header::AUTHORIZATION, format!("Bearer {token}")) };
    request.body(Body::from(body.join("&"))).expect("request")
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn upload(path: &str, token: &str, name: &str, bytes: &[u8]) -> Request<Body> {
    let mut body =
        format!("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .expect("request")
}

fn json(method: &str, path: &str, token: &str, version: Option<i64>, body: &serde_json::Value) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let request = match version {
        Some(version) => request.header(header::IF_MATCH, format!("\"{version}\"")),
        None => request,
    };
    request.body(Body::from(body.to_string())).expect("request")
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 8 << 20).await.expect("body").to_vec()).expect("utf-8")
}

async fn value(response: Response<Body>) -> serde_json::Value {
    serde_json::from_str(&text(response).await).expect("json")
}

async fn count(app: &App, sql: &'static str) -> i64 {
    app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

fn token(accounts: &demo::DemoAccounts, login: &str) -> String {
    accounts.accounts.iter().find(|account| account.login == login).expect("account").token.clone()
}

#[tokio::test]
async fn an_installation_is_set_up_once_by_whoever_has_the_code() {
    common::each(|house| async move {
        let app = &house.app;
        let to_set_up = send(app, get("/sign-in", "")).await;
        assert_eq!(to_set_up.headers()[header::LOCATION], "/setup");
        let page = send(app, get("/setup", "")).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(text(page).await.contains("开通码"));
        let code = administration::set_up::code(app).expect("code").expect("not set up");
        assert_eq!(
            administration::set_up::code(app).expect("code").as_deref(),
            Some(code.as_str()),
            "the same until it is used"
        );
        let filled = |code: &str, again: &str| {
            [
                ("code", code.to_owned()),
                ("name", "测试市政民互通平台".to_owned()),
                ("address", "http://127.0.0.1:8080".to_owned()),
                ("province", "14".to_owned()),
                ("city", "大同市".to_owned()),
                ("city-code", "1402".to_owned()),
                ("login", "root".to_owned()),
                ("password", "open sesame please".to_owned()),
                ("again", again.to_owned()),
            ]
        };
        let send_form = async |pairs: &[(&str, String)]| {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
            send(app, post("/setup", "", &pairs)).await
        };
        let wrong = send_form(&filled("guess", "open sesame please")).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(wrong).await.contains("开通码不对"));
        let differs = send_form(&filled(&code, "another one")).await;
        assert_eq!(differs.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(count(app, "SELECT count(*) FROM account").await, 0);
        assert!(app.geography().is_empty(), "nothing is half set up");
        let done = send_form(&filled(&code, "open sesame please")).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        assert_eq!(done.headers()[header::LOCATION], "/sign-in?next=/admin");
        assert_eq!(app.installation.load().name, "测试市政民互通平台");
        let names: Vec<String> = app.geography().all().map(|place| place.full_name.to_string()).collect();
        assert_eq!(names, ["山西省", "大同市"]);
        assert_eq!(send(app, get("/setup", "")).await.status(), StatusCode::NOT_FOUND, "closed for ever");
        assert_eq!(send_form(&filled(&code, "open sesame please")).await.status(), StatusCode::NOT_FOUND);
        let signed_in = send(
            app,
            post("/sign-in", "", &[("login", "root"), ("password", "open sesame please"), ("next", "/admin")]),
        )
        .await;
        assert_eq!(signed_in.headers()[header::LOCATION], "/admin");
    })
    .await;
}

#[tokio::test]
async fn pages_of_administration_answer_and_others_are_refused() {
    let house = common::sqlite().await;
    let app = &house.app;
    let accounts = demo::build(app, "http://127.0.0.1:8080").await.expect("builds");
    let (admin, grid) = (token(&accounts, "admin"), token(&accounts, "sunxiaodong"));
    let community = app.geography().by_code("140213050007").expect("community").id;
    let office = app.directory().organizations().find(|o| o.short_name == "永泰街道办事处").expect("office").id;
    for path in [
        "/admin".to_owned(),
        "/admin/places".to_owned(),
        "/admin/address-book".to_owned(),
        "/admin/working-days".to_owned(),
        "/places".to_owned(),
        "/places?q=ytjd".to_owned(),
        "/places?q=140213".to_owned(),
        "/places?q=%E6%B2%A1%E6%9C%89".to_owned(),
        format!("/places?at={community}"),
        format!("/places/{community}/premises"),
        "/organizations".to_owned(),
        "/organizations?q=zhangmin".to_owned(),
        format!("/organizations/{office}"),
    ] {
        for lang in ["zh-CN", "en"] {
            let mut request = get(&path, &admin);
            request.headers_mut().insert(header::ACCEPT_LANGUAGE, lang.parse().expect("header"));
            let answer = send(app, request).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert!(text(answer).await.contains("</html>"), "{path}");
        }
        let stranger = send(app, get(&path, "")).await.status();
        assert!(matches!(stranger, StatusCode::SEE_OTHER | StatusCode::UNAUTHORIZED), "{path}: {stranger}");
    }
    for path in [
        "/admin",
        "/admin/places",
        "/admin/address-book",
        "/admin/working-days",
        &format!("/places/{community}/premises"),
    ] {
        assert_eq!(send(app, get(path, &grid)).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert!(text(send(app, get("/places?q=ytjd", &grid)).await).await.contains("永泰街道"));
    let children = value(send(app, get("/places/children", &grid)).await).await;
    assert_eq!(children[0]["label"], "山西省");
    let below = value(
        send(app, get(&format!("/places/children?parent={}", children[0]["id"].as_str().expect("id")), &grid)).await,
    )
    .await;
    assert_eq!((below[0]["label"].as_str(), below[0]["has_children"].as_bool()), (Some("大同市"), Some(true)));
    let found = value(send(app, get("/organizations/children?q=pcqmzj", &grid)).await).await;
    assert_eq!(found[0]["label"], "平城区民政局");
    let add = post("/organizations", &grid, &[("name", "新单位"), ("kind", "department")]);
    assert_eq!(send(app, add).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn places_and_organizations_are_added_renamed_transferred_and_ended() {
    common::each(|house| async move {
        let app = &house.app;
        let accounts = demo::build(app, "http://127.0.0.1:8080").await.expect("builds");
        let admin = token(&accounts, "admin");
        let street = app.geography().by_code("140213050000").expect("street").id;
        // By the API: add, rename with versions, end.
        let body = serde_json::json!({"parent": street, "name": "新桥社区居委会", "level": 5});
        let made = send(app, json("POST", "/api/v1/places", &admin, None, &body)).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        let place = value(made).await;
        assert_eq!(
            (place["name"].as_str(), place["full_name"].as_str()),
            (Some("新桥社区"), Some("大同市/平城区/永泰街道/新桥社区"))
        );
        let again = send(app, json("POST", "/api/v1/places", &admin, None, &body)).await;
        assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let id: Id = place["id"].as_str().expect("id").parse().expect("id");
        let path = format!("/api/v1/places/{id}");
        let name = serde_json::json!({"name": "新桥南社区居委会"});
        assert_eq!(
            send(app, json("PATCH", &path, &admin, None, &name)).await.status(),
            StatusCode::PRECONDITION_REQUIRED
        );
        assert_eq!(send(app, json("PATCH", &path, &admin, Some(1), &name)).await.status(), StatusCode::OK);
        let stale = send(app, json("PATCH", &path, &admin, Some(1), &name)).await;
        assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(value(stale).await["current"]["name"], "新桥南社区");
        assert_eq!(
            send(app, json("DELETE", &format!("/api/v1/places/{street}"), &admin, Some(1), &name)).await.status(),
            StatusCode::CONFLICT
        );
        // An organization for it, by the pages.
        let office = app.directory().governing(street).expect("office").clone();
        let (office_id, place_id) = (office.id.to_string(), id.to_string());
        let unit = [
            ("name", "新桥南社区居委会"),
            ("kind", "residents_committee"),
            ("parent", office_id.as_str()),
            ("counterpart", office_id.as_str()),
            ("place", place_id.as_str()),
        ];
        assert_eq!(send(app, post("/organizations", &admin, &unit)).await.status(), StatusCode::SEE_OTHER);
        let twice = send(app, post("/organizations", &admin, &unit)).await;
        assert_eq!(twice.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(twice).await.contains("已由 新桥南社区居委会 管辖"));
        let committee = app.directory().governing(id).expect("committee").clone();
        let steps = directory::chain(&app.directory(), &app.geography(), office.counterpart.expect("bureau"), id);
        assert_eq!(steps.last().map(|step| step.organization), Some(committee.id));
        // A post with a person and an account: the password is told once and must be changed.
        let fill = [
            ("title", "社区工作者"),
            ("person", "马小燕"),
            ("phone", "19903529999"),
            ("role", "office_worker"),
            ("login", "maxiaoyan"),
        ];
        let told = send(app, post(&format!("/organizations/{}/posts", committee.id), &admin, &fill)).await;
        assert_eq!(told.status(), StatusCode::OK);
        assert!(text(told).await.contains("马小燕"));
        assert_eq!(count(app, "SELECT count(*) FROM account WHERE login = 'maxiaoyan' AND must_change").await, 1);
        // Transfer with the post kept, then end the first.
        let post_id = app.directory().posts_in(committee.id).next().expect("post").id;
        let to =
            [("organization", office_id.as_str()), ("title", "民政干事"), ("role", "office_worker"), ("keep", "1")];
        assert_eq!(
            send(app, post(&format!("/posts/{post_id}/transfer"), &admin, &to)).await.status(),
            StatusCode::SEE_OTHER
        );
        let staff = app.directory().holder(post_id).expect("holder").id;
        assert_eq!(app.directory().posts_of(staff).count(), 2);
        assert_eq!(
            send(app, post(&format!("/posts/{post_id}/end"), &admin, &[("version", "1")])).await.status(),
            StatusCode::SEE_OTHER
        );
        assert_eq!(app.directory().posts_of(staff).count(), 1);
        // Transfer of the unit under another office moves its closure along.
        let other =
            app.directory().organizations().find(|o| o.short_name == "古城街道办事处").expect("other").id.to_string();
        let moved = [("parent", other.as_str()), ("counterpart", other.as_str()), ("version", "1")];
        assert_eq!(
            send(app, post(&format!("/organizations/{}/transfer", committee.id), &admin, &moved)).await.status(),
            StatusCode::SEE_OTHER
        );
        let above: (i64,) = app
            .read()
            .one(
                "SELECT count(*) FROM organization_ancestor WHERE organization_id = $1 AND ancestor_id = $2",
                server::args![committee.id, other.parse::<Id>().expect("id")],
            )
            .await
            .expect("counts");
        assert_eq!(above.0, 1);
        let circle =
            [("parent", committee.id.to_string()), ("counterpart", String::new()), ("version", "1".to_owned())];
        let pairs: Vec<(&str, &str)> = circle.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            send(app, post(&format!("/organizations/{other}/transfer"), &admin, &pairs)).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
        assert_eq!(
            send(app, post(&format!("/organizations/{}/end", committee.id), &admin, &[("version", "2")]))
                .await
                .status(),
            StatusCode::SEE_OTHER
        );
        assert!(app.directory().governing(id).is_none());
        assert_eq!(send(app, json("DELETE", &path, &admin, Some(2), &name)).await.status(), StatusCode::NO_CONTENT);
        assert!(app.geography().get(id).is_none());
        // Every act left an event.
        for kind in [
            "place.added",
            "place.renamed",
            "place.ended",
            "organization.added",
            "organization.transferred",
            "organization.ended",
            "post.filled",
            "post.ended",
        ] {
            let rows: (i64,) = app
                .read()
                .one("SELECT count(*) FROM event WHERE kind = $1", server::args![kind])
                .await
                .expect("counts");
            assert!(rows.0 >= 1, "{kind}");
        }
    })
    .await;
}

#[tokio::test]
async fn grids_people_doors_and_days_are_kept() {
    let house = common::sqlite().await;
    let app = &house.app;
    let accounts = demo::build(app, "http://127.0.0.1:8080").await.expect("builds");
    let admin = token(&accounts, "admin");
    let community = app.geography().by_code("140213050001").expect("community").to_place();
    // Doors: the preview writes nothing, making them twice makes them once.
    let pattern = [
        ("compound", "康吉家园"),
        ("buildings", "3"),
        ("units", "1"),
        ("units_to", "4"),
        ("floors", "1"),
        ("floors_to", "6"),
        ("doors", "2"),
    ];
    let preview = send(app, post(&format!("/places/{}/premises", community.id), &admin, &pattern)).await;
    assert!(text(preview).await.contains("新建 48 户"));
    assert_eq!(count(app, "SELECT count(*) FROM premises WHERE NOT made_up").await, 0);
    for _ in 0..2 {
        let made = send(app, post(&format!("/places/{}/premises/make", community.id), &admin, &pattern)).await;
        assert_eq!(made.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(count(app, "SELECT count(*) FROM premises WHERE NOT made_up AND kind = 'door'").await, 48);
    let bad = [("buildings", "9"), ("buildings_to", "2"), ("floors", "1"), ("doors", "2")];
    assert_eq!(
        send(app, post(&format!("/places/{}/premises", community.id), &admin, &bad)).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    // A second grid with the first one's worker.
    assert_eq!(
        send(app, post(&format!("/places/{}/grids", community.id), &admin, &[("name", "第 2 网格")])).await.status(),
        StatusCode::SEE_OTHER
    );
    let book = app.directory();
    let second = book.grids_in(community.id).find(|grid| grid.name == "第 2 网格").expect("grid").id;
    let worker = book.grids_in(community.id).find_map(|grid| grid.workers.first().copied()).expect("worker");
    let post_id = worker.to_string();
    assert_eq!(
        send(app, post(&format!("/grids/{second}/workers"), &admin, &[("post", &post_id)])).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(app.directory().grids_of_post(worker).count(), 2);
    assert_eq!(
        send(app, post(&format!("/grids/{second}/end"), &admin, &[("version", "1")])).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(app.directory().grids_of_post(worker).count(), 1);
    // Who has left holds nothing; the password is reset on the account's own page.
    let row: (Id,) =
        app.read().one("SELECT staff_id FROM account WHERE login = 'zhangmin'", vec![]).await.expect("张敏");
    let person = row.0;
    let zhang = token(&accounts, "zhangmin");
    assert_eq!(send(app, get("/places", &zhang)).await.status(), StatusCode::OK);
    let account = send(app, get(&format!("/staff/{person}/account"), &admin)).await;
    assert!(account.headers()[header::LOCATION].to_str().expect("ascii").starts_with("/admin/accounts/"));
    assert_eq!(
        send(app, post(&format!("/staff/{person}/state"), &admin, &[("state", "left")])).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(app.directory().posts_of(person).count(), 0);
    assert_ne!(send(app, get("/places", &zhang)).await.status(), StatusCode::OK, "who has left is nobody");
    // Working days.
    let day = [("day", "2027-01-01"), ("working", "free"), ("note", "元旦")];
    assert_eq!(send(app, post("/admin/working-days", &admin, &day)).await.status(), StatusCode::SEE_OTHER);
    let calendar = directory::working_days::load(&mut app.read()).await.expect("loads");
    assert!(!calendar.is_working("2027-01-01".parse().expect("date")));
    let nonsense = [("day", "2027-02-30"), ("working", "free")];
    assert_eq!(
        send(app, post("/admin/working-days", &admin, &nonsense)).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

const BOOK: &str = "单位,上级单位,条线上级,所在地,岗位,姓名,手机,角色,标签,登录名\n\
    大同市人民政府,,,1402,副市长,陈志远,19903520001,领导,leader,\n\
    大同市民政局,大同市人民政府,,1402,养老科经办,刘慧,19903520002,部门经办,civil_affairs,liuhui\n\
    平城区人民政府,大同市人民政府,,140213,,,,,,\n\
    平城区民政局,平城区人民政府,大同市民政局,平城区,经办,李静,19903520003,部门经办,civil_affairs,lijing\n\
    永泰街道办事处,平城区人民政府,平城区民政局,平城区/永泰街道,民政干事,张敏,19903520004,街道、社区工作者,civil_affairs,zhangmin\n\
    永泰街道办事处,,,,社会事务岗,周海燕,19903520005,office_worker,,\n\
    康吉社区居委会,永泰街道办事处,永泰街道办事处,140213050001,网格员,周海燕,19903520005,网格员,grid_worker,\n";

/// The same table as an xlsx file.
fn xlsx(text: &str) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in text.lines().enumerate() {
        for (column, cell) in line.split(',').enumerate() {
            sheet.write_string(row as u32, column as u16, cell).expect("writes");
        }
    }
    let mut out = Cursor::new(Vec::new());
    book.save_to_writer(&mut out).expect("saves");
    out.into_inner()
}

#[tokio::test]
async fn an_address_book_is_looked_at_then_imported_whole_or_not_at_all() {
    common::each(|house| async move {
        let app = &house.app;
        let lines =
            geography::read_places(include_bytes!("../../examples/datong/places.tsv"), "places.tsv").expect("reads");
        let plan = geography::plan(&lines, &app.geography(), common::NOW, "2026-11-24");
        geography::import(app, plan, Actor::default(), "test", |_, _| {}).await.expect("imports");
        app.lanes
            .write(0, vec![], |tx| Box::pin(async move { server::access::seed_roles(tx).await }))
            .await
            .map_err(|fault: server::platform::database::StoreError| fault)
            .expect("roles");
        let wrong =
            BOOK.replace("19903520004", "12ab").replace("网格员,grid_worker,", "巡查员,grid_worker,lijing").replace(
                "康吉社区居委会,永泰街道办事处,永泰街道办事处,140213050001",
                "康吉社区居委会,永泰街道办,永泰街道办事处,康吉社区",
            );
        let look = administration::address_book::look(app, &xlsx(&wrong), "book.xlsx", true).await.expect("looks");
        let at: Vec<(String, String)> = look.faults.iter().map(|fault| (fault.at.clone(), fault.key.clone())).collect();
        for expected in [
            ("row 8, 上级单位", "directory-fault-unknown"),
            ("row 6, 手机", "directory-fault-phone"),
            ("row 8, 角色", "directory-fault-role"),
        ] {
            assert!(at.contains(&(expected.0.to_owned(), expected.1.to_owned())), "{expected:?} in {at:?}");
        }
        let refused = administration::address_book::apply(app, &xlsx(&wrong), "book.xlsx", true, Actor::default())
            .await
            .expect("answers");
        assert!(refused.fault_count >= 3);
        assert_eq!(count(app, "SELECT count(*) FROM organization").await, 0, "nothing is half stored");
        let look = administration::address_book::look(app, &xlsx(BOOK), "book.xlsx", true).await.expect("looks");
        assert_eq!(look.faults, []);
        assert_eq!((look.organizations, look.posts, look.staff, look.logins.len()), (6, 6, 5, 3));
        assert_eq!(count(app, "SELECT count(*) FROM organization").await, 0);
        let done = administration::address_book::apply(app, BOOK.as_bytes(), "book.csv", true, Actor::default())
            .await
            .expect("imports");
        assert!(done.logins.iter().all(|login| login.password.len() == 16));
        let book = app.directory();
        let both = book.all_staff().find(|staff| staff.name == "周海燕").expect("one person");
        assert_eq!(book.posts_of(both.id).count(), 2, "the same name and phone is one person");
        let bureau = book.organizations().find(|o| o.name == "大同市民政局").expect("bureau").id;
        let place = app.geography().by_code("140213050001").expect("community").id;
        let names: Vec<String> = directory::chain(&book, &app.geography(), bureau, place)
            .iter()
            .map(|step| book.organization(step.organization).expect("unit").name.clone())
            .collect();
        assert_eq!(names, ["大同市民政局", "平城区民政局", "永泰街道办事处", "康吉社区居委会"]);
        let again = administration::address_book::look(app, BOOK.as_bytes(), "book.csv", true).await.expect("looks");
        assert_eq!((again.organizations, again.posts, again.staff, again.fault_count), (0, 0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn uploads_show_what_would_happen_before_anything_does() {
    let house = common::sqlite().await;
    let app = &house.app;
    let accounts = demo::build(app, "http://127.0.0.1:8080").await.expect("builds");
    let admin = token(&accounts, "admin");
    let same = send(
        app,
        upload("/admin/places/upload", &admin, "places.tsv", include_bytes!("../../examples/datong/places.tsv")),
    )
    .await;
    assert!(text(same).await.contains("和现在完全一样"));
    let circle = "代码,级别,名称,上级代码\nA,3,甲区,B\nB,3,乙区,A\n";
    let refused = send(app, upload("/admin/places/upload", &admin, "circle.csv", circle.as_bytes())).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(refused).await;
    assert!(page.contains("绕成了一圈") && page.contains("第 2 行"));
    let html = send(
        app,
        upload("/admin/address-book/upload", &admin, "book.xls", b"<html><table><tr><td>x</td></tr></table></html>"),
    )
    .await;
    assert_eq!(html.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let before = app.geography().len();
    let new = "代码,级别,名称,上级代码\n140213068000,4,新城街道,140213000000\n140213068001,5,新城第一社区居委会,\n";
    let page = text(send(app, upload("/admin/places/upload", &admin, "new.csv", new.as_bytes())).await).await;
    assert_eq!(app.geography().len(), before);
    let at = page.find("name=\"file\" value=\"").expect("the file waits") + 19;
    let file = &page[at..at + 36];
    let stranger = send(app, post("/admin/places/apply", &token(&accounts, "zhangmin"), &[("file", file)])).await;
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    let done = send(app, post("/admin/places/apply", &admin, &[("file", file)])).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert_eq!(app.geography().len(), before + 2);
    assert_eq!(
        app.geography().by_code("140213068001").expect("made").full_name.to_string(),
        "大同市/平城区/新城街道/新城第一社区"
    );
}
