//! The rows of tasks and the closed lists behind their texts.

use std::collections::BTreeMap;

use rule_engine::Rule;
use serde::{Deserialize, Serialize};

use crate::measures::{Contribution, Measures, Standing};
use crate::platform::database::StoreError;
use crate::platform::ids::Id;

/// A task as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Task {
    /// its id, the topic of its live board
    pub id: Id,
    /// application it was made from, `app/key`
    pub app_key: Option<String>,
    /// as people see it
    pub title: String,
    /// [`TaskShape`] by key
    pub shape: String,
    /// class of its subjects
    pub class: String,
    /// the published form that is filled
    pub form_version_id: Id,
    /// who demands it
    pub issuer_organization: Id,
    /// in which post it was made
    pub issuer_post: Option<Id>,
    /// the place whose subtree it concerns
    pub root_place: Id,
    /// `draft`, `dispatching`, `running`, `ended`
    pub state: String,
    /// dispatch rule, JSON of [`Rule`]
    pub rule: String,
    /// declared measures, JSON of [`Measures`]
    pub measures: String,
    /// JSON of [`Relay`]
    pub relay: String,
    /// where its rows came from, for people: `sheet`, `ledger`, `units`
    pub source: String,
    /// working days an item has, when the rule says nothing
    pub working_days: Option<i64>,
    /// the latest due instant
    pub deadline_at: Option<i64>,
    /// the release being written
    pub release: i64,
    /// the release that people see
    pub published_release: i64,
    /// instant
    pub created_at: i64,
    /// instant of the first published release
    pub dispatched_at: Option<i64>,
    /// instant
    pub ended_at: Option<i64>,
    /// grows with every edit
    pub version: i64,
}

impl Task {
    /// The dispatch rule.
    pub fn rule(&self) -> Result<Rule, StoreError> {
        Ok(serde_json::from_str(&self.rule)?)
    }

    /// The measures.
    pub fn measures(&self) -> Result<Measures, StoreError> {
        Measures::parse(&self.measures)
    }

    /// How each level passes it on.
    pub fn relay(&self) -> Result<Relay, StoreError> {
        if self.relay.is_empty() { Ok(Relay::default()) } else { Ok(serde_json::from_str(&self.relay)?) }
    }

    /// Its shape.
    pub fn shape(&self) -> TaskShape {
        TaskShape::from_key(&self.shape).unwrap_or(TaskShape::Listed)
    }
}

/// What a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskShape {
    /// 清单: the subjects are given
    Listed,
    /// 摸排: each unit finds its subjects and certifies their number
    Discovery,
    /// 报表: each unit answers once
    UnitReturn,
}

impl TaskShape {
    /// In the order a page offers them.
    pub const ALL: [Self; 3] = [Self::Listed, Self::Discovery, Self::UnitReturn];

    /// Stable key.
    pub fn key(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Discovery => "discovery",
            Self::UnitReturn => "unit_return",
        }
    }

    /// By key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.key() == key)
    }
}

/// How each level of the chain passes a task on: straight through, or by the unit's own act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// levels (3 district, 4 township, 5 community) whose unit passes its part on itself
    #[serde(default)]
    pub waits: Vec<i64>,
    /// working days after which a waiting part passes by itself
    #[serde(default)]
    pub passes_after: BTreeMap<i64, i64>,
}

impl Relay {
    /// Whether the unit at this level acts itself.
    pub fn waits_at(&self, level: i64) -> bool {
        self.waits.contains(&level)
    }
}

/// One unit's share of a task.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Assignment {
    /// the task
    pub task_id: Id,
    /// its id, a function of task and organization
    pub id: Id,
    /// the giver's assignment; none at the issuer
    pub parent_id: Option<Id>,
    /// who received it
    pub organization_id: Id,
    /// the place it is about
    pub place_id: Id,
    /// level of that place
    pub level: i64,
    /// `pass` or `wait`
    pub mode: String,
    /// `waiting` (the unit must pass it on), `passed`, `held` (the last of its chain)
    pub state: String,
    /// items that came in, ever: from above and returned from below counts apart
    pub received: i64,
    /// items handed down and not come back
    pub passed_down: i64,
    /// items given back upwards, ever
    pub returned_up: i64,
    /// when it passes by itself
    pub passes_at: Option<i64>,
    /// latest due
    pub due_at: Option<i64>,
    /// the release that made it
    pub release: i64,
    /// instant
    pub created_at: i64,
    /// grows with every change
    pub version: i64,
}

/// One subject of a task, held by one organization and perhaps one person.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Item {
    /// shard of its place
    pub shard: i64,
    /// its id
    pub id: Id,
    /// the task
    pub task_id: Id,
    /// the assignment that holds it
    pub assignment_id: Id,
    /// the release it came with
    pub release: i64,
    /// place in the list of its task
    pub position: i64,
    /// class of the subject
    pub subject_class: String,
    /// shard of the subject
    pub subject_shard: Option<i64>,
    /// the subject
    pub subject_id: Option<Id>,
    /// its name, for lists
    pub label: String,
    /// community, or a higher place
    pub place_id: Id,
    /// door, if known
    pub premises_id: Option<Id>,
    /// who holds it
    pub holder_organization: Id,
    /// which post; none is 待认领
    pub holder_post: Option<Id>,
    /// [`ItemState`] by key
    pub state: String,
    /// why it is where it is (returned, void proposed, nobody takes it)
    pub reason: Option<String>,
    /// instant
    pub due_at: Option<i64>,
    /// what the subject's sheet said, by form field; secrets as ciphertext
    pub sheet: String,
    /// JSON of [`crate::measures::Contribution`] as last counted
    pub contribution: String,
    /// the unit's item under which it was found (discovery)
    pub parent_item_id: Option<Id>,
    /// the submission that ended it
    pub submission_id: Option<Id>,
    /// number certified by the unit (discovery)
    pub certified: Option<i64>,
    /// whether the visit found a change
    pub changed: Option<bool>,
    /// instant
    pub created_at: i64,
    /// instant of the last movement or change of state
    pub moved_at: i64,
    /// instant of its end
    pub done_at: Option<i64>,
    /// movements it has had; the last one's `seq`
    pub moves: i64,
    /// grows with every change
    pub version: i64,
}

impl Item {
    /// What it is counted for, for a delta.
    pub fn counted(&self) -> Result<Contribution, StoreError> {
        Ok(Contribution::parse(&self.contribution)?.standing(&self.standing()))
    }

    /// What says whether it is open work.
    pub fn standing(&self) -> Standing<'_> {
        let claimed = self.holder_post.is_some();
        Standing { state: &self.state, claimed, due_at: self.due_at, moved_at: self.moved_at }
    }
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// to be done
    Open,
    /// submitted, looked at by the unit
    Review,
    /// back with its holder, fields named
    Correction,
    /// the level above must confirm that it falls away
    VoidProposed,
    /// 已办
    Done,
    /// 免办
    Waived,
    /// 无效
    Void,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Review, Self::Correction, Self::VoidProposed, Self::Done, Self::Waived, Self::Void];

    /// Stable key, also the name of its built-in measure.
    pub fn key(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Review => "review",
            Self::Correction => "correction",
            Self::VoidProposed => "void_proposed",
            Self::Done => "done",
            Self::Waived => "waived",
            Self::Void => "void",
        }
    }

    /// By key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Whether work on it is over.
    pub fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Waived | Self::Void)
    }
}

/// One subject before it is an item.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TaskRow {
    /// the task
    pub task_id: Id,
    /// 1, 2, 3 …
    pub position: i64,
    /// row of the uploaded sheet, 0 where there is none
    pub source_row: i64,
    /// shard of the subject
    pub subject_shard: Option<i64>,
    /// the subject
    pub subject_id: Option<Id>,
    /// where it is
    pub place_id: Option<Id>,
    /// name
    pub label: String,
    /// answers of its sheet by form field; secrets as ciphertext
    pub sheet: String,
    /// text key of what is wrong with it, if it cannot be dispatched
    pub fault: Option<String>,
}
