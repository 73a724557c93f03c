//! Ledgers, people and the knowledge model through the whole router, on both databases.

mod common;
#[path = "common/town.rs"]
mod town;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use common::{House, NOW};
use serde_json::{Value, json};
use server::access::password::hash_now;
use server::access::{self, Reach};
use server::app::App;
use server::directory::{self, Post, Staff};
use server::entities::{self, PersonRow, Source, SourceKind};
use server::error::AppError;
use server::ledgers;
use server::platform::clock::DAY;
use server::platform::database::Exec;
use server::platform::database::bulk::OnKey;
use server::platform::events::Actor;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id};
use server::platform::sheets;
use tower::ServiceExt;
use town::Town;

const NUMBER: &str = "140202194501011234";
const MOBILE: &str = "13812345678";

async fn send(app: &App, request: Request<Body>) -> Response<Body> {
    app_router(app.clone()).oneshot(request).await.expect("the router answers")
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).await).expect("utf-8")
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    to_bytes(response.into_body(), 1 << 22).await.expect("body").to_vec()
}

/// A signed-in browser.
struct Browser {
    app: App,
    cookie: String,
}

impl Browser {
    async fn get(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).expect("request");
        send(&self.app, request).await
    }

    async fn post(&self, path: &str, body: &str) -> Response<Body> {
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.to_owned()))
            .expect("request");
        send(&self.app, request).await
    }

    async fn json(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.get(path).await;
        (answer.status(), serde_json::from_str(&text(answer).await).unwrap_or_default())
    }

    async fn post_json(&self, path: &str, body: Value) -> Response<Body> {
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", new_free_id(NOW).to_string())
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body.to_string()))
            .expect("request");
        send(&self.app, request).await
    }
}

/// Somebody with an account and a post in an organization, signed in.
async fn worker(app: &App, login: &str, organization: Id, role: &'static str) -> Browser {
    let (now, today, hashed) = (app.now(), app.clock.today_text(), hash_now("open sesame please"));
    let (name, owned) = (format!("员工{login}"), login.to_owned());
    app.lanes
        .write(0, vec![], move |tx| {
            let (today, hashed, login, name) = (today.clone(), hashed.clone(), owned.clone(), name.clone());
            Box::pin(async move {
                use directory::store as book;
                let staff = Staff {
                    id: new_free_id(now),
                    person: new_free_id(now),
                    name,
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
                    tags: vec![],
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
    let body = format!("login={login}&password=open+sesame+please");
    let request = Request::post("/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .expect("request");
    let entered = send(app, request).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    let cookies: Vec<String> = entered
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| Some(value.to_str().ok()?.split(';').next()?.to_owned()))
        .collect();
    Browser { app: app.clone(), cookie: cookies.join("; ") }
}

/// The town with its ledger and three people, two in the first community and one in the second.
async fn people(house: &House) -> (Town, Vec<entities::Imported>) {
    let app = &house.app;
    let town = Town::build(app).await;
    let communities = town.communities();
    let row = |at: usize, values: Value| PersonRow {
        values: values.as_object().expect("object").clone(),
        community: Some(town.places[communities[at]].id),
        ..PersonRow::default()
    };
    let rows = vec![
        row(
            0,
            json!({"name": "欧阳秀兰", "id_no": NUMBER, "mobile": MOBILE, "live_alone": true, "residence_addr": "3 号楼 2 单元 301"}),
        ),
        row(0, json!({"name": "=cmd|'/c calc'!A1", "live_alone": false})),
        row(1, json!({"name": "刘德福", "id_no": "140202195001011235"})),
    ];
    let source = Source {
        kind: SourceKind::Sheet,
        id: None,
        submission: None,
        form_version: None,
        batch: None,
        title: "花名册.xlsx".into(),
    };
    let people =
        entities::import_persons(app, rows, &source, &Actor::default(), NOW - 400 * DAY).await.expect("imports");
    (town, people)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_sees_the_people_of_the_own_community_on_every_page() {
    common::each(|house| async move {
        let (town, people) = people(&house).await;
        let app = &house.app;
        let own = worker(app, "own", town.organizations[town.communities()[0]].id, "grid_worker").await;
        let all = format!("/ledgers/{}", ledgers::everybody());
        for (path, there, missing) in [
            ("/ledgers".to_owned(), "全部人员", "刘德福"),
            (all.clone(), "欧阳秀兰", "刘德福"),
            (format!("{all}?q=oyxl"), "欧阳秀兰", "刘德福"),
            (format!("{all}?alone=yes&age=80-89"), "140202********1234", "calc"),
            (format!("{all}?q=%E5%88%98"), "没有找到符合条件的人", "德福"),
            ("/search?q=1234".to_owned(), "欧阳秀兰", "刘德福"),
            ("/search?q=%E5%BE%B7%E7%A6%8F".to_owned(), "没有找到", "刘德福"),
            ("/search?q=%E5%8F%A4%E5%9F%8E".to_owned(), "古城街道组织", "刘德福"),
            // A place that is found leads to where it lies in the tree; it has no page of its own.
            ("/search?q=%E5%8F%A4%E5%9F%8E".to_owned(), "href=\"/places?at=", "href=\"/places/"),
            (format!("/people/{}", people[0].id), "花名册.xlsx", NUMBER),
            ("/knowledge".to_owned(), "是否独居", "knowledge-"),
            ("/knowledge?class=place&q=zzz".to_owned(), "没有这样的属性", "knowledge-"),
            ("/knowledge/lists/sex".to_owned(), "男性", "knowledge-"),
        ] {
            let answer = own.get(&path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let page = text(answer).await;
            assert!(page.contains(there), "{path} lacks {there}");
            assert!(!page.contains(missing), "{path} shows {missing}");
            assert!(!page.contains(NUMBER) && !page.contains(MOBILE), "{path}");
        }
        for path in [
            format!("/people/{}", people[2].id),
            format!("/people/{}", new_free_id(NOW)),
            format!("/ledgers/{}", new_free_id(NOW)),
        ] {
            assert_eq!(own.get(&path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        // English pages are complete too.
        let english = Browser { app: app.clone(), cookie: format!("{}; lang=en", own.cookie) };
        for path in [
            "/ledgers".to_owned(),
            all.clone(),
            format!("/people/{}", people[0].id),
            "/search?q=zz".to_owned(),
            "/knowledge".to_owned(),
        ] {
            let answer = english.get(&path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert!(text(answer).await.contains("lang=\"en\""), "{path}");
        }
        // A stranger, and a clerk who may read but not reveal or export.
        let stranger = Browser { app: app.clone(), cookie: String::new() };
        assert_eq!(stranger.get(&all).await.status(), StatusCode::SEE_OTHER);
        assert_eq!(own.post(&format!("{all}/export"), "format=csv").await.status(), StatusCode::FORBIDDEN);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_number_is_revealed_for_a_reason_and_never_stands_in_an_address() {
    common::each(|house| async move {
        let (town, people) = people(&house).await;
        let app = &house.app;
        let own = worker(app, "own", town.organizations[town.communities()[0]].id, "grid_worker").await;
        let reveal = format!("/people/{}/reveal", people[0].id);
        let refused = own.post(&reveal, "attribute=mobile&reason=").await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(refused).await;
        assert!(page.contains("请写 4 到 200 个字") && !page.contains(MOBILE));
        let shown = own.post(&reveal, "attribute=mobile&reason=%E7%BA%A6%E8%B5%B0%E8%AE%BF%E6%97%B6%E9%97%B4").await;
        assert_eq!(shown.status(), StatusCode::OK);
        assert_eq!(shown.headers()[header::CACHE_CONTROL], "no-store");
        let page = text(shown).await;
        assert!(page.contains(MOBILE) && !page.contains(NUMBER));
        assert!(page.contains("员工own，1 次"), "the person page names who looked");
        let again = text(own.get(&format!("/people/{}", people[0].id)).await).await;
        assert!(!again.contains(MOBILE));
        assert_eq!(
            own.post(
                &format!("/people/{}/reveal", people[2].id),
                "attribute=id_no&reason=%E7%BA%A6%E8%B5%B0%E8%AE%BF%E6%97%B6%E9%97%B4"
            )
            .await
            .status(),
            StatusCode::NOT_FOUND
        );
        // Whole numbers typed into a search are neither looked up nor repeated in any link.
        let all = format!("/ledgers/{}", ledgers::everybody());
        let answer = own.get(&format!("{all}?q={NUMBER}&alone=yes")).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        for page in [text(answer).await, text(own.get(&format!("/search?q={MOBILE}")).await).await] {
            assert!(page.contains("只输入号码的后四位"));
            assert!(!page.contains(NUMBER) && !page.contains(MOBILE));
        }
        let reasons: Vec<(String,)> =
            app.read().all("SELECT payload FROM event WHERE kind = 'person.revealed'", vec![]).await.expect("events");
        assert_eq!(reasons.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_the_scope_masks_and_no_formula() {
    common::each(|house| async move {
        let (town, _) = people(&house).await;
        let app = &house.app;
        let office = town.places[town.communities()[0]].parent.expect("a township");
        let at = town.places.iter().position(|place| place.id == office).expect("there");
        let manager = worker(app, "office", town.organizations[at].id, "office_worker").await;
        let export = format!("/ledgers/{}/export", ledgers::everybody());
        let answer = manager.post(&export, "format=csv&alone=").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers()[header::CONTENT_DISPOSITION].to_str().expect("ascii").starts_with("attachment"));
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let csv = text(answer).await;
        assert!(csv.contains("欧阳秀兰") && csv.contains("刘德福") && csv.contains("138****5678"), "{csv}");
        assert!(!csv.contains(NUMBER) && !csv.contains("\n=cmd") && !csv.contains("\"=cmd"), "{csv}");
        let xlsx = bytes(manager.post(&export, "format=xlsx&q=oyxl").await).await;
        let book = sheets::read(&xlsx, "export.xlsx", &sheets::Limits::default()).expect("a workbook");
        let rows = &book.first_visible().expect("a sheet").rows;
        assert_eq!(rows.len(), 2, "header and one row");
        assert_eq!(rows[1][0].display(), "欧阳秀兰");
        let counts: Vec<(String,)> = app
            .read()
            .all("SELECT payload FROM event WHERE kind = 'ledger.exported' ORDER BY payload DESC", vec![])
            .await
            .expect("events");
        assert_eq!(counts.len(), 2);
        assert!(counts[0].0.contains("\"count\":3") && counts[1].0.contains("\"count\":1"), "{counts:?}");
        assert!(!counts[1].0.contains("oyxl"), "what was typed stays out of events");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_the_same() {
    common::each(|house| async move {
        let (town, people) = people(&house).await;
        let app = &house.app;
        let own = worker(app, "own", town.organizations[town.communities()[0]].id, "grid_worker").await;
        let (status, list) = own.json("/api/v1/ledgers").await;
        assert_eq!((status, list["items"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)));
        let rows = format!("/api/v1/ledgers/{}/rows", ledgers::everybody());
        let (_, first) = own.json(&format!("{rows}?limit=1")).await;
        assert_eq!((first["count"].as_i64(), first["items"].as_array().map(Vec::len)), (Some(2), Some(1)));
        let cursor = first["next_cursor"].as_str().expect("a second page");
        let (_, second) = own.json(&format!("{rows}?limit=1&cursor={cursor}")).await;
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
        assert_eq!(second["next_cursor"], Value::Null);
        let (status, problem) = own.json(&format!("{rows}?cursor=nonsense")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "cursor");
        let (_, person) = own.json(&format!("/api/v1/people/{}", people[0].id)).await;
        assert_eq!(person["attributes"]["id_no"]["value"]["mask"], "140202********1234");
        assert_eq!(person["attributes"]["live_alone"]["freshness"], "stale", "said 400 days ago, good for 180");
        assert_eq!(person["attributes"]["name"]["freshness"], "fresh");
        assert!(!person.to_string().contains("enc:"), "no ciphertext leaves");
        let (_, said) = own.json(&format!("/api/v1/people/{}/observations", people[0].id)).await;
        assert_eq!(said["items"][0]["said"]["mobile"]["mask"], "138****5678");
        assert!(!said.to_string().contains("enc:"));
        for path in ["", "/observations"] {
            let (status, _) = own.json(&format!("/api/v1/people/{}{path}", people[2].id)).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
        }
        let reveal = format!("/api/v1/people/{}/reveal", people[0].id);
        let answer = own.post_json(&reveal, json!({"attribute": "mobile", "reason": "约走访时间"})).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = serde_json::from_str(&text(answer).await).expect("json");
        assert_eq!(body["value"], MOBILE);
        let export = format!("/api/v1/ledgers/{}/export", ledgers::everybody());
        assert_eq!(own.post_json(&export, json!({"format": "csv"})).await.status(), StatusCode::FORBIDDEN);
    })
    .await;
}
