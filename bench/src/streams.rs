//! Open boards: a process that holds many live streams, fetches the board when told, and notes how long a
//! commit took to be seen. Reads one JSON line, prints one.

use std::io::BufRead;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Ask, Client, Fault};

/// What to hold and what to file meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// streams to open
    pub streams: usize,
    /// who looks
    pub token: String,
    /// the stream's path
    pub events: String,
    /// the board's path, asked for after each message; empty to only hold the streams
    pub board: String,
    /// filed one after another, each half a second after the last
    pub filings: Vec<Ask>,
}

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// streams that were open until the end
    pub open: usize,
    /// streams that heard of the last filing
    pub heard: usize,
    /// boards that showed the last filing
    pub shown: usize,
    /// milliseconds from the answer to a filing until a board shows it
    pub p50: u64,
    /// milliseconds
    pub p95: u64,
    /// milliseconds, the slowest
    pub worst: u64,
    /// what the first stream that failed said
    pub complaint: String,
}

/// Filings and when each was answered: the total that a board must show, and since when.
type Filed = Arc<Mutex<Vec<(i64, Instant)>>>;

struct Board {
    client: Client,
    seen: i64,
}

/// The process.
pub fn main() -> Result<(), Fault> {
    let line = std::io::stdin().lock().lines().next().ok_or("no plan")??;
    let held: Held = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", serde_json::to_string(&runtime.block_on(hold(held))?)?);
    Ok(())
}

async fn hold(held: Held) -> Result<Seen, Fault> {
    let held = Arc::new(held);
    let filed: Filed = Arc::default();
    let times = Arc::new(Mutex::new(Histogram::<u64>::new(3)?));
    let mut asker = Client::connect(&held.address).await?;
    let mut done = if held.board.is_empty() { 0 } else { shown(&mut asker, &held).await? };
    filed.lock().expect("filings").push((done, Instant::now()));
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut tasks = Vec::with_capacity(held.streams);
    for _ in 0..held.streams {
        let (held, filed, times, stopping) = (held.clone(), filed.clone(), times.clone(), stopping.clone());
        tasks.push(tokio::spawn(async move { watch(&held, &filed, &times, stopping, done).await }));
        if tasks.len().is_multiple_of(100) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for ask in &held.filings {
        let (status, body) = asker.ask(ask).await?;
        if !status.is_success() {
            return Err(format!("a filing was refused: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        done += 1;
        filed.lock().expect("filings").push((done, Instant::now()));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.send_replace(true);
    let mut seen = Seen::default();
    for task in tasks {
        match task.await? {
            Ok((messages, last)) => {
                seen.open += 1;
                seen.heard += usize::from(messages > 0);
                seen.shown += usize::from(last >= done);
            }
            Err(fault) => seen.complaint = fault.to_string(),
        }
    }
    let times = times.lock().expect("times");
    (seen.p50, seen.p95, seen.worst) = (times.value_at_quantile(0.5), times.value_at_quantile(0.95), times.max());
    Ok(seen)
}

/// One open board: how many messages it heard, and the last total that it showed.
async fn watch(
    held: &Held,
    filed: &Filed,
    times: &Mutex<Histogram<u64>>,
    mut stopping: tokio::sync::watch::Receiver<bool>,
    begin: i64,
) -> Result<(u64, i64), Fault> {
    let mut stream = Client::connect(&held.address).await?;
    let answer = stream.send(&Ask::get(&held.events, &held.token)).await?;
    if !answer.status().is_success() {
        return Err(format!("a stream was refused: {}", answer.status()).into());
    }
    let mut body = answer.into_body();
    let mut board = match held.board.as_str() {
        "" => None,
        _ => Some(Board { client: Client::connect(&held.address).await?, seen: begin }),
    };
    let mut messages = 0;
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame.ok_or("a stream ended")??,
            _ = stopping.changed() => return Ok((messages, board.map_or(0, |board| board.seen))),
        };
        let text = frame.into_data().unwrap_or_default();
        let told =
            [&b"change"[..], &b"resync"[..]].iter().any(|word| text.windows(word.len()).any(|part| part == *word));
        if !told {
            continue;
        }
        messages += 1;
        let Some(board) = &mut board else { continue };
        let now = shown(&mut board.client, held).await?;
        let answered = Instant::now();
        let filed = filed.lock().expect("filings");
        let mut times = times.lock().expect("times");
        for (_, at) in filed.iter().filter(|(total, _)| *total > board.seen && *total <= now) {
            times.record(u64::try_from(answered.duration_since(*at).as_millis()).unwrap_or(u64::MAX))?;
        }
        board.seen = board.seen.max(now);
    }
}

async fn shown(client: &mut Client, held: &Held) -> Result<i64, Fault> {
    let board: Value = client.json(&Ask::get(&held.board, &held.token)).await?;
    Ok(board["here"]["totals"]["done"].as_i64().unwrap_or(0))
}
