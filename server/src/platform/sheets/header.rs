//! Finding the header of a table among titles, units and notes.

use super::{
    error::{SheetError, SheetErrorKind},
    sheet::Sheet,
    text::{normalize_label, same_label},
};

/// How far down a header may begin, in rows after the first filled one.
const SEARCHED_ROWS: usize = 60;
/// Most rows of one header.
const MAX_DEPTH: usize = 3;

/// A column to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its label, then other names it may have. A label may be a path
    /// (`配偶/姓名`) where a sheet has the same label under several parents.
    pub labels: Vec<String>,
    /// Whether the sheet is refused without it.
    pub required: bool,
}

impl Wanted {
    /// A column that must be there.
    pub fn required(label: &str) -> Self {
        Self { labels: vec![label.to_owned()], required: true }
    }

    /// A column that may be missing.
    pub fn optional(label: &str) -> Self {
        Self { labels: vec![label.to_owned()], required: false }
    }

    /// Another name for the same column.
    #[must_use]
    pub fn or(mut self, label: &str) -> Self {
        self.labels.push(label.to_owned());
        self
    }

    fn label(&self) -> &str {
        self.labels.first().map_or("", String::as_str)
    }
}

/// Where the header stands and which columns were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// First header row, an index into `Sheet::rows`.
    pub first: usize,
    /// Last header row; data begins after it.
    pub last: usize,
    /// For each wanted column its index in a row, in the order asked for.
    pub columns: Vec<Option<usize>>,
    /// Every labelled column with its label, parents first, joined by `/`.
    pub labels: Vec<(usize, String)>,
}

impl Header {
    /// Labelled columns that were not asked for.
    pub fn unmatched(&self) -> impl Iterator<Item = &(usize, String)> {
        self.labels.iter().filter(|(column, _)| !self.columns.contains(&Some(*column)))
    }

    /// The label of a column, or "".
    pub fn label_of(&self, column: usize) -> &str {
        self.labels.iter().find(|(c, _)| *c == column).map_or("", |(_, label)| label)
    }
}

/// Finds the row or rows that hold most of the wanted labels.
///
/// Fails when no such row exists, a required column is missing, or one label
/// stands in two columns (a label that is the same under two parents must be
/// asked for by its path).
pub fn find_header(sheet: &Sheet, wanted: &[Wanted]) -> Result<Header, SheetError> {
    let mut best: Option<(usize, usize, usize)> = None; // score, depth, row
    for depth in 1..=MAX_DEPTH {
        for row in 0..sheet.rows.len().min(SEARCHED_ROWS) {
            let labels = label_paths(sheet, row, depth);
            let score = wanted.iter().filter(|w| !matches_of(&labels, w).is_empty()).count();
            // Ties go to the shallower, then to the earlier header.
            if score > best.map_or(0, |b| b.0) {
                best = Some((score, depth, row));
            }
        }
    }
    let required: Vec<&Wanted> = wanted.iter().filter(|w| w.required).collect();
    let not_found = || {
        let names = if required.is_empty() { wanted.iter().collect() } else { required.clone() };
        let wanted = names.iter().map(|w| w.label().to_owned()).collect();
        SheetError {
            kind: SheetErrorKind::HeaderNotFound { wanted },
            sheet: Some(sheet.name.clone()),
            row: None,
            column: None,
        }
    };
    let Some((score, depth, first)) = best else {
        return Err(not_found());
    };
    if score * 2 < required.len() {
        return Err(not_found());
    }
    let labels = label_paths(sheet, first, depth);
    let last = bottom(sheet, first, first + depth - 1);
    let mut columns = Vec::with_capacity(wanted.len());
    for want in wanted {
        match matches_of(&labels, want)[..] {
            [] if want.required => {
                let kind = SheetErrorKind::MissingColumn { label: want.label().to_owned() };
                return Err(sheet.error_at(last, None, kind));
            }
            [] => columns.push(None),
            [one] => columns.push(Some(one)),
            [one, other, ..] => {
                let label = want.label().to_owned();
                let kind = SheetErrorKind::DuplicateColumn { label, other: one as u32 };
                return Err(sheet.error_at(last, Some(other), kind));
            }
        }
    }
    let labels = labels.into_iter().map(|(c, path)| (c, path.join("/"))).collect();
    Ok(Header { first, last, columns, labels })
}

/// Columns that answer to a wanted label: by whole path if any does, else by
/// the last part alone; earlier names of the column go first.
fn matches_of(labels: &[(usize, Vec<String>)], want: &Wanted) -> Vec<usize> {
    for name in &want.labels {
        let whole = name.replace('/', "");
        let by_path: Vec<usize> =
            labels.iter().filter(|(_, path)| same_label(&path.concat(), &whole)).map(|(column, _)| *column).collect();
        if !by_path.is_empty() {
            return by_path;
        }
        let by_leaf: Vec<usize> = labels
            .iter()
            .filter(|(_, path)| path.last().is_some_and(|leaf| same_label(leaf, name)))
            .map(|(column, _)| *column)
            .collect();
        if !by_leaf.is_empty() {
            return by_leaf;
        }
    }
    Vec::new()
}

/// For each labelled column its labels from top to bottom, `depth` rows from
/// `row`. A parent's label stands over all columns it is merged across;
/// where the file knows no merges, over the blanks to its right.
fn label_paths(sheet: &Sheet, row: usize, depth: usize) -> Vec<(usize, Vec<String>)> {
    let last = (row + depth).min(sheet.rows.len());
    let width = sheet.rows[row..last].iter().map(Vec::len).max().unwrap_or(0);
    let mut paths: Vec<Vec<String>> = vec![Vec::new(); width];
    for r in row..last {
        let is_parent = r + 1 < last;
        let mut carried = String::new();
        for (column, path) in paths.iter_mut().enumerate() {
            let own = normalize_label(&sheet.cell(r, column).display());
            let own = match (own.is_empty(), is_parent) {
                (false, _) => own,
                (true, true) if sheet.merges.is_empty() => carried.clone(),
                (true, true) => merged_label(sheet, r, column),
                (true, false) => String::new(),
            };
            carried.clone_from(&own);
            if !own.is_empty() && path.last() != Some(&own) {
                path.push(own);
            }
        }
    }
    paths.into_iter().enumerate().filter(|(_, path)| !path.is_empty()).collect()
}

/// Label of the range merged over this cell from the left.
fn merged_label(sheet: &Sheet, row: usize, column: usize) -> String {
    let number = sheet.row_number(row);
    let merge =
        sheet.merges.iter().find(|m| m.rows.0 == number && (m.columns.0..=m.columns.1).contains(&(column as u32)));
    merge.map_or_else(String::new, |m| normalize_label(&sheet.cell(row, m.columns.0 as usize).display()))
}

/// The last row that a vertically merged label of the header reaches into.
fn bottom(sheet: &Sheet, first: usize, last: usize) -> usize {
    let (from, to) = (sheet.row_number(first), sheet.row_number(last));
    let reach = sheet
        .merges
        .iter()
        .filter(|m| m.rows.0 >= from && m.rows.0 <= to)
        .map(|m| m.rows.1.min(to + MAX_DEPTH as u32))
        .max()
        .unwrap_or(to);
    last.max((reach - sheet.first_row) as usize).min(sheet.rows.len() - 1)
}
