//! Rows that are found by their id and by what they name; each way costs a few bytes a row.

use crate::platform::ids::Id;
use crate::platform::positions::Positions;

/// Rows in the order of their ids.
#[derive(Debug)]
pub struct List<T> {
    rows: Box<[T]>,
    id: fn(&T) -> Id,
    positions: Positions,
}

impl<T> List<T> {
    /// Of rows in any order.
    pub fn new(mut rows: Vec<T>, id: fn(&T) -> Id) -> Self {
        rows.sort_unstable_by_key(id);
        let positions = Positions::new(rows.len(), |at| id(&rows[at as usize]));
        Self { rows: rows.into_boxed_slice(), id, positions }
    }

    /// A row by id.
    pub fn get(&self, id: Id) -> Option<&T> {
        self.positions.find(id, |at| (self.id)(self.at(at))).map(|at| self.at(at))
    }

    /// The row at a position.
    pub fn at(&self, at: u32) -> &T {
        &self.rows[at as usize]
    }

    /// All rows.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.rows.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Positions of the rows of a [`List`] that name something, by what they name.
#[derive(Debug)]
pub struct By<T> {
    named: fn(&T) -> Option<Id>,
    positions: Box<[u32]>,
}

impl<T> By<T> {
    /// Rows that name the same follow each other in the order of their ids.
    pub fn new(list: &List<T>, named: fn(&T) -> Option<Id>) -> Self {
        Self::ordered(list, named, list.id)
    }

    /// Rows that name the same follow each other in an order of their own.
    pub fn ordered<K: Ord>(list: &List<T>, named: fn(&T) -> Option<Id>, order: impl Fn(&T) -> K) -> Self {
        let all = 0..list.rows.len() as u32;
        let mut positions: Box<[u32]> = all.filter(|&at| named(list.at(at)).is_some()).collect();
        positions.sort_unstable_by_key(|&at| (named(list.at(at)), order(list.at(at))));
        Self { named, positions }
    }

    /// The rows of the same list that name `wanted`.
    pub fn of<'l>(&'l self, wanted: Id, list: &'l List<T>) -> impl Iterator<Item = &'l T> {
        let (named, wanted) = (self.named, Some(wanted));
        let first = self.positions.partition_point(|&at| named(list.at(at)) < wanted);
        self.positions[first..].iter().map(|&at| list.at(at)).take_while(move |row| named(row) == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row {
        id: u128,
        above: Option<u128>,
        rank: i64,
    }

    fn list(rows: &[(u128, Option<u128>, i64)]) -> List<Row> {
        let rows = rows.iter().map(|&(id, above, rank)| Row { id, above, rank }).collect();
        List::new(rows, |row| Id::from_u128(row.id))
    }

    fn above(row: &Row) -> Option<Id> {
        row.above.map(Id::from_u128)
    }

    fn ids<'l>(rows: impl Iterator<Item = &'l Row>) -> Vec<u128> {
        rows.map(|row| row.id).collect()
    }

    #[test]
    fn rows_are_found_by_id_and_by_what_they_name() {
        let list = list(&[(5, Some(1), 0), (1, None, 0), (3, Some(1), 9), (4, Some(3), 0), (2, Some(1), 1)]);
        assert_eq!((ids(list.all()), list.len()), (vec![1, 2, 3, 4, 5], 5));
        assert_eq!(list.get(Id::from_u128(4)).map(|row| row.above), Some(Some(3)));
        assert!(list.get(Id::from_u128(6)).is_none());
        let below = By::new(&list, above);
        let of = |id| ids(below.of(Id::from_u128(id), &list));
        assert_eq!([of(1), of(3), of(4), of(9), of(0)], [vec![2, 3, 5], vec![4], vec![], vec![], vec![]]);
        let ranked = By::ordered(&list, above, |row| (row.rank, row.id));
        assert_eq!(ids(ranked.of(Id::from_u128(1), &list)), [5, 2, 3]);
    }

    #[test]
    fn nothing_is_found_in_an_empty_list() {
        let list = list(&[]);
        assert!(list.get(Id::from_u128(1)).is_none());
        assert_eq!(By::new(&list, above).of(Id::from_u128(1), &list).count(), 0);
    }
}
