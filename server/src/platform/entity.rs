//! The bare entity row: identity of persons, places, things, organizations and events alike.

use super::database::Arg;
use super::database::bulk::Shape;
use super::ids::Id;
use crate::args;

/// Columns of the bare entity.
pub const ENTITY: Shape = Shape {
    table: "entity",
    columns: &["shard", "id", "class", "community_id", "created_at", "retired_at"],
    key: &["id", "shard"],
};

/// A row of `entity` for something that begins to exist now.
pub fn entity_row(shard: i64, id: Id, class: &str, community: Option<Id>, now: i64) -> Vec<Arg> {
    args![shard, id, class, community, now, Option::<i64>::None]
}
