//! The SQL of places: reading the whole tree, writing rows, dated codes.

use super::place::{FullName, Place, PlaceRef};
use super::planting::Planting;
use super::tree::Geography;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::Shape;
use crate::platform::database::{Arg, Db, Exec, Scanned, Scanner, StoreError};
use crate::platform::ids::Id;

/// Only versions of the tree that were published count: rows of an import that is still running, or
/// was broken off, carry a higher number and are seen by nobody.
const ALL: &str = "SELECT id, parent_id, level, kind, name, official_name, full_name, pinyin, initials, code, in_list, \
     shard, sort, valid_from, valid_to, version FROM place \
     WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1) \
     AND tree_version <= (SELECT coalesce(max(number), 0) FROM tree_version)";
const TREE_VERSION: &str = "SELECT coalesce(max(number), 0) FROM tree_version";
const PUBLISH: &str = "INSERT INTO tree_version (number, note, effective_on, created_at) VALUES ($1, $2, $3, $4)";
const RENAME: &str = "UPDATE place SET name = $2, official_name = $3, full_name = $4, pinyin = $5, initials = $6, \
     version = version + 1 WHERE id = $1 AND version = $7";
const END: &str =
    "UPDATE place SET valid_to = $2, version = version + 1 WHERE id = $1 AND version = $3 AND valid_to IS NULL";
const END_CODES: &str = "UPDATE place_code SET valid_to = $2 WHERE place_id = $1 AND valid_to IS NULL";
const FULL_NAME: &str = "UPDATE place SET full_name = $2 WHERE id = $1";
const STAGED: &str = "SELECT count(*) FROM place WHERE tree_version = $1";
const CLEAR_PLACES: &str = "DELETE FROM place WHERE tree_version > (SELECT coalesce(max(number), 0) FROM tree_version)";
const CLEAR_ANCESTORS: &str =
    "DELETE FROM place_ancestor WHERE NOT EXISTS (SELECT 1 FROM place p WHERE p.id = place_ancestor.place_id)";
const CLEAR_CODES: &str =
    "DELETE FROM place_code WHERE NOT EXISTS (SELECT 1 FROM place p WHERE p.id = place_code.place_id)";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[
    ALL,
    TREE_VERSION,
    PUBLISH,
    RENAME,
    END,
    END_CODES,
    FULL_NAME,
    STAGED,
    CLEAR_PLACES,
    CLEAR_ANCESTORS,
    CLEAR_CODES,
];

/// Columns of a place.
pub const PLACE: Shape = Shape {
    table: "place",
    columns: &[
        "id",
        "parent_id",
        "level",
        "kind",
        "name",
        "official_name",
        "full_name",
        "pinyin",
        "initials",
        "code",
        "in_list",
        "shard",
        "sort",
        "valid_from",
        "valid_to",
        "tree_version",
        "version",
    ],
    key: &["id"],
};

/// One row per place and ancestor, the place itself with depth 0.
pub const PLACE_ANCESTOR: Shape = Shape {
    table: "place_ancestor",
    columns: &["ancestor_id", "place_id", "depth"],
    key: &["ancestor_id", "place_id"],
};

/// Dated codes.
pub const PLACE_CODE: Shape = Shape {
    table: "place_code",
    columns: &["place_id", "code", "system", "valid_from", "valid_to"],
    key: &["place_id", "code", "system", "valid_from"],
};

/// The row of a place under a version of the tree.
pub fn place_row(place: &Place, tree_version: i64) -> Vec<Arg> {
    args![
        place.id,
        place.parent,
        place.level,
        &place.kind,
        &place.name,
        &place.official_name,
        &place.full_name,
        &place.pinyin,
        &place.initials,
        &place.code,
        place.in_list,
        place.shard,
        place.sort,
        &place.valid_from,
        &place.valid_to,
        tree_version,
        place.version,
    ]
}

/// Every place valid on `today` (`YYYY-MM-DD`).
async fn load(db: &Db, today: &str) -> Result<Geography, StoreError> {
    let args = args![today];
    let read = move |scanner: &mut Scanner| {
        let mut planting = Planting::default();
        scanner.rows(ALL, args, |row| add(&mut planting, row))?;
        Ok(planting)
    };
    // The connection is closed before the tree grows: once it has given back large pieces the allocator keeps what is
    // given back in small ones.
    let planting = db.scan(read).await?;
    let grown = tokio::task::spawn_blocking(move || planting.grow());
    grown.await.map_err(|fault| StoreError::Corrupt(fault.to_string()))
}

fn add(planting: &mut Planting, row: &Scanned<'_>) -> Result<(), StoreError> {
    planting.add(PlaceRef {
        id: row.id(0)?,
        parent: row.id_or_none(1)?,
        level: row.number(2)?,
        kind: row.text(3)?,
        name: row.text(4)?,
        official_name: row.text(5)?,
        full_name: FullName::of(row.text(6)?),
        pinyin: row.text(7)?,
        initials: row.text(8)?,
        code: row.text_or_none(9)?,
        in_list: row.flag(10)?,
        shard: row.number(11)?,
        sort: row.number(12)?,
        valid_from: row.text(13)?,
        valid_to: row.text_or_none(14)?,
        version: row.number(15)?,
    });
    Ok(())
}

/// Reads the tree again and replaces the one in memory: call it after every change.
pub async fn reload(app: &App) -> Result<(), AppError> {
    let reading = app.places_book.reading(&mut app.read()).await?;
    let geography = load(&app.db, &app.clock.today_text()).await?;
    app.geography.store(std::sync::Arc::new(geography));
    reading.done();
    Ok(())
}

/// The newest published version of the tree; 0 before the first.
pub async fn tree_version(conn: &mut impl Exec) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(TREE_VERSION, vec![]).await?.0)
}

/// Publishes a version of the tree: the small commit that makes its rows seen.
pub async fn publish(conn: &mut impl Exec, number: i64, note: &str, day: &str, now: i64) -> Result<(), StoreError> {
    conn.execute(PUBLISH, args![number, note, day, now]).await.map(|_| ())
}

/// Gives a place another name; [`StoreError::Stale`] when its version moved.
pub async fn rename(conn: &mut impl Exec, place: &Place) -> Result<(), StoreError> {
    let args = args![
        place.id,
        &place.name,
        &place.official_name,
        &place.full_name,
        &place.pinyin,
        &place.initials,
        place.version
    ];
    changed(conn.execute(RENAME, args).await?)
}

/// Changes only the path of a place whose ancestor was renamed.
pub async fn set_full_name(conn: &mut impl Exec, id: Id, full_name: &str) -> Result<(), StoreError> {
    conn.execute(FULL_NAME, args![id, full_name]).await.map(|_| ())
}

/// Ends a place and its codes on a day; [`StoreError::Stale`] when its version moved.
pub async fn end(conn: &mut impl Exec, id: Id, day: &str, version: i64) -> Result<(), StoreError> {
    changed(conn.execute(END, args![id, day, version]).await?)?;
    conn.execute(END_CODES, args![id, day]).await.map(|_| ())
}

/// How many places carry a version of the tree.
pub async fn staged(conn: &mut impl Exec, number: i64) -> Result<i64, StoreError> {
    Ok(conn.one::<(i64,)>(STAGED, args![number]).await?.0)
}

/// Removes what an import that was broken off left behind.
pub async fn clear_unpublished(conn: &mut impl Exec) -> Result<u64, StoreError> {
    let places = conn.execute(CLEAR_PLACES, vec![]).await?;
    if places > 0 {
        conn.execute(CLEAR_ANCESTORS, vec![]).await?;
        conn.execute(CLEAR_CODES, vec![]).await?;
    }
    Ok(places)
}

fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Stale) }
}
