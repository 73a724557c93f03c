//! What a rule is made of: its typed tree. Rhai is generated from it.

use serde::{Deserialize, Serialize};

/// A rule as it is stored in a task or an application folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Where its text comes from.
    pub source: RuleSource,
}

/// The source of a rule. All but `Expert` generate their Rhai; all are run the same way.
///
/// As JSON: `{"form": "sentence", "then": {"level": "community", ...}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum RuleSource {
    /// One of the ready-made rules, with its parameters.
    Ready(Ready),
    /// A sentence with blanks.
    Sentence(Sentence),
    /// A table: the first row whose conditions all hold decides.
    Table(DecisionTable),
    /// Rhai typed by an expert. There is no way back to a typed tree.
    Expert {
        /// The text: one function named after the hook, and helpers of its own.
        rhai: String,
    },
}

/// Ready-made rules, by `name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ready {
    /// Dispatch to the organization governing the place at a level.
    Governing {
        /// Which place of the chain.
        level: Level,
        /// Days to finish in; absent: the task's deadline alone.
        #[serde(default)]
        working_days: Option<u32>,
    },
    /// Dispatch to whoever of the level's staff holds least, perhaps only those with a tag.
    LeastLoad {
        /// Which place of the chain.
        level: Level,
        /// Only holders of this tag or post.
        #[serde(default)]
        tag: Option<String>,
        /// Days to finish in.
        #[serde(default)]
        working_days: Option<u32>,
    },
    /// Dispatch to the holder of a tag or post; of several, the one who holds least.
    Tag {
        /// Which place of the chain.
        level: Level,
        /// The tag or post title.
        tag: String,
        /// Days to finish in.
        #[serde(default)]
        working_days: Option<u32>,
    },
    /// Split by the value of an attribute.
    GroupBy {
        /// Whose attribute: the subject's or the task's.
        of: Source,
        /// Key of the attribute.
        field: String,
        /// Group of the subjects where it is missing; absent: they have none.
        #[serde(default)]
        otherwise: Option<String>,
    },
    /// Measures: what one item contributes.
    Measures {
        /// One line a measure; several lines of one measure add up.
        measures: Vec<MeasureRule>,
    },
    /// Indicators shown from totals.
    Indicators {
        /// One line an indicator.
        indicators: Vec<IndicatorRule>,
    },
}

/// One line of the ready-made measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureRule {
    /// Name of a declared measure.
    pub measure: String,
    /// All must hold; none: always.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// What it contributes.
    pub amount: Amount,
}

/// How much a measure line contributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// A fixed whole number, usually 1, in the measure's smallest unit.
    Fixed(i64),
    /// The number in a field, brought to the measure's smallest unit.
    Field {
        /// Whose field.
        of: Source,
        /// Key of the field.
        field: String,
        /// Decimals of the smallest unit: 2 turns 12.5 yuan into 1250 fen.
        #[serde(default)]
        scale: u8,
    },
}

/// One line of the ready-made indicators: a total, or a share in percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicatorRule {
    /// Name of the indicator.
    pub indicator: String,
    /// The total shown.
    pub total: String,
    /// With this: `total` as a share of this total.
    #[serde(default)]
    pub share_of: Option<String>,
}

/// 「如果…，每收到一份，派给【所在社区】的【网格员】，【3 个工作日】办结；否则…」
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// The condition clause, if the sentence has one.
    #[serde(default)]
    pub when: Option<Condition>,
    /// What happens with each item, or with those that meet the condition.
    pub then: Action,
    /// What happens with the others; absent: nobody gets them and the dry run lists them.
    #[serde(default)]
    pub otherwise: Option<Action>,
}

/// Rows of conditions and actions; the first row that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionTable {
    /// At most 50.
    pub rows: Vec<TableRow>,
    /// What happens where no row fits; absent: nobody gets the item.
    #[serde(default)]
    pub otherwise: Option<Action>,
}

/// One row of a decision table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// All must hold; at most 8.
    pub when: Vec<Condition>,
    /// What then happens.
    pub then: Action,
}

/// Whom an item goes to, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Which place of the item's chain.
    pub level: Level,
    /// Whom there.
    pub whom: Whom,
    /// 1 to 250; absent: the task's own deadline.
    #[serde(default)]
    pub working_days: Option<u32>,
}

/// Levels at which work can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 社区、村
    Community,
    /// 街道、乡镇
    Township,
    /// 区、县
    District,
    /// 市
    City,
}

impl Level {
    /// All levels, from the resident upwards.
    pub const ALL: [Self; 4] = [Self::Community, Self::Township, Self::District, Self::City];

    /// The key used in [`crate::ChainPlace::level`] and in Rhai.
    pub fn key(self) -> &'static str {
        match self {
            Self::Community => "community",
            Self::Township => "township",
            Self::District => "district",
            Self::City => "city",
        }
    }

    /// The level with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.key() == key)
    }
}

/// Whom at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Whom {
    /// The governing organization itself: the item waits to be claimed.
    Organization,
    /// Who bears a tag or holds a post; of several the one who holds least.
    Tag {
        /// Tag key or post title.
        tag: String,
    },
    /// Of all staff there, the one who holds least.
    LeastLoad,
}

/// One comparison of a field with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Whose field.
    pub of: Source,
    /// Key of the field.
    pub field: String,
    /// How it is compared.
    pub is: Comparison,
    /// With what; left out for `empty` and `filled`.
    #[serde(default)]
    pub value: Option<Literal>,
}

/// The records a hook may read; which of them depends on the hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The item: row of the uploaded sheet, state.
    Item,
    /// The subject's current record.
    Subject,
    /// The task.
    Task,
    /// What was answered in the form.
    Answers,
}

impl Source {
    /// The parameter's name in Rhai.
    pub fn key(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Subject => "subject",
            Self::Task => "task",
            Self::Answers => "answers",
        }
    }

    /// The source with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Item, Self::Subject, Self::Task, Self::Answers].into_iter().find(|s| s.key() == key)
    }
}

/// How a field is compared. Values of different types are never equal and never ordered;
/// dates are text in ISO form, which orders rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// 等于
    Equal,
    /// 不等于
    NotEqual,
    /// 大于
    Greater,
    /// 大于或等于
    AtLeast,
    /// 小于
    Less,
    /// 小于或等于
    AtMost,
    /// Text contains the value, or a list has it.
    Contains,
    /// Missing, blank or an empty list.
    Empty,
    /// Not empty.
    Filled,
}

impl Comparison {
    /// All comparisons in the order a page offers them.
    pub const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::AtLeast,
        Self::Less,
        Self::AtMost,
        Self::Contains,
        Self::Empty,
        Self::Filled,
    ];

    /// Its key in a posted form and in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::NotEqual => "not_equal",
            Self::Greater => "greater",
            Self::AtLeast => "at_least",
            Self::Less => "less",
            Self::AtMost => "at_most",
            Self::Contains => "contains",
            Self::Empty => "empty",
            Self::Filled => "filled",
        }
    }

    /// The comparison with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.key() == key)
    }

    /// Whether it compares with a value at all.
    pub fn takes_value(self) -> bool {
        !matches!(self, Self::Empty | Self::Filled)
    }
}

/// A value written in a condition. Decimals are compared by expert rules only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    /// 是 or 否
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text, a code or an ISO date.
    Text(String),
}
