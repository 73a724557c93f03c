//! The SQL of the address book: reading it whole, writing its rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::book::{Directory, Grid, Organization, Post, Staff};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::Id;

const ORGANIZATIONS: &str = "SELECT id, parent_id, counterpart_id, place_id, kind, level, name, short_name, pinyin, initials, \
     valid_from, valid_to, version FROM organization WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const POSTS: &str = "SELECT id, organization_id, staff_id, title, rank, tags, valid_from, valid_to, version FROM post \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const STAFF_ALL: &str = "SELECT id, person_id, name, pinyin, initials, state, version FROM staff WHERE state <> 'left'";
const GRIDS: &str = "SELECT id, community_id, name, code, version FROM grid \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const GRID_WORKERS: &str = "SELECT grid_id, post_id FROM grid_worker \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY grid_id, post_id";
const GRID_PREMISES_ALL: &str = "SELECT grid_id, premises_id FROM grid_premises ORDER BY grid_id, premises_id";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[ORGANIZATIONS, POSTS, STAFF_ALL, GRIDS, GRID_WORKERS, GRID_PREMISES_ALL];

/// Columns of an organization.
pub const ORGANIZATION: Shape = Shape {
    table: "organization",
    columns: &[
        "id", "parent_id", "counterpart_id", "place_id", "kind", "level", "name", "short_name", "pinyin", "initials",
        "valid_from", "valid_to", "version",
    ],
    key: &["id"],
};
/// One row per organization and unit above it, itself with depth 0.
pub const ORGANIZATION_ANCESTOR: Shape = Shape {
    table: "organization_ancestor",
    columns: &["ancestor_id", "organization_id", "depth"],
    key: &["ancestor_id", "organization_id"],
};
/// 属地, 属业, 直属.
pub const JURISDICTION: Shape = Shape {
    table: "jurisdiction",
    columns: &["id", "organization_id", "kind", "place_id", "industry", "valid_from", "valid_to"],
    key: &["id"],
};
/// A person who works here; the phone as ciphertext and mask.
pub const STAFF: Shape = Shape {
    table: "staff",
    columns: &["id", "person_id", "name", "pinyin", "initials", "phone_cipher", "phone_mask", "state", "version"],
    key: &["id"],
};
/// A post.
pub const POST: Shape = Shape {
    table: "post",
    columns: &["id", "organization_id", "staff_id", "title", "rank", "tags", "valid_from", "valid_to", "version"],
    key: &["id"],
};
/// A grid.
pub const GRID: Shape = Shape {
    table: "grid",
    columns: &["id", "community_id", "name", "code", "valid_from", "valid_to", "version"],
    key: &["id"],
};
/// A post that works in a grid.
pub const GRID_WORKER: Shape = Shape {
    table: "grid_worker",
    columns: &["grid_id", "post_id", "valid_from", "valid_to"],
    key: &["grid_id", "post_id", "valid_from"],
};
/// A compound or building that a grid covers.
pub const GRID_PREMISES: Shape =
    Shape { table: "grid_premises", columns: &["grid_id", "premises_id"], key: &["grid_id", "premises_id"] };

#[derive(sqlx::FromRow)]
struct OrganizationRow {
    id: Id,
    parent_id: Option<Id>,
    counterpart_id: Option<Id>,
    place_id: Option<Id>,
    kind: String,
    level: i64,
    name: String,
    short_name: String,
    pinyin: String,
    initials: String,
    valid_from: String,
    valid_to: Option<String>,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct PostRow {
    id: Id,
    organization_id: Id,
    staff_id: Option<Id>,
    title: String,
    rank: i64,
    tags: String,
    valid_from: String,
    valid_to: Option<String>,
    version: i64,
}

/// The whole address book valid on `today` (`YYYY-MM-DD`).
pub async fn load(conn: &mut impl Exec, today: &str) -> Result<Directory, StoreError> {
    let organizations: Vec<OrganizationRow> = conn.all(ORGANIZATIONS, args![today]).await?;
    let posts: Vec<PostRow> = conn.all(POSTS, args![today]).await?;
    let staff: Vec<(Id, Id, String, String, String, String, i64)> = conn.all(STAFF_ALL, vec![]).await?;
    let grids: Vec<(Id, Id, String, String, i64)> = conn.all(GRIDS, args![today]).await?;
    let (mut workers, mut premises): (HashMap<Id, Vec<Id>>, HashMap<Id, Vec<Id>>) = Default::default();
    for (grid, post) in conn.all::<(Id, Id)>(GRID_WORKERS, args![today]).await? {
        workers.entry(grid).or_default().push(post);
    }
    for (grid, part) in conn.all::<(Id, Id)>(GRID_PREMISES_ALL, vec![]).await? {
        premises.entry(grid).or_default().push(part);
    }
    Ok(Directory::new(
        organizations.into_iter().map(organization).collect(),
        posts.into_iter().map(post).collect::<Result<_, _>>()?,
        staff
            .into_iter()
            .map(|(id, person, name, pinyin, initials, state, version)| Staff { id, person, name, pinyin, initials, state, version })
            .collect(),
        grids
            .into_iter()
            .map(|(id, community, name, _, version)| Grid {
                id,
                community,
                name,
                workers: workers.remove(&id).unwrap_or_default(),
                premises: premises.remove(&id).unwrap_or_default(),
                version,
            })
            .collect(),
    ))
}

fn organization(row: OrganizationRow) -> Organization {
    Organization {
        id: row.id,
        parent: row.parent_id,
        counterpart: row.counterpart_id,
        place: row.place_id,
        kind: row.kind,
        level: row.level,
        name: row.name,
        short_name: row.short_name,
        pinyin: row.pinyin,
        initials: row.initials,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        version: row.version,
    }
}

fn post(row: PostRow) -> Result<Post, StoreError> {
    Ok(Post {
        id: row.id,
        organization: row.organization_id,
        staff: row.staff_id,
        title: row.title,
        rank: row.rank,
        tags: serde_json::from_str(&row.tags)?,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        version: row.version,
    })
}

/// Reads the address book again and replaces the one in memory: call it after every change.
pub async fn reload(app: &App) -> Result<(), AppError> {
    let directory = load(&mut app.read(), &app.clock.today_text()).await?;
    app.directory.store(Arc::new(directory));
    Ok(())
}

/// The row of an organization.
pub fn organization_row(o: &Organization) -> Vec<Arg> {
    args![
        o.id, o.parent, o.counterpart, o.place, &o.kind, o.level, &o.name, &o.short_name, &o.pinyin, &o.initials,
        &o.valid_from, &o.valid_to, o.version
    ]
}

/// The row of a post.
pub fn post_row(p: &Post) -> Vec<Arg> {
    let tags = serde_json::to_string(&p.tags).unwrap_or_else(|_| "[]".to_owned());
    args![p.id, p.organization, p.staff, &p.title, p.rank, tags, &p.valid_from, &p.valid_to, p.version]
}

/// The row of a staff member; the phone was sealed by the caller.
pub fn staff_row(s: &Staff, phone_cipher: &Option<Vec<u8>>, phone_mask: &Option<String>) -> Vec<Arg> {
    args![s.id, s.person, &s.name, &s.pinyin, &s.initials, phone_cipher, phone_mask, &s.state, s.version]
}
