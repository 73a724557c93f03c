//! API tokens: a random text told once, kept as its digest; it can do what its maker can in one post.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::principal::Principal;
use super::store;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};
use crate::platform::secrets::{digest, random};

const FIND: &str = "SELECT account_id, post_id, expires_at FROM api_token WHERE digest = $1 AND revoked_at IS NULL";
const LIST: &str = "SELECT id, title, created_at, expires_at FROM api_token WHERE account_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id";
const REVOKE: &str = "UPDATE api_token SET revoked_at = $3 WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL";
const REVOKE_ALL: &str = "UPDATE api_token SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[FIND, LIST, REVOKE, REVOKE_ALL];

const TOKEN: Shape = Shape {
    table: "api_token",
    columns: &["id", "digest", "account_id", "post_id", "title", "created_at", "expires_at", "revoked_at"],
    key: &["id"],
};

/// How a token begins, so that leaked ones are found by scanners.
pub const PREFIX: &str = "hutong_";

/// A token of one's own, as listed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TokenRow {
    /// its id
    pub id: Id,
    /// what it is for
    pub title: String,
    /// UTC microseconds
    pub created_at: i64,
    /// UTC microseconds, none while it does not end
    pub expires_at: Option<i64>,
}

/// Makes a token for an account in a post and returns its text, which is told once.
pub async fn create(
    app: &App,
    account: Id,
    post: Option<Id>,
    title: &str,
    expires_at: Option<i64>,
    actor: Actor,
) -> Result<String, AppError> {
    let now = app.now();
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()));
    let (id, shard) = (new_free_id(now), shard_of(account));
    let row = args![id, digest(text.as_bytes()), account, post, title, now, expires_at, Option::<i64>::None];
    let event = Event {
        kind: "token.created",
        subject_class: "account",
        subject_id: Some(account),
        actor,
        at: now,
        payload: serde_json::json!({"token": id, "post": post}),
    };
    app.lanes
        .write(shard, vec![], move |tx| {
            let (row, event) = (row.clone(), event.clone());
            Box::pin(async move {
                TOKEN.write(tx, vec![row], OnKey::Fail).await?;
                event.write(tx, shard).await
            })
        })
        .await
        .map_err(AppError::from)
        .map(|()| text)
}

/// Who holds a token: its maker in its post, as they are now. An unknown, ended or revoked one is none.
pub async fn principal(app: &App, text: &str) -> Result<Option<Principal>, AppError> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    let key = digest(text.as_bytes());
    let find = async { app.read().optional::<store::Held>(FIND, args![key.clone()]).await };
    let found = app.known.tokens.get(app.lanes.changes(), key.clone(), find).await?;
    let ended = |(_, _, end): &&store::Held| end.is_some_and(|end| end <= app.now());
    let Some((account, post, _)) = found.as_ref().as_ref().filter(|held| !ended(held)).copied() else {
        return Ok(None);
    };
    let Some(loaded) = store::load(app, account, post).await? else { return Ok(None) };
    // A token made in a post dies with that post: it never slips into another one of the same person.
    let same = post.is_none() || loaded.principal.post() == post;
    Ok((same && !loaded.account.must_change).then_some(loaded.principal))
}

/// One's own tokens, newest first.
pub async fn list(conn: &mut impl Exec, account: Id) -> Result<Vec<TokenRow>, StoreError> {
    conn.all(LIST, args![account]).await
}

/// Revokes a token of one's own; false when there is none.
pub async fn revoke(tx: &mut impl Exec, id: Id, account: Id, now: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(REVOKE, args![id, account, now]).await? > 0)
}

/// Revokes every token of an account (suspension, reset).
pub async fn revoke_all(tx: &mut impl Exec, account: Id, now: i64) -> Result<u64, StoreError> {
    tx.execute(REVOKE_ALL, args![account, now]).await
}
