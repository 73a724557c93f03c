//! Reading a filled-in sheet: which row is which item, and what was filled into it. Nothing is judged by
//! the form's rules here; that is the submission's.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use form_runtime::columns::{ColumnFault, ColumnMatch, match_columns};
use form_runtime::controls::{Kind, Widget};
use form_runtime::{CompiledForm, Lang, Map};
use serde_json::Value;

use super::model::Task;
use super::sheet_down::{ABOUT_LABELS, CHECK_LABEL, HANDED_OUT, HandedOut, HandedRow, check};
use super::sheet_up::RowFault;
use crate::access::Viewer;
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::geography::{Resolved, resolve};
use crate::platform::files;
use crate::platform::ids::Id;
use crate::platform::sheets::{
    self, Cell, DataRows, Header, ID_LABEL, Limits, Sheet, SheetErrorKind, Wanted, column_letter, normalize_text,
};

/// A row that came back with something filled in.
#[derive(Clone, Debug)]
pub struct Filled {
    /// number in the file
    pub row: u32,
    /// the item
    pub item: Id,
    /// the download that handed it out
    pub download: Id,
    /// the row as it went out
    pub handed: HandedRow,
    /// what was filled in, by field
    pub answers: Map,
    /// whom the row says it is about, for messages
    pub about: String,
}

/// What a file says before any of it is judged.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// rows with something filled in
    pub filled: Vec<Filled>,
    /// rows as they went out
    pub untouched: usize,
    /// rows that repeat another word for word
    pub doubled: usize,
    /// rows of the download that did not come back
    pub missing: usize,
    /// rows left out as not data, with the reason
    pub skipped: Vec<(u32, String)>,
    /// headers that no field has
    pub unknown_columns: Vec<String>,
    /// what must be put right first
    pub faults: Vec<RowFault>,
    /// letters of the columns, by field
    pub columns: BTreeMap<String, String>,
}

struct Reader<'a> {
    app: &'a App,
    viewer: &'a Viewer,
    task: &'a Task,
    form: &'a CompiledForm,
    sheet: &'a Sheet,
    header: &'a Header,
    matched: &'a ColumnMatch,
    id: usize,
    check: usize,
}

/// Reads a file; a file that cannot be read at all is a fault without a row.
pub async fn read(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    form: &CompiledForm,
    name: &str,
    bytes: &[u8],
) -> Result<Read, AppError> {
    let refused = |text: String| Ok(Read { faults: vec![RowFault::of_file(text)], ..Read::default() });
    let lang = viewer.lang.tag();
    let book = match sheets::read(bytes, name, &Limits::default()) {
        Ok(book) => book,
        Err(fault) => return refused(fault.text(lang)),
    };
    let sheet = match book.first_visible() {
        Ok(sheet) => sheet,
        Err(fault) => return refused(fault.text(lang)),
    };
    let mut wanted = vec![Wanted::required(ID_LABEL), Wanted::required(CHECK_LABEL)];
    wanted.extend(
        form.fields()
            .iter()
            .map(|field| Wanted::optional(field.label().get(Lang::ZhCn)).or(field.label().get(Lang::En))),
    );
    let header = match sheets::find_header(sheet, &wanted[..2]).map(|_| sheets::find_header(sheet, &wanted)) {
        // Doubled field columns are told by name below; the two of ours must be there once.
        Ok(Ok(header)) => header,
        Ok(Err(_)) => match sheets::find_header(sheet, &wanted[..2]) {
            Ok(header) => header,
            Err(fault) => return refused(fault.text(lang)),
        },
        Err(_) => return refused(viewer.text("work-sheet-no-ids", &[])),
    };
    let (Some(Some(id)), Some(Some(check))) = (header.columns.first(), header.columns.get(1)) else {
        return refused(viewer.text("work-sheet-no-ids", &[]));
    };
    let width = header.labels.iter().map(|(column, _)| column + 1).max().unwrap_or(0);
    let mut labels = vec![Vec::new(); width];
    for (column, label) in &header.labels {
        labels[*column] = label.split('/').map(str::to_owned).collect();
    }
    let system: Vec<&str> = [ID_LABEL, CHECK_LABEL, "序号"].into_iter().chain(ABOUT_LABELS).collect();
    let matched = match_columns(form, &labels, &system);
    let reader = Reader { app, viewer, task, form, sheet, header: &header, matched: &matched, id: *id, check: *check };
    reader.read().await
}

impl Reader<'_> {
    async fn read(&self) -> Result<Read, AppError> {
        let mut out = Read::default();
        for fault in &self.matched.faults {
            match fault {
                ColumnFault::Unknown { header, .. } => out.unknown_columns.push(header.clone()),
                other => {
                    let mut fault = RowFault::of_file(other.text(forms::language(self.viewer.lang)));
                    fault.row = Some(self.sheet.row_number(self.header.last));
                    out.faults.push(fault);
                }
            }
        }
        for (key, column) in &self.matched.fields {
            out.columns.insert(key.clone(), column_letter(*column as u32));
        }
        let data = self.data(&mut out);
        let mut downloads: HashMap<Id, Option<HandedOut>> = HashMap::new();
        let mut good = DataRows::default();
        for &row in &data.rows {
            match self.origin(row, &mut downloads).await? {
                Ok(()) => good.rows.push(row),
                Err(key) => out.faults.push(self.fault(row, self.check, key, &[])),
            }
        }
        let handed: Vec<String> =
            downloads.values().flatten().flat_map(|one| one.rows.keys()).map(Id::to_string).collect();
        let report = sheets::match_ids(self.sheet, self.header, &good, self.id, &handed, false);
        out.doubled = report.repeated.len();
        out.missing = report.missing.len();
        for error in &report.errors {
            let row = error.row.map_or(0, |row| (row - self.sheet.first_row) as usize);
            let fault = match &error.kind {
                SheetErrorKind::DuplicateId { other, .. } => {
                    self.fault(row, self.id, "work-sheet-twice", &[("other", i64::from(*other).into())])
                }
                _ => self.fault(row, self.id, "work-sheet-strange", &[]),
            };
            out.faults.push(fault);
        }
        for known in &report.known {
            let Ok(item) = known.id.parse::<Id>() else { continue };
            let download = self.download_of(known.row);
            let handed =
                download.and_then(|id| downloads.get(&id)?.as_ref()).and_then(|one| one.rows.get(&item)).cloned();
            let (Some(download), Some(handed)) = (download, handed) else { continue };
            match self.filled(known.row, &handed, &mut out.faults) {
                Some(answers) => out.filled.push(Filled {
                    row: self.sheet.row_number(known.row),
                    item,
                    download,
                    handed,
                    answers,
                    about: self.about(known.row),
                }),
                None => out.untouched += 1,
            }
        }
        out.faults.sort_by_key(|fault| fault.row);
        Ok(out)
    }

    /// Rows of data: whatever looks like a note but carries an id is one too.
    fn data(&self, out: &mut Read) -> DataRows {
        let mut data = sheets::data_rows(self.sheet, self.header);
        for skipped in std::mem::take(&mut data.skipped) {
            if self.sheet.cell(skipped.row, self.id).is_blank() {
                let reason = skipped.reason.text(self.viewer.lang.tag()).to_owned();
                out.skipped.push((self.sheet.row_number(skipped.row), reason));
            } else {
                data.rows.push(skipped.row);
            }
        }
        data.rows.sort_unstable();
        data
    }

    fn check_text(&self, row: usize) -> String {
        self.sheet.cell(row, self.check).normalized_text()
    }

    fn download_of(&self, row: usize) -> Option<Id> {
        self.check_text(row).strip_prefix('h')?.split_once('.')?.0.parse().ok()
    }

    /// Whether a row comes from a download of one's own of this task; else the text key that says what to do.
    async fn origin(
        &self,
        row: usize,
        downloads: &mut HashMap<Id, Option<HandedOut>>,
    ) -> Result<Result<(), &'static str>, AppError> {
        let id = self.sheet.cell(row, self.id).normalized_text();
        if id.is_empty() {
            return Ok(Err("work-sheet-no-id"));
        }
        let (Ok(item), Some(download)) = (id.parse::<Id>(), self.download_of(row)) else {
            return Ok(Err("work-sheet-strange"));
        };
        if check(&self.app.keys, download, item) != self.check_text(row) {
            return Ok(Err("work-sheet-strange"));
        }
        let handed = match downloads.entry(download) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.handed(download).await?),
        };
        Ok(match handed {
            Some(handed) if handed.task == self.task.id => Ok(()),
            Some(_) => Err("work-sheet-other-task"),
            None => Err("work-sheet-expired"),
        })
    }

    async fn handed(&self, download: Id) -> Result<Option<HandedOut>, AppError> {
        let Some(row) = files::row(self.app, download).await? else { return Ok(None) };
        if row.purpose != HANDED_OUT || row.created_by != self.viewer.principal.account() {
            return Ok(None);
        }
        let (_, bytes) = files::get(self.app, download).await?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// What was filled into a row; none where it is as it went out.
    fn filled(&self, row: usize, handed: &HandedRow, faults: &mut Vec<RowFault>) -> Option<Map> {
        let before = faults.len();
        let mut cells = vec![Value::Null; self.sheet.rows[row].len()];
        for (key, column) in &self.matched.fields {
            let cell = self.sheet.cell(row, *column);
            if !cell.is_blank()
                && let Some(place) = cells.get_mut(*column)
            {
                *place = self.value(row, key, *column, cell, handed, faults);
            }
        }
        let mut answers = self.matched.answers(self.form, &cells);
        let stands = |key: &String, value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), normalize_text);
            handed.cells.get(key).is_some_and(|known| normalize_text(known) == text)
        };
        let touched = faults.len() > before || answers.iter().any(|(key, value)| !stands(key, value));
        // A cell left as it was says nothing, except where the page would have asked.
        answers.retain(|key, value| handed.asked.contains(key) || !stands(key, value));
        touched.then_some(answers)
    }

    fn value(
        &self,
        row: usize,
        key: &str,
        column: usize,
        cell: &Cell,
        handed: &HandedRow,
        faults: &mut Vec<RowFault>,
    ) -> Value {
        let Some(field) = self.form.field(key) else { return Value::Null };
        if matches!(cell, Cell::LostPrecision(_)) {
            let label = field.label().get(forms::language(self.viewer.lang));
            faults.push(self.fault(row, column, "work-sheet-digits-lost", &[("label", label.into())]));
            return Value::Null;
        }
        if let Cell::Error(_) = cell {
            faults.push(self.fault(row, column, "work-sheet-formula", &[]));
            return Value::Null;
        }
        if field.control.kind() == Kind::Date
            && let Some(day) = cell.as_date()
        {
            return day.to_string().into();
        }
        let text = cell.display().trim().to_owned();
        let as_before = handed.cells.get(key).is_some_and(|known| normalize_text(known) == normalize_text(&text));
        if field.control.widget(&field.options) == Widget::PlacePicker && !as_before {
            return match resolve(&self.app.geography(), &text, None) {
                Resolved::One(id) => id.to_string().into(),
                _ => text.into(),
            };
        }
        text.into()
    }

    fn about(&self, row: usize) -> String {
        let column = ABOUT_LABELS.iter().find_map(|label| self.matched.system.get(*label));
        column.map(|column| self.sheet.cell(row, *column).normalized_text()).unwrap_or_default()
    }

    fn fault(&self, row: usize, column: usize, key: &str, args: &[(&str, web::TextArg<'_>)]) -> RowFault {
        RowFault {
            row: Some(self.sheet.row_number(row)),
            column: Some(column_letter(column as u32)),
            about: self.about(row),
            text: self.viewer.text(key, args),
        }
    }
}
