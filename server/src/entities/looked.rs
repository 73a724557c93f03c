//! What somebody types to find people.

use unicode_normalization::UnicodeNormalization;

use super::sealed::normalize;

/// What a search text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// part of a name
    Name(String),
    /// start of pinyin or initials
    Latin(String),
    /// last four characters of a citizen or phone number
    Tail(String),
    /// a whole number: never looked up from an address line
    Whole,
}

impl Looked {
    /// Reads a search text; none if it is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.nfkc().filter(|c| !c.is_control()).collect::<String>().trim().to_owned();
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = compact.chars().filter(char::is_ascii_digit).count();
        if compact.is_empty() {
            return None;
        }
        let length = compact.chars().count();
        let numeric =
            compact.is_ascii() && digits + 1 >= length && !compact.starts_with(|c: char| c.is_ascii_alphabetic());
        Some(match length {
            4 if numeric && digits >= 3 => Self::Tail(normalize(&compact)),
            7.. if digits >= 7 => Self::Whole,
            _ if compact.is_ascii() && compact.chars().all(|c| c.is_ascii_alphabetic() || c == '\'') => {
                Self::Latin(compact.to_ascii_lowercase().replace('\'', ""))
            }
            _ => Self::Name(compact.chars().take(40).collect()),
        })
    }
}

/// `%`, `_` and the escape itself, taken literally.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_texts_are_told_apart() {
        for (text, looked) in [
            ("欧阳", Some(Looked::Name("欧阳".into()))),
            ("OYXL", Some(Looked::Latin("oyxl".into()))),
            ("ou yang", Some(Looked::Latin("ouyang".into()))),
            ("１０２６", Some(Looked::Tail("1026".into()))),
            ("123x", Some(Looked::Tail("123X".into()))),
            ("140202194501011234", Some(Looked::Whole)),
            ("13812345678", Some(Looked::Whole)),
            ("138 1234 5678", Some(Looked::Whole)),
            ("  ", None),
        ] {
            assert_eq!(Looked::parse(text), looked, "{text}");
        }
    }
}
