//! What items count for at the leaves of both trees, and its way up.

use std::collections::HashMap;

use super::Axis;
use super::chains::Chains;
use super::fold::Counts;
use crate::platform::ids::Id;
use crate::platform::texts::Gathering;

/// Axis, node, measure, and the "day" of a day total: millions of totals name the same few words, by number.
pub(super) type Key = (Axis, Id, u32, Option<u32>);

/// Measure, day, amount; measure and day by the numbers of their names.
pub(super) type Amount = (u32, u32, i64);

/// Of each leaf the few measures and days it has.
#[derive(Default)]
pub(super) struct Leaves(HashMap<(Axis, Id), Vec<Amount>>);

impl Leaves {
    /// Adds amounts, each with its measure and day, at the place and, apart from it, at the holder.
    pub(super) fn add(&mut self, place: Id, holder: Id, amounts: &[Amount]) {
        for leaf in [(Axis::Place, place), (Axis::Organization, holder)] {
            let there = self.0.entry(leaf).or_default();
            for (measure, day, amount) in amounts {
                match there.iter_mut().find(|(of, on, _)| (of, on) == (measure, day)) {
                    Some((.., total)) => *total += amount,
                    None => there.push((*measure, *day, *amount)),
                }
            }
        }
    }

    /// The leaves of one axis.
    pub(super) fn of(&self, axis: Axis) -> impl Iterator<Item = Id> {
        self.0.keys().filter(move |(of, _)| *of == axis).map(|(_, leaf)| *leaf)
    }

    /// Hands over what lies at the leaves of one axis for every node above them: to its total, to its day series or
    /// both.
    pub(super) fn climb(&self, axis: Axis, above: &Chains, names: &Gathering, mut take: impl FnMut(Key, i64)) {
        for ((_, leaf), amounts) in self.0.iter().filter(|((of, _), _)| *of == axis) {
            for (measure, day, amount) in amounts {
                let counts = Counts::of(names.get(*measure));
                for node in above.of(*leaf) {
                    if counts.total {
                        take((axis, node, *measure, None), *amount);
                    }
                    if counts.daily {
                        take((axis, node, *measure, Some(*day)), *amount);
                    }
                }
            }
        }
    }
}
