//! What a rule may read. Plain data, cheap to clone, ids are opaque.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Attributes by key, as JSON. A missing key reads as `()` in a rule.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// An item, a subject, a task or a set of answers. In a rule `x.id` and `x.class` are these two
/// fields; every other name, also as `x["独居"]`, is an attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Opaque id.
    #[serde(default)]
    pub id: String,
    /// Class of a subject (`person`, `organization`, …); empty where there is none.
    #[serde(default)]
    pub class: String,
    /// Shared, so that handing it to a rule copies nothing.
    #[serde(default)]
    pub attributes: Arc<Attributes>,
}

impl Record {
    /// A record without attributes.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// The same with attributes.
    #[must_use]
    pub fn with(mut self, attributes: Attributes) -> Self {
        self.attributes = Arc::new(attributes);
        self
    }
}

/// One place of an item's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainPlace {
    /// Opaque id.
    pub id: String,
    /// `community`, `township`, `district`, `city`, … Levels may be skipped.
    pub level: String,
    /// Name for people.
    pub name: String,
    /// Kind within the level (`village`, `economic_zone`), or empty.
    #[serde(default)]
    pub kind: String,
    /// The organization governing it, if it has one.
    #[serde(default)]
    pub governing_org: Option<String>,
}

/// Places from the leaf to the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(Arc<Vec<ChainPlace>>);

impl Chain {
    /// Keeps the order given: leaf first.
    pub fn new(places: Vec<ChainPlace>) -> Self {
        Self(Arc::new(places))
    }

    /// The places, leaf first.
    pub fn places(&self) -> &[ChainPlace] {
        &self.0
    }

    pub(crate) fn at(&self, level: &str) -> Option<usize> {
        self.0.iter().position(|place| place.level == level)
    }
}

/// Whether a candidate is a person or an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateKind {
    /// A member of staff.
    Staff,
    /// An organization, which holds items until somebody claims them.
    Org,
}

/// Somebody who may hold the item; the caller has checked the permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Opaque id.
    pub id: String,
    /// Person or organization.
    pub kind: CandidateKind,
    /// Name for people.
    pub name: String,
    /// The organization a person belongs to; an organization's own id.
    pub org: String,
    /// The place worked in, if any.
    #[serde(default)]
    pub place: Option<String>,
    /// Tag keys.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Post titles or keys.
    #[serde(default)]
    pub posts: Vec<String>,
    /// Whether this person works in a grid.
    #[serde(default)]
    pub grid: bool,
}

impl Candidate {
    /// A person without tags and posts.
    pub fn staff(id: &str, name: &str, org: &str, place: &str) -> Self {
        Self {
            id: id.into(),
            kind: CandidateKind::Staff,
            name: name.into(),
            org: org.into(),
            place: (!place.is_empty()).then(|| place.into()),
            tags: vec![],
            posts: vec![],
            grid: false,
        }
    }

    /// An organization without tags.
    pub fn org(id: &str, name: &str, place: &str) -> Self {
        Self { kind: CandidateKind::Org, ..Self::staff(id, name, id, place) }
    }

    pub(crate) fn has(&self, tag: &str) -> bool {
        (tag == "grid_worker" && self.grid) || self.tags.iter().chain(&self.posts).any(|t| t == tag)
    }
}

/// Who may hold an item. One list serves all items of a place: cloning shares it. More than
/// [`Candidates::MAX`] reach no script: the decision is then a fault that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Candidates(Arc<Vec<Candidate>>);

impl Candidates {
    /// The most that are shown to a script.
    pub const MAX: usize = 200;

    /// Keeps the order given; ties are broken by id, never by order.
    pub fn new(list: Vec<Candidate>) -> Self {
        Self(Arc::new(list))
    }

    /// All of them.
    pub fn all(&self) -> &[Candidate] {
        &self.0
    }
}
