//! The real program as a process of its own.
#![allow(dead_code)] // each test program uses its part of it

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// The program with a command, and the options that name an installation.
pub fn hutong(arguments: &[&str], options: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hutong"));
    command.args(arguments).args(options).arg("--json").env_remove("HUTONG_DATABASE_URL");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str], options: &[String]) -> Output {
    hutong(arguments, options).output().expect("runs")
}

/// What a command that went well said: one JSON object.
#[track_caller]
pub fn said(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Why a command was refused.
#[track_caller]
pub fn fault(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server that runs until this is dropped, which kills it (SIGKILL).
pub struct Serving {
    child: Child,
    _output: BufReader<ChildStdout>,
    /// `127.0.0.1:PORT`
    pub address: String,
}

impl Serving {
    /// Starts it on a free port, with more variables, and waits until it says where it is.
    #[track_caller]
    pub fn begin(options: &[String], variables: &[(&str, &str)]) -> Self {
        let mut command = hutong(&["serve", "--listen", "127.0.0.1:0"], options);
        command.stderr(Stdio::inherit()).env("HUTONG_LOG", "warn").envs(variables.iter().copied());
        let mut child = command.spawn().expect("starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('"').next());
        let address = address.unwrap_or_else(|| panic!("the server said {line:?}")).to_owned();
        Self { child, _output: output, address }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to close, as an operator does, and waits until it has.
    pub fn close(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().expect("kill");
        assert!(told.success());
        let ended = self.child.wait().expect("ends");
        assert!(ended.success(), "the server ended with {ended}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
