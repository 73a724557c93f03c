//! A form laid out for a template: everything as ready text in the reader's
//! language, nothing left to decide but markup.

mod condition;
mod field;

use jiff::civil::Date;
use serde::Serialize;

pub use condition::{Condition, simple_conditions};
pub use field::{FieldView, KnownView, OptionView};

use crate::controls::Widget;
use crate::message::{FieldMessage, Severity};
use crate::validate::{Context, validate};
use crate::{CompiledForm, Known, Lang, Map};

/// A whole form.
#[derive(Clone, Debug, Serialize)]
pub struct FormView {
    /// Key of the form.
    pub id: String,
    /// Title.
    pub title: String,
    /// What the filler reads first; empty when there is nothing.
    pub intro: String,
    /// BCP 47 tag of the texts.
    pub lang: &'static str,
    /// Parts of the page.
    pub sections: Vec<SectionView>,
    /// Every error, to stand above the form with a link to its field.
    pub errors: Vec<ErrorView>,
    /// Visible fields that are asked.
    pub asked: usize,
    /// Visible fields that are known and only shown.
    pub known: usize,
    /// 没有变化 may be offered: something is known, and what is required is
    /// known or has a default. Submit [`CompiledForm::defaults`] with it.
    pub can_confirm_all: bool,
    /// Estimated minutes, when the maker gave them.
    pub minutes: Option<u32>,
}

/// One part of the page.
#[derive(Clone, Debug, Serialize)]
pub struct SectionView {
    /// Its key.
    pub key: String,
    /// Heading; empty when there is none.
    pub title: String,
    /// Text under the heading.
    pub intro: String,
    /// Its fields, hidden ones included (see [`FieldView::visible`]).
    pub fields: Vec<FieldView>,
}

/// One line of the error summary.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorView {
    /// Element id to link to; empty when it is about no field of the page.
    pub id: String,
    /// Label of the field.
    pub label: String,
    /// What to do.
    pub text: String,
}

/// Lays a form out.
///
/// `answers` is what was posted before (raw; empty for a new page) and
/// `messages` what [`validate`] said about it. A secret that was posted is
/// shown again only beside an error, so that it can be corrected.
pub fn form_view(
    form: &CompiledForm,
    known: &Known,
    answers: &Map,
    messages: &[FieldMessage],
    lang: Lang,
    today: Date,
) -> FormView {
    let state = validate(form, answers, known, Context { today });
    let defaults = &if answers.is_empty() { form.defaults(today) } else { Map::new() };
    let maker = field::Maker {
        defaults,
        scope: field::scope(form, &state, today),
        form,
        known,
        answers,
        messages,
        state: &state,
        lang,
        today,
    };
    let sections: Vec<SectionView> = form
        .sections()
        .map(|(section, fields)| SectionView {
            key: section.key.clone(),
            title: section.title.get(lang).to_owned(),
            intro: section.intro.get(lang).to_owned(),
            fields: fields.into_iter().map(|f| maker.field(f)).collect(),
        })
        .collect();
    let errors = messages
        .iter()
        .filter(|m| m.severity == Severity::Error)
        .map(|m| ErrorView {
            id: form.field(&m.field).map_or_else(String::new, field::anchor),
            label: m.label.get(lang).to_owned(),
            text: m.text(lang),
        })
        .collect();
    let all = || sections.iter().flat_map(|s| &s.fields).filter(|f| f.visible);
    let asked = all().filter(|f| f.asked).count();
    let known_count = all().filter(|f| f.known.is_some() && !f.asked).count();
    // A default (the visit is today) needs nobody to be asked.
    let missing = all().any(|f| f.required && f.asked && f.known.is_none() && !defaults.contains_key(&f.name));
    FormView {
        id: form.definition().id.clone(),
        title: form.definition().title.get(lang).to_owned(),
        intro: form.definition().intro.get(lang).to_owned(),
        lang: lang.tag(),
        errors,
        asked,
        known: known_count,
        can_confirm_all: form.definition().settings.no_change && all().any(|f| f.known.is_some()) && !missing,
        minutes: form.definition().settings.minutes,
        sections,
    }
}

impl FormView {
    /// The fields, whatever their section.
    pub fn fields(&self) -> impl Iterator<Item = &FieldView> {
        self.sections.iter().flat_map(|s| &s.fields)
    }

    /// Does any visible field need the place picker?
    pub fn has_place_picker(&self) -> bool {
        self.fields().any(|f| f.widget == Widget::PlacePicker)
    }
}
