//! What stands in the address book.

use crate::platform::ids::Id;

/// A unit: 人民政府, 民政局, 街道办事处, 乡镇政府, 居委会, 村委会, a department, a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// its own id, also that of its entity
    pub id: Id,
    /// the unit it belongs to (属地: its government)
    pub parent: Option<Id>,
    /// the unit of the same line one level up (条线: 区民政局 has 市民政局)
    pub counterpart: Option<Id>,
    /// the place it governs or serves
    pub place: Option<Id>,
    /// `government`, `bureau`, `street_office`, `township_government`, `residents_committee`, `villagers_committee`, `administrative_committee`, `department`, `company`, `social`
    pub kind: String,
    /// level of its place: 1 province to 5 community
    pub level: i64,
    /// full name
    pub name: String,
    /// for display
    pub short_name: String,
    /// of `short_name`
    pub pinyin: String,
    /// first letters
    pub initials: String,
    /// civil date
    pub valid_from: String,
    /// civil date, absent while it exists
    pub valid_to: Option<String>,
    /// grows with every edit
    pub version: i64,
}

/// A post (岗位) in an organization, held by one person or vacant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// its id
    pub id: Id,
    /// the organization it belongs to
    pub organization: Id,
    /// who holds it
    pub staff: Option<Id>,
    /// 网格员, 民政干事, 副区长
    pub title: String,
    /// smaller is higher
    pub rank: i64,
    /// `grid_worker`, `civil_affairs`, `leader`, and tags of the installation's own
    pub tags: Vec<String>,
    /// civil date
    pub valid_from: String,
    /// civil date
    pub valid_to: Option<String>,
    /// grows with every edit
    pub version: i64,
}

/// A person who works here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// its id
    pub id: Id,
    /// the person entity
    pub person: Id,
    /// full name
    pub name: String,
    /// of the name
    pub pinyin: String,
    /// first letters
    pub initials: String,
    /// `active`, `suspended`, `left`
    pub state: String,
    /// grows with every edit
    pub version: i64,
}

/// A grid (网格) inside one community with its workers' posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// its id
    pub id: Id,
    /// the community it lies in
    pub community: Id,
    /// 第 1 网格
    pub name: String,
    /// posts of its workers, in order
    pub workers: Vec<Id>,
    /// compounds or buildings it covers; none means the whole community
    pub premises: Vec<Id>,
    /// grows with every edit
    pub version: i64,
}
