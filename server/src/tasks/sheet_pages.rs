//! The page of a part done by sheet: download it, upload it filled in, look, then store.

use axum::Form;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use web::{Tab, TextArg};

use super::item_pages::{Pairs, value};
use super::model::Task;
use super::sheet_down::{download, offered};
use super::sheet_up::{self, Report, Row, RowFault, SHOWN};
use super::work_store;
use super::worker_list::{mine, part_of};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::files::{self, NewFile};
use crate::platform::ids::Id;

/// Purpose of a sheet between looking and storing.
const UPLOADED: &str = "sheet.uploaded";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[derive(Default, Serialize)]
struct Fault {
    at: String,
    about: String,
    text: String,
}

#[derive(Default, Serialize)]
struct SheetPage {
    id: String,
    title: String,
    open: i64,
    file: Option<String>,
    file_name: String,
    counts: Vec<(String, usize)>,
    rows: Vec<Row>,
    news: usize,
    faults: Vec<Fault>,
    fault_count: usize,
    stored: usize,
    left_out: Vec<String>,
    same: bool,
    done: bool,
}

async fn part(app: &App, viewer: &Viewer, task: Id) -> Result<(Task, SheetPage), AppError> {
    let task = part_of(app, viewer, task).await?;
    if !offered(&task) {
        return Err(AppError::Conflict("work-sheet-discovery"));
    }
    let counts =
        work_store::count(&mut app.read(), &mine(viewer, task.id)?, &viewer.principal, Permission::ItemHandle).await?;
    if counts.is_empty() {
        return Err(AppError::NotFound);
    }
    let open = counts.iter().filter(|row| matches!(row.0.as_str(), "open" | "correction")).map(|row| row.1).sum();
    let page = SheetPage { id: task.id.to_string(), title: task.title.clone(), open, ..SheetPage::default() };
    Ok((task, page))
}

fn render(app: &App, viewer: &Viewer, page: &SheetPage) -> Result<Response, AppError> {
    let mut frame = viewer.frame(app, viewer.text("work-sheet-title", &[]), Some(Tab::Tasks));
    frame.has_errors = page.fault_count > 0;
    let status = if page.fault_count > 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, viewer.render(app, "work/sheet.html", &frame, page)?).into_response())
}

fn fault(viewer: &Viewer, fault: &RowFault) -> Fault {
    let at = match (fault.row, &fault.column) {
        (Some(row), Some(column)) => {
            viewer.text("work-sheet-at-cell", &[("row", row.to_string().into()), ("column", column.as_str().into())])
        }
        (Some(row), None) => viewer.text("work-sheet-at-row", &[("row", row.to_string().into())]),
        _ => viewer.text("work-sheet-at-file", &[]),
    };
    Fault { at, about: fault.about.clone(), text: fault.text.clone() }
}

fn fill(viewer: &Viewer, page: &mut SheetPage, report: Report) {
    page.news = report.news();
    page.fault_count = report.faults.len();
    page.faults = report.faults.iter().take(SHOWN).map(|one| fault(viewer, one)).collect();
    page.stored = report.stored;
    page.same = page.news == 0 && page.fault_count == 0;
    let repeated = report.rows.len() - page.news;
    page.counts = [
        ("new", page.news),
        ("repeated", repeated),
        ("untouched", report.untouched),
        ("missing", report.missing),
        ("doubled", report.doubled),
    ]
    .into_iter()
    .filter(|(key, count)| *count > 0 || *key == "new")
    .map(|(key, count)| (viewer.text(&format!("work-sheet-count-{key}"), &[]), count))
    .collect();
    let said = |key: &str, args: &[(&str, TextArg<'_>)]| viewer.text(key, args);
    page.left_out = report
        .skipped
        .iter()
        .map(|(row, why)| said("work-sheet-skipped", &[("row", row.to_string().into()), ("why", why.as_str().into())]))
        .chain(
            report
                .unknown_columns
                .iter()
                .map(|label| said("work-sheet-unknown-column", &[("label", label.as_str().into())])),
        )
        .collect();
    page.rows = report.rows;
}

/// `GET /work/{task}/sheet`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(task): Path<Id>) -> Result<Response, AppError> {
    let (_, page) = part(&app, &viewer, task).await?;
    render(&app, &viewer, &page)
}

/// `POST /work/{task}/sheet/download`
pub async fn send(State(app): State<App>, viewer: Viewer, Path(task): Path<Id>) -> Result<Response, AppError> {
    let (task, _) = part(&app, &viewer, task).await?;
    let sheet = download(&app, &viewer, &task).await?;
    Ok(files::attachment(&sheet.name, XLSX, sheet.bytes))
}

async fn file_of(mut parts: Multipart) -> Result<Option<(String, Vec<u8>)>, AppError> {
    let broken = |fault: axum::extract::multipart::MultipartError| {
        if fault.status() == StatusCode::PAYLOAD_TOO_LARGE {
            AppError::TooLarge
        } else {
            AppError::invalid("file", "work-sheet-broken")
        }
    };
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        if part.name() == Some("file") {
            let name = part.file_name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(broken)?.to_vec();
            return Ok((!bytes.is_empty()).then_some((name, bytes)));
        }
    }
    Ok(None)
}

/// `POST /work/{task}/sheet/upload`: the dry run.
pub async fn look_at(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    parts: Multipart,
) -> Result<Response, AppError> {
    let (task, mut page) = part(&app, &viewer, task).await?;
    let Some((name, bytes)) = file_of(parts).await? else {
        let text = viewer.text("work-sheet-file-missing", &[]);
        fill(&viewer, &mut page, Report::of_fault(text));
        return render(&app, &viewer, &page);
    };
    let report = sheet_up::look(&app, &viewer, &task, &name, &bytes).await?;
    fill(&viewer, &mut page, report);
    page.file_name.clone_from(&name);
    if page.fault_count == 0 && page.news > 0 {
        let file = NewFile {
            purpose: UPLOADED,
            name,
            media_type: "application/octet-stream".into(),
            bytes,
            owner: viewer.principal.account(),
            expires_at: Some(app.now() + DAY),
        };
        page.file = Some(files::put(&app, file).await?.to_string());
    }
    render(&app, &viewer, &page)
}

/// `POST /work/{task}/sheet/apply`
pub async fn store(
    State(app): State<App>,
    viewer: Viewer,
    Path(task): Path<Id>,
    Form(pairs): Pairs,
) -> Result<Response, AppError> {
    let (task, mut page) = part(&app, &viewer, task).await?;
    let file: Id = value(&pairs, "file").and_then(|id| id.parse().ok()).ok_or(AppError::NotFound)?;
    let known = files::row(&app, file).await?;
    known
        .filter(|row| row.purpose == UPLOADED && row.created_by == viewer.principal.account())
        .ok_or(AppError::NotFound)?;
    let (row, bytes) = files::get(&app, file).await?;
    let report = sheet_up::apply(&app, &viewer, &task, &row.name, &bytes).await?;
    page.done = report.faults.is_empty();
    fill(&viewer, &mut page, report);
    page.file_name = row.name;
    render(&app, &viewer, &page)
}
