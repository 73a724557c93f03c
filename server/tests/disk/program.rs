//! The real program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{self, Answer};
use super::shim::Shim;

/// The program with its arguments, not started.
pub fn hutong(arguments: &[&str], options: &[String], shim: Option<&Shim>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
    command.args(arguments).args(options).arg("--json").env_remove("HUTONG_DATABASE_URL");
    command.envs(shim.map(Shim::environment).unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str], options: &[String]) -> Output {
    hutong(arguments, options, None).output().expect("runs")
}

/// What a run said, with how it ended.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{} {}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// A server that runs until this is dropped.
pub struct Serving {
    child: Child,
    pub address: String,
    log: PathBuf,
}

impl Serving {
    /// Starts it and waits until it says where it serves; the fault is what it said instead.
    pub fn start(
        options: &[String],
        shim: Option<&Shim>,
        more: &[(&str, &str)],
        beside: &Path,
    ) -> Result<Self, String> {
        let log = beside.join(format!("serve-{}.log", super::rising()));
        let errors = std::fs::File::create(&log).expect("log");
        let mut command = hutong(&["serve", "--listen", "127.0.0.1:0"], options, shim);
        let mut child = command.envs(more.iter().copied()).stderr(errors).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = told["url"].as_str().and_then(|url| url.strip_prefix("http://")) {
            return Ok(Self { child, address: address.to_owned(), log });
        }
        let _ = child.wait();
        Err(format!("{line}{}", std::fs::read_to_string(log).unwrap_or_default()))
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to close and waits.
    pub fn close(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }

    pub fn get(&self, path: &str) -> Answer {
        http::get(&self.address, path).expect("answers")
    }

    /// Whether it says that it can do its work.
    pub fn is_ready(&self) -> bool {
        http::get(&self.address, "/readyz").is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until it says so (or no more), and how long that took.
    pub fn becomes(&self, ready: bool, within: Duration) -> Duration {
        let begin = Instant::now();
        while self.is_ready() != ready {
            assert!(begin.elapsed() < within, "ready={ready} was not told within {within:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        begin.elapsed()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
