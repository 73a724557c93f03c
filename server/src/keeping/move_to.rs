//! `hutong move --to URL`: the same installation in another database, every id and total kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use super::manifest::TableCount;
use super::pour::{ON_THE_WAY, compare, counts, pour, same_columns, sums, walk_all};
use super::{KeepError, Seen, at, keys, target};
use crate::audit::heads;
use crate::error::plain_text;
use crate::platform::database::tables::kept_tables;
use crate::platform::database::walk::Batch;
use crate::platform::database::{Db, Exec, MIGRATIONS, steps};
use crate::platform::ids::Id;
use crate::platform::jobs::STALE;
use crate::platform::{files, settings};
use crate::start::{self, Place, StartError, marks};

const BEATS: &str = "SELECT name, epoch, beat FROM lease WHERE owner <> '' ORDER BY name";
const FILES: &str = "SELECT id FROM stored_file ORDER BY id";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[BEATS, FILES];

/// What was moved.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// where it is now, without a password
    pub to: String,
    /// rows and digest of every table, the same on both sides
    pub tables: Vec<TableCount>,
    /// files that were copied: none when the data folder stays
    pub files: u64,
}

/// The place that `--to` names: `postgres://…` with the data folder as it is, or `sqlite:DIR`.
pub fn target_of(source: &Place, to: &str) -> Result<Place, KeepError> {
    if to.starts_with("postgres://") || to.starts_with("postgresql://") {
        return Ok(Place { data: source.data.clone(), database_url: Some(to.to_owned()) });
    }
    match to.strip_prefix("sqlite:").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(Place { data: PathBuf::from(folder), database_url: None }),
        None => Err(KeepError::Refused(
            "--to wants postgres://USER@HOST/DATABASE, or sqlite:FOLDER for an embedded database".into(),
        )),
    }
}

/// A place for people to read: without a password.
fn name_of(place: &Place) -> String {
    match &place.database_url {
        None => {
            let folder = std::path::absolute(&place.data).unwrap_or_else(|_| place.data.clone());
            format!("sqlite:{}", folder.display())
        }
        Some(url) => match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((before, host))) => {
                let user = before.split("://").nth(1).and_then(|user| user.split(':').next()).unwrap_or_default();
                format!("{scheme}://{user}@{host}")
            }
            _ => url.clone(),
        },
    }
}

/// Moves the installation at `source` to `to`, which must be empty.
pub async fn move_to(source: &Place, to: &Place, now: i64, seen: Seen) -> Result<Moved, KeepError> {
    if name_of(source) == name_of(to) {
        return Err(KeepError::Refused("the installation is there already".into()));
    }
    if source.database_url.is_none() && !source.sqlite_file().exists() {
        return Err(KeepError::Refused(format!("there is no installation in {}", source.data.display())));
    }
    let _source_folder = source.take_folder()?;
    let _target_folder = to.take_folder()?;
    target::empty(to, same_folder(source, to)).await?;
    let from = source.connect().await?;
    let moved = carry(&from, source, to, now, seen).await;
    from.close().await;
    moved
}

fn same_folder(one: &Place, other: &Place) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(&one.data) == real(&other.data)
}

async fn carry(from: &Db, source: &Place, to: &Place, now: i64, seen: Seen) -> Result<Moved, KeepError> {
    let name = name_of(to);
    let [moved, unfinished] = marks(from).await?;
    if let Some(act) = unfinished {
        return Err(StartError::Unfinished(act).into());
    }
    // The mark is set before the last step: a move broken off between the two is done again.
    if let Some(there) = moved.filter(|there| *there != name) {
        return Err(StartError::Moved(there).into());
    }
    nobody_serves(from).await?;
    let into = &to.connect().await?;
    let mut tx = from.begin_write().await?;
    let schema = steps(&mut tx).await?;
    let known = schema
        .iter()
        .enumerate()
        .all(|(at, step)| MIGRATIONS.get(at).is_some_and(|own| own.name == step.0 && own.digest() == step.1));
    if !known || schema.is_empty() {
        return Err(KeepError::Refused(
            "the installation has a schema of another version: use that version of hutong".into(),
        ));
    }
    let tables = Arc::new(kept_tables(schema.len())?);
    tx.lock_against_writes(&tables).await?;
    same_columns(&mut tx, &tables).await?;
    let total = counts(&mut tx, &tables).await?.iter().sum();
    target::prepare(into, schema.len(), "move", now).await?;
    let (sender, receiver) = mpsc::channel::<Batch>(ON_THE_WAY);
    let pouring = tokio::spawn(pour(into.clone(), Arc::clone(&tables), receiver, total, Arc::clone(&seen)));
    let walked = walk_all(&mut tx, &tables, &sender).await;
    drop(sender);
    let sent = pouring.await??;
    walked?;
    let there = sums(into, Arc::clone(&tables), total, seen).await?;
    compare(&tables, &sent, &there)?;
    let files = if same_folder(source, to) { 0 } else { copy_files(into, source, to).await? };
    settings::put(&mut tx, settings::MOVED_TO, &name).await?;
    tx.commit().await?;
    target::finish(into, now).await?;
    into.close().await;
    if !same_folder(source, to) {
        let app = start::open(to).await?;
        let made = heads::recreate(&app).await;
        app.db.close().await;
        made.map_err(|fault| KeepError::Broken(plain_text(fault, web::Lang::En)))?;
    }
    let tables = tables
        .iter()
        .zip(there)
        .map(|(table, (rows, sha256))| TableCount { name: table.name.clone(), rows, sha256 })
        .collect();
    Ok(Moved { to: name, tables, files })
}

/// A server holds leases and moves their beats; one that was killed leaves them standing still.
async fn nobody_serves(db: &Db) -> Result<(), KeepError> {
    if !db.table_names().await?.iter().any(|name| name == "lease") {
        return Ok(());
    }
    let beats = |mut db: Db| async move { db.all::<(String, i64, i64)>(BEATS, vec![]).await };
    let before = beats(db.clone()).await?;
    if before.is_empty() {
        return Ok(());
    }
    tokio::time::sleep(STALE + Duration::from_secs(1)).await;
    if beats(db.clone()).await? != before {
        return Err(KeepError::Refused(
            "a hutong server is at work on this installation: stop it first; nothing was changed".into(),
        ));
    }
    Ok(())
}

/// Keys and stored files, where the data folder is another one.
async fn copy_files(into: &Db, source: &Place, to: &Place) -> Result<u64, KeepError> {
    if let Some(text) = keys::read(&source.keys_file())? {
        keys::write(&to.keys_file(), &text)?;
    }
    let ids: Vec<(Id,)> = into.clone().all(FILES, vec![]).await?;
    let (from, to) = (source.data.clone(), to.data.clone());
    tokio::task::spawn_blocking(move || {
        let mut copied = 0;
        for (id,) in ids {
            let (old, new) = (files::path_in(&from, id), files::path_in(&to, id));
            match std::fs::read(&old) {
                Ok(bytes) => files::write(&new, &bytes).map_err(at(&new))?,
                // A row whose file is lost stays as it was at the source.
                Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => continue,
                Err(fault) => return Err(at(&old)(fault)),
            }
            copied += 1;
        }
        Ok(copied)
    })
    .await?
}

/// Takes the mark of a move off, so that this copy can be served again; says where it had gone.
pub async fn forget_move(source: &Place) -> Result<Option<String>, KeepError> {
    let _folder = source.take_folder()?;
    let db = source.connect().await?;
    let moved = marks(&db).await?[0].take();
    if moved.is_some() {
        let mut tx = db.begin_write().await?;
        settings::forget(&mut tx, settings::MOVED_TO).await?;
        tx.commit().await?;
    }
    db.close().await;
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_without_its_password() {
        let place = Place { data: "/srv/hutong".into(), database_url: None };
        let to = target_of(&place, "postgres://hu:s@cr:et@db.example:5432/city?sslmode=require").expect("understood");
        assert_eq!(name_of(&to), "postgres://hu@db.example:5432/city?sslmode=require");
        assert_eq!(to.data, place.data);
        let back = target_of(&to, "sqlite:/srv/other").expect("understood");
        assert_eq!((name_of(&back).as_str(), back.database_url), ("sqlite:/srv/other", None));
        assert!(target_of(&place, "mysql://x").is_err() && target_of(&place, "sqlite:").is_err());
    }
}
