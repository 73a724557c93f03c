//! Office sheets: reading what people upload and writing what they download.
//!
//! Everything here is a plain function on bytes, so that it can be tested
//! without a server. Uploaded files are hostile until read: the content is
//! sniffed (never the extension), every size is bounded before memory is
//! spent, and each refusal is a [`SheetError`] that names the sheet, row and
//! column and says in Chinese or English what to do next.
//!
//! The usual order of calls: [`read`], [`Workbook::first_visible`],
//! [`find_header`], [`data_rows`], and for a sheet that was downloaded before,
//! [`match_ids`]. Writing goes through [`TableWriter`].

mod biff;
mod cell;
mod cfb;
mod delimited;
mod error;
mod error_text;
mod guard;
mod header;
mod limits;
mod refs;
mod rows;
mod sheet;
mod sniff;
mod table;
mod text;
mod updown;
mod write;
mod xls;
mod xlsx;
mod xlsx_cells;
mod xlsx_parts;
mod xml;

use std::path::Path;

pub use cell::Cell;
pub use error::{SheetError, SheetErrorKind};
pub use header::{Header, Wanted, find_header};
pub use limits::Limits;
pub use refs::column_letter;
pub use rows::{DataRows, SkipReason, Skipped, data_rows};
pub use sheet::{Merge, Sheet, Workbook};
pub use sniff::Format;
pub use table::{Column, ColumnKind, Output, TableSpec, Value};
pub use text::{normalize_label, normalize_text};
pub use updown::{ID_LABEL, KnownRow, UpReport, id_column, match_ids};
pub use write::TableWriter;

/// Reads one uploaded file.
///
/// `file_name` only names the sheet of a csv file; the format is decided by
/// the content. Fails with a [`SheetError`] ready to be shown.
pub fn read(bytes: &[u8], file_name: &str, limits: &Limits) -> Result<Workbook, SheetError> {
    if bytes.len() as u64 > limits.bytes {
        return Err(SheetErrorKind::FileTooLarge { limit: limits.bytes }.into());
    }
    match sniff::sniff(bytes)? {
        Format::Xlsx => xlsx::read(bytes, limits),
        Format::Xls => xls::read(bytes, limits),
        Format::Delimited => delimited::read(bytes, file_name, limits),
    }
}

/// Reads one file from disk; its size is checked before it is loaded.
pub fn read_path(path: &Path, limits: &Limits) -> Result<Workbook, SheetError> {
    let unreadable = |e: std::io::Error| SheetErrorKind::Io { detail: e.kind().to_string() };
    if std::fs::metadata(path).map_err(unreadable)?.len() > limits.bytes {
        return Err(SheetErrorKind::FileTooLarge { limit: limits.bytes }.into());
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    read(&bytes, &name, limits)
}
