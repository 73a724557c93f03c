//! 下载我的部分: what I still have to do of a task, as a sheet to fill in.
//!
//! Each row carries two hidden columns: the item's id and a check. The check names the download that handed
//! the row out and proves that it did; what stood in the cells is kept with the download, so that an upload
//! can tell what was filled in and what has moved since. Secrets go out as masks.

use std::collections::{BTreeMap, BTreeSet};

use form_runtime::columns::columns_of;
use form_runtime::controls::{Kind, Widget};
use form_runtime::{CompiledField, FactState, Known, Lang};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::model::{Item, Task, TaskShape};
use super::opened;
use super::words;
use super::work_store::{self, Wanted};
use super::worker_list::mine;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::clock::DAY;
use crate::platform::events::Event;
use crate::platform::files::{self, NewFile};
use crate::platform::ids::{Id, shard_of};
use crate::platform::secrets::Keys;
use crate::platform::sheets::{
    Column, ColumnKind, Output, SheetError, TableSpec, TableWriter, Value, id_column, normalize_text,
};

/// Purpose of the kept rows of a download.
pub const HANDED_OUT: &str = "sheet.work";
/// Label of the column that carries a row's check.
pub const CHECK_LABEL: &str = "校验（请勿改动）";
/// Labels of the columns that only say whom a row is about.
pub const ABOUT_LABELS: [&str; 4] = ["办理对象", "所在地", "Whom", "Where"];
/// Most rows of one sheet: the soonest due.
const MOST: i64 = 1000;
/// How long a downloaded sheet may be uploaded.
const KEPT: i64 = 60 * DAY;

/// What a download handed out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HandedOut {
    /// of this task
    pub task: Id,
    /// by item
    pub rows: BTreeMap<Id, HandedRow>,
}

/// One row as it was handed out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HandedRow {
    /// version of the subject's record
    pub record: i64,
    /// text of each cell, by field
    pub cells: BTreeMap<String, String>,
    /// fields that are asked although something is known: what stands there counts as answered
    pub asked: BTreeSet<String>,
}

/// A sheet to send.
#[derive(Debug)]
pub struct Sheet {
    /// `独居老人走访.xlsx`
    pub name: String,
    /// xlsx
    pub bytes: Vec<u8>,
    /// rows in it
    pub rows: usize,
}

/// Whether a task's part can be done by sheet: found subjects are entered one by one.
pub fn offered(task: &Task) -> bool {
    task.shape() != TaskShape::Discovery
}

/// The check of a row: which download handed it out, and a keyed digest over both.
pub fn check(keys: &Keys, download: Id, item: Id) -> String {
    let digest = keys.lasting_digest("sheet.row", &format!("{download} {item}"));
    let hex = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("h{}.{hex}", download.simple())
}

/// The text of one cell for what is known of a field; a secret is its mask.
pub fn cell_text(field: &CompiledField, known: &Known, lang: Lang) -> String {
    let Some(fact) = known.get(field.key()) else { return String::new() };
    if field.secret {
        return fact.mask.clone().unwrap_or_default();
    }
    let listed = !field.options.choices.is_empty() || matches!(field.control.kind(), Kind::Boolean | Kind::List);
    match (&fact.text, &fact.value) {
        (Some(text), _) if field.control.widget(&field.options) == Widget::PlacePicker => text.clone(),
        (_, Some(value)) if listed => field.control.display(value, &field.options, lang),
        (_, Some(value)) => field.control.input_value(value),
        (_, None) => fact.mask.clone().unwrap_or_default(),
    }
}

/// Fields by the header they are given: a label that two fields share says nothing, their keys do.
fn labels(published: &Published, lang: Lang) -> Vec<(String, Column)> {
    let form = &published.compiled;
    let columns = columns_of(form, lang);
    let shared = |label: &str| columns.iter().filter(|column| column.label == label).count() > 1;
    let label = |column: &form_runtime::columns::Column| {
        if shared(&column.label) { column.field.clone() } else { column.label.clone() }
    };
    columns
        .iter()
        .map(|column| {
            let date = form.field(&column.field).is_some_and(|field| field.control.kind() == Kind::Date);
            let kind = match (date, column.choices.is_empty(), column.secret) {
                (true, ..) => ColumnKind::Date,
                (_, false, _) => ColumnKind::Choice(column.choices.clone()),
                (.., true) => ColumnKind::Id,
                _ => ColumnKind::Text,
            };
            (column.field.clone(), Column { required: column.required, ..Column::new(&label(column), kind) })
        })
        .collect()
}

fn explanation(viewer: &Viewer, published: &Published, lang: Lang, more: bool) -> Vec<String> {
    let mut lines: Vec<String> = ["ids", "known", "secret", "empty", "rows", "check"]
        .iter()
        .map(|key| viewer.text(&format!("work-sheet-help-{key}"), &[]))
        .collect();
    if more {
        lines.push(viewer.text("work-sheet-help-more", &[("n", MOST.into())]));
    }
    for field in published.compiled.fields().iter().filter(|field| field.definition.computed.is_none()) {
        let label = field.label().get(lang);
        let hint = field.definition.hint.get(lang);
        if field.control.kind() == Kind::List {
            let all: Vec<&str> = field.options.choices.iter().map(|choice| choice.label.get(lang)).collect();
            let all = all.join("、");
            lines.push(viewer.text("work-sheet-help-list", &[("label", label.into()), ("all", all.into())]));
        } else if !hint.is_empty() {
            lines.push(format!("{label}：{hint}"));
        }
    }
    lines
}

/// Makes the sheet of the viewer's part and keeps what it handed out.
pub async fn download(app: &App, viewer: &Viewer, task: &Task) -> Result<Sheet, AppError> {
    if !offered(task) {
        return Err(AppError::Conflict("work-sheet-discovery"));
    }
    let wanted = Wanted { states: vec!["open", "correction"], limit: MOST + 1, ..mine(viewer, task.id)? };
    let mut items = work_store::list(&mut app.read(), &wanted, &viewer.principal, Permission::ItemHandle).await?;
    let more = items.len() as i64 > MOST;
    items.truncate(MOST as usize);
    if items.is_empty() {
        return Err(AppError::Conflict("work-sheet-nothing"));
    }
    let published = forms::published(app, task.form_version_id).await?;
    let lang = forms::language(viewer.lang);
    let fields = labels(&published, lang);
    let mut handed = HandedOut { task: task.id, rows: BTreeMap::new() };
    let mut abouts = Vec::with_capacity(items.len());
    for item in items {
        let opened = opened::open(app, task.clone(), item).await?;
        handed.rows.insert(opened.item.id, handed_row(&published, &opened, &fields, lang));
        abouts.push(opened.item);
    }
    let name = file_name(&task.title);
    let kept = NewFile {
        purpose: HANDED_OUT,
        name: name.clone(),
        media_type: "application/json".into(),
        bytes: serde_json::to_vec(&handed).map_err(|fault| AppError::Internal(fault.to_string()))?,
        owner: viewer.principal.account(),
        expires_at: Some(app.now() + KEPT),
    };
    let download = files::put(app, kept).await?;
    let spec = TableSpec {
        sheet_name: task.title.clone(),
        columns: columns(viewer, &fields),
        explanation_name: viewer.text("work-sheet-help", &[]),
        explanation: explanation(viewer, &published, lang, more),
    };
    let bytes = write(app, &spec, &fields, &handed, &abouts, download).map_err(|fault| failed(&fault))?;
    record(app, viewer, task, download, abouts.len()).await?;
    Ok(Sheet { name, bytes, rows: abouts.len() })
}

fn handed_row(published: &Published, opened: &opened::Opened, fields: &[(String, Column)], lang: Lang) -> HandedRow {
    let mut row = HandedRow { record: opened.record.version(), ..HandedRow::default() };
    for field in fields.iter().filter_map(|(key, _)| published.compiled.field(key)) {
        let text = cell_text(field, &opened.known, lang);
        if text.is_empty() {
            continue;
        }
        if !field.secret && opened.known.get(field.key()).is_some_and(|fact| fact.state != FactState::Fresh) {
            row.asked.insert(field.key().to_owned());
        }
        row.cells.insert(field.key().to_owned(), text);
    }
    row
}

fn columns(viewer: &Viewer, fields: &[(String, Column)]) -> Vec<Column> {
    let check = Column { hidden: true, ..Column::new(CHECK_LABEL, ColumnKind::Id) };
    let about = match viewer.lang {
        web::Lang::ZhCn => &ABOUT_LABELS[..2],
        web::Lang::En => &ABOUT_LABELS[2..],
    };
    let about = about.iter().map(|label| Column::new(label, ColumnKind::Text));
    [id_column(true), check].into_iter().chain(about).chain(fields.iter().map(|(_, column)| column.clone())).collect()
}

fn write(
    app: &App,
    spec: &TableSpec,
    fields: &[(String, Column)],
    handed: &HandedOut,
    items: &[Item],
    download: Id,
) -> Result<Vec<u8>, SheetError> {
    let mut writer = TableWriter::new(Output::Xlsx, spec, std::io::Cursor::new(Vec::new()))?;
    for item in items {
        let (id, check) = (item.id.to_string(), check(&app.keys, download, item.id));
        let place = words::place(app, item.place_id);
        let mut values = vec![Value::Text(&id), Value::Text(&check), Value::Text(&item.label), Value::Text(&place)];
        let row = handed.rows.get(&item.id);
        for (key, column) in fields {
            let text = row.and_then(|row| row.cells.get(key)).map_or("", String::as_str);
            values.push(match (&column.kind, text.parse()) {
                (ColumnKind::Date, Ok(day)) => Value::Date(day),
                _ => Value::Text(text),
            });
        }
        writer.row(&values)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// A title as a file's name.
fn file_name(title: &str) -> String {
    let plain: String = normalize_text(title).chars().filter(|c| !"/\\:*?\"<>|".contains(*c)).take(60).collect();
    format!("{plain}.xlsx")
}

fn failed(fault: &SheetError) -> AppError {
    AppError::Internal(format!("a sheet could not be written: {fault}"))
}

async fn record(app: &App, viewer: &Viewer, task: &Task, download: Id, rows: usize) -> Result<(), AppError> {
    let payload: Json = json!({ "download": download, "count": rows });
    let event = Event {
        kind: "work.sheet_downloaded",
        subject_class: "task",
        subject_id: Some(task.id),
        actor: viewer.actor(),
        at: app.now(),
        payload,
    };
    let shard = shard_of(task.id);
    app.lanes
        .write::<(), AppError, _>(shard, Vec::new(), move |tx| {
            let event = event.clone();
            Box::pin(async move { Ok(event.write(tx, shard).await?) })
        })
        .await
}
