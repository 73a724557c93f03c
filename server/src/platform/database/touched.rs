//! Which tables a transaction has written: what a cache must know to forget in time.

use super::catalogue::TABLES;

/// A set of tables, by their position in the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched(u128);

impl Touched {
    /// Every table.
    pub const ALL: Self = Self(u128::MAX);

    /// The set of these tables; a name that the catalogue does not have is every table.
    pub fn of(names: &[&str]) -> Self {
        names.iter().fold(Self::default(), |all, name| all.and(Self::named(name)))
    }

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing was written.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a table of the other set is in this one.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Positions in the catalogue.
    pub(in crate::platform) fn positions(self) -> impl Iterator<Item = usize> {
        (0..TABLES.len()).filter(move |at| self.0 & (1 << at) != 0)
    }

    /// Names of the tables.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.positions().map(|at| TABLES[at].0)
    }

    /// Adds what a statement writes; a reading one adds nothing. A writing statement that is not understood
    /// adds every table: a cache that forgets too much is slow, one that forgets too little is wrong.
    pub fn note(&mut self, sql: &str) {
        let mut words = sql.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').filter(|w| !w.is_empty());
        let named = match words.next() {
            Some("SELECT" | "SET" | "LOCK") => return,
            Some("UPDATE") => words.next(),
            Some("INSERT" | "DELETE") => words.nth(1),
            _ => None,
        };
        *self = self.and(named.map_or(Self::ALL, Self::named));
    }

    fn named(name: &str) -> Self {
        let at = TABLES.iter().position(|(table, _)| *table == name);
        at.map_or(Self::ALL, |at| Self(1 << at))
    }
}

// One bit for each table.
const _: () = assert!(TABLES.len() < 128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_tells_its_table() {
        let note = |sql: &str| {
            let mut touched = Touched::default();
            touched.note(sql);
            touched
        };
        assert!(note("SELECT id FROM item").is_empty());
        assert_eq!(note("INSERT INTO item (shard, id) VALUES ($1, $2)"), Touched::of(&["item"]));
        assert_eq!(note("UPDATE task SET version = 2"), Touched::of(&["task"]));
        assert_eq!(note("DELETE FROM delta WHERE id = $1").names().collect::<Vec<_>>(), ["delta"]);
        assert_eq!(note("create table x (id uuid)"), Touched::ALL);
        assert_eq!(note("UPDATE unheard_of SET a = 1"), Touched::ALL);
        assert!(note("UPDATE task SET a = 1").meets(Touched::of(&["place", "task"])));
    }
}
