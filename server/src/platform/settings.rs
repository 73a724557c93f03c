//! Installation-wide settings: a handful of texts in the database, read at start and when changed.

use super::database::{Exec, StoreError};
use crate::args;

/// The installation's name as people see it.
pub const NAME: &str = "name";
/// The base URL under which residents reach it, without a trailing slash.
pub const BASE_URL: &str = "base_url";
/// The place that is the root of the tree (`place.id`).
pub const ROOT_PLACE: &str = "root_place";
/// Present in the demo city.
pub const DEMO: &str = "demo";
/// Set once the first administrator exists: closes the set-up page for ever.
pub const SET_UP_AT: &str = "set_up_at";
/// Where the whole installation went: this copy is not served any more.
pub const MOVED_TO: &str = "moved_to";
/// What is being written here (`restore`, `move`) and has not ended: nothing here is served yet.
pub const UNFINISHED: &str = "unfinished";

const GET: &str = "SELECT value FROM setting WHERE key = $1";
const ALL: &str = "SELECT key, value FROM setting ORDER BY key";
const PUT: &str = "INSERT INTO setting (key, value, version) VALUES ($1, $2, 1) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = setting.version + 1";

const FORGET: &str = "DELETE FROM setting WHERE key = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[GET, ALL, PUT, FORGET];

/// The value of a setting.
pub async fn get(conn: &mut impl Exec, key: &str) -> Result<Option<String>, StoreError> {
    Ok(conn.optional::<(String,)>(GET, args![key]).await?.map(|row| row.0))
}

/// All settings by key.
pub async fn all(conn: &mut impl Exec) -> Result<Vec<(String, String)>, StoreError> {
    conn.all(ALL, vec![]).await
}

/// Sets a setting.
pub async fn put(conn: &mut impl Exec, key: &str, value: &str) -> Result<(), StoreError> {
    conn.execute(PUT, args![key, value]).await.map(|_| ())
}

/// Forgets a setting.
pub async fn forget(conn: &mut impl Exec, key: &str) -> Result<(), StoreError> {
    conn.execute(FORGET, args![key]).await.map(|_| ())
}
