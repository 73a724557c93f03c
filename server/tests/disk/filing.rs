//! A worker who files visits one after the other while the disk misbehaves.

use std::time::{Duration, Instant};

use serde_json::Value;
use server::platform::ids::{Id, new_free_id};

use super::check;
use super::common::NOW;
use super::http::{self, Answer};
use super::load::visit;
use super::program::Serving;
use super::replay::{Disk, Names, Style};
use super::shim::Shim;
use super::world::{SQLITE, World};

/// Time within which everything goes on again.
pub const SOON: Duration = Duration::from_secs(6);

/// One worker who files visits one after the other, and what was acknowledged.
pub struct Filing<'a> {
    world: &'a World,
    shim: &'a Shim,
    pub acks: Vec<Id>,
    /// how many items were touched
    pub next: usize,
}

impl<'a> Filing<'a> {
    pub fn new(world: &'a World, shim: &'a Shim) -> Self {
        Self { world, shim, acks: Vec::new(), next: 0 }
    }

    fn item(&mut self) -> (String, Id) {
        let workers = &self.world.told.workers;
        let worker = &workers[self.next % workers.len()];
        let item = worker.items[self.next / workers.len()];
        self.next += 1;
        (worker.token.clone(), item)
    }

    /// Files one and expects it to be taken.
    pub fn taken(&mut self, address: &str) {
        let (token, item) = self.item();
        self.insist(address, &token, item, new_free_id(NOW), SOON);
    }

    /// Files the same again until it is taken.
    pub fn insist(&mut self, address: &str, token: &str, item: Id, client: Id, within: Duration) {
        let begin = Instant::now();
        loop {
            match visit(address, token, item, client) {
                Ok(answer) if answer.status < 300 => break,
                told => assert!(begin.elapsed() < within, "not taken within {within:?}: {told:?}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.acks.push(client);
    }

    /// Files until one is refused; everything before counts as acknowledged.
    pub fn refused(&mut self, address: &str) -> (Answer, String, Id, Id) {
        for _ in 0..60 {
            let ((token, item), client) = (self.item(), new_free_id(NOW));
            let answer = visit(address, &token, item, client).expect("answers");
            if answer.status >= 300 {
                return (answer, token, item, client);
            }
            self.acks.push(client);
        }
        panic!("nothing was refused");
    }

    /// What is on the disk if the power goes now and takes all that was not synced.
    pub async fn after_a_cut(&self, base: &std::path::Path) -> Vec<String> {
        let log = self.shim.log();
        let names = if self.world.engine == SQLITE { Names::Strict } else { Names::Journaled };
        let mut disk = Disk::new(base, names);
        log.records.iter().for_each(|record| disk.play(&log, record));
        let target = self.world.beside(&format!("cut-{}", super::rising()));
        disk.leave(&target, Style::Drop);
        check::wrong(&self.world.at(target), &self.acks, 0).await
    }
}

/// Lists and boards answer.
pub fn reads(serving: &Serving, world: &World) {
    let items = http::json(&serving.address, "GET", "/api/v1/items?limit=1", &world.told.manager, &Value::Null);
    assert_eq!(items.expect("answers").status, 200);
    let board = format!("/api/v1/boards/{}", world.told.task);
    let board = http::json(&serving.address, "GET", &board, &world.told.manager, &Value::Null).expect("answers");
    assert_eq!(board.status, 200, "{}", board.text());
}

/// A refusal that says what is the matter and when to come again.
pub fn is_clear(answer: &Answer) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (503, &"storage".into()), "{}", answer.text());
    assert!(answer.header("retry-after").is_some() && told["detail"].as_str().is_some_and(|text| !text.is_empty()));
}
