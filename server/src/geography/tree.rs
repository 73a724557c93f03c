//! The tree of places in memory: 100,000 nodes, subtree and ancestor questions in constant time.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

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

/// All places that are valid now. Cheap to share; replaced whole when the tree changes. A place is known by
/// its position; what finds it is kept as plain lists of positions, a third of what maps of texts would take.
#[derive(Debug, Default)]
pub struct Geography {
    places: Vec<Place>,
    index: HashMap<Id, u32>,
    /// by code
    by_code: Vec<u32>,
    /// digest of a form of the name and position, sorted
    by_name: Vec<(u64, u32)>,
    /// where the children of a position begin and, at the next position, end
    first_child: Vec<u32>,
    /// children of one position after those of another, in order
    children: Vec<u32>,
    /// preorder interval: a place's subtree is `enter..leave`
    enter: Vec<u32>,
    leave: Vec<u32>,
    /// positions in preorder
    order: Vec<u32>,
    roots: Vec<u32>,
}

/// Not reachable from a root.
const NOWHERE: u32 = u32::MAX;

fn digest(name: &str) -> u64 {
    // The fixed keys of a fresh hasher: the same in every process, and nothing is stored.
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

fn forms(place: &Place) -> [&str; 3] {
    [&place.name, &place.official_name, core_name(&place.name)]
}

impl Geography {
    /// Builds the tree. A place whose parent is missing, and any cycle, is left out: imports refuse both.
    pub fn new(places: Vec<Place>) -> Self {
        let count = u32::try_from(places.len()).unwrap_or(NOWHERE - 1);
        let place = |at: u32| &places[at as usize];
        let index: HashMap<Id, u32> = (0..count).map(|at| (place(at).id, at)).collect();
        let mut by_code: Vec<u32> = (0..count).filter(|&at| place(at).code.is_some()).collect();
        by_code.sort_by_key(|&at| place(at).code.as_deref());
        let mut by_name: Vec<(u64, u32)> =
            (0..count).flat_map(|at| forms(place(at)).map(|form| (digest(form), at))).collect();
        by_name.sort_unstable();
        by_name.dedup();
        by_name.shrink_to_fit();
        let parent = |at: u32| place(at).parent.and_then(|parent| index.get(&parent).copied());
        let mut children: Vec<u32> = (0..count).filter(|&at| parent(at).is_some()).collect();
        children.sort_by_key(|&at| (parent(at), place(at).sort, place(at).id));
        let mut first_child = vec![0; places.len() + 1];
        for &child in &children {
            if let Some(above) = parent(child) {
                first_child[above as usize + 1] += 1;
            }
        }
        for at in 1..first_child.len() {
            first_child[at] += first_child[at - 1];
        }
        let roots: Vec<u32> = (0..count).filter(|&at| place(at).parent.is_none()).collect();
        let (mut enter, mut leave) = (vec![NOWHERE; places.len()], vec![0; places.len()]);
        let mut order: Vec<u32> = Vec::with_capacity(places.len());
        let mut stack: Vec<(u32, bool)> = roots.iter().rev().map(|&root| (root, false)).collect();
        while let Some((at, done)) = stack.pop() {
            if done {
                leave[at as usize] = order.len() as u32;
                continue;
            }
            enter[at as usize] = order.len() as u32;
            order.push(at);
            stack.push((at, true));
            let below = first_child[at as usize] as usize..first_child[at as usize + 1] as usize;
            stack.extend(children[below].iter().rev().map(|&child| (child, false)));
        }
        Self { places, index, by_code, by_name, first_child, children, enter, leave, order, roots }
    }

    fn reached(&self, at: u32) -> bool {
        self.enter[at as usize] != NOWHERE
    }

    fn place(&self, at: u32) -> &Place {
        &self.places[at as usize]
    }

    fn at(&self, id: Id) -> Option<u32> {
        self.index.get(&id).copied().filter(|&at| self.reached(at))
    }

    /// A place by id.
    pub fn get(&self, id: Id) -> Option<&Place> {
        self.at(id).map(|at| self.place(at))
    }

    /// A place by its current code.
    pub fn by_code(&self, code: &str) -> Option<&Place> {
        let found = self.by_code.binary_search_by_key(&Some(code), |&at| self.place(at).code.as_deref()).ok()?;
        Some(self.by_code[found]).filter(|&at| self.reached(at)).map(|at| self.place(at))
    }

    /// Places called so, in any form of the name (official, short, core); unreachable ones left out.
    pub fn named(&self, name: &str) -> Vec<&Place> {
        let called = |name: &str| {
            let wanted = digest(name);
            let from = self.by_name.partition_point(|(digest, _)| *digest < wanted);
            let same = self.by_name[from..].iter().take_while(|(digest, _)| *digest == wanted);
            let hits = same.map(|(_, at)| *at).filter(|&at| forms(self.place(at)).contains(&name));
            hits.collect::<Vec<u32>>()
        };
        let mut hits = called(name);
        if hits.is_empty() {
            hits = called(core_name(name));
        }
        hits.into_iter().filter(|&at| self.reached(at)).map(|at| self.place(at)).collect()
    }

    /// The root of the tree; the first if there are several.
    pub fn root(&self) -> Option<&Place> {
        self.roots.first().map(|&at| self.place(at))
    }

    /// The places directly below, in order.
    pub fn children(&self, id: Id) -> impl Iterator<Item = &Place> {
        let begins = |at: u32| self.first_child[at as usize] as usize;
        let range = self.at(id).map_or(0..0, |at| begins(at)..begins(at + 1));
        self.children[range].iter().map(|&at| self.place(at))
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
        let range = self.at(id).map_or(0..0, |at| self.enter[at as usize] as usize..self.leave[at as usize] as usize);
        self.order[range].iter().map(|&at| self.place(at))
    }

    /// Whether `below` is `above` or lies under it.
    pub fn contains(&self, above: Id, below: Id) -> bool {
        match (self.at(above), self.at(below)) {
            (Some(a), Some(b)) => (self.enter[a as usize]..self.leave[a as usize]).contains(&self.enter[b as usize]),
            _ => false,
        }
    }

    /// Every place, in tree order.
    pub fn all(&self) -> impl Iterator<Item = &Place> {
        self.order.iter().map(|&at| self.place(at))
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
