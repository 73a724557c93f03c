//! The SQL of the address book: reading it whole, writing its rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::book::Directory;
use super::entries::{Grid, Organization, Post, Staff};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Arg, Exec, Scanned, Scanner, StoreError};
use crate::platform::ids::Id;

const ORGANIZATIONS: &str = "SELECT id, parent_id, counterpart_id, place_id, kind, level, name, short_name, pinyin, initials, \
     valid_from, valid_to, version FROM organization WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const POSTS: &str = "SELECT id, organization_id, staff_id, title, rank, tags, valid_from, valid_to, version FROM post \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const STAFF_ALL: &str = "SELECT id, person_id, name, pinyin, initials, state, version FROM staff WHERE state <> 'left'";
const GRIDS: &str = "SELECT id, community_id, name, version FROM grid \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)";
const GRID_WORKERS: &str = "SELECT grid_id, post_id FROM grid_worker \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) ORDER BY grid_id, post_id";
const GRID_PREMISES_ALL: &str = "SELECT grid_id, premises_id FROM grid_premises ORDER BY grid_id, premises_id";

const RENAME_ORGANIZATION: &str = "UPDATE organization SET name = $2, short_name = $3, pinyin = $4, initials = $5, \
     version = version + 1 WHERE id = $1 AND version = $6";
const TRANSFER_ORGANIZATION: &str = "UPDATE organization SET parent_id = $2, counterpart_id = $3, version = version + 1 \
     WHERE id = $1 AND version = $4";
const END_ORGANIZATION: &str = "UPDATE organization SET valid_to = $2, version = version + 1 \
     WHERE id = $1 AND version = $3 AND valid_to IS NULL";
const END_JURISDICTIONS: &str = "UPDATE jurisdiction SET valid_to = $2 WHERE organization_id = $1 AND valid_to IS NULL";
const END_POSTS_OF_ORGANIZATION: &str =
    "UPDATE post SET valid_to = $2, version = version + 1 WHERE organization_id = $1 AND valid_to IS NULL";
const LEAVE_ANCESTORS: &str = "DELETE FROM organization_ancestor \
     WHERE organization_id IN (SELECT i.organization_id FROM organization_ancestor i WHERE i.ancestor_id = $1) \
     AND ancestor_id IN (SELECT a.ancestor_id FROM organization_ancestor a WHERE a.organization_id = $2 AND a.depth > 0)";
const JOIN_ANCESTOR: &str = "INSERT INTO organization_ancestor (ancestor_id, organization_id, depth) \
     SELECT $1, organization_id, depth + $2 FROM organization_ancestor WHERE ancestor_id = $3 \
     ON CONFLICT (ancestor_id, organization_id) DO NOTHING";
const END_POST: &str =
    "UPDATE post SET valid_to = $2, version = version + 1 WHERE id = $1 AND version = $3 AND valid_to IS NULL";
const END_WORK_OF_POST: &str = "UPDATE grid_worker SET valid_to = $2 WHERE post_id = $1 AND valid_to IS NULL";
const END_POSTS_OF_STAFF: &str =
    "UPDATE post SET valid_to = $2, version = version + 1 WHERE staff_id = $1 AND valid_to IS NULL";
const END_WORK_OF_STAFF: &str = "UPDATE grid_worker SET valid_to = $2 WHERE valid_to IS NULL \
     AND post_id IN (SELECT p.id FROM post p WHERE p.staff_id = $1)";
const SET_STAFF_STATE: &str = "UPDATE staff SET state = $2, version = version + 1 WHERE id = $1 AND version = $3";
const END_WORK: &str = "UPDATE grid_worker SET valid_to = $3 WHERE grid_id = $1 AND post_id = $2 AND valid_to IS NULL";
const END_GRID: &str =
    "UPDATE grid SET valid_to = $2, version = version + 1 WHERE id = $1 AND version = $3 AND valid_to IS NULL";
const END_WORK_OF_GRID: &str = "UPDATE grid_worker SET valid_to = $2 WHERE grid_id = $1 AND valid_to IS NULL";
const PHONES: &str = "SELECT id, phone_mask FROM staff WHERE id = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    ORGANIZATIONS,
    POSTS,
    STAFF_ALL,
    GRIDS,
    GRID_WORKERS,
    GRID_PREMISES_ALL,
    RENAME_ORGANIZATION,
    TRANSFER_ORGANIZATION,
    END_ORGANIZATION,
    END_JURISDICTIONS,
    END_POSTS_OF_ORGANIZATION,
    LEAVE_ANCESTORS,
    JOIN_ANCESTOR,
    END_POST,
    END_WORK_OF_POST,
    END_POSTS_OF_STAFF,
    END_WORK_OF_STAFF,
    SET_STAFF_STATE,
    END_WORK,
    END_GRID,
    END_WORK_OF_GRID,
    PHONES,
];

/// Columns of an organization.
pub const ORGANIZATION: Shape = Shape {
    table: "organization",
    columns: &[
        "id",
        "parent_id",
        "counterpart_id",
        "place_id",
        "kind",
        "level",
        "name",
        "short_name",
        "pinyin",
        "initials",
        "valid_from",
        "valid_to",
        "version",
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

/// The whole address book valid on `today` (`YYYY-MM-DD`).
fn load(scanner: &mut Scanner, today: &str) -> Result<Directory, StoreError> {
    let today = || args![today];
    let (mut organizations, mut posts, mut staff, mut grids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    scanner.rows(ORGANIZATIONS, today(), |row| {
        organizations.push(organization(row)?);
        Ok(())
    })?;
    scanner.rows(POSTS, today(), |row| {
        posts.push(post(row)?);
        Ok(())
    })?;
    scanner.rows(STAFF_ALL, vec![], |row| {
        staff.push(Staff {
            id: row.id(0)?,
            person: row.id(1)?,
            name: row.text(2)?.to_owned(),
            pinyin: row.text(3)?.to_owned(),
            initials: row.text(4)?.to_owned(),
            state: row.text(5)?.to_owned(),
            version: row.number(6)?,
        });
        Ok(())
    })?;
    let (mut workers, mut premises): (HashMap<Id, Vec<Id>>, HashMap<Id, Vec<Id>>) = Default::default();
    for (sql, args, of) in [(GRID_WORKERS, today(), &mut workers), (GRID_PREMISES_ALL, vec![], &mut premises)] {
        scanner.rows(sql, args, |row| {
            of.entry(row.id(0)?).or_default().push(row.id(1)?);
            Ok(())
        })?;
    }
    scanner.rows(GRIDS, today(), |row| {
        let id = row.id(0)?;
        grids.push(Grid {
            id,
            community: row.id(1)?,
            name: row.text(2)?.to_owned(),
            workers: workers.remove(&id).unwrap_or_default(),
            premises: premises.remove(&id).unwrap_or_default(),
            version: row.number(3)?,
        });
        Ok(())
    })?;
    Ok(Directory::new(organizations, posts, staff, grids))
}

fn organization(row: &Scanned<'_>) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: row.id(0)?,
        parent: row.id_or_none(1)?,
        counterpart: row.id_or_none(2)?,
        place: row.id_or_none(3)?,
        kind: row.text(4)?.to_owned(),
        level: row.number(5)?,
        name: row.text(6)?.to_owned(),
        short_name: row.text(7)?.to_owned(),
        pinyin: row.text(8)?.to_owned(),
        initials: row.text(9)?.to_owned(),
        valid_from: row.text(10)?.to_owned(),
        valid_to: row.text_or_none(11)?.map(str::to_owned),
        version: row.number(12)?,
    })
}

fn post(row: &Scanned<'_>) -> Result<Post, StoreError> {
    Ok(Post {
        id: row.id(0)?,
        organization: row.id(1)?,
        staff: row.id_or_none(2)?,
        title: row.text(3)?.to_owned(),
        rank: row.number(4)?,
        tags: serde_json::from_str(row.text(5)?)?,
        valid_from: row.text(6)?.to_owned(),
        valid_to: row.text_or_none(7)?.map(str::to_owned),
        version: row.number(8)?,
    })
}

/// Reads the address book again and replaces the one in memory: call it after every change.
pub async fn reload(app: &App) -> Result<(), AppError> {
    let reading = app.address_book.reading(&mut app.read()).await?;
    let today = app.clock.today_text();
    let directory = app.db.scan(move |scanner| load(scanner, &today)).await?;
    app.directory.store(Arc::new(directory));
    reading.done();
    Ok(())
}

/// The row of an organization.
pub fn organization_row(o: &Organization) -> Vec<Arg> {
    args![
        o.id,
        o.parent,
        o.counterpart,
        o.place,
        &o.kind,
        o.level,
        &o.name,
        &o.short_name,
        &o.pinyin,
        &o.initials,
        &o.valid_from,
        &o.valid_to,
        o.version
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

fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Gives an organization other names: full, short, pinyin, initials.
pub async fn rename_organization(
    conn: &mut impl Exec,
    id: Id,
    names: [&str; 4],
    version: i64,
) -> Result<(), StoreError> {
    let [name, short, pinyin, initials] = names;
    changed(conn.execute(RENAME_ORGANIZATION, args![id, name, short, pinyin, initials, version]).await?)
}

/// Puts an organization under another one; the closure is the caller's.
pub async fn transfer_organization(
    conn: &mut impl Exec,
    id: Id,
    parent: Option<Id>,
    counterpart: Option<Id>,
    version: i64,
) -> Result<(), StoreError> {
    changed(conn.execute(TRANSFER_ORGANIZATION, args![id, parent, counterpart, version]).await?)
}

/// Puts an organization and everything inside it, also what has ended there and still counts, under those `above`,
/// nearest first, and no longer under what it stood under before.
pub async fn move_under(conn: &mut impl Exec, id: Id, above: &[Id]) -> Result<(), StoreError> {
    conn.execute(LEAVE_ANCESTORS, args![id, id]).await?;
    for (distance, above) in above.iter().enumerate() {
        conn.execute(JOIN_ANCESTOR, args![*above, distance as i64 + 1, id]).await?;
    }
    Ok(())
}

/// Ends an organization, its jurisdictions and its posts.
pub async fn end_organization(conn: &mut impl Exec, id: Id, day: &str, version: i64) -> Result<(), StoreError> {
    changed(conn.execute(END_ORGANIZATION, args![id, day, version]).await?)?;
    conn.execute(END_JURISDICTIONS, args![id, day]).await?;
    conn.execute(END_POSTS_OF_ORGANIZATION, args![id, day]).await.map(|_| ())
}

/// Ends a post and its work in grids.
pub async fn end_post(conn: &mut impl Exec, id: Id, day: &str, version: i64) -> Result<(), StoreError> {
    changed(conn.execute(END_POST, args![id, day, version]).await?)?;
    conn.execute(END_WORK_OF_POST, args![id, day]).await.map(|_| ())
}

/// Sets the state of a staff member; who has left holds no post.
pub async fn set_staff_state(
    conn: &mut impl Exec,
    id: Id,
    state: &str,
    version: i64,
    day: &str,
) -> Result<(), StoreError> {
    changed(conn.execute(SET_STAFF_STATE, args![id, state, version]).await?)?;
    if state == "left" {
        conn.execute(END_WORK_OF_STAFF, args![id, day]).await?;
        conn.execute(END_POSTS_OF_STAFF, args![id, day]).await?;
    }
    Ok(())
}

/// Lets a post work in a grid from `day` on, or until `day`.
pub async fn set_grid_worker(
    conn: &mut impl Exec,
    grid: Id,
    post: Id,
    works: bool,
    day: &str,
) -> Result<(), StoreError> {
    if works {
        let row = args![grid, post, day, Option::<String>::None];
        return GRID_WORKER.write(conn, vec![row], OnKey::Replace).await.map(|_| ());
    }
    conn.execute(END_WORK, args![grid, post, day]).await.map(|_| ())
}

/// Ends a grid and the work in it.
pub async fn end_grid(conn: &mut impl Exec, id: Id, day: &str, version: i64) -> Result<(), StoreError> {
    changed(conn.execute(END_GRID, args![id, day, version]).await?)?;
    conn.execute(END_WORK_OF_GRID, args![id, day]).await.map(|_| ())
}

/// The masked phone of a staff member.
pub async fn phone_mask(conn: &mut impl Exec, id: Id) -> Result<Option<String>, StoreError> {
    Ok(conn.optional::<(Id, Option<String>)>(PHONES, args![id]).await?.and_then(|row| row.1))
}
