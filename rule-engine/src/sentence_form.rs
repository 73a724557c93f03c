//! A sentence from the blanks that a form posted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dispatch::MAX_DAYS;
use crate::messages::{self, Lang};
use crate::rule::{Action, Comparison, Condition, Level, Literal, Sentence, Whom};
use crate::sentence::{Choices, FieldKind};

/// Characters of a value compared with.
const MAX_VALUE: usize = 200;

/// What is wrong with one posted blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Name of the blank.
    pub field: String,
    /// Key of the message.
    pub message_key: String,
}

impl FieldError {
    fn new(field: impl Into<String>, key: &str) -> Self {
        Self { field: field.into(), message_key: key.to_owned() }
    }

    /// What to do, in the reader's language.
    pub fn message(&self, lang: Lang) -> String {
        messages::text(&self.message_key, &BTreeMap::new(), lang)
    }
}

impl Sentence {
    /// Reads `level`, `whom`, `days`, `if_field`, `if_is`, `if_value`, `else_level`, `else_whom`,
    /// `else_days`; names it does not know are ignored. All faults are reported at once. Without
    /// `if_field` there is no condition; without `else_level` and `else_whom` no “otherwise”.
    pub fn from_form(form: &BTreeMap<String, String>, choices: &Choices) -> Result<Self, Vec<FieldError>> {
        let mut errors = vec![];
        let form = Form { posted: form, choices };
        let when = form.condition().unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let then = form.action("", &mut errors);
        let wanted = ["else_level", "else_whom", "else_days"].iter().any(|n| !form.get(n).is_empty());
        let otherwise = if wanted { form.action("else_", &mut errors) } else { None };
        if wanted && form.get("if_field").is_empty() {
            errors.push(FieldError::new("if_field", "form-else"));
        }
        match then {
            Some(then) if errors.is_empty() => Ok(Self { when, then, otherwise }),
            _ => Err(errors),
        }
    }
}

struct Form<'a> {
    posted: &'a BTreeMap<String, String>,
    choices: &'a Choices,
}

impl Form<'_> {
    fn get(&self, name: &str) -> &str {
        self.posted.get(name).map_or("", |value| value.trim())
    }

    fn action(&self, prefix: &str, errors: &mut Vec<FieldError>) -> Option<Action> {
        let name = |blank: &str| format!("{prefix}{blank}");
        let level = Level::from_key(self.get(&name("level")));
        if level.is_none() {
            errors.push(FieldError::new(name("level"), "form-level"));
        }
        let whom = self.whom(&name("whom"));
        if whom.is_none() {
            errors.push(FieldError::new(name("whom"), "form-whom"));
        }
        let days = days(self.get(&name("days")));
        if days.is_err() {
            errors.push(FieldError::new(name("days"), "form-days"));
        }
        Some(Action { level: level?, whom: whom?, working_days: days.ok()? })
    }

    fn whom(&self, name: &str) -> Option<Whom> {
        match self.get(name) {
            "organization" => Some(Whom::Organization),
            "least_load" => Some(Whom::LeastLoad),
            other => {
                let tag = other.strip_prefix("tag:")?;
                let known = self.choices.tags.iter().any(|choice| choice.value == tag);
                known.then(|| Whom::Tag { tag: tag.to_owned() })
            }
        }
    }

    fn condition(&self) -> Result<Option<Condition>, FieldError> {
        let posted = self.get("if_field");
        if posted.is_empty() {
            return Ok(None);
        }
        let field = self
            .choices
            .fields
            .iter()
            .find(|field| field.value() == posted)
            .ok_or_else(|| FieldError::new("if_field", "form-field"))?;
        let is = Comparison::from_key(self.get("if_is")).ok_or_else(|| FieldError::new("if_is", "form-comparison"))?;
        let ordered = is.takes_value() && !matches!(is, Comparison::Equal | Comparison::NotEqual);
        if field.kind == FieldKind::Flag && ordered {
            return Err(FieldError::new("if_is", "form-flag-order"));
        }
        let value = if is.takes_value() { Some(self.value(field.kind)?) } else { None };
        Ok(Some(Condition { of: field.of, field: field.key.clone(), is, value }))
    }

    fn value(&self, kind: FieldKind) -> Result<Literal, FieldError> {
        let posted = self.get("if_value");
        let fault = |key| Err(FieldError::new("if_value", key));
        if posted.is_empty() || posted.chars().count() > MAX_VALUE {
            return fault("form-value");
        }
        match kind {
            FieldKind::Text => Ok(Literal::Text(posted.to_owned())),
            FieldKind::Number => {
                half_width(posted).parse().map_or_else(|_| fault("form-number"), |number| Ok(Literal::Number(number)))
            }
            FieldKind::Flag => match posted {
                "yes" | "是" | "true" => Ok(Literal::Flag(true)),
                "no" | "否" | "false" => Ok(Literal::Flag(false)),
                _ => fault("form-flag"),
            },
        }
    }
}

/// Empty or `none`: no limit of its own. `Err`: not a number of days.
fn days(posted: &str) -> Result<Option<u32>, ()> {
    if matches!(posted, "" | "none") {
        return Ok(None);
    }
    let days = half_width(posted).parse().map_err(|_| ())?;
    if (1..=MAX_DAYS).contains(&days) { Ok(Some(days)) } else { Err(()) }
}

/// Digits typed with a Chinese keyboard count as digits.
fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '０'..='９' => char::from(b'0' + (c as u32 - '０' as u32) as u8),
            '－' => '-',
            other => other,
        })
        .collect()
}
