//! Callers that leave: a request dropped at any await point leaves no open transaction, no stuck lane, no
//! half-done work.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, header};
use server::app::App;
use server::args;
use server::measures::{fold_once, recount};
use server::platform::database::{Db, Exec, StoreError, migrate};
use server::platform::faults::Protection;
use server::platform::http::app_router;
use server::platform::ids::{Id, new_free_id, new_id};
use server::platform::lane::Lanes;
use tower::ServiceExt;

use super::cast::Cast;
use super::common::{self, House, NOW, postgres_url, schema_url};
use super::create;
use super::dice::{Dice, seed};
use super::without::Without;

/// A list narrowed by the worker's scope.
const LIST: &str = "/work";

/// Polls at most `most` times, then drops.
async fn leaves<F: Future>(most: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if polls >= most => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// PostgreSQL with few connections, under a user of its own, so that its sessions can be told from others.
async fn small() -> (Db, String) {
    let user = format!("u{}", new_free_id(NOW).simple());
    let admin = Db::open_postgres(&postgres_url()).await.expect("answers");
    admin.clone().execute_built(format!("CREATE ROLE {user} LOGIN SUPERUSER"), vec![]).await.expect("role");
    admin.close().await;
    let url = schema_url("").await;
    let (before, after) = url.split_once('@').expect("a user");
    let scheme = before.split_once("//").expect("a scheme").0;
    let db = Db::open_postgres_within(&format!("{scheme}//{user}@{after}"), 4).await.expect("opens");
    (db, user)
}

/// Sessions of the user that sit in a transaction with nobody working in it.
async fn idle_in_transaction(db: &Db, user: &str) -> i64 {
    if user.is_empty() {
        return 0;
    }
    let admin = Db::open_postgres_within(&postgres_url(), 1).await.expect("answers");
    let count: (i64,) = admin
        .clone()
        .one(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state LIKE 'idle in transaction%' \
             AND state_change < clock_timestamp() - interval '100 milliseconds'",
            args![user],
        )
        .await
        .expect("counts");
    admin.close().await;
    drop(db.clone());
    count.0
}

/// Waits until every lane has nothing left.
async fn settle(lanes: &Lanes) {
    for shard in 0..4 {
        create(lanes, shard, "settle".into()).await.expect("the lane serves");
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
}

fn request(cast: &Cast, method: &str, path: &str, form: Option<&str>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if form.is_some() {
        builder = builder
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
    }
    // The worker of the first community.
    for (name, value) in cast.headers(4) {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(form.unwrap_or_default().to_owned())).expect("request")
}

struct Asked {
    reveals: i64,
    revealed: i64,
    forms: i64,
    formed: i64,
    dropped: u64,
}

/// Sends requests of many kinds until `count` of them were left before their answer.
async fn storm(app: &App, cast: &Cast, answers: &str, dice: &mut Dice, count: u64) -> Asked {
    let router = app_router(app.clone());
    let (person, item, task) = (cast.bound("person-a"), cast.bound("item-a"), cast.bound("task"));
    let mut asked = Asked { reveals: 0, revealed: 0, forms: 0, formed: 0, dropped: 0 };
    while asked.dropped < count {
        let kind = dice.roll(8);
        let request = match kind {
            0 | 1 => request(cast, "POST", &format!("/people/{person}/reveal"), Some("attribute=mobile&reason=call")),
            2 => request(cast, "POST", "/forms", Some("title=left")),
            3 => request(cast, "POST", &format!("/items/{item}"), Some(answers)),
            4 => request(cast, "GET", &format!("/boards/{task}"), None),
            5 => request(cast, "GET", &format!("/items/{item}"), None),
            6 => request(cast, "GET", &format!("/boards/{task}/fragment"), None),
            _ => request(cast, "GET", LIST, None),
        };
        asked.reveals += i64::from(kind < 2);
        asked.forms += i64::from(kind == 2);
        let answer: Option<Response<Body>> =
            leaves(1 + dice.roll(6), async { router.clone().oneshot(request).await.expect("answered") }).await;
        let Some(answer) = answer else {
            asked.dropped += 1;
            continue;
        };
        let status = answer.status().as_u16();
        assert!(status < 500, "kind {kind}: {status}");
        asked.revealed += i64::from(kind < 2 && status == 200);
        asked.formed += i64::from(kind == 2 && status == 303);
    }
    asked
}

async fn leave(house: &House, user: &str, seed: u64) {
    let app = &house.app;
    let cast = Cast::build(app).await;
    let count = std::env::var("HUTONG_TEST_LEAVES").ok().and_then(|text| text.parse().ok()).unwrap_or(2000_u64) / 2;
    let mut dice = Dice(seed | 1);
    // One submission, sent again and again under the same id, as a phone does that hears no answer.
    let answers = format!(
        "client_id={}&name=%E7%94%B2%E7%A7%80%E5%85%B0&id_no=11010119400301202X&living_alone=true\
         &contact=%E7%8E%8B%E6%98%8E&visited_on=2026-11-24",
        new_id(1, NOW)
    );
    let asked = storm(app, &cast, &answers, &mut dice, count).await;
    settle(&app.lanes).await;
    assert_eq!(idle_in_transaction(&app.db, user).await, 0, "{}: an open transaction stays", house.engine);
    // Whoever stays is served, whatever connection it gets.
    let router = app_router(app.clone());
    let (item, task) = (cast.bound("item-a"), cast.bound("task"));
    let sent = request(&cast, "POST", &format!("/items/{item}"), Some(&answers));
    let slip = router.clone().oneshot(sent).await.expect("answered");
    let (status, page) = (slip.status(), axum::body::to_bytes(slip.into_body(), 1 << 20).await.expect("page"));
    assert_eq!(status, 303, "{}: {}", house.engine, String::from_utf8_lossy(&page));
    for n in 0..40 {
        let path = [format!("/boards/{task}"), format!("/items/{item}"), LIST.to_owned()][n % 3].clone();
        let answer = router.clone().oneshot(request(&cast, "GET", &path, None)).await.expect("answered");
        assert_eq!(answer.status(), 200, "{}: {path}", house.engine);
    }
    let count_of = async |sql: &'static str, args| app.read().one::<(i64,)>(sql, args).await.expect("counts").0;
    let reveals = count_of("SELECT count(*) FROM event WHERE kind = 'person.revealed'", vec![]).await;
    assert!((asked.revealed..=asked.reveals).contains(&reveals), "{reveals}");
    let forms = count_of("SELECT count(*) FROM form WHERE title LIKE '%left%'", vec![]).await;
    assert!((asked.formed..=asked.forms).contains(&forms), "{forms}");
    let created = count_of(
        "SELECT count(*) FROM event e WHERE e.kind = 'form.created' AND EXISTS (SELECT 1 FROM form f WHERE f.id = e.subject_id AND f.title LIKE '%left%')",
        vec![],
    )
    .await;
    assert_eq!(created, forms, "a form and its event come together");
    let item: Id = cast.bound("item-a").parse().expect("id");
    let stored = count_of("SELECT count(*) FROM submission WHERE door_id = $1", args![item]).await;
    let done = count_of("SELECT count(*) FROM item WHERE id = $1 AND state = 'done'", args![item]).await;
    assert_eq!((stored, done), (1, 1), "{}: sent many times, stored once", house.engine);
    while fold_once(app).await.expect("folds") > 0 {}
    let task: Id = cast.bound("task").parse().expect("id");
    assert_eq!(recount(app, task).await.expect("recounts"), vec![], "totals equal the recount");
}

#[tokio::test]
async fn a_client_that_leaves_at_any_point_leaves_nothing_behind() {
    let seed = seed();
    leave(&common::sqlite().await, "", seed).await;
    let (db, user) = small().await;
    leave(&common::house(db, tempfile::tempdir().expect("folder")).await, &user, seed).await;
}

/// The sessions that a user has at the database.
async fn sessions(user: &str) -> BTreeSet<i64> {
    let admin = Db::open_postgres_within(&postgres_url(), 1).await.expect("answers");
    let sql = "SELECT cast(pid as bigint) FROM pg_stat_activity WHERE usename = $1";
    let pids: Vec<(i64,)> = admin.clone().all(sql, args![user]).await.expect("listed");
    admin.close().await;
    pids.into_iter().map(|row| row.0).collect()
}

/// Drops `count` writes after a few polls; gives how often something was left behind, and how many sessions it cost.
async fn dropped_writes(db: &Db, user: &str, lanes: &Lanes, dice: &mut Dice, count: u64) -> i64 {
    lanes.pulse().await.expect("writes pass");
    let before = sessions(user).await;
    assert!(!before.is_empty(), "the lanes have their sessions");
    let mut left = 0;
    for n in 0..count {
        let write = create(lanes, n as i64 % 4, "dropped".into());
        let _ = leaves(1 + dice.roll(8), write).await;
        if n % 25 == 24 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            left += idle_in_transaction(db, user).await;
            let follow_up: Result<Vec<(i64,)>, StoreError> =
                db.clone().all("SELECT shard FROM entity LIMIT 1", vec![]).await;
            left += i64::from(follow_up.is_err());
        }
    }
    left + before.difference(&sessions(user).await).count() as i64
}

#[tokio::test]
async fn a_write_in_the_callers_own_future_would_end_with_its_session() {
    let (db, user) = small().await;
    migrate(&db, NOW).await.expect("migrates");
    let mut dice = Dice(seed() | 1);
    let lanes = Lanes::start(&db);
    assert_eq!(dropped_writes(&db, &user, &lanes, &mut dice, 100).await, 0);
    let _without = Without::the(Protection::OwnTask);
    assert!(dropped_writes(&db, &user, &lanes, &mut dice, 200).await > 0, "a task of its own is needed");
}
