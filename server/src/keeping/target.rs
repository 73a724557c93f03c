//! The installation that is written into: empty, or left unfinished by an earlier try.

use super::KeepError;
use crate::platform::database::tables::tables;
use crate::platform::database::{Db, Exec, MIGRATIONS, create, migrate};
use crate::platform::{files, settings};
use crate::start::{Place, marks};

/// Refuses a place that holds something. What an earlier try left unfinished is no obstacle, nor are
/// `own_files`, which stay where they are.
pub async fn empty(place: &Place, own_files: bool) -> Result<(), KeepError> {
    if place.database_url.is_none() && !place.sqlite_file().exists() {
        return no_files(place, own_files);
    }
    let db = place.connect().await?;
    let found = found(&db).await;
    db.close().await;
    match found? {
        Found::Nothing => no_files(place, own_files),
        Found::Unfinished => Ok(()),
        Found::Something(what) => Err(KeepError::Refused(format!(
            "the installation that should be written is not empty ({what}): name an empty folder with --data, or an empty database; nothing was changed"
        ))),
    }
}

fn no_files(place: &Place, own_files: bool) -> Result<(), KeepError> {
    let folder = place.data.join(files::FOLDER);
    match std::fs::read_dir(&folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) if !own_files => Err(KeepError::Refused(format!(
            "{} holds files of another installation: name an empty folder with --data; nothing was changed",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

enum Found {
    Nothing,
    Unfinished,
    Something(String),
}

async fn found(db: &Db) -> Result<Found, KeepError> {
    let names = db.table_names().await?;
    let Some(first) = names.first() else { return Ok(Found::Nothing) };
    if marks(db).await?[1].is_some() {
        return Ok(Found::Unfinished);
    }
    Ok(Found::Something(format!("{} tables, the first is {first}", names.len())))
}

/// Makes the tables of the first `steps` steps and marks the installation as unfinished, in one
/// transaction: nobody ever opens what is not complete.
pub async fn prepare(db: &Db, steps: usize, act: &str, now: i64) -> Result<(), KeepError> {
    if let Found::Something(what) = found(db).await? {
        return Err(KeepError::Refused(format!("the database is not empty any more ({what})")));
    }
    let known: Vec<String> = tables(MIGRATIONS.len())?.into_iter().map(|table| table.name).collect();
    let mut tx = db.begin_write().await?;
    for name in db.table_names().await? {
        if name != "schema_migration" && !known.contains(&name) {
            return Err(KeepError::Refused(format!("the database has a table {name} that is not of hutong")));
        }
        tx.execute_built(format!("DROP TABLE {name}"), vec![]).await?;
    }
    create(&mut tx, steps, now).await?;
    settings::put(&mut tx, settings::UNFINISHED, act).await?;
    Ok(tx.commit().await?)
}

/// Brings what was written to the schema of this version and takes the mark off.
pub async fn finish(db: &Db, now: i64) -> Result<(), KeepError> {
    migrate(db, now).await?;
    let mut tx = db.begin_write().await?;
    settings::forget(&mut tx, settings::UNFINISHED).await?;
    Ok(tx.commit().await?)
}
