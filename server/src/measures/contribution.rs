//! What one item contributes, as last counted: stored on the item as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::work::{Standing, counted_as};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// What every item of every task is counted for, besides the task's own measures. An item counts 1 for
/// `assigned` and 1 for its state.
pub const BUILT_IN: [&str; 8] = ["assigned", "open", "review", "correction", "void_proposed", "done", "waived", "void"];

/// One amount with the civil date on which it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// in the measure's smallest unit
    #[serde(rename = "n")]
    pub amount: i64,
    /// `YYYY-MM-DD`, kept while the amount stays the same
    #[serde(rename = "d")]
    pub day: String,
}

/// Amounts of one item at its two leaves. The default is that of an item which is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// leaf of the place axis
    #[serde(rename = "p")]
    pub place: Option<Id>,
    /// leaf of the organization axis
    #[serde(rename = "o")]
    pub organization: Option<Id>,
    /// by measure; zeros are left out
    #[serde(rename = "m")]
    pub amounts: BTreeMap<String, Counted>,
    /// what it is counted as while it is open work: measure and "day"; a function of the item's columns, not stored
    #[serde(skip)]
    pub(super) work: Option<(&'static str, String)>,
}

impl Contribution {
    /// Of an item that is not counted (not yet, or no more).
    pub fn none() -> Self {
        Self::default()
    }

    /// Of an item in `state` at `place`, held by `organization`, with the numbers its rule gave.
    /// An amount that `old` had too keeps its day; a changed one counts on `today`.
    ///
    /// A measure named like a built-in one is ignored: rules cannot falsify the states.
    pub fn of_item(
        state: &str,
        ruled: &BTreeMap<String, i64>,
        place: Id,
        organization: Id,
        today: &str,
        old: &Self,
    ) -> Self {
        let own = ruled.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
        let built_in = [("assigned", 1), (state, 1)];
        let amounts = own
            .map(|(name, amount)| (name.as_str(), *amount))
            .chain(built_in)
            .filter(|(_, amount)| *amount != 0)
            .map(|(name, amount)| {
                let kept = old.amounts.get(name).filter(|before| before.amount == amount);
                let counted = kept.cloned().unwrap_or_else(|| Counted { amount, day: today.to_owned() });
                (name.to_owned(), counted)
            })
            .collect();
        Self { place: Some(place), organization: Some(organization), amounts, work: None }
    }

    /// Of what a unit found (discovery): the numbers of its rule alone. Completion counts the units,
    /// measures count what they found.
    pub fn of_found(ruled: &BTreeMap<String, i64>, place: Id, organization: Id, today: &str, old: &Self) -> Self {
        let mut all = Self::of_item("open", ruled, place, organization, today, old);
        all.amounts.retain(|name, _| !BUILT_IN.contains(&name.as_str()));
        all
    }

    /// The same of an item that stands like this: deltas are made of this alone.
    #[must_use]
    pub fn standing(mut self, standing: &Standing<'_>) -> Self {
        self.work = counted_as(standing);
        self
    }

    /// Reads the column `item.contribution`; an empty text is [`Contribution::none`].
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text.is_empty() { Ok(Self::none()) } else { Ok(serde_json::from_str(text)?) }
    }

    /// The column `item.contribution`.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("ids, texts and numbers are JSON")
    }

    /// Everything it counts for: measure, day, amount.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, &str, i64)> {
        let amounts = self.amounts.iter().map(|(measure, by)| (measure.as_str(), by.day.as_str(), by.amount));
        amounts.chain(self.work.iter().map(|(measure, day)| (*measure, day.as_str(), 1)))
    }

    /// The amount of a measure, 0 if there is none.
    pub fn amount(&self, measure: &str) -> i64 {
        self.amounts.get(measure).map_or(0, |counted| counted.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ids::new_free_id;

    #[test]
    fn an_unchanged_amount_keeps_its_day() {
        let (place, unit) = (new_free_id(1), new_free_id(2));
        let ruled = BTreeMap::from([("alone".to_owned(), 1), ("assigned".to_owned(), 9)]);
        let first = Contribution::of_item("open", &BTreeMap::new(), place, unit, "2026-11-24", &Contribution::none());
        let second = Contribution::of_item("done", &ruled, place, unit, "2026-11-26", &first);
        assert_eq!(second.amounts["assigned"], Counted { amount: 1, day: "2026-11-24".into() });
        assert_eq!(second.amounts["done"].day, "2026-11-26");
        assert_eq!((second.amount("open"), second.amount("alone")), (0, 1));
        assert_eq!(Contribution::parse(&second.text()).expect("reads back"), second);
        assert_eq!(Contribution::parse("").expect("empty"), Contribution::none());
    }
}
