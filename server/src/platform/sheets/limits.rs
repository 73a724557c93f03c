//! How much of an uploaded sheet is accepted.

use super::error::{SheetError, SheetErrorKind};

/// Bounds on one uploaded file. The defaults fit a district's largest lists
/// and keep the worst accepted file at a few hundred megabytes of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of the uploaded file in bytes.
    pub bytes: u64,
    /// Entries in an xlsx package.
    pub entries: usize,
    /// Sum of the unpacked sizes of an xlsx package in bytes.
    pub unpacked: u64,
    /// Unpacked size over packed size of one part larger than 16 MiB.
    pub ratio: u64,
    /// Sheets in a workbook.
    pub sheets: usize,
    /// Rows of one sheet, from its first filled row to its last.
    pub rows: usize,
    /// Columns of one sheet, counted from column A.
    pub columns: usize,
    /// Cell slots over all sheets, including empty ones left of a filled one.
    pub cells: usize,
    /// Characters in one cell; Excel itself allows 32,767.
    pub cell_chars: usize,
    /// Bytes of text over all cells and shared strings.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 20 << 20,
            entries: 2_000,
            unpacked: 256 << 20,
            ratio: 200,
            sheets: 100,
            rows: 200_000,
            columns: 500,
            cells: 6_000_000,
            cell_chars: 32_767,
            text_bytes: 128 << 20,
        }
    }
}

/// What one reading has used up so far, over all sheets.
#[derive(Debug, Default)]
pub(super) struct Used {
    cells: usize,
    text: usize,
}

impl Used {
    /// Counts `slots` more cells.
    pub(super) fn add_cells(&mut self, slots: usize, limits: &Limits) -> Result<(), SheetError> {
        self.cells = self.cells.saturating_add(slots);
        if self.cells > limits.cells {
            return Err(SheetErrorKind::TooManyCells { limit: limits.cells }.into());
        }
        Ok(())
    }

    /// Counts `bytes` more bytes of text.
    pub(super) fn add_text(&mut self, bytes: usize, limits: &Limits) -> Result<(), SheetError> {
        self.text = self.text.saturating_add(bytes);
        if self.text > limits.text_bytes {
            return Err(SheetErrorKind::TooMuchText { limit: limits.text_bytes }.into());
        }
        Ok(())
    }
}
