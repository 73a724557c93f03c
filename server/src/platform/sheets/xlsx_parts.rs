//! The small parts of an xlsx package: relationships, workbook, styles and
//! shared strings.

use std::{collections::BTreeMap, io::BufRead, sync::Arc};

use super::{
    error::SheetError,
    limits::{Limits, Used},
    xml::{Xml, XmlItem},
};

/// One relationship of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Relation {
    /// Last word of the type's address: `worksheet`, `styles`.
    pub kind: String,
    /// Name of the part it leads to.
    pub target: String,
}

/// Reads a relationships part of a part in folder `base` ("xl/"), by id.
pub(super) fn relations<R: BufRead>(mut xml: Xml<R>, base: &str) -> Result<BTreeMap<String, Relation>, SheetError> {
    let mut out = BTreeMap::new();
    loop {
        let item = xml.next()?;
        if item == XmlItem::Eof {
            return Ok(out);
        }
        if item.start() != "Relationship" || item.attribute("TargetMode") == Some("External") {
            continue;
        }
        let (Some(id), Some(kind), Some(target)) =
            (item.attribute("Id"), item.attribute("Type"), item.attribute("Target"))
        else {
            continue;
        };
        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
        out.insert(id.to_owned(), Relation { kind, target: resolve(base, target) });
    }
}

fn resolve(base: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let joined = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{base}{target}"),
    };
    let mut pieces: Vec<&str> = Vec::new();
    for piece in joined.split('/') {
        match piece {
            "" | "." => {}
            ".." => {
                pieces.pop();
            }
            piece => pieces.push(piece),
        }
    }
    pieces.join("/")
}

/// One sheet as the workbook part lists it.
pub(super) struct Listed {
    pub name: String,
    pub hidden: bool,
    /// Relationship id of its part.
    pub relation: String,
}

/// Reads the workbook part: its sheets, and whether days count from 1904.
pub(super) fn workbook<R: BufRead>(mut xml: Xml<R>) -> Result<(Vec<Listed>, bool), SheetError> {
    let mut sheets = Vec::new();
    let mut is_1904 = false;
    loop {
        let item = xml.next()?;
        match item.start() {
            "workbookPr" => is_1904 = matches!(item.attribute("date1904"), Some("1" | "true")),
            "sheet" => sheets.push(Listed {
                name: item.attribute("name").unwrap_or_default().to_owned(),
                hidden: matches!(item.attribute("state"), Some("hidden" | "veryHidden")),
                relation: item.attribute("id").unwrap_or_default().to_owned(),
            }),
            _ if item == XmlItem::Eof => return Ok((sheets, is_1904)),
            _ => {}
        }
    }
}

/// Reads the styles part: for each cell style whether it shows a date.
pub(super) fn date_styles<R: BufRead>(mut xml: Xml<R>) -> Result<Vec<bool>, SheetError> {
    let mut formats: BTreeMap<u32, bool> = BTreeMap::new();
    let mut styles = Vec::new();
    let mut in_cell_styles = false;
    loop {
        let item = xml.next()?;
        let format = || item.attribute("numFmtId").and_then(|n| n.parse::<u32>().ok());
        match &item {
            XmlItem::Start { name, .. } => match name.as_str() {
                "numFmt" => {
                    if let (Some(id), Some(code)) = (format(), item.attribute("formatCode")) {
                        formats.insert(id, is_date_format(id, Some(code)));
                    }
                }
                "cellXfs" => in_cell_styles = true,
                "xf" if in_cell_styles => {
                    let id = format().unwrap_or(0);
                    let known = formats.get(&id).copied();
                    styles.push(known.unwrap_or_else(|| is_date_format(id, None)));
                }
                _ => {}
            },
            XmlItem::End { name } if name == "cellXfs" => in_cell_styles = false,
            XmlItem::Eof => return Ok(styles),
            _ => {}
        }
    }
}

/// Whether a number format shows a date or a time of day. Formats 27 to 36
/// and 50 to 58 are the Chinese ones, which files name without their code.
pub(super) fn is_date_format(id: u32, code: Option<&str>) -> bool {
    let Some(code) = code else {
        return matches!(id, 14..=22 | 27..=36 | 45 | 47 | 50..=58);
    };
    if code.get(..7).is_some_and(|c| c.eq_ignore_ascii_case("general")) {
        return false;
    }
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                chars.by_ref().find(|c| *c == '"');
            }
            '\\' | '_' | '*' => {
                chars.next();
            }
            '[' => {
                let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let elapsed = inner.to_ascii_lowercase();
                if !elapsed.is_empty() && elapsed.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
                    return false; // a duration, not a moment
                }
            }
            ';' => return false,
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => return true,
            _ => {}
        }
    }
    false
}

/// Reads the shared strings part.
pub(super) fn shared_strings<R: BufRead>(
    mut xml: Xml<R>,
    limits: &Limits,
    used: &mut Used,
) -> Result<Vec<Arc<str>>, SheetError> {
    let mut out: Vec<Arc<str>> = Vec::new();
    loop {
        let item = xml.next()?;
        if item == XmlItem::Eof {
            return Ok(out);
        }
        if item.start() == "si" {
            // rPh holds how to pronounce the text, not the text.
            let text = unescape(&xml.text_until("si", "t", "rPh")?);
            used.add_text(text.len() + 32, limits)?;
            out.push(text.into());
        }
    }
}

/// Resolves `_x000D_`: how these files write characters that XML cannot hold.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = rest
            .get(at + 2..at + 7)
            .and_then(|c| c.strip_suffix('_'))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        if let Some(c) = code {
            out.push(c);
            rest = &rest[at + 7..];
        } else {
            out.push_str("_x");
            rest = &rest[at + 2..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_formats() {
        for code in ["yyyy/m/d", "yyyy\"年\"m\"月\"d\"日\";@", "[$-804]yyyy\\-mm\\-dd", "h:mm"] {
            assert!(is_date_format(200, Some(code)), "{code}");
        }
        for code in ["General", "0.00E+00", "#,##0;[Red]-#,##0", "0\"days\"", "[h]:mm", "@"] {
            assert!(!is_date_format(200, Some(code)), "{code}");
        }
        assert!(is_date_format(31, None) && !is_date_format(49, None));
    }

    #[test]
    fn escapes_and_targets() {
        assert_eq!(unescape("a_x000D_b_xZZ_中_x"), "a\rb_xZZ_中_x");
        assert_eq!(unescape("_x中文字_"), "_x中文字_");
        assert_eq!(resolve("xl/", "../a/b.xml"), "a/b.xml");
        assert_eq!(resolve("xl/", "/xl/w.xml"), "xl/w.xml");
    }
}
