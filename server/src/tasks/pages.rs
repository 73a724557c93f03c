//! Pages of a task's maker: the list, the four steps (what, whom, how, look and send), the overview.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use form_runtime::Date;
use rule_engine::Rule;
use serde::Serialize;
use serde_json::Value;
use web::{Choice, Field, FieldKind, Tab, ToastKind};

use super::create::{self, Draft};
use super::model::{Relay, Task, TaskShape};
use super::own::{known, own};
use super::templates::{self, TaskTemplate};
use super::{dispatch, dry_run, rows, rule_form, show, store};
use crate::access::{Permission, StaffViewer, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::measures::Measures;
use crate::platform::http::{redirect, redirect_with_toast};
use crate::platform::ids::Id;

fn steps(viewer: &Viewer) -> Vec<String> {
    ["tasks-step-what", "tasks-step-whom", "tasks-step-how", "tasks-step-send"]
        .map(|key| viewer.text(key, &[]))
        .to_vec()
}

/// Faults by field name, for fields and the summary above.
fn told(viewer: &Viewer, faults: &[Fault]) -> Vec<ErrorLine> {
    faults.iter().map(|fault| ErrorLine { name: fault.at.clone(), text: fault.text(viewer.lang) }).collect()
}

/// One line of the error summary.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine {
    name: String,
    text: String,
}

fn with_errors(mut fields: Vec<Field>, errors: &[ErrorLine]) -> Vec<Field> {
    for field in &mut fields {
        field.error = errors.iter().find(|error| error.name == field.name).map(|error| error.text.clone());
    }
    fields
}

#[derive(Serialize)]
struct WhatPage {
    steps: Vec<String>,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
    place: PlaceField,
    no_forms: bool,
    template: String,
    templates: Vec<TemplateLink>,
}

#[derive(Serialize)]
struct TemplateLink {
    title: String,
    href: String,
    current: bool,
}

/// The first step as a template fills it in; what stands there already stays.
fn from_template(viewer: &Viewer, one: &TaskTemplate) -> BTreeMap<String, String> {
    let template = &one.template;
    let mut filled = BTreeMap::from([
        ("template".to_owned(), template.key.clone()),
        ("title".to_owned(), viewer.lang.pick(&template.title).to_owned()),
        ("form".to_owned(), one.form_version_id.to_string()),
        ("shape".to_owned(), template.shape.clone()),
    ]);
    if let Some(days) = template.working_days {
        filled.insert("working_days".to_owned(), days.to_string());
    }
    filled
}

#[derive(Serialize)]
struct PlaceField {
    value: String,
    label: String,
    error: String,
}

async fn what_page(
    app: &App,
    viewer: &Viewer,
    posted: &BTreeMap<String, String>,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let value = |name: &str| posted.get(name).cloned().unwrap_or_default();
    let mut title = Field::new(FieldKind::Text, "title", viewer.text("tasks-what-title", &[]));
    title.hint = Some(viewer.text("tasks-what-title-hint", &[]));
    title.required = true;
    title.max_length = Some(80);
    title.value = value("title");
    let mut form = Field::new(FieldKind::Select, "form", viewer.text("tasks-what-form", &[]));
    form.required = true;
    form.value = value("form");
    let available = forms::choices(app).await?;
    form.options = available
        .iter()
        .map(|(id, title, _, number)| Choice::new(id.to_string(), format!("{} v{number}", viewer.lang.pick(title))))
        .collect();
    let mut shape = Field::new(FieldKind::SingleChoice, "shape", viewer.text("tasks-what-shape", &[]));
    shape.required = true;
    shape.value = posted.get("shape").cloned().unwrap_or_else(|| "listed".into());
    shape.options = TaskShape::ALL
        .iter()
        .map(|shape| {
            let key = shape.key().replace('_', "-");
            let mut choice = Choice::new(shape.key(), viewer.text(&format!("tasks-shape-{key}"), &[]));
            choice.hint = Some(viewer.text(&format!("tasks-shape-{key}-hint"), &[]));
            choice
        })
        .collect();
    let mut days = Field::new(FieldKind::Integer, "working_days", viewer.text("tasks-what-days", &[]));
    days.hint = Some(viewer.text("tasks-what-days-hint", &[]));
    days.unit = Some(viewer.text("tasks-days-unit", &[]));
    days.value = posted.get("working_days").cloned().unwrap_or_else(|| "3".into());
    let mut deadline = Field::new(FieldKind::Date, "deadline", viewer.text("tasks-what-deadline", &[]));
    deadline.value = value("deadline");
    let errors = told(viewer, faults);
    let home = viewer.staff().ok().and_then(|staff| app.directory().organization(staff.organization)?.place);
    let chosen = posted.get("root_place").and_then(|text| text.parse::<Id>().ok()).or(home);
    let geography = app.geography();
    let label = chosen.and_then(|id| geography.get(id)).map(|place| place.name.to_owned()).unwrap_or_default();
    let template = value("template");
    let page = WhatPage {
        templates: templates::list(&mut app.read())
            .await?
            .iter()
            .map(|one| TemplateLink {
                title: viewer.lang.pick(&one.template.title).to_owned(),
                href: format!("/tasks/new?template={}", one.template.key),
                current: one.template.key == template,
            })
            .collect(),
        template,
        steps: steps(viewer),
        no_forms: available.is_empty(),
        place: PlaceField {
            value: chosen.map(|id| id.to_string()).unwrap_or_default(),
            label,
            error: errors.iter().find(|e| e.name == "root_place").map(|e| e.text.clone()).unwrap_or_default(),
        },
        fields: with_errors(vec![title, form, shape, days, deadline], &errors),
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("tasks-new-title", &[]), Some(Tab::Tasks));
    frame.has_errors = !page.errors.is_empty();
    viewer.render(app, "tasks/what.html", &frame, page)
}

/// `GET /tasks/new`
pub async fn new(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let filled = match asked.get("template") {
        Some(key) => {
            templates::find(&mut app.read(), key).await?.map(|one| from_template(&viewer, &one)).unwrap_or_default()
        }
        None => BTreeMap::new(),
    };
    what_page(&app, &viewer, &filled, &[]).await
}

/// Reads the first step.
async fn draft_of(app: &App, posted: &BTreeMap<String, String>) -> Result<Draft, AppError> {
    let get = |name: &str| posted.get(name).map_or("", |value| value.trim());
    let mut faults = Vec::new();
    let version: Option<Id> = get("form").parse().ok();
    let form = match version {
        Some(id) => forms::published(app, id).await.ok(),
        None => None,
    };
    if form.is_none() {
        faults.push(Fault::new("form", "tasks-need-form"));
    }
    let working_days = match get("working_days") {
        "" => None,
        text => text.parse::<i64>().map_or_else(
            |_| {
                faults.push(Fault::new("working_days", "tasks-days-range"));
                None
            },
            Some,
        ),
    };
    let deadline = match get("deadline") {
        "" => None,
        text => text.replace('/', "-").parse::<Date>().map_or_else(
            |_| {
                faults.push(Fault::new("deadline", "tasks-deadline-form"));
                None
            },
            Some,
        ),
    };
    let draft = Draft {
        title: get("title").to_owned(),
        form_version_id: version.unwrap_or_default(),
        class: form.as_ref().map(|form| form.class.clone()).unwrap_or_default(),
        shape: TaskShape::from_key(get("shape")).unwrap_or(TaskShape::Listed),
        root_place: get("root_place").parse().unwrap_or_default(),
        working_days,
        deadline,
        app_key: None,
        measures: Measures::default(),
    };
    faults.extend(
        draft.faults(app).into_iter().filter(|fault| !faults.iter().any(|f| f.at == fault.at)).collect::<Vec<_>>(),
    );
    if faults.is_empty() { Ok(draft) } else { Err(AppError::Invalid(faults)) }
}

async fn create_with(
    app: &App,
    viewer: &Viewer,
    staff: StaffViewer,
    draft: Draft,
    rule: Rule,
    relay: Relay,
) -> Result<Task, AppError> {
    create::within_reach(app, viewer, "root_place", draft.root_place)?;
    let task = create::create(app, staff, &viewer.actor(), draft, rule).await?;
    if relay == Relay::default() {
        return Ok(task);
    }
    create::set_relay(app, task.id, Some(task.version), &viewer.actor(), relay).await
}

/// `POST /tasks/new`
pub async fn begin(
    State(app): State<App>,
    viewer: Viewer,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let staff = viewer.staff()?;
    let made = match draft_of(&app, &posted).await {
        Ok(mut draft) => {
            let form = forms::published(&app, draft.form_version_id).await?;
            draft.measures = super::counting::usual(&form);
            let mut rule = create::first_rule_in(draft.shape, draft.working_days);
            let mut relay = Relay::default();
            let template = match posted.get("template") {
                Some(key) => templates::find(&mut app.read(), key).await?,
                None => None,
            };
            // Whoever chose another form or shape after all has left the template behind.
            if let Some(one) = template
                && one.form_version_id == draft.form_version_id
                && one.template.shape == draft.shape.key()
            {
                one.template.begin(&mut draft, &mut rule, &mut relay);
            }
            create_with(&app, &viewer, staff, draft, rule, relay).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(task) => Ok(redirect(&format!("/tasks/{}/subjects", task.id))),
        Err(AppError::Invalid(faults)) => {
            let page = what_page(&app, &viewer, &posted, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

#[derive(Serialize)]
struct WhomPage {
    steps: Vec<String>,
    task: TaskHead,
    errors: Vec<ErrorLine>,
    listed: bool,
    rows: i64,
    faulty: i64,
    columns: Vec<String>,
    levels: Vec<Choice>,
    read: Option<ReadNote>,
}

#[derive(Serialize)]
struct TaskHead {
    id: String,
    title: String,
    version: i64,
}

#[derive(Serialize)]
struct ReadNote {
    faults: Vec<String>,
    skipped: Vec<String>,
    unknown: Vec<String>,
}

fn head(task: &Task) -> TaskHead {
    TaskHead { id: task.id.to_string(), title: task.title.clone(), version: task.version }
}

async fn whom_page(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    faults: &[Fault],
    read: Option<rows::Read>,
) -> Result<Html<String>, AppError> {
    let (count, faulty) = store::rows_count(&mut app.read(), task.id).await?;
    let form = forms::published(app, task.form_version_id).await?;
    let lang = forms::language(viewer.lang);
    let columns = form.compiled.fields().iter().map(|field| field.label().get(lang).to_owned()).collect();
    let note = read.map(|read| ReadNote {
        faults: read
            .faults
            .iter()
            .map(|(row, why)| {
                let why = rows::fault_text(viewer.lang, why);
                viewer.text("tasks-row-skipped", &[("row", (*row).to_string().into()), ("why", why.into())])
            })
            .collect(),
        skipped: read
            .skipped
            .iter()
            .take(10)
            .map(|(row, why)| {
                viewer.text("tasks-row-skipped", &[("row", (*row).to_string().into()), ("why", why.as_str().into())])
            })
            .collect(),
        unknown: read.unknown_columns,
    });
    let page = WhomPage {
        steps: steps(viewer),
        task: head(task),
        errors: told(viewer, faults),
        listed: task.shape() == TaskShape::Listed,
        rows: count,
        faulty,
        columns,
        levels: [5_i64, 4, 3]
            .map(|level| Choice::new(level.to_string(), viewer.text(&format!("tasks-level-{level}"), &[])))
            .to_vec(),
        read: note,
    };
    let mut frame = viewer.frame(app, task.title.clone(), Some(Tab::Tasks));
    frame.has_errors = !page.errors.is_empty();
    viewer.render(app, "tasks/whom.html", &frame, page)
}

/// `GET /tasks/{id}/subjects`
pub async fn subjects(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    whom_page(&app, &viewer, &task, &[], None).await
}

/// `POST /tasks/{id}/subjects/upload`: a sheet with one row per person.
pub async fn upload(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    mut body: Multipart,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    let form = forms::published(&app, task.form_version_id).await?;
    let mut read = Err(AppError::invalid("file", "tasks-need-file"));
    while let Some(part) = body.next_field().await.map_err(|_| AppError::TooLarge)? {
        if part.name() != Some("file") {
            continue;
        }
        let name = part.file_name().unwrap_or("sheet").to_owned();
        let bytes = part.bytes().await.map_err(|_| AppError::TooLarge)?;
        if !bytes.is_empty() {
            read = rows::from_sheet(&app, &task, &form.compiled, &name, &bytes, &viewer.actor(), viewer.lang).await;
        }
    }
    match read {
        Ok(read) => Ok(whom_page(&app, &viewer, &task, &[], Some(read)).await?.into_response()),
        Err(AppError::Invalid(faults)) => {
            let page = whom_page(&app, &viewer, &task, &faults, None).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `POST /tasks/{id}/subjects`: the units of a level, for discovery and unit return.
pub async fn take_units(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    if task.shape() == TaskShape::Listed {
        return Err(AppError::Conflict("tasks-conflict-listed"));
    }
    let level = posted.get("level").and_then(|text| text.parse().ok()).filter(|level| (3..=5).contains(level));
    let Some(level) = level else {
        let page = whom_page(&app, &viewer, &task, &[Fault::new("level", "tasks-need-level")], None).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let read = rows::from_units_by(&app, &task, level, &viewer.actor()).await?;
    Ok(whom_page(&app, &viewer, &task, &[], Some(read)).await?.into_response())
}

#[derive(Serialize)]
struct HowPage {
    steps: Vec<String>,
    task: TaskHead,
    errors: Vec<ErrorLine>,
    form: String,
    parts: Vec<Value>,
    ready_fields: Vec<Field>,
    rhai: String,
    generated: String,
    examples: Vec<ExampleLine>,
    relay: Vec<RelayLine>,
}

#[derive(Serialize)]
struct ExampleLine {
    name: String,
    outcome: String,
    given: bool,
}

#[derive(Serialize)]
struct RelayLine {
    level: i64,
    name: String,
    waits: bool,
    after: String,
    error: String,
}

async fn how_page(
    app: &App,
    viewer: &Viewer,
    task: &Task,
    posted: Option<&BTreeMap<String, String>>,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let published = forms::published(app, task.form_version_id).await?;
    let choices = rule_form::choices(app, &published, viewer.lang);
    let rule = task.rule()?;
    let generated = rule_engine::generate(&rule.source);
    let examples = create::check_rule(app, &rule)?
        .into_iter()
        .map(|example| ExampleLine {
            name: viewer.text(example.name, &[]),
            given: example.outcome.is_ok(),
            outcome: match example.outcome {
                Ok(name) => viewer.text("tasks-example-gets", &[("name", name.into())]),
                Err(why) => why,
            },
        })
        .collect();
    let lang = if viewer.lang == web::Lang::ZhCn { rule_engine::Lang::ZhCn } else { rule_engine::Lang::En };
    let sentence = match &rule.source {
        rule_engine::RuleSource::Sentence(sentence) => sentence.clone(),
        _ => rule_form::usual(task.working_days),
    };
    let errors = told(viewer, faults);
    let mut parts = Vec::new();
    for part in sentence.render(lang, &choices) {
        let mut value = serde_json::to_value(&part).unwrap_or_default();
        if let (Some(posted), Some(name)) = (posted, value.get("name").and_then(Value::as_str).map(str::to_owned))
            && let Some(given) = posted.get(&name)
        {
            value["value"] = given.clone().into();
        }
        parts.push(value);
    }
    let form = posted.and_then(|p| p.get("form").cloned()).unwrap_or_else(|| match rule.source {
        rule_engine::RuleSource::Ready(_) => "ready".into(),
        rule_engine::RuleSource::Expert { .. } => "expert".into(),
        _ => "sentence".into(),
    });
    let rhai = posted.and_then(|p| p.get("rhai").cloned()).unwrap_or_else(|| match &rule.source {
        rule_engine::RuleSource::Expert { rhai } => rhai.clone(),
        _ => generated.clone(),
    });
    let relay = task.relay()?;
    let relay = [3_i64, 4]
        .into_iter()
        .map(|level| RelayLine {
            level,
            name: viewer.text(&format!("tasks-level-{level}"), &[]),
            waits: posted
                .map_or(relay.waits_at(level), |p| p.get(&format!("wait_{level}")).is_some_and(|v| v == "wait")),
            after: posted
                .and_then(|p| p.get(&format!("after_{level}")).cloned())
                .unwrap_or_else(|| relay.passes_after.get(&level).map(i64::to_string).unwrap_or_default()),
            error: errors
                .iter()
                .find(|e| e.name == format!("after_{level}"))
                .map(|e| e.text.clone())
                .unwrap_or_default(),
        })
        .collect();
    let ready_fields = with_errors(show::ready_fields(viewer, &rule, &choices, posted), &errors);
    let page = HowPage {
        steps: steps(viewer),
        task: head(task),
        errors,
        form,
        parts,
        ready_fields,
        rhai,
        generated,
        examples,
        relay,
    };
    let mut frame = viewer.frame(app, task.title.clone(), Some(Tab::Tasks));
    frame.has_errors = !page.errors.is_empty();
    viewer.render(app, "tasks/how.html", &frame, page)
}

/// `GET /tasks/{id}/rule`
pub async fn rule(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    how_page(&app, &viewer, &task, None, &[]).await
}

/// `POST /tasks/{id}/rule`
pub async fn set_rule(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    let published = forms::published(&app, task.form_version_id).await?;
    let choices = rule_form::choices(&app, &published, viewer.lang);
    let result = async {
        let rule = rule_form::posted_rule(&posted, &choices, viewer.lang)?;
        let relay = rule_form::posted_relay(&posted)?;
        create::set_rule(&app, id, None, &viewer.actor(), rule).await?;
        create::set_relay(&app, id, None, &viewer.actor(), relay).await
    };
    match result.await {
        Ok(_) => Ok(redirect(&format!("/tasks/{id}/dry-run"))),
        Err(AppError::Invalid(faults)) => {
            let page = how_page(&app, &viewer, &task, Some(&posted), &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `GET /tasks/{id}/dry-run`: the newest dry run, made now when there is none of this version.
pub async fn look(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    let task = own(&app, &viewer, id).await?;
    if task.state != "draft" {
        return Ok(redirect(&format!("/tasks/{id}")));
    }
    let (count, _) = store::rows_count(&mut app.read(), id).await?;
    if count == 0 {
        let text = viewer.text("tasks-need-subjects", &[]);
        return Ok(redirect_with_toast(format!("/tasks/{id}/subjects"), ToastKind::Warn, text));
    }
    let run = match dry_run::latest(&mut app.read(), id).await? {
        Some(run) if run.task_version == task.version => run,
        _ => dry_run::dry_run(&app, id, viewer.principal.account()).await?,
    };
    let page = show::send_page(&app, &viewer, &task, &run, steps(&viewer)).await?;
    let frame = viewer.frame(&app, task.title.clone(), Some(Tab::Tasks));
    Ok(viewer.render(&app, "tasks/send.html", &frame, page)?.into_response())
}

/// `POST /tasks/{id}/dispatch`
pub async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(posted): Form<BTreeMap<String, String>>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    own(&app, &viewer, id).await?;
    let version = posted.get("version").and_then(|text| text.parse().ok());
    dispatch::begin(&app, id, version, &viewer.actor()).await?;
    Ok(redirect(&format!("/tasks/{id}")))
}

/// `POST /tasks/{id}/end`
pub async fn end(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::TaskIssue)?;
    own(&app, &viewer, id).await?;
    dispatch::end(&app, id, &viewer.actor()).await?;
    Ok(redirect_with_toast(format!("/tasks/{id}"), ToastKind::Good, viewer.text("tasks-ended-toast", &[])))
}

/// `GET /tasks`
pub async fn list(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::TaskRead)?;
    let page = show::list_page(&app, &viewer).await?;
    viewer.page(&app, "tasks/list.html", "tasks-title", Some(Tab::Tasks), page)
}

/// `GET /tasks/{id}`
pub async fn overview(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let task = known(&app, &viewer, id).await?;
    if task.state == "draft" {
        return Ok(redirect(&format!("/tasks/{id}/subjects")));
    }
    let page = show::overview_page(&app, &viewer, &task).await?;
    let frame = viewer.frame(&app, task.title.clone(), Some(Tab::Tasks));
    Ok(viewer.render(&app, "tasks/overview.html", &frame, page)?.into_response())
}

/// `GET /tasks/{id}/fragment`: the live part of the overview.
pub async fn fragment(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let task = known(&app, &viewer, id).await?;
    let page = show::overview_page(&app, &viewer, &task).await?;
    let frame = viewer.frame(&app, task.title.clone(), Some(Tab::Tasks));
    viewer.render(&app, "tasks/overview_live.html", &frame, page)
}
