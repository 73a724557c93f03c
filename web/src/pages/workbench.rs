//! Contexts of the workbench.

use serde::Serialize;

use super::channels::FilterLink;

/// One thing to do.
#[derive(Debug, Clone, Serialize)]
pub struct Todo {
    /// what
    pub title: String,
    /// where from, how much, why
    pub note: String,
    /// address
    pub href: String,
    /// words of its button
    pub action: String,
    /// state or due time
    pub chip: String,
    /// colour of the chip
    pub chip_kind: &'static str,
    /// how much of it is done
    pub percent: Option<i64>,
    /// whether it is the first thing to do
    pub first: bool,
}

/// Something that can be made.
#[derive(Debug, Clone, Serialize)]
pub struct Create {
    /// what
    pub title: String,
    /// more
    pub note: String,
    /// address
    pub href: String,
    /// icon
    pub icon: &'static str,
}

/// A number.
#[derive(Debug, Clone, Serialize)]
pub struct Number {
    /// of what
    pub label: String,
    /// how many
    pub value: i64,
    /// address, where there is one
    pub href: Option<String>,
}

/// The workbench.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    /// good morning
    pub greeting: String,
    /// the day
    pub today: String,
    /// due today
    pub due_today: i64,
    /// filter chips
    pub filters: Vec<FilterLink>,
    /// what is to do, by due time
    pub todos: Vec<Todo>,
    /// more than is shown
    pub more: Option<FilterLink>,
    /// what can be made
    pub creates: Vec<Create>,
    /// where the numbers are of
    pub place: String,
    /// numbers
    pub numbers: Vec<Number>,
    /// ledgers
    pub ledgers: Vec<Number>,
    /// the one next step when nothing is to do
    pub empty_text: String,
    /// its words
    pub empty_action: String,
    /// its address
    pub empty_href: String,
}
