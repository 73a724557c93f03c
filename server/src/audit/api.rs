//! Sealed events as a feed: what happened, in the order in which it was sealed, for administrators.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::store::{self, EventRow};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::Operation;
use crate::platform::api::{Paging, cursor};
use crate::platform::ids::Id;

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[Operation {
    path: "/api/v1/events",
    tag: "audit",
    summary: "Sealed events of the whole installation, oldest first: ids and digests only. `follow` is the cursor \
              for what is sealed later",
    permission: Some(Permission::Administer),
    paged: true,
    response: Some(schema),
    ..Operation::GET
}];

fn schema() -> Value {
    let id = json!({"type": ["string", "null"], "format": "uuid"});
    let text = json!({"type": ["string", "null"]});
    json!({"type": "object", "properties": {"shard": {"type": "integer"}, "seq": {"type": "integer"},
        "id": {"type": "string", "format": "uuid"}, "kind": {"type": "string"}, "version": {"type": "integer"},
        "subject_class": {"type": "string"}, "subject_id": id, "actor_account": id, "actor_post": id, "on_behalf": text,
        "occurred_at": {"type": "integer"}, "recorded_at": {"type": "integer"}, "request_id": text, "cause_id": id,
        "payload": {"type": "object"}}})
}

/// An event.
#[derive(Debug, Serialize)]
#[allow(missing_docs)] // the columns of the table, described in `platform/events.rs`
pub struct EventJson {
    pub shard: i64,
    pub seq: i64,
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
    pub payload: Value,
}

impl From<EventRow> for EventJson {
    fn from(row: EventRow) -> Self {
        Self {
            shard: row.shard,
            seq: row.seq.unwrap_or_default(),
            id: row.id,
            kind: row.kind,
            version: row.version,
            subject_class: row.subject_class,
            subject_id: row.subject_id,
            actor_account: row.actor_account,
            actor_post: row.actor_post,
            on_behalf: row.on_behalf,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            request_id: row.request_id,
            cause_id: row.cause_id,
            payload: serde_json::from_str(&row.payload).unwrap_or(Value::Null),
        }
    }
}

/// A page of the feed.
#[derive(Debug, Serialize)]
pub struct Feed {
    /// in the order in which they were sealed
    pub items: Vec<EventJson>,
    /// for the next page, none while there is none
    pub next_cursor: Option<String>,
    /// for what is sealed after this page, also when it is the last one; none before the first event
    pub follow: Option<String>,
}

/// Behind a cursor: position of a block, `seq` within its chain.
type Position = (i64, i64);

/// `cursor`, `limit`
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(flatten)]
    paging: Paging,
}

/// `GET /api/v1/events?cursor=&limit=`
pub async fn list(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Json<Feed>, AppError> {
    // Events tell of every place at once, so they need the permission everywhere.
    viewer.require_at(&app, Permission::Administer, None, None)?;
    let limit = asked.paging.limit()?;
    let after: Option<Position> = asked.paging.after()?;
    let (mut events, mut places) = read(&app, after.unwrap_or((0, 0)), limit as usize + 1).await?;
    let more = events.len() > limit as usize;
    events.truncate(limit as usize);
    places.truncate(limit as usize);
    let follow = places.last().copied().or(after).map(|place| cursor(&place));
    let next_cursor = follow.clone().filter(|_| more);
    Ok(Json(Feed { items: events.into_iter().map(EventJson::from).collect(), next_cursor, follow }))
}

/// Up to `most` sealed events after a position, each with its own.
pub async fn read(app: &App, after: Position, most: usize) -> Result<(Vec<EventRow>, Vec<Position>), AppError> {
    let mut db = app.read();
    // Every block holds at least one event: so many blocks, and the one begun before, always suffice.
    let blocks = store::from_position(&mut db, after.0, most as i64 + 1).await?;
    let mut wanted: Vec<(i64, i64, i64)> = Vec::with_capacity(most);
    for (position, shard, first, last) in blocks {
        let first = if position == after.0 { first.max(after.1 + 1) } else { first };
        wanted.extend((first..=last).take(most - wanted.len()).map(|seq| (position, shard, seq)));
        if wanted.len() == most {
            break;
        }
    }
    let pairs: Vec<(i64, i64)> = wanted.iter().map(|(_, shard, seq)| (*shard, *seq)).collect();
    let mut rows: HashMap<(i64, i64), EventRow> = store::events_at(&mut db, &pairs)
        .await?
        .into_iter()
        .map(|row| ((row.shard, row.seq.unwrap_or_default()), row))
        .collect();
    // A place without its event is for `audit verify` to tell.
    let found = wanted.into_iter().filter_map(|(position, shard, seq)| {
        let row = rows.remove(&(shard, seq))?;
        Some((row, (position, seq)))
    });
    Ok(found.unzip())
}
