//! Reading csv and tsv as office software and old systems write them.

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::{
    cell::Cell,
    error::{SheetError, SheetErrorKind},
    limits::{Limits, Used},
    sheet::{SheetBuilder, Workbook},
};

/// Decodes UTF-8, UTF-16 (also without a mark) or GBK; the mark is dropped.
pub(super) fn decode(bytes: &[u8]) -> Result<String, SheetError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, broken) = encoding.decode_without_bom_handling(&bytes[mark..]);
        return if broken { Err(SheetErrorKind::Encoding.into()) } else { Ok(text.into_owned()) };
    }
    let zeros = |start: usize| bytes.iter().skip(start).step_by(2).filter(|b| **b == 0).count();
    let candidates: &[&'static Encoding] = match (zeros(0), zeros(1)) {
        (0, 0) => &[UTF_8, GB18030],
        (even, odd) if odd > even => &[UTF_16LE],
        _ => &[UTF_16BE],
    };
    for encoding in candidates {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes)
            && !text.contains('\0')
        {
            return Ok(text.into_owned());
        }
    }
    Err(SheetErrorKind::Encoding.into())
}

/// Reads a csv or tsv file as one sheet named after the file.
pub(super) fn read(bytes: &[u8], file_name: &str, limits: &Limits) -> Result<Workbook, SheetError> {
    let text = decode(bytes)?;
    let odd = text.chars().filter(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n')).count();
    if odd * 200 > text.len() {
        return Err(SheetErrorKind::NotASheet.into());
    }
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let delimiter = delimiter(&text);
    let mut used = Used::default();
    let mut sheet = SheetBuilder::new(name, false, limits, &mut used);
    let (mut row, mut column) = (0_u32, 0_u32);
    let mut field = String::new();
    let mut quoted_since = None;
    let mut was_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if field.len() > limits.cell_chars.saturating_mul(4) {
            let kind = SheetErrorKind::CellTooLong { limit: limits.cell_chars };
            return Err(sheet.error(row, column, kind));
        }
        match c {
            '"' if quoted_since.is_some() => {
                if chars.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    quoted_since = None;
                }
            }
            c if quoted_since.is_some() => field.push(c),
            '"' if field.is_empty() && !was_quoted => {
                (quoted_since, was_quoted) = (Some((row, column)), true);
            }
            c if c == delimiter => {
                sheet.put(row, column, cell(&field))?;
                field.clear();
                (column, was_quoted) = (column.saturating_add(1), false);
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => {
                sheet.put(row, column, cell(&field))?;
                field.clear();
                (row, column, was_quoted) = (row.saturating_add(1), 0, false);
            }
            c => field.push(c),
        }
    }
    if let Some((row, column)) = quoted_since {
        return Err(sheet.error(row, column, SheetErrorKind::OpenQuote));
    }
    sheet.put(row, column, cell(&field))?;
    let sheet = sheet.finish();
    if sheet.rows.is_empty() {
        return Err(SheetErrorKind::Empty.into());
    }
    Ok(Workbook { sheets: vec![sheet] })
}

/// The separator that the first lines use most outside quotation marks.
fn delimiter(text: &str) -> char {
    let mut counts = [(',', 0_u32), ('\t', 0), (';', 0)];
    let mut quoted = false;
    for c in text.chars().take(8_192) {
        if c == '"' {
            quoted = !quoted;
        }
        if let Some(entry) = counts.iter_mut().find(|(d, _)| *d == c && !quoted) {
            entry.1 += 1;
        }
    }
    // The first of equals wins.
    counts.iter().rev().max_by_key(|(_, n)| *n).map_or(',', |(d, _)| *d)
}

/// A field's value. Undone: `="001"` and `'=1` (ways of keeping Excel from
/// interpreting a value). Flagged: `1.10105E+17`, what Excel leaves of an
/// identity number when it saves csv.
fn cell(field: &str) -> Cell {
    let inner = field.strip_prefix("=\"").and_then(|f| f.strip_suffix('"'));
    let field = inner.unwrap_or(field);
    let field = match field.strip_prefix('\'') {
        Some(rest) if super::write::is_risky(rest) => rest,
        _ => field,
    };
    match field.trim().split_once(['E', 'e']) {
        Some((mantissa, exponent)) if is_rounded(mantissa, exponent) => Cell::LostPrecision(field.trim().into()),
        _ => Cell::text(field),
    }
}

fn is_rounded(mantissa: &str, exponent: &str) -> bool {
    let digits = mantissa.chars().filter(char::is_ascii_digit).count();
    let plain = mantissa.chars().all(|c| c.is_ascii_digit() || c == '.');
    let whole = mantissa.split('.').next().unwrap_or_default();
    exponent.starts_with('+')
        && plain
        && whole.len() == 1
        && exponent[1..].parse::<usize>().is_ok_and(|e| (11..40).contains(&e) && digits <= e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        assert_eq!(cell("=\"0012\""), Cell::text("0012"));
        assert_eq!(cell("'=1+1"), Cell::text("=1+1"));
        assert_eq!(cell("'70s"), Cell::text("'70s"));
        assert_eq!(cell("1.10105E+17"), Cell::LostPrecision("1.10105E+17".into()));
        assert_eq!(cell("2E5"), Cell::text("2E5"));
        assert_eq!(cell("B1.2E+17"), Cell::text("B1.2E+17"));
        assert_eq!(delimiter("a\tb,c\td"), '\t');
        assert_eq!(delimiter("\"a;b;c\",d"), ',');
        assert_eq!(delimiter("only"), ',');
    }
}
