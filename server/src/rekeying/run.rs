//! One pass over everything that is stored.

use form_runtime::Model;
use serde::Serialize;

use super::places::{Holds, PLACES, Place, RowKey};
use super::tokens::Contexts;
use crate::app::App;
use crate::args;
use crate::entities::claim;
use crate::error::AppError;
use crate::platform::database::{Arg, Exec};
use crate::platform::files;
use crate::platform::ids::shard_by_hash;
use crate::platform::jobs::JobHandle;

/// Rows of a slice.
const PAGE: i64 = 64;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// values that were of another version
    pub found: usize,
    /// of them, now of the present one
    pub done: usize,
    /// of them, not to be read with any key that is there
    pub unreadable: usize,
}

/// How a slice is written: within a job, or not at all where it is only counted.
#[derive(Clone, Copy)]
enum Write<'a> {
    Slices(&'a JobHandle),
    Count,
}

/// Makes everything anew that is not of the present version, in slices of a job; without one it only counts.
pub async fn pass(app: &App, job: Option<&JobHandle>) -> Result<Pass, AppError> {
    let write = job.map_or(Write::Count, Write::Slices);
    let contexts = Contexts::of(&Model::shipped());
    let mut total = Pass::default();
    let steps = PLACES.len() as i64 + 2;
    for (step, place) in PLACES.iter().enumerate() {
        column(app, place, &contexts, write, &mut total).await?;
        if let Write::Slices(job) = write {
            job.progress(step as i64 + 1, steps, "jobs-running").await?;
        }
    }
    claims_of_old(app, write, &mut total).await?;
    let mut after = crate::platform::ids::Id::nil();
    loop {
        let old = files::of_other_keys(app, after, PAGE).await?;
        let Some((last, ..)) = old.last() else { break };
        after = *last;
        total.found += old.len();
        if let Write::Slices(job) = write {
            for (id, purpose) in old {
                if job.lost() {
                    break;
                }
                match files::anew(app, id, &purpose).await {
                    Ok(()) => total.done += 1,
                    Err(fault) => {
                        tracing::error!(%fault, file = %id, "a file could not be encrypted anew");
                        total.unreadable += 1;
                    }
                }
            }
        }
    }
    if let Write::Slices(job) = write {
        job.progress(steps, steps, "jobs-running").await?;
    }
    Ok(total)
}

/// A row with its value before and after, as arguments of [`Place::replace_sql`].
type Change = Vec<Arg>;

async fn column(
    app: &App,
    place: &Place,
    contexts: &Contexts,
    write: Write<'_>,
    total: &mut Pass,
) -> Result<(), AppError> {
    let mut after = place.begin();
    loop {
        let (changes, last) = match place.holds {
            Holds::Tokens => texts(app, place, contexts, after, total).await?,
            Holds::Cipher(_) | Holds::Indexed(_) => ciphers(app, place, after, total).await?,
        };
        if let Write::Slices(job) = write
            && !changes.is_empty()
        {
            let sql = place.replace_sql();
            let shard = shard_of_first(&changes);
            let done: u64 = job
                .slice(shard, vec![], move |tx| {
                    let (changes, sql) = (changes.clone(), sql.clone());
                    Box::pin(async move {
                        let mut done = 0;
                        for change in changes {
                            done += tx.execute_built(sql.clone(), change).await?;
                        }
                        Ok(done)
                    })
                })
                .await?;
            total.done += done as usize;
        }
        match last {
            Some(key) => after = key,
            None => return Ok(()),
        }
    }
}

/// The lane of a slice: any lane may carry it, since every row is replaced only where it still is as read.
fn shard_of_first(changes: &[Change]) -> i64 {
    match changes.first().and_then(|change| change.first()) {
        Some(Arg::I64(Some(shard))) => *shard,
        Some(Arg::Uuid(Some(id))) => shard_by_hash(id.as_bytes()),
        _ => 0,
    }
}

fn change(mut key: RowKey, values: Vec<Arg>) -> Change {
    key.extend(values);
    key
}

async fn texts(
    app: &App,
    place: &Place,
    contexts: &Contexts,
    after: RowKey,
    total: &mut Pass,
) -> Result<(Vec<Change>, Option<RowKey>), AppError> {
    let rows = place.texts(&mut app.read(), after, PAGE).await?;
    let last = rows.last().map(|row| row.0.clone());
    let mut changes = Vec::new();
    for (key, old) in rows {
        match contexts.anew(&app.keys, &old) {
            Ok(None) => {}
            Ok(Some(new)) => {
                total.found += 1;
                changes.push(change(key, args![old, new]));
            }
            Err(fault) => {
                total.found += 1;
                total.unreadable += 1;
                tracing::error!(%fault, table = place.table, column = place.column, ?key, "not encrypted anew");
            }
        }
    }
    Ok((changes, last))
}

async fn ciphers(
    app: &App,
    place: &Place,
    after: RowKey,
    total: &mut Pass,
) -> Result<(Vec<Change>, Option<RowKey>), AppError> {
    let keys = &app.keys;
    let rows = place.ciphers(&mut app.read(), after, keys.version(), PAGE).await?;
    let last = rows.last().map(|row| row.0.clone());
    total.found += rows.len();
    let mut changes = Vec::new();
    for (key, old) in rows {
        let (context, kind) = match place.holds {
            Holds::Indexed(attribute) => (format!("person.{attribute}"), Some(attribute)),
            Holds::Cipher(context) => (context.to_owned(), None),
            Holds::Tokens => continue,
        };
        let clear = keys.open_bytes(&context, &old).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(clear) = clear else {
            total.unreadable += 1;
            tracing::error!(table = place.table, column = place.column, ?key, "not encrypted anew");
            continue;
        };
        let mut values = args![old, keys.seal_bytes(&context, clear.as_bytes())];
        if let Some(kind) = kind {
            values.extend(args![keys.index(kind, &clear), keys.tail_index(kind, &clear)]);
        }
        changes.push(change(key, values));
    }
    Ok((changes, last))
}

/// Numbers claimed under an older index are claimed under the present one too; the old rows stay until the
/// version is taken out, since a process may still ask for them.
async fn claims_of_old(app: &App, write: Write<'_>, total: &mut Pass) -> Result<(), AppError> {
    let mut after = Vec::new();
    loop {
        let old = claim::of_other_keys(app, after, PAGE).await?;
        let Some(last) = old.last() else { return Ok(()) };
        after = last.digest.clone();
        let (rows, unreadable) = claim::anew(app, &old);
        total.unreadable += unreadable;
        total.found += unreadable;
        match write {
            Write::Slices(job) => {
                let shard = shard_by_hash(&after);
                let done: u64 = job
                    .slice(shard, vec![], move |tx| {
                        let rows = rows.clone();
                        Box::pin(async move { Ok(claim::add(tx, rows).await?) })
                    })
                    .await?;
                total.found += done as usize;
                total.done += done as usize;
            }
            Write::Count => total.found += claim::missing(&mut app.read(), &rows).await?,
        }
    }
}

/// The statements of this room, for the prepare test.
pub fn samples() -> Vec<String> {
    PLACES.iter().flat_map(|place| [place.page_sql(), place.replace_sql()]).collect()
}
