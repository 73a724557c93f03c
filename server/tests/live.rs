//! A real server on a socket: live streams, limits by peer, figures, closing.

mod common;
#[path = "common/root.rs"]
mod root;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use server::access::{self};
use server::app::{App, Parts};
use server::error::AppError;
use server::front;
use server::platform::clock::Clock;
use server::platform::database::{Db, migrate};
use server::platform::ids::Id;
use server::platform::limits::Limits;
use server::platform::secrets::Keys;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use root::administrator;

const PASSWORD: &str = "open sesame please";

struct Running {
    app: App,
    address: SocketAddr,
    account: Id,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

async fn run(db: Db, folder: &std::path::Path, limits: Limits) -> Running {
    migrate(&db, common::NOW).await.expect("migrates");
    let app = App::new(Parts::new(
        db,
        Clock::system("Asia/Shanghai").expect("zone"),
        Keys::ephemeral(),
        folder.to_owned(),
        limits,
    ));
    let account = administrator(&app, PASSWORD, false).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(front::serve(app.clone(), listener, async move {
        let _ = stopped.await;
    }));
    Running { app, address, account, stop, served }
}

async fn raw(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

async fn ask(address: SocketAddr, method: &str, path: &str, more: &str, body: &str) -> String {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n{more}\r\n{body}",
        body.len()
    );
    let mut out = String::new();
    raw(address, &request).await.read_to_string(&mut out).await.expect("answer");
    out
}

async fn cookie(address: SocketAddr) -> String {
    let answer =
        ask(address, "POST", "/sign-in", "", &format!("login=root&password={}", PASSWORD.replace(' ', "+"))).await;
    let line = answer.lines().find(|line| line.starts_with("set-cookie: session=")).expect("signed in");
    line["set-cookie: ".len()..].split(';').next().expect("pair").to_owned()
}

/// Reads until `wanted` came, or gives what there is when the stream ends.
async fn until(stream: &mut TcpStream, wanted: &str) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), [0_u8; 4096]);
    loop {
        let n = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut bytes)).await.expect("in time").ok()?;
        if n == 0 {
            return None;
        }
        text.push_str(&String::from_utf8_lossy(&bytes[..n]));
        if text.contains(wanted) {
            return Some(text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_open_page_within_a_second_and_closing_ends_the_stream() {
    common::each_db(|db| async move {
        let folder = tempfile::tempdir().expect("temp");
        let house = run(db, folder.path(), Limits::generous()).await;
        let cookie = cookie(house.address).await;
        let head = format!(
            "GET /events?topics=account:{} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n",
            house.account, house.address
        );
        let mut stream = raw(house.address, &head).await;
        let opened = until(&mut stream, "event: beat").await.expect("opened");
        assert!(opened.contains("content-type: text/event-stream") && !opened.contains("content-encoding"), "{opened}");
        assert_eq!(house.app.hub.open(), 1);
        let began = Instant::now();
        let account = house.account;
        house.app.lanes.write(0, vec![account], |_| Box::pin(async { Ok::<_, AppError>(()) })).await.expect("written");
        let told = until(&mut stream, &format!("data: account:{account}")).await.expect("told");
        assert!(
            told.contains("event: change") && began.elapsed() < Duration::from_secs(1),
            "{told} {:?}",
            began.elapsed()
        );
        let anonymous = ask(house.address, "GET", "/events?topics=x", "", "").await;
        assert!(anonymous.starts_with("HTTP/1.1 303"), "{anonymous}");
        let began = Instant::now();
        house.stop.send(()).expect("running");
        assert!(until(&mut stream, "never").await.is_none(), "the stream ends");
        house.served.await.expect("ran").expect("closed");
        assert!(began.elapsed() < Duration::from_secs(8), "closing took {:?}", began.elapsed());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_suspended_hears_nothing_more() {
    let folder = tempfile::tempdir().expect("temp");
    let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("opens");
    let house = run(db, folder.path(), Limits::generous()).await;
    let cookie = cookie(house.address).await;
    let head = format!(
        "GET /events?topics={} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: {cookie}\r\n\r\n",
        house.account, house.address
    );
    let mut stream = raw(house.address, &head).await;
    until(&mut stream, "event: beat").await.expect("opened");
    let account = house.account;
    let began = Instant::now();
    house
        .app
        .lanes
        .write(0, vec![account], move |tx| {
            Box::pin(async move { access::store::set_state(tx, account, "suspended").await })
        })
        .await
        .map_err(AppError::from)
        .expect("suspended");
    while until(&mut stream, "never").await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let page = ask(house.address, "GET", "/password", &format!("cookie: {cookie}\r\n"), "").await;
    assert!(page.starts_with("HTTP/1.1 303"), "the session is worth nothing: {page}");
    house.stop.send(()).expect("running");
    house.served.await.expect("ran").expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_by_the_sockets_peer_whatever_headers_say() {
    let folder = tempfile::tempdir().expect("temp");
    let db = Db::open_sqlite(&folder.path().join("test.db")).await.expect("opens");
    let limits = Limits { sign_in_per_peer: 5, sign_in_per_account: 100, ..Limits::default() };
    let house = run(db, folder.path(), limits).await;
    let mut answers = Vec::new();
    for n in 0..8 {
        let spoofed = format!("x-forwarded-for: 10.0.0.{n}\r\nforwarded: for=10.0.1.{n}\r\nx-real-ip: 10.0.2.{n}\r\n");
        let answer =
            ask(house.address, "POST", "/sign-in", &spoofed, &format!("login=user{n}&password=wrong&x={n}")).await;
        answers.push(answer[9..12].to_owned());
    }
    assert_eq!(answers, ["422", "422", "422", "422", "422", "429", "429", "429"]);
    for (path, wanted) in [("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "http_requests_total")] {
        let answer = ask(house.address, "GET", path, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(wanted), "{path}: {answer}");
    }
    house.stop.send(()).expect("running");
    house.served.await.expect("ran").expect("closed");
}
