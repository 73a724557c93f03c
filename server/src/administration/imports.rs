//! The pages of imports: upload, look at what would happen, then carry it out.

use axum::Form;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::Tab;

use super::address_book::NewLogin;
use super::form::{self, Posted};
use super::import::{self, Kind, Looked, allowed};
use crate::access::Viewer;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::ids::Id;

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
    let (looked, file) = import::look(&app, &viewer, kind, &name, bytes).await?;
    fill(&viewer, &mut page, &looked);
    page.file_name = name;
    page.file = file.map(|id| id.to_string());
    show_page(&app, &viewer, kind, page)
}

async fn apply(app: App, viewer: Viewer, kind: Kind, posted: Posted) -> Result<Response, AppError> {
    allowed(&app, &viewer, kind)?;
    let id: Id = form::id(&posted, "file").ok_or(AppError::NotFound)?;
    let (row, bytes) = import::kept(&app, &viewer, kind, id).await?;
    let mut page = empty_page(&viewer, kind);
    page.file_name.clone_from(&row.name);
    match kind {
        Kind::Places => {
            let (looked, done) = import::places(&app, None, &row.name, &bytes, viewer.actor(), |_, _| {}).await?;
            fill(&viewer, &mut page, &looked);
            page.done = done.is_some();
        }
        Kind::AddressBook => {
            let report = import::address_book(&app, &viewer, &row.name, &bytes).await?;
            page.done = report.fault_count == 0;
            page.logins.clone_from(&report.logins);
            fill(&viewer, &mut page, &Looked::of_book(report));
            page.nothing = false;
            if !page.done {
                page.logins.clear();
            }
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
