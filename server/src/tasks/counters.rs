//! The counters of assignments: `received`, `passed_down`, `returned_up`.
//!
//! Every movement of an item changes them here and nowhere else, in the transaction that moves the item:
//! leaving takes one from `received` of every unit on the way up and from `passed_down` of every giver;
//! entering adds the same. What both ways share cancels out, so a transfer between two communities of
//! one township touches neither the district nor the city.
//!
//! Lanes move items of one task at the same time, so a counter is never set to a number that was read: it
//! is added to, row by row in the order of ids.

use std::collections::{BTreeMap, HashMap};

use super::model::Assignment;
use super::store::{self, ASSIGNMENT};
use crate::args;
use crate::platform::database::bulk::{OnKey, adding};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::Id;

const ADD: &str = "UPDATE assignment SET received = received + $3, passed_down = passed_down + $4, returned_up = returned_up + $5, \
     version = version + 1 WHERE task_id = $1 AND id = $2";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[ADD];

/// What is added to the counters of one assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// items that came in
    pub received: i64,
    /// items handed down
    pub passed_down: i64,
    /// items given back upwards
    pub returned_up: i64,
}

/// Changes of counters, by assignment in the order of ids (the order in which rows are locked).
pub type Shifts = BTreeMap<Id, Amounts>;

/// Adds one item's movement. The ways lead from an assignment to the issuer's; an empty one is outside:
/// an item found in the field comes from nowhere.
pub fn shift(shifts: &mut Shifts, from: &[Id], to: &[Id], returned: bool) {
    for (way, sign) in [(from, -1), (to, 1)] {
        for (at, assignment) in way.iter().enumerate() {
            let amounts = shifts.entry(*assignment).or_default();
            amounts.received += sign;
            if at > 0 {
                amounts.passed_down += sign;
            }
        }
    }
    if let (true, Some(leaving)) = (returned, from.first()) {
        shifts.entry(*leaving).or_default().returned_up += 1;
    }
}

/// Writes the changes in an open transaction.
pub async fn write(tx: &mut impl Exec, task: Id, shifts: &Shifts) -> Result<(), StoreError> {
    #[cfg(feature = "fault-hooks")]
    if !shifts.values().all(|amounts| *amounts == Amounts::default()) && super::faults::shifts_lost(task) {
        return Ok(());
    }
    for (id, amounts) in shifts.iter().filter(|(_, amounts)| **amounts != Amounts::default()) {
        let args = args![task, *id, amounts.received, amounts.passed_down, amounts.returned_up];
        if tx.execute(ADD, args).await? != 1 {
            return Err(StoreError::Corrupt(format!("assignment {id} is missing")));
        }
    }
    Ok(())
}

/// Adds a release to the counters of many assignments, in as few statements as arguments allow.
pub async fn add_release(tx: &mut impl Exec, assignments: &[Assignment], shifts: &Shifts) -> Result<(), StoreError> {
    let known: HashMap<Id, &Assignment> = assignments.iter().map(|assignment| (assignment.id, assignment)).collect();
    let mut rows = Vec::with_capacity(shifts.len());
    for (id, amounts) in shifts {
        let found = known.get(id).ok_or_else(|| StoreError::Corrupt(format!("assignment {id} is missing")))?;
        let Amounts { received, passed_down, returned_up } = *amounts;
        rows.push(Assignment { received, passed_down, returned_up, version: 1, ..Assignment::clone(found) }.row());
    }
    ASSIGNMENT.write(tx, rows, entered()).await.map(|_| ())
}

/// What a release adds to.
fn entered() -> OnKey {
    adding(&ASSIGNMENT, &["received", "passed_down", "returned_up", "version"])
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    vec![ASSIGNMENT.sql(2, entered())]
}

/// An assignment and those above it, up to the issuer's. Parents never change, so the way may be read
/// before the transaction that uses it.
pub async fn way_up(conn: &mut impl Exec, task: Id, assignment: Id) -> Result<Vec<Assignment>, StoreError> {
    let mut way = Vec::new();
    let mut next = Some(assignment);
    while let Some(id) = next {
        // Nine levels of places and a line of units: a longer way is a cycle.
        if way.len() == 16 {
            return Err(StoreError::Corrupt(format!("assignment {assignment} lies on a cycle")));
        }
        let found = store::assignment(conn, task, id).await?;
        next = found.parent_id;
        way.push(found);
    }
    Ok(way)
}

/// The ids of a way.
pub fn ids(way: &[Assignment]) -> Vec<Id> {
    way.iter().map(|assignment| assignment.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    fn amounts(received: i64, passed_down: i64, returned_up: i64) -> Amounts {
        Amounts { received, passed_down, returned_up }
    }

    #[test]
    fn what_two_ways_share_cancels_out() {
        let [city, township, one, two] = [1, 2, 3, 4].map(new_free_id);
        let mut shifts = Shifts::new();
        shift(&mut shifts, &[one, township, city], &[two, township, city], false);
        assert_eq!(shifts[&one], amounts(-1, 0, 0));
        assert_eq!(shifts[&two], amounts(1, 0, 0));
        assert_eq!((shifts[&township], shifts[&city]), (Amounts::default(), Amounts::default()));
    }

    #[test]
    fn a_return_is_held_by_the_giver_and_counted() {
        let [city, township, one] = [1, 2, 3].map(new_free_id);
        let mut shifts = Shifts::new();
        shift(&mut shifts, &[one, township, city], &[township, city], true);
        assert_eq!(shifts[&one], amounts(-1, 0, 1));
        assert_eq!(shifts[&township], amounts(0, -1, 0));
        assert_eq!(shifts[&city], Amounts::default());
    }

    #[test]
    fn what_is_found_enters_every_ancestor() {
        let [city, township, one] = [1, 2, 3].map(new_free_id);
        let mut shifts = Shifts::new();
        shift(&mut shifts, &[], &[one, township, city], false);
        assert_eq!(
            [shifts[&one], shifts[&township], shifts[&city]],
            [amounts(1, 0, 0), amounts(1, 1, 0), amounts(1, 1, 0)]
        );
    }
}
