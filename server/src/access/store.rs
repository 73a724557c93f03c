//! Accounts and what they hold: asked for with every request, kept while nothing of it is written, so that
//! a change holds at once.

use std::collections::BTreeSet;

use super::password::Hashed;
use super::principal::{Grant, Permission, Principal, Scope, Who};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::changes::Cache;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::{Id, new_free_id};

const ACCOUNT_BY_ID: &str = "SELECT a.id, a.kind, a.login, a.password_hash, a.staff_id, a.state, a.must_change, a.last_post_id, a.version, \
     s.name AS staff_name, s.state AS staff_state FROM account a LEFT JOIN staff s ON s.id = a.staff_id WHERE a.id = $1";
const ACCOUNT_BY_LOGIN: &str = "SELECT a.id, a.kind, a.login, a.password_hash, a.staff_id, a.state, a.must_change, a.last_post_id, a.version, \
     s.name AS staff_name, s.state AS staff_state FROM account a LEFT JOIN staff s ON s.id = a.staff_id WHERE a.login = $1";
const ACCOUNT_BY_STAFF: &str = "SELECT a.id, a.kind, a.login, a.password_hash, a.staff_id, a.state, a.must_change, a.last_post_id, a.version, \
     s.name AS staff_name, s.state AS staff_state FROM account a JOIN staff s ON s.id = a.staff_id WHERE a.staff_id = $1";
const POSTS_OF_STAFF: &str = "SELECT p.id, p.title, p.organization_id, o.short_name, o.kind, o.place_id FROM post p \
     JOIN organization o ON o.id = p.organization_id WHERE p.staff_id = $1 AND p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to > $2) \
     AND (o.valid_to IS NULL OR o.valid_to > $2) ORDER BY p.rank, p.id";
const GRANTS_OF_POST: &str = "SELECT r.permissions, g.scope_kind, g.scope_place, g.scope_organization FROM role_grant g \
     JOIN role r ON r.key = g.role_key WHERE g.post_id = $1 AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2)";
const GRANTS_OF_ACCOUNT: &str = "SELECT r.permissions, g.scope_kind, g.scope_place, g.scope_organization FROM role_grant g \
     JOIN role r ON r.key = g.role_key WHERE g.account_id = $1 AND g.valid_from <= $2 AND (g.valid_to IS NULL OR g.valid_to > $2)";
const ANY: &str = "SELECT id FROM account LIMIT 1";
const SET_PASSWORD: &str =
    "UPDATE account SET password_hash = $2, must_change = $3, version = version + 1 WHERE id = $1";
const SET_STATE: &str = "UPDATE account SET state = $2, version = version + 1 WHERE id = $1 AND state <> $2";
const SET_LAST_POST: &str = "UPDATE account SET last_post_id = $2 WHERE id = $1";
const OF_STAFF: &str = "SELECT id FROM account WHERE staff_id = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    OF_STAFF,
    ACCOUNT_BY_ID,
    ACCOUNT_BY_LOGIN,
    ACCOUNT_BY_STAFF,
    ANY,
    POSTS_OF_STAFF,
    GRANTS_OF_POST,
    GRANTS_OF_ACCOUNT,
    SET_PASSWORD,
    SET_STATE,
    SET_LAST_POST,
];

const ACCOUNT: Shape = Shape {
    table: "account",
    columns: &[
        "id",
        "kind",
        "login",
        "password_hash",
        "staff_id",
        "person_id",
        "state",
        "must_change",
        "last_post_id",
        "created_at",
        "version",
    ],
    key: &["id"],
};

/// Kinds of organization that govern a place: a role over such a unit of one's own reaches the place too.
const TERRITORIAL: [&str; 6] = [
    "government",
    "administrative_committee",
    "street_office",
    "township_government",
    "residents_committee",
    "villagers_committee",
];

/// An account with its staff member.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Account {
    /// its id
    pub id: Id,
    /// `staff`, `resident`
    pub kind: String,
    /// what is typed at sign-in
    pub login: String,
    /// PHC string
    pub password_hash: String,
    /// staff member behind, if any
    pub staff_id: Option<Id>,
    /// `active`, `suspended`
    pub state: String,
    /// whether the password must be changed before anything else
    pub must_change: bool,
    /// post acted in last
    pub last_post_id: Option<Id>,
    /// grows with every change
    pub version: i64,
    /// name of the staff member
    pub staff_name: Option<String>,
    /// state of the staff member
    pub staff_state: Option<String>,
}

impl Account {
    /// Whether it may do anything at all.
    pub fn active(&self) -> bool {
        self.state == "active" && self.staff_state.as_deref().is_none_or(|state| state == "active")
    }
}

/// Whether there is any account: without one the installation waits to be set up.
pub async fn any_account(conn: &mut impl Exec) -> Result<bool, StoreError> {
    Ok(conn.optional::<(Id,)>(ANY, vec![]).await?.is_some())
}

/// The account of a staff member, if there is one.
pub async fn account_by_staff(conn: &mut impl Exec, staff: Id) -> Result<Option<Account>, StoreError> {
    conn.optional(ACCOUNT_BY_STAFF, args![staff]).await
}

/// A post that a person holds today.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HeldPost {
    /// its id
    pub id: Id,
    /// 网格员
    pub title: String,
    /// its organization
    pub organization_id: Id,
    /// name of the organization, for display
    pub short_name: String,
    /// kind of the organization
    pub kind: String,
    /// place of the organization
    pub place_id: Option<Id>,
}

/// Makes an account and returns its id. `login` must be free ([`StoreError::Duplicate`]).
pub async fn create_account(
    tx: &mut impl Exec,
    now: i64,
    login: &str,
    password: &Hashed,
    staff: Option<Id>,
    must_change: bool,
) -> Result<Id, StoreError> {
    let id = new_free_id(now);
    let none = Option::<Id>::None;
    let row = args![id, "staff", login, password.as_str(), staff, none, "active", must_change, none, now, 1_i64];
    ACCOUNT.write(tx, vec![row], OnKey::Fail).await?;
    Ok(id)
}

/// Sets a password.
pub async fn set_password(
    tx: &mut impl Exec,
    account: Id,
    password: &Hashed,
    must_change: bool,
) -> Result<bool, StoreError> {
    Ok(tx.execute(SET_PASSWORD, args![account, password.as_str(), must_change]).await? > 0)
}

/// Sets the state (`active`, `suspended`); false when it was so already.
pub async fn set_state(tx: &mut impl Exec, account: Id, state: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(SET_STATE, args![account, state]).await? > 0)
}

/// Remembers the post acted in.
pub async fn set_last_post(tx: &mut impl Exec, account: Id, post: Id) -> Result<(), StoreError> {
    tx.execute(SET_LAST_POST, args![account, post]).await.map(|_| ())
}

/// An account by id.
pub async fn account(conn: &mut impl Exec, id: Id) -> Result<Option<Account>, StoreError> {
    conn.optional(ACCOUNT_BY_ID, args![id]).await
}

/// An account by what is typed at sign-in.
pub async fn account_by_login(conn: &mut impl Exec, login: &str) -> Result<Option<Account>, StoreError> {
    conn.optional(ACCOUNT_BY_LOGIN, args![login]).await
}

/// The account of a staff member, if there is one.
pub async fn account_of(conn: &mut impl Exec, staff: Id) -> Result<Option<Id>, StoreError> {
    Ok(conn.optional::<(Id,)>(OF_STAFF, args![staff]).await?.map(|row| row.0))
}

/// The posts a staff member holds on `today`, highest rank first.
pub async fn posts_of(conn: &mut impl Exec, staff: Id, today: &str) -> Result<Vec<HeldPost>, StoreError> {
    conn.all(POSTS_OF_STAFF, args![staff, today]).await
}

/// Everything of one signed-in account that a request needs.
#[derive(Clone, Debug)]
pub struct SignedInAs {
    /// the account
    pub account: Account,
    /// what it may do
    pub principal: Principal,
    /// posts held today, the one acted in first
    pub posts: Vec<HeldPost>,
}

/// Who an account is in a post (its last, or its highest, when `post` is none or no longer held). A
/// suspended or unknown account is nobody.
pub async fn load_principal(app: &App, account: Id, post: Option<Id>) -> Result<Principal, AppError> {
    Ok(load(app, account, post).await?.map_or_else(Principal::anonymous, |found| found.principal))
}

/// The tables that say who somebody is and what they may do.
pub const TABLES: [&str; 6] = ["account", "staff", "post", "organization", "role", "role_grant"];

/// Signed-in accounts and tokens as last read.
pub struct Known {
    signed_in: Cache<(Id, Option<Id>, String), Option<SignedInAs>>,
    pub(super) tokens: Cache<Vec<u8>, Option<Held>>,
}

/// What a token stands for: account, post, end (UTC microseconds).
pub(super) type Held = (Id, Option<Id>, Option<i64>);

/// Accounts and tokens kept at the most.
const KEPT: usize = 20_000;

impl Default for Known {
    fn default() -> Self {
        Self { signed_in: Cache::new(&TABLES, KEPT), tokens: Cache::new(&["api_token"], KEPT) }
    }
}

/// The same with what the top bar shows; none when suspended or unknown.
pub async fn load(app: &App, id: Id, post: Option<Id>) -> Result<Option<SignedInAs>, AppError> {
    let today = app.clock.today_text();
    let key = (id, post, today.clone());
    let found = app.known.signed_in.get(app.lanes.changes(), key, read(app, id, post, today)).await?;
    Ok(Option::clone(&found))
}

async fn read(app: &App, id: Id, post: Option<Id>, today: String) -> Result<Option<SignedInAs>, AppError> {
    let mut db = app.read();
    let Some(account) = account(&mut db, id).await?.filter(Account::active) else { return Ok(None) };
    let mut posts = match account.staff_id {
        Some(staff) => posts_of(&mut db, staff, &today).await?,
        None => Vec::new(),
    };
    let wanted = [post, account.last_post_id];
    if let Some(at) = wanted.iter().flatten().find_map(|id| posts.iter().position(|p| p.id == *id)) {
        posts[..=at].rotate_right(1);
    }
    let (who, rows) = match (posts.first(), account.staff_id) {
        (Some(post), Some(staff)) => (
            Who::Staff { account: id, staff, post: post.id, organization: post.organization_id },
            db.all(GRANTS_OF_POST, args![post.id, &today]).await?,
        ),
        _ => (Who::Account { account: id }, db.all(GRANTS_OF_ACCOUNT, args![id, &today]).await?),
    };
    let principal = Principal { who, grants: grants(rows, posts.first()) };
    Ok(Some(SignedInAs { account, principal, posts }))
}

type GrantRow = (String, String, Option<Id>, Option<Id>);

/// Grants of stored rows; what cannot be read grants nothing.
fn grants(rows: Vec<GrantRow>, own: Option<&HeldPost>) -> BTreeSet<Grant> {
    let mut all = BTreeSet::new();
    for (permissions, kind, place, organization) in rows {
        let mut scopes = Vec::new();
        match (kind.as_str(), place, organization, own) {
            ("all", ..) => scopes.push(Scope::All),
            ("place", Some(place), ..) => scopes.push(Scope::Place(place)),
            ("organization", _, Some(organization), _) => scopes.push(Scope::Organization(organization)),
            ("own", _, _, Some(post)) => {
                scopes.push(Scope::Organization(post.organization_id));
                if TERRITORIAL.contains(&post.kind.as_str()) {
                    scopes.extend(post.place_id.map(Scope::Place));
                }
            }
            _ => {}
        }
        for permission in permissions.split(',').filter_map(Permission::from_key) {
            all.extend(scopes.iter().map(|scope| Grant { permission, scope: scope.clone() }));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(kind: &str, place: Option<Id>) -> HeldPost {
        HeldPost {
            id: Id::from_u128(1),
            title: String::new(),
            organization_id: Id::from_u128(2),
            short_name: String::new(),
            kind: kind.into(),
            place_id: place,
        }
    }

    #[test]
    fn what_cannot_be_read_grants_nothing() {
        let place = Id::from_u128(9);
        let rows = |kind: &str, place, organization| {
            vec![("item.read,unknown".to_owned(), kind.to_owned(), place, organization)]
        };
        assert!(grants(rows("elsewhere", Some(place), None), None).is_empty());
        assert!(grants(rows("place", None, Some(place)), None).is_empty());
        assert!(grants(rows("own", None, None), None).is_empty());
        assert_eq!(grants(rows("all", None, None), None).len(), 1);
    }

    #[test]
    fn ones_own_territorial_unit_reaches_its_place_and_a_bureau_does_not() {
        let place = Id::from_u128(9);
        let rows = || vec![("item.read".to_owned(), "own".to_owned(), None, None)];
        assert_eq!(grants(rows(), Some(&post("residents_committee", Some(place)))).len(), 2);
        assert_eq!(grants(rows(), Some(&post("bureau", Some(place)))).len(), 1);
    }
}
