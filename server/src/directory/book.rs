//! The address book in memory.

use std::collections::HashMap;

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

/// Everything that is valid today. Replaced whole when the address book changes.
#[derive(Debug, Default)]
pub struct Directory {
    organizations: HashMap<Id, Organization>,
    children: HashMap<Id, Vec<Id>>,
    lines_below: HashMap<Id, Vec<Id>>,
    by_place: HashMap<Id, Vec<Id>>,
    posts: HashMap<Id, Post>,
    posts_in: HashMap<Id, Vec<Id>>,
    posts_of: HashMap<Id, Vec<Id>>,
    staff: HashMap<Id, Staff>,
    grids: HashMap<Id, Grid>,
    grids_in: HashMap<Id, Vec<Id>>,
    grids_of_post: HashMap<Id, Vec<Id>>,
}

impl Directory {
    /// Builds the indexes.
    pub fn new(organizations: Vec<Organization>, posts: Vec<Post>, staff: Vec<Staff>, grids: Vec<Grid>) -> Self {
        let mut book = Self::default();
        for organization in &organizations {
            if let Some(parent) = organization.parent {
                book.children.entry(parent).or_default().push(organization.id);
            }
            if let Some(above) = organization.counterpart {
                book.lines_below.entry(above).or_default().push(organization.id);
            }
            if let Some(place) = organization.place {
                book.by_place.entry(place).or_default().push(organization.id);
            }
        }
        for post in &posts {
            book.posts_in.entry(post.organization).or_default().push(post.id);
            if let Some(staff) = post.staff {
                book.posts_of.entry(staff).or_default().push(post.id);
            }
        }
        for grid in &grids {
            book.grids_in.entry(grid.community).or_default().push(grid.id);
            for worker in &grid.workers {
                book.grids_of_post.entry(*worker).or_default().push(grid.id);
            }
        }
        book.organizations = organizations.into_iter().map(|o| (o.id, o)).collect();
        book.posts = posts.into_iter().map(|p| (p.id, p)).collect();
        book.staff = staff.into_iter().map(|s| (s.id, s)).collect();
        book.grids = grids.into_iter().map(|g| (g.id, g)).collect();
        for list in book.posts_in.values_mut() {
            list.sort_by_key(|id| (book.posts[id].rank, *id));
        }
        let orders: Vec<&mut HashMap<Id, Vec<Id>>> = vec![
            &mut book.children,
            &mut book.lines_below,
            &mut book.by_place,
            &mut book.posts_of,
            &mut book.grids_in,
            &mut book.grids_of_post,
        ];
        for map in orders {
            map.values_mut().for_each(|list| list.sort_unstable());
        }
        book
    }

    /// An organization by id.
    pub fn organization(&self, id: Id) -> Option<&Organization> {
        self.organizations.get(&id)
    }

    /// Every organization, in no order.
    pub fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.values()
    }

    fn listed<'a, T>(ids: Option<&'a Vec<Id>>, from: &'a HashMap<Id, T>) -> impl Iterator<Item = &'a T> {
        ids.into_iter().flatten().filter_map(|id| from.get(id))
    }

    /// Units directly inside one.
    pub fn children(&self, id: Id) -> impl Iterator<Item = &Organization> {
        Self::listed(self.children.get(&id), &self.organizations)
    }

    /// Units of the same line one level down.
    pub fn lines_below(&self, id: Id) -> impl Iterator<Item = &Organization> {
        Self::listed(self.lines_below.get(&id), &self.organizations)
    }

    /// Units whose place this is.
    pub fn at_place(&self, place: Id) -> impl Iterator<Item = &Organization> {
        Self::listed(self.by_place.get(&place), &self.organizations)
    }

    /// The organization itself and those above it by `parent`.
    pub fn chain(&self, id: Id) -> impl Iterator<Item = &Organization> {
        let mut next = self.organization(id);
        std::iter::from_fn(move || {
            let here = next?;
            next = here.parent.and_then(|parent| self.organization(parent));
            Some(here)
        })
        .take(32)
    }

    /// The territorial organization that governs a place: its government, office or committee.
    pub fn governing(&self, place: Id) -> Option<&Organization> {
        self.at_place(place).find(|o| super::kinds::TERRITORIAL.contains(&o.kind.as_str()))
    }

    /// The organization through which `issuer` reaches a place: the one at that place whose line leads
    /// up to the issuer, else the governing one.
    pub fn reached_from(&self, issuer: Id, place: Id) -> Option<&Organization> {
        self.at_place(place).find(|o| self.line_leads_to(o, issuer)).or_else(|| self.governing(place))
    }

    fn line_leads_to(&self, from: &Organization, issuer: Id) -> bool {
        let mut here = Some(from);
        for _ in 0..8 {
            match here {
                Some(o) if o.id == issuer => return true,
                Some(o) => here = o.counterpart.and_then(|above| self.organization(above)),
                None => return false,
            }
        }
        false
    }

    /// A post by id.
    pub fn post(&self, id: Id) -> Option<&Post> {
        self.posts.get(&id)
    }

    /// Posts of an organization, highest rank first.
    pub fn posts_in(&self, organization: Id) -> impl Iterator<Item = &Post> {
        Self::listed(self.posts_in.get(&organization), &self.posts)
    }

    /// Posts that a person holds (一人多岗).
    pub fn posts_of(&self, staff: Id) -> impl Iterator<Item = &Post> {
        Self::listed(self.posts_of.get(&staff), &self.posts)
    }

    /// A staff member by id.
    pub fn staff(&self, id: Id) -> Option<&Staff> {
        self.staff.get(&id)
    }

    /// Everybody who works here, in no order.
    pub fn all_staff(&self) -> impl Iterator<Item = &Staff> {
        self.staff.values()
    }

    /// Who holds a post.
    pub fn holder(&self, post: Id) -> Option<&Staff> {
        self.post(post).and_then(|p| p.staff).and_then(|id| self.staff(id))
    }

    /// A grid by id.
    pub fn grid(&self, id: Id) -> Option<&Grid> {
        self.grids.get(&id)
    }

    /// Grids of a community.
    pub fn grids_in(&self, community: Id) -> impl Iterator<Item = &Grid> {
        Self::listed(self.grids_in.get(&community), &self.grids)
    }

    /// Tags of all posts, for choosing one in a rule; each may come several times.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.posts.values().flat_map(|post| post.tags.iter().map(String::as_str))
    }

    /// Grids that a post works in.
    pub fn grids_of_post(&self, post: Id) -> impl Iterator<Item = &Grid> {
        Self::listed(self.grids_of_post.get(&post), &self.grids)
    }

    /// How many organizations, posts and staff there are.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.organizations.len(), self.posts.len(), self.staff.len())
    }
}
