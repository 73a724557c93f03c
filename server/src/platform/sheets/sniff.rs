//! What a file is, judged by its content.

use super::{
    cfb,
    delimited::decode,
    error::{SheetError, SheetErrorKind},
};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Office Open XML.
    Xlsx,
    /// Excel 97 to 2003.
    Xls,
    /// Text with commas, tabs or semicolons.
    Delimited,
}

/// How much of a text is looked at.
const HEAD: usize = 4096;

/// Decides by content; a kind that is not read is refused with its own message.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, SheetError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(SheetErrorKind::Empty.into());
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Ok(Format::Xlsx);
    }
    if bytes.starts_with(&cfb::MAGIC) {
        return Ok(Format::Xls);
    }
    // Excel 2 to 4: a bare stream of records, no container.
    if let [0x09, 0x00 | 0x02 | 0x04, 4..=8, 0, ..] = bytes {
        return Err(SheetErrorKind::TooOld.into());
    }
    let foreign: [&[u8]; 8] =
        [b"%PDF", b"Rar!", b"7z\xBC\xAF", b"\x89PNG", b"\xFF\xD8\xFF", b"GIF8", b"\x1F\x8B", b"{\\rtf"];
    if foreign.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(SheetErrorKind::NotASheet.into());
    }
    match markup(bytes) {
        Some(kind) => Err(kind.into()),
        None => Ok(Format::Delimited),
    }
}

/// Recognizes web pages and XML, in whatever encoding.
fn markup(bytes: &[u8]) -> Option<SheetErrorKind> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let text = decode(head).unwrap_or_else(|_| String::from_utf8_lossy(head).into_owned());
    let text = text.trim_start().to_lowercase();
    if text.starts_with("mime-version:") {
        return Some(SheetErrorKind::HtmlTable);
    }
    let after = text.strip_prefix('<')?;
    if text.starts_with("<?xml") && (text.contains("<workbook") || text.contains("progid=\"excel.sheet\"")) {
        return Some(SheetErrorKind::Excel2003Xml);
    }
    let html = ["<html", "<!doctype html", "<table", "<meta", "<head", "<style", "<body", "<div"];
    if html.iter().any(|tag| text.contains(tag)) {
        return Some(SheetErrorKind::HtmlTable);
    }
    let tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?'));
    tag.then_some(SheetErrorKind::NotASheet)
}
