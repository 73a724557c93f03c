//! Opening the house: database, schema, keys, books; the same for the server, the commands and the tests.

use std::path::{Path, PathBuf};

use crate::app::{App, Installation, Parts};
use crate::error::AppError;
use crate::knowledge;
use crate::ledgers;
use crate::platform::clock::Clock;
use crate::platform::database::{Db, StoreError, migrate};
use crate::platform::durable;
use crate::platform::folder::{FolderLock, Taken};
use crate::platform::limits::Limits;
use crate::platform::secrets::{Keys, SecretError};
use crate::platform::settings;

/// The civil zone of every installation until a setting says otherwise.
pub const ZONE: &str = "Asia/Shanghai";

/// Why the house does not open; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// folder or file
    #[error("cannot use the data folder {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// database
    #[error("cannot open the database: {0}")]
    Store(#[from] StoreError),
    /// keys
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// zone data
    #[error("time zone: {0}")]
    Zone(#[from] jiff::Error),
    /// a room's book
    #[error("{0}")]
    Room(#[from] AppError),
    /// address
    #[error("cannot listen on {0}: {1}")]
    Listen(String, std::io::Error),
    /// another process has the folder
    #[error("the data folder {0} is in use by another hutong ({1}): stop it first, or name another folder with --data")]
    InUse(PathBuf, String),
    /// another process serves the same database with another folder
    #[error(
        "another hutong serves this database with another data folder than {0} ({1}): keys, files and the list of heads must be the same for all, so name the same (shared) folder with --data"
    )]
    OtherFolder(PathBuf, String),
    /// the installation went elsewhere
    #[error(
        "this installation was moved to {0}: serve that one. If this copy is to be used again after all, run `hutong move --undo` here"
    )]
    Moved(String),
    /// writing it was broken off
    #[error("`hutong {0}` into this installation was broken off half way: run it again; nothing here is complete yet")]
    Unfinished(String),
}

/// Where the data are.
#[derive(Clone, Debug)]
pub struct Place {
    /// folder with the embedded database, keys and files
    pub data: PathBuf,
    /// PostgreSQL instead of the embedded database
    pub database_url: Option<String>,
}

impl Place {
    /// Opens the database, migrating it if `may_migrate`.
    pub async fn database(&self, now: i64) -> Result<Db, StartError> {
        durable::make_folder(&self.data).map_err(|fault| StartError::Folder(self.data.clone(), fault))?;
        let db = self.connect().await?;
        let [moved, unfinished] = marks(&db).await?;
        if let Some(to) = moved {
            return Err(StartError::Moved(to));
        }
        if let Some(act) = unfinished {
            return Err(StartError::Unfinished(act));
        }
        migrate(&db, now).await?;
        Ok(db)
    }

    /// Opens the database as it is; of an embedded one the folder must be there.
    pub async fn connect(&self) -> Result<Db, StartError> {
        Ok(match &self.database_url {
            Some(url) => Db::open_postgres(url).await?,
            None => Db::open_sqlite(&self.sqlite_file()).await?,
        })
    }

    /// The embedded database's file.
    pub fn sqlite_file(&self) -> PathBuf {
        self.data.join("hutong.db")
    }

    /// Where the keys are.
    pub fn keys_file(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// Takes the folder of an embedded database for one process; several may serve one PostgreSQL.
    pub fn take_folder(&self) -> Result<Option<FolderLock>, StartError> {
        if self.database_url.is_some() {
            return Ok(None);
        }
        FolderLock::take(&self.data).map(Some).map_err(|fault| match fault {
            Taken::Held(by) => StartError::InUse(self.data.clone(), by),
            Taken::Disk(fault) => StartError::Folder(self.data.clone(), fault),
        })
    }
}

/// What is written on a database that must not be served: where it went, and what has not ended.
pub async fn marks(db: &Db) -> Result<[Option<String>; 2], StoreError> {
    if !db.table_names().await?.iter().any(|name| name == "setting") {
        return Ok([None, None]);
    }
    let mut db = db.clone();
    Ok([settings::get(&mut db, settings::MOVED_TO).await?, settings::get(&mut db, settings::UNFINISHED).await?])
}

/// Opens everything. Keys are made only when the database holds nothing yet.
pub async fn open(place: &Place) -> Result<App, StartError> {
    let clock = Clock::system(ZONE)?;
    let db = place.database(clock.now()).await?;
    let fresh = settings::all(&mut db.clone()).await?.is_empty();
    let keys = Keys::open(&place.keys_file(), fresh)?;
    assemble(db, clock, keys, &place.data).await
}

/// Puts an app together from its parts and reads the books.
pub async fn assemble(db: Db, clock: Clock, keys: Keys, data: &Path) -> Result<App, StartError> {
    assemble_within(db, clock, keys, data, Limits::default()).await
}

/// The same with other limits.
pub async fn assemble_within(db: Db, clock: Clock, keys: Keys, data: &Path, limits: Limits) -> Result<App, StartError> {
    let app = App::new(Parts::new(db, clock, keys, data.to_owned(), limits));
    app.peers.begin(&mut app.read()).await?;
    furnish(&app).await?;
    reload(&app).await?;
    Ok(app)
}

/// What every installation has from its first start: the knowledge model's version, the ledger of all.
async fn furnish(app: &App) -> Result<(), StartError> {
    let mut db = app.read();
    if knowledge::seeded(&mut db).await? && ledgers::find(&mut db, ledgers::everybody()).await?.is_some() {
        return Ok(());
    }
    let now = app.now();
    let furnished: Result<(), StoreError> = app
        .lanes
        .write(0, vec![], move |tx| {
            Box::pin(async move {
                knowledge::seed(tx, now).await?;
                ledgers::seed(tx, now).await
            })
        })
        .await;
    Ok(furnished?)
}

/// Reads settings and books again.
pub async fn reload(app: &App) -> Result<(), StartError> {
    reload_installation(app).await?;
    // Each on a thread of its own.
    tokio::try_join!(crate::geography::reload(app), crate::directory::reload(app))?;
    Ok(())
}

/// Reads again what people call this installation and where it is reached.
pub async fn reload_installation(app: &App) -> Result<(), StoreError> {
    let mut installation = Installation { name: "互通".into(), ..Installation::default() };
    for (key, value) in settings::all(&mut app.read()).await? {
        match key.as_str() {
            settings::NAME => installation.name = value,
            settings::BASE_URL => installation.base_url = value,
            settings::SET_UP_AT => installation.set_up = true,
            settings::DEMO => installation.demo = true,
            _ => {}
        }
    }
    app.installation.store(installation.into());
    Ok(())
}

/// The sandbox of rules, with the machine's monotonic clock as the last defence.
pub fn rules() -> rule_engine::Engine {
    let begin = std::time::Instant::now();
    let clock: rule_engine::Micros = std::sync::Arc::new(move || begin.elapsed().as_micros() as u64);
    rule_engine::Engine::new(rule_engine::Limits { clock: Some(clock), ..rule_engine::Limits::default() })
}
