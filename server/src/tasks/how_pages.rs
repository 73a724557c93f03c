//! The third step of a task: the rule, with examples and the levels that wait.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use web::Field;

use super::create;
use super::model::Task;
use super::own::own;
use super::pages::{ErrorLine, TaskHead, head, steps, titled, told, with_errors};
use super::{rule_form, show};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::platform::http::redirect;
use crate::platform::ids::Id;

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
    titled(app, viewer, task, "tasks/how.html", !page.errors.is_empty(), page)
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
