//! Importing a file of places or an address book: looked at first and kept for a day, then carried out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address_book::{self, BookReport};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::geography::{self, Imported, Plan};
use crate::platform::clock::DAY;
use crate::platform::events::Actor;
use crate::platform::files::{self, NewFile, Row};
use crate::platform::ids::Id;
use crate::platform::jobs::JobHandle;

/// Kind of the job that imports places.
pub const PLACES: &str = "administration.import_places";

/// Which of the two imports a page is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// the tree of places
    Places,
    /// organizations, posts, people and their accounts
    AddressBook,
}

impl Kind {
    /// As texts and addresses name it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::AddressBook => "address-book",
        }
    }

    fn permission(self) -> Permission {
        match self {
            Self::Places => Permission::PlaceEdit,
            Self::AddressBook => Permission::DirectoryEdit,
        }
    }

    fn purpose(self) -> &'static str {
        match self {
            Self::Places => "import.places",
            Self::AddressBook => "import.address-book",
        }
    }
}

/// What a file would do, as counts and faults.
#[derive(Debug, Default)]
pub struct Looked {
    /// text key and how many
    pub counts: Vec<(&'static str, usize)>,
    /// the first faults
    pub faults: Vec<Fault>,
    /// how many there are
    pub fault_count: usize,
    /// what the file would make or change
    pub news: usize,
}

impl Looked {
    /// The report of an address book in the same form.
    pub fn of_book(report: BookReport) -> Self {
        Self {
            counts: vec![
                ("administration-import-organizations", report.organizations),
                ("administration-import-posts", report.posts),
                ("administration-import-staff", report.staff),
                ("administration-import-logins", report.logins.len()),
                ("administration-import-unchanged", report.unchanged),
            ],
            news: report.organizations + report.posts + report.staff,
            faults: report.faults,
            fault_count: report.fault_count,
        }
    }
}

/// Imports change everything at once, so they need the permission everywhere.
pub fn allowed(app: &App, viewer: &Viewer, kind: Kind) -> Result<(), AppError> {
    let root = app.geography().root().map(|root| root.id);
    viewer.require_at(app, kind.permission(), root, None)
}

/// What a file would make of the tree.
fn planned_places(app: &App, bytes: &[u8], name: &str) -> Plan {
    match geography::read_places(bytes, name) {
        Ok(lines) => geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text()),
        Err(faults) => Plan { fault_count: faults.len(), faults, ..Plan::default() },
    }
}

fn looked_places(plan: &Plan) -> Looked {
    let mut counts: Vec<(&'static str, usize)> = (1..=5)
        .map(|level| {
            let key = match level {
                1 => "geography-level-province",
                2 => "geography-level-city",
                3 => "geography-level-district",
                4 => "geography-level-township",
                _ => "geography-level-community",
            };
            (key, plan.by_level[level])
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    counts.push(("administration-import-renamed", plan.renamed.len()));
    counts.push(("administration-import-unchanged", plan.unchanged));
    if plan.merged > 0 {
        counts.push(("administration-import-merged", plan.merged));
    }
    Looked {
        counts,
        faults: plan.faults.clone(),
        fault_count: plan.fault_count,
        news: plan.places.len() + plan.renamed.len(),
    }
}

async fn looked_book(app: &App, viewer: &Viewer, bytes: &[u8], name: &str) -> Result<Looked, AppError> {
    Ok(Looked::of_book(address_book::look(app, bytes, name, viewer.principal.administers_all()).await?))
}

/// Looks at a file and, when there is nothing wrong with it and something new in it, keeps it to be
/// carried out; nothing else is written.
pub async fn look(
    app: &App,
    viewer: &Viewer,
    kind: Kind,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(Looked, Option<Id>), AppError> {
    let looked = match kind {
        Kind::Places => looked_places(&planned_places(app, &bytes, name)),
        Kind::AddressBook => looked_book(app, viewer, &bytes, name).await?,
    };
    if looked.fault_count > 0 || looked.news == 0 {
        return Ok((looked, None));
    }
    let file = NewFile {
        purpose: kind.purpose(),
        name: name.to_owned(),
        media_type: "application/octet-stream".to_owned(),
        bytes,
        owner: viewer.principal.account(),
        expires_at: Some(app.now() + DAY),
    };
    let id = files::put(app, file).await?;
    Ok((looked, Some(id)))
}

/// A file that this viewer looked at for the same import; any other does not exist.
pub async fn kept(app: &App, viewer: &Viewer, kind: Kind, id: Id) -> Result<(Row, Vec<u8>), AppError> {
    let (row, bytes) = files::get(app, id).await?;
    let own = row.purpose == kind.purpose() && row.created_by == viewer.principal.account();
    if own { Ok((row, bytes)) } else { Err(AppError::NotFound) }
}

/// Imports places. With any fault nothing is written and what was looked at says what is wrong.
pub async fn places(
    app: &App,
    job: Option<&JobHandle>,
    name: &str,
    bytes: &[u8],
    actor: Actor,
    progress: impl Fn(usize, usize) + Send,
) -> Result<(Looked, Option<Imported>), AppError> {
    let plan = planned_places(app, bytes, name);
    let looked = looked_places(&plan);
    if looked.fault_count > 0 {
        return Ok((looked, None));
    }
    let done = geography::import_by(app, job, plan, actor, name, progress).await?;
    Ok((looked, Some(done)))
}

/// Imports an address book. With any fault nothing is written and the report says what is wrong.
pub async fn address_book(app: &App, viewer: &Viewer, name: &str, bytes: &[u8]) -> Result<BookReport, AppError> {
    address_book::apply(app, bytes, name, viewer.principal.administers_all(), viewer.actor()).await
}

#[derive(Deserialize, Serialize)]
struct Payload {
    file: Id,
    post: Option<Id>,
}

/// Puts the import of a kept file of places on the table of jobs: the list of a country takes minutes.
pub async fn enqueue_places(app: &App, viewer: &Viewer, file: Id) -> Result<Id, AppError> {
    let payload = json!(Payload { file, post: viewer.principal.post() });
    let (jobs, owner) = (app.jobs.clone(), viewer.principal.account());
    app.lanes
        .write(0, vec![], move |tx| {
            let (jobs, payload) = (jobs.clone(), payload.clone());
            Box::pin(async move { jobs.enqueue(tx, PLACES, &payload, owner).await })
        })
        .await
        .map_err(AppError::from)
}

/// Runs that job. What a broken run left behind the next one removes; what is published already it finds
/// unchanged.
pub fn run_places(app: App, handle: JobHandle) -> BoxFuture<'static, Result<Value, AppError>> {
    Box::pin(async move {
        let payload: Payload = handle.payload()?;
        let actor = Actor { account: handle.created_by(), post: payload.post, ..Actor::default() };
        let (row, bytes) = files::get(&app, payload.file).await?;
        let (written, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = places(&app, Some(&handle), &row.name, &bytes, actor, |done, all| {
            written.store(done, Ordering::Relaxed);
            total.store(all, Ordering::Relaxed);
        });
        let told = async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let (done, all) = (written.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
                if let Err(lost) = handle.progress(done as i64, all as i64, "jobs-running").await {
                    return lost;
                }
            }
        };
        // Both at once: the import must not wait while its progress is written.
        let (looked, done) = tokio::select! {
            result = work => result?,
            lost = told => return Err(lost),
        };
        match done {
            Some(done) => Ok(json!({
                "href": "/places", "made": done.made, "renamed": done.renamed, "tree_version": done.tree_version,
            })),
            None => Err(AppError::Invalid(looked.faults)),
        }
    })
}
