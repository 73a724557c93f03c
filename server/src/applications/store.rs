//! The SQL of applications.

use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::Id;

const LIST: &str = "SELECT key, version, title, content_hash, state, installed_at FROM application ORDER BY key";
const FIND: &str = "SELECT key, version, title, content_hash, state, installed_at FROM application WHERE key = $1";
const OBJECTS: &str = "SELECT app_key, key, kind, object_id, content, content_hash, state FROM application_object \
     WHERE app_key = $1 ORDER BY kind, key";
const OBJECT: &str = "SELECT app_key, key, kind, object_id, content, content_hash, state FROM application_object \
     WHERE app_key = $1 AND kind = $2 AND key = $3";
const FORM_STATE: &str =
    "UPDATE form SET state = $2, version = version + 1, updated_at = $3 WHERE id = $1 AND state <> $2";
const CHANNEL_STATE: &str = "SELECT state FROM channel WHERE id = $1";
const CHANNEL_ADD: &str = "INSERT INTO channel (id, app_key, slug, title, intro, form_version_id, organization_id, review, \
     working_days, state, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'draft', $10, 1)";
const CHANNEL_SET: &str = "UPDATE channel SET title = $2, intro = $3, form_version_id = $4, review = $5, working_days = $6, \
     state = 'draft', version = version + 1 WHERE id = $1 AND state <> 'open'";
const CHANNEL_CLOSE: &str =
    "UPDATE channel SET state = 'closed', version = version + 1 WHERE id = $1 AND state <> 'closed'";

const CHANNEL_OPEN: &str = "UPDATE channel SET state = 'open', version = version + 1 WHERE id = $1 AND state = 'draft'";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] =
    &[LIST, FIND, OBJECTS, OBJECT, FORM_STATE, CHANNEL_STATE, CHANNEL_ADD, CHANNEL_SET, CHANNEL_CLOSE, CHANNEL_OPEN];

const APPLICATION: Shape = Shape {
    table: "application",
    columns: &["key", "version", "title", "content_hash", "state", "installed_at"],
    key: &["key"],
};
const OBJECT_ROW: Shape = Shape {
    table: "application_object",
    columns: &["app_key", "key", "kind", "object_id", "content", "content_hash", "state"],
    key: &["app_key", "kind", "key"],
};
const CHANNEL_SCOPE: Shape =
    Shape { table: "channel_scope", columns: &["channel_id", "place_id"], key: &["channel_id", "place_id"] };
const RULE: Shape = Shape {
    table: "rule",
    columns: &[
        "id",
        "app_key",
        "title",
        "hook",
        "source",
        "generated",
        "cases",
        "version",
        "organization_id",
        "created_at",
    ],
    key: &["id"],
};

/// An installed application.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Application {
    /// its id of `app.json`
    pub key: String,
    /// `1.0.0`
    pub version: String,
    /// language map
    pub title: String,
    /// over everything in it
    pub content_hash: String,
    /// `installed`, `retired`
    pub state: String,
    /// UTC microseconds, of the last change
    pub installed_at: i64,
}

/// One of its files.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Object {
    /// the application
    pub app_key: String,
    /// file name without ending
    pub key: String,
    /// name of its folder
    pub kind: String,
    /// the form, rule, ledger or channel it became; its own id for the others
    pub object_id: Id,
    /// JSON with its texts filled in
    pub content: String,
    /// SHA-256 of the content, in hex
    pub content_hash: String,
    /// `installed`, `retired`
    pub state: String,
}

/// Every application, also retired ones.
pub async fn list(conn: &mut impl Exec) -> Result<Vec<Application>, StoreError> {
    conn.all(LIST, vec![]).await
}

/// An application by key.
pub async fn find(conn: &mut impl Exec, key: &str) -> Result<Option<Application>, StoreError> {
    conn.optional(FIND, args![key]).await
}

/// Everything in an application, also what is retired.
pub async fn objects(conn: &mut impl Exec, app: &str) -> Result<Vec<Object>, StoreError> {
    conn.all(OBJECTS, args![app]).await
}

/// One object.
pub async fn object(conn: &mut impl Exec, app: &str, kind: &str, key: &str) -> Result<Option<Object>, StoreError> {
    conn.optional(OBJECT, args![app, kind, key]).await
}

/// Writes an application over what is there.
pub async fn put(tx: &mut impl Exec, app: &Application) -> Result<(), StoreError> {
    let row = args![&app.key, &app.version, &app.title, &app.content_hash, &app.state, app.installed_at];
    APPLICATION.write(tx, vec![row], OnKey::Replace).await.map(|_| ())
}

/// Writes objects over what is there.
pub async fn put_objects(tx: &mut impl Exec, objects: &[Object]) -> Result<(), StoreError> {
    let rows = objects
        .iter()
        .map(|o| args![&o.app_key, &o.key, &o.kind, o.object_id, &o.content, &o.content_hash, &o.state])
        .collect();
    OBJECT_ROW.write(tx, rows, OnKey::Replace).await.map(|_| ())
}

/// A rule as kept for reuse.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// its id
    pub id: Id,
    /// `app/key`
    pub app_key: String,
    /// language map
    pub title: String,
    /// name of the hook
    pub hook: String,
    /// typed tree as JSON
    pub source: String,
    /// the Rhai made from it
    pub generated: String,
    /// example cases as JSON
    pub cases: String,
}

/// Writes a rule over what is there.
pub async fn put_rule(tx: &mut impl Exec, rule: &RuleRow, now: i64) -> Result<(), StoreError> {
    let row = args![
        rule.id,
        &rule.app_key,
        &rule.title,
        &rule.hook,
        &rule.source,
        &rule.generated,
        &rule.cases,
        1_i64,
        Option::<Id>::None,
        now
    ];
    RULE.write(tx, vec![row], OnKey::Replace).await.map(|_| ())
}

/// Sets a form's state; its versions stay.
pub async fn set_form_state(tx: &mut impl Exec, id: Id, state: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(FORM_STATE, args![id, state, now]).await.map(|_| ())
}

/// A channel as an application brings it.
#[derive(Clone, Debug)]
pub struct ChannelRow {
    /// its id
    pub id: Id,
    /// `app/key`
    pub app_key: String,
    /// the last part of its public address
    pub slug: String,
    /// language map
    pub title: String,
    /// language map
    pub intro: String,
    /// the version that is filled
    pub form_version: Id,
    /// who offers it
    pub organization: Id,
    /// `none`, `worker`
    pub review: String,
    /// days until an answer
    pub working_days: Option<i64>,
}

/// The state of a channel, if there is one.
pub async fn channel_state(tx: &mut impl Exec, id: Id) -> Result<Option<String>, StoreError> {
    Ok(tx.optional::<(String,)>(CHANNEL_STATE, args![id]).await?.map(|row| row.0))
}

/// Adds a channel as a draft without places.
pub async fn add_channel(tx: &mut impl Exec, c: &ChannelRow, now: i64) -> Result<(), StoreError> {
    let args = args![
        c.id,
        &c.app_key,
        &c.slug,
        &c.title,
        &c.intro,
        c.form_version,
        c.organization,
        &c.review,
        c.working_days,
        now
    ];
    tx.execute(CHANNEL_ADD, args).await.map(|_| ())
}

/// Gives a channel that is not open other contents; it is a draft again.
pub async fn set_channel(tx: &mut impl Exec, c: &ChannelRow) -> Result<(), StoreError> {
    let args = args![c.id, &c.title, &c.intro, c.form_version, &c.review, c.working_days];
    tx.execute(CHANNEL_SET, args).await.map(|_| ())
}

/// Opens a draft for the residents of places.
pub async fn open_channel(tx: &mut impl Exec, id: Id, places: &[Id]) -> Result<(), StoreError> {
    let rows = places.iter().map(|place| args![id, *place]).collect();
    CHANNEL_SCOPE.write(tx, rows, OnKey::Keep).await?;
    tx.execute(CHANNEL_OPEN, args![id]).await.map(|_| ())
}

/// Closes a channel; its cases are still handled.
pub async fn close_channel(tx: &mut impl Exec, id: Id) -> Result<(), StoreError> {
    tx.execute(CHANNEL_CLOSE, args![id]).await.map(|_| ())
}
