//! The subjects of a task before they are items: rows of an uploaded sheet, members of a ledger, or the
//! units under the issuer.
//!
//! A sheet is read whole before anything is stored: a fault of the file stores nothing; a fault of one
//! row is kept with the row, so that the dry run lists it among what nobody would get.

use std::collections::{HashMap, HashSet};

use form_runtime::columns::{ColumnMatch, match_columns};
use form_runtime::definition::Owner;
use form_runtime::validate::read_answer;
use form_runtime::{AttributeRef, Class, CompiledForm, Lang, Map};
use serde_json::Value;

use super::model::{Task, TaskRow, TaskShape};
use super::store::{self, TASK_ROW};
use crate::app::App;
use crate::entities::{self, PersonRow, Source, SourceKind};
use crate::error::{AppError, Fault};
use crate::geography::{Geography, PlaceRef, Resolved, resolve};
use crate::platform::database::bulk::OnKey;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, shard_of};
use crate::platform::sheets::{self, Limits, Sheet, Wanted};

/// Labels of the column that says where a subject lives.
const PLACE_LABELS: [&str; 6] = ["所在社区", "社区", "村（社区）", "所属社区", "村居", "Community"];
/// Labels of columns that make the community's name unique.
const TOWNSHIP_LABELS: [&str; 4] = ["街道", "乡镇", "街道（乡镇）", "Township"];
const DISTRICT_LABELS: [&str; 4] = ["区县", "县区", "区", "District"];
/// Faults that are shown at once; the dry run lists every one.
const SHOWN_FAULTS: usize = 50;
/// Between the Chinese and the English words of a fault that comes with both.
const OR: char = '\u{1f}';
/// Rows written in one transaction.
const SLICE: usize = 512;

/// What reading a sheet found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// rows taken
    pub rows: i64,
    /// rows that cannot be dispatched as they are
    pub faulty: i64,
    /// the first of them: row of the sheet, and the fault as stored (see [`fault_text`])
    pub faults: Vec<(i64, String)>,
    /// rows left out as not data (totals, samples, notes), with the reason
    pub skipped: Vec<(u32, String)>,
    /// columns that no field of the form has; their cells are left out
    pub unknown_columns: Vec<String>,
}

/// Reads an uploaded sheet as the subjects of a task, replacing earlier rows.
pub async fn from_sheet(
    app: &App,
    task: &Task,
    form: &CompiledForm,
    file_name: &str,
    bytes: &[u8],
    actor: &Actor,
    lang: web::Lang,
) -> Result<Read, AppError> {
    if task.state != "draft" {
        return Err(AppError::Conflict("tasks-conflict-not-draft"));
    }
    let refuse = |fault: sheets::SheetError| {
        AppError::Invalid(vec![Fault::new("file", "tasks-sheet-refused").with("why", fault.text(lang.tag()))])
    };
    let workbook = sheets::read(bytes, file_name, &Limits::default()).map_err(refuse)?;
    let sheet = workbook.first_visible().map_err(refuse)?;
    let wanted = wanted(form);
    let header = sheets::find_header(sheet, &wanted).map_err(refuse)?;
    let labels: Vec<Vec<String>> = {
        let width = header.labels.iter().map(|(column, _)| column + 1).max().unwrap_or(0);
        let mut paths = vec![Vec::new(); width];
        for (column, label) in &header.labels {
            paths[*column] = label.split('/').map(str::to_owned).collect();
        }
        paths
    };
    let system: Vec<&str> =
        PLACE_LABELS.iter().chain(&TOWNSHIP_LABELS).chain(&DISTRICT_LABELS).copied().chain(["序号"]).collect();
    let matched = match_columns(form, &labels, &system);
    let (fatal, unknown): (Vec<_>, Vec<_>) = matched.faults.iter().partition(|fault| {
        // A listed task asks the rest at the door: only double columns are fatal here.
        matches!(fault, form_runtime::columns::ColumnFault::Double { .. })
    });
    if !fatal.is_empty() {
        let faults = fatal
            .iter()
            .map(|fault| Fault::new("file", "tasks-sheet-refused").with("why", fault.text(form_lang(lang))))
            .collect();
        return Err(AppError::Invalid(faults));
    }
    let unknown_columns = unknown
        .into_iter()
        .filter_map(|fault| match fault {
            form_runtime::columns::ColumnFault::Unknown { header, .. } => Some(header.clone()),
            _ => None,
        })
        .collect();
    let data = sheets::data_rows(sheet, &header);
    if data.rows.is_empty() {
        return Err(AppError::invalid("file", "tasks-sheet-empty"));
    }
    let reader = Reader::new(app, task, form, sheet, &matched);
    let parsed: Vec<Parsed> = data.rows.iter().map(|&index| reader.row(index)).collect();
    let skipped = data
        .skipped
        .iter()
        .map(|skipped| (sheet.row_number(skipped.row), skipped.reason.text(lang.tag()).to_owned()))
        .collect();
    let rows = with_subjects(app, task, form, parsed, file_name, actor).await?;
    let faulty = rows.iter().filter(|row| row.fault.is_some()).count() as i64;
    let count = rows.len() as i64;
    let faults = rows.iter().filter_map(|row| Some((row.source_row, row.fault.clone()?))).take(SHOWN_FAULTS).collect();
    replace(app, task.id, rows, actor).await?;
    Ok(Read { rows: count, faulty, faults, skipped, unknown_columns })
}

fn form_lang(lang: web::Lang) -> Lang {
    match lang {
        web::Lang::ZhCn => Lang::ZhCn,
        web::Lang::En => Lang::En,
    }
}

fn wanted(form: &CompiledForm) -> Vec<Wanted> {
    let place = PLACE_LABELS[1..].iter().fold(Wanted::required(PLACE_LABELS[0]), |wanted, label| wanted.or(label));
    let mut all = vec![place];
    for field in form.fields() {
        let label = field.label().get(Lang::ZhCn);
        let english = field.label().get(Lang::En);
        let mut one = Wanted::optional(label);
        if english != label {
            one = one.or(english);
        }
        all.push(one);
    }
    all
}

struct Parsed {
    source_row: i64,
    answers: Map,
    place: Option<Id>,
    fault: Option<String>,
}

struct Reader<'a> {
    app: &'a App,
    geography: std::sync::Arc<Geography>,
    root: Id,
    form: &'a CompiledForm,
    sheet: &'a Sheet,
    matched: &'a ColumnMatch,
    places: std::cell::RefCell<HashMap<String, Result<Id, String>>>,
}

impl<'a> Reader<'a> {
    fn new(app: &'a App, task: &Task, form: &'a CompiledForm, sheet: &'a Sheet, matched: &'a ColumnMatch) -> Self {
        Self {
            app,
            geography: app.geography(),
            root: task.root_place,
            form,
            sheet,
            matched,
            places: HashMap::default().into(),
        }
    }

    fn row(&self, index: usize) -> Parsed {
        let source_row = i64::from(self.sheet.row_number(index));
        let mut fault = None;
        let mut answers = Map::new();
        let ctx = form_runtime::validate::Context { today: self.app.clock.today() };
        for (key, column) in &self.matched.fields {
            let cell = self.sheet.cell(index, *column);
            let Some(field) = self.form.field(key) else { continue };
            if cell.is_blank() {
                continue;
            }
            if matches!(cell, sheets::Cell::LostPrecision(_)) {
                let [zh, en] = [Lang::ZhCn, Lang::En].map(|lang| field.label().get(lang).to_owned());
                fault.get_or_insert_with(|| format!("tasks-fault-precision|{zh}{OR}{en}"));
                continue;
            }
            match read_answer(field, &Value::from(cell.normalized_text()), ctx) {
                Ok(Some(value)) => {
                    answers.insert(key.clone(), value);
                }
                Ok(None) => {}
                Err(message) => {
                    let told = |lang, mark| format!("{}{mark}{}", field.label().get(lang), message.text(lang));
                    let (zh, en) = (told(Lang::ZhCn, "："), told(Lang::En, ": "));
                    fault.get_or_insert_with(|| format!("tasks-fault-cell|{zh}{OR}{en}"));
                }
            }
        }
        let place = match self.place(index) {
            Ok(place) => Some(place),
            Err(reason) => {
                fault.get_or_insert(reason);
                None
            }
        };
        Parsed { source_row, answers, place, fault }
    }

    fn cell(&self, index: usize, labels: &[&str]) -> Option<String> {
        let column = labels.iter().find_map(|label| self.matched.system.get(*label))?;
        let text = self.sheet.cell(index, *column).normalized_text();
        (!text.is_empty()).then_some(text)
    }

    fn place(&self, index: usize) -> Result<Id, String> {
        let parts =
            [self.cell(index, &DISTRICT_LABELS), self.cell(index, &TOWNSHIP_LABELS), self.cell(index, &PLACE_LABELS)];
        let path = parts.iter().flatten().cloned().collect::<Vec<_>>().join("/");
        if parts[2].is_none() {
            return Err("tasks-fault-no-community".into());
        }
        if let Some(known) = self.places.borrow().get(&path) {
            return known.clone();
        }
        let found = match resolve(&self.geography, &path, Some(self.root)) {
            Resolved::One(id) => Ok(id),
            Resolved::None => Err(format!("tasks-fault-unknown-community|{path}")),
            Resolved::Many(ids) => {
                let names: Vec<String> = ids
                    .iter()
                    .take(3)
                    .filter_map(|id| self.geography.get(*id))
                    .map(|p| p.full_name.to_string())
                    .collect();
                Err(format!("tasks-fault-many-communities|{}", names.join("；")))
            }
        };
        self.places.borrow_mut().insert(path, found.clone());
        found
    }
}

/// Finds or makes the person of each row that has a place; a subject listed twice is marked.
async fn with_subjects(
    app: &App,
    task: &Task,
    form: &CompiledForm,
    parsed: Vec<Parsed>,
    file_name: &str,
    actor: &Actor,
) -> Result<Vec<TaskRow>, AppError> {
    let field_of = |attribute: &str| {
        form.subject_field(&AttributeRef::new(Class::Person, attribute)).map(|field| field.key().to_owned())
    };
    let name_field = field_of("name");
    let bound: Vec<(String, String)> = form
        .fields()
        .iter()
        .filter_map(|field| {
            let bind = field.definition.bind.as_ref().filter(|bind| bind.owner == Owner::Subject)?;
            Some((field.key().to_owned(), bind.attribute.key.clone()))
        })
        .collect();
    let subject_is_person = form.subject() == Some(Class::Person);
    // A number that comes again is the person of its first row; what the later row says is not taken in,
    // or it would move somebody who is listed twice from one home to another.
    let number_field = field_of("id_no");
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    let mut persons = Vec::new();
    let mut person_at = Vec::with_capacity(parsed.len());
    for row in &parsed {
        if row.fault.is_some() || !subject_is_person {
            person_at.push(None);
            continue;
        }
        let number = number_field.as_ref().and_then(|key| row.answers.get(key)).and_then(Value::as_str);
        if let Some(at) = number.and_then(|number| first_with.get(number)) {
            person_at.push(Some(*at));
            continue;
        }
        if let Some(number) = number {
            first_with.insert(number, persons.len());
        }
        person_at.push(Some(persons.len()));
        let values = bound
            .iter()
            .filter_map(|(field, attribute)| Some((attribute.clone(), row.answers.get(field)?.clone())))
            .collect();
        persons.push(PersonRow { values, community: row.place, premises: None, made_up: false });
    }
    let source = Source {
        kind: SourceKind::Sheet,
        id: Some(task.id),
        submission: None,
        form_version: Some(task.form_version_id),
        batch: None,
        title: file_name.to_owned(),
    };
    let found = entities::import_persons(app, persons, &source, actor, app.now()).await?;
    let mut seen: HashMap<Id, i64> = HashMap::new();
    let secrets: Vec<&str> = form.secret_fields().collect();
    let mut rows = Vec::with_capacity(parsed.len());
    for (index, row) in parsed.into_iter().enumerate() {
        let position = index as i64 + 1;
        let person = person_at[index].map(|at| found[at]);
        let label =
            name_field.as_ref().and_then(|key| row.answers.get(key)).and_then(Value::as_str).unwrap_or("").to_owned();
        let mut fault = row.fault;
        if let Some(person) = &person
            && let Some(first) = seen.insert(person.id, row.source_row)
        {
            fault = Some(format!("tasks-fault-duplicate|{first}"));
            seen.insert(person.id, first);
        }
        let mut sheet = row.answers;
        for key in &secrets {
            if let Some(Value::String(clear)) = sheet.get(*key).cloned() {
                sheet.insert((*key).to_owned(), app.keys.seal_text(SHEET_CONTEXT, &clear).into());
            }
        }
        rows.push(TaskRow {
            task_id: task.id,
            position,
            source_row: row.source_row,
            subject_shard: person.map(|p| p.shard),
            subject_id: person.map(|p| p.id),
            place_id: row.place,
            label,
            sheet: Value::Object(sheet).to_string(),
            fault,
        });
    }
    Ok(rows)
}

/// Context under which secrets of a subject's sheet are sealed.
pub const SHEET_CONTEXT: &str = "task.sheet";

/// One subject that another room brings (a ledger's member).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// shard of the subject
    pub shard: i64,
    /// the subject
    pub id: Id,
    /// where it is
    pub place: Option<Id>,
    /// its name
    pub label: String,
}

/// The same as [`from_subjects_by`], by the house itself (the demo).
pub async fn from_subjects(app: &App, task: &Task, subjects: Vec<Subject>) -> Result<Read, AppError> {
    from_subjects_by(app, task, subjects, &Actor::default()).await
}

/// The same as [`from_units_by`], by the house itself.
pub async fn from_units(app: &App, task: &Task, level: i64) -> Result<Read, AppError> {
    from_units_by(app, task, level, &Actor::default()).await
}

/// Takes the members of a ledger as the subjects of a task, replacing earlier rows.
pub async fn from_subjects_by(app: &App, task: &Task, subjects: Vec<Subject>, actor: &Actor) -> Result<Read, AppError> {
    let geography = app.geography();
    let rows: Vec<TaskRow> = subjects
        .into_iter()
        .filter(|subject| subject.place.is_none_or(|place| geography.contains(task.root_place, place)))
        .enumerate()
        .map(|(index, subject)| TaskRow {
            task_id: task.id,
            position: index as i64 + 1,
            source_row: 0,
            subject_shard: Some(subject.shard),
            subject_id: Some(subject.id),
            place_id: subject.place,
            label: subject.label,
            sheet: "{}".into(),
            fault: subject.place.is_none().then(|| "tasks-fault-no-community".into()),
        })
        .collect();
    let read = Read {
        rows: rows.len() as i64,
        faulty: rows.iter().filter(|r| r.fault.is_some()).count() as i64,
        ..Read::default()
    };
    replace(app, task.id, rows, actor).await?;
    Ok(read)
}

/// Discovery and unit return: one row for each unit at `level` under the task's root, the unit itself being
/// the subject.
pub async fn from_units_by(app: &App, task: &Task, level: i64, actor: &Actor) -> Result<Read, AppError> {
    debug_assert!(task.shape() != TaskShape::Listed);
    let (geography, directory) = (app.geography(), app.directory());
    let places: Vec<PlaceRef> = geography.subtree(task.root_place).filter(|place| place.level == level).collect();
    let rows: Vec<TaskRow> = places
        .into_iter()
        .enumerate()
        .map(|(index, place)| {
            let unit = directory.reached_from(task.issuer_organization, place.id);
            TaskRow {
                task_id: task.id,
                position: index as i64 + 1,
                source_row: 0,
                subject_shard: unit.map(|unit| shard_of(unit.id)),
                subject_id: unit.map(|unit| unit.id),
                place_id: Some(place.id),
                label: unit.map_or_else(|| place.name.to_owned(), |unit| unit.short_name.clone()),
                sheet: "{}".into(),
                fault: unit.is_none().then(|| "tasks-fault-no-unit".into()),
            }
        })
        .collect();
    let read = Read {
        rows: rows.len() as i64,
        faulty: rows.iter().filter(|r| r.fault.is_some()).count() as i64,
        ..Read::default()
    };
    replace(app, task.id, rows, actor).await?;
    Ok(read)
}

/// Adds subjects to a task that runs: the next release sends them. Those that the task has already are left out.
async fn append(app: &App, task: Id, rows: Vec<TaskRow>) -> Result<(), AppError> {
    app.lanes
        .write::<(), AppError, _>(shard_of(task), vec![], move |tx| {
            let rows = rows.clone();
            Box::pin(async move {
                store::touch(tx, task, "running").await?;
                let mut known: HashSet<Id> = store::row_subjects(tx, task).await?.into_iter().collect();
                let last = store::row_last(tx, task).await?;
                let new = rows.into_iter().filter(|row| row.subject_id.is_none_or(|subject| known.insert(subject)));
                let new: Vec<TaskRow> =
                    new.zip(last + 1..).map(|(row, position)| TaskRow { position, ..row }).collect();
                for slice in new.chunks(SLICE) {
                    TASK_ROW.write(tx, slice.iter().map(TaskRow::row).collect(), OnKey::Fail).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Replaces the rows of a draft; the version of the task grows, so that an older dry run shows as out
/// of date. All rows or none.
async fn replace(app: &App, task: Id, rows: Vec<TaskRow>, actor: &Actor) -> Result<(), AppError> {
    let shard = shard_of(task);
    let draft = store::task(&mut app.read(), task).await?;
    match draft.state.as_str() {
        "draft" => {}
        "running" if draft.shape() == TaskShape::Listed => return append(app, task, rows).await,
        _ => return Err(AppError::Conflict("tasks-conflict-not-draft")),
    }
    let event = Event {
        kind: "task.subjects",
        subject_class: "task",
        subject_id: Some(task),
        actor: actor.clone(),
        at: app.now(),
        payload: serde_json::json!({"rows": rows.len(), "faulty": rows.iter().filter(|row| row.fault.is_some()).count()}),
    };
    app.lanes
        .write::<(), AppError, _>(shard, vec![], move |tx| {
            let (rows, event) = (rows.clone(), event.clone());
            Box::pin(async move {
                store::touch(tx, task, "draft").await?;
                store::rows_clear(tx, task).await?;
                for slice in rows.chunks(SLICE) {
                    TASK_ROW.write(tx, slice.iter().map(TaskRow::row).collect(), OnKey::Fail).await?;
                }
                event.write(tx, shard).await?;
                Ok(())
            })
        })
        .await
}

/// The fault of a row in words: `key|argument` as stored, the argument perhaps in both languages.
pub fn fault_text(lang: web::Lang, fault: &str) -> String {
    let (key, argument) = fault.split_once('|').unwrap_or((fault, ""));
    let argument = match (argument.split_once(OR), lang) {
        (Some((zh, _)), web::Lang::ZhCn) => zh,
        (Some((_, en)), web::Lang::En) => en,
        (None, _) => argument,
    };
    if key.starts_with("tasks-fault-") { web::text(lang, key, &[("what", argument.into())]) } else { fault.to_owned() }
}
