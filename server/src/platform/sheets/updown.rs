//! A sheet that goes down with ids and comes back filled in: rows may have
//! been reordered, deleted, doubled or added in between.

use std::collections::HashMap;

use super::{
    error::{SheetError, SheetErrorKind},
    header::Header,
    rows::DataRows,
    sheet::Sheet,
    table::{Column, ColumnKind},
};

/// Label of the column that carries a row's id.
pub const ID_LABEL: &str = "编号（请勿改动）";

/// The id column of a sheet to be written; put it first. Hidden or not, it is
/// found again by its label.
pub fn id_column(hidden: bool) -> Column {
    Column { hidden, ..Column::new(ID_LABEL, ColumnKind::Id) }
}

/// A row that came back with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRow {
    /// The id that was handed out.
    pub id: String,
    /// Index into `Sheet::rows`.
    pub row: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpReport {
    /// Rows with a known id, each id once, in the order of the file.
    pub known: Vec<KnownRow>,
    /// Rows that repeat another one word for word; they change nothing.
    pub repeated: Vec<usize>,
    /// Filled rows without an id, where they are allowed.
    pub added: Vec<usize>,
    /// Ids handed out that did not come back: their rows were deleted. They
    /// are left as they are.
    pub missing: Vec<String>,
    /// What must be put right before anything is stored.
    pub errors: Vec<SheetError>,
}

/// Matches the rows of a filled-in sheet with the ids that were handed out.
///
/// `id_column` is the column found for [`ID_LABEL`]; `allow_added` says
/// whether rows without an id are new entries or mistakes.
pub fn match_ids(
    sheet: &Sheet,
    header: &Header,
    rows: &DataRows,
    id_column: usize,
    handed_out: &[String],
    allow_added: bool,
) -> UpReport {
    let mut report = UpReport::default();
    let mut seen: HashMap<&str, Option<usize>> = handed_out.iter().map(|id| (id.as_str(), None)).collect();
    for &row in &rows.rows {
        let id = sheet.cell(row, id_column).normalized_text();
        let at = |kind| sheet.error_at(row, Some(id_column), kind);
        if id.is_empty() {
            if allow_added {
                report.added.push(row);
            } else {
                report.errors.push(at(SheetErrorKind::MissingId));
            }
            continue;
        }
        match seen.get_mut(id.as_str()) {
            None => report.errors.push(at(SheetErrorKind::UnknownId { id })),
            Some(Some(other)) if same_content(sheet, header, *other, row) => {
                report.repeated.push(row);
            }
            Some(Some(other)) => {
                let other = sheet.row_number(*other);
                report.errors.push(at(SheetErrorKind::DuplicateId { id, other }));
            }
            Some(first) => {
                *first = Some(row);
                report.known.push(KnownRow { id, row });
            }
        }
    }
    report.missing = handed_out.iter().filter(|id| matches!(seen.get(id.as_str()), Some(None))).cloned().collect();
    report
}

/// Equal in every labelled column but the running number.
fn same_content(sheet: &Sheet, header: &Header, a: usize, b: usize) -> bool {
    header
        .labels
        .iter()
        .filter(|(_, label)| label != "序号")
        .all(|(column, _)| sheet.cell(a, *column).normalized_text() == sheet.cell(b, *column).normalized_text())
}
