//! The SQL of channels and cases.

use super::model::{Case, Channel, Step};
use crate::access::{Columns, Permission, Principal};
use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, new_id, shard_of};
use crate::platform::lane::Put;

/// Columns of `channel`.
pub const CHANNEL: Shape = Shape {
    table: "channel",
    columns: &[
        "id",
        "app_key",
        "slug",
        "title",
        "intro",
        "form_version_id",
        "organization_id",
        "review",
        "working_days",
        "state",
        "opens_at",
        "closes_at",
        "created_at",
        "version",
    ],
    key: &["id"],
};
/// Columns of `channel_scope`.
pub const CHANNEL_SCOPE: Shape =
    Shape { table: "channel_scope", columns: &["channel_id", "place_id"], key: &["channel_id", "place_id"] };
/// Columns of `service_case`.
pub const SERVICE_CASE: Shape = Shape {
    table: "service_case",
    columns: &[
        "shard",
        "id",
        "channel_id",
        "submission_id",
        "observation_id",
        "subject_shard",
        "subject_id",
        "place_id",
        "holder_organization",
        "holder_post",
        "state",
        "label",
        "slip_code",
        "query_digest",
        "answer",
        "decision",
        "filed_by_post",
        "due_at",
        "created_at",
        "moved_at",
        "done_at",
        "version",
    ],
    key: &["id", "shard"],
};
/// Columns of `case_step`.
pub const CASE_STEP: Shape = Shape {
    table: "case_step",
    columns: &["shard", "id", "case_id", "kind", "note", "at", "post_id"],
    key: &["id", "shard"],
};

const BY_ID: &str = "SELECT id, app_key, slug, title, intro, form_version_id, organization_id, review, working_days, state, \
     opens_at, closes_at, created_at, version FROM channel WHERE id = $1";
const BY_SLUG: &str = "SELECT id, app_key, slug, title, intro, form_version_id, organization_id, review, working_days, state, \
     opens_at, closes_at, created_at, version FROM channel WHERE slug = $1";
const SCOPE: &str = "SELECT place_id FROM channel_scope WHERE channel_id = $1";
const SCOPE_REMOVE: &str = "DELETE FROM channel_scope WHERE channel_id = $1 AND place_id = $2";
const SET_STATE: &str = "UPDATE channel SET state = $3, version = version + 1 WHERE id = $1 AND version = $2";
const CHANGE: &str = "UPDATE channel SET title = $3, intro = $4, review = $5, working_days = $6, opens_at = $7, closes_at = $8, \
     version = version + 1 WHERE id = $1 AND version = $2";
const OPEN_AT: &str = "SELECT c.id, c.app_key, c.slug, c.title, c.intro, c.form_version_id, c.organization_id, c.review, c.working_days, \
     c.state, c.opens_at, c.closes_at, c.created_at, c.version FROM channel c WHERE c.state = 'open' AND EXISTS (SELECT 1 \
     FROM channel_scope s JOIN place_ancestor a ON a.ancestor_id = s.place_id WHERE s.channel_id = c.id AND a.place_id = $1) \
     ORDER BY c.created_at DESC, c.id LIMIT 200";
const CASE: &str = "SELECT shard, id, channel_id, submission_id, observation_id, subject_shard, subject_id, place_id, holder_organization, \
     holder_post, state, label, slip_code, query_digest, answer, decision, filed_by_post, due_at, created_at, moved_at, done_at, \
     version FROM service_case WHERE shard = $1 AND id = $2";
const CASE_BY_CODE_ALL_SHARDS: &str = "SELECT shard, id, channel_id, submission_id, observation_id, subject_shard, subject_id, place_id, \
     holder_organization, holder_post, state, label, slip_code, query_digest, answer, decision, filed_by_post, due_at, \
     created_at, moved_at, done_at, version FROM service_case WHERE query_digest = $1";
const MOVE: &str = "UPDATE service_case SET holder_organization = $4, holder_post = $5, state = $6, answer = $7, decision = $8, \
     moved_at = $9, done_at = $10, version = version + 1 WHERE shard = $1 AND id = $2 AND version = $3";
const STEPS: &str =
    "SELECT id, kind, note, at, post_id FROM case_step WHERE shard = $1 AND case_id = $2 ORDER BY at, id";

/// Every constant statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] =
    &[BY_ID, BY_SLUG, SCOPE, SCOPE_REMOVE, SET_STATE, CHANGE, OPEN_AT, CASE, CASE_BY_CODE_ALL_SHARDS, MOVE, STEPS];

/// A channel by id.
pub async fn channel(conn: &mut impl Exec, id: Id) -> Result<Option<Channel>, StoreError> {
    conn.optional(BY_ID, args![id]).await
}

/// A channel by the last part of its address.
pub async fn by_slug(conn: &mut impl Exec, slug: &str) -> Result<Option<Channel>, StoreError> {
    conn.optional(BY_SLUG, args![slug]).await
}

/// The places whose residents it is for.
pub async fn scope(conn: &mut impl Exec, channel: Id) -> Result<Vec<Id>, StoreError> {
    Ok(conn.all::<(Id,)>(SCOPE, args![channel]).await?.into_iter().map(|row| row.0).collect())
}

/// Open channels for a place: its own and those of every place above it.
pub async fn open_at(conn: &mut impl Exec, place: Id) -> Result<Vec<Channel>, StoreError> {
    conn.all(OPEN_AT, args![place]).await
}

/// Inserts a channel with its scope.
pub async fn insert(conn: &mut impl Exec, channel: &Channel, places: &[Id]) -> Result<(), StoreError> {
    let row = args![
        channel.id,
        &channel.app_key,
        &channel.slug,
        &channel.title,
        &channel.intro,
        channel.form_version_id,
        channel.organization_id,
        &channel.review,
        channel.working_days,
        &channel.state,
        channel.opens_at,
        channel.closes_at,
        channel.created_at,
        channel.version,
    ];
    CHANNEL.write(conn, vec![row], OnKey::Fail).await?;
    add_scope(conn, channel.id, places).await
}

/// Adds places to a scope.
pub async fn add_scope(conn: &mut impl Exec, channel: Id, places: &[Id]) -> Result<(), StoreError> {
    let rows = places.iter().map(|place| args![channel, *place]).collect();
    CHANNEL_SCOPE.write(conn, rows, OnKey::Keep).await.map(|_| ())
}

/// Takes a place out of a scope.
pub async fn remove_scope(conn: &mut impl Exec, channel: Id, place: Id) -> Result<(), StoreError> {
    conn.execute(SCOPE_REMOVE, args![channel, place]).await.map(|_| ())
}

/// Sets the state if the channel still stands at `version`.
pub async fn set_state(conn: &mut impl Exec, id: Id, version: i64, state: &str) -> Result<(), StoreError> {
    match conn.execute(SET_STATE, args![id, version, state]).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// Writes what of a channel can be changed, if it still stands at `channel.version`.
pub async fn change(conn: &mut impl Exec, channel: &Channel) -> Result<(), StoreError> {
    let args = args![
        channel.id,
        channel.version,
        &channel.title,
        &channel.intro,
        &channel.review,
        channel.working_days,
        channel.opens_at,
        channel.closes_at,
    ];
    match conn.execute(CHANGE, args).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// Channels that the principal may edit, and open ones, newest first.
pub async fn list(
    conn: &mut impl Exec,
    principal: &Principal,
    before: Option<(i64, Id)>,
    limit: i64,
) -> Result<Vec<Channel>, StoreError> {
    let mut args = Vec::new();
    let sql = list_sql(principal, before, limit, &mut args);
    conn.all_built(sql, args).await
}

fn list_sql(principal: &Principal, before: Option<(i64, Id)>, limit: i64, args: &mut Vec<Arg>) -> String {
    let columns = Columns { place: Some("o.place_id"), organization: Some("c.organization_id"), post: None };
    let mine = principal.rows(Permission::ChannelEdit, columns, args);
    let mut sql = format!(
        "SELECT c.id, c.app_key, c.slug, c.title, c.intro, c.form_version_id, c.organization_id, c.review, c.working_days, \
         c.state, c.opens_at, c.closes_at, c.created_at, c.version FROM channel c \
         LEFT JOIN organization o ON o.id = c.organization_id WHERE (c.state = 'open' OR {mine})"
    );
    if let Some((at, id)) = before {
        args.extend(args![at, id]);
        sql += &format!(" AND (c.created_at, c.id) < (${}, ${})", args.len() - 1, args.len());
    }
    args.push(limit.into());
    sql += &format!(" ORDER BY c.created_at DESC, c.id DESC LIMIT ${}", args.len());
    sql
}

/// A case by id, which carries its shard.
pub async fn case(conn: &mut impl Exec, id: Id) -> Result<Option<Case>, StoreError> {
    conn.optional(CASE, args![shard_of(id), id]).await
}

/// The case of a query code, given its keyed digest.
pub async fn case_by_code_all_shards(conn: &mut impl Exec, digest: Vec<u8>) -> Result<Option<Case>, StoreError> {
    conn.optional(CASE_BY_CODE_ALL_SHARDS, args![digest]).await
}

/// What happened to a case, in order.
pub async fn steps(conn: &mut impl Exec, case: &Case) -> Result<Vec<Step>, StoreError> {
    conn.all(STEPS, args![case.shard, case.id]).await
}

/// Writes what an act changed, if the case still stands at `case.version`.
pub async fn move_case(conn: &mut impl Exec, case: &Case) -> Result<(), StoreError> {
    let args = args![
        case.shard,
        case.id,
        case.version,
        case.holder_organization,
        case.holder_post,
        &case.state,
        &case.answer,
        &case.decision,
        case.moved_at,
        case.done_at,
    ];
    match conn.execute(MOVE, args).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// The row of a case as a member of a write set.
pub fn case_put(case: &Case, on_key: OnKey) -> Put {
    let row = args![
        case.shard,
        case.id,
        case.channel_id,
        case.submission_id,
        case.observation_id,
        case.subject_shard,
        case.subject_id,
        case.place_id,
        case.holder_organization,
        case.holder_post,
        &case.state,
        &case.label,
        &case.slip_code,
        case.query_digest.clone(),
        &case.answer,
        &case.decision,
        case.filed_by_post,
        case.due_at,
        case.created_at,
        case.moved_at,
        case.done_at,
        case.version,
    ];
    Put { shape: &SERVICE_CASE, on_key, row }
}

/// The row of a step.
pub fn step_row(case: &Case, kind: &str, note: Option<&str>, at: i64, post: Option<Id>) -> Vec<Arg> {
    args![case.shard, new_id(case.shard, at), case.id, kind, note, at, post]
}

/// Which cases a list shows.
#[derive(Clone, Debug, Default)]
pub struct CaseFilter {
    /// only those in one of these states; empty for all
    pub states: Vec<&'static str>,
    /// only those of one channel
    pub channel: Option<Id>,
    /// only those that this post of this organization has to do with: in its hand, in nobody's, and those
    /// that a second worker must confirm
    pub mine: Option<(Id, Option<Id>)>,
    /// after this sort key: due instant and id
    pub after: Option<(i64, Id)>,
}

/// The due instant of a case that has none, behind every other.
pub const NEVER: i64 = i64::MAX;

/// Cases that the principal may see, by due time. `feedback` is the built-in channel that
/// administrators see as well.
pub async fn cases_all_shards(
    conn: &mut impl Exec,
    principal: &Principal,
    feedback: Option<Id>,
    filter: &CaseFilter,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    let mut args = Vec::new();
    let sql = cases_sql(principal, feedback, filter, limit, &mut args);
    conn.all_built(sql, args).await
}

/// How many cases there are by state, of those the principal may see.
pub async fn count_cases_all_shards(
    conn: &mut impl Exec,
    principal: &Principal,
    feedback: Option<Id>,
    filter: &CaseFilter,
) -> Result<Vec<(String, i64)>, StoreError> {
    let mut args = Vec::new();
    let rows = cases_where(principal, feedback, filter, &mut args);
    conn.all_built(format!("SELECT c.state, count(*) FROM service_case c WHERE {rows} GROUP BY c.state"), args).await
}

fn cases_where(principal: &Principal, feedback: Option<Id>, filter: &CaseFilter, args: &mut Vec<Arg>) -> String {
    let columns =
        Columns { place: Some("c.place_id"), organization: Some("c.holder_organization"), post: Some("c.holder_post") };
    let mut rows = principal.rows(Permission::CaseRead, columns, args);
    let mailbox = principal.rows(Permission::Administer, Columns { post: None, ..columns }, args);
    let mut mark = |arg: Arg| {
        args.push(arg);
        format!("${}", args.len())
    };
    if let Some(feedback) = feedback {
        rows = format!("({rows} OR (c.channel_id = {} AND {mailbox}))", mark(feedback.into()));
    }
    if !filter.states.is_empty() {
        let marks: Vec<String> = filter.states.iter().map(|state| mark((*state).into())).collect();
        rows += &format!(" AND c.state IN ({})", marks.join(", "));
    }
    if let Some(channel) = filter.channel {
        rows += &format!(" AND c.channel_id = {}", mark(channel.into()));
    }
    if let Some((organization, post)) = filter.mine {
        let (organization, post) = (mark(organization.into()), mark(post.into()));
        rows += &format!(
            " AND ((c.holder_organization = {organization} AND (c.holder_post IS NULL OR c.state = 'review')) OR c.holder_post = {post})"
        );
    }
    if let Some((due, id)) = filter.after {
        rows += &format!(" AND (coalesce(c.due_at, {NEVER}), c.id) > ({}, {})", mark(due.into()), mark(id.into()));
    }
    rows
}

fn cases_sql(
    principal: &Principal,
    feedback: Option<Id>,
    filter: &CaseFilter,
    limit: i64,
    args: &mut Vec<Arg>,
) -> String {
    let rows = cases_where(principal, feedback, filter, args);
    args.push(limit.into());
    format!(
        "SELECT c.shard, c.id, c.channel_id, c.submission_id, c.observation_id, c.subject_shard, c.subject_id, c.place_id, \
         c.holder_organization, c.holder_post, c.state, c.label, c.slip_code, c.query_digest, c.answer, c.decision, \
         c.filed_by_post, c.due_at, c.created_at, c.moved_at, c.done_at, c.version FROM service_case c WHERE {rows} \
         ORDER BY coalesce(c.due_at, {NEVER}), c.id LIMIT ${}",
        args.len()
    )
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    use crate::access::{Grant, Scope, Who};
    let scopes = [Scope::Place(Id::nil()), Scope::Organization(Id::nil())];
    let grants = [Permission::CaseRead, Permission::ChannelEdit, Permission::Administer]
        .into_iter()
        .flat_map(|permission| scopes.clone().map(|scope| Grant { permission, scope }))
        .collect();
    let nil = Id::nil();
    let principal = Principal { who: Who::Staff { account: nil, staff: nil, post: nil, organization: nil }, grants };
    let filter = CaseFilter {
        states: vec!["open", "review"],
        channel: Some(nil),
        mine: Some((nil, None)),
        after: Some((0, nil)),
    };
    vec![
        list_sql(&principal, Some((0, nil)), 10, &mut Vec::new()),
        cases_sql(&principal, Some(nil), &filter, 10, &mut Vec::new()),
        format!(
            "SELECT c.state, count(*) FROM service_case c WHERE {} GROUP BY c.state",
            cases_where(&principal, Some(nil), &filter, &mut Vec::new())
        ),
    ]
}
