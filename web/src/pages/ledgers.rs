//! Ledgers: the list of them, and one as a table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Choice;

/// One ledger of the list.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerLink {
    /// Title in the reader's language.
    pub title: String,
    /// Its page.
    pub href: String,
    /// How many people in the reader's scope; absent where it is not counted.
    pub count: Option<i64>,
    /// Its condition in words.
    pub note: String,
    /// Whether the page shows it.
    pub current: bool,
}

/// `ledgers/index.html`.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerList {
    /// In order.
    pub ledgers: Vec<LedgerLink>,
}

/// A condition in force.
#[derive(Debug, Clone, Serialize)]
pub struct ConditionLink {
    /// In words.
    pub label: String,
    /// The page without it.
    pub remove_href: String,
}

/// A column of the table.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerColumn {
    /// Key of the cell.
    pub key: String,
    /// Heading.
    pub label: String,
    /// `head`, `mask`, `number` or empty.
    pub kind: &'static str,
}

/// The filter form.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LedgerFilter {
    /// Search text; never a whole number.
    pub q: String,
    /// What is wrong with the search text.
    pub q_error: Option<String>,
    /// Id of the chosen place.
    pub place: String,
    /// Its name.
    pub place_label: String,
    /// What is wrong with the place.
    pub place_error: Option<String>,
    /// Chosen value.
    pub alone: String,
    /// On offer.
    pub alone_options: Vec<Choice>,
    /// Chosen value.
    pub age: String,
    /// On offer.
    pub age_options: Vec<Choice>,
    /// Chosen value.
    pub sex: String,
    /// On offer.
    pub sex_options: Vec<Choice>,
    /// Chosen value.
    pub sort: String,
    /// On offer.
    pub sort_options: Vec<Choice>,
}

/// `ledgers/ledger.html`.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerPage {
    /// Title in the reader's language.
    pub title: String,
    /// Where its page is.
    pub href: String,
    /// "186 人 · 文瀛湖街道".
    pub note: String,
    /// All ledgers, for the side.
    pub ledgers: Vec<LedgerLink>,
    /// Conditions in force.
    pub conditions: Vec<ConditionLink>,
    /// The filter form.
    pub filter: LedgerFilter,
    /// Columns.
    pub columns: Vec<LedgerColumn>,
    /// Rows by column key, with `href` and `id`.
    pub rows: Vec<Map<String, Value>>,
    /// The next page.
    pub next_href: Option<String>,
    /// Back to the first page, when not on it.
    pub first_href: Option<String>,
    /// Whether the reader may export.
    pub may_export: bool,
    /// Hidden fields of the export form.
    pub export_fields: BTreeMap<String, String>,
    /// Whether the filter itself is wrong: nothing was looked up.
    pub wrong: bool,
    /// Whether a filter is in force: says what to do when nothing is found.
    pub filtered: bool,
}
