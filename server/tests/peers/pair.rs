//! Two processes on one PostgreSQL and one data folder: the real program twice, or two apps in this one.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::Value;
use server::access::tokens;
use server::app::App;
use server::platform::events::Actor;
use server::platform::http::app_router;
use server::platform::ids::Id;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::client::{Answer, Client};
use super::journal::Journal;
use super::load::{self, Hand, hands};
use super::program::Serving;
use super::root::administrator;
use super::stage::{PASSWORD, Stage};
use super::truth;

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
        let account = administrator(&app, PASSWORD, false).await;
        let root = tokens::create(&app, account, None, "test", None, Actor::default()).await.expect("token");
        app.stop();
        app.db.close().await;
        Self { stage, root }
    }

    /// Two of the real program; `without` is what the second does without.
    pub async fn serve(&self, without: &str) -> [Serving; 2] {
        [self.stage.serve(&[]).await, self.stage.serve(&[("HUTONG_TEST_WITHOUT", without)]).await]
    }

    /// So many people at each of the two, on the same items, until they are told to stop.
    pub fn crowd(&self, servers: &[Serving; 2], people: u64, seed: u64) -> Crowd {
        let city = Arc::new(self.stage.city.clone());
        let journal = Arc::new(Journal::at(&self.stage.site.beside("journal")));
        let stop = Arc::new(AtomicBool::new(false));
        let working = [0, 1].map(|at: usize| {
            let (hands, stop) = (hands(&city, &journal, people, seed.rotate_left(at as u32 * 13)), stop.clone());
            let address = servers[at].address.clone();
            tokio::spawn(async move { load::work(hands, &address, &stop).await })
        });
        Crowd { journal, stop, working }
    }

    /// What is wrong with the database, with the boards of these tasks at these servers, and by the program's own
    /// checks.
    pub async fn faults(&self, servers: &[&Serving], journal: &Journal, tasks: &[Id]) -> Vec<String> {
        let db = self.stage.site.place.connect().await.expect("opens");
        let mut wrong = truth::faults(&db, journal).await;
        for server in servers {
            for task in tasks {
                wrong.extend(truth::boards(&db, &self.stage.city, &server.address, *task).await);
            }
        }
        wrong.extend(truth::own_checks(&self.stage.site));
        wrong
    }

    /// Two apps in this process; nothing works in the background yet.
    pub async fn open(&self) -> [App; 2] {
        [self.stage.site.open().await, self.stage.site.open().await]
    }
}

/// People at work at both.
pub struct Crowd {
    pub journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    working: [JoinHandle<Vec<Hand>>; 2],
}

impl Crowd {
    /// Lets them end what they are at: how often each kind of request was acknowledged.
    pub async fn end(self) -> BTreeMap<&'static str, u64> {
        self.stop.store(true, Ordering::Relaxed);
        let mut done = BTreeMap::new();
        for half in self.working {
            for (kind, times) in half.await.expect("clients").iter().flat_map(|hand| &hand.done) {
                *done.entry(*kind).or_insert(0) += times;
            }
        }
        done
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
