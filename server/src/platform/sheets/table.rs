//! What a table to be written looks like, apart from its format.

use jiff::civil::Date;

/// What a column holds; decides its format in xlsx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// Free text.
    Text,
    /// Numbers that are names: identity numbers, telephones, codes. Formatted
    /// as text down the whole sheet, so that what people add keeps its digits.
    Id,
    /// Numbers to reckon with.
    Number,
    /// Days.
    Date,
    /// One of these; a drop-down list in xlsx.
    Choice(Vec<String>),
}

/// One column to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Label in the header.
    pub label: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Width in characters; from label and kind when `None`.
    pub width: Option<u16>,
    /// Marked with `*` in the header.
    pub required: bool,
    /// Hidden in xlsx.
    pub hidden: bool,
}

impl Column {
    /// A visible, optional column.
    pub fn new(label: &str, kind: ColumnKind) -> Self {
        Self { label: label.to_owned(), kind, width: None, required: false, hidden: false }
    }

    pub(super) fn header(&self) -> String {
        if self.required { format!("*{}", self.label) } else { self.label.clone() }
    }

    pub(super) fn width(&self) -> f64 {
        let label = self.label.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<u16>() + 3;
        let kind = match &self.kind {
            ColumnKind::Text => 16,
            ColumnKind::Id => 22,
            ColumnKind::Number => 10,
            ColumnKind::Date => 12,
            ColumnKind::Choice(_) => 14,
        };
        f64::from(self.width.unwrap_or_else(|| label.max(kind).min(60)))
    }
}

/// A table to write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSpec {
    /// Name on the tab; characters that Excel refuses are replaced.
    pub sheet_name: String,
    /// Columns from left to right.
    pub columns: Vec<Column>,
    /// Name of the sheet with the explanation.
    pub explanation_name: String,
    /// Its lines; no such sheet when empty. Not written to csv.
    pub explanation: Vec<String>,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Office Open XML.
    Xlsx,
    /// UTF-8 with a mark, so that Excel reads Chinese; guarded against formulas.
    Csv,
}

/// One value to write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// An empty cell.
    Empty,
    /// Text; never becomes a formula.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A day.
    Date(Date),
    /// 是 or 否.
    Bool(bool),
}
