//! Ledger pages: the list, the table, the export.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Form;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use form_runtime::{Class, Model};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value};
use web::pages::ledgers::{ConditionLink, LedgerColumn, LedgerFilter, LedgerLink, LedgerList, LedgerPage};
use web::{Choice, Tab};

use super::export::{Exported, export};
use super::filter::{AGES, Filter};
use super::rows::people;
use super::rows_text::{cells, columns};
use super::store::{self, Ledger};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::search::Sort;
use crate::entities::{PersonRecord, show};
use crate::error::{AppError, Fault};
use crate::geography::short_address;
use crate::platform::ids::Id;
use crate::platform::sheets::Output;

/// Rows of a page.
const PAGE: usize = 50;

/// `GET /ledgers`
pub async fn index(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::PersonRead)?;
    let mut ledgers = Vec::new();
    for ledger in store::list(&mut app.read()).await? {
        let people = people(&app, &ledger.definition);
        let count = people.count_all_shards(&app, &viewer.principal, &[Permission::PersonRead]).await?;
        ledgers.push(LedgerLink { count: Some(count), ..link(&viewer, &ledger, None) });
    }
    viewer.page(&app, "ledgers/index.html", "ledgers-title", Some(Tab::Ledgers), LedgerList { ledgers })
}

fn link(viewer: &Viewer, ledger: &Ledger, current: Option<Id>) -> LedgerLink {
    LedgerLink {
        title: viewer.lang.pick(&ledger.definition.title).to_owned(),
        href: format!("/ledgers/{}", ledger.id),
        count: None,
        note: condition_words(viewer, ledger),
        current: current == Some(ledger.id),
    }
}

fn condition_words(viewer: &Viewer, ledger: &Ledger) -> String {
    use super::definition::{Op, Operand};
    let words: Vec<String> = ledger
        .definition
        .condition
        .iter()
        .map(|condition| match (condition.attribute.as_str(), condition.op, &condition.value) {
            ("live_alone", _, Operand::Bool(true)) => viewer.text("ledgers-alone", &[]),
            ("live_alone", ..) => viewer.text("ledgers-not-alone", &[]),
            ("age", Op::AtLeast, Operand::Number(n)) => viewer.text("ledgers-age-from", &[("n", (*n).into())]),
            ("age", Op::Below, Operand::Number(n)) => viewer.text("ledgers-age-below", &[("n", (*n).into())]),
            ("sex", _, Operand::Text(code)) => viewer.text(&format!("ledgers-sex-{code}"), &[]),
            ("id_no", _, Operand::Bool(known)) => {
                viewer.text(if *known { "ledgers-with-number" } else { "ledgers-without-number" }, &[])
            }
            (_, _, Operand::Bool(true)) => viewer.text("ledgers-with-mobile", &[]),
            _ => viewer.text("ledgers-without-mobile", &[]),
        })
        .collect();
    words.join(" · ")
}

/// An open ledger; a retired one is not found.
pub(super) async fn open(app: &App, id: Id) -> Result<Ledger, AppError> {
    store::find(&mut app.read(), id).await?.filter(|ledger| ledger.state == "open").ok_or(AppError::NotFound)
}

/// `GET /ledgers/{id}`
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(filter): Query<Filter>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonRead)?;
    let ledger = open(&app, id).await?;
    let permissions = [Permission::PersonRead];
    let after = Some(filter.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let (rows, next, count, faults) = match filter.people(&app, &ledger.definition) {
        Ok(people) => {
            let page = people.page_all_shards(&app, &viewer.principal, &permissions, after, PAGE).await?;
            let count = people.count_all_shards(&app, &viewer.principal, &permissions).await?;
            (page.rows, page.next, count, Vec::new())
        }
        Err(AppError::Invalid(faults)) => (Vec::new(), None, 0, faults),
        Err(other) => return Err(other),
    };
    let wrong = !faults.is_empty();
    let all = store::list(&mut app.read()).await?;
    let model = Model::shipped();
    let href = format!("/ledgers/{id}");
    let conditions = conditions(&app, &viewer, &filter, &href);
    let page = LedgerPage {
        title: viewer.lang.pick(&ledger.definition.title).to_owned(),
        note: if wrong { String::new() } else { note(&viewer, &ledger, count) },
        wrong,
        ledgers: all.iter().map(|other| link(&viewer, other, Some(id))).collect(),
        filtered: !conditions.is_empty(),
        conditions,
        filter: filter_form(&app, &viewer, &filter, &faults),
        columns: table_columns(&viewer, &model, &ledger),
        rows: rows.iter().map(|record| row(&app, &viewer, &model, &ledger, record)).collect::<Result<_, _>>()?,
        next_href: next.map(|cursor| address(&href, filter.pairs(""), Some(cursor))),
        first_href: after.map(|_| address(&href, filter.pairs(""), None)),
        may_export: viewer.principal.has(Permission::PersonExport) && !wrong,
        export_fields: filter.pairs("").into_iter().collect::<BTreeMap<_, _>>(),
        href,
    };
    let mut frame = viewer.frame(&app, page.title.clone(), Some(Tab::Ledgers));
    frame.has_errors = wrong;
    // A whole number typed into the search must not go on living in the page's own address.
    frame.path = address(&page.href, filter.pairs(""), None);
    let html = viewer.render(&app, "ledgers/ledger.html", &frame, page)?;
    let status = if wrong { axum::http::StatusCode::UNPROCESSABLE_ENTITY } else { axum::http::StatusCode::OK };
    Ok((status, html).into_response())
}

fn note(viewer: &Viewer, ledger: &Ledger, count: i64) -> String {
    let people = viewer.text("ledgers-people", &[("n", count.into())]);
    let condition = condition_words(viewer, ledger);
    if condition.is_empty() { people } else { format!("{people} · {condition}") }
}

fn address(href: &str, mut pairs: Vec<(String, String)>, cursor: Option<String>) -> String {
    pairs.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor)));
    if pairs.is_empty() {
        return href.to_owned();
    }
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{href}?{}", query.join("&"))
}

/// Percent-encodes a query component (RFC 3986 unreserved characters stay).
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn conditions(app: &App, viewer: &Viewer, filter: &Filter, href: &str) -> Vec<ConditionLink> {
    let mut out = Vec::new();
    for (name, value) in filter.pairs("") {
        let label = match name.as_str() {
            "q" => viewer.text("ledgers-found-by", &[("q", value.as_str().into())]),
            "place" => match filter.place(app) {
                Ok(Some(id)) => app.geography().get(id).map_or_else(String::new, |place| place.full_name.to_string()),
                _ => continue,
            },
            "place_text" if filter.place.is_empty() => value.clone(),
            "alone" if value == "yes" => viewer.text("ledgers-alone", &[]),
            "alone" if value == "no" => viewer.text("ledgers-not-alone", &[]),
            "age" if AGES.iter().any(|band| band.0 == value) => age_label(viewer, &value),
            "sex" if matches!(value.as_str(), "1" | "2") => viewer.text(&format!("ledgers-sex-{value}"), &[]),
            _ => continue,
        };
        let leave = if name == "place_text" { "place" } else { name.as_str() };
        out.push(ConditionLink { label, remove_href: address(href, filter.pairs(leave), None) });
    }
    out
}

fn age_label(viewer: &Viewer, band: &str) -> String {
    match band.split_once('-') {
        Some((from, "")) => viewer.text("ledgers-age-from", &[("n", from.into())]),
        Some((from, to)) => viewer.text("ledgers-age-between", &[("from", from.into()), ("to", to.into())]),
        None => String::new(),
    }
}

fn filter_form(app: &App, viewer: &Viewer, filter: &Filter, faults: &[Fault]) -> LedgerFilter {
    let error = |at: &str| faults.iter().find(|fault| fault.at == at).map(|fault| fault.text(viewer.lang));
    let place = filter.place(app).ok().flatten();
    let place_label = match place.and_then(|id| app.geography().get(id).map(|p| p.full_name.to_string())) {
        Some(name) => name,
        None => filter.place_text.clone(),
    };
    let choice = |value: &str, key: &str| Choice::new(value, viewer.text(key, &[]));
    let q_error = error("q");
    LedgerFilter {
        q: if q_error.is_some() { String::new() } else { filter.q.clone() },
        q_error,
        place: place.map(|id| id.to_string()).unwrap_or_default(),
        place_label,
        place_error: error("place"),
        alone: filter.alone.clone(),
        alone_options: vec![choice("yes", "ledgers-alone"), choice("no", "ledgers-not-alone")],
        age: filter.age.clone(),
        age_options: AGES.iter().map(|band| Choice::new(band.0, age_label(viewer, band.0))).collect(),
        sex: filter.sex.clone(),
        sex_options: vec![choice("1", "ledgers-sex-1"), choice("2", "ledgers-sex-2")],
        sort: Sort::from_key(&filter.sort).key().to_owned(),
        sort_options: [Sort::Name, Sort::Eldest, Sort::Youngest, Sort::Updated]
            .iter()
            .map(|sort| choice(sort.key(), &format!("ledgers-sort-{}", sort.key())))
            .collect(),
    }
}

fn table_columns(viewer: &Viewer, model: &Model, ledger: &Ledger) -> Vec<LedgerColumn> {
    let kind = |key: &str| match key {
        "name" => "head",
        "id_no" | "mobile" => "mask",
        "age" => "number",
        _ => "",
    };
    columns(&ledger.definition)
        .map(|key| LedgerColumn {
            key: key.to_owned(),
            label: show::label(model, viewer.lang, Class::Person, key),
            kind: kind(key),
        })
        .collect()
}

fn row(
    app: &App,
    viewer: &Viewer,
    model: &Model,
    ledger: &Ledger,
    record: &PersonRecord,
) -> Result<Map<String, Value>, AppError> {
    let texts = cells(app, model, viewer.lang, &ledger.definition, record)?;
    let mut row: Map<String, Value> =
        columns(&ledger.definition).map(str::to_owned).zip(texts.into_iter().map(Value::from)).collect();
    if record.name.is_empty() && row.contains_key("name") {
        row.insert("name".into(), viewer.text("entities-no-name", &[]).into());
    }
    // Where the community has a column of its own, the address begins below it.
    if let Some(place) = record.community_id.filter(|_| row.contains_key("residence_place"))
        && let Some(place) = app.geography().get(place)
        && let Some(address) = &record.address
        && row.contains_key("residence_addr")
    {
        row.insert("residence_addr".into(), short_address(address, &place.full_name.to_string()).into());
    }
    row.insert("id".into(), record.id.to_string().into());
    row.insert("href".into(), format!("/people/{}", record.id).into());
    Ok(row)
}

/// What the export form posts.
#[derive(Debug, Deserialize)]
pub struct ExportForm {
    /// `xlsx` or `csv`
    #[serde(default)]
    pub format: String,
    /// the filter in force
    #[serde(flatten)]
    pub filter: Filter,
}

/// `POST /ledgers/{id}/export`
pub async fn download(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(form): Form<ExportForm>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::PersonExport)?;
    let ledger = open(&app, id).await?;
    let output = if form.format == "csv" { Output::Csv } else { Output::Xlsx };
    attachment(export(&app, &viewer, &ledger, &form.filter, output).await?)
}

/// The file as an attachment, read in small pieces.
pub(super) fn attachment(exported: Exported) -> Result<Response, AppError> {
    let file = tokio::fs::File::from_std(exported.file);
    let pieces = stream::try_unfold(file, |mut file| async move {
        use tokio::io::AsyncReadExt;
        let mut piece = vec![0; 64 * 1024];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    let disposition = format!("attachment; filename*=UTF-8''{}", encode(&exported.name));
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(exported.media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let value = HeaderValue::from_str(&disposition).map_err(|fault| AppError::Internal(fault.to_string()))?;
    headers.insert(header::CONTENT_DISPOSITION, value);
    Ok(response)
}
