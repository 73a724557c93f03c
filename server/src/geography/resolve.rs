//! Understanding what people write for a place: a code, a name in any of its forms, or a path.

use unicode_normalization::UnicodeNormalization;

use super::names::core_name;
use super::place::PlaceRef;
use super::tree::Geography;
use crate::platform::ids::Id;

/// What a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// exactly one place
    One(Id),
    /// no place
    None,
    /// several places; more of the path is needed
    Many(Vec<Id>),
}

/// Finds the place that `text` names, inside the subtree of `within` if given.
///
/// Understood are: a code of 2 to 12 digits (shorter ones as in the six-digit list, zeros left out);
/// an official or short name; a path of such names, separated by `/`, `>`, `-`, `·` or blanks, or
/// written without anything between; levels may be left out of a path. Full-width forms are folded.
pub fn resolve(geography: &Geography, text: &str, within: Option<Id>) -> Resolved {
    let text: String = text.nfkc().collect();
    let text = text.trim();
    if text.is_empty() {
        return Resolved::None;
    }
    let inside = |place: &PlaceRef| within.is_none_or(|above| geography.contains(above, place.id));
    if text.len() >= 2 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let code = format!("{text:0<12}");
        return match geography.by_code(&code).or_else(|| geography.by_code(text)).filter(inside) {
            Some(place) => Resolved::One(place.id),
            None => Resolved::None,
        };
    }
    let parts: Vec<&str> = text
        .split(|c: char| matches!(c, '/' | '\\' | '>' | '-' | '·' | '|') || c.is_whitespace())
        .filter(|p| !p.is_empty())
        .collect();
    let Some((&last, above)) = parts.split_last() else { return Resolved::None };
    let found: Vec<PlaceRef> = exact_first(geography.named(last), last)
        .into_iter()
        .filter(|place| inside(place) && above_matches(geography, place, above))
        .collect();
    if !found.is_empty() {
        return answer(found);
    }
    if above.is_empty() { joined(geography, last, inside) } else { Resolved::None }
}

/// A path without separators: the longest tail that is a place whose ancestors spell the head.
fn joined<'g>(geography: &'g Geography, text: &str, inside: impl Fn(&PlaceRef<'g>) -> bool) -> Resolved {
    for (at, _) in text.char_indices().skip(1) {
        let (head, tail) = text.split_at(at);
        let found: Vec<PlaceRef> = exact_first(geography.named(tail), tail)
            .into_iter()
            .filter(|place| inside(place) && head_matches(geography, place, head))
            .collect();
        if !found.is_empty() {
            return answer(found);
        }
    }
    Resolved::None
}

fn answer(mut found: Vec<PlaceRef>) -> Resolved {
    match found.as_slice() {
        [] => Resolved::None,
        [one] => Resolved::One(one.id),
        _ => {
            found.sort_by_key(|place| (place.level, place.id));
            Resolved::Many(found.iter().map(|place| place.id).collect())
        }
    }
}

/// Places that carry the name literally come before those that only share its core: if there are any,
/// the others do not count.
fn exact_first<'g>(found: Vec<PlaceRef<'g>>, text: &str) -> Vec<PlaceRef<'g>> {
    let exact: Vec<PlaceRef> = found.iter().copied().filter(|p| p.name == text || p.official_name == text).collect();
    if exact.is_empty() { found } else { exact }
}

fn is_called(place: &PlaceRef, name: &str) -> bool {
    place.name == name || place.official_name == name || core_name(place.name) == core_name(name)
}

/// Whether the names stand above the place in this order, with levels left out at will.
fn above_matches(geography: &Geography, place: &PlaceRef, names: &[&str]) -> bool {
    let mut chain = geography.chain(place.id).skip(1);
    names.iter().rev().all(|name| chain.any(|above| is_called(&above, name)))
}

/// Whether the head is spelled by ancestors from top to bottom, with levels left out at will.
fn head_matches(geography: &Geography, place: &PlaceRef, head: &str) -> bool {
    let mut rest = head;
    for above in geography.chain(place.id).skip(1) {
        for name in [above.official_name, above.name, core_name(above.name)] {
            if let Some(shorter) = rest.strip_suffix(name) {
                rest = shorter;
                break;
            }
        }
        if rest.is_empty() {
            return true;
        }
    }
    false
}
