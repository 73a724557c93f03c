//! Where a channel is offered: communities within its scope, and who answers for one.

use crate::app::App;
use crate::directory::Directory;
use crate::geography::{Geography, PlaceRef};
use crate::platform::ids::Id;

/// Level of a community (社区、村).
const COMMUNITY: i64 = 5;
/// How many places a page lists.
const LISTED: usize = 60;

/// Whether a community lies within the scope.
pub fn covers(geography: &Geography, scope: &[Id], community: Id) -> bool {
    is_door(geography, scope, community) && scope.iter().any(|place| geography.contains(*place, community))
}

/// A community is a door; so is a place that the scope names itself and that has nothing below (the
/// page of a whole city's mailbox).
fn is_door(geography: &Geography, scope: &[Id], place: Id) -> bool {
    let Some(found) = geography.get(place) else { return false };
    found.level >= COMMUNITY || (scope.contains(&place) && geography.children(place).next().is_none())
}

/// The only community of a scope, if there is just one.
pub fn only(geography: &Geography, scope: &[Id]) -> Option<Id> {
    let mut found =
        scope.iter().flat_map(|place| geography.subtree(*place)).filter(|p| is_door(geography, scope, p.id));
    let first = found.next()?.id;
    found.all(|other| other.id == first).then_some(first)
}

/// Communities within the scope that are called so (name, pinyin, initials), the best first.
pub fn search<'a>(geography: &'a Geography, scope: &[Id], words: &str) -> Vec<PlaceRef<'a>> {
    let words = words.trim().to_lowercase();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(u8, PlaceRef)> = Vec::new();
    for place in scope.iter().flat_map(|place| geography.subtree(*place)) {
        if !is_door(geography, scope, place.id) {
            continue;
        }
        let rank = if place.name == words {
            0
        } else if place.name.starts_with(&words) {
            1
        } else if place.name.contains(&words) || place.official_name.contains(&words) {
            2
        } else if place.initials.starts_with(&words) || place.pinyin.starts_with(&words) {
            3
        } else if place.full_name.contains(&words) {
            4
        } else {
            continue;
        };
        found.push((rank, place));
    }
    found.sort_by_cached_key(|(rank, place)| (*rank, place.full_name.to_string()));
    found.dedup_by_key(|(_, place)| place.id);
    found.into_iter().take(LISTED).map(|(_, place)| place).collect()
}

/// One level of the way down: the scope's own places first, then what is below the one chosen. A chain
/// with a single link is walked for the reader.
pub fn level<'a>(geography: &'a Geography, scope: &[Id], within: Option<Id>) -> Vec<PlaceRef<'a>> {
    let mut here: Vec<PlaceRef> = match within.filter(|id| scope.iter().any(|place| geography.contains(*place, *id))) {
        Some(id) => geography.children(id).collect(),
        None => scope.iter().filter_map(|id| geography.get(*id)).collect(),
    };
    while let [single] = here.as_slice() {
        if is_door(geography, scope, single.id) {
            break;
        }
        here = geography.children(single.id).collect();
    }
    here
}

/// Whether a listed place is itself a community, or leads further down.
pub fn leads_on(geography: &Geography, place: &PlaceRef) -> bool {
    place.level < COMMUNITY && geography.children(place.id).next().is_some()
}

/// Who answers for what comes in at a place: the organization that governs it or the nearest place
/// above it.
pub fn holder(geography: &Geography, directory: &Directory, place: Id) -> Option<Id> {
    geography.chain(place).find_map(|here| directory.governing(here.id)).map(|unit| unit.id)
}

/// The organization's name for people.
pub fn organization_name(app: &App, id: Id) -> String {
    app.directory().organization(id).map_or_else(String::new, |unit| unit.name.clone())
}

/// The place's full name for people.
pub fn place_name(app: &App, id: Id) -> String {
    app.geography().get(id).map_or_else(String::new, |place| place.full_name.to_string())
}
