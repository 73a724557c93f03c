//! What a file held, sheet by sheet.

use std::collections::BTreeMap;

use super::{
    cell::Cell,
    error::{SheetError, SheetErrorKind},
    limits::{Limits, Used},
};

/// A file as read; at least one sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Workbook {
    /// Sheets in the order of their tabs.
    pub sheets: Vec<Sheet>,
}

impl Workbook {
    /// The first sheet that is not hidden and holds something, or the error to show.
    pub fn first_visible(&self) -> Result<&Sheet, SheetError> {
        self.sheets.iter().find(|s| !s.hidden && !s.rows.is_empty()).ok_or_else(|| SheetErrorKind::Empty.into())
    }
}

/// One sheet without its blank surroundings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// Name on the tab; for csv the file's name.
    pub name: String,
    /// Hidden, also "very hidden".
    pub hidden: bool,
    /// Rows from the first filled one to the last. A row ends with its last
    /// filled cell and begins in column A, so a cell's index is its column.
    pub rows: Vec<Vec<Cell>>,
    /// Number of `rows[0]` in the file as Excel shows it, from 1.
    pub first_row: u32,
    /// Merged ranges.
    pub merges: Vec<Merge>,
    /// Row numbers, from 1, that are hidden, for instance by a filter.
    pub hidden_rows: Vec<u32>,
}

/// A merged range; rows from 1 as in the file, columns from 0, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// First and last row number, from 1.
    pub rows: (u32, u32),
    /// First and last column, from 0.
    pub columns: (u32, u32),
}

impl Sheet {
    /// Row number in the file of `rows[index]`.
    pub fn row_number(&self, index: usize) -> u32 {
        self.first_row.saturating_add(index as u32)
    }

    /// The cell at `rows[row]`, column from 0; empty beyond the end.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.rows.get(row).and_then(|r| r.get(column)).unwrap_or(&Cell::Empty)
    }

    /// An error at a cell of this sheet.
    pub fn error_at(&self, row: usize, column: Option<usize>, kind: SheetErrorKind) -> SheetError {
        SheetError {
            kind,
            sheet: Some(self.name.clone()),
            row: Some(self.row_number(row)),
            column: column.map(|c| c as u32),
        }
    }
}

/// Collects the filled cells of one sheet within the limits.
pub(super) struct SheetBuilder<'a> {
    sheet: Sheet,
    /// By zero-based row: hostile files hold their rows in any order.
    rows: BTreeMap<u32, Vec<Cell>>,
    limits: &'a Limits,
    used: &'a mut Used,
}

impl<'a> SheetBuilder<'a> {
    pub(super) fn new(name: &str, hidden: bool, limits: &'a Limits, used: &'a mut Used) -> Self {
        let sheet = Sheet { name: name.to_owned(), hidden, ..Sheet::default() };
        Self { sheet, rows: BTreeMap::new(), limits, used }
    }

    /// An error at a zero-based position.
    pub(super) fn error(&self, row: u32, column: u32, kind: SheetErrorKind) -> SheetError {
        SheetError {
            kind,
            sheet: Some(self.sheet.name.clone()),
            row: Some(row.saturating_add(1)),
            column: Some(column),
        }
    }

    /// Adds a cell at a zero-based position. Cells may come in any order.
    pub(super) fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), SheetError> {
        if cell == Cell::Empty {
            return Ok(());
        }
        if let Some(text) = cell.raw_text() {
            let chars = if text.len() > self.limits.cell_chars { text.chars().count() } else { 0 };
            if chars > self.limits.cell_chars {
                let kind = SheetErrorKind::CellTooLong { limit: self.limits.cell_chars };
                return Err(self.error(row, column, kind));
            }
            self.used.add_text(text.len(), self.limits)?;
        }
        if column as usize >= self.limits.columns {
            let kind = SheetErrorKind::TooManyColumns { limit: self.limits.columns };
            return Err(self.error(row, column, kind));
        }
        let first = self.rows.first_key_value().map_or(row, |(r, _)| row.min(*r));
        let last = self.rows.last_key_value().map_or(row, |(r, _)| row.max(*r));
        if (last - first) as usize >= self.limits.rows {
            let kind = SheetErrorKind::TooManyRows { limit: self.limits.rows };
            return Err(self.error(row, column, kind));
        }
        let cells = self.rows.entry(row).or_default();
        let width = column as usize + 1;
        if cells.len() < width {
            self.used.add_cells(width - cells.len(), self.limits)?;
            cells.resize(width, Cell::Empty);
        }
        cells[column as usize] = cell;
        Ok(())
    }

    pub(super) fn merge(&mut self, from: (u32, u32), to: (u32, u32)) {
        if self.sheet.merges.len() >= self.limits.rows {
            return; // no sheet made by people has so many
        }
        let rows = (from.0.saturating_add(1), to.0.saturating_add(1));
        self.sheet.merges.push(Merge { rows, columns: (from.1, to.1) });
    }

    pub(super) fn hide_row(&mut self, row: u32) {
        if self.sheet.hidden_rows.len() < self.limits.rows {
            self.sheet.hidden_rows.push(row.saturating_add(1));
        }
    }

    pub(super) fn finish(mut self) -> Sheet {
        let Some((&first, _)) = self.rows.first_key_value() else {
            return self.sheet;
        };
        self.sheet.first_row = first.saturating_add(1);
        for (row, cells) in self.rows {
            self.sheet.rows.resize_with((row - first) as usize, Vec::new);
            self.sheet.rows.push(cells);
        }
        self.sheet
    }
}
