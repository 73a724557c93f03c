//! `hutong doctor` (自检): looks at a whole installation and changes nothing.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::args;
use crate::audit;
use crate::error::AppError;
use crate::measures;
use crate::platform::database::{Exec, SchemaState, StoreError, schema_state};
use crate::platform::ids::Id;
use crate::tasks::conservation;

const TASKS: &str = "SELECT id, title FROM task WHERE published_release > 0 ORDER BY id";
const SECRET_SAMPLE_ALL_SHARDS: &str =
    "SELECT shard, id, id_no_cipher FROM record_person WHERE id_no_cipher IS NOT NULL ORDER BY id, shard LIMIT 20";
const OUTBOX_ALL_SHARDS: &str = "SELECT count(*) FROM outbox WHERE created_at < $1";
const LOST_PLACE: &str = "SELECT count(*) FROM place p LEFT JOIN place_ancestor a ON a.place_id = p.id AND a.ancestor_id = p.id \
     WHERE a.place_id IS NULL AND p.tree_version <= (SELECT max(number) FROM tree_version)";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[TASKS, SECRET_SAMPLE_ALL_SHARDS, OUTBOX_ALL_SHARDS, LOST_PLACE];

/// Rows of the outbox older than this are stuck (microseconds).
const STUCK: i64 = 60_000_000;

const RESTORE: &str =
    "Stop the server, keep a copy of the damaged files, and restore the latest backup with `hutong restore`";

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `schema`, `keys`, `places`, `outbox`, `totals`, `conservation`, `events`, `pages`
    pub name: &'static str,
    /// what about: a task's title, or empty
    pub about: String,
    /// what is wrong; none when all is well
    pub fault: Option<String>,
    /// how long it took
    pub took: Duration,
}

/// Checks as they end, each heard by `seen`.
struct Checks<'a> {
    seen: &'a mut (dyn FnMut(&Check) + Send),
    all: Vec<Check>,
}

impl Checks<'_> {
    fn add(&mut self, name: &'static str, about: &str, began: Instant, fault: Option<String>) {
        let check = Check { name, about: about.to_owned(), fault, took: began.elapsed() };
        (self.seen)(&check);
        self.all.push(check);
    }
}

/// Looks at everything; `seen` hears each check as it ends.
pub async fn examine(app: &App, mut seen: impl FnMut(&Check) + Send) -> Result<Vec<Check>, AppError> {
    let mut checks = Checks { seen: &mut seen, all: Vec::new() };
    let work = work(app, &mut checks).await;
    // Beside the events: reading every page takes its time.
    let (db, began) = (app.db.clone(), Instant::now());
    let pages = tokio::spawn(async move { db.damage().await });
    let rest = if work.is_ok() { events(app, &mut checks).await } else { work };
    let damage = pages.await.map_err(|fault| AppError::Internal(fault.to_string()))??;
    let first = damage.first().map(|first| format!("{} faults; first: {first}. {RESTORE}", damage.len()));
    checks.add("pages", "", began, first);
    match rest {
        // Told already.
        Err(AppError::Store(StoreError::Damaged(_))) if !damage.is_empty() => {}
        other => other?,
    }
    Ok(checks.all)
}

/// The house and its work.
async fn work(app: &App, checks: &mut Checks<'_>) -> Result<(), AppError> {
    let began = Instant::now();
    let schema = schema_state(&app.db).await?;
    checks.add(
        "schema",
        "",
        began,
        (schema != SchemaState::Current).then(|| format!("{schema:?}: run hutong migrate")),
    );
    let began = Instant::now();
    checks.add("keys", "", began, keys(app).await?);
    let began = Instant::now();
    let lost: (i64,) = app.read().one(LOST_PLACE, vec![]).await?;
    let fault = (lost.0 > 0).then(|| format!("{} places are not in the tree: import them again", lost.0));
    checks.add("places", "", began, fault);
    let began = Instant::now();
    let stuck: (i64,) = app.read().one(OUTBOX_ALL_SHARDS, args![app.now() - STUCK]).await?;
    let fault = (stuck.0 > 0).then(|| format!("{} messages wait for more than a minute", stuck.0));
    checks.add("outbox", "", began, fault);
    let tasks: Vec<(Id, String)> = app.read().all(TASKS, vec![]).await?;
    for (task, title) in tasks {
        let began = Instant::now();
        let other = app.clone();
        let conservation = tokio::spawn(async move { conservation::check(&other, task).await });
        let differences = measures::recount(app, task).await?;
        let first = differences.first().map(|d| {
            format!(
                "{} totals differ; first: {} at {} is {}, counted {}",
                differences.len(),
                d.measure,
                d.node,
                d.shown,
                d.counted
            )
        });
        checks.add("totals", &title, began, first);
        let imbalances = conservation.await.map_err(|fault| AppError::Internal(fault.to_string()))??;
        let first = imbalances.first().map(|first| format!("{} imbalances; first: {first:?}", imbalances.len()));
        checks.add("conservation", &title, began, first);
    }
    Ok(())
}

/// The chain of what happened.
async fn events(app: &App, checks: &mut Checks<'_>) -> Result<(), AppError> {
    let began = Instant::now();
    let report = audit::verify::verify(app, None, |_, _| {}).await?;
    let first = report.wrong.first().map(|first| format!("{} faults; first: {}", report.wrong_count, first.text));
    checks.add("events", &report.window(), began, first);
    Ok(())
}

/// Secrets can be opened with the present keys.
async fn keys(app: &App) -> Result<Option<String>, AppError> {
    let rows: Vec<(i64, Id, Vec<u8>)> = app.read().all(SECRET_SAMPLE_ALL_SHARDS, vec![]).await?;
    let unreadable = rows.iter().filter(|row| app.keys.open_bytes("person.id_no", &row.2).is_err()).count();
    Ok((unreadable > 0)
        .then(|| format!("{unreadable} of {} sampled secrets cannot be read: restore the key file", rows.len())))
}
