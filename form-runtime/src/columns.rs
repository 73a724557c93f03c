//! A form as the columns of a sheet, and back: header cells to fields, a row
//! to answers.
//!
//! Columns are matched by their whole label path first, so that the 姓名 under
//! 户主 is not the 姓名 of the subject; then by their last label, if that is
//! one field's alone.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::controls::{Kind, clean};
use crate::{CompiledField, CompiledForm, Lang, Map};

/// One column of a sheet made from a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Field key.
    pub field: String,
    /// Header.
    pub label: String,
    /// Filling note for the header's comment; empty when there is none.
    pub hint: String,
    /// Must be filled whatever the rest.
    pub required: bool,
    /// Its cells hold ciphertext elsewhere: write the mask.
    pub secret: bool,
    /// Not to be filled.
    pub readonly: bool,
    /// Labels for a drop-down list; empty when anything may be typed.
    pub choices: Vec<String>,
    /// Write cells as text, so that long numbers keep their digits.
    pub text: bool,
}

/// What is wrong with a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum ColumnFault {
    /// A required field has no column.
    Missing {
        /// Field key.
        field: String,
        /// Its label.
        label: String,
    },
    /// No field has this label. Its cells would be left out.
    Unknown {
        /// Column, counted from 0.
        column: usize,
        /// Its header as written.
        header: String,
    },
    /// Two columns are the same field.
    Double {
        /// Field key.
        field: String,
        /// Its label.
        label: String,
        /// The columns, counted from 0.
        columns: Vec<usize>,
    },
}

impl ColumnFault {
    /// The sentence for whoever sent the sheet.
    pub fn text(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Missing { label, .. }, Lang::ZhCn) => format!("缺少“{label}”这一列，请补上"),
            (Self::Missing { label, .. }, Lang::En) => {
                format!("The column \"{label}\" is missing; add it")
            }
            (Self::Unknown { column, header }, Lang::ZhCn) => {
                format!("第 {} 列“{header}”不在表单里，请改成表单里的名称或删掉", letters(*column))
            }
            (Self::Unknown { column, header }, Lang::En) => {
                format!("Column {} \"{header}\" is not in the form; rename or remove it", letters(*column))
            }
            (Self::Double { label, columns, .. }, Lang::ZhCn) => {
                format!("第 {} 列都是“{label}”，请只留一列", join(columns, "、"))
            }
            (Self::Double { label, columns, .. }, Lang::En) => {
                format!("Columns {} are all \"{label}\"; keep one", join(columns, ", "))
            }
        }
    }

    /// Whether rows can still be read.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }
}

/// Which column is which field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnMatch {
    /// Column, counted from 0, by field key.
    pub fields: BTreeMap<String, usize>,
    /// Column by system label (as given to [`match_columns`]), e.g. 编号.
    pub system: BTreeMap<String, usize>,
    /// What is wrong.
    pub faults: Vec<ColumnFault>,
}

impl ColumnMatch {
    /// Rows can be read.
    pub fn is_usable(&self) -> bool {
        !self.fields.is_empty() && !self.faults.iter().any(ColumnFault::is_fatal)
    }

    /// The answers of a row, by field key; empty cells are left out, which
    /// means unchanged. Signs for nothing (—, /) count as empty.
    pub fn answers(&self, form: &CompiledForm, row: &[Value]) -> Map {
        let mut answers = Map::new();
        for (key, column) in &self.fields {
            let (Some(field), Some(cell)) = (form.field(key), row.get(*column)) else {
                continue;
            };
            if let Some(cell) = cell_answer(field, cell) {
                answers.insert(key.clone(), cell);
            }
        }
        answers
    }
}

/// The columns of a form, in order, without computed fields.
pub fn columns_of(form: &CompiledForm, lang: Lang) -> Vec<Column> {
    let asked = form.fields().iter().filter(|f| f.computed.is_none());
    asked
        .map(|field| Column {
            field: field.key().to_owned(),
            label: field.label().get(lang).to_owned(),
            hint: field.definition.hint.get(lang).to_owned(),
            required: field.always_required(),
            secret: field.secret,
            readonly: field.definition.readonly == Some(Value::Bool(true)),
            choices: choices(field, lang),
            text: matches!(field.control.kind(), Kind::Text),
        })
        .collect()
}

fn choices(field: &CompiledField, lang: Lang) -> Vec<String> {
    match field.control.kind() {
        Kind::Boolean => [true, false].map(|yes| field.control.display(&yes.into(), &field.options, lang)).to_vec(),
        // A drop-down list of a sheet takes one entry.
        Kind::List => Vec::new(),
        _ => field.options.choices.iter().map(|c| c.label.get(lang).to_owned()).collect(),
    }
}

/// Matches header cells. Each column comes as its label path, outermost first
/// (one element for a header of one row). `system` are labels that are not
/// fields but known to the caller (编号, 所在社区).
pub fn match_columns(form: &CompiledForm, header: &[Vec<String>], system: &[&str]) -> ColumnMatch {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut out = ColumnMatch::default();
    for (column, path) in header.iter().enumerate() {
        let path: Vec<String> = path.iter().map(|l| squeeze(l)).filter(|l| !l.is_empty()).collect();
        let Some(last) = path.last() else { continue };
        let own = system.iter().find(|s| squeeze(s) == *last);
        if let Some(label) = own.filter(|l| !out.system.contains_key(**l)) {
            out.system.insert((*label).to_owned(), column);
        } else if let Some(field) = find(form, &path) {
            found.entry(field.key().to_owned()).or_default().push(column);
        } else {
            let written = header[column].last().map_or("", |l| l.trim()).to_owned();
            out.faults.push(ColumnFault::Unknown { column, header: written });
        }
    }
    for field in form.fields() {
        let (key, label) = (field.key().to_owned(), field.label().get(Lang::ZhCn).to_owned());
        match found.remove(&key) {
            Some(columns) if columns.len() > 1 => {
                out.faults.push(ColumnFault::Double { field: key, label, columns });
            }
            Some(columns) => {
                out.fields.insert(key, columns[0]);
            }
            None if field.always_required() => {
                out.faults.push(ColumnFault::Missing { field: key, label });
            }
            None => {}
        }
    }
    out
}

fn find<'a>(form: &'a CompiledForm, path: &[String]) -> Option<&'a CompiledField> {
    let whole = path.concat();
    let last = path.last()?;
    let named = |wanted: &str| {
        let mut fields = form.fields().iter().filter(|f| names(f).any(|n| n == wanted));
        let first = fields.next();
        // A label that two fields share says nothing.
        first.filter(|_| fields.next().is_none())
    };
    named(&whole).or_else(|| named(last))
}

fn names(field: &CompiledField) -> impl Iterator<Item = String> {
    let definition = &field.definition;
    let labels = definition.label.all().chain(definition.aliases.iter().map(String::as_str));
    labels.chain([definition.key.as_str()]).map(squeeze)
}

/// A label without its noise: spaces, line breaks, asterisks, question
/// numbers, units and remarks in brackets, colons.
fn squeeze(label: &str) -> String {
    let label: String = clean(label).to_lowercase();
    let mut plain = String::new();
    let mut depth = 0_usize;
    for c in label.chars() {
        match c {
            '(' | '[' | '【' | '〔' | '{' => depth += 1,
            ')' | ']' | '】' | '〕' | '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 || c.is_whitespace() || matches!(c, '*' | ':' | '/' | '_' | '"' | '#') => {}
            _ => plain.push(c),
        }
    }
    let rest = plain.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['.', '、', ',']) {
        Some(label) if rest.len() < plain.len() && !label.is_empty() => label.to_owned(),
        _ => plain,
    }
}

/// What a cell answers; `None` when it is empty or says "nothing".
fn cell_answer(field: &CompiledField, cell: &Value) -> Option<Value> {
    let text = match cell {
        Value::Null => return None,
        Value::String(text) => clean(text),
        _ => return Some(cell.clone()),
    };
    // 无 is an answer to yes/no and an option may be called so.
    let option = field.options.choices.iter().any(|c| c.label.all().any(|l| clean(l) == text));
    let nothing = crate::controls::is_nothing_sign(&text) && field.control.kind() != Kind::Boolean && !option;
    (!text.is_empty() && !nothing).then(|| cell.clone())
}

/// Letters of a column: 0 is A.
pub fn letters(column: usize) -> String {
    let mut rest = column + 1;
    let mut text = Vec::new();
    while rest > 0 {
        rest -= 1;
        text.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    text.iter().rev().collect()
}

fn join(columns: &[usize], with: &str) -> String {
    columns.iter().map(|c| letters(*c)).collect::<Vec<_>>().join(with)
}
