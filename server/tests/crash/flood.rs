//! Far more than the program can carry: who cannot be served is told so early, whoever looks at a board or
//! signs in is served meanwhile, memory stays, and a moment later everything is as quick as before.
//!
//! `HUTONG_TEST_FLOOD_SECONDS` sets how long (5; `make soak` 60).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::{Answer, Client};
use super::dice::{Dice, seed};
use super::load::case;
use super::setting;
use super::stage::{City, PASSWORD, Stage};

/// Connections of an ordinary day.
const USUAL: u64 = 32;
/// Connections of the flood, all posting without a pause.
const FLOOD: u64 = 700;
/// Most memory, in MiB.
const MEMORY: u64 = 400;

/// What some connections saw.
#[derive(Default, Debug)]
struct Seen {
    stored: u64,
    /// 503 with Retry-After, and how long each took
    turned_away: Vec<Duration>,
    /// anything else, or a 503 that does not say when to come again
    odd: Vec<String>,
    slowest: Duration,
}

/// An address of its own; doors without an account count their callers.
fn caller(number: u64, turn: u64) -> Ipv4Addr {
    Ipv4Addr::new(127, 10 + (number / 250) as u8, 1 + (turn % 250) as u8, 1 + (number % 250) as u8)
}

async fn post(city: Arc<City>, address: String, number: u64, seed: u64, stop: Arc<AtomicBool>) -> Seen {
    let mut dice = Dice((seed ^ (number + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
    let first = dice.number();
    let mut client = Client::from(&address, caller(number, first));
    let (mut seen, mut of_this_caller, mut turn) = (Seen::default(), 0, first);
    while !stop.load(Ordering::Relaxed) {
        let place = city.communities[dice.roll(city.communities.len() as u64) as usize];
        let sent = case(&city, place, &mut dice);
        let begin = Instant::now();
        match client.json("POST", &sent.path, "", &sent.body).await {
            Ok(answer) if answer.status == 201 => {
                seen.stored += 1;
                of_this_caller += 1;
                seen.slowest = seen.slowest.max(begin.elapsed());
            }
            Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => {
                seen.turned_away.push(begin.elapsed());
            }
            Ok(answer) => seen.odd.push(answer.text()),
            Err(fault) => seen.odd.push(fault.to_string()),
        }
        if of_this_caller == 100 {
            (of_this_caller, turn) = (0, turn.wrapping_add(1));
            client.move_to(caller(number, turn));
        }
    }
    seen
}

/// So many connections for so long.
async fn crowd(city: &Arc<City>, address: &str, count: u64, seed: u64, time: Duration) -> Seen {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..count)
        .map(|number| tokio::spawn(post(city.clone(), address.to_owned(), number, seed, stop.clone())))
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Seen::default();
    for task in tasks {
        let seen = task.await.expect("a client posts on");
        all.stored += seen.stored;
        all.turned_away.extend(seen.turned_away);
        all.odd.extend(seen.odd);
        all.slowest = all.slowest.max(seen.slowest);
    }
    all
}

/// Longest waits of who looks and signs in meanwhile.
#[derive(Default, Debug)]
struct Quiet {
    times: usize,
    board: Duration,
    page: Duration,
    sign_in: Duration,
    ready: Duration,
    refused: Vec<String>,
}

/// Signs in as everybody in turn, looks at the task's board as page and as JSON, asks whether all is well.
async fn quietly(city: Arc<City>, address: String, stop: Arc<AtomicBool>) -> Quiet {
    let mut quiet = Quiet::default();
    let mut client = Client::to(&address);
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
    let board = format!("/api/v1/boards/{}", city.task);
    let page = format!("/boards/{}", city.task);
    while !stop.load(Ordering::Relaxed) {
        client.move_to(Ipv4Addr::new(127, 99, 1, 1 + quiet.times as u8 % 250));
        let login = &city.logins[quiet.times % city.logins.len()];
        quiet.times += 1;
        let body = format!("login={login}&password={}", PASSWORD.replace(' ', "+"));
        let begin = Instant::now();
        let entered = client.ask("POST", "/sign-in", form, body.as_bytes()).await.expect("an answer");
        quiet.sign_in = quiet.sign_in.max(begin.elapsed());
        let cookie = entered.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap_or_default();
        let mut look = async |path: &str, headers: String, wanted: &[u16], worst: &mut Duration| {
            let begin = Instant::now();
            let answer: Answer = client.ask("GET", path, &headers, b"").await.expect("an answer");
            *worst = begin.elapsed().max(*worst);
            if wanted.contains(&answer.status) { None } else { Some(format!("{path}: {}", answer.status)) }
        };
        let manager = format!("authorization: Bearer {}\r\n", city.manager);
        let odd = [
            (entered.status != 303).then(|| format!("sign-in of {login}: {}", entered.status)),
            look(&page, format!("cookie: {cookie}\r\n"), &[200, 403, 404], &mut quiet.page).await,
            look(&board, manager, &[200], &mut quiet.board).await,
            look("/readyz", String::new(), &[200], &mut quiet.ready).await,
        ];
        quiet.refused.extend(odd.into_iter().flatten());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    quiet
}

/// The most memory a process took, in MiB.
fn most_memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("known");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
}

/// What is wrong with how a flood was borne.
async fn borne(engine: &str, seed: u64, variables: &[(&str, &str)]) -> Vec<String> {
    let stage = Stage::build(engine, 4, 0).await;
    let city = Arc::new(stage.city.clone());
    let server = stage.serve(variables).await;
    let address = server.address.clone();
    let second = Duration::from_secs(1);
    crowd(&city, &address, USUAL, seed, second).await;
    let usual = crowd(&city, &address, USUAL, seed + 1, second * 2).await.stored / 2;
    let time = second * setting("HUTONG_TEST_FLOOD_SECONDS", 5) as u32;
    let stop = Arc::new(AtomicBool::new(false));
    let looking = tokio::spawn(quietly(city.clone(), address.clone(), stop.clone()));
    let mut seen = crowd(&city, &address, FLOOD, seed + 2, time).await;
    stop.store(true, Ordering::Relaxed);
    let quiet = looking.await.expect("looks on");
    let ended = Instant::now();
    let mut again = 0;
    while ended.elapsed() < second * 5 && again * 10 < usual * 7 {
        again = crowd(&city, &address, USUAL, seed + 3, second).await.stored;
    }
    let (recovered, memory) = (ended.elapsed(), most_memory(server.id()));
    seen.turned_away.sort_unstable();
    let away = seen.turned_away.len() as u64;
    let half = seen.turned_away.get(seen.turned_away.len() / 2).copied().unwrap_or_default();
    let late = seen.turned_away.get(seen.turned_away.len() * 99 / 100).copied().unwrap_or_default();
    let sent = (seen.stored + away) / time.as_secs();
    println!(
        "{engine}: carries {usual}/s; flooded with {sent}/s by {FLOOD} connections for {time:?}: stored {}/s (slowest {:?}), \
         turned away {away} (99% within {late:?}); {quiet:?}; {again}/s again after {recovered:?}; {memory} MiB",
        seen.stored / time.as_secs(),
        seen.slowest
    );
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    must(seen.odd.is_empty(), format!("ODD: {} answers, first {:?}", seen.odd.len(), seen.odd.first()));
    must(away > 0, "EARLY: nobody was turned away".to_owned());
    must(half < second * 3 && late < second * 8, format!("EARLY: half told after {half:?}, 99% after {late:?}"));
    must(seen.slowest < second * 15, format!("SLOW: stored after {:?}", seen.slowest));
    must(seen.stored > 0, "SLOW: nothing was stored".to_owned());
    must(quiet.refused.is_empty(), format!("QUIET: {:?}", quiet.refused));
    must(quiet.times > 0, format!("QUIET: {} rounds", quiet.times));
    for (what, worst) in
        [("board", quiet.board), ("page", quiet.page), ("sign-in", quiet.sign_in), ("readyz", quiet.ready)]
    {
        must(worst < second * 8, format!("QUIET: {what} after {worst:?}"));
    }
    must(memory < MEMORY, format!("MEMORY: {memory} MiB"));
    must(again * 10 >= usual * 7, format!("AFTER: {again}/s, before {usual}/s"));
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_borne_on_sqlite() {
    assert_eq!(borne("sqlite", seed(), &[]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_borne_on_postgresql() {
    assert_eq!(borne("postgresql", seed(), &[]).await, Vec::<String>::new());
}

#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_notices_a_flood_that_nobody_holds_back() {
    let wrong = borne("sqlite", seed(), &[("HUTONG_TEST_WITHOUT", "Admission")]).await;
    println!("without Admission: {wrong:#?}");
    assert!(wrong.iter().any(|wrong| wrong.contains("EARLY")), "{wrong:#?}");
}
