//! Statements on the chains.

use crate::args;
use crate::platform::database::bulk::{OnKey, Shape, chunk, tuples};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

const UNSEALED_ALL_SHARDS: &str = "SELECT shard, id, kind, version, subject_class, subject_id, actor_account, actor_post, on_behalf, \
     occurred_at, recorded_at, request_id, cause_id, payload, seq FROM event \
     WHERE seq IS NULL AND (shard, recorded_at, id) > ($1, $2, $3) ORDER BY shard, recorded_at, id LIMIT $4";
const WAITING_ALL_SHARDS: &str = "SELECT count(*), min(recorded_at) FROM event WHERE seq IS NULL";
const OF_SHARD: &str = "SELECT shard, id, kind, version, subject_class, subject_id, actor_account, actor_post, on_behalf, \
     occurred_at, recorded_at, request_id, cause_id, payload, seq FROM event \
     WHERE shard = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq, id";
const SEALED_ALL_SHARDS: &str =
    "SELECT shard, count(*), max(seq) FROM event WHERE seq IS NOT NULL GROUP BY shard ORDER BY shard";
const BEYOND: &str = "SELECT id, seq FROM event WHERE shard = $1 AND seq > $2 ORDER BY seq, id LIMIT 100";
const HEADS_ALL_SHARDS: &str = "SELECT shard, number, last_seq, hash FROM event_head ORDER BY shard";
const HEAD: &str = "SELECT shard, number, last_seq, hash FROM event_head WHERE shard = $1";
const BLOCKS: &str = "SELECT shard, number, position, first_seq, last_seq, previous_hash, hash, leaves, sealed_at FROM event_block \
     WHERE shard = $1 AND number > $2 AND number <= $3 ORDER BY number LIMIT 64";
const SHARDS_ALL_SHARDS: &str = "SELECT shard, max(number) FROM event_block GROUP BY shard ORDER BY shard";
const LAST_POSITION_ALL_SHARDS: &str = "SELECT position FROM event_block ORDER BY position DESC LIMIT 1";
const FROM_POSITION_ALL_SHARDS: &str =
    "SELECT position, shard, first_seq, last_seq FROM event_block WHERE position >= $1 ORDER BY position LIMIT $2";
const SIGNED: &str = "SELECT number, position, signed_at FROM signed_heads ORDER BY number DESC LIMIT 1";
const SIGNED_CONTENT: &str = "SELECT content FROM signed_heads ORDER BY number DESC LIMIT 1";
const FORGET_SIGNED: &str = "DELETE FROM signed_heads WHERE number < $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    UNSEALED_ALL_SHARDS,
    WAITING_ALL_SHARDS,
    OF_SHARD,
    SEALED_ALL_SHARDS,
    BEYOND,
    HEADS_ALL_SHARDS,
    HEAD,
    BLOCKS,
    SHARDS_ALL_SHARDS,
    LAST_POSITION_ALL_SHARDS,
    FROM_POSITION_ALL_SHARDS,
    SIGNED,
    SIGNED_CONTENT,
    FORGET_SIGNED,
];

const BLOCK: Shape = Shape {
    table: "event_block",
    columns: &["shard", "number", "position", "first_seq", "last_seq", "previous_hash", "hash", "leaves", "sealed_at"],
    key: &["shard", "number"],
};

const HEADS: Shape = Shape { table: "event_head", columns: &["shard", "number", "last_seq", "hash"], key: &["shard"] };

const SIGNED_HEADS: Shape =
    Shape { table: "signed_heads", columns: &["number", "position", "signed_at", "content"], key: &["number"] };

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)] // the columns of the table, described in `platform/events.rs`
pub struct EventRow {
    pub shard: i64,
    pub id: Id,
    pub kind: String,
    pub version: i64,
    pub subject_class: String,
    pub subject_id: Option<Id>,
    pub actor_account: Option<Id>,
    pub actor_post: Option<Id>,
    pub on_behalf: Option<String>,
    pub occurred_at: i64,
    pub recorded_at: i64,
    pub request_id: Option<String>,
    pub cause_id: Option<Id>,
    pub payload: String,
    pub seq: Option<i64>,
}

/// A block of a chain.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Block {
    /// shard of the chain
    pub shard: i64,
    /// 1, 2, 3 … within the chain
    pub number: i64,
    /// 1, 2, 3 … over all chains
    pub position: i64,
    /// `seq` of its first event
    pub first_seq: i64,
    /// `seq` of its last event
    pub last_seq: i64,
    /// hash of the block before
    pub previous_hash: Vec<u8>,
    /// its own hash
    pub hash: Vec<u8>,
    /// hashes of its events, one after the other
    pub leaves: Vec<u8>,
    /// UTC microseconds
    pub sealed_at: i64,
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Head {
    /// shard of the chain
    pub shard: i64,
    /// number of its last block
    pub number: i64,
    /// `seq` of its last event
    pub last_seq: i64,
    /// hash of its last block
    pub hash: Vec<u8>,
}

/// Where a sweep over unsealed events stands: shard, instant, id.
pub type Place = (i64, i64, Id);

/// Unsealed events after a place, shard by shard in the order in which they were recorded.
pub async fn unsealed(conn: &mut impl Exec, after: Place, most: usize) -> Result<Vec<EventRow>, StoreError> {
    conn.all(UNSEALED_ALL_SHARDS, args![after.0, after.1, after.2, most as i64]).await
}

/// How many events wait for the sealer, and since when the oldest does.
pub async fn waiting(conn: &mut impl Exec) -> Result<(i64, Option<i64>), StoreError> {
    conn.one(WAITING_ALL_SHARDS, vec![]).await
}

/// Gives each event (shard, id) its `seq`; says how many had none before.
pub async fn number(tx: &mut impl Exec, events: &[(i64, Id, i64)]) -> Result<u64, StoreError> {
    let (mut changed, mut rest) = (0, events);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 3));
        rest = later;
        let args = now.iter().flat_map(|(shard, id, seq)| args![*shard, *id, *seq]).collect();
        changed += tx.execute_built(number_sql(now.len()), args).await?;
    }
    Ok(changed)
}

/// The only update of an event there is. Both databases name the columns of VALUES in this way.
pub fn number_sql(rows: usize) -> String {
    // The plus keeps SQLite from walking everything that waits, by the index of what has no seq, for each slice.
    let once = if super::taken_out("audit.once") { "" } else { " AND +event.seq IS NULL" };
    format!(
        "UPDATE event SET seq = v.column3 FROM (VALUES {}) AS v WHERE event.shard = v.column1 AND event.id = v.column2{once}",
        tuples(rows, 3, 1)
    )
}

/// Writes blocks and the heads they lead to.
pub async fn append(tx: &mut impl Exec, blocks: &[Block], heads: &[Head]) -> Result<(), StoreError> {
    let rows = blocks
        .iter()
        .map(|b| {
            args![
                b.shard,
                b.number,
                b.position,
                b.first_seq,
                b.last_seq,
                b.previous_hash.clone(),
                b.hash.clone(),
                b.leaves.clone(),
                b.sealed_at
            ]
        })
        .collect();
    BLOCK.write(tx, rows, OnKey::Fail).await?;
    let rows = heads.iter().map(|h| args![h.shard, h.number, h.last_seq, h.hash.clone()]).collect();
    HEADS.write(tx, rows, OnKey::Replace).await?;
    Ok(())
}

/// Every chain's head.
pub async fn heads(conn: &mut impl Exec) -> Result<Vec<Head>, StoreError> {
    conn.all(HEADS_ALL_SHARDS, vec![]).await
}

/// One chain's head.
pub async fn head(conn: &mut impl Exec, shard: i64) -> Result<Option<Head>, StoreError> {
    conn.optional(HEAD, args![shard]).await
}

/// Position of the last block; 0 when there is none.
pub async fn last_position(conn: &mut impl Exec) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = conn.optional(LAST_POSITION_ALL_SHARDS, vec![]).await?;
    Ok(row.map_or(0, |row| row.0))
}

/// Up to 64 blocks of a chain after `number`, until `last`.
pub async fn blocks(conn: &mut impl Exec, shard: i64, number: i64, last: i64) -> Result<Vec<Block>, StoreError> {
    conn.all(BLOCKS, args![shard, number, last]).await
}

/// Shards that have blocks, with the last number.
pub async fn chains(conn: &mut impl Exec) -> Result<Vec<(i64, i64)>, StoreError> {
    conn.all(SHARDS_ALL_SHARDS, vec![]).await
}

/// Shards with sealed events: how many, and the last `seq`.
pub async fn sealed(conn: &mut impl Exec) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    conn.all(SEALED_ALL_SHARDS, vec![]).await
}

/// Events of a shard by `seq`, both ends included.
pub async fn events(conn: &mut impl Exec, shard: i64, first: i64, last: i64) -> Result<Vec<EventRow>, StoreError> {
    conn.all(OF_SHARD, args![shard, first, last]).await
}

/// Some events of a shard with a `seq` above `last`.
pub async fn beyond(conn: &mut impl Exec, shard: i64, last: i64) -> Result<Vec<(Id, i64)>, StoreError> {
    conn.all(BEYOND, args![shard, last]).await
}

/// Blocks from a position on: position, shard, first and last `seq`.
pub async fn from_position(
    conn: &mut impl Exec,
    position: i64,
    most: i64,
) -> Result<Vec<(i64, i64, i64, i64)>, StoreError> {
    conn.all(FROM_POSITION_ALL_SHARDS, args![position, most]).await
}

/// Hashes of the named blocks (shard, number).
pub async fn hashes(conn: &mut impl Exec, wanted: &[(i64, i64)]) -> Result<Vec<(i64, i64, Vec<u8>)>, StoreError> {
    pairs(conn, wanted, hashes_sql).await
}

/// The statement of [`hashes`].
pub fn hashes_sql(rows: usize) -> String {
    format!("SELECT shard, number, hash FROM event_block WHERE (shard, number) IN (VALUES {})", tuples(rows, 2, 1))
}

/// Which of the named places (shard, seq) hold an event.
pub async fn places(conn: &mut impl Exec, wanted: &[(i64, i64)]) -> Result<Vec<(i64, i64)>, StoreError> {
    pairs(conn, wanted, places_sql).await
}

/// The statement of [`places`].
pub fn places_sql(rows: usize) -> String {
    format!("SELECT shard, seq FROM event WHERE (shard, seq) IN (VALUES {}) AND seq IS NOT NULL", tuples(rows, 2, 1))
}

/// The events at the named places (shard, seq), in any order.
pub async fn events_at(conn: &mut impl Exec, wanted: &[(i64, i64)]) -> Result<Vec<EventRow>, StoreError> {
    pairs(conn, wanted, events_at_sql).await
}

/// The statement of [`events_at`].
pub fn events_at_sql(rows: usize) -> String {
    format!(
        "SELECT shard, id, kind, version, subject_class, subject_id, actor_account, actor_post, on_behalf, \
         occurred_at, recorded_at, request_id, cause_id, payload, seq FROM event \
         WHERE (shard, seq) IN (VALUES {}) AND seq IS NOT NULL",
        tuples(rows, 2, 1)
    )
}

async fn pairs<T: crate::platform::database::DbRow>(
    conn: &mut impl Exec,
    wanted: &[(i64, i64)],
    sql: fn(usize) -> String,
) -> Result<Vec<T>, StoreError> {
    let (mut found, mut rest) = (Vec::new(), wanted);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let args: Vec<Arg> = now.iter().flat_map(|(one, two)| args![*one, *two]).collect();
        found.extend(conn.all_built::<T>(sql(now.len()), args).await?);
    }
    Ok(found)
}

/// The last signed list: number, position, instant.
pub async fn signed(conn: &mut impl Exec) -> Result<Option<(i64, i64, i64)>, StoreError> {
    conn.optional(SIGNED, vec![]).await
}

/// The last signed list as text.
pub async fn signed_content(conn: &mut impl Exec) -> Result<Option<String>, StoreError> {
    let row: Option<(String,)> = conn.optional(SIGNED_CONTENT, vec![]).await?;
    Ok(row.map(|row| row.0))
}

/// Keeps a signed list instead of the ones before.
pub async fn keep_signed(
    tx: &mut impl Exec,
    number: i64,
    position: i64,
    signed_at: i64,
    content: &str,
) -> Result<(), StoreError> {
    SIGNED_HEADS.write(tx, vec![args![number, position, signed_at, content]], OnKey::Fail).await?;
    tx.execute(FORGET_SIGNED, args![number]).await.map(|_| ())
}

/// One sample of each statement that this file builds.
pub fn samples() -> Vec<String> {
    vec![number_sql(2), hashes_sql(2), places_sql(2), events_at_sql(2)]
}
