//! The SQL of forms.

use std::fmt::Write;

use crate::access::{Columns, Permission, Principal};
use crate::args;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

/// A form: its draft and what is around it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Form {
    /// its id
    pub id: Id,
    /// the application it came with
    pub app_key: Option<String>,
    /// language map
    pub title: String,
    /// class of the subject; empty while no field says
    pub class: String,
    /// who keeps it
    pub organization_id: Option<Id>,
    /// `draft`, `published`, `retired`
    pub state: String,
    /// definition as JSON
    pub draft: String,
    /// grows with every edit
    pub version: i64,
    /// account
    pub created_by: Option<Id>,
    /// UTC microseconds
    pub created_at: i64,
    /// UTC microseconds
    pub updated_at: i64,
}

/// One published version.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct VersionRow {
    /// its id
    pub id: Id,
    /// the form
    pub form_id: Id,
    /// 1, 2, …
    pub number: i64,
    /// definition as JSON
    pub definition: String,
    /// SHA-256 of the definition, in hex
    pub content_hash: String,
    /// UTC microseconds
    pub published_at: i64,
    /// account
    pub published_by: Option<Id>,
}

/// Columns of `form`.
pub const FORM: Shape = Shape {
    table: "form",
    columns: &[
        "id",
        "app_key",
        "title",
        "class",
        "organization_id",
        "state",
        "draft",
        "version",
        "created_by",
        "created_at",
        "updated_at",
    ],
    key: &["id"],
};

/// Columns of `form_version`.
pub const FORM_VERSION: Shape = Shape {
    table: "form_version",
    columns: &["id", "form_id", "number", "definition", "schema", "content_hash", "published_at", "published_by"],
    key: &["id"],
};

/// Columns of `submission`.
pub const SUBMISSION: Shape = Shape {
    table: "submission",
    columns: &[
        "shard",
        "form_id",
        "client_id",
        "id",
        "form_version_id",
        "door_kind",
        "door_id",
        "payload_hash",
        "answers",
        "slip_code",
        "submitted_at",
        "account_id",
        "post_id",
        "on_behalf",
    ],
    key: &["client_id", "form_id", "shard"],
};

const FORM_BY_ID: &str = "SELECT id, app_key, title, class, organization_id, state, draft, version, created_by, \
     created_at, updated_at FROM form WHERE id = $1";
const UPDATE_DRAFT: &str = "UPDATE form SET title = $3, class = $4, draft = $5, state = $6, updated_at = $7, version = version + 1 \
     WHERE id = $1 AND version = $2";
const VERSION_BY_ID: &str = "SELECT id, form_id, number, definition, content_hash, published_at, published_by \
     FROM form_version WHERE id = $1";
const VERSIONS: &str = "SELECT id, form_id, number, definition, content_hash, published_at, published_by \
     FROM form_version WHERE form_id = $1 ORDER BY number DESC LIMIT 200";
const LATEST: &str = "SELECT id, form_id, number, definition, content_hash, published_at, published_by \
     FROM form_version WHERE form_id = $1 ORDER BY number DESC LIMIT 1";
const PUBLISHED: &str = "SELECT v.id, v.form_id, f.title, f.class, v.number FROM form f JOIN form_version v ON v.form_id = f.id \
     WHERE f.state = 'published' AND v.number = (SELECT max(w.number) FROM form_version w WHERE w.form_id = f.id) \
     ORDER BY f.updated_at DESC, f.id LIMIT 500";
const SUBMISSION_BY_CLIENT: &str =
    "SELECT id, slip_code, payload_hash FROM submission WHERE shard = $1 AND form_id = $2 AND client_id = $3";
const SUBMISSION_BY_ID: &str = "SELECT id, form_version_id, door_kind, door_id, answers, slip_code, submitted_at, account_id, post_id, \
     on_behalf FROM submission WHERE shard = $1 AND id = $2";

/// Every constant statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    FORM_BY_ID,
    UPDATE_DRAFT,
    VERSION_BY_ID,
    VERSIONS,
    LATEST,
    PUBLISHED,
    SUBMISSION_BY_CLIENT,
    SUBMISSION_BY_ID,
    super::estimate::KNOWN_SAMPLE_ALL_SHARDS,
];

/// A stored submission.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SubmissionRow {
    /// its id
    pub id: Id,
    /// the version that was filled
    pub form_version_id: Id,
    /// `item` or `case`
    pub door_kind: String,
    /// the item or case
    pub door_id: Id,
    /// JSON, secrets sealed; see [`super::submit::open_answers`]
    pub answers: String,
    /// what the slip says
    pub slip_code: String,
    /// UTC microseconds
    pub submitted_at: i64,
    /// account, absent for residents
    pub account_id: Option<Id>,
    /// post acted in
    pub post_id: Option<Id>,
    /// 代填: in whose name
    pub on_behalf: Option<String>,
}

/// A form by id.
pub async fn form(conn: &mut impl Exec, id: Id) -> Result<Option<Form>, StoreError> {
    conn.optional(FORM_BY_ID, args![id]).await
}

/// A version by id.
pub async fn version(conn: &mut impl Exec, id: Id) -> Result<Option<VersionRow>, StoreError> {
    conn.optional(VERSION_BY_ID, args![id]).await
}

/// The versions of a form, newest first.
pub async fn versions(conn: &mut impl Exec, form: Id) -> Result<Vec<VersionRow>, StoreError> {
    conn.all(VERSIONS, args![form]).await
}

/// The newest version of a form.
pub async fn latest(conn: &mut impl Exec, form: Id) -> Result<Option<VersionRow>, StoreError> {
    conn.optional(LATEST, args![form]).await
}

/// The newest version of every published form: version, form, title, class, number.
pub async fn all_published(conn: &mut impl Exec) -> Result<Vec<(Id, Id, String, String, i64)>, StoreError> {
    conn.all(PUBLISHED, vec![]).await
}

/// The submission stored before under a client's id: id, slip, payload hash.
pub async fn submission_of_client(
    conn: &mut impl Exec,
    shard: i64,
    form: Id,
    client: Id,
) -> Result<Option<(Id, String, Vec<u8>)>, StoreError> {
    conn.optional(SUBMISSION_BY_CLIENT, args![shard, form, client]).await
}

/// A submission by id.
pub async fn submission(conn: &mut impl Exec, shard: i64, id: Id) -> Result<Option<SubmissionRow>, StoreError> {
    conn.optional(SUBMISSION_BY_ID, args![shard, id]).await
}

/// Inserts a form.
pub async fn insert(conn: &mut impl Exec, form: &Form) -> Result<(), StoreError> {
    let row = args![
        form.id,
        &form.app_key,
        &form.title,
        &form.class,
        form.organization_id,
        &form.state,
        &form.draft,
        form.version,
        form.created_by,
        form.created_at,
        form.updated_at
    ];
    FORM.write(conn, vec![row], crate::platform::database::bulk::OnKey::Fail).await.map(|_| ())
}

/// Replaces the draft if the form still stands at `form.version`; otherwise [`StoreError::Stale`].
pub async fn update_draft(conn: &mut impl Exec, form: &Form, now: i64) -> Result<(), StoreError> {
    let args = args![form.id, form.version, &form.title, &form.class, &form.draft, &form.state, now];
    match conn.execute(UPDATE_DRAFT, args).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// A list of forms: those that are published, and the drafts that the principal may edit.
pub async fn list(
    conn: &mut impl Exec,
    principal: &Principal,
    words: &str,
    before: Option<(i64, Id)>,
    limit: i64,
) -> Result<Vec<Form>, StoreError> {
    let mut args: Vec<Arg> = Vec::new();
    let sql = list_sql(principal, words, before, limit, &mut args);
    conn.all_built(sql, args).await
}

fn list_sql(principal: &Principal, words: &str, before: Option<(i64, Id)>, limit: i64, args: &mut Vec<Arg>) -> String {
    let columns = Columns { place: Some("o.place_id"), organization: Some("f.organization_id"), post: None };
    let mine = principal.rows(Permission::FormEdit, columns, args);
    let mut sql = format!(
        "SELECT f.id, f.app_key, f.title, f.class, f.organization_id, f.state, f.draft, f.version, f.created_by, f.created_at, \
         f.updated_at FROM form f LEFT JOIN organization o ON o.id = f.organization_id WHERE (f.state = 'published' OR {mine})"
    );
    let mut mark = |arg: Arg| {
        args.push(arg);
        format!("${}", args.len())
    };
    if !words.is_empty() {
        let pattern = format!("%{}%", words.to_lowercase().replace(['%', '_', '\\'], ""));
        let _ = write!(sql, " AND lower(f.title) LIKE {}", mark(pattern.into()));
    }
    if let Some((at, id)) = before {
        let _ = write!(sql, " AND (f.updated_at, f.id) < ({}, {})", mark(at.into()), mark(id.into()));
    }
    let _ = write!(sql, " ORDER BY f.updated_at DESC, f.id DESC LIMIT {}", mark(limit.into()));
    sql
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    let mut principal = Principal::anonymous();
    let scopes = [crate::access::Scope::Place(Id::nil()), crate::access::Scope::Organization(Id::nil())];
    for scope in scopes {
        principal.grants.insert(crate::access::Grant { permission: Permission::FormEdit, scope });
    }
    vec![list_sql(&principal, "x", Some((0, Id::nil())), 10, &mut Vec::new())]
}
