//! Clients at work: each has items of its own, which it files, has sent back, returns and moves on; in
//! between it fills the form of a channel as a resident does.

use std::collections::BTreeMap;
use std::io::Result;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use server::demo::citizen_number;
use server::platform::ids::Id;

use super::client::{Answer, Client};
use super::dice::Dice;
use super::journal::{Journal, Known, Try};
use super::stage::City;

/// One client.
pub struct Hand {
    city: Arc<City>,
    journal: Arc<Journal>,
    number: u64,
    dice: Dice,
    items: Vec<Id>,
    /// how often each kind of request was acknowledged
    pub done: BTreeMap<&'static str, u64>,
}

/// So many clients that share out the items.
pub fn hands(city: &Arc<City>, journal: &Arc<Journal>, count: u64, seed: u64) -> Vec<Hand> {
    let of = |n: u64| city.items.iter().skip(n as usize).step_by(count as usize).copied().collect();
    (0..count)
        .map(|number| Hand {
            city: city.clone(),
            journal: journal.clone(),
            number,
            dice: Dice((seed ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1),
            items: of(number),
            done: BTreeMap::new(),
        })
        .collect()
}

/// Everybody works until told to stop or until the server is gone.
pub async fn work(hands: Vec<Hand>, address: &str, stop: &Arc<AtomicBool>) -> Vec<Hand> {
    let tasks: Vec<_> = hands
        .into_iter()
        .map(|mut hand| {
            let (address, stop) = (address.to_owned(), stop.clone());
            tokio::spawn(async move {
                let [a, b] = [hand.dice.roll(250) as u8, hand.dice.roll(250) as u8];
                let from = Ipv4Addr::new(127, 1 + hand.number as u8, a, b + 1);
                let mut client = Client::from(&address, from);
                while !stop.load(Ordering::Relaxed) {
                    if hand.act(&mut client).await.is_err() {
                        break;
                    }
                }
                hand
            })
        })
        .collect();
    let mut hands = Vec::new();
    for task in tasks {
        hands.push(task.await.expect("a client works on"));
    }
    hands
}

/// Sends again what nobody knows of; the answers.
pub async fn send_again(journal: &Journal, address: &str) -> Vec<(Try, Answer)> {
    let open = |known: &&Known| known.acknowledged.is_empty() && !known.refused;
    let again: Vec<Try> = journal.read().values().filter(open).map(|known| known.sent.clone()).collect();
    let mut answers = Vec::new();
    for (at, sent) in again.into_iter().enumerate() {
        let mut client = Client::from(address, Ipv4Addr::new(127, 0, 200, 1 + (at % 250) as u8));
        let answer = send(journal, &mut client, &sent).await.expect("the server answers");
        answers.push((sent, answer));
    }
    answers
}

async fn send(journal: &Journal, client: &mut Client, sent: &Try) -> Result<Answer> {
    let n = journal.begin(sent);
    let answer = client.json("POST", &sent.path, &sent.token, &sent.body).await?;
    journal.end(n, answer.status, answer.json());
    Ok(answer)
}

impl Hand {
    /// One act; fails when there is no answer. A refusal is an answer: somebody else was first, or the act
    /// does not fit the state.
    async fn act(&mut self, client: &mut Client) -> Result<()> {
        let kind = self.dice.roll(10);
        if self.items.is_empty() || kind < 2 {
            let place = self.city.communities[self.dice.roll(self.city.communities.len() as u64) as usize];
            let sent = case(&self.city, place, &mut self.dice);
            return self.submit(client, "case", &sent).await;
        }
        let item = self.items[self.dice.roll(self.items.len() as u64) as usize];
        let seen = client.get(&format!("/api/v1/items/{item}"), &self.city.manager).await?;
        assert!(seen.status == 200 || seen.status == 503, "{}", seen.text());
        let seen = seen.json();
        let unit: Option<Id> = seen["organization"].as_str().and_then(|id| id.parse().ok());
        let Some(unit) = unit else { return Ok(()) };
        let (manager, dice) = (self.city.manager.clone(), self.dice.number());
        let post = seen["post"].as_str().and_then(|id| id.parse().ok());
        let by = match post {
            Some(post) => self.city.by_post[&post].clone(),
            None => self.city.by_unit[&unit][dice as usize % self.city.by_unit[&unit].len()].clone(),
        };
        let some = json!([item]);
        match (seen["state"].as_str().unwrap_or_default(), kind) {
            ("done", _) => {
                let body = json!({"fields": ["remarks"], "reason": "请再问"});
                self.simply(client, "correct", &format!("{item}/corrections"), &manager, &body).await
            }
            ("void_proposed", _) => {
                let body = json!({"confirm": false, "reason": "还在"});
                self.simply(client, "settle", &format!("{item}/void/settle"), &manager, &body).await
            }
            (_, 2) => self.simply(client, "return", "return", &by, &json!({"items": some, "reason": "走错了"})).await,
            (_, 3) => {
                let near = &self.city.beside[&unit];
                let Some(to) = near.get(dice as usize % near.len().max(1)) else { return Ok(()) };
                let body = json!({"items": some, "to": to, "reason": "搬走了"});
                self.simply(client, "transfer", "transfer", &manager, &body).await
            }
            (_, 4) if dice.is_multiple_of(3) => {
                let body = json!({"why": "moved-away", "reason": "查过了"});
                self.simply(client, "void", &format!("{item}/void"), &by, &body).await
            }
            _ => {
                let sent = visit(&self.city, item, &by, &mut self.dice);
                self.submit(client, "visit", &sent).await
            }
        }
    }

    async fn submit(&mut self, client: &mut Client, kind: &'static str, sent: &Try) -> Result<()> {
        let mut answer = send(&self.journal, client, sent).await?;
        while answer.status == 503 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = send(&self.journal, client, sent).await?;
        }
        self.count(kind, &answer);
        Ok(())
    }

    async fn simply(
        &mut self,
        client: &mut Client,
        kind: &'static str,
        act: &str,
        token: &str,
        body: &Value,
    ) -> Result<()> {
        let answer = client.json("POST", &format!("/api/v1/items/{act}"), token, body).await?;
        self.count(kind, &answer);
        Ok(())
    }

    fn count(&mut self, kind: &'static str, answer: &Answer) {
        let told = answer.status;
        assert!(told < 500 || told == 503, "{kind}: {}", answer.text());
        assert!(![400, 401, 422].contains(&told), "{kind}: {}", answer.text());
        if told < 300 {
            *self.done.entry(kind).or_default() += 1;
        }
    }
}

fn new_client_id(dice: &mut Dice) -> String {
    let (a, b) = (dice.number(), dice.number());
    format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, a & 0xffff, b & 0xfff, (b >> 12) & 0xfff, b >> 16)
}

/// A visit with a remark of its own.
pub fn visit(city: &City, item: Id, token: &str, dice: &mut Dice) -> Try {
    let client_id = new_client_id(dice);
    let answers = json!({
        "living_alone": true, "contact": "家属", "visited_on": city.today, "needs": ["meals"],
        "remarks": format!("走访 {client_id}"),
    });
    let body = json!({"client_id": client_id, "answers": answers});
    let path = format!("/api/v1/items/{item}/submissions");
    Try { client_id, door: "item".into(), path, token: token.to_owned(), body }
}

/// Somebody registers; most are new, some were here before.
pub fn case(city: &City, place: Id, dice: &mut Dice) -> Try {
    let client_id = new_client_id(dice);
    let birth = format!("19{:02}{:02}{:02}", 30 + dice.roll(30), 1 + dice.roll(12), 1 + dice.roll(28));
    let answers = json!({
        "name": "李秀英", "id_no": citizen_number("140202", &birth, dice.roll(40)), "living_alone": false,
        "visited_on": city.today, "remarks": format!("登记 {client_id}"),
    });
    let body = json!({"place": place, "client_id": client_id, "answers": answers});
    let path = format!("/api/v1/channels/{}/cases", city.channel);
    Try { client_id, door: "case".into(), path, token: String::new(), body }
}
