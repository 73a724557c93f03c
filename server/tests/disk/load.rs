//! Workers who file visits, and the journal of what was acknowledged to them, kept outside the server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use server::platform::ids::{Id, new_free_id};

use super::common::NOW;
use super::http::{self, Answer};
use super::shim::Shim;
use super::world::Told;

/// One submission that the server acknowledged.
#[derive(Clone, Debug)]
pub struct Ack {
    pub client: Id,
    /// where the log ended when its answer was there
    pub at: u64,
}

/// What the clients know.
#[derive(Default)]
pub struct Journal {
    pub acks: Mutex<Vec<Ack>>,
    /// sheets that were handed out, each with a stored file: where the log ended
    pub sheets: Mutex<Vec<u64>>,
    /// answers that were no acknowledgement: status and text
    pub refusals: Mutex<Vec<(u16, String)>>,
    /// requests that got no answer
    pub silent: Mutex<usize>,
    stop: AtomicBool,
}

/// Files one visit.
pub fn visit(address: &str, token: &str, item: Id, client: Id) -> std::io::Result<Answer> {
    let body = json!({"client_id": client, "answers": {"living_alone": true, "visited_on": "2026-11-23"}});
    http::json(address, "POST", &format!("/api/v1/items/{item}/submissions"), token, &body)
}

impl Journal {
    pub fn count(&self) -> usize {
        self.acks.lock().expect("journal").len()
    }

    /// Where the log ended at the first and at the last acknowledgement.
    pub fn span(&self) -> (u64, u64) {
        let acks = self.acks.lock().expect("journal");
        let ends = || acks.iter().map(|ack| ack.at);
        (ends().min().unwrap_or(0), ends().max().unwrap_or(0))
    }

    /// Clients acknowledged when the log was no longer than this, and how many sheets.
    pub fn until(&self, end: u64) -> (Vec<Id>, usize) {
        let acks = self.acks.lock().expect("journal");
        let acks = acks.iter().filter(|ack| ack.at <= end).map(|ack| ack.client).collect();
        (acks, self.sheets.lock().expect("journal").iter().filter(|at| **at <= end).count())
    }

    /// Files one visit again and again until it is acknowledged or nobody wants it any more.
    fn insist(&self, address: &str, token: &str, item: Id, shim: Option<&Shim>) {
        let client = new_free_id(NOW);
        while !self.stop.load(Ordering::Relaxed) {
            match visit(address, token, item, client) {
                Ok(answer) if answer.status < 300 => {
                    let at = shim.map_or(0, Shim::position);
                    self.acks.lock().expect("journal").push(Ack { client, at });
                    return;
                }
                Ok(answer) => self.refusals.lock().expect("journal").push((answer.status, answer.text())),
                Err(_) => *self.silent.lock().expect("journal") += 1,
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Everybody works through the items from `from` on until `done` says so; two fetch a sheet now and then.
    pub fn fill(
        &self,
        address: &str,
        told: &Told,
        shim: Option<&Shim>,
        from: usize,
        mut done: impl FnMut(&Self) -> bool,
    ) {
        self.stop.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for (number, worker) in told.workers.iter().enumerate() {
                scope.spawn(move || {
                    // One that is refused under the load of other tests is asked for again after the next visit.
                    let mut wanted = 1;
                    for (n, item) in worker.items.iter().enumerate().skip(from) {
                        self.insist(address, &worker.token, *item, shim);
                        let stop = self.stop.load(Ordering::Relaxed);
                        if !stop && number < 2 && n >= wanted && sheet(address, &worker.token, told.task) {
                            let at = shim.map_or(0, Shim::position);
                            self.sheets.lock().expect("journal").push(at);
                            wanted = n + 6;
                        }
                        if stop {
                            return;
                        }
                    }
                });
            }
            let begin = Instant::now();
            while !done(self) && begin.elapsed() < Duration::from_mins(2) {
                std::thread::sleep(Duration::from_millis(10));
            }
            self.stop.store(true, Ordering::Relaxed);
        });
    }
}

/// Fetches the sheet of one's part, which leaves a stored file behind.
pub fn sheet(address: &str, token: &str, task: Id) -> bool {
    let headers = format!("Authorization: Bearer {token}\r\nSec-Fetch-Site: same-origin\r\n");
    let path = format!("/work/{task}/sheet/download");
    http::ask(address, "POST", &path, &headers, b"").is_ok_and(|answer| answer.status == 200)
}
