//! Sign-in sessions on our own database.
//!
//! The cookie holds 128 random bits, the table only their digest. A session ends two hours after the
//! last request and twelve after sign-in ([`Limits`]); one that begins more than twelve hours from now (the clock
//! was set back) has ended as well. Reading goes straight to the database; every
//! write goes through the lane. Saving never creates: a request that runs while its session is ended
//! cannot bring it back.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
use tower_sessions::SessionStore;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id as SessionId, Record};
use tower_sessions::session_store::{Error, Result};

use super::clock::Clock;
use super::database::{Db, Exec, StoreError};
use super::faults::{self, Protection};
use super::ids::Id;
use super::lane::Lanes;
use super::limits::Limits;
use super::secrets::{digest, hex};
use crate::args;
use crate::error::AppError;

const INSERT: &str =
    "INSERT INTO web_session (id, account_id, data, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
const SAVE: &str = "UPDATE web_session SET account_id = $2, data = $3 WHERE id = $1";
const LOAD: &str = "SELECT data, created_at, seen_at, expires_at FROM web_session \
     WHERE id = $1 AND expires_at > $2 AND created_at <= $3";
const TOUCH: &str = "UPDATE web_session SET seen_at = $2, expires_at = $3 WHERE id = $1 AND seen_at < $2";
const DELETE: &str = "DELETE FROM web_session WHERE id = $1";
const END_ALL: &str = "DELETE FROM web_session WHERE account_id = $1 AND id <> $2";
const PURGE: &str = "DELETE FROM web_session WHERE expires_at <= $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[INSERT, SAVE, LOAD, TOUCH, DELETE, END_ALL, PURGE];

/// Key of the account in a session.
pub const ACCOUNT: &str = "account";
/// Key of the post acted in.
pub const POST: &str = "post";
/// A request within this time of the last does not write `seen_at` again.
const TOUCH_EVERY: i64 = 60_000_000;
/// All sessions live in one lane, so that ending one and touching it never cross.
const LANE: i64 = 0;

/// The session store.
#[derive(Clone)]
pub struct Sessions {
    db: Db,
    lanes: Lanes,
    clock: Clock,
    limits: Limits,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Sessions {
    /// A store over a database.
    pub fn new(db: Db, lanes: Lanes, clock: Clock, limits: Limits) -> Self {
        Self { db, lanes, clock, limits }
    }

    fn expires(&self, created: i64, seen: i64) -> i64 {
        (seen + self.limits.idle).min(created + self.limits.absolute)
    }

    async fn run(&self, sql: &'static str, args: Vec<super::database::Arg>) -> std::result::Result<u64, StoreError> {
        self.lanes
            .write_first(LANE, vec![], move |tx| {
                let args = args.clone();
                Box::pin(async move { tx.execute(sql, args).await })
            })
            .await
    }

    /// Removes sessions that are over; returns how many.
    pub async fn purge(&self) -> std::result::Result<u64, StoreError> {
        self.run(PURGE, args![self.clock.now()]).await
    }
}

/// Ends every session of an account, except the one whose cookie value is `keep`.
pub async fn end_all(tx: &mut impl Exec, account: Id, keep: Option<&str>) -> std::result::Result<u64, StoreError> {
    tx.execute(END_ALL, args![account, keep.map(key_of_text).unwrap_or_default()]).await
}

fn key_of(id: SessionId) -> String {
    key_of_text(&id.to_string())
}

fn key_of_text(id: &str) -> String {
    hex(&digest(id.as_bytes()))
}

fn account_of(record: &Record) -> Option<Id> {
    record.data.get(ACCOUNT).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|fault| Error::Encode(fault.to_string()))
}

/// What a request is told when its session cannot be had: a store that is away or fails asks it to come again.
pub fn fault(fault: tower_sessions::session::Error) -> AppError {
    match fault {
        tower_sessions::session::Error::Store(Error::Backend(text)) => {
            AppError::Store(StoreError::Lost(sqlx::Error::Protocol(text)))
        }
        other => AppError::Internal(format!("session: {other}")),
    }
}

fn backend(fault: StoreError) -> Error {
    Error::Backend(fault.to_string())
}

impl SessionStore for Sessions {
    fn create<'a, 'b, 's>(&'a self, record: &'b mut Record) -> Later<'s, ()>
    where
        'a: 's,
        'b: 's,
        Self: 's,
    {
        Box::pin(async move {
            let now = self.clock.now();
            let args = args![key_of(record.id), account_of(record), encode(record)?, now, now, self.expires(now, now)];
            self.run(INSERT, args).await.map(|_| ()).map_err(backend)
        })
    }

    fn save<'a, 'b, 's>(&'a self, record: &'b Record) -> Later<'s, ()>
    where
        'a: 's,
        'b: 's,
        Self: 's,
    {
        Box::pin(async move {
            let args = args![key_of(record.id), account_of(record), encode(record)?];
            self.run(SAVE, args).await.map(|_| ()).map_err(backend)
        })
    }

    fn load<'a, 'b, 's>(&'a self, id: &'b SessionId) -> Later<'s, Option<Record>>
    where
        'a: 's,
        'b: 's,
        Self: 's,
    {
        Box::pin(async move {
            let (now, key) = (self.clock.now(), key_of(*id));
            let latest = if faults::out(Protection::ClockBack) { i64::MAX } else { now + self.limits.absolute };
            let row: Option<(String, i64, i64, i64)> =
                self.db.clone().optional(LOAD, args![&key, now, latest]).await.map_err(backend)?;
            let Some((data, created, seen, expires)) = row else { return Ok(None) };
            if now - seen >= TOUCH_EVERY {
                let (this, expires) = (self.clone(), self.expires(created, now));
                tokio::spawn(async move {
                    if let Err(fault) = this.run(TOUCH, args![key, now, expires]).await {
                        tracing::warn!(%fault, "a session was not prolonged");
                    }
                });
            }
            let data = serde_json::from_str(&data).map_err(|fault| Error::Decode(fault.to_string()))?;
            let expiry_date = OffsetDateTime::from_unix_timestamp(expires / 1_000_000)
                .map_err(|fault| Error::Decode(fault.to_string()))?;
            Ok(Some(Record { id: *id, data, expiry_date }))
        })
    }

    fn delete<'a, 'b, 's>(&'a self, id: &'b SessionId) -> Later<'s, ()>
    where
        'a: 's,
        'b: 's,
        Self: 's,
    {
        Box::pin(async move { self.run(DELETE, args![key_of(*id)]).await.map(|_| ()).map_err(backend) })
    }
}
