//! Opening the house: does the database still have everything that the signed list outside knows?
//!
//! A restored old copy, a truncated write-ahead log or lost pages leave a database that looks well and
//! has forgotten. The check is cheap: the chains' heads, the named blocks and the last event of each chain.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::json;

use super::heads::{self, SignedHeads};
use super::store;
use crate::app::App;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::durable;
use crate::platform::events::{Actor, Event};
use crate::platform::secrets::{digest, hex};

/// What the comparison says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// the database has all that was signed
    Well,
    /// nothing outside to compare with, although heads were signed before
    NoFile(String),
    /// it must not be served as it is; the text says what to do
    Refused(String),
}

const WHAT_TO_DO: &str = "Restore the latest backup of the database together with heads.json, or the whole data folder. \
     If this older state was restored on purpose, say so with `hutong audit accept`: the list is put away, the loss is \
     written down as an event, and new heads are signed.";

/// Compares the signed list outside with the database.
pub async fn check(app: &App) -> Result<Start, AppError> {
    if super::taken_out("audit.start") {
        return Ok(Start::Well);
    }
    let file = heads::file(&app.data);
    let list = match SignedHeads::read(&file, &app.keys) {
        Ok(Some(list)) => list,
        Ok(None) => {
            return Ok(match store::signed(&mut app.read()).await? {
                None => Start::Well,
                Some((number, ..)) => Start::NoFile(format!(
                    "{} is not there although list {number} was signed: that the database is the latest cannot be shown; \
                     it is written anew with the next events",
                    file.display()
                )),
            });
        }
        Err(fault) => return Ok(Start::Refused(format!("the signed heads cannot be believed: {fault}. {WHAT_TO_DO}"))),
    };
    Ok(match lost(app, &list).await? {
        None => Start::Well,
        Some(lost) => Start::Refused(format!(
            "the database is older than the signed heads of {} (list {}): {lost}. {WHAT_TO_DO}",
            jiff::Timestamp::from_microsecond(list.signed_at).map_or_else(|_| String::from("?"), |at| at.to_string()),
            list.number
        )),
    })
}

/// What the list knows and the database does not, in a few words.
async fn lost(app: &App, list: &SignedHeads) -> Result<Option<String>, AppError> {
    let mut db = app.read();
    let signed = list.heads();
    let named: Vec<(i64, i64)> = signed.iter().map(|head| (head.shard, head.number)).collect();
    let there: HashMap<(i64, i64), Vec<u8>> = store::hashes(&mut db, &named)
        .await?
        .into_iter()
        .map(|(shard, number, hash)| ((shard, number), hash))
        .collect();
    let known: HashMap<i64, i64> =
        store::heads(&mut db).await?.into_iter().map(|head| (head.shard, head.last_seq)).collect();
    let (mut shards, mut events, mut first) = (0, 0, None);
    for head in &signed {
        if there.get(&(head.shard, head.number)) != Some(&head.hash) {
            shards += 1;
            let last = known.get(&head.shard).copied().unwrap_or(0);
            events += (head.last_seq - last).max(0);
            first.get_or_insert_with(|| {
                format!("shard {} ends at event {last} instead of {}", head.shard, head.last_seq)
            });
        }
    }
    if let Some(first) = first {
        return Ok(Some(format!("{shards} chains differ, {events} sealed events are lost at least; first: {first}")));
    }
    let ends: Vec<(i64, i64)> = known.iter().map(|(shard, last)| (*shard, *last)).collect();
    let present = store::places(&mut db, &ends).await?.len();
    Ok((present < ends.len()).then(|| format!("the last events of {} chains are gone", ends.len() - present)))
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// what the list knew and the database does not; none when they agreed
    pub lost: Option<String>,
    /// lists that were put away
    pub put_away: usize,
    /// the new list
    pub number: i64,
}

/// An administrator says that the present state was restored on purpose. Lists that disagree with it are
/// put away (they stay in `heads/replaced-…`), an event says so, and new heads are signed.
pub async fn accept(app: &App) -> Result<Accepted, AppError> {
    let file = heads::file(&app.data);
    let found = match check(app).await? {
        Start::Well => None,
        Start::NoFile(text) | Start::Refused(text) => Some(text),
    };
    let mut wrong = Vec::new();
    let mut highest = store::signed(&mut app.read()).await?.map_or(0, |row| row.0);
    for path in heads::history_files(&app.data).into_iter().chain([file]) {
        match SignedHeads::read(&path, &app.keys) {
            Ok(None) => {}
            Ok(Some(list)) => {
                highest = highest.max(list.number);
                if lost(app, &list).await?.is_some() {
                    wrong.push(path);
                }
            }
            Err(_) => wrong.push(path),
        }
    }
    let disk = |fault: std::io::Error| AppError::Internal(format!("a list of heads could not be put away: {fault}"));
    let mut digests = Vec::new();
    for path in &wrong {
        let bytes = std::fs::read(path).map_err(disk)?;
        let folder = heads::history(&app.data);
        durable::make_folder(&folder).map_err(disk)?;
        let name = hex(&digest(&bytes));
        durable::rename(path, &folder.join(format!("replaced-{}-{}.json", app.now() / DAY, &name[..12])))
            .map_err(disk)?;
        digests.push(name);
    }
    if found.is_some() {
        let event = Event {
            kind: "audit.accepted",
            subject_class: "installation",
            subject_id: None,
            actor: Actor::default(),
            at: app.now(),
            payload: json!({"lists": digests, "highest": highest}),
        };
        app.lanes
            .write(0, vec![], move |tx| {
                let event = event.clone();
                Box::pin(async move { event.write(tx, 0).await.map_err(AppError::from) })
            })
            .await?;
    }
    let list = heads::sign_above(app, highest).await?;
    Ok(Accepted { lost: found, put_away: wrong.len(), number: list.number })
}
