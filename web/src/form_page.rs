//! A published form, laid out by form-runtime, as the `form_body` macro draws it.

use form_runtime::controls::Widget;
use form_runtime::view::{FieldView, FormView, OptionView};
use serde::Serialize;

use crate::{Choice, Field, FieldKind, Known};

/// One line of the summary of errors.
#[derive(Debug, Clone, Serialize)]
pub struct FieldError {
    /// Field it is about; `None` for the form as a whole.
    pub name: Option<String>,
    /// What to do.
    pub text: String,
}

/// One part of the page.
#[derive(Debug, Clone, Serialize)]
pub struct FormSection {
    /// Heading; empty when there is none.
    pub title: String,
    /// Text under it; empty when there is none.
    pub intro: String,
    /// Its questions.
    pub fields: Vec<Field>,
}

/// A form ready to be drawn.
#[derive(Debug, Clone, Serialize)]
pub struct FormPage {
    /// Title in the reader's language.
    pub title: String,
    /// Text under the title; empty when there is none.
    pub intro: String,
    /// Its parts.
    pub sections: Vec<FormSection>,
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// How many questions are asked.
    pub asked: usize,
    /// How many are known and not asked.
    pub known: usize,
    /// Whether 没有变化 may be offered.
    pub can_confirm_all: bool,
}

impl From<&FormView> for FormPage {
    fn from(view: &FormView) -> Self {
        let name_of = |id: &str| {
            let all = view.sections.iter().flat_map(|section| &section.fields);
            all.into_iter()
                .find(|field| id == field.id || id.strip_suffix("-0") == Some(&field.id))
                .map(|field| field.name.clone())
        };
        Self {
            title: view.title.clone(),
            intro: view.intro.clone(),
            sections: view
                .sections
                .iter()
                .map(|section| FormSection {
                    title: section.title.clone(),
                    intro: section.intro.clone(),
                    fields: section.fields.iter().filter_map(question).collect(),
                })
                .filter(|section| !section.fields.is_empty())
                .collect(),
            errors: view
                .errors
                .iter()
                .map(|error| FieldError { name: name_of(&error.id), text: error.text.clone() })
                .collect(),
            asked: view.asked,
            known: view.known,
            can_confirm_all: view.can_confirm_all,
        }
    }
}

/// The question, or `None` when it is hidden and only the server could open it.
fn question(view: &FieldView) -> Option<Field> {
    if !view.visible && view.when.is_none() {
        return None;
    }
    let selected: Vec<&OptionView> = view.options.iter().filter(|o| o.selected).collect();
    let kind = kind(view);
    let (value, values) = match kind {
        FieldKind::MultiChoice => (String::new(), selected.iter().map(|o| o.value.clone()).collect()),
        FieldKind::SingleChoice | FieldKind::YesNo | FieldKind::Select => {
            (selected.first().map(|o| o.value.clone()).unwrap_or_default(), Vec::new())
        }
        FieldKind::Shown => (shown(view, &selected), Vec::new()),
        _ => (view.value.clone(), Vec::new()),
    };
    let known = view.known.as_ref().filter(|_| !view.asked && kind != FieldKind::Shown);
    Some(Field {
        kind,
        value,
        values,
        label: view.label.clone(),
        name: view.name.clone(),
        hint: filled(&view.hint).or_else(|| view.warning.clone()),
        error: view.error.clone(),
        options: view.options.iter().filter_map(choice).collect(),
        required: view.required,
        read_only: view.readonly,
        unit: filled(&view.unit),
        max_length: view.maxlength,
        autocomplete: view.autocomplete.map(str::to_owned),
        known: known.map(|known| Known {
            text: known.text.clone(),
            source: filled([known.since.as_str(), known.source.as_str()].join(" ").trim()),
        }),
        when: view.when.clone(),
        when_text: view.when_text.clone(),
        inputmode: view.inputmode,
        secret: view.secret,
    })
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn kind(view: &FieldView) -> FieldKind {
    if view.readonly || view.computed {
        return FieldKind::Shown;
    }
    match view.widget {
        Widget::Textarea => FieldKind::LongText,
        Widget::YesNo => FieldKind::YesNo,
        Widget::Date => FieldKind::Date,
        Widget::Radio => FieldKind::SingleChoice,
        Widget::Select => FieldKind::Select,
        Widget::Checkboxes => FieldKind::MultiChoice,
        Widget::PlacePicker => FieldKind::Place,
        Widget::Input => match view.control {
            "phone" => FieldKind::Phone,
            "citizen_number" => FieldKind::CitizenNumber,
            _ => FieldKind::Text,
        },
    }
}

/// What a field says that is only shown.
fn shown(view: &FieldView, selected: &[&OptionView]) -> String {
    match &view.known {
        Some(known) => known.text.clone(),
        None if selected.is_empty() => view.value.clone(),
        None => {
            let labels: Vec<&str> = selected.iter().map(|o| o.label.as_str()).collect();
            labels.join("、")
        }
    }
}

/// A choice that is on offer, or that the script may bring onto offer.
fn choice(option: &OptionView) -> Option<Choice> {
    (option.offered || option.when.is_some()).then(|| Choice {
        value: option.value.clone(),
        label: option.label.clone(),
        hint: None,
        when: option.when.clone(),
    })
}
