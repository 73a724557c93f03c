//! What is committed at one process shows at the other within a second: boards, live streams, names, rights.

use std::time::{Duration, Instant};

use serde_json::json;
use server::access::tokens;
use server::args;
use server::platform::database::{Exec, StoreError};
use server::platform::faults::Protection;
use server::platform::ids::Id;
use server::platform::secrets::digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Client;
use super::dice::{Dice, seed};
use super::load::visit;
use super::pair::{Pair, cookie, get, until};
use super::program::Serving;
use super::without::Without;

/// What "within a second" is; a machine under load gets twice that.
const SOON: Duration = Duration::from_secs(2);
/// So long nothing is seen without the protection.
const NEVER: Duration = Duration::from_secs(3);

/// A live stream of one server.
struct Stream(TcpStream, String);

impl Stream {
    async fn open(server: &Serving, cookie: &str, topics: &str) -> Self {
        let mut stream = TcpStream::connect(&server.address).await.expect("connects");
        let head =
            format!("GET /events?topics={topics} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", server.address);
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut stream = Self(stream, String::new());
        assert!(stream.says("event: beat", SOON).await, "{}", stream.1);
        stream
    }

    /// Whether it says so in time; what was read is forgotten.
    async fn says(&mut self, wanted: &str, longest: Duration) -> bool {
        let begin = Instant::now();
        let mut bytes = [0_u8; 4096];
        while !self.1.contains(wanted) {
            let left = longest.saturating_sub(begin.elapsed());
            match tokio::time::timeout(left, self.0.read(&mut bytes)).await {
                Ok(Ok(n)) if n > 0 => self.1.push_str(&String::from_utf8_lossy(&bytes[..n])),
                _ => return false,
            }
        }
        self.1.clear();
        true
    }
}

async fn done(server: &Serving, pair: &Pair) -> i64 {
    let city = &pair.stage.city;
    let board = get(server, &format!("/api/v1/boards/{}", city.task), &city.manager).await;
    assert_eq!(board.status, 200, "{}", board.text());
    board.json()["here"]["totals"]["done"].as_i64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_filed_at_one_process_rings_the_board_of_the_other() {
    let seed = seed();
    let pair = Pair::build(2, 0).await;
    let (city, mut dice) = (&pair.stage.city, Dice(seed | 1));
    let [one, two] = pair.serve("").await;
    // Signed in at the one, listening at the other: sessions are everybody's.
    let cookie = cookie(&one, "manager").await;
    let topic = format!("task:{}", city.task);
    let mut stream = Stream::open(&two, &cookie, &topic).await;
    let mut longest = Duration::ZERO;
    for (at, item) in city.items.iter().take(6).enumerate() {
        let sent = visit(city, *item, &city.manager, &mut dice);
        let answer = Client::to(&one.address).json("POST", &sent.path, &city.manager, &sent.body).await.expect("filed");
        assert_eq!(answer.status, 201, "{}", answer.text());
        let begin = Instant::now();
        assert!(stream.says(&topic, SOON).await, "the stream of the other process hears of it");
        longest = longest.max(begin.elapsed());
        assert_eq!(done(&two, &pair).await, at as i64 + 1, "and its board is the same");
        assert_eq!(done(&one, &pair).await, at as i64 + 1);
    }
    println!("commit at one to the stream of the other: at most {longest:?}");
    drop(one);

    // A process that leaves no notes is not heard.
    let mute = pair.stage.serve(&[("HUTONG_TEST_WITHOUT", "PeerNotes")]).await;
    let sent = visit(city, city.items[7], &city.manager, &mut dice);
    let answer = Client::to(&mute.address).json("POST", &sent.path, &city.manager, &sent.body).await.expect("filed");
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(!stream.says(&topic, NEVER).await, "the notes are needed");
}

/// Renames a place at a server.
async fn rename(server: &Serving, pair: &Pair, name: &str) {
    let path = format!("/api/v1/places/{}", pair.stage.city.communities[0]);
    let version = get(server, &path, &pair.root).await.json()["version"].as_i64().expect("a version");
    let head =
        format!("authorization: Bearer {}\r\ncontent-type: application/json\r\nif-match: \"{version}\"\r\n", pair.root);
    let body = json!({"name": name}).to_string();
    let answer = Client::to(&server.address).ask("PATCH", &path, &head, body.as_bytes()).await.expect("renamed");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// How long it takes until the other server has the name; none: not in time.
async fn named(server: &Serving, pair: &Pair, name: &str, longest: Duration) -> Option<Duration> {
    let path = format!("/api/v1/places/{}", pair.stage.city.communities[0]);
    until(longest, async || get(server, &path, &pair.root).await.json()["official_name"] == name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_changed_at_one_process_is_used_by_the_other() {
    let pair = Pair::build(1, 0).await;
    let city = &pair.stage.city;
    let [one, two] = pair.serve("").await;
    for (at, name) in ["甲社区居民委员会", "乙社区居民委员会", "丙社区居民委员会"].iter().enumerate()
    {
        let (from, to) = if at % 2 == 0 { (&one, &two) } else { (&two, &one) };
        rename(from, &pair, name).await;
        let took = named(to, &pair, name, SOON).await.expect("the other process uses the new name");
        println!("a new name at the other process after {took:?}");
    }

    // An organization added at one is there at the other; its post, ended at the one, opens nothing at the other.
    let body = json!({"name": "社区养老服务站", "kind": "social", "parent": city.units[3], "place": city.places[3]});
    let path = "/api/v1/organizations";
    let added = Client::to(&one.address).json("POST", path, &pair.root, &body).await.expect("added");
    assert_eq!(added.status, 201, "{}", added.text());
    let path = format!("/api/v1/organizations/{}", added.json()["id"].as_str().expect("an id"));
    let there = until(SOON, async || get(&two, &path, &pair.root).await.status == 200).await;
    println!("a new organization at the other process after {:?}", there.expect("it is there"));

    let worker = city.by_unit[&city.units[3]][0].clone();
    let tasks = "/api/v1/items?limit=1";
    assert_eq!(get(&two, tasks, &worker).await.status, 200, "in office");
    let post = city.by_post.iter().find(|(_, token)| **token == worker).expect("a post").0;
    let list = format!("/api/v1/organizations/{}/posts", city.units[3]);
    let posts = get(&one, &list, &pair.root).await.json();
    let version = posts["items"].as_array().and_then(|all| all.iter().find(|row| row["id"] == post.to_string()));
    let version = version.unwrap_or_else(|| panic!("{posts}"))["version"].as_i64().expect("a version");
    let head = format!("authorization: Bearer {}\r\nif-match: \"{version}\"\r\n", pair.root);
    let ended =
        Client::to(&one.address).ask("DELETE", &format!("/api/v1/posts/{post}"), &head, b"").await.expect("ended");
    assert_eq!(ended.status, 204, "{}", ended.text());
    let took = until(SOON, async || get(&two, tasks, &worker).await.status == 401).await;
    println!("a post that ended opens nothing at the other process after {:?}", took.expect("its token is refused"));
    drop(two);

    let deaf = pair.stage.serve(&[("HUTONG_TEST_WITHOUT", "PeerBooks")]).await;
    rename(&one, &pair, "丁社区居民委员会").await;
    assert_eq!(named(&deaf, &pair, "丁社区居民委员会", NEVER).await, None, "reading the books again is needed");
}

/// A third process revokes a token, as a command may.
async fn revoke(pair: &Pair, token: &str) {
    let app = pair.stage.site.open().await;
    let sql = "SELECT id, account_id FROM api_token WHERE digest = $1";
    let (id, account): (Id, Id) = app.read().one(sql, args![digest(token.as_bytes())]).await.expect("a token");
    let done = app.lanes.write::<bool, StoreError, _>(0, vec![], move |tx| {
        Box::pin(async move { tokens::revoke(tx, id, account, 1).await })
    });
    assert!(done.await.expect("revoked"));
    app.stop();
    app.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_opens_nothing_at_any_process() {
    let pair = Pair::build(1, 0).await;
    let servers = pair.serve("").await;
    let mut tokens = pair.stage.city.by_unit.values().flatten();
    let (first, second) = (tokens.next().expect("a token"), tokens.next().expect("another"));
    let status = async |token: &str| {
        let mut all = Vec::new();
        for server in &servers {
            all.push(get(server, "/api/v1/items?limit=1", token).await.status);
        }
        all
    };
    for token in [first, second] {
        assert_eq!(status(token).await, [200, 200]);
        assert_eq!(status(token).await, [200, 200], "kept by now");
    }
    revoke(&pair, first).await;
    let took = until(SOON, async || status(first).await == [401, 401]).await;
    println!("revoked by a third process: opens nothing after {:?}", took.expect("in time"));

    // Read again and kept, since the table was written.
    assert_eq!(status(second).await, [200, 200]);
    let _without = Without::the(Protection::PeerNotes);
    revoke(&pair, second).await;
    assert_eq!(until(NEVER, async || status(second).await != [200, 200]).await, None, "the notes are needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shut_out_at_one_process_is_shut_out_at_the_other() {
    let pair = Pair::build(1, 0).await;
    let [one, two] = pair.serve("").await;
    // A stream at the other process ends when its listener's account is suspended at this one.
    let worker = pair.stage.city.logins.iter().find(|login| login.starts_with('w')).expect("a worker");
    let cookie = cookie(&two, worker).await;
    let mut stream = Stream::open(&two, &cookie, "").await;
    let staff = get(&one, &format!("/api/v1/staff?q={worker}"), &pair.root).await.json();
    let row = staff["items"][0].clone();
    assert!(row["id"].is_string(), "{staff}");
    let head = format!(
        "authorization: Bearer {}\r\ncontent-type: application/json\r\nif-match: \"{}\"\r\n",
        pair.root, row["version"]
    );
    let path = format!("/api/v1/staff/{}", row["id"].as_str().expect("an id"));
    let body = json!({"state": "suspended"}).to_string();
    let answer = Client::to(&one.address).ask("PATCH", &path, &head, body.as_bytes()).await.expect("suspended");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let begin = Instant::now();
    let shut = until(SOON, async || {
        let head = format!("cookie: {cookie}\r\n");
        Client::to(&two.address).ask("GET", "/", &head, b"").await.expect("an answer").status != 200
    });
    println!("suspended: shut out at the other process after {:?}", shut.await.expect("in time"));
    // The last chunk of an answer.
    assert!(stream.says("0\r\n\r\n", SOON).await, "its stream ends at once");
    println!("and its stream ended after {:?}", begin.elapsed());
}
