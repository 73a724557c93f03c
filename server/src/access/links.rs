//! Personal links: whoever holds one may do what the link names with its one target, until it ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::{Id, new_id};
use crate::platform::secrets::{digest, random};

const FIND: &str = "SELECT kind, target_shard, target_id, created_by FROM personal_link WHERE digest = $1 AND revoked_at IS NULL AND expires_at > $2";
const REVOKE: &str = "UPDATE personal_link SET revoked_at = $2 WHERE target_id = $1 AND revoked_at IS NULL";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[FIND, REVOKE];

const LINK: Shape = Shape {
    table: "personal_link",
    columns: &[
        "id",
        "digest",
        "kind",
        "target_shard",
        "target_id",
        "created_by",
        "created_at",
        "expires_at",
        "revoked_at",
    ],
    key: &["id"],
};

/// What a link opens.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Opened {
    /// kind of target, a closed list kept by the rooms (`item`, `case`)
    pub kind: String,
    /// its shard
    pub target_shard: i64,
    /// its id
    pub target_id: Id,
    /// account that made the link
    pub created_by: Id,
}

/// A link before it is a row.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// kind of target
    pub kind: &'static str,
    /// its shard
    pub target_shard: i64,
    /// its id
    pub target: Id,
    /// account that makes it
    pub by: Id,
    /// UTC microseconds
    pub expires_at: i64,
}

/// A fresh secret of 256 bits, for the address.
pub fn fresh_secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Stores a link whose address ends with `secret` (from [`fresh_secret`]: made outside the closure, so
/// that running it again stores the same one).
pub async fn create(tx: &mut impl Exec, now: i64, secret: &str, link: &NewLink) -> Result<(), StoreError> {
    let id = new_id(link.target_shard, now);
    let row = args![
        id,
        digest(secret.as_bytes()),
        link.kind,
        link.target_shard,
        link.target,
        link.by,
        now,
        link.expires_at,
        Option::<i64>::None,
    ];
    LINK.write(tx, vec![row], OnKey::Fail).await.map(|_| ())
}

/// What the link opens; none when unknown, ended or revoked.
pub async fn open(conn: &mut impl Exec, now: i64, secret: &str) -> Result<Option<Opened>, StoreError> {
    conn.optional(FIND, args![digest(secret.as_bytes()), now]).await
}

/// Ends every link to a target.
pub async fn revoke(tx: &mut impl Exec, target: Id, now: i64) -> Result<u64, StoreError> {
    tx.execute(REVOKE, args![target, now]).await
}
