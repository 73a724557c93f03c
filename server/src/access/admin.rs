//! What administrators do with accounts and roles: list, make, reset, suspend, grant. An administrator
//! of a part sees and changes only accounts whose posts lie in that part.

use super::password::{self, Hashed};
use super::principal::{Columns, Permission, Principal};
use super::roles::{self, Reach};
use super::store::{self, HeldPost};
use super::{Viewer, tokens};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::events::Event;
use crate::platform::ids::{Id, shard_of};
use crate::platform::sessions;

const POST: &str = "SELECT p.id, p.title, p.organization_id, o.short_name, o.kind, o.place_id FROM post p \
     JOIN organization o ON o.id = p.organization_id WHERE p.id = $1 AND p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to > $2)";
const GRANTS_OF_POST: &str = "SELECT id, post_id, role_key, scope_kind, scope_place, scope_organization, valid_from FROM role_grant \
     WHERE post_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY role_key, id";
const GRANT: &str = "SELECT id, post_id, role_key, scope_kind, scope_place, scope_organization, valid_from FROM role_grant \
     WHERE id = $1 AND post_id IS NOT NULL AND (valid_to IS NULL OR valid_to > $2)";
const ROLES: &str = "SELECT key, title, permissions FROM role ORDER BY builtin DESC, key";

const ADMINISTERS: &str = "SELECT g.id, g.post_id, g.role_key, g.scope_kind, g.scope_place, g.scope_organization, g.valid_from, r.permissions \
     FROM role_grant g JOIN role r ON r.key = g.role_key JOIN post p ON p.id = g.post_id WHERE p.staff_id = $1 \
     AND p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to > $2) AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2)";

/// Every constant statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[POST, GRANTS_OF_POST, GRANT, ROLES, ADMINISTERS];

/// Columns of a post for the access predicate.
const HELD: Columns = Columns { place: Some("o.place_id"), organization: Some("p.organization_id"), post: None };

/// A listed account.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountRow {
    /// its id
    pub id: Id,
    /// what is typed at sign-in
    pub login: String,
    /// `active`, `suspended`
    pub state: String,
    /// whether the password must be changed first
    pub must_change: bool,
    /// staff member behind
    pub staff_id: Option<Id>,
    /// name of the staff member
    pub name: Option<String>,
}

/// A role held through a post.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct GrantRow {
    /// its id
    pub id: Id,
    /// the post
    pub post_id: Option<Id>,
    /// the role
    pub role_key: String,
    /// `all`, `own`, `place`, `organization`
    pub scope_kind: String,
    /// of a place scope
    pub scope_place: Option<Id>,
    /// of an organization scope
    pub scope_organization: Option<Id>,
    /// civil date
    pub valid_from: String,
}

/// A role as stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RoleRow {
    /// stable key
    pub key: String,
    /// language map, JSON
    pub title: String,
    /// keys of permissions, with commas between
    pub permissions: String,
}

/// Accounts within the administrator's scope, by login; `search` is part of a login or name.
pub async fn accounts(
    conn: &mut impl Exec,
    principal: &Principal,
    search: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<AccountRow>, StoreError> {
    let (sql, args) = accounts_sql(principal, search, after, limit);
    conn.all_built(sql, args).await
}

/// The statement of [`accounts`].
pub fn accounts_sql(principal: &Principal, search: &str, after: &str, limit: i64) -> (String, Vec<Arg>) {
    let pattern = format!("%{}%", search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let mut args = args![pattern, after, limit];
    let within = within(principal, &mut args);
    let sql = format!(
        "SELECT a.id, a.login, a.state, a.must_change, a.staff_id, s.name FROM account a LEFT JOIN staff s ON s.id = a.staff_id \
         WHERE a.kind = 'staff' AND a.login > $2 AND (a.login LIKE $1 ESCAPE '\\' OR s.name LIKE $1 ESCAPE '\\') AND {within} \
         ORDER BY a.login LIMIT $3"
    );
    (sql, args)
}

/// True for accounts with a post in scope; accounts without posts are seen by whoever administers all.
fn within(principal: &Principal, args: &mut Vec<Arg>) -> String {
    match principal.rows(Permission::Administer, HELD, args) {
        all if all == "1 = 1" => all,
        rows => format!(
            "EXISTS (SELECT 1 FROM post p JOIN organization o ON o.id = p.organization_id WHERE p.staff_id = a.staff_id AND {rows})"
        ),
    }
}

/// A staff member who cannot sign in yet.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Unsigned {
    /// its id
    pub id: Id,
    /// full name
    pub name: String,
    /// one of the posts
    pub title: String,
    /// organization of that post
    pub organization: String,
}

/// Staff within scope without an account whose name, pinyin or initials begin with `search`.
pub async fn without_account(
    conn: &mut impl Exec,
    principal: &Principal,
    search: &str,
) -> Result<Vec<Unsigned>, StoreError> {
    let (sql, args) = without_account_sql(principal, search);
    conn.all_built(sql, args).await
}

/// The statement of [`without_account`].
pub fn without_account_sql(principal: &Principal, search: &str) -> (String, Vec<Arg>) {
    let mut args =
        args![format!("{}%", search.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))];
    let rows = principal.rows(Permission::Administer, HELD, &mut args);
    let sql = format!(
        "SELECT s.id, s.name, p.title, o.short_name AS organization FROM staff s JOIN post p ON p.staff_id = s.id \
         JOIN organization o ON o.id = p.organization_id WHERE s.state = 'active' \
         AND (s.name LIKE $1 ESCAPE '\\' OR s.pinyin LIKE $1 ESCAPE '\\' OR s.initials LIKE $1 ESCAPE '\\') \
         AND NOT EXISTS (SELECT 1 FROM account a WHERE a.staff_id = s.id) AND {rows} ORDER BY s.pinyin, s.id, p.rank LIMIT 40"
    );
    (sql, args)
}

/// An account within scope, by id; any other does not exist for this administrator.
pub async fn account(app: &App, viewer: &Viewer, id: Id) -> Result<AccountRow, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let mut args = args![id];
    let within = within(&viewer.principal, &mut args);
    let sql = format!(
        "SELECT a.id, a.login, a.state, a.must_change, a.staff_id, s.name FROM account a LEFT JOIN staff s ON s.id = a.staff_id \
         WHERE a.kind = 'staff' AND a.id = $1 AND {within}"
    );
    let found: Vec<AccountRow> = app.read().all_built(sql, args).await?;
    found.into_iter().next().ok_or(AppError::NotFound)
}

/// A post with its grants.
pub async fn grants_of(app: &App, post: Id) -> Result<Vec<GrantRow>, AppError> {
    Ok(app.read().all(GRANTS_OF_POST, args![post, app.clock.today_text()]).await?)
}

/// Every role.
pub async fn roles(app: &App) -> Result<Vec<RoleRow>, AppError> {
    Ok(app.read().all(ROLES, vec![]).await?)
}

/// An account that this administrator may change: the whole person is theirs to administer. Somebody who
/// also works elsewhere, or whose roles reach further, is looked after by whoever administers all of it;
/// otherwise a reset password would lend those roles to the one who reset it.
async fn changeable(app: &App, viewer: &Viewer, id: Id) -> Result<AccountRow, AppError> {
    let row = account(app, viewer, id).await?;
    match row.staff_id {
        Some(staff) if !wholly_within(app, viewer, staff).await? => Err(AppError::Conflict("access-works-elsewhere")),
        _ => Ok(row),
    }
}

/// Whether every post that a person holds today, and every role held through it, lies in the scope.
async fn wholly_within(app: &App, viewer: &Viewer, staff: Id) -> Result<bool, AppError> {
    if viewer.principal.administers_all() {
        return Ok(true);
    }
    let today = app.clock.today_text();
    let posts = store::posts_of(&mut app.read(), staff, &today).await?;
    for post in &posts {
        if !viewer.may(app, Permission::Administer, post.place_id, Some(post.organization_id)) {
            return Ok(false);
        }
        let grants: Vec<GrantRow> = app.read().all(GRANTS_OF_POST, args![post.id, &today]).await?;
        if !grants.iter().all(|grant| reach_of(grant).is_some_and(|reach| within_reach(app, viewer, reach))) {
            return Ok(false);
        }
    }
    Ok(!posts.is_empty())
}

/// The reach of a stored grant; what cannot be read is none.
fn reach_of(grant: &GrantRow) -> Option<Reach> {
    match (grant.scope_kind.as_str(), grant.scope_place, grant.scope_organization) {
        ("all", ..) => Some(Reach::All),
        ("own", ..) => Some(Reach::Own),
        ("place", Some(place), _) => Some(Reach::Place(place)),
        ("organization", _, Some(organization)) => Some(Reach::Organization(organization)),
        _ => None,
    }
}

/// Whether a reach goes no further than what is administered; the post itself was asked for before.
fn within_reach(app: &App, viewer: &Viewer, reach: Reach) -> bool {
    match reach {
        Reach::Own => true,
        Reach::All => viewer.principal.administers_all(),
        Reach::Place(place) => {
            app.geography().get(place).is_some() && viewer.may(app, Permission::Administer, Some(place), None)
        }
        Reach::Organization(id) => {
            app.directory().organization(id).is_some() && viewer.may(app, Permission::Administer, None, Some(id))
        }
    }
}

/// A grant held today with what its role allows.
#[derive(Clone, Debug, sqlx::FromRow)]
struct OwnGrant {
    #[sqlx(flatten)]
    grant: GrantRow,
    permissions: String,
}

/// Refuses to take from oneself the last grant by which one administers (everything, if one does):
/// nobody shuts oneself out, and an installation always keeps an administrator. `taken` says which of
/// one's own grants would end.
pub async fn keep_oneself(
    app: &App,
    viewer: &Viewer,
    taken: impl Fn(&GrantRow) -> bool + Send,
) -> Result<(), AppError> {
    let super::Who::Staff { staff, .. } = viewer.principal.who else { return Ok(()) };
    let held: Vec<OwnGrant> = app.read().all(ADMINISTERS, args![staff, app.clock.today_text()]).await?;
    let administers = |own: &&OwnGrant| own.permissions.split(',').any(|key| key == Permission::Administer.key());
    let (ending, staying): (Vec<_>, Vec<_>) = held.iter().filter(administers).partition(|own| taken(&own.grant));
    let all = |list: &[&OwnGrant]| list.iter().any(|own| own.grant.scope_kind == "all");
    let lost = (!ending.is_empty() && staying.is_empty()) || (all(&ending) && !all(&staying));
    if lost { Err(AppError::Conflict("access-not-ones-last-grant")) } else { Ok(()) }
}

fn event(viewer: &Viewer, kind: &'static str, subject: Id, at: i64, payload: serde_json::Value) -> Event {
    Event { kind, subject_class: "account", subject_id: Some(subject), actor: viewer.actor(), at, payload }
}

/// Makes an account for a staff member without one; returns the one-time password.
pub async fn make(app: &App, viewer: &Viewer, staff: Id, login: &str) -> Result<(Id, String), AppError> {
    let login = login.trim().to_owned();
    let fits =
        (2..=40).contains(&login.chars().count()) && login.chars().all(|c| c.is_alphanumeric() || "._-@".contains(c));
    if !fits {
        return Err(AppError::invalid("login", "access-login-form"));
    }
    let posts = store::posts_of(&mut app.read(), staff, &app.clock.today_text()).await?;
    let held =
        posts.iter().any(|post| viewer.may(app, Permission::Administer, post.place_id, Some(post.organization_id)));
    if !held {
        return Err(AppError::invalid("staff", "access-staff-unknown"));
    }
    if !wholly_within(app, viewer, staff).await? {
        return Err(AppError::invalid("staff", "access-works-elsewhere"));
    }
    if store::account_of(&mut app.read(), staff).await?.is_some() {
        return Err(AppError::invalid("staff", "access-staff-has-account"));
    }
    if store::account_by_login(&mut app.read(), &login).await?.is_some() {
        return Err(AppError::invalid("login", "access-login-taken"));
    }
    let (text, hashed) = fresh(app).await?;
    let (now, viewer) = (app.now(), viewer.clone());
    let id = app
        .lanes
        .write(shard_of(staff), vec![], move |tx| {
            let (login, hashed, viewer) = (login.clone(), hashed.clone(), viewer.clone());
            Box::pin(async move {
                let id = store::create_account(tx, now, &login, &hashed, Some(staff), true).await?;
                event(&viewer, "account.created", id, now, serde_json::json!({"staff": staff}))
                    .write(tx, shard_of(id))
                    .await?;
                Ok::<_, StoreError>(id)
            })
        })
        .await
        .map_err(|fault| match fault {
            StoreError::Duplicate => AppError::invalid("login", "access-login-taken"),
            other => other.into(),
        })?;
    Ok((id, text))
}

async fn fresh(app: &App) -> Result<(String, Hashed), AppError> {
    let text = password::one_time();
    let hashed = app.gate.hashing.hash(&text).await?;
    Ok((text, hashed))
}

/// Sets a one-time password and ends every session and token; returns the password, told once.
pub async fn reset(app: &App, viewer: &Viewer, id: Id) -> Result<String, AppError> {
    changeable(app, viewer, id).await?;
    let (text, hashed) = fresh(app).await?;
    let now = app.now();
    let event = event(viewer, "account.password_reset", id, now, serde_json::json!({}));
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let (hashed, event) = (hashed.clone(), event.clone());
            Box::pin(async move {
                store::set_password(tx, id, &hashed, true).await?;
                sessions::end_all(tx, id, None).await?;
                tokens::revoke_all(tx, id, now).await?;
                event.write(tx, shard_of(id)).await
            })
        })
        .await
        .map_err(AppError::from)?;
    Ok(text)
}

/// Suspends an account (its sessions and tokens end) or lets it in again.
pub async fn set_suspended(app: &App, viewer: &Viewer, id: Id, suspended: bool) -> Result<(), AppError> {
    changeable(app, viewer, id).await?;
    if suspended && viewer.principal.account() == Some(id) {
        return Err(AppError::Conflict("access-not-oneself"));
    }
    let now = app.now();
    let (state, kind) = if suspended { ("suspended", "account.suspended") } else { ("active", "account.resumed") };
    let event = event(viewer, kind, id, now, serde_json::json!({}));
    app.lanes
        .write(shard_of(id), vec![id], move |tx| {
            let event = event.clone();
            Box::pin(async move {
                if !store::set_state(tx, id, state).await? {
                    return Ok(());
                }
                if suspended {
                    sessions::end_all(tx, id, None).await?;
                    tokens::revoke_all(tx, id, now).await?;
                }
                event.write(tx, shard_of(id)).await
            })
        })
        .await
        .map_err(AppError::from)
}

async fn post_in_scope(app: &App, viewer: &Viewer, id: Id) -> Result<HeldPost, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let post: Option<HeldPost> = app.read().optional(POST, args![id, app.clock.today_text()]).await?;
    post.filter(|post| viewer.may(app, Permission::Administer, post.place_id, Some(post.organization_id)))
        .ok_or(AppError::NotFound)
}

/// Gives a role to a post. Nobody gives further than they administer themselves.
pub async fn give(app: &App, viewer: &Viewer, post: Id, role: &str, reach: Reach) -> Result<Id, AppError> {
    post_in_scope(app, viewer, post).await?;
    let known = roles(app).await?.into_iter().any(|known| known.key == role);
    if !known {
        return Err(AppError::invalid("role", "access-role-unknown"));
    }
    if !within_reach(app, viewer, reach) {
        return Err(AppError::invalid("place", "access-scope-too-far"));
    }
    let (now, today, role) = (app.now(), app.clock.today_text(), role.to_owned());
    let event =
        event(viewer, "role.granted", post, now, serde_json::json!({"post": post, "role": role, "reach": reach.key()}));
    app.lanes
        .write(shard_of(post), vec![post], move |tx| {
            let (today, role, event) = (today.clone(), role.clone(), event.clone());
            Box::pin(async move {
                let id = roles::grant(tx, now, &today, post, &role, reach).await?;
                event.write(tx, shard_of(post)).await?;
                Ok::<_, StoreError>(id)
            })
        })
        .await
        .map_err(AppError::from)
}

/// Ends a grant from today on; returns its post.
pub async fn take(app: &App, viewer: &Viewer, grant: Id) -> Result<Id, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let today = app.clock.today_text();
    let row: Option<GrantRow> = app.read().optional(GRANT, args![grant, &today]).await?;
    let row = row.ok_or(AppError::NotFound)?;
    let post = row.post_id.ok_or(AppError::NotFound)?;
    post_in_scope(app, viewer, post).await?;
    if reach_of(&row).is_some_and(|reach| !within_reach(app, viewer, reach)) {
        return Err(AppError::Conflict("access-works-elsewhere"));
    }
    keep_oneself(app, viewer, |own| own.id == grant).await?;
    let now = app.now();
    let event = event(viewer, "role.ended", post, now, serde_json::json!({"post": post, "grant": grant}));
    app.lanes
        .write(shard_of(post), vec![post], move |tx| {
            let (today, event) = (today.clone(), event.clone());
            Box::pin(async move {
                roles::end_grant(tx, grant, &today).await?;
                event.write(tx, shard_of(post)).await
            })
        })
        .await
        .map_err(AppError::from)?;
    Ok(post)
}

/// One answer to "who can do what": a grant with its holder.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Held {
    /// the grant
    pub id: Id,
    /// the role
    pub role_key: String,
    /// `all`, `own`, `place`, `organization`
    pub scope_kind: String,
    /// of a place scope
    pub scope_place: Option<Id>,
    /// of an organization scope
    pub scope_organization: Option<Id>,
    /// the post
    pub post_id: Id,
    /// title of the post
    pub title: String,
    /// organization of the post
    pub organization: String,
    /// who holds the post
    pub name: Option<String>,
}

/// Grants of posts within the administrator's scope, of one role or of all.
pub async fn who(
    conn: &mut impl Exec,
    principal: &Principal,
    role: &str,
    after: Option<Id>,
    limit: i64,
    today: &str,
) -> Result<Vec<Held>, StoreError> {
    let (sql, args) = who_sql(principal, role, after, limit, today);
    conn.all_built(sql, args).await
}

/// The statement of [`who`].
pub fn who_sql(principal: &Principal, role: &str, after: Option<Id>, limit: i64, today: &str) -> (String, Vec<Arg>) {
    let mut args = args![role, after.unwrap_or(Id::nil()), limit, today];
    let rows = principal.rows(Permission::Administer, HELD, &mut args);
    let sql = format!(
        "SELECT g.id, g.role_key, g.scope_kind, g.scope_place, g.scope_organization, p.id AS post_id, p.title, o.short_name AS organization, s.name \
         FROM role_grant g JOIN post p ON p.id = g.post_id JOIN organization o ON o.id = p.organization_id \
         LEFT JOIN staff s ON s.id = p.staff_id WHERE ($1 = '' OR g.role_key = $1) AND g.id > $2 \
         AND g.valid_from <= $4 AND (g.valid_to IS NULL OR g.valid_to > $4) AND {rows} ORDER BY g.id LIMIT $3"
    );
    (sql, args)
}
