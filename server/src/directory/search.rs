//! Finding organizations and people by name, pinyin or initials.

use super::book::Directory;
use super::entries::{Organization, Staff};

/// Organizations that match, best first: the whole name, its beginning, its middle; higher levels first.
pub fn organizations<'d>(directory: &'d Directory, text: &str, limit: usize) -> Vec<&'d Organization> {
    let wanted = plain(text);
    let mut hits: Vec<(u8, i64, &Organization)> = directory
        .organizations()
        .filter_map(|o| Some((rank(&wanted, &[&o.short_name, &o.name], &o.pinyin, &o.initials)?, o.level, o)))
        .collect();
    hits.sort_by(|a, b| (a.0, a.1, &a.2.name, a.2.id).cmp(&(b.0, b.1, &b.2.name, b.2.id)));
    hits.into_iter().take(limit).map(|hit| hit.2).collect()
}

/// People who match, best first.
pub fn staff<'d>(directory: &'d Directory, text: &str, limit: usize) -> Vec<&'d Staff> {
    let wanted = plain(text);
    let mut hits: Vec<(u8, &Staff)> = directory
        .all_staff()
        .filter_map(|person| Some((rank(&wanted, &[&person.name], &person.pinyin, &person.initials)?, person)))
        .collect();
    hits.sort_by(|a, b| (a.0, &a.1.name, a.1.id).cmp(&(b.0, &b.1.name, b.1.id)));
    hits.into_iter().take(limit).map(|hit| hit.1).collect()
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

fn rank(wanted: &str, names: &[&String], pinyin: &str, initials: &str) -> Option<u8> {
    let named = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
    match () {
        () if wanted.is_empty() => None,
        () if named(&|name| name == wanted) || pinyin == wanted || initials == wanted => Some(0),
        () if named(&|name| name.starts_with(wanted)) || pinyin.starts_with(wanted) || initials.starts_with(wanted) => {
            Some(1)
        }
        () if named(&|name| name.contains(wanted)) => Some(2),
        () if wanted.is_ascii() && wanted.len() >= 2 && (pinyin.contains(wanted) || initials.contains(wanted)) => {
            Some(3)
        }
        () => None,
    }
}
