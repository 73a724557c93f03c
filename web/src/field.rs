//! One question of a form as the page shows it.

use serde::Serialize;

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    #[default]
    Text,
    /// Several lines.
    LongText,
    /// Whole number.
    Integer,
    /// Decimal number.
    Decimal,
    /// Civil date, `2026-11-23` or `20261123`.
    Date,
    /// One of a few, as cards.
    SingleChoice,
    /// Any of a few, as cards.
    MultiChoice,
    /// Yes or no.
    YesNo,
    /// Phone number.
    Phone,
    /// 18-digit citizen number (GB 11643-1999).
    CitizenNumber,
    /// One of many, as a drop-down list.
    Select,
    /// Password.
    Password,
    /// One file to upload.
    File,
    /// A place, chosen from the tree.
    Place,
    /// Only shown: computed, or not the filler's to change. Never posted.
    Shown,
    /// Not shown, posted back.
    Hidden,
}

/// One answer that can be chosen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Choice {
    /// Value posted.
    pub value: String,
    /// What the reader sees.
    pub label: String,
    /// A second line, when one is needed.
    pub hint: Option<String>,
    /// As [`Field::when`], for this choice alone.
    pub when: Option<String>,
}

impl Choice {
    /// A choice without a second line.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: None, when: None }
    }
}

/// What is already known of a question, shown instead of asking.
#[derive(Debug, Clone, Serialize)]
pub struct Known {
    /// The value in words, masked where it must be.
    pub text: String,
    /// Where it comes from: "2026-10-28 独居老人走访，王强".
    pub source: Option<String>,
}

/// One question, ready for the `field` macro of `parts/form.html`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Field {
    /// Name posted; also the end of the element's id (`f-<name>`).
    pub name: String,
    /// How it is answered.
    pub kind: FieldKind,
    /// The question.
    pub label: String,
    /// Help under the question.
    pub hint: Option<String>,
    /// What is wrong and what to do.
    pub error: Option<String>,
    /// The present answer, as posted; for a masked secret always empty.
    pub value: String,
    /// The present answers of a multiple choice.
    pub values: Vec<String>,
    /// What can be chosen.
    pub options: Vec<Choice>,
    /// Whether an answer is needed.
    pub required: bool,
    /// Whether it is only shown.
    pub read_only: bool,
    /// Unit behind a number: 元, m².
    pub unit: Option<String>,
    /// Longest text, in characters.
    pub max_length: Option<u32>,
    /// `autocomplete` token (HTML standard), where a browser may help.
    pub autocomplete: Option<String>,
    /// What is known already.
    pub known: Option<Known>,
    /// JSON list of `{"field", "equals": [posted values]}` that must all hold; the
    /// script hides the question until they do. Without script it is always shown
    /// with `when_text`, and the server decides.
    pub when: Option<String>,
    /// The condition in words.
    pub when_text: Option<String>,
    /// The `inputmode`, where the kind alone does not say it.
    pub inputmode: Option<&'static str>,
    /// Never kept in the browser's draft (numbers of identity, phones, passwords).
    pub secret: bool,
}

impl Field {
    /// A question of a kind; the rest is empty.
    pub fn new(kind: FieldKind, name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind,
            label: label.into(),
            secret: matches!(kind, FieldKind::CitizenNumber | FieldKind::Phone | FieldKind::Password),
            ..Self::default()
        }
    }
}
