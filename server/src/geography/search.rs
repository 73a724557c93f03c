//! Finding places by name, pinyin, initials or code.

use super::place::PlaceRef;
use super::tree::Geography;
use crate::platform::ids::Id;

/// The most that a search gives.
pub const MOST: usize = 200;

/// Places that match `text`, best first: the whole name, its beginning, its middle; then higher levels,
/// then the order of the tree. Letters are compared with pinyin and initials, digits with the code.
pub fn search<'g>(geography: &'g Geography, text: &str, within: Option<Id>, limit: usize) -> Vec<PlaceRef<'g>> {
    let wanted: String = text.split_whitespace().collect::<String>().to_lowercase();
    if wanted.is_empty() {
        return Vec::new();
    }
    let scope: Box<dyn Iterator<Item = PlaceRef>> = match within {
        Some(above) => Box::new(geography.subtree(above)),
        None => Box::new(geography.all()),
    };
    let mut hits: Vec<(u8, i64, usize, PlaceRef)> = scope
        .enumerate()
        .filter(|(_, place)| !place.is_hidden())
        .filter_map(|(at, place)| Some((rank(&place, &wanted)?, place.level, at, place)))
        .collect();
    hits.sort_by_key(|hit| (hit.0, hit.1, hit.2));
    hits.into_iter().take(limit.min(MOST)).map(|hit| hit.3).collect()
}

fn rank(place: &PlaceRef, wanted: &str) -> Option<u8> {
    if wanted.bytes().all(|byte| byte.is_ascii_digit()) {
        let code = place.code?;
        return code.starts_with(wanted).then(|| u8::from(code.trim_end_matches('0') != wanted.trim_end_matches('0')));
    }
    if wanted.is_ascii() {
        return match () {
            () if place.initials == wanted || place.pinyin == wanted => Some(0),
            () if place.initials.starts_with(wanted) || place.pinyin.starts_with(wanted) => Some(1),
            () if wanted.len() >= 2 && place.pinyin.contains(wanted) => Some(3),
            () => None,
        };
    }
    match () {
        () if place.name == wanted || place.official_name == wanted => Some(0),
        () if place.name.starts_with(wanted) => Some(1),
        () if place.name.contains(wanted) || place.official_name.contains(wanted) => Some(2),
        () if wanted.contains('/') && place.full_name.contains(wanted) => Some(3),
        () => None,
    }
}
