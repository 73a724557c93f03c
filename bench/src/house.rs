//! The server under test as its own process, on either database, and what it costs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use server::start::Place;

use crate::client::{Ask, Client, Fault};
use crate::load::{Drive, Ran};
use crate::machine::{family_cpu, memory};

/// Which database, and the process to charge for it.
#[derive(Clone, Debug)]
pub struct Engine {
    /// `sqlite` or `postgresql`
    pub name: &'static str,
    /// where the city lives
    pub place: Place,
    /// first process of the database server; none where it is inside
    pub database: Option<u32>,
}

/// A running server; killed when dropped.
pub struct House {
    child: Child,
    /// `127.0.0.1:PORT`
    pub address: String,
    /// seconds from start to the first answer
    pub start_up: f64,
    database: Option<u32>,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl House {
    /// Starts `hutong serve` on a built city and waits for its first answer.
    pub async fn start(binary: &Path, engine: &Engine) -> Result<Self, Fault> {
        let began = Instant::now();
        let mut command = Command::new(binary);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(&engine.place.data);
        if let Some(url) = &engine.place.database_url {
            command.args(["--database-url", url]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).map_err(|_| format!("the server said {line:?}"))?;
        let address = said["url"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned();
        let mut client = Client::connect(&address).await?;
        let (status, _) = client.ask(&Ask::get("/readyz", "")).await?;
        if !status.is_success() {
            return Err(format!("the server is not ready: {status}").into());
        }
        Ok(Self { child, address, start_up: began.elapsed().as_secs_f64(), database: engine.database })
    }

    /// Asks it to close, as an operator would, and waits.
    pub fn close(mut self) -> Result<(), Fault> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// CPU seconds of server and database so far.
    pub fn cpu(&self) -> f64 {
        family_cpu(self.child.id()) + self.database.map_or(0.0, family_cpu)
    }

    /// Resident bytes of the server, now or at the most.
    pub fn memory(&self, peak: bool) -> u64 {
        memory(self.child.id(), peak)
    }

    /// Says what the server holds after a part of the measurements.
    pub fn tell_memory(&self, after: &str) {
        let mb = |peak| self.memory(peak) as f64 / 1e6;
        eprintln!("  memory after {after}: {:.0} MB, {:.0} at the most", mb(false), mb(true));
    }

    /// A connection.
    pub async fn client(&self) -> Result<Client, Fault> {
        Client::connect(&self.address).await
    }

    /// Drives a plan from a process of its own and says what it cost here.
    pub async fn drive(&self, plan: &[Ask], connections: usize, seconds: f64, again: bool) -> Result<Cost, Fault> {
        let drive = Drive { address: self.address.clone(), connections, seconds, again };
        let load = Load::begin(&drive, plan)?;
        let cpu = self.cpu();
        let ran = tokio::task::spawn_blocking(move || load.end()).await??;
        Ok(Cost { cpu: self.cpu() - cpu, ran })
    }
}

/// A run with what server and database spent on it.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// what the generator saw
    pub ran: Ran,
    /// CPU seconds of server and database
    pub cpu: f64,
}

impl Cost {
    /// Good answers per CPU second of server and database.
    pub fn per_cpu(&self) -> f64 {
        self.ran.good as f64 / self.cpu.max(0.01)
    }
}

/// A load generator that runs.
pub struct Load {
    child: Child,
    plan: Option<std::thread::JoinHandle<std::io::Result<()>>>,
}

impl Load {
    /// Starts it and hands it the plan.
    pub fn begin(drive: &Drive, plan: &[Ask]) -> Result<Self, Fault> {
        let mut child =
            Command::new(own_program()?).arg("load").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut lines = vec![serde_json::to_string(drive)?];
        for ask in plan {
            lines.push(serde_json::to_string(ask)?);
        }
        let input = child.stdin.take().ok_or("no input")?;
        let plan = std::thread::spawn(move || feed(input, &lines));
        Ok(Self { child, plan: Some(plan) })
    }

    /// Waits for its line.
    pub fn end(mut self) -> Result<Ran, Fault> {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        self.child.wait()?;
        if let Some(plan) = self.plan.take() {
            plan.join().map_err(|_| "the plan was not handed over")??;
        }
        Ok(serde_json::from_str(&line)?)
    }
}

fn feed(mut input: ChildStdin, lines: &[String]) -> std::io::Result<()> {
    let text = lines.join("\n");
    input.write_all(text.as_bytes())
}

/// This program, for the processes that it starts.
pub fn own_program() -> Result<PathBuf, Fault> {
    Ok(std::env::current_exe()?)
}

/// Asks again and again until `done` says so, at most `seconds`.
pub async fn wait_for(seconds: f64, mut done: impl AsyncFnMut() -> Result<bool, Fault>) -> Result<f64, Fault> {
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds {
        if done().await? {
            return Ok(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("not done in {seconds} s").into())
}
