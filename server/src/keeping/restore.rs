//! `hutong restore FILE`: an archive becomes an installation, where there is none yet.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::backup::seal_of;
use super::manifest::{Head, Manifest};
use super::pour::{ON_THE_WAY, compare, pour, sums};
use super::scan::{Checked, Part, Scan, check};
use super::{KeepError, Seen, at, keys, target};
use crate::audit::heads;
use crate::doctor::{self, Check};
use crate::error::plain_text;
use crate::platform::database::Db;
use crate::platform::database::walk::Batch;
use crate::platform::secrets::Keys;
use crate::platform::{durable, files};
use crate::start::{self, Place, StartError};

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// what the archive says first
    pub head: Head,
    /// and last
    pub manifest: Manifest,
    /// what the self-check of the new installation says
    pub checks: Vec<Check>,
}

/// Reads the archive to its end, then writes it into `place`, compares, and looks the result over.
pub async fn restore(
    place: &Place,
    file: &Path,
    keys_from: Option<&Path>,
    now: i64,
    seen: Seen,
) -> Result<Restored, KeepError> {
    target::empty(place, false).await?;
    let (archive, watch) = (file.to_owned(), Arc::clone(&seen));
    let checked = tokio::task::spawn_blocking(move || check(&archive, &watch)).await??;
    if let (Some(table), Some(_)) = (&checked.nul_in, &place.database_url) {
        return Err(KeepError::Refused(format!(
            "a text of table {table} has a NUL character, which PostgreSQL cannot hold: restore into the embedded database; nothing was written"
        )));
    }
    let keys_text = keys_for(place, file, keys_from, &checked)?;
    let _folder = place.take_folder()?;
    let db = place.connect().await?;
    let written = write(&db, place, file, &checked, keys_text, now, seen).await;
    db.close().await;
    written?;
    let app = start::open(place).await?;
    let broken = |fault| KeepError::Broken(plain_text(fault, web::Lang::En));
    let checks = match heads::recreate(&app).await {
        Ok(_) => doctor::examine(&app, |_| {}).await.map_err(broken),
        Err(fault) => Err(broken(fault)),
    };
    app.db.close().await;
    Ok(Restored { head: checked.head, manifest: checked.manifest, checks: checks? })
}

/// The key file that opens what is in the archive; without it nothing is begun.
fn keys_for(
    place: &Place,
    file: &Path,
    keys_from: Option<&Path>,
    checked: &Checked,
) -> Result<Option<String>, KeepError> {
    if checked.head.keys.is_empty() {
        return Ok(None);
    }
    let own = place.keys_file();
    let (text, from) = match (keys_from, &checked.keys) {
        (Some(given), _) => (Some(std::fs::read_to_string(given).map_err(at(given))?), given),
        (None, Some(carried)) => (Some(carried.clone()), file),
        (None, None) => (keys::read(&own)?, own.as_path()),
    };
    let needed: Vec<&str> = checked.head.keys.iter().map(|key| key.name.as_str()).collect();
    let Some(text) = text else {
        return Err(KeepError::Refused(format!(
            "the archive does not carry its keys ({}): give the key file of that installation with --keys FILE; nothing was written",
            needed.join(", ")
        )));
    };
    if let Some(name) = keys::missing(&checked.head.keys, &text) {
        return Err(KeepError::Refused(format!(
            "the archive needs the key `{name}` of its installation, and {} has another one or none: give the right key file with --keys FILE; nothing was written",
            from.display()
        )));
    }
    let parsed = Keys::parse(&text).map_err(StartError::from)?;
    if checked.manifest.seal.as_ref().is_some_and(|seal| *seal != seal_of(&parsed, checked.chain)) {
        return Err(KeepError::Refused(
            "the archive was changed by somebody who does not have its keys: use another backup; nothing was written"
                .into(),
        ));
    }
    Ok(Some(text))
}

async fn write(
    db: &Db,
    place: &Place,
    file: &Path,
    checked: &Checked,
    keys_text: Option<String>,
    now: i64,
    seen: Seen,
) -> Result<(), KeepError> {
    target::prepare(db, checked.head.schema.len(), "restore", now).await?;
    durable::make_folder(&place.data).map_err(at(&place.data))?;
    if let Some(text) = keys_text {
        keys::write(&place.keys_file(), &text)?;
    }
    let mut scan = Scan::open(file)?;
    let tables = Arc::new(scan.tables.clone());
    let total = checked.head.rows;
    let (sender, receiver) = mpsc::channel::<Batch>(ON_THE_WAY);
    let data = place.data.clone();
    let reader = tokio::task::spawn_blocking(move || -> Result<Manifest, KeepError> {
        loop {
            match scan.next()? {
                Part::Rows(batch) => sender
                    .blocking_send(batch)
                    .map_err(|_| KeepError::Broken("the rows could not be written".into()))?,
                Part::File(id, bytes) => {
                    let path = files::path_in(&data, id);
                    files::write(&path, &bytes).map_err(at(&path))?;
                }
                Part::Keys(_) => {}
                Part::End(manifest, _) => return Ok(manifest),
            }
        }
    });
    let poured = pour(db.clone(), Arc::clone(&tables), receiver, total, Arc::clone(&seen)).await;
    let read = reader.await?;
    let poured = poured?;
    if read? != checked.manifest {
        return Err(KeepError::Refused("the archive was changed while it was restored: run the command again".into()));
    }
    let there = sums(db, Arc::clone(&tables), total, seen).await?;
    compare(&tables, &poured, &there)?;
    target::finish(db, now).await
}
