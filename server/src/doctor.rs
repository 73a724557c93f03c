//! `hutong doctor` (自检): looks at a whole installation and changes nothing.

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
    "SELECT shard, id, id_no_cipher FROM record_person WHERE id_no_cipher IS NOT NULL ORDER BY shard, id LIMIT 20";
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
    /// `schema`, `keys`, `totals`, `conservation`, `outbox`, `places`, `events`, `pages`
    pub name: &'static str,
    /// what about: a task's title, or empty
    pub about: String,
    /// what is wrong; none when all is well
    pub fault: Option<String>,
}

/// Looks at everything; `seen` hears each check as it ends.
pub async fn examine(app: &App, mut seen: impl FnMut(&Check) + Send) -> Result<Vec<Check>, AppError> {
    let mut checks = Vec::new();
    let mut add = |name, about: &str, fault: Option<String>| {
        let check = Check { name, about: about.to_owned(), fault };
        seen(&check);
        checks.push(check);
    };
    // Beside the rest: reading every page takes its time.
    let db = app.db.clone();
    let pages = tokio::spawn(async move { db.damage().await });
    let rest = rest(app, &mut add).await;
    let damage = pages.await.map_err(|fault| AppError::Internal(fault.to_string()))??;
    let first = damage.first().map(|first| format!("{} faults; first: {first}. {RESTORE}", damage.len()));
    add("pages", "", first);
    match rest {
        // Told already.
        Err(AppError::Store(StoreError::Damaged(_))) if !damage.is_empty() => {}
        other => other?,
    }
    Ok(checks)
}

async fn rest(app: &App, add: &mut (impl FnMut(&'static str, &str, Option<String>) + Send)) -> Result<(), AppError> {
    let schema = schema_state(&app.db).await?;
    add("schema", "", (schema != SchemaState::Current).then(|| format!("{schema:?}: run hutong migrate")));
    add("keys", "", keys(app).await?);
    let lost: (i64,) = app.read().one(LOST_PLACE, vec![]).await?;
    add("places", "", (lost.0 > 0).then(|| format!("{} places are not in the tree: import them again", lost.0)));
    let stuck: (i64,) = app.read().one(OUTBOX_ALL_SHARDS, args![app.now() - STUCK]).await?;
    add("outbox", "", (stuck.0 > 0).then(|| format!("{} messages wait for more than a minute", stuck.0)));
    let report = audit::verify::verify(app, None, |_, _| {}).await?;
    let first = report.wrong.first().map(|first| format!("{} faults; first: {}", report.wrong_count, first.text));
    add("events", &report.window(), first);
    let tasks: Vec<(Id, String)> = app.read().all(TASKS, vec![]).await?;
    for (task, title) in tasks {
        let (differences, imbalances) = tokio::try_join!(measures::recount(app, task), conservation::check(app, task))?;
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
        add("totals", &title, first);
        let first = imbalances.first().map(|first| format!("{} imbalances; first: {first:?}", imbalances.len()));
        add("conservation", &title, first);
    }
    Ok(())
}

/// Secrets can be opened with the present keys.
async fn keys(app: &App) -> Result<Option<String>, AppError> {
    let rows: Vec<(i64, Id, Vec<u8>)> = app.read().all(SECRET_SAMPLE_ALL_SHARDS, vec![]).await?;
    let unreadable = rows.iter().filter(|row| app.keys.open_bytes("person.id_no", &row.2).is_err()).count();
    Ok((unreadable > 0)
        .then(|| format!("{unreadable} of {} sampled secrets cannot be read: restore the key file", rows.len())))
}
