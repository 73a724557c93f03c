//! The program itself: `app check`, `app install`, `demo --activity`, their help and their JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
    command.env_remove("HUTONG_DATABASE_URL");
    command
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/elder-visit")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("reads").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn lines(out: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(out).lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// Ends the server when the test does.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_command_of_applications_and_the_demo_explains_itself() {
    for (args, word) in [
        (["app", "check", "--help"], "app.json"),
        (["app", "install", "--help"], "--database-url"),
        (["demo", "--help", "--json"], "--activity"),
    ] {
        let out = program().args(args).output().expect("runs");
        assert!(out.status.success());
        assert!(String::from_utf8_lossy(&out.stdout).contains(word), "{args:?}");
    }
    let refused = program().args(["demo", "--activity", "0"]).output().expect("runs");
    assert!(!refused.status.success());
}

/// Whoever asks for it finds each request in the log: by its route, never by what was typed into the address.
#[test]
fn what_is_served_is_logged_by_its_route() {
    let data = tempfile::tempdir().expect("folder");
    let mut command = program();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env("HUTONG_LOG", "info,server=debug");
    let mut served = Served(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs"));
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().expect("output")).read_line(&mut line).expect("a line");
    let url = line.trim().rsplit_once("http://").expect("an address").1;
    let mut stream = TcpStream::connect(url).expect("connects");
    stream.write_all(b"GET /healthz?number=4711 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("asks");
    stream.read_to_string(&mut String::new()).expect("answers");
    let mut log = BufReader::new(served.0.stderr.take().expect("log"));
    drop(served);
    let mut text = String::new();
    log.read_to_string(&mut text).expect("read");
    let answered = lines(text.as_bytes()).into_iter().find(|line| line["message"] == "answered");
    let answered = answered.unwrap_or_else(|| panic!("no line about the request: {text:?}"));
    assert_eq!((&answered["route"], &answered["status"]), (&"/healthz".into(), &200.into()), "{answered}");
    assert!(!text.contains("4711"), "{text}");
}

#[test]
fn a_folder_is_checked_without_a_database() {
    let folder = tempfile::tempdir().expect("folder");
    let good = program().args(["app", "check"]).arg(example()).current_dir(&folder).output().expect("runs");
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));
    assert!(!folder.path().join("data").exists(), "nothing is made");
    let bad = folder.path().join("bad");
    copy(&example(), &bad);
    std::fs::remove_file(bad.join("forms/visit.json")).expect("removed");
    let out = program().args(["--json", "app", "check"]).arg(&bad).output().expect("runs");
    assert!(!out.status.success());
    let faults = lines(&out.stdout);
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault["file"].is_string() && fault["message"].is_string()), "{faults:?}");
    assert!(
        faults.iter().any(|fault| fault["message"].as_str().is_some_and(|text| text.contains("visit"))),
        "{faults:?}"
    );
    // Installing it stores nothing.
    let data = folder.path().join("data");
    let out = program().args(["app", "install"]).arg(&bad).arg("--data").arg(&data).output().expect("runs");
    assert!(!out.status.success() && !data.exists());
    assert!(String::from_utf8_lossy(&out.stderr).contains("nothing was changed"));
}

#[test]
fn the_demo_moves_by_itself_and_an_application_is_installed_once() {
    let data = tempfile::tempdir().expect("folder");
    let demo = |more: &[&str]| {
        let mut command = program();
        command.args(["demo", "--listen", "127.0.0.1:0", "--json", "--data"]).arg(data.path()).args(more);
        let mut served = Served(command.stdout(Stdio::piped()).spawn().expect("runs"));
        let mut line = String::new();
        BufReader::new(served.0.stdout.take().expect("output")).read_line(&mut line).expect("a line");
        (served, serde_json::from_str::<Value>(&line).expect("JSON"))
    };
    let (served, told) = demo(&["--activity", "1200"]);
    assert_eq!(told["activity"], 1200);
    let url = told["url"].as_str().expect("url").trim_start_matches("http://").to_owned();
    let manager = told["accounts"].as_array().expect("accounts").iter().find(|a| a["role"] == "manager").expect("one");
    let token = manager["token"].as_str().expect("token").to_owned();
    let get = |path: &str| -> Value {
        let mut stream = TcpStream::connect(&url).expect("connects");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("asks");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answers");
        let start = text.find('{').unwrap_or(0);
        let end = text.rfind('}').map_or(text.len(), |at| at + 1);
        serde_json::from_str(&text[start..end]).unwrap_or_else(|fault| panic!("{fault}: {text}"))
    };
    let task = get("/api/v1/boards")["items"][0]["task"].as_str().expect("a board").to_owned();
    let visited = || get(&format!("/api/v1/boards/{task}"))["here"]["totals"]["visited"].as_i64().unwrap_or(0);
    let (first, began) = (visited(), Instant::now());
    while visited() < first + 3 {
        assert!(began.elapsed() < Duration::from_mins(1), "the board does not move");
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(served);
    // The demo has the application: the same folder changes nothing, a newer one is an upgrade.
    let install = |dir: &Path| {
        let out = program().args(["--json", "app", "install"]).arg(dir).arg("--data").arg(data.path()).output();
        let out = out.expect("runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        lines(&out.stdout).remove(0)
    };
    let same = install(&example());
    assert_eq!(same["app"], "elder-visit");
    assert_eq!((&same["made"], &same["changed"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{same}");
}
