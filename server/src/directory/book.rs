//! The address book in memory.

use super::entries::{Grid, Organization, Post, Staff};
use super::lists::{By, List};
use crate::platform::ids::Id;

/// Everything that is valid today. Replaced whole when the address book changes.
#[derive(Debug)]
pub struct Directory {
    organizations: List<Organization>,
    children: By<Organization>,
    lines_below: By<Organization>,
    by_place: By<Organization>,
    posts: List<Post>,
    posts_in: By<Post>,
    posts_of: By<Post>,
    staff: List<Staff>,
    grids: List<Grid>,
    grids_in: By<Grid>,
    /// post and position of the grid, in order
    grids_of_post: Box<[(Id, u32)]>,
}

impl Default for Directory {
    fn default() -> Self {
        Self::new(vec![], vec![], vec![], vec![])
    }
}

impl Directory {
    /// Builds the indexes.
    pub fn new(organizations: Vec<Organization>, posts: Vec<Post>, staff: Vec<Staff>, grids: Vec<Grid>) -> Self {
        let organizations = List::new(organizations, |organization| organization.id);
        let posts = List::new(posts, |post| post.id);
        let grids = List::new(grids, |grid| grid.id);
        let workers = grids.all().zip(0..).flat_map(|(grid, at)| grid.workers.iter().map(move |post| (*post, at)));
        let mut grids_of_post: Box<[(Id, u32)]> = workers.collect();
        grids_of_post.sort_unstable();
        Self {
            children: By::new(&organizations, |organization| organization.parent),
            lines_below: By::new(&organizations, |organization| organization.counterpart),
            by_place: By::new(&organizations, |organization| organization.place),
            posts_in: By::ordered(&posts, |post| Some(post.organization), |post| (post.rank, post.id)),
            posts_of: By::new(&posts, |post| post.staff),
            grids_in: By::new(&grids, |grid| Some(grid.community)),
            organizations,
            posts,
            staff: List::new(staff, |person| person.id),
            grids,
            grids_of_post,
        }
    }

    /// An organization by id.
    pub fn organization(&self, id: Id) -> Option<&Organization> {
        self.organizations.get(id)
    }

    /// Every organization, in the order of ids.
    pub fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.all()
    }

    /// Units directly inside one.
    pub fn children(&self, id: Id) -> impl Iterator<Item = &Organization> {
        self.children.of(id, &self.organizations)
    }

    /// Units of the same line one level down.
    pub fn lines_below(&self, id: Id) -> impl Iterator<Item = &Organization> {
        self.lines_below.of(id, &self.organizations)
    }

    /// Units whose place this is.
    pub fn at_place(&self, place: Id) -> impl Iterator<Item = &Organization> {
        self.by_place.of(place, &self.organizations)
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
        self.posts.get(id)
    }

    /// Posts of an organization, highest rank first.
    pub fn posts_in(&self, organization: Id) -> impl Iterator<Item = &Post> {
        self.posts_in.of(organization, &self.posts)
    }

    /// Posts that a person holds (一人多岗).
    pub fn posts_of(&self, staff: Id) -> impl Iterator<Item = &Post> {
        self.posts_of.of(staff, &self.posts)
    }

    /// A staff member by id.
    pub fn staff(&self, id: Id) -> Option<&Staff> {
        self.staff.get(id)
    }

    /// Everybody who works here, in the order of ids.
    pub fn all_staff(&self) -> impl Iterator<Item = &Staff> {
        self.staff.all()
    }

    /// Who holds a post.
    pub fn holder(&self, post: Id) -> Option<&Staff> {
        self.post(post).and_then(|p| p.staff).and_then(|id| self.staff(id))
    }

    /// A grid by id.
    pub fn grid(&self, id: Id) -> Option<&Grid> {
        self.grids.get(id)
    }

    /// Grids of a community.
    pub fn grids_in(&self, community: Id) -> impl Iterator<Item = &Grid> {
        self.grids_in.of(community, &self.grids)
    }

    /// Tags of all posts, for choosing one in a rule; each may come several times.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.posts.all().flat_map(|post| post.tags.iter().map(String::as_str))
    }

    /// Grids that a post works in.
    pub fn grids_of_post(&self, post: Id) -> impl Iterator<Item = &Grid> {
        let first = self.grids_of_post.partition_point(|(worker, _)| *worker < post);
        let own = self.grids_of_post[first..].iter().take_while(move |(worker, _)| *worker == post);
        own.map(|(_, at)| self.grids.at(*at))
    }

    /// How many organizations, posts and staff there are.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.organizations.len(), self.posts.len(), self.staff.len())
    }
}
