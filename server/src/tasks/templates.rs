//! What the first step of a new task offers (任务模板): form, shape, rule and measures in one click.
//!
//! An application brings them; the rows hold what they need, so that nothing is looked up later but the
//! newest version of the form.

use rule_engine::Rule;
use web::LangMap;

use super::create::Draft;
use super::model::Relay;
use crate::args;
use crate::forms;
use crate::measures::Measures;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::Id;

/// Columns of `task_template`.
const TASK_TEMPLATE: Shape = Shape {
    table: "task_template",
    columns: &[
        "app_key",
        "title",
        "form_id",
        "shape",
        "rule",
        "measures",
        "relay",
        "working_days",
        "ledger_id",
        "state",
    ],
    key: &["app_key"],
};

const LIST: &str = "SELECT app_key, title, form_id, shape, rule, measures, relay, working_days, ledger_id FROM task_template \
     WHERE state = 'open' ORDER BY app_key LIMIT 200";
const RETIRE: &str = "UPDATE task_template SET state = 'retired' WHERE app_key = $1";

/// Every statement of this file, for the prepare test.
pub const STATEMENTS: &[&str] = &[LIST, RETIRE];

/// A template as an application brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// `app/key`
    pub key: String,
    /// the task's title, by language
    pub title: LangMap,
    /// the form
    pub form_id: Id,
    /// [`super::TaskShape`] by key
    pub shape: String,
    /// dispatch rule; none for the usual one
    pub rule: Option<Rule>,
    /// what is counted; nothing declared for the usual ones
    pub measures: Measures,
    /// which levels act themselves
    pub relay: Relay,
    /// working days for an item
    pub working_days: Option<i64>,
    /// where its persons usually come from
    pub ledger: Option<Id>,
}

/// A template with the newest version of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTemplate {
    /// what it says
    pub template: Template,
    /// the version a new task fills
    pub form_version_id: Id,
}

impl Template {
    /// Gives a new task what the template says beyond its first step.
    pub fn begin(self, draft: &mut Draft, rule: &mut Rule, relay: &mut Relay) {
        draft.app_key = Some(self.key);
        if !self.measures.declared.is_empty() {
            draft.measures = self.measures;
        }
        if let Some(own) = self.rule {
            *rule = own;
        }
        *relay = self.relay;
    }
}

type Row = (String, String, Id, String, String, String, String, Option<i64>, Option<Id>);

/// The templates on offer; one whose form has no version is left out.
pub async fn list(conn: &mut impl Exec) -> Result<Vec<TaskTemplate>, StoreError> {
    let mut templates = Vec::new();
    for (key, title, form_id, shape, rule, measures, relay, working_days, ledger) in
        conn.all::<Row>(LIST, vec![]).await?
    {
        let Some(version) = forms::store::latest(conn, form_id).await? else { continue };
        let template = Template {
            key,
            title: serde_json::from_str(&title)?,
            form_id,
            shape,
            rule: if rule.is_empty() { None } else { Some(serde_json::from_str(&rule)?) },
            measures: Measures::parse(&measures)?,
            relay: serde_json::from_str(&relay)?,
            working_days,
            ledger,
        };
        templates.push(TaskTemplate { template, form_version_id: version.id });
    }
    Ok(templates)
}

/// A template on offer by key.
pub async fn find(conn: &mut impl Exec, key: &str) -> Result<Option<TaskTemplate>, StoreError> {
    Ok(list(conn).await?.into_iter().find(|one| one.template.key == key))
}

/// Keeps templates, over what is there under the same keys.
pub async fn save(tx: &mut impl Exec, templates: &[Template]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(templates.len());
    for template in templates {
        rows.push(args![
            &template.key,
            serde_json::to_string(&template.title)?,
            template.form_id,
            &template.shape,
            template.rule.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default(),
            template.measures.text(),
            serde_json::to_string(&template.relay)?,
            template.working_days,
            template.ledger,
            "open",
        ]);
    }
    TASK_TEMPLATE.write(tx, rows, OnKey::Replace).await.map(|_| ())
}

/// Takes a template out of the list; tasks made from it stay.
pub async fn retire(tx: &mut impl Exec, key: &str) -> Result<(), StoreError> {
    tx.execute(RETIRE, args![key]).await.map(|_| ())
}
