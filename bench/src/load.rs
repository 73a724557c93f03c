//! The load generator: a process of its own, so that its cost is not the server's. Reads a plan from
//! standard input (one JSON line of settings, then one request a line), keeps `connections` busy for
//! `seconds`, and prints one JSON line.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::client::{Ask, Client, Fault};
use crate::machine::own_cpu;

/// How a plan is driven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drive {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// connections kept busy
    pub connections: usize,
    /// measured time
    pub seconds: f64,
    /// begin again at the end of the plan; otherwise the run ends with it
    pub again: bool,
}

/// What one run showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ran {
    /// answers with a 2xx status
    pub good: u64,
    /// any other answer, or none
    pub bad: u64,
    /// wall clock in seconds
    pub seconds: f64,
    /// microseconds
    pub p50: u64,
    /// microseconds
    pub p99: u64,
    /// the slowest, microseconds
    pub worst: u64,
    /// CPU seconds of the generator itself
    pub client_cpu: f64,
    /// the first answer that was not good, for the reader
    pub complaint: String,
}

impl Ran {
    /// Good answers a second.
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.seconds.max(1e-9)
    }
}

/// The process: standard input to standard output.
pub fn main() -> Result<(), Fault> {
    let mut lines = std::io::stdin().lock().lines();
    let drive: Drive = serde_json::from_str(&lines.next().ok_or("an empty plan")??)?;
    let plan = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<Vec<Ask>, Fault>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ran = runtime.block_on(run(drive, plan))?;
    println!("{}", serde_json::to_string(&ran)?);
    Ok(())
}

async fn run(drive: Drive, plan: Vec<Ask>) -> Result<Ran, Fault> {
    let (plan, next) = (Arc::new(plan), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::with_capacity(drive.connections);
    for _ in 0..drive.connections {
        clients.push(Client::connect(&drive.address).await?);
    }
    let (begin, cpu) = (Instant::now(), own_cpu());
    let end = begin + Duration::from_secs_f64(drive.seconds);
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(keep_busy(client, plan.clone(), next.clone(), end, drive.again)))
        .collect();
    let mut all = Histogram::<u64>::new(3)?;
    let mut ran = Ran::default();
    for task in tasks {
        let (times, bad, complaint) = task.await??;
        ran.good += times.len();
        ran.bad += bad;
        if ran.complaint.is_empty() {
            ran.complaint = complaint;
        }
        all.add(times)?;
    }
    ran.seconds = begin.elapsed().as_secs_f64();
    ran.client_cpu = own_cpu() - cpu;
    (ran.p50, ran.p99, ran.worst) = (all.value_at_quantile(0.5), all.value_at_quantile(0.99), all.max());
    Ok(ran)
}

type Busy = (Histogram<u64>, u64, String);

async fn keep_busy(
    mut client: Client,
    plan: Arc<Vec<Ask>>,
    next: Arc<AtomicUsize>,
    end: Instant,
    again: bool,
) -> Result<Busy, Fault> {
    let (mut times, mut bad, mut complaint) = (Histogram::<u64>::new(3)?, 0, String::new());
    while Instant::now() < end {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(ask) = (if again { plan.get(at % plan.len()) } else { plan.get(at) }) else { break };
        let begin = Instant::now();
        match client.ask(ask).await {
            Ok((status, _)) if status.is_success() => {
                times.record(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX))?;
            }
            Ok((status, body)) => {
                bad += 1;
                if complaint.is_empty() {
                    complaint = format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(300)]));
                }
            }
            Err(fault) => {
                bad += 1;
                complaint = fault.to_string();
                client = Client::connect(client.address()).await?;
            }
        }
    }
    Ok((times, bad, complaint))
}
