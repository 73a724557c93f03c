//! Route x actor: every route of the URL table, asked by every kind of actor, on both databases.
//!
//! `table.txt` is checked in: one line per route and row it is asked for, one cell per actor. A cell is
//! the status and, after a colon, which of the three communities' rows (`a`, `b`, `c`) the answer shows,
//! after `#` the `count` of a JSON list, and `!` when the request left an event: it changed something. A route that is missing from the table fails, and so does any
//! cell that differs. With `HUTONG_ROUTES_PRINT=1` the lines are printed as they are, to be read by a
//! person before they are put into the table.

mod cast;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/town.rs"]
mod town;

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use cast::{ACTORS, Cast, MARKS};
use server::app::App;
use server::platform::database::Exec;
use server::platform::http::app_router;
use server::routes::ROUTES;
use tower::ServiceExt;

const TABLE: &str = include_str!("table.txt");

/// What `file` posts: a small sheet.
const FILE: &str = "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\n\
姓名,社区\r\n甲秀兰,古城\r\n\r\n--cut--\r\n";

/// One line of the table.
struct Line {
    number: usize,
    method: String,
    route: String,
    /// `?query`, `form:…`, `json:…`, `file`, `if-match`, `match=version`, `only=actor`, `name=binding`, as written
    with: Vec<String>,
    cells: Vec<String>,
}

fn lines() -> Vec<Line> {
    let mut out = Vec::new();
    for (number, text) in TABLE.lines().enumerate() {
        let text = text.split(" // ").next().unwrap_or_default().trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (left, right) = text.split_once('|').unwrap_or_else(|| panic!("line {}: no cells", number + 1));
        let mut words = left.split_whitespace().map(str::to_owned);
        let method = words.next().expect("method");
        let route = words.next().expect("route");
        let cells: Vec<String> = right.split_whitespace().map(str::to_owned).collect();
        out.push(Line { number: number + 1, method, route, with: words.collect(), cells });
    }
    out
}

/// The request of a line for one actor.
fn request(line: &Line, cast: &Cast, actor: usize) -> Request<Body> {
    let mut path = line.route.clone();
    let (mut query, mut body) = (String::new(), None);
    for word in &line.with {
        if let Some(text) = word.strip_prefix('?') {
            query = format!("?{}", cast.fill(text));
        } else if let Some(text) = word.strip_prefix("form:") {
            body = Some(("application/x-www-form-urlencoded", cast.fill(text)));
        } else if let Some(text) = word.strip_prefix("json:") {
            body = Some(("application/json", cast.fill(text)));
        } else if !matches!(word.as_str(), "file" | "if-match")
            && !word.starts_with("only=")
            && !word.starts_with("match=")
        {
            let (name, binding) = word.split_once('=').unwrap_or_else(|| panic!("line {}: {word}", line.number));
            path = path.replace(&format!("{{{name}}}"), &cast.bound(binding));
        }
    }
    assert!(!path.contains('{'), "line {}: {path} is not bound", line.number);
    let (kind, body) = body.unwrap_or(("application/x-www-form-urlencoded", String::new()));
    let uri: String = format!("{path}{query}").bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte))
        } else {
            out.push_str(&format!("%{byte:02X}"))
        }
        out
    });
    let (kind, body) = if line.with.iter().any(|word| word == "file") {
        ("multipart/form-data; boundary=cut", FILE.to_owned())
    } else {
        (kind, body)
    };
    let mut builder = Request::builder().method(line.method.to_uppercase().as_str()).uri(uri);
    if line.method != "get" {
        builder = builder.header(header::CONTENT_TYPE, kind).header("sec-fetch-site", "same-origin");
    }
    let version = line.with.iter().find_map(|word| word.strip_prefix("match="));
    if line.method == "patch"
        || line.method == "put"
        || version.is_some()
        || line.with.iter().any(|word| word == "if-match")
    {
        builder = builder.header(header::IF_MATCH, format!("\"{}\"", version.unwrap_or("1")));
    }
    for (name, value) in cast.headers(actor) {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(body)).expect("request")
}

/// Status, rows shown, count.
async fn cell(response: Response<Body>) -> String {
    let mut cell = response.status().as_u16().to_string();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    if kind.starts_with("text/event-stream") {
        return cell;
    }
    let bytes = to_bytes(response.into_body(), 8 << 20).await.expect("body");
    let text = String::from_utf8_lossy(&bytes);
    let shown: String = MARKS.iter().filter(|(_, name)| text.contains(name)).map(|(mark, _)| *mark).collect();
    if !shown.is_empty() {
        cell.push(':');
        cell.push_str(&shown);
    }
    if kind.starts_with("application/json")
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(&bytes)
        && let Some(count) = value["count"].as_i64()
    {
        cell.push_str(&format!("#{count}"));
    }
    cell
}

#[test]
fn every_route_stands_in_the_table_and_nothing_else_does() {
    let table: BTreeSet<(String, String)> = lines().into_iter().map(|line| (line.method, line.route)).collect();
    let routes: BTreeSet<(String, String)> = ROUTES.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
    let missing: Vec<_> = routes.difference(&table).collect();
    let gone: Vec<_> = table.difference(&routes).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "missing from tests/routes/table.txt: {missing:#?}\nno longer routes: {gone:#?}"
    );
}

async fn events(app: &App) -> i64 {
    let row: (i64,) = app.read().one("SELECT count(*) FROM event", vec![]).await.expect("events");
    row.0
}

/// Every line asked by every actor, in the order of the table.
async fn ask(app: &App, cast: &Cast) -> Vec<(Line, Vec<String>)> {
    let mut out = Vec::new();
    ask_lines(app, cast, lines(), |line, cells| {
        out.push((line, cells));
        true
    })
    .await;
    out
}

/// The same for some lines; `heard` gets each with its answers and says whether to go on.
async fn ask_lines(app: &App, cast: &Cast, lines: Vec<Line>, mut heard: impl FnMut(Line, Vec<String>) -> bool) {
    let router = app_router(app.clone());
    let mut before = events(app).await;
    for line in lines {
        let mut cells = Vec::new();
        let only = line.with.iter().find_map(|word| word.strip_prefix("only="));
        for (actor, name) in ACTORS.iter().enumerate() {
            if only.is_some_and(|only| only != *name) {
                cells.push("-".to_owned());
                continue;
            }
            let response = router.clone().oneshot(request(&line, cast, actor)).await.expect("answered");
            let mut cell = cell(response).await;
            let after = events(app).await;
            if after > before {
                cell.push('!');
            }
            before = after;
            cells.push(cell);
        }
        if !heard(line, cells) {
            break;
        }
    }
}

/// Routes that change nothing that is kept, or whose event no line here can show; why, and where it is
/// shown instead.
const WITHOUT_EVENT: &[(&str, &str)] = &[
    ("/sign-in", "the stage is signed in already; tests/sign_in.rs"),
    ("/sign-out", "ends the session, changes nothing that is kept"),
    ("/preferences", "language and size stay in the browser"),
    ("/setup", "closed once it is done: tests/administration.rs"),
    ("/password", "would end the sessions of the stage: tests/sign_in.rs"),
    ("/admin/places/upload", "the dry run writes nothing"),
    ("/admin/places/apply", "takes a file of one's own: tests/administration.rs"),
    ("/admin/address-book/upload", "the dry run writes nothing"),
    ("/admin/address-book/apply", "takes a file of one's own: tests/administration.rs"),
    ("/admin/apps/{key}/retire", "nothing is installed here: tests/applications.rs"),
    ("/places/{id}/premises", "the preview writes nothing"),
    ("/api/v1/tasks/{id}/dry-run", "a dry run writes nothing but its own answer"),
    ("/api/v1/items/{id}/submissions", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/{id}/finds", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/{id}/certify", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/{id}/void", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/{id}/void/settle", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/{id}/corrections", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/tasks/{id}/parts/{part}/pass-on", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/claim", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/items/transfer", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/forms", "the same use-case as its page, whose line shows the event"),
    ("/api/v1/forms/{id}", "the same use-case as its page, whose line shows the event"),
    ("/work/{task}/sheet/upload", "looks at the file and writes nothing"),
    ("/work/{task}/sheet/apply", "takes a file of one's own: tests/work_sheets.rs"),
    ("/api/v1/setup", "closed once it is done: tests/api_setup.rs"),
    ("/api/v1/places/import", "the dry run writes nothing"),
    ("/api/v1/places/import/{file}", "takes a file of one's own: tests/api_setup.rs"),
    ("/api/v1/address-book/import", "the dry run writes nothing"),
    ("/api/v1/address-book/import/{file}", "takes a file of one's own: tests/api_setup.rs"),
    ("/api/v1/places/{id}/premises/dry-run", "a dry run writes nothing"),
    ("/query", "opens a session of the code"),
    ("/api/v1/query", "answers, changes nothing"),
    ("/channels/new", "no line here posts a whole request: tests/channels.rs"),
    ("/channels/{id}/open", "no line here posts a whole request: tests/channels.rs"),
    ("/channels/{id}/scope", "no line here posts a whole request: tests/channels.rs"),
    ("/channels/{id}/file", "no line here posts a whole request: tests/channels.rs"),
    ("/channels/{id}/close", "no line here posts a whole request: tests/channels.rs"),
    ("/api/v1/channels", "no line here posts a whole request: tests/channels.rs"),
    ("/api/v1/channels/{id}/close", "no line here posts a whole request: tests/channels.rs"),
    ("/api/v1/channels/{id}/cases", "no line here posts a whole request: tests/channels.rs"),
    ("/feedback", "no line here posts a whole request: tests/channels.rs"),
    ("/c/{slug}", "no line here posts a whole request: tests/channels.rs"),
    ("/query/case", "no line here posts a whole request: tests/channels.rs"),
];

/// Every route that changes something leaves an event in the same transaction: some line of it shows one,
/// and no reading does.
#[test]
fn what_changes_something_leaves_an_event() {
    let lines = lines();
    let mut silent = BTreeSet::new();
    for line in &lines {
        let left = line.cells.iter().any(|cell| cell.ends_with('!'));
        if line.method == "get" {
            assert!(!left, "line {}: reading {} leaves an event", line.number, line.route);
        } else if !WITHOUT_EVENT.iter().any(|(route, _)| *route == line.route) {
            let shown = lines.iter().any(|other| {
                (&other.method, &other.route) == (&line.method, &line.route)
                    && other.cells.iter().any(|cell| cell.ends_with('!'))
            });
            if !shown {
                silent.insert(format!("{} {}", line.method, line.route));
            }
        }
    }
    assert!(silent.is_empty(), "no line shows an event of {silent:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_actor_gets_what_the_table_says() {
    let print = std::env::var_os("HUTONG_ROUTES_PRINT").is_some();
    common::each(|house| async move {
        let house = house;
        let cast = Cast::build(&house.app).await;
        let mut wrong = Vec::new();
        for (line, cells) in ask(&house.app, &cast).await {
            if print {
                println!("{} {} {} | {}", line.method, line.route, line.with.join(" "), cells.join(" "));
            } else if cells != line.cells {
                let differ: Vec<String> = ACTORS
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| line.cells.get(*at) != cells.get(*at))
                    .map(|(at, name)| {
                        format!("{name}: table {} answer {}", line.cells.get(at).map_or("?", |c| c), cells[at])
                    })
                    .collect();
                wrong.push(format!(
                    "line {} {} {} {}\n    {}",
                    line.number,
                    line.method,
                    line.route,
                    line.with.join(" "),
                    differ.join("\n    ")
                ));
            }
        }
        assert!(wrong.is_empty(), "{} on {}:\n{}", wrong.len(), house.engine, wrong.join("\n"));
    })
    .await;
}

/// Statements whose own conditions already keep to the asker's post and organization; the predicate is
/// their second guard, which no answer of these actors can show.
#[cfg(feature = "fault-hooks")]
const SECOND_GUARD: &[&str] = &["server/src/tasks/todo.rs"];

/// Every statement with a predicate is needed: the table notices when any one of them loses it.
#[cfg(feature = "fault-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn the_table_notices_every_predicate_that_is_taken_out() {
    use server::access::faults;
    let asked = common::sqlite().await;
    ask(&asked.app, &Cast::build(&asked.app).await).await;
    let sites = faults::seen();
    let written = predicates_in_source();
    let unasked: Vec<_> = written.difference(&sites).cloned().collect();
    // Lines that only read show most of them on one stage; whatever they do not show is asked everything
    // on a stage of its own.
    let stage = common::sqlite().await;
    // What was kept from before a predicate was taken out would hide that it is gone.
    stage.app.lanes.changes().trust_until(std::time::Instant::now());
    let cast = Cast::build(&stage.app).await;
    let usual = reading(&stage.app, &cast, None).await;
    let mut unnoticed = Vec::new();
    for site in sites {
        faults::take_out(Some(site.clone()));
        let mut noticed = reading(&stage.app, &cast, Some(&usual)).await != usual;
        faults::take_out(None);
        if !noticed {
            let house = common::sqlite().await;
            house.app.lanes.changes().trust_until(std::time::Instant::now());
            let cast = Cast::build(&house.app).await;
            faults::take_out(Some(site.clone()));
            ask_lines(&house.app, &cast, lines(), |line, cells| {
                noticed = line.cells != cells;
                !noticed
            })
            .await;
            faults::take_out(None);
        }
        if !noticed && !SECOND_GUARD.contains(&site.0.as_str()) {
            unnoticed.push(site);
        }
    }
    assert!(
        unasked.is_empty() && unnoticed.is_empty(),
        "no line reaches these statements: {unasked:#?}\nthe table notices nothing when these lose their predicate: {unnoticed:#?}"
    );
}

/// The answers to the lines that only read, as far as the first that is not the `usual` one.
#[cfg(feature = "fault-hooks")]
async fn reading(app: &App, cast: &Cast, usual: Option<&Vec<Vec<String>>>) -> Vec<Vec<String>> {
    let lines = lines().into_iter().filter(|line| line.method == "get" || line.route.ends_with("/export")).collect();
    let mut out: Vec<Vec<String>> = Vec::new();
    ask_lines(app, cast, lines, |_, cells| {
        let same = usual.is_none_or(|usual| usual[out.len()] == cells);
        out.push(cells);
        same
    })
    .await;
    out
}

/// Where the source asks for a predicate: `principal.rows(` outside of the evaluator itself.
#[cfg(feature = "fault-hooks")]
fn predicates_in_source() -> BTreeSet<(String, u32)> {
    fn walk(folder: &std::path::Path, out: &mut BTreeSet<(String, u32)>) {
        for entry in std::fs::read_dir(folder).expect("source").map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                walk(&entry, out);
            } else if entry.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&entry).expect("source");
                let name =
                    entry.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside").to_string_lossy().into_owned();
                let hits = text.lines().enumerate().filter(|(_, line)| line.contains("principal.rows("));
                out.extend(hits.map(|(at, _)| (format!("server/{name}"), at as u32 + 1)));
            }
        }
    }
    let mut out = BTreeSet::new();
    walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut out);
    out
}
