//! Building the tree: rows come in any order, stand in the order of the tree in the end.

use super::place::PlaceRef;
use super::tree::{Form, Geography, NONE, Row};
use crate::platform::ids::Id;
use crate::platform::positions::Positions;
use crate::platform::texts::{Gathering, Texts};

/// A tree that is being built, place by place.
#[derive(Debug, Default)]
pub struct Planting {
    rows: Vec<Row>,
    parents: Vec<Option<Id>>,
    texts: Texts,
    words: Gathering,
}

/// A number of a place in half the room. None comes near the limit, and one that did would stay at it.
fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Planting {
    /// Adds a place.
    pub fn add(&mut self, place: PlaceRef<'_>) {
        let begin = self.texts.begin();
        // In this order: the last part of the full name is mostly the name, and that the beginning of the official one.
        let last = self.texts.add(begin, place.full_name.last);
        let name = self.texts.add_over(begin, place.name);
        let official_name = self.texts.add_over(begin, place.official_name);
        let mut text = |text: &str| self.texts.add(begin, text);
        self.rows.push(Row {
            id: place.id,
            parent: NONE,
            end: NONE,
            begin,
            last,
            name,
            official_name,
            pinyin: text(place.pinyin),
            initials: text(place.initials),
            code: place.code.map(text),
            above: place.full_name.above.map_or(NONE, |above| self.words.number(above)),
            kind: self.words.number(place.kind),
            valid_from: self.words.number(place.valid_from),
            valid_to: place.valid_to.map_or(NONE, |day| self.words.number(day)),
            sort: small(place.sort),
            version: small(place.version),
            shard: u16::try_from(place.shard).unwrap_or(u16::MAX),
            level: u8::try_from(place.level).unwrap_or(u8::MAX),
            in_list: place.in_list,
        });
        self.parents.push(place.parent);
    }

    /// The tree. A place whose parent is missing, and any cycle, is left out: imports refuse both.
    pub fn grow(mut self) -> Geography {
        self.texts.close();
        let rows = self.in_order();
        drop(self.parents);
        let positions = Positions::new(rows.len(), |at| rows[at as usize].id);
        let mut tree =
            Geography { rows, texts: self.texts, words: self.words.close(), positions, ..Geography::default() };
        let mut by_code: Vec<(&str, u32)> = tree.everywhere().filter_map(|at| Some((tree.code(at)?, at))).collect();
        by_code.sort_unstable();
        let by_code = by_code.into_iter().map(|(_, at)| at).collect();
        let forms = tree.everywhere().flat_map(|at| Form::all(&tree, at));
        let mut by_name: Vec<(u64, Form)> = forms.collect();
        by_name.sort_unstable();
        tree.by_name = by_name.into_iter().map(|(_, form)| form).collect();
        tree.by_code = by_code;
        tree
    }

    /// The rows that hang together with a root, each followed by those below it.
    fn in_order(&mut self) -> Vec<Row> {
        let rows = std::mem::take(&mut self.rows);
        let positions = Positions::new(rows.len(), |at| rows[at as usize].id);
        let find = |id: Id| positions.find(id, |at| rows[at as usize].id);
        let parents: Vec<u32> = self.parents.iter().map(|id| id.and_then(find).unwrap_or(NONE)).collect();
        let mut children: Vec<u32> = (0..rows.len() as u32).filter(|&at| parents[at as usize] != NONE).collect();
        children.sort_unstable_by_key(|&at| (parents[at as usize], rows[at as usize].sort, rows[at as usize].id));
        let mut first_child = vec![0; rows.len() + 1];
        for &child in &children {
            first_child[parents[child as usize] as usize + 1] += 1;
        }
        for at in 1..first_child.len() {
            first_child[at] += first_child[at - 1];
        }
        let below = |above: u32| &children[first_child[above as usize]..first_child[above as usize + 1]];
        let mut ordered: Vec<Row> = Vec::with_capacity(rows.len());
        let mut roots: Vec<u32> = (0..rows.len() as u32).filter(|&at| self.parents[at as usize].is_none()).collect();
        roots.sort_unstable_by_key(|&at| (rows[at as usize].sort, rows[at as usize].id));
        for root in roots {
            let mut open = vec![Step::Into(root, NONE)];
            while let Some(step) = open.pop() {
                match step {
                    Step::Into(at, parent) => {
                        let here = ordered.len() as u32;
                        ordered.push(Row { parent, ..rows[at as usize] });
                        open.push(Step::OutOf(here));
                        open.extend(below(at).iter().rev().map(|&child| Step::Into(child, here)));
                    }
                    Step::OutOf(here) => ordered[here as usize].end = ordered.len() as u32,
                }
            }
        }
        ordered
    }
}

/// Walking down: into a place under another one, and out of it again.
enum Step {
    Into(u32, u32),
    OutOf(u32),
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::*;

    fn place(id: u128, parent: Option<u128>, level: i64, name: &str) -> Place {
        Place {
            id: Id::from_u128(id),
            parent: parent.map(Id::from_u128),
            level,
            kind: "village".into(),
            name: name.into(),
            official_name: format!("{name}村委会"),
            full_name: format!("大同市/{name}"),
            pinyin: format!("p{id}"),
            initials: "p".into(),
            code: Some(format!("{id:012}")),
            in_list: true,
            shard: id as i64,
            sort: 0,
            valid_from: "2026-11-27".into(),
            valid_to: None,
            version: 1,
        }
    }

    /// A city with two districts; a community right below a district; names that are odd.
    fn city() -> Vec<Place> {
        let odd = Place {
            kind: String::new(),
            official_name: "完全不同的名字".into(),
            full_name: String::new(),
            pinyin: "pīn yīn".into(),
            initials: String::new(),
            code: None,
            in_list: false,
            shard: 1023,
            sort: -3,
            valid_from: "2020-02-29".into(),
            valid_to: Some("2030-01-01".into()),
            version: 70_000,
            ..place(4, Some(3), 5, "🏘 a'b\"c（東）𠮷")
        };
        let plain = Place { official_name: "北街".into(), sort: 9, ..place(5, Some(3), 4, "北街") };
        vec![
            place(6, Some(5), 5, "北街社区"),
            plain,
            odd,
            place(1, None, 2, "大同市"),
            Place { sort: 2, ..place(2, Some(1), 3, "云冈区") },
            Place { sort: 1, ..place(3, Some(1), 3, "平城区") },
        ]
    }

    fn ids<'g>(places: impl IntoIterator<Item = PlaceRef<'g>>) -> Vec<u128> {
        places.into_iter().map(|place| place.id.as_u128()).collect()
    }

    #[test]
    fn every_field_comes_back() {
        let places = city();
        let tree = Geography::new(&places);
        assert_eq!(tree.len(), places.len());
        for place in &places {
            let kept = tree.get(place.id).expect("kept");
            assert_eq!(kept, place.view());
            assert_eq!(kept.to_place(), *place);
        }
        assert!(tree.get(Id::from_u128(7)).is_none());
    }

    #[test]
    fn they_stand_in_the_order_of_the_tree() {
        let tree = Geography::new(&city());
        assert_eq!(ids(tree.all()), [1, 3, 4, 5, 6, 2]);
        let at = Id::from_u128;
        assert_eq!([ids(tree.children(at(1))), ids(tree.children(at(3)))], [vec![3, 2], vec![4, 5]]);
        assert_eq!([ids(tree.subtree(at(3))), ids(tree.subtree(at(2)))], [vec![3, 4, 5, 6], vec![2]]);
        assert_eq!([ids(tree.chain(at(6))), ids(tree.chain(at(4)))], [vec![6, 5, 3, 1], vec![4, 3, 1]]);
        assert!(tree.contains(at(3), at(6)) && tree.contains(at(6), at(6)) && tree.contains(at(1), at(2)));
        assert!(!tree.contains(at(2), at(6)) && !tree.contains(at(6), at(3)) && !tree.contains(at(9), at(6)));
        assert_eq!(tree.root().map(|root| root.name), Some("大同市"));
        assert_eq!(ids(tree.children(at(9))), [0; 0]);
    }

    #[test]
    fn they_are_found_by_code_and_by_every_form_of_the_name() {
        let tree = Geography::new(&city());
        assert_eq!(ids(tree.by_code("000000000006")), [6]);
        assert!(tree.by_code("").is_none() && tree.by_code("000000000004").is_none());
        for name in ["北街社区", "北街社区村委会"] {
            assert_eq!(ids(tree.named(name)), [6], "{name}");
        }
        assert_eq!(ids(tree.named("北街")), [5, 6]);
        assert_eq!(ids(tree.named("完全不同的名字")), [4]);
        assert_eq!(ids(tree.named("云冈区居委会")), [2]);
        assert_eq!(ids(tree.named("南街")), [0; 0]);
    }

    #[test]
    fn what_hangs_on_no_root_is_left_out() {
        let mut places = city();
        places.extend([place(11, Some(99), 3, "无"), place(12, Some(11), 4, "无下"), place(13, Some(14), 4, "环")]);
        places.push(place(14, Some(13), 4, "环二"));
        places.push(Place { sort: 5, ..place(20, None, 2, "第二市") });
        let tree = Geography::new(&places);
        assert_eq!(ids(tree.all()), [1, 3, 4, 5, 6, 2, 20]);
        assert!([11, 12, 13, 14].iter().all(|&id| tree.get(Id::from_u128(id)).is_none()));
        assert!(tree.by_code("000000000013").is_none() && tree.named("无").is_empty());
        assert_eq!(ids(tree.root()), [1]);
    }

    #[test]
    fn there_may_be_none() {
        let tree = Geography::new(&[]);
        assert!(tree.is_empty() && tree.root().is_none() && tree.named("").is_empty());
    }
}
