//! The evaluator: roles held through one post, each over a place or organization subtree.

use std::collections::BTreeSet;

use crate::directory::Directory;
use crate::error::AppError;
use crate::geography::Geography;
use crate::platform::database::Arg;
use crate::platform::ids::Id;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $key:literal),* $(,)?) => {
        /// What a role can allow. A closed list: routes and use-cases name these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Stable key, as stored in roles.
            pub fn key(self) -> &'static str { match self { $(Self::$name => $key),* } }

            /// By stable key.
            pub fn from_key(key: &str) -> Option<Self> { match key { $($key => Some(Self::$name),)* _ => None } }
        }
    };
}

permissions! {
    /// set up, staff, roles, audit
    Administer = "administer",
    /// change places and premises
    PlaceEdit = "place.edit",
    /// change organizations, posts, staff, grids
    DirectoryEdit = "directory.edit",
    /// make and publish forms
    FormEdit = "form.edit",
    /// make rules
    RuleEdit = "rule.edit",
    /// create tasks, dry-run and dispatch them
    TaskIssue = "task.issue",
    /// see tasks, assignments and their progress
    TaskRead = "task.read",
    /// see items row by row
    ItemRead = "item.read",
    /// claim, fill, return, propose void
    ItemHandle = "item.handle",
    /// give items to people, pass assignments on, transfer, confirm voids
    ItemAssign = "item.assign",
    /// see persons' records (masked)
    PersonRead = "person.read",
    /// see a secret in clear, with a reason that is logged
    PersonReveal = "person.reveal",
    /// export ledgers
    PersonExport = "person.export",
    /// make and open channels
    ChannelEdit = "channel.edit",
    /// see cases row by row
    CaseRead = "case.read",
    /// handle cases, file for somebody (代填)
    CaseHandle = "case.handle",
    /// see totals: granted apart from rows
    BoardRead = "board.read",
    /// make API tokens for oneself
    TokenCreate = "token.create",
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// nobody known
    Anonymous,
    /// a person of the address book acting in one post
    Staff {
        /// account signed in
        account: Id,
        /// staff member
        staff: Id,
        /// post acted in
        post: Id,
        /// organization of that post
        organization: Id,
    },
    /// an account without a post (the first administrator before there is an address book)
    Account {
        /// account signed in
        account: Id,
    },
    /// whoever holds a personal link
    Link {
        /// kind of target
        kind: String,
        /// what the link opens
        target: Id,
    },
    /// a resident with the query code of one case
    QueryCode {
        /// the case
        case: Id,
    },
    /// a job of the house
    Job,
}

/// How far a grant reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// everything
    All,
    /// a place and what is below
    Place(Id),
    /// an organization and what is below
    Organization(Id),
}

/// One permission over one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// what
    pub permission: Permission,
    /// where
    pub scope: Scope,
}

/// Columns of a listed row that the predicate compares.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// column with the place of the row, if it has one
    pub place: Option<&'static str>,
    /// column with the holding organization, if it has one
    pub organization: Option<&'static str>,
    /// column with the holding post, if it has one
    pub post: Option<&'static str>,
}

/// Who asks, and everything they hold.
#[derive(Clone, Debug)]
pub struct Principal {
    /// who
    pub who: Who,
    /// what is held; empty for anonymous and suspended
    pub grants: BTreeSet<Grant>,
}

impl Principal {
    /// Nobody: sees only what is open to all.
    pub fn anonymous() -> Self {
        Self { who: Who::Anonymous, grants: BTreeSet::new() }
    }

    /// A job of the house: everything, used for work that already was allowed when it was asked for.
    pub fn job() -> Self {
        let grants = Permission::ALL.iter().map(|&permission| Grant { permission, scope: Scope::All }).collect();
        Self { who: Who::Job, grants }
    }

    /// Whether the permission is held anywhere: decides whether a page or button is shown at all.
    pub fn has(&self, permission: Permission) -> bool {
        self.grants.iter().any(|grant| grant.permission == permission)
    }

    /// Whether the permission reaches a place or an organization (or the row is held by one's own post).
    pub fn may(
        &self,
        permission: Permission,
        geography: &Geography,
        directory: &Directory,
        place: Option<Id>,
        organization: Option<Id>,
    ) -> bool {
        self.grants.iter().filter(|grant| grant.permission == permission).any(|grant| match grant.scope {
            Scope::All => true,
            Scope::Place(above) => place.is_some_and(|below| geography.contains(above, below)),
            Scope::Organization(above) => {
                organization.is_some_and(|below| directory.chain(below).any(|o| o.id == above))
            }
        })
    }

    /// The same question as [`Principal::has`], as a guard of a whole page.
    pub fn require(&self, permission: Permission) -> Result<(), AppError> {
        match (&self.who, self.has(permission)) {
            (_, true) => Ok(()),
            (Who::Anonymous, false) => Err(AppError::SignIn),
            _ => Err(AppError::Forbidden),
        }
    }

    /// Whether everything is administered: only then is the role of all given, or the whole changed at once.
    pub fn administers_all(&self) -> bool {
        self.grants.contains(&Grant { permission: Permission::Administer, scope: Scope::All })
    }

    /// The predicate of a list, count, search or export: SQL that is true for the rows this principal
    /// may see, with its arguments appended to `args`. No grant gives `1 = 0`.
    #[track_caller]
    pub fn rows(&self, permission: Permission, columns: Columns, args: &mut Vec<Arg>) -> String {
        #[cfg(feature = "fault-hooks")]
        if super::faults::taken_out(std::panic::Location::caller()) {
            return "1 = 1".to_owned();
        }
        let mut parts = Vec::new();
        let (mut places, mut organizations) = (Vec::new(), Vec::new());
        for grant in self.grants.iter().filter(|grant| grant.permission == permission) {
            match grant.scope {
                Scope::All => return "1 = 1".to_owned(),
                Scope::Place(id) => places.push(id),
                Scope::Organization(id) => organizations.push(id),
            }
        }
        let mut list = |ids: &[Id]| -> String {
            let marks: Vec<String> = ids
                .iter()
                .map(|id| {
                    args.push(Arg::from(*id));
                    format!("${}", args.len())
                })
                .collect();
            marks.join(", ")
        };
        if let (Some(column), false) = (columns.place, places.is_empty()) {
            parts.push(format!(
                "{column} IN (SELECT pa.place_id FROM place_ancestor pa WHERE pa.ancestor_id IN ({}))",
                list(&places)
            ));
        }
        if let (Some(column), false) = (columns.organization, organizations.is_empty()) {
            parts.push(format!(
                "{column} IN (SELECT oa.organization_id FROM organization_ancestor oa WHERE oa.ancestor_id IN ({}))",
                list(&organizations)
            ));
        }
        if let (Some(column), Who::Staff { post, .. }, true) = (columns.post, &self.who, self.has(permission)) {
            parts.push(format!("{column} = {}", list(&[*post])));
        }
        if parts.is_empty() { "1 = 0".to_owned() } else { format!("({})", parts.join(" OR ")) }
    }

    /// The account behind, if there is one.
    pub fn account(&self) -> Option<Id> {
        match self.who {
            Who::Staff { account, .. } | Who::Account { account } => Some(account),
            _ => None,
        }
    }

    /// The post acted in, if there is one.
    pub fn post(&self) -> Option<Id> {
        match self.who {
            Who::Staff { post, .. } => Some(post),
            _ => None,
        }
    }

    /// The organization acted for, if there is one.
    pub fn organization(&self) -> Option<Id> {
        match self.who {
            Who::Staff { organization, .. } => Some(organization),
            _ => None,
        }
    }
}
