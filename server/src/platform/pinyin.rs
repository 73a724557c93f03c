//! Pinyin of names, so that people find them by spelling or by first letters.

use pinyin::ToPinyin;

/// The pinyin without tones and spaces, and the first letters: `平城区` gives `pingchengqu`, `pcq`.
///
/// What is not a Chinese character stays, in lower case; punctuation and blanks are left out.
pub fn spell(name: &str) -> (String, String) {
    let (mut whole, mut initials) = (String::new(), String::new());
    for letter in name.chars() {
        match letter.to_pinyin() {
            Some(sound) => {
                whole.push_str(sound.plain());
                initials.push_str(sound.first_letter());
            }
            None if letter.is_alphanumeric() => {
                whole.extend(letter.to_lowercase());
                initials.extend(letter.to_lowercase());
            }
            None => {}
        }
    }
    (whole, initials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_without_tones() {
        assert_eq!(spell("平城区"), ("pingchengqu".into(), "pcq".into()));
        assert_eq!(spell("A1 号·楼"), ("a1haolou".into(), "a1hl".into()));
    }
}
