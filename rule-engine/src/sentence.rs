//! A sentence as a page shows it: text and blanks in reading order.

use serde::{Deserialize, Serialize};

use crate::messages::{self, Lang};
use crate::rule::{Action, Comparison, Condition, Level, Literal, Sentence, Source, Whom};

/// What an author may choose from, given by the caller in the reader's language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Tags and posts: key and label.
    #[serde(default)]
    pub tags: Vec<Choice>,
    /// Fields of the item and the subject that a condition may compare.
    #[serde(default)]
    pub fields: Vec<FieldChoice>,
}

/// One option of a blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is posted.
    pub value: String,
    /// What is shown.
    pub label: String,
}

impl Choice {
    /// A choice from borrowed text.
    pub fn new(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned() }
    }
}

/// One field that a condition may compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChoice {
    /// Whose: item or subject.
    pub of: Source,
    /// Its key.
    pub key: String,
    /// Its label.
    pub label: String,
    /// What it holds, which decides how a posted value is read.
    pub kind: FieldKind,
}

impl FieldChoice {
    /// What the blank posts: `subject.living_alone`.
    pub fn value(&self) -> String {
        posted_field(self.of, &self.key)
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text, a code or an ISO date.
    Text,
    /// Whole numbers.
    Number,
    /// Yes or no.
    Flag,
}

/// A piece of the sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// Fixed words.
    Text {
        /// The words.
        text: String,
    },
    /// Something to fill in.
    Blank(Blank),
}

/// A blank, in a form a control of that `name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blank {
    /// Name of the control; the same names are read by [`Sentence::from_form`].
    pub name: String,
    /// Label for those who hear the page.
    pub label: String,
    /// What is filled in now; empty: nothing.
    pub value: String,
    /// How it is filled in.
    pub kind: BlankKind,
}

/// How a blank is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum BlankKind {
    /// One of these.
    Select {
        /// In order; an empty value means “none”.
        options: Vec<Choice>,
    },
    /// A whole number, or empty.
    Number {
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
    },
    /// Free text.
    Text,
}

pub(crate) fn posted_field(of: Source, key: &str) -> String {
    format!("{}.{key}", of.key())
}

impl Sentence {
    /// The sentence with all its blanks, those of the condition and of “otherwise” included,
    /// empty where it has none. A value that is no longer offered stays among the options, so that
    /// opening a page changes nothing.
    pub fn render(&self, lang: Lang, choices: &Choices) -> Vec<Part> {
        let mut parts = vec![text(lang.pick("如果", "If "))];
        let when = self.when.as_ref();
        parts.push(field_blank(when, lang, choices));
        parts.push(text(lang.pick("", " ")));
        parts.push(comparison_blank(when, lang));
        parts.push(text(lang.pick("", " ")));
        parts.push(Part::Blank(Blank {
            name: "if_value".to_owned(),
            label: lang.pick("比较的值", "value").to_owned(),
            value: when.and_then(|when| when.value.as_ref()).map(posted_value).unwrap_or_default(),
            kind: BlankKind::Text,
        }));
        parts.push(text(lang.pick("，每收到一份，派给", ", give each item to the ")));
        parts.extend(action_blanks("", Some(&self.then), lang, choices));
        parts.push(text(lang.pick("；否则派给", "; otherwise to the ")));
        parts.extend(action_blanks("else_", self.otherwise.as_ref(), lang, choices));
        parts.push(text(lang.pick("。", ".")));
        parts.retain(|part| !matches!(part, Part::Text { text } if text.is_empty()));
        parts
    }

    /// The sentence in words, without the blanks it does not use.
    pub fn text(&self, lang: Lang, choices: &Choices) -> String {
        let then = action_text(&self.then, lang, choices);
        let mut out = match &self.when {
            Some(when) => {
                let when = condition_text(when, lang, choices);
                match lang {
                    Lang::ZhCn => format!("如果{when}，每收到一份，派给{then}"),
                    Lang::En => format!("If {when}, give each item to the {then}"),
                }
            }
            None => format!("{}{then}", lang.pick("每收到一份，派给", "Give each item to the ")),
        };
        if let Some(other) = &self.otherwise {
            out.push_str(lang.pick("；否则派给", "; otherwise to the "));
            out.push_str(&action_text(other, lang, choices));
        }
        out + lang.pick("。", ".")
    }
}

fn text(words: &str) -> Part {
    Part::Text { text: words.to_owned() }
}

fn select(name: String, label: &str, value: String, mut options: Vec<Choice>) -> Part {
    if !options.iter().any(|option| option.value == value) {
        options.push(Choice::new(&value, &value));
    }
    Part::Blank(Blank { name, label: label.to_owned(), value, kind: BlankKind::Select { options } })
}

fn field_blank(when: Option<&Condition>, lang: Lang, choices: &Choices) -> Part {
    let mut options = vec![Choice::new("", lang.pick("（不限）", "(any)"))];
    options.extend(choices.fields.iter().map(|field| Choice::new(&field.value(), &field.label)));
    let value = when.map(|when| posted_field(when.of, &when.field)).unwrap_or_default();
    select("if_field".to_owned(), lang.pick("属性", "attribute"), value, options)
}

fn comparison_blank(when: Option<&Condition>, lang: Lang) -> Part {
    let options = Comparison::ALL
        .into_iter()
        .map(|comparison| Choice::new(comparison.key(), comparison_label(comparison, lang)))
        .collect();
    let value = when.map_or(Comparison::Equal, |when| when.is).key().to_owned();
    select("if_is".to_owned(), lang.pick("比较", "comparison"), value, options)
}

fn action_blanks(prefix: &str, action: Option<&Action>, lang: Lang, choices: &Choices) -> Vec<Part> {
    let none = || Choice::new("", lang.pick("（不派）", "(nobody)"));
    let optional = !prefix.is_empty();
    let mut levels: Vec<Choice> = optional.then(none).into_iter().collect();
    levels.extend(Level::ALL.map(|l| Choice::new(l.key(), &messages::level(l.key(), lang))));
    let mut whom: Vec<Choice> = optional.then(none).into_iter().collect();
    whom.push(Choice::new("organization", whom_label(&Whom::Organization, lang, choices).as_str()));
    whom.push(Choice::new("least_load", whom_label(&Whom::LeastLoad, lang, choices).as_str()));
    whom.extend(choices.tags.iter().map(|tag| Choice::new(&format!("tag:{}", tag.value), &tag.label)));
    let level = action.map(|action| action.level.key().to_owned()).unwrap_or_default();
    let value = action.map(|action| posted_whom(&action.whom)).unwrap_or_default();
    let days = action.and_then(|action| action.working_days).map(|days| days.to_string());
    vec![
        select(format!("{prefix}level"), lang.pick("哪一级", "level"), level, levels),
        text(lang.pick("的", "'s ")),
        select(format!("{prefix}whom"), lang.pick("派给谁", "whom"), value, whom),
        text(lang.pick("，", ", ")),
        Part::Blank(Blank {
            name: format!("{prefix}days"),
            label: lang.pick("工作日数", "working days").to_owned(),
            value: days.unwrap_or_default(),
            kind: BlankKind::Number { min: 1, max: crate::dispatch::MAX_DAYS },
        }),
        text(lang.pick("个工作日办结", " working days to finish")),
    ]
}

fn posted_whom(whom: &Whom) -> String {
    match whom {
        Whom::Organization => "organization".to_owned(),
        Whom::LeastLoad => "least_load".to_owned(),
        Whom::Tag { tag } => format!("tag:{tag}"),
    }
}

fn posted_value(value: &Literal) -> String {
    match value {
        Literal::Flag(flag) => (if *flag { "yes" } else { "no" }).to_owned(),
        Literal::Number(number) => number.to_string(),
        Literal::Text(text) => text.clone(),
    }
}

fn whom_label(whom: &Whom, lang: Lang, choices: &Choices) -> String {
    match whom {
        Whom::Organization => lang.pick("管理单位", "governing organization").to_owned(),
        Whom::LeastLoad => lang.pick("手上最少的工作人员", "staff member who holds least").to_owned(),
        Whom::Tag { tag } => choices
            .tags
            .iter()
            .find(|choice| choice.value == *tag)
            .map_or_else(|| messages::tag(tag, lang), |choice| choice.label.clone()),
    }
}

fn action_text(action: &Action, lang: Lang, choices: &Choices) -> String {
    let level = messages::level(action.level.key(), lang);
    let whom = whom_label(&action.whom, lang, choices);
    match (lang, action.working_days) {
        (Lang::ZhCn, Some(days)) => format!("{level}的{whom}，{days} 个工作日办结"),
        (Lang::ZhCn, None) => format!("{level}的{whom}"),
        (Lang::En, Some(1)) => format!("{level}'s {whom}, 1 working day to finish"),
        (Lang::En, Some(days)) => format!("{level}'s {whom}, {days} working days to finish"),
        (Lang::En, None) => format!("{level}'s {whom}"),
    }
}

fn condition_text(when: &Condition, lang: Lang, choices: &Choices) -> String {
    let field = choices.fields.iter().find(|field| field.of == when.of && field.key == when.field);
    let field = field.map_or(when.field.as_str(), |field| field.label.as_str());
    let value = when.value.as_ref().map(|value| match value {
        Literal::Flag(true) => lang.pick("是", "yes").to_owned(),
        Literal::Flag(false) => lang.pick("否", "no").to_owned(),
        other => posted_value(other),
    });
    let is = comparison_label(when.is, lang);
    match (lang, value) {
        (Lang::ZhCn, value) => format!("{field}{is}{}", value.unwrap_or_default()),
        (Lang::En, Some(value)) => format!("{field} {is} {value}"),
        (Lang::En, None) => format!("{field} {is}"),
    }
}

fn comparison_label(comparison: Comparison, lang: Lang) -> &'static str {
    match comparison {
        Comparison::Equal => lang.pick("等于", "is"),
        Comparison::NotEqual => lang.pick("不等于", "is not"),
        Comparison::Greater => lang.pick("大于", "is more than"),
        Comparison::AtLeast => lang.pick("大于或等于", "is at least"),
        Comparison::Less => lang.pick("小于", "is less than"),
        Comparison::AtMost => lang.pick("小于或等于", "is at most"),
        Comparison::Contains => lang.pick("包含", "contains"),
        Comparison::Empty => lang.pick("为空", "is empty"),
        Comparison::Filled => lang.pick("不为空", "is filled"),
    }
}
