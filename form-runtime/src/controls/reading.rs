//! What every control does first: full-width forms, spaces, "nothing" signs.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::message::{Message, MessageKey};

/// NFKC (full-width digits and letters become plain), without zero-width
/// characters and outer spaces.
pub fn clean(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let text: String = text.nfkc().filter(visible).collect();
    text.trim().to_owned()
}

/// Like [`clean`], but keeps Chinese punctuation as it was written: texts are
/// prose, not numbers.
pub(super) fn clean_prose(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let narrow = |c: char| match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    };
    let text: String = text.nfc().filter(visible).map(narrow).collect();
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

/// Absent, empty, or only spaces.
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => clean(text).is_empty(),
        Value::Array(items) => items.iter().all(is_blank),
        _ => false,
    }
}

/// Signs that a sheet uses for "nothing": 无, /, —.
pub fn is_nothing_sign(text: &str) -> bool {
    let text = clean(text);
    matches!(text.as_str(), "无" | "/" | "\\" | "不详" | "N/A" | "n/a" | "NULL")
        || (!text.is_empty() && text.chars().all(|c| matches!(c, '-' | '—' | '–' | '－')))
}

/// The text of a scalar; numbers as written.
pub(super) fn scalar(raw: &Value) -> Result<String, Message> {
    match raw {
        Value::String(text) => Ok(clean(text)),
        // A sheet gives 13800138000 as 13800138000.0.
        Value::Number(number) => {
            let text = number.to_string();
            Ok(text.strip_suffix(".0").map(str::to_owned).unwrap_or(text))
        }
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Array(items) if items.len() == 1 => scalar(&items[0]),
        _ => Err(MessageKey::NotAText.into()),
    }
}

/// Prose of a scalar, refusing control characters.
pub(super) fn prose(raw: &Value) -> Result<String, Message> {
    let text = match raw {
        Value::String(text) => clean_prose(text),
        other => scalar(other)?,
    };
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(MessageKey::ControlCharacter.into());
    }
    Ok(text)
}

/// Judges length by the settings and an own upper limit.
pub(super) fn lengths(text: &str, options: &super::Options, limit: u32) -> Result<(), Message> {
    let now = text.chars().count();
    let most = options.max_length.unwrap_or(limit).min(limit);
    if now > most as usize {
        return Err(Message::new(MessageKey::TooLong).arg("limit", most).arg("now", now));
    }
    if let Some(least) = options.min_length.filter(|l| now < *l as usize) {
        return Err(Message::new(MessageKey::TooShort).arg("limit", least).arg("now", now));
    }
    Ok(())
}

/// Removes what people put between digits: spaces and dashes.
pub(super) fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '—' | '‐' | '‑' | '·')).collect()
}

/// A sheet may hold a number as 1,200 or with its unit: strip both.
pub(super) fn bare_number(text: &str, unit: &str) -> String {
    let mut text = text.replace([',', ' ', '，'], "");
    if !unit.is_empty() {
        text = text.strip_suffix(unit).map(str::to_owned).unwrap_or(text);
    }
    text.trim_start_matches('+').to_owned()
}
