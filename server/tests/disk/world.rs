//! An installation with a task under way, built once for this test program; every test gets a copy of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use server::access::tokens;
use server::platform::ids::Id;
use server::start::{self, Place};
use server::tasks::work_store::{self, Wanted};
use server::tasks::{Relay, TaskShape, create};
use server::{access::Permission, audit, jobs};

use super::desk::Desk;
use super::postgres::{self, Postgres};
use super::program::Serving;
use super::shim::Shim;

pub const SQLITE: &str = "sqlite";
pub const POSTGRES: &str = "postgresql";
/// People in each of the eight communities.
const EACH: usize = 60;

/// Somebody with open items.
#[derive(Clone, Serialize, Deserialize)]
pub struct Worker {
    pub login: String,
    pub token: String,
    pub items: Vec<Id>,
}

/// What a test knows of the installation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Told {
    pub task: Id,
    pub manager: String,
    pub workers: Vec<Worker>,
}

/// One copy: `root` holds `data` (the program's folder) and, with PostgreSQL, `pg`.
pub struct World {
    pub folder: tempfile::TempDir,
    pub root: PathBuf,
    pub engine: &'static str,
    pub told: Told,
}

pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp").success());
}

fn temporary() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temp");
    // PostgreSQL, which runs as somebody else, must come through.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("open to all");
    folder
}

impl World {
    pub async fn new(engine: &'static str) -> Self {
        let kept = prepared(engine).await;
        let folder = temporary();
        let root = folder.path().join("root");
        copy(&kept.join("root"), &root);
        let told = std::fs::read(kept.join("told.json")).expect("told");
        Self { root, folder, engine, told: serde_json::from_slice(&told).expect("json") }
    }

    /// Nothing yet, but for an empty PostgreSQL.
    pub fn empty(engine: &'static str) -> Self {
        let folder = temporary();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).expect("folder");
        if engine == POSTGRES {
            postgres::init(&root.join("pg"));
        }
        let told = Told { task: Id::nil(), manager: String::new(), workers: vec![] };
        Self { folder, root, engine, told }
    }

    /// The same at another place: after a cut, say.
    pub fn at(&self, root: PathBuf) -> Copy {
        Copy { root, engine: self.engine }
    }

    pub fn here(&self) -> Copy {
        self.at(self.root.clone())
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn shim(&self) -> Shim {
        Shim::new(&self.root, &self.beside("shim"))
    }

    /// Serves it here.
    pub fn serve(&self, pg: Option<&Postgres>, shim: Option<&Shim>, more: &[(&str, &str)]) -> Serving {
        let options = self.here().options(pg);
        Serving::start(&options, shim, more, self.folder.path()).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

/// An installation in a folder.
pub struct Copy {
    pub root: PathBuf,
    pub engine: &'static str,
}

impl Copy {
    /// Its PostgreSQL, if it has one.
    pub fn postgres(&self, shim: Option<&Shim>, settings: &[&str]) -> Result<Option<Postgres>, String> {
        if self.engine == SQLITE {
            return Ok(None);
        }
        postgres::own(&self.root.join("pg"));
        Postgres::start(&self.root.join("pg"), shim, settings).map(Some)
    }

    pub fn place(&self, pg: Option<&Postgres>) -> Place {
        Place { data: self.root.join("data"), database_url: pg.map(Postgres::url) }
    }

    /// The options that name it to the program.
    pub fn options(&self, pg: Option<&Postgres>) -> Vec<String> {
        let mut options = vec!["--data".to_owned(), self.root.join("data").display().to_string()];
        options.extend(pg.iter().flat_map(|pg| ["--database-url".to_owned(), pg.url()]));
        options
    }
}

/// The folder with the built installation.
async fn prepared(engine: &'static str) -> PathBuf {
    let program = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    let built = program.expect("program").duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let lock = std::fs::File::create(folder.join(format!("disk-{engine}.lock"))).expect("lock");
    lock.lock().expect("locked");
    let kept = folder.join(format!("disk-{engine}-{built}"));
    if !kept.join("told.json").exists() {
        for old in std::fs::read_dir(&folder).expect("folder").flatten() {
            if old.file_name().to_string_lossy().starts_with(&format!("disk-{engine}-")) {
                std::fs::remove_dir_all(old.path()).expect("removed");
            }
        }
        std::fs::create_dir_all(&kept).expect("folder");
        let world = temporary();
        let root = world.path().join("root");
        std::fs::create_dir(&root).expect("folder");
        let told = build(engine, &root).await;
        copy(&root, &kept.join("root"));
        std::fs::write(kept.join("told.json"), serde_json::to_vec(&told).expect("json")).expect("written");
    }
    kept
}

async fn build(engine: &'static str, root: &Path) -> Told {
    let pg = (engine == POSTGRES).then(|| {
        postgres::init(&root.join("pg"));
        Postgres::start(&root.join("pg"), None, &["fsync=off"]).expect("starts")
    });
    let place = Place { data: root.join("data"), database_url: pg.as_ref().map(Postgres::url) };
    let app = start::open(&place).await.expect("opens");
    let desk = Desk::build(&app).await;
    let rule = create::first_rule(TaskShape::Listed);
    let task = desk.listed(&app, desk.persons(&app, EACH).await, rule, Relay::default()).await;
    let token = async |login: &str| {
        let by = desk.by(login);
        let account = by.actor.account.expect("an account");
        tokens::create(&app, account, by.actor.post, "test", None, Default::default()).await.expect("token")
    };
    let mut workers = Vec::new();
    for at in desk.town.communities() {
        let login = format!("w{at}");
        let by = desk.by(&login);
        let mine = by.principal.post().zip(by.principal.organization());
        let wanted = Wanted { states: vec!["open"], mine, limit: 200, ..Wanted::default() };
        let items = work_store::list(&mut app.read(), &wanted, &by.principal, Permission::ItemRead).await;
        let items: Vec<Id> = items.expect("items").iter().map(|item| item.id).collect();
        assert_eq!(items.len(), EACH);
        workers.push(Worker { token: token(&login).await, login, items });
    }
    let manager = token("manager").await;
    // Until everything that has happened is sealed and signed.
    let background = jobs::start(&app);
    let heads = audit::heads::file(&place.data);
    for _ in 0..200 {
        let waiting = audit::store::waiting(&mut app.read()).await.expect("counts").0;
        if waiting == 0 && heads.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.stop();
    background.ended().await;
    app.db.close().await;
    if let Some(pg) = pg {
        pg.stop("fast");
    }
    Told { task: task.id, manager, workers }
}
