//! Reading xls (BIFF8, Excel 97 to 2003; also what WPS saves as et).

use std::{collections::BTreeMap, sync::Arc};

use super::{
    biff::{Records, id, plain_string, rk, shared_strings},
    cell::Cell,
    cfb::{Container, u16_at, u32_at},
    error::{SheetError, SheetErrorKind},
    limits::{Limits, Used},
    sheet::{SheetBuilder, Workbook},
    xlsx_parts::is_date_format,
};

fn damaged() -> SheetError {
    SheetErrorKind::Damaged { part: "Workbook".into() }.into()
}

/// Reads an xls file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Workbook, SheetError> {
    let container = Container::open(bytes)?;
    if container.has("EncryptedPackage") {
        return Err(SheetErrorKind::Encrypted.into());
    }
    if container.has("WordDocument") {
        return Err(SheetErrorKind::WordDocument.into());
    }
    if container.has("_VBA_PROJECT_CUR") || container.has("_VBA_PROJECT") {
        return Err(SheetErrorKind::Macro.into());
    }
    let Some(stream) = container.stream("Workbook") else {
        let old = container.has("Book");
        let kind = if old { SheetErrorKind::TooOld } else { SheetErrorKind::NotASheet };
        return Err(kind.into());
    };
    let stream = stream?;
    let mut used = Used::default();
    let globals = globals(&stream, limits, &mut used)?;
    if globals.sheets.len() > limits.sheets {
        return Err(SheetErrorKind::TooManySheets { limit: limits.sheets }.into());
    }
    let mut sheets = Vec::new();
    for tab in &globals.sheets {
        let mut builder = SheetBuilder::new(&tab.name, tab.hidden, limits, &mut used);
        let from = stream.get(tab.offset..).ok_or_else(damaged)?;
        read_sheet(from, &globals, &mut builder)?;
        sheets.push(builder.finish());
    }
    if sheets.iter().all(|s| s.rows.is_empty()) {
        return Err(SheetErrorKind::Empty.into());
    }
    Ok(Workbook { sheets })
}

struct Tab {
    name: String,
    hidden: bool,
    offset: usize,
}

#[derive(Default)]
struct Globals {
    sheets: Vec<Tab>,
    strings: Vec<Arc<str>>,
    /// For each cell style whether it shows a date.
    dates: Vec<bool>,
    is_1904: bool,
}

impl Globals {
    fn number(&self, value: f64, style: Option<u16>) -> Cell {
        let is_date = style.and_then(|s| self.dates.get(usize::from(s)).copied());
        if is_date.unwrap_or(false) { Cell::serial(value, self.is_1904) } else { Cell::float(value) }
    }
}

fn globals(stream: &[u8], limits: &Limits, used: &mut Used) -> Result<Globals, SheetError> {
    let mut out = Globals::default();
    let mut formats: BTreeMap<u16, bool> = BTreeMap::new();
    let mut styles: Vec<u16> = Vec::new();
    let mut records = Records(stream).peekable();
    match records.peek() {
        Some((id::BOF, data)) if u16_at(data, 0) == Some(0x0600) => {}
        Some((id::BOF, _)) => return Err(SheetErrorKind::TooOld.into()),
        _ => return Err(damaged()),
    }
    while let Some((id, data)) = records.next() {
        match id {
            id::EOF => break,
            id::FILE_PASS => return Err(SheetErrorKind::Encrypted.into()),
            id::DATE_MODE => out.is_1904 = u16_at(data, 0) == Some(1),
            id::BOUND_SHEET if data.len() >= 8 => {
                let offset = u32_at(data, 0).ok_or_else(damaged)? as usize;
                let (state, kind) = (*data.get(4).unwrap_or(&0), *data.get(5).unwrap_or(&0));
                match kind {
                    0 => {}
                    1 | 6 => return Err(SheetErrorKind::Macro.into()),
                    _ => continue, // a chart
                }
                let name = plain_string(&data[6..], false).ok_or_else(damaged)?;
                out.sheets.push(Tab { name, hidden: state & 3 != 0, offset });
            }
            id::FORMAT => {
                if let (Some(key), Some(code)) = (u16_at(data, 0), data.get(2..).and_then(|d| plain_string(d, true))) {
                    formats.insert(key, is_date_format(u32::from(key), Some(&code)));
                }
            }
            id::XF => styles.push(u16_at(data, 2).ok_or_else(damaged)?),
            id::SST => {
                let mut pieces = vec![data];
                while let Some((_, more)) = records.next_if(|(id, _)| *id == id::CONTINUE) {
                    pieces.push(more);
                }
                out.strings = shared_strings(pieces, limits, used)?.ok_or_else(damaged)?;
            }
            _ => {}
        }
    }
    out.dates =
        styles.iter().map(|s| formats.get(s).copied().unwrap_or_else(|| is_date_format(u32::from(*s), None))).collect();
    Ok(out)
}

fn read_sheet(from: &[u8], globals: &Globals, sheet: &mut SheetBuilder<'_>) -> Result<(), SheetError> {
    // A chart inside the sheet is a nested block of records of its own.
    let mut depth = 0_u32;
    let mut formula_at = None;
    for (id, data) in Records(from) {
        match id {
            id::BOF => depth += 1,
            id::EOF if depth <= 1 => return Ok(()),
            id::EOF => depth -= 1,
            _ if depth != 1 => {}
            id::STRING => {
                if let (Some((row, column)), Some(text)) = (formula_at.take(), plain_string(data, true)) {
                    sheet.put(row, column, Cell::text(&text))?;
                }
            }
            id::MERGE_CELLS => {
                for range in data.get(2..).unwrap_or_default().chunks_exact(8) {
                    let n = |at| u32::from(u16_at(range, at).unwrap_or(0));
                    sheet.merge((n(0), n(4)), (n(2), n(6)));
                }
            }
            id::ROW => {
                if let (Some(row), Some(options)) = (u16_at(data, 0), u16_at(data, 12))
                    && options & 0x20 != 0
                {
                    sheet.hide_row(u32::from(row));
                }
            }
            _ => {
                if let Some(at) = cell_record(id, data, globals, sheet)? {
                    formula_at = Some(at);
                }
            }
        }
    }
    // The end of the stream came before the end of the sheet.
    Err(damaged())
}

/// Reads one cell record; gives the position of a formula whose text follows.
fn cell_record(
    id: u16,
    data: &[u8],
    globals: &Globals,
    sheet: &mut SheetBuilder<'_>,
) -> Result<Option<(u32, u32)>, SheetError> {
    let (Some(row), Some(column)) = (u16_at(data, 0), u16_at(data, 2)) else {
        return Ok(None);
    };
    let (row, column) = (u32::from(row), u32::from(column));
    let style = u16_at(data, 4);
    let float = |at: usize| {
        let raw = data.get(at..at + 8)?;
        Some(f64::from_le_bytes(raw.try_into().ok()?))
    };
    let cell = match id {
        id::NUMBER => float(6).map(|value| globals.number(value, style)),
        id::RK => u32_at(data, 6).map(|raw| globals.number(rk(raw), style)),
        id::MUL_RK => {
            let pairs = data.get(4..data.len().saturating_sub(2)).unwrap_or_default();
            for (n, pair) in pairs.chunks_exact(6).enumerate() {
                let value = rk(u32_at(pair, 2).unwrap_or(0));
                sheet.put(row, column + n as u32, globals.number(value, u16_at(pair, 0)))?;
            }
            return Ok(None);
        }
        id::LABEL_SST => {
            let index = u32_at(data, 6).ok_or_else(damaged)? as usize;
            let text = globals.strings.get(index).ok_or_else(damaged)?;
            Some(if text.is_empty() { Cell::Empty } else { Cell::Text(Arc::clone(text)) })
        }
        id::LABEL => data.get(6..).and_then(|d| plain_string(d, true)).map(|t| Cell::text(&t)),
        id::BOOL_ERR => bool_or_error(data.get(6).copied(), data.get(7).copied()),
        id::FORMULA => match data.get(6..14) {
            Some([0, .., 0xFF, 0xFF]) => return Ok(Some((row, column))),
            Some([1, _, value, .., 0xFF, 0xFF]) => bool_or_error(Some(*value), Some(0)),
            Some([2, _, value, .., 0xFF, 0xFF]) => bool_or_error(Some(*value), Some(1)),
            Some([.., 0xFF, 0xFF]) => None,
            _ => float(6).map(|value| globals.number(value, style)),
        },
        _ => return Ok(None),
    };
    match cell {
        Some(cell) => sheet.put(row, column, cell)?,
        None if id == id::FORMULA => {}
        None => return Err(damaged()),
    }
    Ok(None)
}

fn bool_or_error(value: Option<u8>, is_error: Option<u8>) -> Option<Cell> {
    let value = value?;
    if is_error? == 0 {
        return Some(Cell::Bool(value != 0));
    }
    let name = match value {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        _ => "#N/A",
    };
    Some(Cell::Error(name.into()))
}
