//! The tree of places in memory: 100,000 nodes, subtree and ancestor questions in constant time.

use std::collections::HashMap;

use super::names::core_name;
use crate::platform::ids::Id;

/// A place of levels 1 (province) to 5 (community).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// its own id, also that of its entity
    pub id: Id,
    /// the place above, absent at the root; levels may be skipped
    pub parent: Option<Id>,
    /// 1 province, 2 city, 3 district, 4 township, 5 community
    pub level: i64,
    /// `province`, `city`, `district`, `county`, `economic_zone`, `street`, `town`, `township`, `community`, `village` …
    pub kind: String,
    /// for display: without 居委会, 村委会, 办事处
    pub name: String,
    /// as in the official list
    pub official_name: String,
    /// names from below the root to here, joined by `/`
    pub full_name: String,
    /// of `name`, without tones and spaces
    pub pinyin: String,
    /// first letters of the pinyin
    pub initials: String,
    /// current code (NBS, 12 digits), if it has one
    pub code: Option<String>,
    /// whether the code is in the administrative list (an economic zone's is not)
    pub in_list: bool,
    /// shard of what lies or lives here
    pub shard: i64,
    /// order among siblings
    pub sort: i64,
    /// civil date since when it exists
    pub valid_from: String,
    /// civil date until when it existed
    pub valid_to: Option<String>,
    /// grows with every edit
    pub version: i64,
}

impl Place {
    /// Whether a kind only keeps a code together (省直辖县级, a county that repeats its city's name):
    /// such a node is stored and answered for, but people see its children in its stead.
    pub fn is_hidden_kind(kind: &str) -> bool {
        matches!(kind, "hidden_city" | "repeated")
    }

    /// See [`Place::is_hidden_kind`].
    pub fn is_hidden(&self) -> bool {
        Self::is_hidden_kind(&self.kind)
    }
}

/// All places that are valid now. Cheap to share; replaced whole when the tree changes.
#[derive(Debug, Default)]
pub struct Geography {
    places: Vec<Place>,
    index: HashMap<Id, usize>,
    by_code: HashMap<String, usize>,
    /// positions by every form of the name
    by_name: HashMap<String, Vec<usize>>,
    /// children of the place at the same position, in order
    children: Vec<Vec<usize>>,
    /// preorder interval: a place's subtree is `enter..leave`
    enter: Vec<usize>,
    leave: Vec<usize>,
    /// positions in preorder
    order: Vec<usize>,
    roots: Vec<usize>,
}

impl Geography {
    /// Builds the tree. A place whose parent is missing, and any cycle, is left out: imports refuse both.
    pub fn new(places: Vec<Place>) -> Self {
        let index: HashMap<Id, usize> = places.iter().enumerate().map(|(at, place)| (place.id, at)).collect();
        let by_code = places.iter().enumerate().filter_map(|(at, p)| Some((p.code.clone()?, at))).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, place) in places.iter().enumerate() {
            let mut forms = vec![place.name.as_str(), place.official_name.as_str(), core_name(&place.name)];
            forms.sort_unstable();
            forms.dedup();
            for form in forms {
                by_name.entry(form.to_owned()).or_default().push(at);
            }
        }
        let mut children = vec![Vec::new(); places.len()];
        let mut roots = Vec::new();
        for (at, place) in places.iter().enumerate() {
            match place.parent {
                None => roots.push(at),
                Some(parent) => {
                    if let Some(&above) = index.get(&parent) {
                        children[above].push(at);
                    }
                }
            }
        }
        for list in &mut children {
            list.sort_by(|&a, &b| (places[a].sort, &places[a].id).cmp(&(places[b].sort, &places[b].id)));
        }
        let (mut enter, mut leave) = (vec![usize::MAX; places.len()], vec![0; places.len()]);
        let mut order = Vec::with_capacity(places.len());
        let mut stack: Vec<(usize, bool)> = roots.iter().rev().map(|&root| (root, false)).collect();
        while let Some((at, done)) = stack.pop() {
            if done {
                leave[at] = order.len();
                continue;
            }
            enter[at] = order.len();
            order.push(at);
            stack.push((at, true));
            stack.extend(children[at].iter().rev().map(|&child| (child, false)));
        }
        Self { places, index, by_code, by_name, children, enter, leave, order, roots }
    }

    fn at(&self, id: Id) -> Option<usize> {
        self.index.get(&id).copied().filter(|&at| self.enter[at] != usize::MAX)
    }

    /// A place by id.
    pub fn get(&self, id: Id) -> Option<&Place> {
        self.at(id).map(|at| &self.places[at])
    }

    /// A place by its current code.
    pub fn by_code(&self, code: &str) -> Option<&Place> {
        self.by_code.get(code).filter(|&&at| self.enter[at] != usize::MAX).map(|&at| &self.places[at])
    }

    /// Places called so, in any form of the name (official, short, core); unreachable ones left out.
    pub fn named(&self, name: &str) -> Vec<&Place> {
        let hits = self.by_name.get(name).or_else(|| self.by_name.get(core_name(name)));
        hits.into_iter().flatten().filter(|&&at| self.enter[at] != usize::MAX).map(|&at| &self.places[at]).collect()
    }

    /// The root of the tree; the first if there are several.
    pub fn root(&self) -> Option<&Place> {
        self.roots.first().map(|&at| &self.places[at])
    }

    /// The places directly below, in order.
    pub fn children(&self, id: Id) -> impl Iterator<Item = &Place> {
        self.at(id).into_iter().flat_map(|at| &self.children[at]).map(|&at| &self.places[at])
    }

    /// The places that people see directly below: a hidden node is replaced by its children.
    pub fn shown_children(&self, id: Id) -> Vec<&Place> {
        let mut shown = Vec::new();
        for child in self.children(id) {
            if child.is_hidden() { shown.extend(self.shown_children(child.id)) } else { shown.push(child) }
        }
        shown
    }

    /// The place itself and everything above it, from the leaf to the root.
    pub fn chain(&self, id: Id) -> impl Iterator<Item = &Place> {
        let mut next = self.get(id);
        std::iter::from_fn(move || {
            let place = next?;
            next = place.parent.and_then(|parent| self.get(parent));
            Some(place)
        })
        .take(16)
    }

    /// The place itself and everything below, in tree order.
    pub fn subtree(&self, id: Id) -> impl Iterator<Item = &Place> {
        let range = self.at(id).map_or(0..0, |at| self.enter[at]..self.leave[at]);
        self.order[range].iter().map(|&at| &self.places[at])
    }

    /// Whether `below` is `above` or lies under it.
    pub fn contains(&self, above: Id, below: Id) -> bool {
        match (self.at(above), self.at(below)) {
            (Some(a), Some(b)) => (self.enter[a]..self.leave[a]).contains(&self.enter[b]),
            _ => false,
        }
    }

    /// Every place, in tree order.
    pub fn all(&self) -> impl Iterator<Item = &Place> {
        self.order.iter().map(|&at| &self.places[at])
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
