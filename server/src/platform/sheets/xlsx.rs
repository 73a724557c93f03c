//! Reading xlsx: the package, then its sheets one by one.

use std::sync::Arc;

use super::{
    error::{SheetError, SheetErrorKind},
    guard::Package,
    limits::{Limits, Used},
    sheet::{SheetBuilder, Workbook},
    xlsx_cells, xlsx_parts,
    xml::XmlItem,
};

/// What the sheets of one workbook share.
pub(super) struct Shared {
    /// Shared strings by index.
    pub strings: Vec<Arc<str>>,
    /// For each cell style whether it shows a date.
    pub dates: Vec<bool>,
    /// Whether days count from 1904.
    pub is_1904: bool,
}

/// Reads an xlsx file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Workbook, SheetError> {
    let mut package = Package::open(bytes, limits)?;
    classify(&mut package)?;
    package.refuse_dtds()?;
    let main = main_part(&mut package)?;
    let (folder, file) = main.rsplit_once('/').map_or(("", main.as_str()), |(d, f)| (d, f));
    let base = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let relations = match package.xml(&format!("{base}_rels/{file}.rels"))? {
        Some(xml) => xlsx_parts::relations(xml, &base)?,
        None => return Err(damaged(&main)),
    };
    let Some(xml) = package.xml(&main)? else {
        return Err(SheetErrorKind::NotASheet.into());
    };
    let (listed, is_1904) = xlsx_parts::workbook(xml)?;
    if listed.len() > limits.sheets {
        return Err(SheetErrorKind::TooManySheets { limit: limits.sheets }.into());
    }
    let target = |kind: &str| relations.values().find(|r| r.kind == kind).map(|r| &r.target);
    let mut used = Used::default();
    let strings = match target("sharedStrings").map(|t| package.xml(t)).transpose()?.flatten() {
        Some(xml) => xlsx_parts::shared_strings(xml, limits, &mut used)?,
        None => Vec::new(),
    };
    let dates = match target("styles").map(|t| package.xml(t)).transpose()?.flatten() {
        Some(xml) => xlsx_parts::date_styles(xml)?,
        None => Vec::new(),
    };
    let shared = Shared { strings, dates, is_1904 };
    let mut sheets = Vec::new();
    for tab in listed {
        let Some(relation) = relations.get(&tab.relation) else {
            return Err(damaged(&main));
        };
        match relation.kind.as_str() {
            "worksheet" => {}
            "xlMacrosheet" | "xlIntlMacrosheet" => return Err(SheetErrorKind::Macro.into()),
            _ => continue, // a chart or dialog on a tab of its own
        }
        let mut builder = SheetBuilder::new(&tab.name, tab.hidden, limits, &mut used);
        let Some(xml) = package.xml(&relation.target)? else {
            return Err(damaged(&relation.target));
        };
        xlsx_cells::read(xml, &shared, &mut builder)?;
        sheets.push(builder.finish());
    }
    if sheets.iter().all(|s| s.rows.is_empty()) {
        return Err(SheetErrorKind::Empty.into());
    }
    Ok(Workbook { sheets })
}

fn damaged(part: &str) -> SheetError {
    SheetErrorKind::Damaged { part: part.to_owned() }.into()
}

/// Refuses packages that are something else, or hold macros.
fn classify(package: &mut Package<'_>) -> Result<(), SheetError> {
    let mimetype = package.head("mimetype", 100).unwrap_or_default();
    let kind = if mimetype.starts_with(b"application/vnd.oasis.opendocument.spreadsheet") {
        SheetErrorKind::OpenDocument
    } else if mimetype.starts_with(b"application/vnd.oasis.opendocument.text") || package.has("word/document.xml") {
        SheetErrorKind::WordDocument
    } else if package.has("xl/workbook.bin") {
        SheetErrorKind::BinaryXlsx
    } else if !package.has("[Content_Types].xml") {
        SheetErrorKind::NotASheet
    } else if package.names().any(|n| n.ends_with("vbaproject.bin") || n.contains("/macrosheets/"))
        || declares_macros(package)?
    {
        SheetErrorKind::Macro
    } else {
        return Ok(());
    };
    Err(kind.into())
}

fn declares_macros(package: &mut Package<'_>) -> Result<bool, SheetError> {
    let Some(mut xml) = package.xml("[Content_Types].xml")? else {
        return Ok(false);
    };
    loop {
        let item = xml.next()?;
        if item == XmlItem::Eof {
            return Ok(false);
        }
        let content = item.attribute("ContentType").unwrap_or_default().to_ascii_lowercase();
        if content.contains("macroenabled") || content.contains("vbaproject") {
            return Ok(true);
        }
    }
}

fn main_part(package: &mut Package<'_>) -> Result<String, SheetError> {
    if let Some(xml) = package.xml("_rels/.rels")? {
        let relations = xlsx_parts::relations(xml, "")?;
        if let Some(main) = relations.into_values().find(|r| r.kind == "officeDocument") {
            return Ok(main.target);
        }
    }
    Err(SheetErrorKind::NotASheet.into())
}
