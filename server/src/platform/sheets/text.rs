//! Text as office software leaves it, brought to one shape for comparison.

/// Half-width digits, letters and punctuation, ordinary spaces, no invisible
/// characters, trimmed. The value itself stays as typed; this is what to parse.
pub fn normalize_text(text: &str) -> String {
    let mapped: String = text
        .chars()
        .filter_map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
            '\u{3000}' | '\u{A0}' | '\t' | '\u{2002}'..='\u{200A}' => Some(' '),
            '\r' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => None,
            c if c.is_control() && c != '\n' => None,
            c => Some(c),
        })
        .collect();
    mapped.trim().to_owned()
}

/// A header label without spaces, line breaks, asterisks, a trailing colon and
/// question number, in lower case: `* １、姓  名：` and `姓名` are one label.
pub fn normalize_label(label: &str) -> String {
    let compact: String = normalize_text(label)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '*' | '＊' | '★' | '※' | '●'))
        .collect();
    let compact = compact.trim_end_matches([':', '：']).to_lowercase();
    let rest = compact.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['.', '、', ')', '．']) {
        Some(after) if rest.len() < compact.len() && !after.is_empty() => after.to_owned(),
        _ => compact,
    }
}

/// Whether a label is `wanted`, disregarding a unit or remark in brackets
/// that only one of the two has.
pub(super) fn same_label(label: &str, wanted: &str) -> bool {
    let (label, wanted) = (normalize_label(label), normalize_label(wanted));
    !wanted.is_empty() && (label == wanted || without_bracket(&label) == wanted)
}

fn without_bracket(label: &str) -> &str {
    label.find(['(', '[', '【', '〔']).filter(|at| *at > 0).map_or(label, |at| &label[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lose_their_noise() {
        for noisy in ["姓名", "姓  名", "* 姓\n名：", "１、姓　名", "3.姓名"] {
            assert_eq!(normalize_label(noisy), "姓名", "{noisy}");
        }
        assert_eq!(normalize_label("2023年"), "2023年");
        assert!(same_label("面积（平方米）", "面积"));
        assert!(same_label("编号（请勿改动）", "编号（请勿改动）"));
        assert!(!same_label("监护人姓名", "姓名"));
    }

    #[test]
    fn full_width_becomes_half_width() {
        assert_eq!(normalize_text("\u{FEFF}１３８－００１１　"), "138-0011");
    }
}
