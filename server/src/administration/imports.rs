//! The pages of imports: upload, look at what would happen, then carry it out.

use axum::Form;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::Tab;

use super::address_book::{self, NewLogin};
use super::form::{self, Posted};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::geography::{self, Plan};
use crate::platform::clock::DAY;
use crate::platform::events::Actor;
use crate::platform::files::{self, NewFile};
use crate::platform::ids::Id;

/// Which of the two imports a page is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Places,
    AddressBook,
}

impl Kind {
    fn key(self) -> &'static str {
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

#[derive(Serialize)]
struct Count {
    label: String,
    value: i64,
}

#[derive(Serialize)]
struct FaultRow {
    at: String,
    text: String,
}

#[derive(Serialize)]
struct ImportPage {
    kind: &'static str,
    columns: String,
    file: Option<String>,
    file_name: String,
    counts: Vec<Count>,
    faults: Vec<FaultRow>,
    fault_count: usize,
    nothing: bool,
    done: bool,
    logins: Vec<NewLogin>,
}

/// What a file would do, as counts and faults.
struct Looked {
    counts: Vec<(&'static str, usize)>,
    faults: Vec<Fault>,
    fault_count: usize,
    news: usize,
}

/// Imports change everything at once, so they need the permission everywhere.
fn allowed(app: &App, viewer: &Viewer, kind: Kind) -> Result<(), AppError> {
    let root = app.geography().root().map(|root| root.id);
    viewer.require_at(app, kind.permission(), root, None)
}

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
    let report = address_book::look(app, bytes, name, viewer.principal.administers_all()).await?;
    Ok(Looked {
        counts: vec![
            ("administration-import-organizations", report.organizations),
            ("administration-import-posts", report.posts),
            ("administration-import-staff", report.staff),
            ("administration-import-logins", report.logins.len()),
            ("administration-import-unchanged", report.unchanged),
        ],
        faults: report.faults,
        fault_count: report.fault_count,
        news: report.organizations + report.posts + report.staff,
    })
}

fn show_page(app: &App, viewer: &Viewer, kind: Kind, page: ImportPage) -> Result<Response, AppError> {
    let bad = page.fault_count > 0;
    let title = viewer.text(&format!("administration-import-{}", kind.key()), &[]);
    let mut frame = viewer.frame(app, title, Some(Tab::Admin));
    frame.has_errors = bad;
    let html = viewer.render(app, "administration/import.html", &frame, page)?;
    Ok((if bad { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, html).into_response())
}

fn empty_page(viewer: &Viewer, kind: Kind) -> ImportPage {
    ImportPage {
        kind: kind.key(),
        columns: viewer.text(&format!("administration-import-{}-columns", kind.key()), &[]),
        file: None,
        file_name: String::new(),
        counts: Vec::new(),
        faults: Vec::new(),
        fault_count: 0,
        nothing: false,
        done: false,
        logins: Vec::new(),
    }
}

/// A fault's place in words of the reader: a row and, for tables, a column.
fn fault_row(viewer: &Viewer, fault: &Fault) -> FaultRow {
    let at = match fault.at.strip_prefix("row ") {
        Some(rest) => match rest.split_once(", ") {
            Some((row, column)) => {
                viewer.text("administration-at-cell", &[("row", row.into()), ("column", column.into())])
            }
            None => viewer.text("administration-at-row", &[("row", rest.into())]),
        },
        None => viewer.text("administration-at-file", &[]),
    };
    FaultRow { at, text: fault.text(viewer.lang) }
}

fn fill(viewer: &Viewer, page: &mut ImportPage, looked: &Looked) {
    page.counts =
        looked.counts.iter().map(|(key, count)| Count { label: viewer.text(key, &[]), value: *count as i64 }).collect();
    page.faults = looked.faults.iter().map(|fault| fault_row(viewer, fault)).collect();
    page.fault_count = looked.fault_count;
    page.nothing = looked.news == 0 && looked.fault_count == 0;
}

async fn look(app: App, viewer: Viewer, kind: Kind, parts: Multipart) -> Result<Response, AppError> {
    allowed(&app, &viewer, kind)?;
    let mut page = empty_page(&viewer, kind);
    let Some((name, bytes)) = form::uploaded(parts).await? else {
        page.fault_count = 1;
        page.faults = vec![fault_row(&viewer, &Fault::new("file", "administration-upload-missing"))];
        return show_page(&app, &viewer, kind, page);
    };
    let looked = match kind {
        Kind::Places => looked_places(&planned_places(&app, &bytes, &name)),
        Kind::AddressBook => looked_book(&app, &viewer, &bytes, &name).await?,
    };
    fill(&viewer, &mut page, &looked);
    page.file_name.clone_from(&name);
    if looked.fault_count == 0 && looked.news > 0 {
        let file = NewFile {
            purpose: kind.purpose(),
            name,
            media_type: "application/octet-stream".to_owned(),
            bytes,
            owner: viewer.principal.account(),
            expires_at: Some(app.now() + DAY),
        };
        page.file = Some(files::put(&app, file).await?.to_string());
    }
    show_page(&app, &viewer, kind, page)
}

async fn apply(app: App, viewer: Viewer, kind: Kind, posted: Posted) -> Result<Response, AppError> {
    allowed(&app, &viewer, kind)?;
    let id: Id = form::id(&posted, "file").ok_or(AppError::NotFound)?;
    let (row, bytes) = files::get(&app, id).await?;
    if row.purpose != kind.purpose() || row.created_by != viewer.principal.account() {
        return Err(AppError::NotFound);
    }
    let mut page = empty_page(&viewer, kind);
    page.file_name.clone_from(&row.name);
    let actor: Actor = viewer.actor();
    match kind {
        Kind::Places => {
            let plan = planned_places(&app, &bytes, &row.name);
            let looked = looked_places(&plan);
            fill(&viewer, &mut page, &looked);
            if looked.fault_count == 0 {
                geography::import(&app, plan, actor, &row.name, |_, _| {}).await?;
                page.done = true;
            }
        }
        Kind::AddressBook => {
            let report =
                address_book::apply(&app, &bytes, &row.name, viewer.principal.administers_all(), actor).await?;
            let looked = Looked {
                counts: vec![
                    ("administration-import-organizations", report.organizations),
                    ("administration-import-posts", report.posts),
                    ("administration-import-staff", report.staff),
                ],
                faults: report.faults,
                fault_count: report.fault_count,
                news: 1,
            };
            fill(&viewer, &mut page, &looked);
            page.done = looked.fault_count == 0;
            page.logins = if page.done { report.logins } else { Vec::new() };
        }
    }
    show_page(&app, &viewer, kind, page)
}

fn start(app: &App, viewer: &Viewer, kind: Kind) -> Result<Response, AppError> {
    allowed(app, viewer, kind)?;
    show_page(app, viewer, kind, empty_page(viewer, kind))
}

/// `GET /admin/places`
pub async fn places(State(app): State<App>, viewer: Viewer) -> Result<Response, AppError> {
    start(&app, &viewer, Kind::Places)
}

/// `POST /admin/places/upload`: the dry run.
pub async fn look_places(State(app): State<App>, viewer: Viewer, parts: Multipart) -> Result<Response, AppError> {
    look(app, viewer, Kind::Places, parts).await
}

/// `POST /admin/places/apply`
pub async fn apply_places(
    State(app): State<App>,
    viewer: Viewer,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    apply(app, viewer, Kind::Places, posted).await
}

/// `GET /admin/address-book`
pub async fn book(State(app): State<App>, viewer: Viewer) -> Result<Response, AppError> {
    start(&app, &viewer, Kind::AddressBook)
}

/// `POST /admin/address-book/upload`: the dry run.
pub async fn look_book(State(app): State<App>, viewer: Viewer, parts: Multipart) -> Result<Response, AppError> {
    look(app, viewer, Kind::AddressBook, parts).await
}

/// `POST /admin/address-book/apply`
pub async fn apply_book(
    State(app): State<App>,
    viewer: Viewer,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    apply(app, viewer, Kind::AddressBook, posted).await
}
