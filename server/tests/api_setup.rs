//! From an empty installation by the API alone: set-up, places, address book, grid, premises, an account
//! with a role, and the first sign-in with it. On both databases.

mod common;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use server::administration;
use server::app::App;
use server::platform::database::Exec;
use server::platform::http::app_router;
use server::platform::jobs::run_until_idle;
use tower::ServiceExt;

const PLACES: &str = "代码,级别,名称,上级代码\n140200000000,2,大同市,140000000000\n140213000000,3,平城区,140200000000\n\
140213005000,4,永泰街道,140213000000\n140213005001,5,康吉社区,140213005000\n";
const BOOK: &str = "单位,上级单位,条线上级,所在地,岗位,姓名,手机,角色,标签,登录名\n\
永泰街道办事处,,,140213005000,书记,周海燕,19903520002,领导,leader,zhouhaiyan\n\
康吉社区居委会,永泰街道办事处,永泰街道办事处,140213005001,网格员,李静,19903520004,网格员,grid_worker,\n";
const PASSWORD: &str = "open sesame please";

/// Whoever asks: a cookie of a session, once there is one.
struct Caller<'a> {
    app: &'a App,
    cookie: String,
}

impl Caller<'_> {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        app_router(self.app.clone()).oneshot(request).await.expect("the router answers")
    }

    fn request(&self, call: &str, version: Option<i64>, kind: &str, body: Vec<u8>) -> Request<Body> {
        let (method, path) = call.split_once(' ').expect("METHOD path");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin");
        if !self.cookie.is_empty() {
            request = request.header(header::COOKIE, &self.cookie);
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        request.body(Body::from(body)).expect("request")
    }

    async fn answer(&self, call: &str, request: Request<Body>, expected: u16) -> Value {
        let response = self.send(request).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 8 << 20).await.expect("body");
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        assert_eq!(status, expected, "{call}: {value}");
        value
    }

    async fn ask(&self, call: &str, body: Value, expected: u16) -> Value {
        let request = self.request(call, None, "application/json", body.to_string().into_bytes());
        self.answer(call, request, expected).await
    }

    async fn at(&self, call: &str, version: i64, body: Value, expected: u16) -> Value {
        let request = self.request(call, Some(version), "application/json", body.to_string().into_bytes());
        self.answer(call, request, expected).await
    }

    async fn upload(&self, path: &str, name: &str, text: &str) -> Value {
        let body = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{text}\r\n--edge--\r\n"
        );
        let call = format!("POST {path}");
        let request = self.request(&call, None, "multipart/form-data; boundary=edge", body.into_bytes());
        self.answer(&call, request, 200).await
    }

    /// Signs in as the page does and gives a caller with the session.
    async fn signed_in(&self, login: &str, password: &str) -> (Self, String) {
        let encoded: String = password.bytes().map(|b| format!("%{b:02X}")).collect();
        let body = format!("login={login}&password={encoded}");
        let nobody = Self { app: self.app, cookie: String::new() };
        let request = nobody.request("POST /sign-in", None, "application/x-www-form-urlencoded", body.into_bytes());
        let response = self.send(request).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{login} signs in");
        let to = response.headers()[header::LOCATION].to_str().expect("text").to_owned();
        let cookies: Vec<&str> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split(';').next())
            .collect();
        (Self { app: self.app, cookie: cookies.join("; ") }, to)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

fn first<'v>(list: &'v Value, key: &str, wanted: &str) -> &'v Value {
    let items = list["items"].as_array().expect("a list");
    items.iter().find(|row| row[key] == wanted).unwrap_or_else(|| panic!("{wanted} in {list}"))
}

async fn count(app: &App, sql: &'static str) -> i64 {
    app.read().one::<(i64,)>(sql, vec![]).await.expect("counts").0
}

/// Set-up: refused without the code, all of it or nothing, once.
async fn set_up<'a>(nobody: &Caller<'a>) -> Caller<'a> {
    let app = nobody.app;
    let code = administration::set_up::code(app).expect("code").expect("not set up");
    let filled = |code: &str, password: &str| {
        json!({"code": code, "name": "测试市政民互通平台", "address": "http://127.0.0.1:8080", "province": "14",
            "login": "root", "password": password})
    };
    nobody.ask("GET /api/v1/places", Value::Null, 401).await;
    let wrong = nobody.ask("POST /api/v1/setup", filled("guess", "short"), 422).await;
    let at: Vec<&str> =
        wrong["errors"].as_array().expect("errors").iter().filter_map(|e| e["pointer"].as_str()).collect();
    assert_eq!(at, ["/code", "/password"]);
    assert_eq!(count(app, "SELECT count(*) FROM account").await, 0, "nothing is half set up");
    let done = nobody.ask("POST /api/v1/setup", filled(&code, PASSWORD), 201).await;
    assert_eq!(done["name"], "测试市政民互通平台");
    assert!(done["root_place"].is_string(), "{done}");
    nobody.ask("POST /api/v1/setup", filled(&code, PASSWORD), 404).await;
    nobody.signed_in("root", PASSWORD).await.0
}

/// Places: looked at, then imported by a job.
async fn places(root: &Caller<'_>) {
    let circle = "代码,级别,名称,上级代码\nA,3,甲区,B\nB,3,乙区,A\n";
    let bad = root.upload("/api/v1/places/import", "circle.csv", circle).await;
    assert!(bad["fault_count"].as_i64() > Some(0) && bad["file"].is_null(), "{bad}");
    let looked = root.upload("/api/v1/places/import", "places.csv", PLACES).await;
    assert_eq!((&looked["faults"], &looked["news"], &looked["counts"]["township"]), (&json!([]), &json!(4), &json!(1)));
    assert_eq!(root.app.geography().len(), 1, "the dry run writes nothing");
    let file = text(&looked["file"]);
    root.ask(&format!("POST /api/v1/address-book/import/{file}"), Value::Null, 404).await;
    let begun = root.ask(&format!("POST /api/v1/places/import/{file}"), Value::Null, 202).await;
    run_until_idle(root.app).await.expect("jobs");
    let job = root.ask(&format!("GET {}", text(&begun["href"])), Value::Null, 200).await;
    assert_eq!((&job["state"], &job["result"]["made"]), (&json!("done"), &json!(4)), "{job}");
    let again = root.upload("/api/v1/places/import", "places.csv", PLACES).await;
    assert!(again["file"].is_null() && again["news"] == 0, "{again}");
}

/// The address book: whole or not at all; passwords once.
async fn address_book(root: &Caller<'_>) -> Value {
    let wrong = BOOK.replace("19903520004", "12ab");
    let bad = root.upload("/api/v1/address-book/import", "book.csv", &wrong).await;
    assert_eq!(bad["faults"][0]["code"], "directory-fault-phone", "{bad}");
    let looked = root.upload("/api/v1/address-book/import", "book.csv", BOOK).await;
    assert_eq!((&looked["counts"]["organizations"], &looked["counts"]["logins"]), (&json!(2), &json!(1)), "{looked}");
    let file = text(&looked["file"]);
    let done = root.ask(&format!("POST /api/v1/address-book/import/{file}"), Value::Null, 201).await;
    assert_eq!(done["accounts"][0]["login"], "zhouhaiyan");
    assert_eq!(text(&done["accounts"][0]["password"]).len(), 16);
    done
}

#[tokio::test]
async fn an_empty_installation_is_made_ready_by_the_api_alone() {
    common::each(|house| async move {
        let app = &house.app;
        let nobody = Caller { app, cookie: String::new() };
        let root = set_up(&nobody).await;
        places(&root).await;
        let book = address_book(&root).await;
        let community =
            text(&first(&root.ask("GET /api/v1/places?q=康吉", Value::Null, 200).await, "name", "康吉社区")["id"]);
        let person = root.ask("GET /api/v1/staff?q=lijing", Value::Null, 200).await;
        let person = first(&person, "name", "李静").clone();
        let (staff, post) = (text(&person["id"]), text(&person["posts"][0]["id"]));

        let grids = format!("/api/v1/places/{community}/grids");
        let grid = root.ask(&format!("POST {grids}"), json!({"name": "第1网格"}), 201).await;
        root.ask(&format!("POST {grids}"), json!({"name": "第1网格"}), 422).await;
        let worker = format!("/api/v1/grids/{}/workers/{post}", text(&grid["id"]));
        let works = root.ask(&format!("PUT {worker}"), Value::Null, 200).await;
        assert_eq!(works["workers"][0]["name"], "李静");
        let spare = root.ask(&format!("POST {grids}"), json!({"name": "第2网格"}), 201).await;
        root.ask(&format!("DELETE /api/v1/grids/{}", text(&spare["id"])), Value::Null, 428).await;
        root.at(&format!("DELETE /api/v1/grids/{}", text(&spare["id"])), 1, Value::Null, 204).await;
        let listed = root.ask(&format!("GET {grids}"), Value::Null, 200).await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));

        let premises = format!("/api/v1/places/{community}/premises");
        let pattern =
            json!({"compound": "康吉家园", "buildings": [1, 2], "units": [1, 2], "floors": [1, 3], "doors": 2});
        let looked = root.ask(&format!("POST {premises}/dry-run"), pattern.clone(), 200).await;
        assert_eq!((&looked["doors"], &looked["there"]), (&json!(24), &json!(0)), "{looked}");
        assert_eq!(count(app, "SELECT count(*) FROM premises").await, 0, "the dry run writes nothing");
        assert_eq!(root.ask(&format!("POST {premises}"), pattern.clone(), 201).await["made"], 31);
        assert_eq!(root.ask(&format!("POST {premises}"), pattern, 201).await["made"], 0, "what is there stays");
        assert_eq!(root.ask(&format!("GET {premises}"), Value::Null, 200).await["counts"]["door"], 24);

        let made = root.ask("POST /api/v1/accounts", json!({"staff": staff, "login": "lijing"}), 201).await;
        let account = text(&made["id"]);
        let taken = root.ask("POST /api/v1/accounts", json!({"staff": staff, "login": "lijing2"}), 422).await;
        assert_eq!(taken["errors"][0]["pointer"], "/staff");
        let given = json!({"post": post, "role": "clerk", "reach": "place", "place": community});
        let grant = root.ask("POST /api/v1/grants", given, 201).await;
        let shown = root.ask(&format!("GET /api/v1/accounts/{account}"), Value::Null, 200).await;
        let held = shown["posts"][0]["grants"].as_array().expect("grants");
        assert!(held.iter().any(|one| one["role"] == "clerk" && one["place"] == community.as_str()), "{shown}");
        let who = root.ask("GET /api/v1/grants?role=clerk", Value::Null, 200).await;
        assert_eq!(first(&who, "name", "李静")["id"], grant["id"]);

        // The one-time password lets in, as far as to choose one's own.
        let (worker, to) = nobody.signed_in("lijing", &text(&made["password"])).await;
        assert!(to.starts_with("/password") || to == "/", "{to}");
        let refused = worker.send(worker.request("GET /api/v1/me", None, "application/json", vec![])).await;
        assert_ne!(refused.status(), StatusCode::OK, "not before the password is changed");
        nobody.signed_in("zhouhaiyan", &text(&book["accounts"][0]["password"])).await;

        root.ask(&format!("DELETE /api/v1/grants/{}", text(&grant["id"])), Value::Null, 204).await;
        let none = root.ask("GET /api/v1/grants?role=clerk", Value::Null, 200).await;
        assert_eq!(none["items"], json!([]));
        let suspended = root.ask(&format!("POST /api/v1/accounts/{account}/suspend"), Value::Null, 200).await;
        assert_eq!(suspended["state"], "suspended");
        assert_eq!(
            root.ask(&format!("POST /api/v1/accounts/{account}/resume"), Value::Null, 200).await["state"],
            "active"
        );
        let reset = root.ask(&format!("POST /api/v1/accounts/{account}/reset"), Value::Null, 200).await;
        assert_ne!(reset["password"], made["password"]);

        let path = format!("PATCH /api/v1/staff/{staff}");
        let left = root.at(&path, 9, json!({"state": "suspended"}), 412).await;
        assert_eq!(left["current"]["version"], person["version"]);
        let version = person["version"].as_i64().expect("version");
        assert_eq!(root.at(&path, version, json!({"state": "suspended"}), 200).await["state"], "suspended");

        root.ask("PUT /api/v1/working-days/2027-05-02", json!({"working": true, "note": "调休"}), 200).await;
        let days = root.ask("GET /api/v1/working-days", Value::Null, 200).await;
        assert_eq!(first(&days, "day", "2027-05-02")["note"], "调休");
        root.ask("DELETE /api/v1/working-days/2027-05-02", Value::Null, 204).await;
    })
    .await;
}

#[tokio::test]
async fn an_organization_that_is_asked_nothing_of_stays_without_an_event() {
    common::each(|house| async move {
        let app = &house.app;
        let nobody = Caller { app, cookie: String::new() };
        let root = set_up(&nobody).await;
        let made =
            root.ask("POST /api/v1/organizations", json!({"name": "平城区民政局", "kind": "department"}), 201).await;
        let path = format!("PATCH /api/v1/organizations/{}", text(&made["id"]));
        let events = count(app, "SELECT count(*) FROM event").await;
        for same in
            [json!({}), json!({"parent": null}), json!({"name": "平城区民政局"}), json!({"short_name": "平城区民政局"})]
        {
            assert_eq!(root.at(&path, 1, same, 200).await["version"], 1);
        }
        root.at(&path, 7, json!({}), 412).await;
        assert_eq!(count(app, "SELECT count(*) FROM event").await, events, "nothing was changed");
        let short = root.at(&path, 1, json!({"short_name": "区民政局"}), 200).await;
        assert_eq!(
            (&short["name"], &short["short_name"], &short["version"]),
            (&json!("平城区民政局"), &json!("区民政局"), &json!(2))
        );
        assert_eq!(count(app, "SELECT count(*) FROM event").await, events + 1);
    })
    .await;
}
