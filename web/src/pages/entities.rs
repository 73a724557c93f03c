//! One person, and the search over people, places and organizations.

use serde::Serialize;

/// One known value of a person.
#[derive(Debug, Clone, Serialize)]
pub struct PersonFact {
    /// Attribute key, to reveal by.
    pub key: String,
    /// Its name.
    pub label: String,
    /// In words; a secret's mask.
    pub value: String,
    /// "2026-10-28 独居老人走访，王强".
    pub note: String,
    /// "24 天前", "有两种说法".
    pub chip: String,
    /// Kind of the chip.
    pub chip_kind: &'static str,
    /// What a newer statement says instead.
    pub contender: Option<String>,
    /// Whether it is a secret that the reader may reveal.
    pub revealable: bool,
    /// The clear value, once, after a reason was given.
    pub clear: Option<String>,
}

/// What was said once.
#[derive(Debug, Clone, Serialize)]
pub struct Statement {
    /// Form or file.
    pub title: String,
    /// Who, and which attributes.
    pub note: String,
    /// When.
    pub at: String,
    /// Kind of the mark.
    pub kind: &'static str,
}

/// Somebody who governs or serves, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Serving {
    /// "属地", "网格".
    pub kind: String,
    /// Who.
    pub name: String,
    /// Why.
    pub why: String,
}

/// A relation to another entity.
#[derive(Debug, Clone, Serialize)]
pub struct LinkRow {
    /// Relation in words.
    pub label: String,
    /// The other end.
    pub name: String,
    /// Its page, if it has one.
    pub href: Option<String>,
}

/// `entities/person.html`.
#[derive(Debug, Clone, Serialize)]
pub struct PersonPage {
    /// Id in addresses.
    pub id: String,
    /// Name, or what stands for it.
    pub name: String,
    /// "女，81 岁".
    pub note: String,
    /// Words about the person.
    pub chips: Vec<String>,
    /// Generated for a demo.
    pub made_up: bool,
    /// What is known.
    pub facts: Vec<PersonFact>,
    /// Names of attributes that lists use and nobody has said yet.
    pub gaps: Vec<String>,
    /// Newest first.
    pub statements: Vec<Statement>,
    /// Older statements.
    pub older_href: Option<String>,
    /// How many statements wait for a worker.
    pub waiting: i64,
    /// Relations.
    pub links: Vec<LinkRow>,
    /// Who governs and serves.
    pub serving: Vec<Serving>,
    /// Who looked at secrets in the last 30 days.
    pub looked_at: Vec<String>,
    /// What is wrong with the reason.
    pub reason_error: Option<String>,
    /// Attribute that was asked for without a good reason.
    pub reason_for: Option<String>,
}

/// One hit of the search.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    /// What was found.
    pub title: String,
    /// More about it.
    pub note: String,
    /// Its page.
    pub href: String,
}

/// `entities/search.html`.
#[derive(Debug, Clone, Serialize)]
pub struct SearchPage {
    /// What was searched; never a whole number.
    pub q: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// People in the reader's scope.
    pub people: Vec<Hit>,
    /// Whether there are more people.
    pub more_people: bool,
    /// Where all people of this search are listed.
    pub people_href: String,
    /// Places.
    pub places: Vec<Hit>,
    /// Organizations.
    pub organizations: Vec<Hit>,
}
