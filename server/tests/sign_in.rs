//! Signing in through the whole router, on both databases.

mod common;
#[path = "common/root.rs"]
mod root;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use server::access;
use server::app::App;
use server::platform::database::Exec;
use server::platform::http::app_router;
use tower::ServiceExt;

use root::administrator;

/// As it stands in the forms that are posted here.
const PASSWORD: &str = "open sesame please";

async fn send(app: &App, request: Request<Body>) -> Response<Body> {
    app_router(app.clone()).oneshot(request).await.expect("the router answers")
}

fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).expect("request")
}

fn post(path: &str, cookie: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body.to_owned()))
        .expect("request")
}

fn cookie_of(response: &Response<Body>) -> String {
    let mut all = Vec::new();
    for value in response.headers().get_all(header::SET_COOKIE) {
        all.push(value.to_str().expect("ascii").split(';').next().expect("pair").to_owned());
    }
    all.join("; ")
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.expect("body").to_vec()).expect("utf-8")
}

#[tokio::test]
async fn a_stranger_is_sent_to_sign_in_and_a_known_person_comes_back_to_the_page() {
    common::each(|house| async move {
        let house = house;
        let app = house.app.clone();
        administrator(&app, PASSWORD, false).await;
        let refused = send(&app, get("/password?a=1&b=%E5%8F%B0", "")).await;
        assert_eq!(refused.status(), StatusCode::SEE_OTHER);
        assert_eq!(refused.headers()[header::LOCATION], "/sign-in?next=/password%3Fa%3D1%26b%3D%25E5%258F%25B0");
        let wrong = send(&app, post("/sign-in", "", "login=root&password=wrong&next=/password")).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.headers().get(header::SET_COOKIE).is_none());
        assert!(text(wrong).await.contains("登录名或密码不对"));
        let entered = send(&app, post("/sign-in", "", "login=root&password=open+sesame+please&next=/password")).await;
        assert_eq!(entered.status(), StatusCode::SEE_OTHER, "{}", house.engine);
        assert_eq!(entered.headers()[header::LOCATION], "/password");
        let set = entered.headers()[header::SET_COOKIE].to_str().expect("ascii").to_owned();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
        let cookie = cookie_of(&entered);
        let page = send(&app, get("/password", &cookie)).await;
        assert_eq!(page.status(), StatusCode::OK);
        let left = send(&app, post("/sign-out", &cookie, "")).await;
        assert_eq!(left.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            send(&app, get("/password", &cookie)).await.status(),
            StatusCode::SEE_OTHER,
            "the old cookie is worth nothing"
        );
    })
    .await;
}

/// Whether some session was used at the present instant.
async fn noted(app: &App) -> bool {
    let sql = "SELECT count(*) FROM web_session WHERE seen_at >= $1";
    app.read().one::<(i64,)>(sql, server::args![app.now()]).await.expect("counts").0 > 0
}

#[tokio::test]
async fn the_session_id_changes_at_sign_in_and_ends_by_time() {
    common::each(|house| async move {
        let house = house;
        let app = house.app.clone();
        administrator(&app, PASSWORD, false).await;
        let first = cookie_of(&send(&app, post("/sign-in", "", "login=root&password=open+sesame+please")).await);
        let second = send(&app, post("/sign-in", &first, "login=root&password=open+sesame+please")).await;
        let second = cookie_of(&second);
        assert_ne!(first, second);
        assert_eq!(
            send(&app, get("/password", &first)).await.status(),
            StatusCode::SEE_OTHER,
            "the id known before is dead"
        );
        assert_eq!(send(&app, get("/password", &second)).await.status(), StatusCode::OK);
        const HOUR: i64 = 3_600_000_000;
        app.clock.advance(2 * HOUR + 1);
        assert_eq!(send(&app, get("/password", &second)).await.status(), StatusCode::SEE_OTHER, "idle too long");
        // Used every hour it lives longer than two hours, but not longer than twelve.
        let third = cookie_of(&send(&app, post("/sign-in", "", "login=root&password=open+sesame+please")).await);
        for hour in 1..=12 {
            app.clock.advance(HOUR);
            let alive = send(&app, get("/password", &third)).await.status() == StatusCode::OK;
            assert_eq!(alive, hour < 12, "hour {hour}");
            // That it was used is noted behind the answer.
            let begin = std::time::Instant::now();
            while alive && !noted(&app).await {
                assert!(begin.elapsed() < std::time::Duration::from_secs(10), "hour {hour} is not noted");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_password_that_must_change_is_changed_before_anything_else() {
    common::each(|house| async move {
        let house = house;
        let app = house.app.clone();
        let account = administrator(&app, PASSWORD, true).await;
        let entered = send(&app, post("/sign-in", "", "login=root&password=open+sesame+please&next=/tasks")).await;
        assert_eq!(entered.headers()[header::LOCATION], "/password");
        let cookie = cookie_of(&entered);
        let other = cookie_of(&send(&app, post("/sign-in", "", "login=root&password=open+sesame+please")).await);
        let token = access::tokens::create(&app, account, None, "test", None, Default::default()).await.expect("token");
        assert_eq!(send(&app, get("/tasks", &cookie)).await.headers()[header::LOCATION], "/password");
        let weak =
            send(&app, post("/password", &cookie, "current=open+sesame+please&password=short&again=short")).await;
        assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(weak).await.contains("新密码太短"));
        let body = "current=open+sesame+please&password=a+better+sentence&again=a+better+sentence";
        let done = send(&app, post("/password", &cookie, body)).await;
        assert_eq!(done.status(), StatusCode::SEE_OTHER);
        let toast = cookie_of(&done);
        assert!(toast.starts_with("toast="), "{toast}");
        let page = send(&app, get("/password", &format!("{cookie}; {toast}"))).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(
            page.headers()
                .get_all(header::SET_COOKIE)
                .iter()
                .any(|v| v.to_str().is_ok_and(|v| v.starts_with("toast=;")))
        );
        assert!(text(page).await.contains("密码已改"));
        assert_eq!(send(&app, get("/password", &other)).await.status(), StatusCode::SEE_OTHER, "other sessions ended");
        assert!(access::tokens::principal(&app, &token).await.expect("read").is_none(), "tokens ended");
    })
    .await;
}

#[tokio::test]
async fn errors_are_pages_for_people_and_problems_for_programs() {
    let house = common::sqlite().await;
    let app = house.app.clone();
    let page = send(&app, get("/nowhere", "lang=en")).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    for name in
        ["content-security-policy", "x-content-type-options", "referrer-policy", "x-request-id", "cache-control"]
    {
        assert!(page.headers().contains_key(name), "{name}");
    }
    assert!(text(page).await.contains("This page was not found"));
    let problem = send(&app, get("/api/v1/nowhere", "lang=en")).await;
    assert_eq!(problem.headers()[header::CONTENT_TYPE], "application/problem+json");
    let body: serde_json::Value = serde_json::from_str(&text(problem).await).expect("json");
    assert_eq!(body["code"], "not-found");
    assert_eq!(body["status"], 404);
    assert!(body["request_id"].as_str().is_some_and(|id| id.len() == 32));
    let method = send(&app, Request::delete("/sign-in").body(Body::empty()).expect("request")).await;
    assert_eq!(method.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.headers().contains_key(header::ALLOW));
    let big = send(&app, post("/sign-in", "", &"x".repeat(2 << 20))).await;
    assert_eq!(big.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_and_bearer_tokens_never_set_cookies() {
    let house = common::sqlite().await;
    let app = house.app.clone();
    let account = administrator(&app, PASSWORD, false).await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = Request::post("/sign-in")
            .header(name, value)
            .header("host", "hutong.example")
            .body(Body::empty())
            .expect("request");
        assert_eq!(send(&app, request).await.status(), StatusCode::FORBIDDEN, "{name}");
    }
    let token = access::tokens::create(&app, account, None, "test", None, Default::default()).await.expect("token");
    let with = |value: String| {
        Request::get("/password").header(header::AUTHORIZATION, value).body(Body::empty()).expect("request")
    };
    let good = send(&app, with(format!("Bearer {token}"))).await;
    assert_eq!(good.status(), StatusCode::OK);
    assert!(good.headers().get(header::SET_COOKIE).is_none());
    for bad in ["Bearer hutong_unknown", "Bearer", "Basic cm9vdDpyb290"] {
        let refused = send(&app, with(bad.to_owned())).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{bad}");
        assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_preferences_in_the_browser() {
    let house = common::sqlite().await;
    let app = house.app.clone();
    let asset = send(&app, get(&web::asset_url("staff.css"), "")).await;
    assert_eq!(asset.status(), StatusCode::OK);
    assert!(asset.headers()[header::CACHE_CONTROL].to_str().expect("ascii").contains("immutable"));
    assert_eq!(send(&app, get("/assets/..%2fCargo.toml", "")).await.status(), StatusCode::NOT_FOUND);
    let chosen = send(&app, post("/preferences", "", "lang=en&large=1&back=//evil.example")).await;
    assert_eq!(chosen.headers()[header::LOCATION], "/");
    let cookie = cookie_of(&chosen);
    // Before anybody has set it up, sign-in leads to the set-up page.
    let before = send(&app, get("/sign-in", &cookie)).await;
    assert_eq!(before.headers()[header::LOCATION], "/setup");
    app.installation.store(server::app::Installation { set_up: true, ..Default::default() }.into());
    let page = text(send(&app, get("/sign-in", &cookie)).await).await;
    assert!(page.contains("Staff sign-in") && page.contains("large"), "{page}");
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_other_content_is_refused() {
    common::each(|house| async move {
        let house = house;
        let app = house.app.clone();
        let account = administrator(&app, PASSWORD, false).await;
        let token = access::tokens::create(&app, account, None, "test", None, Default::default()).await.expect("token");
        let make = |key: &str, body: &str| {
            Request::post("/api/v1/tokens")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", key)
                .body(Body::from(body.to_owned()))
                .expect("request")
        };
        let first = send(&app, make("one", r#"{"title":"a"}"#)).await;
        assert_eq!(first.status(), StatusCode::CREATED);
        let first = text(first).await;
        let again = send(&app, make("one", r#"{"title":"a"}"#)).await;
        assert_eq!(again.status(), StatusCode::CREATED);
        assert_eq!(text(again).await, first);
        let other = send(&app, make("one", r#"{"title":"b"}"#)).await;
        assert_eq!(other.status(), StatusCode::CONFLICT);
        let refused = send(&app, make("two", r#"{"title":""}"#)).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(refused).await.contains("\"pointer\":\"/title\""));
        assert_eq!(
            send(&app, make("two", r#"{"title":"c"}"#)).await.status(),
            StatusCode::CREATED,
            "a refusal keeps no key"
        );
        let broken = send(&app, make("three", r#"{"title":"#)).await;
        assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
        let missing = send(&app, make("three", "{}")).await;
        assert_eq!(missing.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(missing).await.contains("missing field"));
        let rows = access::tokens::list(&mut app.read(), account).await.expect("listed");
        assert_eq!(rows.len(), 3, "{}", house.engine);
    })
    .await;
}
