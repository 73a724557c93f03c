//! Which rows under a header are data. Nothing is left out silently: every
//! skipped row is reported with the reason.

use super::{
    cell::Cell,
    header::Header,
    sheet::Sheet,
    text::{normalize_label, normalize_text},
};

/// Why a filled row is not data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// 甲 乙 1 2 under the header.
    Index,
    /// A sample (示例).
    Sample,
    /// A total or subtotal.
    Total,
    /// A note, signature line or explanation.
    Note,
    /// The header again, as after a page break.
    RepeatedHeader,
    /// Only the running number is filled in.
    NumberOnly,
}

impl SkipReason {
    /// The reason in words; `lang` is `zh-CN` or `en`.
    pub fn text(self, lang: &str) -> &'static str {
        let (chinese, english) = match self {
            Self::Index => ("栏次行", "column index row"),
            Self::Sample => ("示例行", "sample row"),
            Self::Total => ("合计行", "total row"),
            Self::Note => ("说明或签字行", "note or signature row"),
            Self::RepeatedHeader => ("重复的表头", "repeated header"),
            Self::NumberOnly => ("只有序号的空行", "row with only its number"),
        };
        if lang.starts_with("en") { english } else { chinese }
    }
}

/// A filled row that is not data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Index into `Sheet::rows`.
    pub row: usize,
    /// Why.
    pub reason: SkipReason,
}

/// The rows under a header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataRows {
    /// Indexes into `Sheet::rows`, in order.
    pub rows: Vec<usize>,
    /// Filled rows that were left out.
    pub skipped: Vec<Skipped>,
}

/// Sorts the rows under `header` into data and others; blank rows are neither.
pub fn data_rows(sheet: &Sheet, header: &Header) -> DataRows {
    let mut out = DataRows::default();
    for row in header.last + 1..sheet.rows.len() {
        let cells = &sheet.rows[row];
        let filled: Vec<(usize, &Cell)> = cells.iter().enumerate().filter(|(_, c)| !c.is_blank()).collect();
        if filled.is_empty() {
            continue;
        }
        match reason(sheet, header, row, &filled) {
            Some(reason) => out.skipped.push(Skipped { row, reason }),
            None => out.rows.push(row),
        }
    }
    out
}

fn reason(sheet: &Sheet, header: &Header, row: usize, filled: &[(usize, &Cell)]) -> Option<SkipReason> {
    let labelled = |column: usize| header.labels.iter().any(|(c, _)| *c == column);
    if !filled.iter().any(|(column, _)| labelled(*column)) {
        return Some(SkipReason::Note);
    }
    let texts: Vec<String> = filled.iter().map(|(_, c)| compact(c)).collect();
    let same = filled.iter().zip(&texts).filter(|((column, _), text)| {
        let label = header.label_of(*column);
        label.rsplit('/').next() == Some(normalize_label(text).as_str())
    });
    if filled.len() > 1 && same.count() * 2 > filled.len() {
        return Some(SkipReason::RepeatedHeader);
    }
    if row <= header.last + 2 && is_index(&texts, header.labels.len()) {
        return Some(SkipReason::Index);
    }
    let sample = ["示例", "样例", "填写示例", "(示例", "例如", "例:"];
    let leading = || texts.iter().take(2);
    if leading().any(|t| t == "例" || sample.iter().any(|s| t.starts_with(s))) {
        return Some(SkipReason::Sample);
    }
    // A total may stand after the running number.
    let first = match &texts[..] {
        [number, second, ..] if number.bytes().all(|b| b.is_ascii_digit()) => second,
        _ => &texts[0],
    };
    if is_total(first) {
        return Some(SkipReason::Total);
    }
    if is_note(&texts[0], filled.len(), header.labels.len()) || spans(sheet, row, filled) {
        return Some(SkipReason::Note);
    }
    let [(column, cell)] = filled else {
        return None;
    };
    let label = normalize_label(header.label_of(*column));
    let counts = matches!(label.as_str(), "序号" | "序" | "no" | "no.");
    let number = cell.normalized_text().bytes().all(|b| b.is_ascii_digit());
    (counts && number).then_some(SkipReason::NumberOnly)
}

fn compact(cell: &Cell) -> String {
    normalize_text(&cell.display()).chars().filter(|c| !c.is_whitespace()).collect()
}

/// 甲 乙 丙 and 1 2 3 in order, over at least half of the columns.
fn is_index(texts: &[String], columns: usize) -> bool {
    const STEMS: &str = "甲乙丙丁戊己庚辛壬癸";
    let mut next = 1;
    let mut stems = STEMS.chars();
    let in_order = texts.iter().all(|text| {
        if text.chars().count() == 1 && text.chars().next() == stems.clone().next() {
            stems.next();
            return true;
        }
        let bare = text.trim_matches(['(', ')', '[', ']']);
        let matches = bare.parse() == Ok(next);
        next += 1;
        matches
    });
    texts.len() >= 2 && texts.len() * 2 >= columns && in_order
}

fn is_total(text: &str) -> bool {
    let text = text.trim_end_matches([':', '：']).to_lowercase();
    let words = ["合计", "总计", "小计", "共计", "累计", "总数"];
    words.contains(&text.as_str())
        || matches!(text.as_str(), "total" | "subtotal" | "sum")
        || (text.chars().count() <= 8 && words[..4].iter().any(|w| text.ends_with(w)))
}

fn is_note(text: &str, filled: usize, columns: usize) -> bool {
    let signatures = [
        "填表人",
        "填报人",
        "制表人",
        "审核人",
        "负责人",
        "单位负责人",
        "填报单位",
        "填表单位",
        "填表日期",
        "填报日期",
        "联系人",
        "联系电话",
        "报送日期",
    ];
    let notes = ["注:", "备注:", "说明:", "填表说明", "填报说明", "填写说明", "注意", "注1", "note:"];
    let lower = text.to_lowercase();
    notes.iter().any(|n| lower.starts_with(n))
        || (signatures.iter().any(|s| text.starts_with(s)) && (text.contains(':') || filled * 2 < columns))
}

/// One text merged over three columns or more.
fn spans(sheet: &Sheet, row: usize, filled: &[(usize, &Cell)]) -> bool {
    let [(column, _)] = filled else { return false };
    let number = sheet.row_number(row);
    sheet
        .merges
        .iter()
        .any(|m| m.rows.0 == number && m.columns.0 == *column as u32 && m.columns.1.saturating_sub(m.columns.0) >= 2)
}
