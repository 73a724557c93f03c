//! The tree of places in memory: 100,000 nodes, subtree and ancestor questions in constant time.
//!
//! It is held in few pieces of memory: rows of plain numbers, one text that all names lie in, and lists of
//! positions that find a row. A place is put together when it is asked for.

use std::hash::{Hash, Hasher};

use super::names::core_name;
use super::place::{FullName, Place, PlaceRef};
use super::planting::Planting;
use crate::platform::ids::Id;
use crate::platform::positions::Positions;
use crate::platform::texts::{Span, Texts, Words};

/// All places that are valid now. Cheap to share; replaced whole when the tree changes.
#[derive(Debug, Default)]
pub struct Geography {
    /// in the order of the tree: a place is followed by what lies below it
    pub(super) rows: Vec<Row>,
    pub(super) texts: Texts,
    /// kinds, days, and the names above in full names
    pub(super) words: Words,
    pub(super) positions: Positions,
    /// positions of those that have a code, by code
    pub(super) by_code: Box<[u32]>,
    /// position and form of every name, by digest
    pub(super) by_name: Box<[Form]>,
}

/// A place as it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub id: Id,
    /// position of the place above
    pub parent: u32,
    /// position after the last place below
    pub end: u32,
    /// where its texts begin
    pub begin: u32,
    pub last: Span,
    pub name: Span,
    pub official_name: Span,
    pub pinyin: Span,
    pub initials: Span,
    pub code: Option<Span>,
    pub above: u32,
    pub kind: u32,
    pub valid_from: u32,
    pub valid_to: u32,
    pub sort: i32,
    pub version: i32,
    pub shard: u16,
    pub level: u8,
    pub in_list: bool,
}

/// No position and no word.
pub(super) const NONE: u32 = u32::MAX;

/// A form of a name of the place at a position, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form(u32);

impl Form {
    const EACH: u32 = 3;

    /// Different forms of the names of a place, each with its digest.
    pub(super) fn all(tree: &Geography, at: u32) -> impl Iterator<Item = (u64, Self)> {
        let [name, official, core] = tree.names(at);
        let distinct = [
            Some(name),
            Some(official).filter(|text| *text != name),
            Some(core).filter(|text| *text != name && *text != official),
        ];
        let forms = distinct.into_iter().zip(at * Self::EACH..);
        forms.filter_map(|(text, form)| Some((digest(text?), Self(form))))
    }

    fn at(self) -> u32 {
        self.0 / Self::EACH
    }

    fn text(self, tree: &Geography) -> &str {
        tree.names(self.at())[(self.0 % Self::EACH) as usize]
    }

    /// What the forms are ordered by: shorter to compare than texts, and nothing is stored.
    fn digest(self, tree: &Geography) -> u64 {
        digest(self.text(tree))
    }
}

fn digest(name: &str) -> u64 {
    // The fixed keys of a fresh hasher: the same every time.
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Geography {
    /// Builds the tree. A place whose parent is missing, and any cycle, is left out: imports refuse both.
    pub fn new(places: &[Place]) -> Self {
        let mut planting = Planting::default();
        for place in places {
            planting.add(place.view());
        }
        planting.grow()
    }

    /// All positions.
    pub(super) fn everywhere(&self) -> std::ops::Range<u32> {
        0..self.rows.len() as u32
    }

    /// The place at a position.
    #[inline]
    pub(super) fn place(&self, at: u32) -> PlaceRef<'_> {
        let row = &self.rows[at as usize];
        let text = |span: Span| self.texts.get(row.begin, span);
        let word = |number: u32| (number != NONE).then(|| self.words.get(number));
        PlaceRef {
            id: row.id,
            parent: self.rows.get(row.parent as usize).map(|above| above.id),
            level: row.level.into(),
            kind: self.words.get(row.kind),
            name: text(row.name),
            official_name: text(row.official_name),
            full_name: FullName { above: word(row.above), last: text(row.last) },
            pinyin: text(row.pinyin),
            initials: text(row.initials),
            code: row.code.map(text),
            in_list: row.in_list,
            shard: row.shard.into(),
            sort: row.sort.into(),
            valid_from: self.words.get(row.valid_from),
            valid_to: word(row.valid_to),
            version: row.version.into(),
        }
    }

    /// Name, official name and core of the name of the place at a position.
    fn names(&self, at: u32) -> [&str; 3] {
        let row = &self.rows[at as usize];
        let name = self.texts.get(row.begin, row.name);
        [name, self.texts.get(row.begin, row.official_name), core_name(name)]
    }

    /// The code of the place at a position.
    pub(super) fn code(&self, at: u32) -> Option<&str> {
        let row = &self.rows[at as usize];
        row.code.map(|code| self.texts.get(row.begin, code))
    }

    fn at(&self, id: Id) -> Option<u32> {
        self.positions.find(id, |at| self.rows[at as usize].id)
    }

    /// Positions of a place and of what lies below it; none if there is no such place.
    fn range(&self, id: Id) -> std::ops::Range<u32> {
        self.at(id).map_or(0..0, |at| at..self.rows[at as usize].end)
    }

    /// A place by id.
    pub fn get(&self, id: Id) -> Option<PlaceRef<'_>> {
        self.at(id).map(|at| self.place(at))
    }

    /// A place by its current code.
    pub fn by_code(&self, code: &str) -> Option<PlaceRef<'_>> {
        let found = self.by_code.binary_search_by_key(&Some(code), |&at| self.code(at)).ok()?;
        Some(self.place(self.by_code[found]))
    }

    /// Places called so, in any form of the name (official, short, core), in the order of the tree.
    pub fn named(&self, name: &str) -> Vec<PlaceRef<'_>> {
        let called = |name: &str| {
            let wanted = digest(name);
            let from = self.by_name.partition_point(|form| form.digest(self) < wanted);
            let same = self.by_name[from..].iter().take_while(|form| form.digest(self) == wanted);
            let hits = same.filter(|form| form.text(self) == name).map(|form| self.place(form.at()));
            hits.collect::<Vec<PlaceRef>>()
        };
        let hits = called(name);
        if hits.is_empty() { called(core_name(name)) } else { hits }
    }

    /// The root of the tree; the first if there are several.
    pub fn root(&self) -> Option<PlaceRef<'_>> {
        self.everywhere().next().map(|at| self.place(at))
    }

    /// The places directly below, in order.
    pub fn children(&self, id: Id) -> impl Iterator<Item = PlaceRef<'_>> {
        let mut below = self.range(id);
        below.next();
        std::iter::from_fn(move || {
            let child = below.next()?;
            below.start = self.rows[child as usize].end;
            Some(self.place(child))
        })
    }

    /// The places that people see directly below: a hidden node is replaced by its children.
    pub fn shown_children(&self, id: Id) -> Vec<PlaceRef<'_>> {
        let mut shown = Vec::new();
        for child in self.children(id) {
            if child.is_hidden() { shown.extend(self.shown_children(child.id)) } else { shown.push(child) }
        }
        shown
    }

    /// The place itself and everything above it, from the leaf to the root.
    pub fn chain(&self, id: Id) -> impl Iterator<Item = PlaceRef<'_>> {
        let above = |at: &u32| Some(self.rows[*at as usize].parent).filter(|&above| above != NONE);
        std::iter::successors(self.at(id), above).take(16).map(|at| self.place(at))
    }

    /// The place itself and everything below, in tree order.
    pub fn subtree(&self, id: Id) -> impl Iterator<Item = PlaceRef<'_>> {
        self.range(id).map(|at| self.place(at))
    }

    /// Whether `below` is `above` or lies under it.
    pub fn contains(&self, above: Id, below: Id) -> bool {
        self.at(below).is_some_and(|below| self.range(above).contains(&below))
    }

    /// Every place, in tree order.
    pub fn all(&self) -> impl Iterator<Item = PlaceRef<'_>> {
        self.everywhere().map(|at| self.place(at))
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
