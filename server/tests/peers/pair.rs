//! Two processes on one PostgreSQL and one data folder: the real program twice, or two apps in this one.

use std::process::Command;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use server::access::{self, Holder, Reach, password::hash_now, tokens};
use server::app::App;
use server::error::AppError;
use server::platform::events::Actor;
use server::platform::faults::{Protection, take_out};
use server::platform::http::app_router;
use tower::ServiceExt;

use super::client::{Answer, Client};
use super::program::Serving;
use super::stage::{PASSWORD, Stage};

/// The city, with an administrator of everything.
pub struct Pair {
    pub stage: Stage,
    /// the administrator's token; signs in as `root`
    pub root: String,
}

impl Pair {
    /// With so many items in each community, and a draft of so many rows.
    pub async fn build(items: usize, draft: usize) -> Self {
        let stage = Stage::build("postgresql", items, draft).await;
        let app = stage.site.open().await;
        let (now, today, hashed) = (app.now(), app.clock.today_text(), hash_now(PASSWORD));
        let account = app
            .lanes
            .write(0, vec![], move |tx| {
                let (today, hashed) = (today.clone(), hashed.clone());
                Box::pin(async move {
                    let id = access::create_account(tx, now, "root", &hashed, None, false).await?;
                    access::grant_to(tx, now, &today, Holder::Account(id), "administrator", Reach::All).await?;
                    Ok::<_, AppError>(id)
                })
            })
            .await
            .expect("account");
        let root = tokens::create(&app, account, None, "test", None, Actor::default()).await.expect("token");
        app.stop();
        app.db.close().await;
        Self { stage, root }
    }

    /// Two of the real program; `without` is what the second does without.
    pub async fn serve(&self, without: &str) -> [Serving; 2] {
        [self.stage.serve(&[]).await, self.stage.serve(&[("HUTONG_TEST_WITHOUT", without)]).await]
    }

    /// Two apps in this process; nothing works in the background yet.
    pub async fn open(&self) -> [App; 2] {
        [self.stage.site.open().await, self.stage.site.open().await]
    }
}

/// A protection is out in this process while this lives.
pub struct Without;

impl Without {
    pub fn the(protection: Protection) -> Self {
        take_out(Some(protection));
        Self
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        take_out(None);
    }
}

/// Asks an app of this process.
pub async fn ask(app: &App, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) })
        .expect("request");
    let answer = app_router(app.clone()).oneshot(request).await.expect("answered");
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body(), 1 << 22).await.expect("body");
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Asks one of the real program.
pub async fn get(server: &Serving, path: &str, token: &str) -> Answer {
    Client::to(&server.address).get(path, token).await.expect("an answer")
}

/// Asks again and again until the answer is as wanted; how long that took, or none after `longest`.
pub async fn until(longest: Duration, mut wanted: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < longest {
        if wanted().await {
            return Some(begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    None
}

/// Sends a signal to one of the real program.
pub fn signal(server: &Serving, name: &str) {
    let told = Command::new("kill").args([&format!("-{name}"), &server.id().to_string()]).status().expect("kill");
    assert!(told.success());
}

/// Signs in at a server; the cookie.
pub async fn cookie(server: &Serving, login: &str) -> String {
    let body = format!("login={login}&password={}", PASSWORD.replace(' ', "+"));
    let head = "content-type: application/x-www-form-urlencoded\r\n";
    let answer = Client::to(&server.address).ask("POST", "/sign-in", head, body.as_bytes()).await.expect("an answer");
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.text()));
    cookie.split(';').next().expect("pair").to_owned()
}
