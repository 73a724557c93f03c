//! Pages of forms: list, plain builder, preview, publishing. Everything posts without script.

use std::collections::BTreeMap;

use axum::Form as Posted;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use form_runtime::builder::{self, FieldDraft};
use form_runtime::{AttributeRef, FormDefinition, Known, Map, Model, Text, compile, form_view};
use serde::Deserialize;
use web::pages::forms::{FormList, FormPreview, FormPublish, FormRow};
use web::{Field, FieldError, FieldKind, FormPage, Tab, ToastKind};

use super::publish::obstacles;
use super::store::{self, Form};
use super::{burden, edit, language, publish, view};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::database::StoreError;
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

const PAGE: i64 = 50;
type Fields = BTreeMap<String, String>;

/// What the list is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// words of the title
    #[serde(default)]
    pub q: String,
    /// opaque
    #[serde(default)]
    pub cursor: Option<String>,
}

/// `GET /forms`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, AppError> {
    edit::require_reader(&viewer)?;
    list_page(&app, &viewer, &asked, ("", ""), Vec::new()).await
}

async fn list_page(
    app: &App,
    viewer: &Viewer,
    asked: &Asked,
    typed: (&str, &str),
    errors: Vec<FieldError>,
) -> Result<Html<String>, AppError> {
    let before = crate::measures::pages::position(asked.cursor.as_deref());
    let mut forms = store::list(&mut app.read(), &viewer.principal, asked.q.trim(), before, PAGE + 1).await?;
    let more = forms.len() as i64 > PAGE;
    forms.truncate(PAGE as usize);
    let next = forms.last().filter(|_| more).map(|form| format!("?cursor={}.{}", form.updated_at, form.id));
    let row = |form: &Form| {
        let class = if form.class.is_empty() { "none" } else { &form.class };
        let class = viewer.text(&format!("forms-class-{class}"), &[]);
        FormRow {
            title: view::title(viewer, form),
            href: format!("/forms/{}", form.id),
            note: viewer
                .text("forms-row", &[("class", class.into()), ("at", app.clock.minute_text(form.updated_at).into())]),
            state: viewer.text(&format!("forms-state-{}", form.state), &[]),
            kind: if form.state == "published" { "good" } else { "" },
        }
    };
    let input = |name: &str, key: &str, value: &str| Field {
        value: value.to_owned(),
        ..Field::new(FieldKind::Text, name, viewer.text(key, &[]))
    };
    let mut title = input("title", "forms-title-label", typed.0);
    title.required = true;
    title.error = errors.first().map(|error| error.text.clone());
    let context = FormList {
        words: asked.q.clone(),
        forms: forms.iter().map(row).collect(),
        next,
        may_make: viewer.principal.has(Permission::FormEdit),
        errors,
        title,
        title_en: input("title_en", "forms-title-en", typed.1),
    };
    viewer.page(app, "forms/list.html", "forms-title", Some(Tab::Tasks), context)
}

fn get<'a>(posted: &'a Fields, name: &str) -> &'a str {
    posted.get(name).map_or("", |value| value.trim())
}

/// `POST /forms`
pub async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Posted(posted): Posted<Fields>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::FormEdit)?;
    let (title, title_en) = (get(&posted, "title"), get(&posted, "title_en"));
    match edit::create(&app, &viewer, title, title_en).await {
        Ok(id) => Ok(done(&viewer, id, "", "forms-made")),
        Err(AppError::Invalid(faults)) => {
            let lines = faults
                .iter()
                .map(|fault| FieldError { name: Some(fault.at.clone()), text: fault.text(viewer.lang) })
                .collect();
            let page = list_page(&app, &viewer, &Asked::default(), (title, title_en), lines).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other),
    }
}

fn done(viewer: &Viewer, form: Id, field: &str, text: &str) -> Response {
    let open = if field.is_empty() { String::new() } else { format!("?field={field}#field-{field}") };
    redirect_with_toast(format!("/forms/{form}{open}"), ToastKind::Good, viewer.text(text, &[]))
}

/// Which field was just touched.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Open {
    /// its key
    #[serde(default)]
    pub field: String,
}

/// `GET /forms/{id}`
pub async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(open): Query<Open>,
) -> Result<Html<String>, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    show_page(&app, &viewer, &form, &open.field, Vec::new()).await
}

async fn show_page(
    app: &App,
    viewer: &Viewer,
    form: &Form,
    open: &str,
    errors: Vec<FieldError>,
) -> Result<Html<String>, AppError> {
    let context = view::edit_page(app, viewer, form, open, errors).await?;
    let frame = viewer.frame(app, context.title.clone(), Some(Tab::Tasks));
    viewer.render(app, "forms/edit.html", &frame, context)
}

/// The form to be changed, at the version that the page showed, with its definition and drafts.
async fn to_change(
    app: &App,
    viewer: &Viewer,
    id: Id,
    posted: &Fields,
) -> Result<(Form, FormDefinition, Vec<FieldDraft>), AppError> {
    let form = edit::load(app, viewer, id).await?;
    if !edit::may_edit(app, viewer, &form) {
        return Err(AppError::Forbidden);
    }
    if get(posted, "version").parse() != Ok(form.version) {
        return Err(AppError::Conflict("forms-moved"));
    }
    let definition = edit::definition(&form)?;
    let drafts = edit::drafts(&definition).ok_or(AppError::Conflict("forms-not-plain-text"))?;
    Ok((form, definition, drafts))
}

/// Stores the drafts; a mistake shows the builder again with what is wrong.
async fn store_drafts(
    app: &App,
    viewer: &Viewer,
    (form, before): (&Form, &FormDefinition),
    drafts: &[FieldDraft],
    (field, text): (&str, &str),
) -> Result<Response, AppError> {
    let made = builder::to_definition(&before.id, before.title.clone(), drafts)
        .map_err(|faults| AppError::Invalid(edit::as_faults(&faults)));
    let result = match made {
        Ok(made) => {
            let whole = FormDefinition {
                intro: before.intro.clone(),
                subject: before.subject,
                settings: before.settings.clone(),
                ..made
            };
            edit::save(app, viewer, form, &whole).await
        }
        Err(fault) => Err(fault),
    };
    answer(app, viewer, form, result, (field, text)).await
}

async fn answer(
    app: &App,
    viewer: &Viewer,
    form: &Form,
    result: Result<(), AppError>,
    (field, text): (&str, &str),
) -> Result<Response, AppError> {
    match result {
        Ok(()) => Ok(done(viewer, form.id, field, text)),
        Err(AppError::Invalid(faults)) => {
            let page = show_page(app, viewer, form, field, view::errors(viewer, &faults)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(AppError::Store(StoreError::Stale)) => Err(AppError::Conflict("forms-moved")),
        Err(other) => Err(other),
    }
}

/// `POST /forms/{id}`: title, introduction, minutes.
pub async fn settings(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Posted(posted): Posted<Fields>,
) -> Result<Response, AppError> {
    let (form, mut definition, _) = to_change(&app, &viewer, id, &posted).await?;
    let changed = settings_of(&mut definition, &posted);
    let result = match changed {
        Ok(()) => edit::save(&app, &viewer, &form, &definition).await,
        Err(fault) => Err(fault),
    };
    answer(&app, &viewer, &form, result, ("", "forms-saved")).await
}

fn settings_of(definition: &mut FormDefinition, posted: &Fields) -> Result<(), AppError> {
    definition.title = edit::title_text(get(posted, "title"), get(posted, "title_en"))?;
    let intro: String = get(posted, "intro").chars().take(500).collect();
    definition.intro = if intro.is_empty() { Text::default() } else { Text::zh(intro) };
    definition.settings.minutes = match get(posted, "minutes") {
        "" => None,
        text => {
            let minutes = text.parse().ok().filter(|minutes| (1..=240).contains(minutes));
            Some(minutes.ok_or_else(|| AppError::Invalid(vec![Fault::new("minutes", "forms-minutes-wrong")]))?)
        }
    };
    Ok(())
}

/// `POST /forms/{id}/fields`: one more field, by attribute or by control.
pub async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Posted(posted): Posted<Fields>,
) -> Result<Response, AppError> {
    let (form, definition, mut drafts) = to_change(&app, &viewer, id, &posted).await?;
    let index = if get(&posted, "by") == "attribute" {
        let at: AttributeRef = get(&posted, "attribute").parse().map_err(|()| AppError::NotFound)?;
        builder::add_attribute(&mut drafts, &Model::shipped(), &at).ok_or(AppError::NotFound)?
    } else {
        let control = form_runtime::controls::control(get(&posted, "control")).ok_or(AppError::NotFound)?;
        let index = builder::add(&mut drafts, control.key());
        control.name(language(viewer.lang)).clone_into(&mut drafts[index].label);
        index
    };
    let key = drafts[index].key.clone();
    store_drafts(&app, &viewer, (&form, &definition), &drafts, (&key, "forms-added")).await
}

/// `POST /forms/{id}/fields/{key}`: change, move or remove one field.
pub async fn field(
    State(app): State<App>,
    viewer: Viewer,
    Path((id, key)): Path<(Id, String)>,
    Posted(posted): Posted<Fields>,
) -> Result<Response, AppError> {
    let (form, definition, mut drafts) = to_change(&app, &viewer, id, &posted).await?;
    if !drafts.iter().any(|draft| draft.key == key) {
        return Err(AppError::NotFound);
    }
    let text = match get(&posted, "act") {
        "up" | "down" => {
            builder::move_by(&mut drafts, &key, if get(&posted, "act") == "up" { -1 } else { 1 });
            ("", "forms-saved")
        }
        "remove" => {
            builder::remove(&mut drafts, &key);
            ("", "forms-removed")
        }
        _ => {
            builder::change_control(&mut drafts, &key, get(&posted, &format!("control-{key}")), &Model::shipped());
            take(&mut drafts, &key, &posted);
            (key.as_str(), "forms-saved")
        }
    };
    store_drafts(&app, &viewer, (&form, &definition), &drafts, text).await
}

/// Takes what was posted about one field; names end in its key, so that ids on the page are unique.
fn take(drafts: &mut [FieldDraft], key: &str, posted: &Fields) {
    let value = |name: &str| get(posted, &format!("{name}-{key}")).to_owned();
    let Some(draft) = drafts.iter_mut().find(|draft| draft.key == key) else { return };
    draft.label = value("label");
    draft.label_en = value("label_en");
    draft.hint = value("hint");
    draft.required = !value("required").is_empty();
    draft.today = !value("today").is_empty();
    draft.choices =
        if matches!(draft.control.as_str(), "choice" | "multiple_choice") { value("choices") } else { String::new() };
    // A binding that no longer fits the control was dropped before; one that was chosen now is checked
    // when the form is.
    draft.bind = value("bind");
    draft.when_field = value("when_field");
    draft.when_value = if draft.when_field.is_empty() { String::new() } else { value("when_value") };
}

/// Which version is shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Which {
    /// number of a published version; none for the draft
    #[serde(default)]
    pub version: Option<i64>,
}

/// `GET /forms/{id}/preview`: the one renderer over the draft or a version.
pub async fn preview(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Query(which): Query<Which>,
) -> Result<Html<String>, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    let definition = match which.version {
        Some(number) => {
            let rows = store::versions(&mut app.read(), form.id).await?;
            let row = rows.iter().find(|row| row.number == number).ok_or(AppError::NotFound)?;
            edit::definition(&Form { draft: row.definition.clone(), ..form.clone() })?
        }
        None => edit::definition(&form)?,
    };
    let faults = obstacles(&definition);
    let shown = match (faults.is_empty(), compile(&definition, &Model::shipped())) {
        (true, Ok(compiled)) => {
            let view =
                form_view(&compiled, &Known::default(), &Map::new(), &[], language(viewer.lang), app.clock.today());
            Some(FormPage::from(&view))
        }
        _ => None,
    };
    let frame = viewer.frame(&app, view::title(&viewer, &form), None);
    viewer.render(&app, "forms/preview.html", &frame, FormPreview { form: shown, faults: view::said(&viewer, &faults) })
}

/// `GET /forms/{id}/publish`: what it will cost people, before it is done.
pub async fn ask(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    if !edit::may_edit(&app, &viewer, &form) {
        return Err(AppError::Forbidden);
    }
    let context = ask_page(&app, &viewer, &form).await?;
    viewer.page(&app, "forms/publish.html", "forms-publish", Some(Tab::Tasks), context)
}

async fn ask_page(app: &App, viewer: &Viewer, form: &Form) -> Result<FormPublish, AppError> {
    let definition = edit::definition(form)?;
    let faults = obstacles(&definition);
    let cost = match compile(&definition, &Model::shipped()) {
        Ok(compiled) if faults.is_empty() => burden(app, &viewer.principal, &compiled, viewer.lang).await?,
        _ => super::Burden::default(),
    };
    let latest = store::latest(&mut app.read(), form.id).await?;
    Ok(FormPublish {
        title: view::title(viewer, form),
        href: format!("/forms/{}", form.id),
        version: form.version,
        number: latest.map_or(1, |row| row.number + 1),
        obstacles: view::said(viewer, &faults),
        fields: cost.fields,
        bound: cost.bound,
        minutes: cost.minutes,
        declared: cost.declared,
        known: cost.known,
        sampled: cost.sampled,
    })
}

/// `POST /forms/{id}/publish`
pub async fn publish(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Posted(posted): Posted<Fields>,
) -> Result<Response, AppError> {
    let form = edit::load(&app, &viewer, id).await?;
    if !edit::may_edit(&app, &viewer, &form) {
        return Err(AppError::Forbidden);
    }
    if get(&posted, "version").parse() != Ok(form.version) {
        return Err(AppError::Conflict("forms-moved"));
    }
    match publish::publish(&app, &form, &viewer.actor()).await {
        Ok(version) => {
            let key = if version.new { "forms-published-toast" } else { "forms-published-same" };
            let text = viewer.text(key, &[("n", version.number.into())]);
            Ok(redirect_with_toast(format!("/forms/{id}"), ToastKind::Good, text))
        }
        Err(AppError::Invalid(_)) => {
            let context = ask_page(&app, &viewer, &form).await?;
            let page = viewer.page(&app, "forms/publish.html", "forms-publish", Some(Tab::Tasks), context)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(AppError::Store(StoreError::Stale)) => Err(AppError::Conflict("forms-moved")),
        Err(other) => Err(other),
    }
}
