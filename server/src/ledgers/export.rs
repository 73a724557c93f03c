//! Export of a ledger: xlsx or csv, read page by page, written to a nameless temporary file.

use std::io::{Seek, SeekFrom};

use form_runtime::{Class, Model};
use serde_json::json;
use web::Lang;

use super::filter::Filter;
use super::rows_text::{cells, columns};
use super::store::Ledger;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::show;
use crate::error::AppError;
use crate::platform::database::StoreError;
use crate::platform::events::Event;
use crate::platform::ids::shard_of;
use crate::platform::sheets::{Column, ColumnKind, Output, SheetError, TableSpec, TableWriter, Value};

/// Most rows of one export; more asks for a narrower filter.
pub const MOST: usize = 200_000;
/// Rows read at once.
const PAGE: usize = 1000;

/// A finished export.
#[derive(Debug)]
pub struct Exported {
    /// the file, at its beginning; gone when closed
    pub file: std::fs::File,
    /// how many rows
    pub rows: usize,
    /// `独居老人.xlsx`
    pub name: String,
    /// media type
    pub media_type: &'static str,
}

/// Writes the rows that the viewer may both read and export. Secrets are masks. The event with the count
/// commits before a byte leaves.
pub async fn export(
    app: &App,
    viewer: &Viewer,
    ledger: &Ledger,
    filter: &Filter,
    output: Output,
) -> Result<Exported, AppError> {
    viewer.principal.require(Permission::PersonRead)?;
    viewer.principal.require(Permission::PersonExport)?;
    let allowed = [Permission::PersonRead, Permission::PersonExport];
    let people = filter.people(app, &ledger.definition)?;
    let model = Model::shipped();
    let file = tempfile::tempfile().map_err(|fault| AppError::Internal(format!("no room for an export: {fault}")))?;
    let title = viewer.lang.pick(&ledger.definition.title).to_owned();
    let mut writer =
        TableWriter::new(output, &spec(viewer.lang, &model, ledger, &title), file).map_err(|fault| failed(&fault))?;
    let (mut rows, mut after) = (0, None::<String>);
    loop {
        let page = people.rows_all_shards(app, &viewer.principal, &allowed, after.as_deref(), PAGE).await?;
        rows += page.len();
        if rows > MOST {
            return Err(AppError::invalid("", "ledgers-too-many"));
        }
        for record in &page {
            let texts = cells(app, &model, viewer.lang, &ledger.definition, record)?;
            let values: Vec<Value<'_>> =
                texts.iter().map(|text| text.as_deref().map_or(Value::Empty, Value::Text)).collect();
            writer.row(&values).map_err(|fault| failed(&fault))?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(people.cursor(&app.keys, last)),
            _ => break,
        }
    }
    let mut file = writer.finish().map_err(|fault| failed(&fault))?;
    file.seek(SeekFrom::Start(0)).map_err(|fault| AppError::Internal(fault.to_string()))?;
    let (extension, media_type) = match output {
        Output::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        Output::Csv => ("csv", "text/csv; charset=utf-8"),
    };
    record(app, viewer, ledger, filter, rows, extension).await?;
    Ok(Exported { file, rows, name: format!("{title}.{extension}"), media_type })
}

fn failed(fault: &SheetError) -> AppError {
    AppError::Internal(format!("an export could not be written: {fault}"))
}

fn spec(lang: Lang, model: &Model, ledger: &Ledger, title: &str) -> TableSpec {
    let kind = |key: &str| match key {
        "id_no" | "mobile" => ColumnKind::Id,
        _ => ColumnKind::Text,
    };
    let columns = columns(&ledger.definition)
        .map(|key| Column::new(&show::label(model, lang, Class::Person, key), kind(key)))
        .collect();
    TableSpec { sheet_name: title.to_owned(), columns, ..TableSpec::default() }
}

async fn record(
    app: &App,
    viewer: &Viewer,
    ledger: &Ledger,
    filter: &Filter,
    rows: usize,
    extension: &str,
) -> Result<(), AppError> {
    // Which filter fields were used, never what was typed into them.
    let used: Vec<String> = filter.pairs("").into_iter().map(|(name, _)| name).collect();
    let event = Event {
        kind: "ledger.exported",
        subject_class: "ledger",
        subject_id: Some(ledger.id),
        actor: viewer.actor(),
        at: app.now(),
        payload: json!({"count": rows, "format": extension, "filtered_by": used}),
    };
    let shard = shard_of(ledger.id);
    app.lanes
        .write(shard, Vec::new(), move |tx| {
            let event = event.clone();
            Box::pin(async move { event.write(tx, shard).await })
        })
        .await
        .map_err(|fault: StoreError| AppError::from(fault))
}
