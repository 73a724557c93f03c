//! The cells of one xlsx sheet, read as a stream: a sheet that claims a
//! million rows costs only what it really holds.

use std::{io::BufRead, sync::Arc};

use super::{
    cell::Cell,
    error::SheetError,
    refs,
    sheet::SheetBuilder,
    xlsx::Shared,
    xlsx_parts::unescape,
    xml::{Xml, XmlItem},
};

/// Reads the cells, merges and hidden rows of a worksheet part.
pub(super) fn read<R: BufRead>(
    mut xml: Xml<R>,
    shared: &Shared,
    sheet: &mut SheetBuilder<'_>,
) -> Result<(), SheetError> {
    // Rows and cells may leave out their reference: they follow the last one.
    let mut row = 0_u32;
    let mut column = 0_u32;
    let mut started = false;
    loop {
        let item = xml.next()?;
        match item.start() {
            "row" => {
                let given = item.attribute("r").and_then(|r| r.parse::<u32>().ok());
                row = match given.and_then(|r| r.checked_sub(1)) {
                    Some(given) => given,
                    None if started => row.saturating_add(1),
                    None => 0,
                };
                (started, column) = (true, 0);
                if matches!(item.attribute("hidden"), Some("1" | "true")) {
                    sheet.hide_row(row);
                }
            }
            "c" => {
                let at = match item.attribute("r") {
                    Some(r) => refs::parse(r).ok_or_else(|| xml.damaged())?,
                    None => (row, column),
                };
                (row, column) = (at.0, at.1.saturating_add(1));
                let cell = read_cell(&mut xml, &item, shared)?;
                sheet.put(at.0, at.1, cell)?;
            }
            "mergeCell" => {
                if let Some((from, to)) = item.attribute("ref").and_then(refs::parse_range) {
                    sheet.merge(from, to);
                }
            }
            _ if item == XmlItem::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Reads to the end of a cell element.
fn read_cell<R: BufRead>(xml: &mut Xml<R>, start: &XmlItem, shared: &Shared) -> Result<Cell, SheetError> {
    let kind = start.attribute("t").unwrap_or("n");
    let mut value = String::new();
    loop {
        match xml.next()? {
            XmlItem::Start { name, .. } if name == "v" => value = xml.text_until("v", "", "")?,
            XmlItem::Start { name, .. } if name == "is" => {
                value = xml.text_until("is", "t", "rPh")?;
            }
            XmlItem::Start { name, .. } if name == "f" => {
                xml.text_until("f", "", "")?;
            }
            XmlItem::End { name } if name == "c" => break,
            XmlItem::Eof => return Err(xml.damaged()),
            _ => {}
        }
    }
    if value.is_empty() {
        return Ok(Cell::Empty);
    }
    let cell = match kind {
        "s" => {
            let index = value.trim().parse::<usize>().ok();
            match index.and_then(|i| shared.strings.get(i)) {
                Some(text) if text.is_empty() => Cell::Empty,
                Some(text) => Cell::Text(Arc::clone(text)),
                None => return Err(xml.damaged()),
            }
        }
        "str" | "inlineStr" => Cell::text(&unescape(&value)),
        "b" => Cell::Bool(matches!(value.trim(), "1" | "true")),
        "e" => Cell::Error(value.as_str().into()),
        "d" => iso(value.trim()),
        _ => {
            let style = start.attribute("s").and_then(|s| s.parse::<usize>().ok()).unwrap_or(0);
            match value.trim().parse::<f64>() {
                Ok(serial) if shared.dates.get(style).copied().unwrap_or(false) => Cell::serial(serial, shared.is_1904),
                _ => Cell::number(&value),
            }
        }
    };
    Ok(cell)
}

/// A date as the strict variant of the format writes it.
fn iso(value: &str) -> Cell {
    let value = value.trim_end_matches('Z');
    if let Ok(at) = value.parse::<jiff::civil::DateTime>() {
        let midnight = at.time() == jiff::civil::Time::midnight();
        return if midnight { Cell::Date(at.date()) } else { Cell::DateTime(at) };
    }
    Cell::text(value)
}
