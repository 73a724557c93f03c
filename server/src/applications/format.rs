//! The files of an application: `app.json`, and by folder what each JSON file holds.
//!
//! A text is a language map, or `"@key"` for an entry of `texts/zh-CN.json` and `texts/en.json`.

use std::collections::BTreeMap;
use std::fmt;

use form_runtime::{Map, Text};
use rule_engine::{Hook, Rule, RuleSource};
use serde::{Deserialize, Serialize};

use crate::measures::Measure;
use crate::tasks::Relay;

/// The folders of an application; all but texts and samples are kept as its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// form definitions
    Forms,
    /// rules of every hook
    Rules,
    /// ledgers
    Ledgers,
    /// task templates
    Tasks,
    /// channels
    Channels,
    /// which measures a task's board shows first
    Boards,
    /// examples that are played before installing
    Cases,
    /// texts by language
    Texts,
    /// sheets to try a task with
    Sample,
}

impl Kind {
    /// Every kind, in the order of installing.
    pub const ALL: [Self; 9] = [
        Self::Forms,
        Self::Rules,
        Self::Ledgers,
        Self::Tasks,
        Self::Channels,
        Self::Boards,
        Self::Cases,
        Self::Texts,
        Self::Sample,
    ];

    /// Name of its folder.
    pub fn key(self) -> &'static str {
        match self {
            Self::Forms => "forms",
            Self::Rules => "rules",
            Self::Ledgers => "ledgers",
            Self::Tasks => "tasks",
            Self::Channels => "channels",
            Self::Boards => "boards",
            Self::Cases => "cases",
            Self::Texts => "texts",
            Self::Sample => "sample",
        }
    }

    /// By name of the folder.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// A key of an application or of a file in it.
pub fn is_key(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// A stable reference `app/key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    /// key of the application
    pub app: String,
    /// key of the file in its folder
    pub key: String,
}

impl TryFrom<String> for Reference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            Some((app, key)) if is_key(app) && is_key(key) => Ok(Self { app: app.to_owned(), key: key.to_owned() }),
            _ => Err(format!("`{text}` is not a reference like app/key")),
        }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.key)
    }
}

/// `app.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// key of the application, stable for ever
    pub id: String,
    /// `1.0.0`
    pub version: String,
    /// name for people
    pub title: Text,
    /// what it is for
    #[serde(default)]
    pub about: Text,
    /// what must be there
    #[serde(default)]
    pub needs: Needs,
}

/// What an application builds on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// attributes of the knowledge model, `person.live_alone`
    #[serde(default)]
    pub attributes: Vec<String>,
    /// other applications whose objects it names
    #[serde(default)]
    pub applications: Vec<String>,
}

/// `rules/KEY.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// name for people
    pub title: Text,
    /// where it is asked
    pub hook: Hook,
    /// sentence, table, ready-made or Rhai
    pub source: RuleSource,
}

impl RuleFile {
    /// As the engine compiles it.
    pub fn rule(&self) -> Rule {
        Rule { source: self.source.clone() }
    }
}

/// `tasks/KEY.json`: a template that a new task begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// name of the task
    pub title: Text,
    /// the form that is filled
    pub form: Reference,
    /// `listed`, `discovery`, `unit_return`
    pub shape: String,
    /// dispatch rule; the usual one if none
    #[serde(default)]
    pub rule: Option<Reference>,
    /// what is counted
    #[serde(default)]
    pub measures: TaskMeasures,
    /// working days for an item
    #[serde(default)]
    pub working_days: Option<i64>,
    /// which levels act themselves
    #[serde(default)]
    pub relay: Relay,
    /// where its persons usually come from
    #[serde(default)]
    pub ledger: Option<Reference>,
}

/// Measures of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskMeasures {
    /// in the order of the board
    #[serde(default)]
    pub declared: Vec<Measure>,
    /// rule of the hook `measure`
    #[serde(default)]
    pub rule: Option<Reference>,
}

/// `channels/KEY.json`: installed as a draft; its places are chosen by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelFile {
    /// name for residents
    pub title: Text,
    /// what residents read first
    #[serde(default)]
    pub intro: Text,
    /// the form that is filled
    pub form: Reference,
    /// `none` (whoever handles a case decides) or `worker` (a second worker confirms)
    pub review: String,
    /// days until an answer
    #[serde(default)]
    pub working_days: Option<i64>,
}

/// `boards/KEY.json`: which measures of a task's board stand first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardFile {
    /// name for people
    pub title: Text,
    /// the task template, of this application
    pub task: Reference,
    /// keys of its measures, in order
    pub measures: Vec<String>,
}

/// `cases/KEY.json`: examples of one form or one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// the form they fill
    #[serde(default)]
    pub form: Option<Reference>,
    /// the civil date on which they fill it, `2026-11-24`
    #[serde(default)]
    pub today: Option<form_runtime::Date>,
    /// the rule they ask
    #[serde(default)]
    pub rule: Option<Reference>,
    /// each a [`FormCase`] or a [`rule_engine::Case`]
    pub cases: Vec<serde_json::Value>,
}

/// Answers to a form, and what must come of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormCase {
    /// name for people
    pub name: String,
    /// known before, by field
    #[serde(default)]
    pub known: Map,
    /// as typed, by field
    pub answers: Map,
    /// the message expected at each field that is wrong, by its stable key; exactly these
    #[serde(default)]
    pub errors: BTreeMap<String, String>,
    /// the same for what is only pointed out
    #[serde(default)]
    pub warnings: BTreeMap<String, String>,
    /// the canonical answers, all of them; absent: not compared
    #[serde(default)]
    pub normalized: Option<Map>,
}
