//! Group commit: up to 256 write sets in one transaction, table by table, sorted by primary key.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::types::Uuid;
use tokio::sync::oneshot;

use super::write_set::{Outcome, Put, WriteSet};
use super::{Signals, back_off};
use crate::platform::database::bulk::{OnKey, Shape, chunk, tuples};
use crate::platform::database::{Arg, Db, Exec, StoreError, Tx};

/// Members of one commit at the most.
pub const MOST: usize = 256;

type Reply = oneshot::Sender<Result<Outcome, StoreError>>;
type Member = (WriteSet, Reply);

/// Commits all members, in as few transactions as their rows allow, and answers each.
pub async fn commit(db: &Db, members: Vec<Member>, signals: &Signals) {
    let mut waiting = members;
    while !waiting.is_empty() {
        let (now, later) = without_overlap(waiting);
        waiting = later;
        commit_apart(db, now, signals).await;
    }
}

/// Writes all of several sets inside an open transaction, or none: none when one of them is stale, says
/// something else under a known key, or touches a row that one before it touches.
pub async fn write_whole(tx: &mut Tx, sets: &[WriteSet]) -> Result<Vec<Outcome>, StoreError> {
    let sets: Vec<&WriteSet> = sets.iter().collect();
    let mut outcomes = judged(tx, &sets).await?;
    let mut touched: HashSet<String> = HashSet::new();
    for (set, outcome) in sets.iter().zip(&mut outcomes) {
        let keys = touched_by(set);
        if *outcome == Outcome::Stored && keys.iter().any(|key| touched.contains(key)) {
            *outcome = Outcome::Stale;
        }
        touched.extend(keys);
    }
    if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Stale | Outcome::Mismatch)) {
        put_all(tx, &sets, &outcomes).await?;
    }
    Ok(outcomes)
}

/// Two members that touch the same row never share a group: the second waits for the next.
fn without_overlap(members: Vec<Member>) -> (Vec<Member>, Vec<Member>) {
    let mut touched: HashSet<String> = HashSet::new();
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

fn touched_by(set: &WriteSet) -> Vec<String> {
    let mut keys: Vec<String> = set
        .puts
        .iter()
        .filter(|put| put.on_key == OnKey::Replace)
        .map(|put| format!("{} {:?}", put.shape.table, key_of(put)))
        .collect();
    keys.push(format!("submission {} {} {}", set.shard, set.key.form_id, set.key.client_id));
    keys.extend(set.expects.iter().map(|e| format!("{} {:?}", e.table, [Arg::from(e.shard), Arg::from(e.id)])));
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn key_of(put: &Put) -> Vec<&Arg> {
    put.shape
        .key
        .iter()
        .filter_map(|key| put.shape.columns.iter().position(|column| column == key))
        .map(|position| &put.row[position])
        .collect()
}

/// Runs the group; after a fault that running again does not mend, halves it until the bad one
/// stands alone.
async fn commit_apart(db: &Db, group: Vec<Member>, signals: &Signals) {
    let mut stack = vec![group];
    while let Some(group) = stack.pop() {
        let mut attempt = 0;
        let result = loop {
            match try_commit(db, &group).await {
                Err(error) if error.retryable() && attempt < 5 => {
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
                            let _ = signals.send(id);
                        }
                    }
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) if group.len() == 1 => {
                for (_, reply) in group {
                    let _ = reply.send(Err(StoreError::Corrupt(error.to_string())));
                    tracing::error!(%error, "a submission could not be stored");
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

async fn try_commit(db: &Db, group: &[Member]) -> Result<Vec<Outcome>, StoreError> {
    let mut tx = db.begin_write().await?;
    let result = write_group(&mut tx, group).await;
    match result {
        Ok(outcomes) => {
            tx.commit().await?;
            Ok(outcomes)
        }
        Err(error) => {
            let _ = tx.rollback().await;
            Err(error)
        }
    }
}

async fn write_group(tx: &mut Tx, group: &[Member]) -> Result<Vec<Outcome>, StoreError> {
    let sets: Vec<&WriteSet> = group.iter().map(|(set, _)| set).collect();
    let outcomes = judged(tx, &sets).await?;
    put_all(tx, &sets, &outcomes).await?;
    Ok(outcomes)
}

async fn judged(tx: &mut Tx, sets: &[&WriteSet]) -> Result<Vec<Outcome>, StoreError> {
    let stored = stored_before(tx, sets).await?;
    let versions = versions_now(tx, sets).await?;
    Ok(sets.iter().map(|set| judge(set, &stored, &versions)).collect())
}

/// Writes the rows of the sets that stand, table by table.
async fn put_all(tx: &mut Tx, sets: &[&WriteSet], outcomes: &[Outcome]) -> Result<(), StoreError> {
    let mut by_table: BTreeMap<(&str, u8), (&'static Shape, OnKey, Vec<&Put>)> = BTreeMap::new();
    for (set, _) in sets.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Stored) {
        for put in &set.puts {
            by_table
                .entry((put.shape.table, put.on_key as u8))
                .or_insert_with(|| (put.shape, put.on_key, Vec::new()))
                .2
                .push(put);
        }
    }
    for (_, (shape, on_key, mut puts)) in by_table {
        puts.sort_by_cached_key(|put| sort_key(put));
        shape.write(tx, puts.into_iter().map(|put| put.row.clone()).collect(), on_key).await?;
    }
    Ok(())
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

fn judge(set: &WriteSet, stored: &Stored, versions: &Versions) -> Outcome {
    if let Some((id, slip, hash)) = stored.get(&(set.shard, set.key.form_id, set.key.client_id)) {
        return if *hash == set.key.payload_hash {
            Outcome::Repeated { submission_id: *id, slip_code: slip.clone() }
        } else {
            Outcome::Mismatch
        };
    }
    let holds = set
        .expects
        .iter()
        .all(|expect| versions.get(&(expect.table, expect.shard, expect.id)).copied().unwrap_or(0) == expect.version);
    if holds { Outcome::Stored } else { Outcome::Stale }
}

async fn stored_before(tx: &mut Tx, sets: &[&WriteSet]) -> Result<Stored, StoreError> {
    let mut stored = Stored::new();
    let mut rest = sets;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 3));
        rest = later;
        let sql = format!(
            "SELECT shard, form_id, client_id, id, slip_code, payload_hash FROM submission WHERE (shard, form_id, client_id) IN (VALUES {})",
            tuples(now.len(), 3, 1)
        );
        let args = now
            .iter()
            .flat_map(|set| [Arg::from(set.shard), Arg::from(set.key.form_id), Arg::from(set.key.client_id)])
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
            let sql = format!(
                "SELECT shard, id, version FROM {table} WHERE (shard, id) IN (VALUES {})",
                tuples(now.len(), 2, 1)
            );
            let args = now.iter().flat_map(|(shard, id)| [Arg::from(*shard), Arg::from(*id)]).collect();
            let rows: Vec<(i64, Uuid, i64)> = tx.all_built(sql, args).await?;
            versions.extend(rows.into_iter().map(|row| ((table, row.0, row.1), row.2)));
        }
    }
    Ok(versions)
}
