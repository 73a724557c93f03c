//! 上传填好的: a filled-in sheet, judged whole before any of it is stored.
//!
//! [`look`] is the dry run and [`apply`] the same with another end. A file with one fault stores nothing;
//! what has been stored by the same rows before gets its first slip. Rows of one writer lane (one
//! community always is) share one commit.

use std::collections::BTreeMap;

use form_runtime::validate::{Context, read_answer};
use form_runtime::{CompiledForm, Lang};
use serde::Serialize;
use serde_json::Value;

use super::acts::By;
use super::model::Task;
use super::opened::{self, Opened};
use super::sheet_down::cell_text;
use super::sheet_rows::{Filled, Read, read};
use super::submit::{self, Planned, Posted, Refused, Slip};
use super::work_store;
use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::platform::ids::{Id, derived_id};
use crate::platform::lane::{Outcome, WriteSet};
use crate::platform::sheets::normalize_text;

/// Faults that a page shows.
pub const SHOWN: usize = 200;

/// What must be put right, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowFault {
    /// number in the file; none for the whole file
    pub row: Option<u32>,
    /// letter
    pub column: Option<String>,
    /// whom the row is about
    pub about: String,
    /// in the reader's language
    pub text: String,
}

impl RowFault {
    /// A fault of the whole file.
    pub fn of_file(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// One value that will be another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// of the field
    pub label: String,
    /// as known now; empty where nothing was
    pub before: String,
    /// as filled in
    pub after: String,
}

/// One row that stands.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// number in the file
    pub row: u32,
    /// its item's page
    pub href: String,
    /// whom it is about
    pub about: String,
    /// what is filled in
    pub changes: Vec<Change>,
    /// slip of the submission
    pub slip: Option<String>,
    /// stored before by the same row
    pub repeated: bool,
}

/// What a file would do, or has done.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// rows that stand
    pub rows: Vec<Row>,
    /// rows left as they went out
    pub untouched: usize,
    /// rows that repeat another one word for word
    pub doubled: usize,
    /// rows of the download that did not come back
    pub missing: usize,
    /// rows that are not data, with the reason
    pub skipped: Vec<(u32, String)>,
    /// headers that were not read
    pub unknown_columns: Vec<String>,
    /// anything here: nothing is stored, or nothing more
    pub faults: Vec<RowFault>,
    /// rows stored now
    pub stored: usize,
    sets: Vec<(usize, WriteSet)>,
}

impl Report {
    /// A file that could not be looked at.
    pub fn of_fault(text: String) -> Self {
        Self { faults: vec![RowFault::of_file(text)], ..Self::default() }
    }

    /// Rows that are not stored yet.
    pub fn news(&self) -> usize {
        self.rows.iter().filter(|row| !row.repeated).count()
    }
}

/// Judges a file; nothing is stored.
pub async fn look(app: &App, viewer: &Viewer, task: &Task, name: &str, bytes: &[u8]) -> Result<Report, AppError> {
    let published = forms::published(app, task.form_version_id).await?;
    let Read { filled, untouched, doubled, missing, skipped, unknown_columns, faults, columns } =
        read(app, viewer, task, &published.compiled, name, bytes).await?;
    let mut report = Report { untouched, doubled, missing, skipped, unknown_columns, faults, ..Report::default() };
    let ids: Vec<Id> = filled.iter().map(|row| row.item).collect();
    let items = work_store::items(&mut app.read(), &ids).await?;
    let by = By::of(viewer);
    for row in filled {
        let item = items.iter().find(|item| item.id == row.item);
        let item = item.filter(|i| i.task_id == task.id && i.release <= task.published_release && by.sees(app, i));
        let Some(item) = item else {
            report.faults.push(told(viewer, &row, None, "work-sheet-not-yours"));
            continue;
        };
        let opened = opened::open(app, task.clone(), item.clone()).await?;
        one(app, viewer, &by, &opened, &row, &columns, &mut report).await?;
    }
    report.faults.sort_by_key(|fault| fault.row);
    Ok(report)
}

async fn one(
    app: &App,
    viewer: &Viewer,
    by: &By,
    opened: &Opened,
    row: &Filled,
    columns: &BTreeMap<String, String>,
    report: &mut Report,
) -> Result<(), AppError> {
    let posted = Posted {
        client_id: client_id(opened, row),
        answers: row.answers.clone(),
        confirm_all: false,
        item_version: None,
        record_version: Some(row.handed.record),
    };
    let planned = match submit::plan(app, by, opened, &posted).await {
        Ok(planned) => planned,
        Err(AppError::Forbidden) => {
            report.faults.push(told(viewer, row, None, "work-sheet-not-yours"));
            return Ok(());
        }
        Err(AppError::Conflict(key)) => {
            report.faults.push(told(viewer, row, None, key));
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    match planned {
        Ok(Planned::Before(slip)) => report.rows.push(stands(app, viewer, opened, row, Some(&slip))),
        Ok(Planned::Now(set, slip)) => {
            report.sets.push((report.rows.len(), *set));
            report.rows.push(stands(app, viewer, opened, row, None));
            if let Some(row) = report.rows.last_mut() {
                row.slip = Some(slip.slip_code);
            }
        }
        Err(Refused::Moved) => {
            let text = moved_text(viewer, opened, row);
            report.faults.push(RowFault { row: Some(row.row), about: row.about.clone(), text, ..RowFault::default() });
        }
        Err(Refused::Fields(messages)) => {
            let lang = forms::language(viewer.lang);
            report.faults.extend(messages.iter().map(|message| RowFault {
                row: Some(row.row),
                column: columns.get(&message.field).cloned(),
                about: row.about.clone(),
                text: message.text(lang),
            }));
        }
    }
    Ok(())
}

/// The same row of the same download is the same submission for ever.
fn client_id(opened: &Opened, row: &Filled) -> Id {
    let item = &opened.item;
    derived_id(item.shard, item.created_at, &[b"sheet", row.download.as_bytes(), item.id.as_bytes()])
}

fn told(viewer: &Viewer, row: &Filled, column: Option<String>, key: &str) -> RowFault {
    RowFault { row: Some(row.row), column, about: row.about.clone(), text: viewer.text(key, &[]) }
}

fn stands(app: &App, viewer: &Viewer, opened: &Opened, row: &Filled, slip: Option<&Slip>) -> Row {
    let lang = forms::language(viewer.lang);
    let form = &opened.published.compiled;
    let changes = row.answers.iter().filter_map(|(key, value)| {
        let after = shown(app, form, key, value, lang)?;
        let before = row.handed.cells.get(key).cloned().unwrap_or_default();
        let label = form.field(key)?.label().get(lang).to_owned();
        (before != after).then_some(Change { label, before, after })
    });
    Row {
        row: row.row,
        href: format!("/items/{}", opened.item.id),
        about: row.about.clone(),
        changes: changes.collect(),
        slip: slip.map(|slip| slip.slip_code.clone()),
        repeated: slip.is_some(),
    }
}

/// A filled-in value in words; a secret is its mask.
fn shown(app: &App, form: &CompiledForm, key: &str, value: &Value, lang: Lang) -> Option<String> {
    let field = form.field(key)?;
    let read = read_answer(field, value, Context { today: app.clock.today() }).ok()??;
    if field.secret {
        return Some(field.control.mask(&read));
    }
    let place = crate::entities::known::place_name(app, &read);
    Some(place.unwrap_or_else(|| field.control.display(&read, &field.options, lang)))
}

/// What is known now and was not when the sheet was downloaded.
fn moved_text(viewer: &Viewer, opened: &Opened, row: &Filled) -> String {
    let lang = forms::language(viewer.lang);
    let none = viewer.text("work-sheet-none", &[]);
    let parts: Vec<String> = opened
        .published
        .compiled
        .fields()
        .iter()
        .filter_map(|field| {
            let now = cell_text(field, &opened.known, lang);
            let then = row.handed.cells.get(field.key()).map_or("", String::as_str);
            (normalize_text(&now) != normalize_text(then)).then(|| {
                let [then, now] = [then, now.as_str()].map(|text| if text.is_empty() { none.as_str() } else { text });
                format!("{} {then} → {now}", field.label().get(lang))
            })
        })
        .collect();
    if parts.is_empty() {
        return viewer.text("work-sheet-moved", &[]);
    }
    viewer.text("work-sheet-moved-what", &[("what", parts.join("；").into())])
}

/// Stores a file that has no fault; with one it stores nothing and says what.
pub async fn apply(app: &App, viewer: &Viewer, task: &Task, name: &str, bytes: &[u8]) -> Result<Report, AppError> {
    let mut report = look(app, viewer, task, name, bytes).await?;
    if !report.faults.is_empty() {
        return Ok(report);
    }
    let mut lanes: BTreeMap<usize, Vec<(usize, WriteSet)>> = BTreeMap::new();
    for (at, set) in std::mem::take(&mut report.sets) {
        lanes.entry(app.lanes.number_of(set.shard)).or_default().push((at, set));
    }
    for (_, sets) in lanes {
        let (places, sets): (Vec<usize>, Vec<WriteSet>) = sets.into_iter().unzip();
        let count = sets.len();
        let outcomes = app.lanes.submit_whole(sets).await?;
        for (at, outcome) in places.into_iter().zip(outcomes) {
            let row = &mut report.rows[at];
            let key = match outcome {
                Outcome::Stored => continue,
                Outcome::Repeated { slip_code, .. } => {
                    (row.slip, row.repeated) = (Some(slip_code), true);
                    continue;
                }
                Outcome::Stale => "work-sheet-moved",
                Outcome::Mismatch => "work-conflict-mismatch",
            };
            let (row, about) = (Some(row.row), row.about.clone());
            report.faults.push(RowFault { row, about, text: viewer.text(key, &[]), ..RowFault::default() });
        }
        if !report.faults.is_empty() {
            break;
        }
        report.stored += count;
    }
    Ok(report)
}
