//! The first step of a task: what it is, for which form, where and until when.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use form_runtime::Date;
use rule_engine::Rule;
use serde::Serialize;
use web::{Choice, Field, FieldKind, Tab};

use super::create::{self, Draft};
use super::model::{Relay, Task, TaskShape};
use super::pages::{ErrorLine, steps, told, with_errors};
use super::templates::{self, TaskTemplate};
use crate::access::{Permission, StaffViewer, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::measures::Measures;
use crate::platform::http::redirect;
use crate::platform::ids::Id;

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
