//! One field laid out.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::Value;

use super::condition::{Condition, in_words, simple_conditions};
use crate::controls::{Options, Widget};
use crate::known::{Fact, FactState};
use crate::logic::{Expr, Scope, Val};
use crate::message::{FieldMessage, Severity};
use crate::{CompiledField, CompiledForm, Known, Lang, Map, Validated};

/// One field.
#[derive(Clone, Debug, Serialize)]
pub struct FieldView {
    /// Element id of the input (of the group, for radio buttons and boxes).
    pub id: String,
    /// Name it is posted under: the field key.
    pub name: String,
    /// Key of its control.
    pub control: &'static str,
    /// What to draw.
    pub widget: Widget,
    /// Label.
    pub label: String,
    /// Help; empty when there is none.
    pub hint: String,
    /// Unit behind the input; empty when there is none.
    pub unit: String,
    /// Must be answered.
    pub required: bool,
    /// Shown, not changed.
    pub readonly: bool,
    /// Computed: shown, never posted.
    pub computed: bool,
    /// A secret: never prefilled.
    pub secret: bool,
    /// Asked openly; otherwise `known` is shown and the input waits behind 修改.
    pub asked: bool,
    /// Visible with the present answers.
    pub visible: bool,
    /// For the attribute `data-when`: JSON list of [`Condition`]s that must all
    /// hold. `None`: always visible, or only the server can tell.
    pub when: Option<String>,
    /// The same in words, for a page without script.
    pub when_text: Option<String>,
    /// What is already known.
    pub known: Option<KnownView>,
    /// Value of the input; empty for choices and secrets.
    pub value: String,
    /// Options of choices and of yes/no.
    pub options: Vec<OptionView>,
    /// What must be put right.
    pub error: Option<String>,
    /// What is only pointed out.
    pub warning: Option<String>,
    /// The `inputmode`.
    pub inputmode: Option<&'static str>,
    /// The `autocomplete` of a page where fillers speak of themselves; a page
    /// about somebody else writes `off`.
    pub autocomplete: Option<&'static str>,
    /// The `maxlength`, when the control has one.
    pub maxlength: Option<u32>,
    /// The `min` of a date.
    pub min: Option<String>,
    /// The `max` of a date.
    pub max: Option<String>,
}

/// One option.
#[derive(Clone, Debug, Serialize)]
pub struct OptionView {
    /// Element id.
    pub id: String,
    /// Posted value.
    pub value: String,
    /// Shown label.
    pub label: String,
    /// Chosen now.
    pub selected: bool,
    /// On offer with the present answers.
    pub offered: bool,
    /// As [`FieldView::when`], for this option.
    pub when: Option<String>,
}

/// A known value as shown.
#[derive(Clone, Debug, Serialize)]
pub struct KnownView {
    /// The value, or its mask.
    pub text: String,
    /// It is a mask.
    pub masked: bool,
    /// Date it was observed, for the reader; empty when not known.
    pub since: String,
    /// Who said so; empty when not known.
    pub source: String,
    /// May it stand.
    pub state: FactState,
    /// Why it is asked again; empty when it is not.
    pub state_text: &'static str,
}

/// Everything that laying out a field needs.
pub(super) struct Maker<'a> {
    pub form: &'a CompiledForm,
    pub known: &'a Known,
    pub answers: &'a Map,
    pub messages: &'a [FieldMessage],
    pub state: &'a Validated,
    pub defaults: &'a Map,
    pub scope: Scope,
    pub lang: Lang,
    pub today: Date,
}

/// What the page's logic sees.
pub(super) fn scope(form: &CompiledForm, state: &Validated, today: Date) -> Scope {
    let values = state.normalized.iter().filter_map(|(key, value)| {
        let kind = form.field(key)?.control.kind();
        Some((key.clone(), Val::read(value, kind)))
    });
    Scope { values: values.collect(), today }
}

/// The id of a field's input.
pub(super) fn id(field: &CompiledField) -> String {
    format!("f-{}", field.key())
}

/// The id that an error links to: the first control of a group.
pub(super) fn anchor(field: &CompiledField) -> String {
    match field.control.widget(&field.options) {
        Widget::YesNo | Widget::Radio | Widget::Checkboxes => format!("{}-0", id(field)),
        _ => id(field),
    }
}

impl Maker<'_> {
    pub(super) fn field(&self, field: &CompiledField) -> FieldView {
        let key = field.key();
        let lang = self.lang;
        let (control, options) = (field.control, &field.options);
        let message = |error: bool| {
            let mine = |m: &&FieldMessage| m.field == key && (m.severity == Severity::Error) == error;
            self.messages.iter().find(mine).map(|m| m.text(lang))
        };
        let error = message(true);
        let fact = self.known.get(key);
        let answered = self.answers.contains_key(key);
        let computed = field.computed.is_some();
        let readonly = computed || self.holds(field.readonly.as_ref());
        let fresh = fact.is_some_and(|f| f.state == FactState::Fresh);
        let changed = self.state.cleared.contains(key)
            || (self.state.said.contains(key) && self.state.normalized.get(key) != self.known.value(key));
        let when = field.visible.as_ref().and_then(simple_conditions);
        let widget = control.widget(options);
        let value = self.value(field, error.is_some());
        let listed = matches!(widget, Widget::YesNo | Widget::Radio | Widget::Select | Widget::Checkboxes);
        let bound = |b: &Option<String>| {
            let day = crate::controls::date_bound(b.as_deref(), self.today);
            day.filter(|_| widget == Widget::Date).map(|d| d.to_string())
        };
        FieldView {
            id: id(field),
            name: key.to_owned(),
            control: control.key(),
            widget,
            label: field.label().get(lang).to_owned(),
            hint: field.definition.hint.get(lang).to_owned(),
            unit: self.unit(field),
            required: !computed && self.holds(field.required.as_ref()),
            readonly,
            computed,
            secret: field.secret,
            asked: !readonly && (!fresh || changed || error.is_some()),
            visible: self.state.visible.get(key).copied().unwrap_or(true),
            when_text: when.as_ref().map(|w| in_words(w, self.form, lang)),
            when: when.as_deref().map(to_attribute),
            known: fact.map(|fact| self.known_view(field, fact)),
            options: self.options(field, &value),
            value: if listed { String::new() } else { value_text(field, &value, answered) },
            error,
            warning: message(false),
            inputmode: control.inputmode(),
            autocomplete: control.autocomplete(),
            maxlength: maxlength(field, options),
            min: bound(&options.min),
            max: bound(&options.max),
        }
    }

    /// What stands in the input: the raw answer where it could not be read,
    /// else the canonical one, else what is known.
    fn value(&self, field: &CompiledField, wrong: bool) -> Value {
        let key = field.key();
        if wrong && let Some(raw) = self.answers.get(key) {
            return raw.clone();
        }
        if field.secret || self.state.cleared.contains(key) {
            return Value::Null;
        }
        self.state
            .normalized
            .get(key)
            .or_else(|| self.answers.get(key))
            .or_else(|| self.known.value(key))
            .cloned()
            .or_else(|| self.defaults.get(key).cloned())
            .unwrap_or(Value::Null)
    }

    fn options(&self, field: &CompiledField, value: &Value) -> Vec<OptionView> {
        let chosen = |option: &str| match value {
            Value::Array(items) => items.iter().any(|i| i.as_str() == Some(option)),
            Value::Bool(yes) => option == if *yes { "true" } else { "false" },
            other => other.as_str() == Some(option),
        };
        let option = |index: usize, value: &str, label: String, when: Option<&Expr>| OptionView {
            id: format!("{}-{index}", id(field)),
            value: value.to_owned(),
            label,
            selected: chosen(value),
            offered: when.is_none() || self.holds(when),
            when: when.and_then(simple_conditions).as_deref().map(to_attribute),
        };
        if field.control.widget(&field.options) == Widget::YesNo {
            let label = |yes: bool| field.control.display(&Value::Bool(yes), &Options::default(), self.lang);
            return vec![option(0, "true", label(true), None), option(1, "false", label(false), None)];
        }
        let whens = field.choice_when.iter().map(Option::as_ref);
        let choices = field.options.choices.iter().zip(whens).enumerate();
        choices.map(|(i, (c, when))| option(i, &c.value, c.label.get(self.lang).to_owned(), when)).collect()
    }

    fn known_view(&self, field: &CompiledField, fact: &Fact) -> KnownView {
        let lang = self.lang;
        let masked = field.secret || fact.value.is_none();
        let value = fact.value.as_ref().unwrap_or(&Value::Null);
        let text = match (&fact.mask, &fact.text) {
            (Some(mask), _) if masked => mask.clone(),
            (None, _) if masked => field.control.mask(value),
            (_, Some(text)) => text.clone(),
            _ => field.control.display(value, &field.options, lang),
        };
        let since = fact.since.map_or_else(String::new, |d| match lang {
            Lang::ZhCn if d.year() == self.today.year() => format!("{}月{}日", d.month(), d.day()),
            Lang::ZhCn => format!("{}年{}月{}日", d.year(), d.month(), d.day()),
            Lang::En => d.to_string(),
        });
        let state_text = match fact.state {
            FactState::Fresh => "",
            FactState::Stale => lang.pick("时间较久，请核对", "Some time ago; please check"),
            FactState::Disputed => lang.pick("说法不一，请核实", "Sources disagree; please verify"),
        };
        let source = fact.source.clone().unwrap_or_default();
        KnownView { text, masked, since, source, state: fact.state, state_text }
    }

    fn unit(&self, field: &CompiledField) -> String {
        match (field.options.unit.get(self.lang), field.control.key()) {
            ("", "money") => self.lang.pick("元", "yuan").to_owned(),
            (unit, _) => unit.to_owned(),
        }
    }

    fn holds(&self, expr: Option<&Expr>) -> bool {
        let Some(expr) = expr else { return false };
        expr.holds(&self.scope).unwrap_or(false)
    }
}

fn to_attribute(conditions: &[Condition]) -> String {
    serde_json::to_string(conditions).unwrap_or_default()
}

fn value_text(field: &CompiledField, value: &Value, answered: bool) -> String {
    match value {
        Value::Null => String::new(),
        // What could not be read stays as typed.
        Value::String(text) if answered => text.clone(),
        other => field.control.input_value(other),
    }
}

fn maxlength(field: &CompiledField, options: &Options) -> Option<u32> {
    // Numbers with separators are longer than what is stored: no limit there.
    let limit = field.control.schema(options).get("maxLength")?.as_u64()?;
    u32::try_from(limit).ok()
}
