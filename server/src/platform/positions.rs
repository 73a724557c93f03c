//! Finding rows of a list by id. Only positions are kept, the ids stay in the rows: a quarter of what a map from id
//! to position takes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::ids::Id;

/// Positions by id.
#[derive(Debug, Default)]
pub struct Positions {
    table: HashTable<u32>,
    hasher: RandomState,
}

impl Positions {
    /// Of a list of `count` rows; `id` tells that of a row. Of rows with the same id the last is found.
    pub fn new(count: usize, id: impl Fn(u32) -> Id) -> Self {
        let hasher = RandomState::new();
        let hash = |at: u32| hasher.hash_one(id(at));
        let mut table = HashTable::with_capacity(count);
        for at in 0..count as u32 {
            let own = id(at);
            *table.entry(hash(at), |&known| id(known) == own, |&known| hash(known)).or_insert(at).get_mut() = at;
        }
        Self { table, hasher }
    }

    /// Where the row with this id stands; `id` as in [`Positions::new`].
    #[inline]
    pub fn find(&self, wanted: Id, id: impl Fn(u32) -> Id) -> Option<u32> {
        self.table.find(self.hasher.hash_one(wanted), |&at| id(at) == wanted).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    #[test]
    fn every_row_is_found_and_nothing_else() {
        let ids: Vec<Id> = (0..1000).map(new_free_id).collect();
        let id = |at: u32| ids[at as usize];
        let positions = Positions::new(ids.len(), id);
        assert!(ids.iter().zip(0..).all(|(wanted, at)| positions.find(*wanted, id) == Some(at)));
        assert_eq!(positions.find(new_free_id(0), id), None);
        assert_eq!(Positions::default().find(ids[0], |_| Id::nil()), None);
    }

    #[test]
    fn of_equal_ids_the_last_is_found() {
        let ids = [Id::from_u128(1), Id::from_u128(2), Id::from_u128(1)];
        let id = |at: u32| ids[at as usize];
        let positions = Positions::new(ids.len(), id);
        assert_eq!((positions.find(ids[0], id), positions.find(ids[1], id)), (Some(2), Some(1)));
    }
}
