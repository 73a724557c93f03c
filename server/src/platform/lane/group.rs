//! Group commit: up to 256 write sets in one transaction, table by table, sorted by primary key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use sqlx::types::Uuid;
use tokio::sync::oneshot;

use super::known::in_one_go;
use super::write_set::{Expect, Outcome, Put, WriteSet};
use super::{Wing, back_off};
use crate::platform::database::bulk::{OnKey, chunk, tuples};
use crate::platform::database::{Alike, Arg, Exec, StoreError, Straight, Tx};
use crate::platform::faults::{self, Protection};

/// Members of one commit at the most.
pub const MOST: usize = 256;

type Reply = oneshot::Sender<Result<Outcome, StoreError>>;
type Member = (WriteSet, Reply);

/// Commits all members, in as few transactions as their rows allow, and answers each.
pub(super) async fn commit(wing: &Wing, members: Vec<Member>) {
    let mut waiting = members;
    while !waiting.is_empty() {
        let (now, later) = without_overlap(waiting);
        waiting = later;
        commit_apart(wing, now).await;
    }
}

/// Writes all of several sets inside an open transaction, or none: none when one of them is stale, says
/// something else under a known key, or touches a row that one before it touches.
pub async fn write_whole(tx: &mut Tx, sets: &[WriteSet]) -> Result<Vec<Outcome>, StoreError> {
    let sets: Vec<&WriteSet> = sets.iter().collect();
    let mut judged = judged(tx, &sets).await?;
    let mut touched: HashSet<Row> = HashSet::new();
    for (set, (outcome, fresh)) in sets.iter().zip(&mut judged) {
        let keys = touched_by(set);
        if *fresh && keys.iter().any(|key| touched.contains(key)) {
            (*outcome, *fresh) = (Outcome::Stale, false);
        }
        touched.extend(keys);
    }
    if !judged.iter().any(|(outcome, _)| matches!(outcome, Outcome::Stale | Outcome::Mismatch)) {
        put_all(tx, &sets, &judged).await?;
    }
    Ok(judged.into_iter().map(|(outcome, _)| outcome).collect())
}

/// Two members that touch the same row never share a group: the second waits for the next.
fn without_overlap(members: Vec<Member>) -> (Vec<Member>, Vec<Member>) {
    let mut touched: HashSet<Row> = HashSet::new();
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for member in members {
        let keys = touched_by(&member.0);
        if keys.iter().any(|key| touched.contains(key)) {
            later.push(member);
        } else {
            touched.extend(keys);
            now.push(member);
        }
    }
    (now, later)
}

/// A row, by table and the bytes of its primary key.
type Row = (&'static str, Vec<u8>);

fn touched_by(set: &WriteSet) -> Vec<Row> {
    let replaced = set.puts.iter().filter(|put| !matches!(put.on_key, OnKey::Fail | OnKey::Keep));
    let mut keys: Vec<Row> = replaced.map(|put| (put.shape.table, sort_key(put))).collect();
    keys.push(("submission", row_key(set.shard, &[set.key.client_id, set.key.form_id])));
    keys.extend(set.expects.iter().map(|expect| (expect.table, row_key(expect.shard, &[expect.id]))));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The bytes of a primary key `(id, …, shard)`.
fn row_key(shard: i64, ids: &[Uuid]) -> Vec<u8> {
    let mut bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    bytes.extend(shard.to_be_bytes());
    bytes
}

fn key_of(put: &Put) -> Vec<&Arg> {
    put.shape
        .key
        .iter()
        .filter_map(|key| put.shape.columns.iter().position(|column| column == key))
        .filter_map(|position| put.row.get(position))
        .collect()
}

/// Runs the group; after a fault that running again does not mend, halves it until the bad one
/// stands alone. Where it is the database or its disk that fails no member is to blame: all are told.
async fn commit_apart(wing: &Wing, group: Vec<Member>) {
    let mut stack = vec![group];
    let begin = Instant::now();
    while let Some(group) = stack.pop() {
        let mut attempt = 0;
        let result = loop {
            let trust = attempt == 0 && bears_itself_out(&group);
            let tried = match wing.db.straight().filter(|_| trust && !faults::out(Protection::OneTransaction)) {
                Some(straight) => commit_straight(wing, straight, &group),
                None => try_commit(wing, &group, trust).await,
            };
            match tried {
                // What the rows themselves refused is looked at before it is written again.
                Err(StoreError::Retry(_) | StoreError::Duplicate) if trust => attempt += 1,
                Err(error) if attempt < 5 && begin.elapsed() < super::PATIENCE && worth_another_run(&error, &group) => {
                    back_off(attempt).await;
                    attempt += 1;
                }
                other => break other,
            }
        };
        match result {
            Ok(outcomes) => {
                for ((set, reply), outcome) in group.into_iter().zip(outcomes) {
                    if outcome == Outcome::Stored {
                        for id in set.signals {
                            let _ = wing.signals.send(id);
                        }
                    }
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) if group.len() == 1 || nobodys(&error) || faults::out(Protection::Halving) => {
                tracing::error!(%error, members = group.len(), "submissions could not be stored");
                for (_, reply) in group {
                    let _ = reply.send(Err(as_told(&error)));
                }
            }
            Err(error) => {
                tracing::warn!(%error, members = group.len(), "group halved");
                let mut left = group;
                let right = left.split_off(left.len() / 2);
                stack.push(right);
                stack.push(left);
            }
        }
    }
}

/// The database is away or its disk fails: a smaller group would fare no better. After a sync that failed nothing
/// is tried again here: whoever was refused comes again.
fn nobodys(error: &StoreError) -> bool {
    matches!(error, StoreError::Lost(_) | StoreError::Unwritable(_) | StoreError::Damaged(_))
}

/// What the caller is told: a database that is away asks it to come again, anything else is our fault.
fn as_told(error: &StoreError) -> StoreError {
    if nobodys(error) || error.retryable() { error.again() } else { StoreError::Corrupt(error.to_string()) }
}

/// A passing fault; or one submission alone whose key exists now though it did not a moment ago (its own
/// first run, whose COMMIT got no answer, or the same one sent to another process): looking again finds
/// the first slip.
fn worth_another_run(error: &StoreError, group: &[Member]) -> bool {
    error.retryable()
        || (matches!(error, StoreError::Duplicate) && group.len() == 1 && !faults::out(Protection::SecondLook))
}

/// Whether the rows of a group say by themselves that a member may not be written: the key of a submission that was
/// stored before exists, and whatever a member expects is the version before of a row that it writes. Such a group is
/// written without looking first, which it hardly ever has to be told.
fn bears_itself_out(group: &[Member]) -> bool {
    let borne = |set: &WriteSet, expect: &Expect| {
        let key = row_key(expect.shard, &[expect.id]);
        set.puts.iter().any(|put| {
            put.shape.table == expect.table && put.next_version() == Some(expect.version + 1) && sort_key(put) == key
        })
    };
    let told_apart = |set: &WriteSet| {
        let key = row_key(set.shard, &[set.key.client_id, set.key.form_id]);
        let own = |put: &Put| put.shape.table == "submission" && put.on_key == OnKey::Fail && sort_key(put) == key;
        set.puts.iter().any(own)
    };
    let bears = |set: &WriteSet| told_apart(set) && set.expects.iter().all(|expect| borne(set, expect));
    !faults::out(Protection::SecondLook) && group.iter().all(|(set, _)| bears(set))
}

async fn try_commit(wing: &Wing, group: &[Member], trust: bool) -> Result<Vec<Outcome>, StoreError> {
    let mut tx = wing.db.begin_write().await?;
    faults::split(&mut tx, Protection::OneTransaction).await;
    match super::bounded(wing.longest, Box::pin(write_group(&mut tx, group, trust))).await {
        Ok(outcomes) => {
            let stored = group.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Stored);
            let signals: Vec<Uuid> = stored.flat_map(|((set, _), _)| set.signals.iter().copied()).collect();
            super::commit(wing, tx, &signals).await?;
            Ok(outcomes)
        }
        Err(error) => {
            super::give_up(tx).await;
            Err(error)
        }
    }
}

/// The same on the embedded database for a group that is not looked at first: its rows are written in one go, on the
/// lane's thread.
fn commit_straight(wing: &Wing, straight: &Straight, group: &[Member]) -> Result<Vec<Outcome>, StoreError> {
    in_one_go(wing, straight, &[], &arranged(group.iter().map(|(set, _)| set)))?;
    Ok(vec![Outcome::Stored; group.len()])
}

async fn write_group(tx: &mut Tx, group: &[Member], trust: bool) -> Result<Vec<Outcome>, StoreError> {
    let sets: Vec<&WriteSet> = group.iter().map(|(set, _)| set).collect();
    let judged = if trust { vec![(Outcome::Stored, true); sets.len()] } else { judged(tx, &sets).await? };
    put_all(tx, &sets, &judged).await?;
    Ok(judged.into_iter().map(|(outcome, _)| outcome).collect())
}

/// The outcome of each, and whether there is something to write.
async fn judged(tx: &mut Tx, sets: &[&WriteSet]) -> Result<Vec<(Outcome, bool)>, StoreError> {
    // In this order: if a first run without an answer commits in between, it is found as stored.
    let versions = versions_now(tx, sets).await?;
    let stored = stored_before(tx, sets).await?;
    Ok(sets.iter().map(|set| judge(set, &stored, &versions)).collect())
}

/// Writes the rows of the sets that stand, table by table.
async fn put_all(tx: &mut Tx, sets: &[&WriteSet], judged: &[(Outcome, bool)]) -> Result<(), StoreError> {
    let fresh = sets.iter().zip(judged).filter(|(_, (_, fresh))| *fresh).map(|(set, _)| *set);
    for alike in arranged(fresh) {
        // A version that another process has moved since it was looked at fails here and is looked at again.
        alike.shape.write_rows(tx, &alike.rows, alike.on_key).await?;
    }
    Ok(())
}

/// The rows of several sets, table by table and in the order of their keys.
fn arranged<'a>(sets: impl Iterator<Item = &'a WriteSet>) -> Vec<Alike<'a>> {
    let mut by_table: BTreeMap<(&str, OnKey), Vec<&Put>> = BTreeMap::new();
    for put in sets.flat_map(|set| &set.puts) {
        by_table.entry((put.shape.table, put.on_key)).or_default().push(put);
    }
    let arrange = |((_, on_key), mut puts): ((&str, OnKey), Vec<&'a Put>)| {
        puts.sort_by_cached_key(|put| sort_key(put));
        Alike { shape: puts[0].shape, on_key, rows: puts.into_iter().map(|put| put.row.as_slice()).collect() }
    };
    by_table.into_iter().map(arrange).collect()
}

/// Bytes that sort as the primary key does, so that lanes take row locks in one order.
fn sort_key(put: &Put) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    for arg in key_of(put) {
        match arg {
            Arg::I64(Some(value)) => bytes.extend(value.to_be_bytes()),
            Arg::Uuid(Some(value)) => bytes.extend(value.as_bytes()),
            Arg::Text(Some(value)) => bytes.extend(value.as_bytes()),
            Arg::Bytes(Some(value)) => bytes.extend(value),
            _ => bytes.push(0),
        }
    }
    bytes
}

type Stored = HashMap<(i64, Uuid, Uuid), (Uuid, String, Vec<u8>)>;
type Versions = HashMap<(&'static str, i64, Uuid), i64>;

/// The outcome, and whether there is something to write.
fn judge(set: &WriteSet, stored: &Stored, versions: &Versions) -> (Outcome, bool) {
    if let Some((id, slip, hash)) = stored.get(&(set.shard, set.key.form_id, set.key.client_id)) {
        let outcome = if *hash != set.key.payload_hash {
            Outcome::Mismatch
        } else if set.submission_id() == Some(*id) {
            // Its own first run, whose COMMIT got no answer.
            Outcome::Stored
        } else {
            Outcome::Repeated { submission_id: *id, slip_code: slip.clone() }
        };
        return (outcome, false);
    }
    let holds = set
        .expects
        .iter()
        .all(|expect| versions.get(&(expect.table, expect.shard, expect.id)).copied().unwrap_or(0) == expect.version);
    (if holds { Outcome::Stored } else { Outcome::Stale }, holds)
}

async fn stored_before(tx: &mut Tx, sets: &[&WriteSet]) -> Result<Stored, StoreError> {
    let mut stored = Stored::new();
    let mut rest = sets;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 3));
        rest = later;
        let sql = stored_sql(now.len());
        let args = now
            .iter()
            .flat_map(|set| [Arg::from(set.key.client_id), Arg::from(set.key.form_id), Arg::from(set.shard)])
            .collect();
        let rows: Vec<(i64, Uuid, Uuid, Uuid, String, Vec<u8>)> = tx.all_built(sql, args).await?;
        stored.extend(rows.into_iter().map(|row| ((row.0, row.1, row.2), (row.3, row.4, row.5))));
    }
    Ok(stored)
}

async fn versions_now(tx: &mut Tx, sets: &[&WriteSet]) -> Result<Versions, StoreError> {
    let mut by_table: BTreeMap<&'static str, Vec<(i64, Uuid)>> = BTreeMap::new();
    for set in sets {
        for expect in &set.expects {
            by_table.entry(expect.table).or_default().push((expect.shard, expect.id));
        }
    }
    let mut versions = Versions::new();
    for (table, keys) in by_table {
        let mut rest = keys.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(chunk(rest.len(), 2));
            rest = later;
            let sql = versions_sql(table, now.len());
            let args = now.iter().flat_map(|(shard, id)| [Arg::from(*id), Arg::from(*shard)]).collect();
            let rows: Vec<(i64, Uuid, i64)> = tx.all_built(sql, args).await?;
            versions.extend(rows.into_iter().map(|row| ((table, row.0, row.1), row.2)));
        }
    }
    Ok(versions)
}

fn stored_sql(rows: usize) -> String {
    format!(
        "SELECT shard, form_id, client_id, id, slip_code, payload_hash FROM submission WHERE (client_id, form_id, shard) IN (VALUES {})",
        tuples(rows, 3, 1)
    )
}

fn versions_sql(table: &str, rows: usize) -> String {
    format!("SELECT shard, id, version FROM {table} WHERE (id, shard) IN (VALUES {})", tuples(rows, 2, 1))
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    vec![stored_sql(2), versions_sql("item", 2)]
}
