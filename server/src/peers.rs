//! Living beside other processes on one database: the watcher that hears what they commit, the beat that shows
//! that this one lives, and the look at the start whether all have the same data folder.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::app::App;
use crate::error::AppError;
use crate::platform::database::{StoreError, Touched};
use crate::platform::faults::{self, Protection};
use crate::platform::ids::{Id, shard_of};
use crate::platform::jobs::BEAT;
use crate::platform::lane::EVERYTHING;
use crate::platform::peers::{self, Beat, DEAF, LOOK};
use crate::start::StartError;

/// The folder, in the data folder, in which every process moves its beat.
const FOLDER: &str = "processes";
/// A process that has shown itself within so many microseconds may be alive.
const LATELY: i64 = 10_000_000;
const GEOGRAPHY: [&str; 2] = ["place", "tree_version"];
const DIRECTORY: [&str; 6] = ["organization", "staff", "post", "grid", "grid_worker", "grid_premises"];
const SETTINGS: [&str; 1] = ["setting"];

/// Hears what other processes commit until the house closes.
pub async fn watch(app: App) {
    if !app.peers.any() {
        return;
    }
    let mut stopping = app.stopping();
    let mut books = Books::default();
    let mut well = true;
    while !*stopping.borrow() {
        let begun = Instant::now();
        match round(&app, &mut books, begun).await {
            Ok(()) => {
                if !well {
                    tracing::info!("other processes are heard again");
                }
                well = true;
            }
            Err(fault) => {
                if well {
                    tracing::warn!(%fault, "other processes cannot be heard: nothing that is kept is trusted meanwhile");
                }
                well = false;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Reads once what others have committed and acts upon it: books first, then caches and listeners.
async fn round(app: &App, books: &mut Books, begun: Instant) -> Result<(), AppError> {
    let heard = app.peers.round(&mut app.read()).await?;
    let tables = if heard.everything { Touched::ALL } else { heard.tables };
    books.changed = books.changed.and(tables);
    books.read_again(app).await?;
    app.lanes.changes().note(tables);
    if heard.everything {
        app.lanes.tell([EVERYTHING]);
    } else {
        app.lanes.tell(heard.ids);
    }
    app.peers.heard(begun);
    app.lanes.changes().trust_until(begun + DEAF);
    Ok(())
}

/// What others changed of the tables that are held in memory, until it is read again.
#[derive(Default)]
struct Books {
    changed: Touched,
    /// not before this: while somebody imports a tree, every slice of it changes a book
    rest: Option<Instant>,
}

impl Books {
    async fn read_again(&mut self, app: &App) -> Result<(), AppError> {
        if self.rest.is_some_and(|rest| Instant::now() < rest) || faults::out(Protection::PeerBooks) {
            return Ok(());
        }
        let begin = Instant::now();
        let changed = self.changed;
        let of = |tables: &[&str]| changed.meets(Touched::of(tables));
        if of(&SETTINGS) {
            crate::start::reload_installation(app).await?;
        }
        if of(&GEOGRAPHY) {
            crate::geography::reload(app).await?;
        }
        if of(&DIRECTORY) {
            crate::directory::reload(app).await?;
        }
        self.changed = Touched::default();
        self.rest = Some(Instant::now() + (begin.elapsed() * 4).min(DEAF / 2));
        Ok(())
    }
}

/// Moves the beat of this process, in the data folder and in the database, until the house closes.
pub async fn beat(app: App) {
    if !app.peers.any() {
        return;
    }
    let mut stopping = app.stopping();
    while !*stopping.borrow() {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            _ = stopping.changed() => {}
        }
        if let Err(fault) = show(&app).await {
            tracing::warn!(%fault, "the beat of this process could not be shown");
        }
    }
}

/// One beat: first in the folder, then in the database, so that whoever has the folder finds there at least what
/// the database says.
async fn show(app: &App) -> Result<(), AppError> {
    let beat = app.peers.next_beat();
    let owner = app.lanes.owner();
    let file = file_of(&app.data, owner);
    tokio::task::spawn_blocking(move || leave_beat(&file, beat))
        .await
        .map_err(|fault| AppError::Internal(fault.to_string()))?
        .map_err(|fault| StoreError::Unwritable(sqlx::Error::Io(fault)))?;
    let (about, now, peers) = (about(app), app.now(), app.clone());
    app.lanes
        .write_first(shard_of(owner), vec![], move |tx| {
            let (about, peers) = (about.clone(), peers.clone());
            Box::pin(async move { peers.peers.beat(tx, beat, &about, now).await })
        })
        .await
        .map_err(AppError::from)
}

/// Who this process is, for people; nothing once it is ending.
fn about(app: &App) -> String {
    if *app.stopping().borrow() {
        return String::new();
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    json!({
        "host": host.trim(),
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "data": app.data.display().to_string(),
    })
    .to_string()
}

fn file_of(data: &Path, owner: Id) -> PathBuf {
    data.join(FOLDER).join(owner.simple().to_string())
}

/// Leaves a beat in the data folder, with the number that the file has in it: a copy has another.
fn leave_beat(path: &Path, beat: i64) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = File::create(path)?;
    let number = file.metadata()?.ino();
    file.write_all(format!("{beat} {number}").as_bytes())
}

/// The beat that a process has left in the data folder, and whether it was left in this one and not copied.
fn beat_in(data: &Path, owner: Id) -> Option<(i64, bool)> {
    let mut file = File::open(file_of(data, owner)).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let (beat, number) = text.split_once(' ').unwrap_or((&text, ""));
    let left_here = number.parse().is_ok_and(|number: u64| file.metadata().is_ok_and(|file| file.ino() == number));
    Some((beat.parse().ok()?, left_here))
}

/// Joins the processes that serve this database, or refuses where one of them has another data folder: keys, files
/// and the list of heads lie there, and must be the same for all. Where the beat of another cannot be told from a copied
/// one it waits for the next.
pub async fn join(app: &App) -> Result<(), StartError> {
    if !app.peers.any() || faults::out(Protection::OneFolder) {
        return Ok(());
    }
    show(app).await?;
    let lately = app.now() - LATELY;
    let mut others = app.peers.beats(&mut app.read()).await?;
    // What stands here as it does in the database, not copied, was left here: also by one that was killed just now.
    let left_here = |other: &Beat| beat_in(&app.data, other.id).is_some_and(|(at, here)| here && at >= other.beat);
    others.retain(|other| !other.about.is_empty() && other.seen_at > lately && !left_here(other));
    let begin = Instant::now();
    while !others.is_empty() {
        tokio::time::sleep(LOOK).await;
        let now = app.peers.beats(&mut app.read()).await?;
        let later = |other: &Beat| now.iter().find(|beat| beat.id == other.id && beat.beat > other.beat);
        others.retain(|other| {
            later(other).is_none_or(|beat| beat_in(&app.data, beat.id).is_none_or(|(here, _)| here < beat.beat))
        });
        if begin.elapsed() < BEAT * 3 {
            continue;
        }
        // One that has ended stands still.
        return match others.iter().find(|other| later(other).is_some()) {
            None => Ok(()),
            Some(other) => {
                let _ = std::fs::remove_file(file_of(&app.data, app.lanes.owner()));
                Err(StartError::OtherFolder(app.data.clone(), other.about.clone()))
            }
        };
    }
    Ok(())
}

/// Forgets processes that have not been seen for a day: part of the hourly tidying.
pub async fn forget_old(app: &App) -> Result<u64, AppError> {
    if !app.peers.any() {
        return Ok(0);
    }
    let before = app.now() - crate::platform::clock::DAY;
    let gone: u64 = app.lanes.write(0, vec![], move |tx| Box::pin(peers::forget(tx, before))).await?;
    let mut there: Vec<Id> = app.peers.beats(&mut app.read()).await?.into_iter().map(|beat| beat.id).collect();
    there.push(app.lanes.owner());
    let folder = app.data.join(FOLDER);
    let removed = tokio::task::spawn_blocking(move || {
        for file in std::fs::read_dir(&folder)?.flatten() {
            let id = file.file_name().to_str().and_then(|name| name.parse::<Id>().ok());
            if id.is_some_and(|id| !there.contains(&id)) {
                std::fs::remove_file(file.path())?;
            }
        }
        Ok::<_, std::io::Error>(())
    });
    if let Ok(Err(fault)) = removed.await {
        tracing::warn!(%fault, "beats of processes that are gone could not be removed");
    }
    Ok(gone)
}
