//! The filter of one request: what the reader typed and chose, over the ledger's own condition.

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use crate::app::App;
use crate::entities::search::{Looked, People, Sort, Test, born_until};
use crate::error::AppError;
use crate::geography::{Resolved, resolve};
use crate::platform::ids::Id;

/// Parameters of an address or of an export. Unknown values count as not chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// search text
    pub q: String,
    /// a place and what is below
    pub place: String,
    /// the same as typed, where no script chose it
    pub place_text: String,
    /// `yes`, `no`
    pub alone: String,
    /// `0-17`, `18-59`, `60-69`, `70-79`, `80-89`, `90-`
    pub age: String,
    /// GB/T 2261.1 code
    pub sex: String,
    /// see [`Sort`]
    pub sort: String,
    /// where the page begins
    pub cursor: String,
}

/// Age bands on offer: key, from, below.
pub const AGES: [(&str, i64, i64); 6] =
    [("0-17", 0, 18), ("18-59", 18, 60), ("60-69", 60, 70), ("70-79", 70, 80), ("80-89", 80, 90), ("90-", 90, 151)];

impl Filter {
    /// The place that was chosen or typed. A text that names no place, or several, is a fault.
    pub fn place(&self, app: &App) -> Result<Option<Id>, AppError> {
        let geography = app.geography();
        if let Ok(id) = self.place.trim().parse::<Id>() {
            return geography.get(id).map(|place| Some(place.id)).ok_or(AppError::invalid("place", "ledgers-no-place"));
        }
        let text = if self.place.trim().is_empty() { self.place_text.trim() } else { self.place.trim() };
        if text.is_empty() {
            return Ok(None);
        }
        match resolve(&geography, text, None) {
            Resolved::One(id) => Ok(Some(id)),
            Resolved::None => Err(AppError::invalid("place", "ledgers-no-place")),
            Resolved::Many(_) => Err(AppError::invalid("place", "ledgers-many-places")),
        }
    }

    /// The people this filter and the ledger's condition name together.
    pub fn people(&self, app: &App, definition: &Definition) -> Result<People, AppError> {
        let today = app.clock.today();
        let mut tests: Vec<Test> = definition.condition.iter().filter_map(|condition| condition.test(today)).collect();
        if let Some(place) = self.place(app)? {
            tests.push(Test::Within(place));
        }
        match self.alone.as_str() {
            "yes" => tests.push(Test::LivesAlone(true)),
            "no" => tests.push(Test::LivesAlone(false)),
            _ => {}
        }
        if let Some((_, from, below)) = AGES.iter().find(|band| band.0 == self.age) {
            tests.push(Test::BornUntil(born_until(today, *from)));
            tests.push(Test::BornAfter(born_until(today, *below)));
        }
        if matches!(self.sex.as_str(), "1" | "2") {
            tests.push(Test::Sex(self.sex.clone()));
        }
        let looked = Looked::parse(&self.q);
        if looked == Some(Looked::Whole) {
            return Err(AppError::invalid("q", "entities-only-last-four"));
        }
        Ok(People { looked, tests, sort: Sort::from_key(&self.sort) })
    }

    /// Pairs of an address, without what is empty and without `leave`. A whole number is never among them.
    pub fn pairs(&self, leave: &str) -> Vec<(String, String)> {
        let q = if Looked::parse(&self.q) == Some(Looked::Whole) { "" } else { self.q.as_str() };
        let all = [
            ("q", q),
            ("place", self.place.as_str()),
            ("place_text", self.place_text.as_str()),
            ("alone", self.alone.as_str()),
            ("age", self.age.as_str()),
            ("sex", self.sex.as_str()),
            ("sort", self.sort.as_str()),
        ];
        all.into_iter()
            .filter(|(name, value)| !value.is_empty() && *name != leave && !(leave == "place" && *name == "place_text"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
