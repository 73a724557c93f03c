//! Making a task: a draft, its rule, its relay. Each change moves the version, so that an older dry run
//! shows as out of date.

use form_runtime::Date;
use rule_engine::{Hook, Rule};
use serde_json::json;

use super::model::{Relay, Task, TaskShape};
use super::store::{self, TASK};
use crate::access::{Permission, StaffViewer, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::measures::Measures;
use crate::platform::database::bulk::OnKey;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};

/// What is asked for, as a person gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// as people see it
    pub title: String,
    /// the published form
    pub form_version_id: Id,
    /// class of the form's subject
    pub class: String,
    /// 清单, 摸排, 报表
    pub shape: TaskShape,
    /// the place whose subtree it concerns
    pub root_place: Id,
    /// working days for an item
    pub working_days: Option<i64>,
    /// the last civil date
    pub deadline: Option<Date>,
    /// application it comes from
    pub app_key: Option<String>,
    /// what is counted
    pub measures: Measures,
}

impl Draft {
    /// What a person must mend, field by field.
    pub fn faults(&self, app: &App) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.title.trim().is_empty() {
            faults.push(Fault::new("title", "tasks-need-title"));
        }
        if self.title.chars().count() > 80 {
            faults.push(Fault::new("title", "tasks-title-long"));
        }
        if self.working_days.is_some_and(|days| !(1..=250).contains(&days)) {
            faults.push(Fault::new("working_days", "tasks-days-range"));
        }
        if self.deadline.is_some_and(|date| date < app.clock.today()) {
            faults.push(Fault::new("deadline", "tasks-deadline-past"));
        }
        if self.working_days.is_none() && self.deadline.is_none() {
            faults.push(Fault::new("working_days", "tasks-need-deadline"));
        }
        if app.geography().get(self.root_place).is_none() {
            faults.push(Fault::new("root_place", "tasks-need-place"));
        }
        faults
    }
}

/// Refuses a place that the issuer does not issue tasks for.
pub fn within_reach(app: &App, viewer: &Viewer, field: &str, root_place: Id) -> Result<(), AppError> {
    if viewer.may(app, Permission::TaskIssue, Some(root_place), None) {
        Ok(())
    } else {
        Err(AppError::invalid(field, "tasks-place-too-far"))
    }
}

/// The rule a task begins with that says no days of its own: three working days.
pub fn first_rule(shape: TaskShape) -> Rule {
    first_rule_in(shape, Some(3))
}

/// The rule a new task begins with: the grid worker of the community, in the days the task gives.
pub fn first_rule_in(shape: TaskShape, working_days: Option<i64>) -> Rule {
    use rule_engine::{Action, Level, RuleSource, Sentence, Whom};
    let whom = match shape {
        TaskShape::Listed => Whom::Tag { tag: "grid_worker".into() },
        TaskShape::Discovery | TaskShape::UnitReturn => Whom::Organization,
    };
    let then =
        Action { level: Level::Community, whom, working_days: working_days.and_then(|days| u32::try_from(days).ok()) };
    Rule { source: RuleSource::Sentence(Sentence { when: None, then, otherwise: None }) }
}

/// Keeps a draft and returns it.
pub async fn create(app: &App, by: StaffViewer, actor: &Actor, draft: Draft, rule: Rule) -> Result<Task, AppError> {
    let faults = draft.faults(app);
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    check_rule(app, &rule)?;
    let now = app.now();
    let task = Task {
        id: new_free_id(now),
        app_key: draft.app_key.clone(),
        title: draft.title.trim().to_owned(),
        shape: draft.shape.key().to_owned(),
        class: if draft.shape == TaskShape::Listed { draft.class.clone() } else { "organization".to_owned() },
        form_version_id: draft.form_version_id,
        issuer_organization: by.organization,
        issuer_post: Some(by.post),
        root_place: draft.root_place,
        state: "draft".to_owned(),
        rule: json!(rule).to_string(),
        measures: draft.measures.text(),
        relay: json!(Relay::default()).to_string(),
        source: String::new(),
        working_days: draft.working_days,
        deadline_at: draft.deadline.map(|date| app.clock.at(date, 18, 0)),
        release: 0,
        published_release: 0,
        created_at: now,
        dispatched_at: None,
        ended_at: None,
        version: 1,
    };
    let (row, event) = (task.row(), event(&task, "task.created", actor, now));
    app.lanes
        .write::<(), AppError, _>(shard_of(task.id), vec![], move |tx| {
            let (row, event) = (row.clone(), event.clone());
            Box::pin(async move {
                TASK.write(tx, vec![row], OnKey::Fail).await?;
                event.write(tx, shard_of(event.subject_id.unwrap_or_default())).await?;
                Ok(())
            })
        })
        .await?;
    Ok(task)
}

fn event(task: &Task, kind: &'static str, actor: &Actor, at: i64) -> Event {
    let payload = json!({ "shape": task.shape, "form_version": task.form_version_id });
    Event { kind, subject_class: "task", subject_id: Some(task.id), actor: actor.clone(), at, payload }
}

/// Changes a draft; `change` sees it as it stands and may refuse.
pub async fn change(
    app: &App,
    task: Id,
    expected: Option<i64>,
    actor: &Actor,
    change: impl Fn(&mut Task) -> Result<(), AppError> + Send + Sync + 'static,
) -> Result<Task, AppError> {
    let now = app.now();
    let actor = actor.clone();
    let change = std::sync::Arc::new(change);
    app.lanes
        .write(shard_of(task), vec![task], move |tx| {
            let (actor, change) = (actor.clone(), change.clone());
            Box::pin(async move {
                let mut found = store::task(tx, task).await?;
                if expected.is_some_and(|version| version != found.version) {
                    return Err(AppError::Stale(json!({ "version": found.version })));
                }
                if found.state != "draft" {
                    return Err(AppError::Conflict("tasks-conflict-not-draft"));
                }
                change(&mut found)?;
                found.version += 1;
                TASK.write(tx, vec![found.row()], OnKey::Next).await?;
                event(&found, "task.changed", &actor, now).write(tx, shard_of(task)).await?;
                Ok(found)
            })
        })
        .await
}

/// Sets the dispatch rule of a draft after checking it against its examples.
pub async fn set_rule(app: &App, task: Id, expected: Option<i64>, actor: &Actor, rule: Rule) -> Result<Task, AppError> {
    check_rule(app, &rule)?;
    let text = json!(rule).to_string();
    change(app, task, expected, actor, move |found| {
        found.rule.clone_from(&text);
        Ok(())
    })
    .await
}

/// Sets which levels act themselves, and after how many working days it passes by itself.
pub async fn set_relay(
    app: &App,
    task: Id,
    expected: Option<i64>,
    actor: &Actor,
    relay: Relay,
) -> Result<Task, AppError> {
    let known = |level: &i64| (3..=4).contains(level);
    if !relay.waits.iter().all(known) || !relay.passes_after.iter().all(|(l, days)| known(l) && (1..=60).contains(days))
    {
        return Err(AppError::invalid("relay", "tasks-relay-range"));
    }
    let text = json!(relay).to_string();
    change(app, task, expected, actor, move |found| {
        found.relay.clone_from(&text);
        Ok(())
    })
    .await
}

/// One example of a rule with what came out, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// what the example is about, a text key
    pub name: &'static str,
    /// who gets it, or why nobody does
    pub outcome: Result<String, String>,
}

/// Refuses a rule that does not compile or is at fault in an example; the fault names line and column.
pub fn check_rule(app: &App, rule: &Rule) -> Result<Vec<Example>, AppError> {
    let refuse = |fault: &rule_engine::RuleError| {
        AppError::Invalid(vec![
            Fault::new("rule", "tasks-rule-fault")
                .with("line", fault.line.to_string())
                .with("column", fault.column.to_string())
                .with("why", fault.message(rule_engine::Lang::ZhCn)),
        ])
    };
    let compiled = app.rules.compile(rule, Hook::Dispatch).map_err(|fault| refuse(&fault))?;
    let mut examples = Vec::new();
    for (name, input) in super::examples::inputs() {
        let decision = rule_engine::decide(&compiled, &input, &mut rule_engine::LoadBook::default());
        let outcome = match decision.outcome {
            rule_engine::Outcome::Held(given) => {
                let name = input.candidates.all().iter().find(|c| c.id == given.holder.id()).map(|c| c.name.clone());
                Ok(name.unwrap_or_default())
            }
            rule_engine::Outcome::Orphan(orphan) => {
                if let Some(fault) = orphan.fault() {
                    return Err(refuse(fault));
                }
                Err(orphan.message(rule_engine::Lang::ZhCn))
            }
        };
        examples.push(Example { name, outcome });
    }
    Ok(examples)
}
