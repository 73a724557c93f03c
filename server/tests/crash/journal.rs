//! What the clients know: written line by line into a file outside the server, before a request is sent and
//! after its answer was read. The checks read nothing else of what the clients did.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One submission before it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Try {
    /// made by the client
    pub client_id: String,
    /// `item`, `case`
    pub door: String,
    pub path: String,
    pub token: String,
    /// the whole body
    pub body: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// about to be sent
    Try { n: u64, sent: Try },
    /// answered with 2xx
    Acknowledged { n: u64, answer: Value },
    /// answered with 4xx
    Refused { n: u64, status: u16 },
}

/// The file, written by every client.
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    next: AtomicU64,
}

/// Everything known of one client id.
#[derive(Clone, Debug)]
pub struct Known {
    pub sent: Try,
    /// the answers that acknowledged it
    pub acknowledged: Vec<Value>,
    /// no try of it is without an answer
    pub refused: bool,
    /// status of the last refusal
    pub status: u16,
}

impl Journal {
    pub fn at(path: &Path) -> Self {
        let file = File::options().create_new(true).append(true).open(path).expect("journal");
        Self { path: path.to_owned(), file: Mutex::new(file), next: AtomicU64::new(0) }
    }

    fn write(&self, line: &Line) {
        let text = serde_json::to_string(line).expect("json") + "\n";
        self.file.lock().expect("lock").write_all(text.as_bytes()).expect("journal");
    }

    /// Notes what is about to be sent; its number.
    pub fn begin(&self, sent: &Try) -> u64 {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(&Line::Try { n, sent: sent.clone() });
        n
    }

    /// Notes an answer that says whether it was stored. After a 5xx nobody knows.
    pub fn end(&self, n: u64, status: u16, answer: Value) {
        match status {
            200..=299 => self.write(&Line::Acknowledged { n, answer }),
            400..=499 => self.write(&Line::Refused { n, status }),
            _ => {}
        }
    }

    /// Reads the file: every client id with what is known of it.
    pub fn read(&self) -> BTreeMap<String, Known> {
        let text = std::fs::read_to_string(&self.path).expect("journal");
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        let (mut tries, mut open): (BTreeMap<u64, String>, BTreeMap<String, i64>) = Default::default();
        for line in text.lines() {
            match serde_json::from_str(line).expect("a line") {
                Line::Try { n, sent } => {
                    tries.insert(n, sent.client_id.clone());
                    *open.entry(sent.client_id.clone()).or_default() += 1;
                    let new = Known { sent: sent.clone(), acknowledged: vec![], refused: false, status: 0 };
                    known.entry(sent.client_id.clone()).or_insert(new);
                }
                Line::Acknowledged { n, answer } => {
                    known.get_mut(&tries[&n]).expect("tried").acknowledged.push(answer);
                    *open.get_mut(&tries[&n]).expect("tried") -= 1;
                }
                Line::Refused { n, status } => {
                    known.get_mut(&tries[&n]).expect("tried").status = status;
                    *open.get_mut(&tries[&n]).expect("tried") -= 1;
                }
            }
        }
        for (client, known) in &mut known {
            known.refused = known.acknowledged.is_empty() && open[client] == 0;
        }
        known
    }
}
