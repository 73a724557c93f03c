//! The built-in roles, and giving one to a post.

use super::Permission::{
    self, Administer, BoardRead, CaseHandle, CaseRead, ChannelEdit, DirectoryEdit, FormEdit, ItemAssign, ItemHandle,
    ItemRead, PersonExport, PersonRead, PersonReveal, PlaceEdit, RuleEdit, TaskIssue, TaskRead, TokenCreate,
};
use super::Scope;
use crate::args;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::{Id, new_free_id};

/// A role that every installation has.
pub struct BuiltIn {
    /// stable key
    pub key: &'static str,
    /// `{"zh-CN": …, "en": …}`
    pub title: [&'static str; 2],
    /// what it allows
    pub permissions: &'static [Permission],
}

/// The built-in roles. Totals (`BoardRead`) are granted apart from rows: a leader sees counts only.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        key: "administrator",
        title: ["系统管理员", "Administrator"],
        permissions: &[
            Administer,
            PlaceEdit,
            DirectoryEdit,
            FormEdit,
            RuleEdit,
            TaskRead,
            ChannelEdit,
            BoardRead,
            TokenCreate,
        ],
    },
    BuiltIn {
        key: "manager",
        title: ["部门经办", "Department manager"],
        permissions: &[
            FormEdit,
            RuleEdit,
            TaskIssue,
            TaskRead,
            ItemRead,
            ItemHandle,
            ItemAssign,
            PersonRead,
            PersonReveal,
            PersonExport,
            ChannelEdit,
            CaseRead,
            CaseHandle,
            BoardRead,
            TokenCreate,
        ],
    },
    BuiltIn { key: "leader", title: ["领导", "Leader"], permissions: &[TaskRead, BoardRead] },
    BuiltIn {
        key: "office_worker",
        title: ["街道、社区工作者", "Office worker"],
        permissions: &[
            PlaceEdit,
            FormEdit,
            RuleEdit,
            TaskIssue,
            TaskRead,
            ItemRead,
            ItemHandle,
            ItemAssign,
            PersonRead,
            PersonReveal,
            PersonExport,
            ChannelEdit,
            CaseRead,
            CaseHandle,
            BoardRead,
            TokenCreate,
        ],
    },
    BuiltIn {
        key: "grid_worker",
        title: ["网格员", "Grid worker"],
        permissions: &[TaskRead, ItemRead, ItemHandle, PersonRead, PersonReveal, CaseRead, CaseHandle],
    },
    BuiltIn {
        key: "clerk", title: ["窗口受理员", "Counter clerk"], permissions: &[PersonRead, CaseRead, CaseHandle]
    },
];

const ROLE: Shape =
    Shape { table: "role", columns: &["key", "title", "permissions", "builtin", "version"], key: &["key"] };
const GRANT: Shape = Shape {
    table: "role_grant",
    columns: &[
        "id",
        "post_id",
        "account_id",
        "role_key",
        "scope_kind",
        "scope_place",
        "scope_organization",
        "valid_from",
        "valid_to",
    ],
    key: &["id"],
};
const END: &str = "UPDATE role_grant SET valid_to = $2 WHERE id = $1 AND (valid_to IS NULL OR valid_to > $2)";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[END];

/// How far a granted role reaches, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// everything
    All,
    /// the post's own organization with those inside it, and, when that is the territorial unit of a
    /// place, the place
    Own,
    /// a place and what is below
    Place(Id),
    /// an organization and what is below
    Organization(Id),
}

impl From<Scope> for Reach {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Place(id) => Self::Place(id),
            Scope::Organization(id) => Self::Organization(id),
        }
    }
}

impl Reach {
    /// The stored key.
    pub fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Own => "own",
            Self::Place(_) => "place",
            Self::Organization(_) => "organization",
        }
    }
}

/// Who is given a role: a post, or (only for the first administrator) an account without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// through a post: ends with it
    Post(Id),
    /// the account itself
    Account(Id),
}

/// Writes the built-in roles as this version knows them.
pub async fn seed_roles(tx: &mut impl Exec) -> Result<(), StoreError> {
    let rows = BUILT_IN
        .iter()
        .map(|role| {
            let keys: Vec<&str> = role.permissions.iter().map(|p| p.key()).collect();
            let title = serde_json::json!({"zh-CN": role.title[0], "en": role.title[1]}).to_string();
            args![role.key, title, keys.join(","), true, 1_i64]
        })
        .collect();
    ROLE.write(tx, rows, OnKey::Replace).await.map(|_| ())
}

/// Gives a role to a post from `today` (civil date) on; returns the id of the grant.
pub async fn grant(
    tx: &mut impl Exec,
    now: i64,
    today: &str,
    post: Id,
    role: &str,
    reach: impl Into<Reach> + Send,
) -> Result<Id, StoreError> {
    grant_to(tx, now, today, Holder::Post(post), role, reach.into()).await
}

/// Gives a role to a post or an account.
pub async fn grant_to(
    tx: &mut impl Exec,
    now: i64,
    today: &str,
    holder: Holder,
    role: &str,
    reach: Reach,
) -> Result<Id, StoreError> {
    let id = new_free_id(now);
    let (post, account) = match holder {
        Holder::Post(post) => (Some(post), None),
        Holder::Account(account) => (None, Some(account)),
    };
    let (place, organization) = match reach {
        Reach::Place(place) => (Some(place), None),
        Reach::Organization(organization) => (None, Some(organization)),
        Reach::All | Reach::Own => (None, None),
    };
    let row = args![id, post, account, role, reach.key(), place, organization, today, Option::<String>::None];
    GRANT.write(tx, vec![row], OnKey::Fail).await?;
    Ok(id)
}

/// Ends a grant as of `today`.
pub async fn end_grant(tx: &mut impl Exec, id: Id, today: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(END, args![id, today]).await? > 0)
}
