//! Names of people as they are searched: pinyin without tones and spaces, and its first letters.

use pinyin::ToPinyin;

/// Surnames that are read otherwise than the character alone (姓氏异读).
const SURNAMES: &[(&str, &[&str])] = &[
    ("尉迟", &["yu", "chi"]),
    ("万俟", &["mo", "qi"]),
    ("澹台", &["tan", "tai"]),
    ("单于", &["chan", "yu"]),
    ("单", &["shan"]),
    ("仇", &["qiu"]),
    ("解", &["xie"]),
    ("曾", &["zeng"]),
    ("查", &["zha"]),
    ("翟", &["zhai"]),
    ("区", &["ou"]),
    ("盖", &["ge"]),
    ("朴", &["piao"]),
    ("覃", &["qin"]),
    ("种", &["chong"]),
    ("缪", &["miao"]),
    ("员", &["yun"]),
    ("繁", &["po"]),
    ("秘", &["bi"]),
    ("折", &["she"]),
    ("黑", &["he"]),
    ("乐", &["yue"]),
    ("长孙", &["zhang", "sun"]),
];

/// Pinyin and initials of a name, in lower case: `欧阳秀兰` gives `ouyangxiulan` and `oyxl`.
/// What is not a Chinese character stays, if it is a letter or digit.
pub fn spell(name: &str) -> (String, String) {
    let (mut pinyin, mut initials) = (String::new(), String::new());
    let mut add = |syllable: &str| {
        pinyin.push_str(syllable);
        initials.extend(syllable.chars().next());
    };
    let mut rest = name.trim();
    if let Some((surname, syllables)) = SURNAMES.iter().find(|(surname, _)| rest.starts_with(surname)) {
        syllables.iter().for_each(|syllable| add(syllable));
        rest = &rest[surname.len()..];
    }
    let mut latin = String::new();
    for character in rest.chars() {
        if character.is_ascii_alphanumeric() {
            latin.push(character.to_ascii_lowercase());
            continue;
        }
        if !latin.is_empty() {
            add(&std::mem::take(&mut latin));
        }
        if let Some(syllable) = character.to_pinyin() {
            add(syllable.plain());
        }
    }
    if !latin.is_empty() {
        add(&latin);
    }
    (pinyin, initials)
}

#[cfg(test)]
mod tests {
    use super::spell;

    #[test]
    fn names_are_spelled_as_people_say_them() {
        for (name, pinyin, initials) in [
            ("欧阳秀兰", "ouyangxiulan", "oyxl"),
            ("单秀英", "shanxiuying", "sxy"),
            ("尉迟恭", "yuchigong", "ycg"),
            ("阿依古丽·买买提", "ayigulimaimaiti", "ayglmmt"),
            ("John 李", "johnli", "jl"),
            ("  ", "", ""),
        ] {
            assert_eq!(spell(name), (pinyin.to_owned(), initials.to_owned()), "{name}");
        }
    }
}
