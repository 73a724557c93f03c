//! Writing one table, row by row, as xlsx or csv.

use std::io::Write;

use jiff::civil::Date;
use rust_xlsxwriter::{
    Color, DataValidation, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
};

use super::{
    error::{SheetError, SheetErrorKind},
    refs::column_letter,
    table::{ColumnKind, Output, TableSpec, Value},
};

/// Rows of an xlsx sheet, the header included.
const MAX_ROWS: u32 = 1_048_576;
/// Drop-down lists longer than this stand on a hidden sheet of their own.
const INLINE_LIST: usize = 250;
/// Days before this one differ between Excel and the calendar.
const FIRST_SAFE_DAY: Date = Date::constant(1900, 3, 1);

/// Writes a table row by row; memory does not grow with the rows.
pub struct TableWriter<W: Write + Send> {
    inner: Inner<W>,
    columns: usize,
    rows: u32,
}

enum Inner<W: Write + Send> {
    Xlsx { workbook: Box<Workbook>, formats: Box<Formats>, kinds: Vec<ColumnKind>, out: W },
    Csv(Box<csv::Writer<W>>),
}

struct Formats {
    text: Format,
    date: Format,
    plain: Format,
}

fn failed(detail: impl std::fmt::Display) -> SheetError {
    SheetErrorKind::Io { detail: detail.to_string() }.into()
}

fn xlsx_error(error: &XlsxError) -> SheetError {
    failed(error)
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table and writes its header.
    pub fn new(output: Output, spec: &TableSpec, out: W) -> Result<Self, SheetError> {
        let inner = match output {
            Output::Xlsx => begin_xlsx(spec, out).map_err(|e| xlsx_error(&e))?,
            Output::Csv => begin_csv(spec, out)?,
        };
        Ok(Self { inner, columns: spec.columns.len(), rows: 1 })
    }

    /// Writes one row. Missing values are empty; surplus ones are an error.
    pub fn row(&mut self, values: &[Value<'_>]) -> Result<(), SheetError> {
        if values.len() > self.columns {
            return Err(failed("more values than columns"));
        }
        let row = self.rows;
        self.rows += 1;
        match &mut self.inner {
            Inner::Csv(csv) => {
                let mut fields: Vec<String> = values.iter().map(csv_field).collect();
                fields.resize(self.columns, String::new());
                csv.write_record(&fields).map_err(failed)
            }
            Inner::Xlsx { workbook, formats, kinds, .. } => {
                if row >= MAX_ROWS {
                    let limit = MAX_ROWS as usize - 1;
                    return Err(SheetErrorKind::TooManyRows { limit }.into());
                }
                let sheet = workbook.worksheet_from_index(0).map_err(|e| xlsx_error(&e))?;
                for (column, value) in values.iter().enumerate() {
                    write_cell(sheet, (row, column as u16), value, &kinds[column], formats)
                        .map_err(|e| position(&e, row, column))?;
                }
                Ok(())
            }
        }
    }

    /// Completes the file and gives back what it was written to.
    pub fn finish(self) -> Result<W, SheetError> {
        match self.inner {
            Inner::Csv(csv) => csv.into_inner().map_err(|e| failed(e.error())),
            Inner::Xlsx { mut workbook, mut out, .. } => {
                workbook.save_to_writer(&mut out).map_err(|e| xlsx_error(&e))?;
                Ok(out)
            }
        }
    }
}

fn position(error: &XlsxError, row: u32, column: usize) -> SheetError {
    let kind = match error {
        XlsxError::MaxStringLengthExceeded => SheetErrorKind::CellTooLong { limit: 32_767 },
        other => SheetErrorKind::Io { detail: other.to_string() },
    };
    SheetError { kind, sheet: None, row: Some(row + 1), column: Some(column as u32) }
}

fn begin_csv<W: Write + Send>(spec: &TableSpec, mut out: W) -> Result<Inner<W>, SheetError> {
    out.write_all("\u{FEFF}".as_bytes()).map_err(failed)?;
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    csv.write_record(spec.columns.iter().map(|c| guard(&c.header()))).map_err(failed)?;
    Ok(Inner::Csv(Box::new(csv)))
}

fn begin_xlsx<W: Write + Send>(spec: &TableSpec, out: W) -> Result<Inner<W>, XlsxError> {
    let formats = Formats {
        text: Format::new().set_num_format("@"),
        date: Format::new().set_num_format("yyyy-mm-dd"),
        plain: Format::new(),
    };
    let head = Format::new()
        .set_bold()
        .set_background_color(Color::RGB(0x00E8_EEF7))
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::VerticalCenter)
        .set_text_wrap();
    let mut workbook = Box::new(Workbook::new());
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name(sheet_name(&spec.sheet_name))?;
    sheet.set_freeze_panes(1, 0)?;
    let mut long_lists: Vec<&[String]> = Vec::new();
    for (n, column) in spec.columns.iter().enumerate() {
        let at = n as u16;
        sheet.set_column_width(at, column.width())?;
        match &column.kind {
            ColumnKind::Id | ColumnKind::Text => {
                sheet.set_column_format(at, &formats.text)?;
            }
            ColumnKind::Date => {
                sheet.set_column_format(at, &formats.date)?;
            }
            ColumnKind::Choice(choices) if !choices.is_empty() => {
                let list = choice_list(choices, &mut long_lists)?;
                sheet.add_data_validation(1, at, MAX_ROWS - 1, at, &list)?;
            }
            ColumnKind::Number | ColumnKind::Choice(_) => {}
        }
        if column.hidden {
            sheet.set_column_hidden(at)?;
        }
        sheet.write_string_with_format(0, at, column.header(), &head)?;
    }
    if !spec.explanation.is_empty() {
        let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let sheet = workbook.add_worksheet();
        sheet.set_name(sheet_name(&spec.explanation_name))?;
        sheet.set_column_width(0, 90)?;
        for (row, line) in spec.explanation.iter().enumerate() {
            sheet.write_string_with_format(row as u32, 0, line, &wrapped)?;
        }
    }
    if !long_lists.is_empty() {
        let sheet = workbook.add_worksheet();
        sheet.set_name(LISTS)?.set_hidden(true);
        for (column, list) in long_lists.iter().enumerate() {
            for (row, choice) in list.iter().enumerate() {
                sheet.write_string(row as u32, column as u16, choice)?;
            }
        }
    }
    let kinds = spec.columns.iter().map(|c| c.kind.clone()).collect();
    Ok(Inner::Xlsx { workbook, formats: Box::new(formats), kinds, out })
}

/// Name of the hidden sheet with long drop-down lists.
const LISTS: &str = "选项_lists";

fn choice_list<'s>(choices: &'s [String], long_lists: &mut Vec<&'s [String]>) -> Result<DataValidation, XlsxError> {
    let units: usize = choices.iter().map(|c| c.encode_utf16().count() + 1).sum();
    let inline = units <= INLINE_LIST && !choices.iter().any(|c| c.contains([',', '"']));
    let list = DataValidation::new();
    let list = if inline {
        list.allow_list_strings(choices)?
    } else {
        let column = column_letter(long_lists.len() as u32);
        long_lists.push(choices);
        let range = format!("='{LISTS}'!${column}$1:${column}${}", choices.len());
        list.allow_list_formula(Formula::new(range))
    };
    list.set_error_title("请从列表中选择")?.set_error_message("只能填列表里的内容。Choose from the list.")
}

/// A name that Excel accepts for a tab.
fn sheet_name(name: &str) -> String {
    let clean: String =
        name.chars().map(|c| if c.is_control() || "[]:*?/\\'".contains(c) { ' ' } else { c }).take(15).collect();
    let clean = clean.trim();
    if clean.is_empty() { "表".to_owned() } else { clean.to_owned() }
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: &Value<'_>,
    kind: &ColumnKind,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let text_format = match kind {
        ColumnKind::Id | ColumnKind::Text => &formats.text,
        _ => &formats.plain,
    };
    match value {
        Value::Empty | Value::Text("") => {}
        Value::Text(text) => {
            sheet.write_string_with_format(row, column, *text, text_format)?;
        }
        Value::Bool(yes) => {
            let word = if *yes { "是" } else { "否" };
            sheet.write_string_with_format(row, column, word, text_format)?;
        }
        Value::Number(n) => {
            sheet.write_number_with_format(row, column, *n, &formats.plain)?;
        }
        Value::Date(day) => match serial(*day) {
            Some(serial) => {
                sheet.write_number_with_format(row, column, serial, &formats.date)?;
            }
            None => {
                sheet.write_string_with_format(row, column, day.to_string(), &formats.text)?;
            }
        },
    }
    Ok(())
}

fn serial(day: Date) -> Option<f64> {
    let days = day.since(Date::constant(1899, 12, 30)).ok()?.get_days();
    (day >= FIRST_SAFE_DAY).then(|| f64::from(days))
}

fn csv_field(value: &Value<'_>) -> String {
    match value {
        Value::Empty => String::new(),
        Value::Text(text) => guard(text),
        Value::Number(n) => n.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Bool(true) => "是".to_owned(),
        Value::Bool(false) => "否".to_owned(),
    }
}

fn guard(text: &str) -> String {
    if is_risky(text) { format!("'{text}") } else { text.to_owned() }
}

/// Whether a spreadsheet might take a csv field for a formula; full-width
/// signs count, East Asian versions of Excel convert them.
pub(super) fn is_risky(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}
