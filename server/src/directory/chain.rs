//! Who a piece of work passes through, and who may hold it.

use rule_engine::{Candidate, CandidateKind, Candidates, Chain, ChainPlace};

use super::book::Directory;
use super::entries::Post;
use crate::geography::{Geography, level_key};
use crate::platform::ids::Id;

/// One station of the way down from the issuer to a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// who receives it here
    pub organization: Id,
    /// the place it acts for
    pub place: Id,
    /// level of that place, 1 province to 5 community
    pub level: i64,
}

/// The way from the issuer down to the organization at a place: at every place between, the unit of the
/// issuer's own line, else the one that governs. Levels and places without any are left out. The
/// issuer is the first step; an item at the issuer's own place has no other.
pub fn chain(directory: &Directory, geography: &Geography, issuer: Id, place: Id) -> Vec<Step> {
    let Some(home) = directory.organization(issuer) else { return Vec::new() };
    let top = home.place.or_else(|| geography.chain(place).last().map(|root| root.id)).unwrap_or(place);
    let mut steps = Vec::new();
    for here in geography.chain(place) {
        if here.id == top {
            break;
        }
        if let Some(unit) = directory.reached_from(issuer, here.id)
            && unit.id != issuer
            && steps.last().is_none_or(|last: &Step| last.organization != unit.id)
        {
            steps.push(Step { organization: unit.id, place: here.id, level: here.level });
        }
    }
    steps.push(Step { organization: issuer, place: top, level: geography.get(top).map_or(home.level, |p| p.level) });
    steps.reverse();
    steps
}

/// The places of an item for its rule, leaf first, each with the unit that the issuer's line reaches.
pub fn rule_chain(directory: &Directory, geography: &Geography, issuer: Id, place: Id) -> Chain {
    Chain::new(
        geography
            .chain(place)
            .map(|here| ChainPlace {
                id: here.id.to_string(),
                level: level_key(here.level).to_owned(),
                name: here.name.to_owned(),
                kind: here.kind.to_owned(),
                governing_org: directory.reached_from(issuer, here.id).map(|unit| unit.id.to_string()),
            })
            .collect(),
    )
}

/// Who may hold an item at `place` that `organization` hands down: the units on the way, the workers
/// of the community's grids and the people of those units, nearest to the place first; at most
/// [`Candidates::MAX`]. A person stands here by post: its id is what an item's holder column takes.
pub fn candidates(directory: &Directory, geography: &Geography, organization: Id, place: Id) -> Vec<Candidate> {
    let steps = chain(directory, geography, organization, place);
    let mut list = Vec::new();
    for step in &steps {
        if let Some(unit) = directory.organization(step.organization) {
            list.push(Candidate::org(&unit.id.to_string(), &unit.short_name, &step.place.to_string()));
        }
    }
    let grid_posts: Vec<Id> = directory.grids_in(place).flat_map(|grid| grid.workers.iter().copied()).collect();
    for post in grid_posts.iter().filter_map(|id| directory.post(*id)) {
        list.extend(person(directory, post, place, true));
    }
    for step in steps.iter().rev() {
        for post in directory.posts_in(step.organization).filter(|post| !grid_posts.contains(&post.id)) {
            list.extend(person(directory, post, step.place, false));
        }
    }
    list.truncate(Candidates::MAX);
    list
}

fn person(directory: &Directory, post: &Post, place: Id, grid: bool) -> Option<Candidate> {
    let holder = directory.holder(post.id).filter(|holder| holder.state == "active")?;
    Some(Candidate {
        id: post.id.to_string(),
        kind: CandidateKind::Staff,
        name: holder.name.clone(),
        org: post.organization.to_string(),
        place: Some(place.to_string()),
        tags: post.tags.clone(),
        posts: vec![post.title.clone()],
        grid,
    })
}
