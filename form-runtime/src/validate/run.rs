//! One run of validation: fields in the order of their logic, then what needs
//! all of them.

use serde_json::Value;

use super::{Context, Validated, at_field, read_answer, unknown_field};
use crate::controls::is_blank;
use crate::logic::{Expr, Scope, Val};
use crate::message::{FieldMessage, Message, MessageKey, Severity};
use crate::{CompiledField, CompiledForm, Known, Map};

/// Most messages about answers under unknown keys.
const MAX_UNKNOWN: usize = 20;

pub(super) struct Run<'a> {
    form: &'a CompiledForm,
    answers: &'a Map,
    known: &'a Known,
    ctx: Context,
    scope: Scope,
    out: Validated,
}

impl<'a> Run<'a> {
    pub(super) fn new(form: &'a CompiledForm, answers: &'a Map, known: &'a Known, ctx: Context) -> Self {
        let scope = Scope { values: std::collections::BTreeMap::new(), today: ctx.today };
        Self { form, answers, known, ctx, scope, out: Validated::default() }
    }

    pub(super) fn finish(mut self) -> Validated {
        let strange = self.answers.keys().filter(|key| self.form.field(key).is_none());
        self.out.errors.extend(strange.take(MAX_UNKNOWN).map(|key| unknown_field(key)));
        for field in self.form.in_order() {
            self.field(field);
        }
        for field in self.form.fields() {
            if self.out.visible.get(field.key()) == Some(&true) {
                self.whole(field);
            }
        }
        self.schema();
        self.sort();
        self.out
    }

    /// Visibility, value, normalization of one field.
    fn field(&mut self, field: &CompiledField) {
        let key = field.key();
        let visible = field.visible.as_ref().is_none_or(|expr| self.holds(expr, field));
        self.out.visible.insert(key.to_owned(), visible);
        if !visible {
            return;
        }
        let value = match &field.computed {
            Some(expr) => self.computed(expr, field),
            None => self.answered(field),
        };
        if let Some(value) = value {
            let val = Val::read(&value, field.control.kind());
            self.scope.values.insert(key.to_owned(), val);
            self.out.normalized.insert(key.to_owned(), value);
        }
    }

    fn computed(&mut self, expr: &Expr, field: &CompiledField) -> Option<Value> {
        match expr.eval(&self.scope) {
            Ok(Val::Null) => None,
            // A computed value is as strict as a typed one (bounds, length).
            Ok(value) => match read_answer(field, &from_logic(field, &value), self.ctx) {
                Ok(value) => value,
                Err(message) => {
                    self.out.errors.push(message);
                    None
                }
            },
            Err(_) => {
                self.push(field, MessageKey::CheckFailed.into(), Severity::Warning);
                None
            }
        }
    }

    fn answered(&mut self, field: &CompiledField) -> Option<Value> {
        let key = field.key();
        let fact = self.known.get(key);
        let shown = || self.known.value(key).cloned();
        let raw = match self.answers.get(key) {
            None | Some(Value::Null) => return shown(),
            Some(raw) => raw,
        };
        if let Some(fact) = fact {
            // A mask never travels back: it, or nothing, means unchanged.
            let is_mask = raw.as_str().is_some_and(|t| Some(t.trim()) == fact.mask.as_deref());
            if is_mask || (field.secret && is_blank(raw)) {
                return shown();
            }
        }
        match read_answer(field, raw, self.ctx) {
            Ok(None) => {
                if fact.is_some() {
                    self.out.cleared.insert(key.to_owned());
                }
                None
            }
            Ok(Some(value)) => {
                self.out.said.insert(key.to_owned());
                Some(value)
            }
            Err(message) => {
                self.out.errors.push(message);
                None
            }
        }
    }

    /// What needs the answers of all fields: required, readonly, offered
    /// options, checks.
    fn whole(&mut self, field: &CompiledField) {
        let key = field.key();
        let readonly = field.readonly.as_ref().is_some_and(|expr| self.holds(expr, field));
        let value = self.out.normalized.get(key).cloned();
        let changed =
            self.out.cleared.contains(key) || (self.out.said.contains(key) && value.as_ref() != self.known.value(key));
        if readonly && changed {
            self.push(field, MessageKey::ReadOnly.into(), Severity::Error);
        }
        let failed = self.out.error_of(key).is_some();
        let masked = value.is_none()
            && !self.out.cleared.contains(key)
            && self.known.get(key).is_some_and(|f| f.value.is_none());
        if value.is_none() && !masked && !failed && field.computed.is_none() {
            let required = field.required.as_ref().is_some_and(|expr| self.holds(expr, field));
            if required {
                let message =
                    if field.options.choices.is_empty() { MessageKey::Required } else { MessageKey::RequiredChoice };
                self.push(field, message.into(), Severity::Error);
            }
        }
        if let Some(value) = value.filter(|_| self.out.said.contains(key)) {
            self.offered(field, &value);
        }
        for check in &field.checks {
            match check.test.eval(&self.scope) {
                Ok(Val::Bool(false)) => {
                    let message = at_field(field, MessageKey::Check.into(), check.severity);
                    let custom = Some(check.message.clone());
                    self.keep(FieldMessage { custom, ..message });
                }
                Ok(_) => {}
                Err(_) => self.push(field, MessageKey::CheckFailed.into(), Severity::Warning),
            }
        }
    }

    /// Were all chosen options on offer, given the other answers?
    fn offered(&mut self, field: &CompiledField, value: &Value) {
        let chosen = match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        };
        for (choice, when) in field.options.choices.iter().zip(&field.choice_when) {
            let Some(when) = when.as_ref().filter(|_| chosen.contains(&choice.value.as_str())) else {
                continue;
            };
            if !self.holds(when, field) {
                let label = choice.label.get(crate::Lang::ZhCn);
                let message = Message::new(MessageKey::ChoiceClosed).arg("now", label);
                self.push(field, message, Severity::Error);
            }
        }
    }

    /// The schema is the last word: it catches what a control let through and
    /// what a known value breaks (a pattern or an option of a newer version).
    fn schema(&mut self) {
        let whole = Value::Object(self.out.normalized.clone());
        for error in self.form.validator().errors(&whole) {
            let Some(field) = error.field().and_then(|f| self.form.field(f)) else {
                continue;
            };
            // Required is judged above, where visibility and masks are known.
            if error.keyword == "required" || self.out.error_of(field.key()).is_some() {
                continue;
            }
            let key = match error.keyword.as_str() {
                "pattern" => MessageKey::Pattern,
                "enum" => MessageKey::RequiredChoice,
                _ => MessageKey::Schema,
            };
            self.push(field, key.into(), Severity::Error);
        }
    }

    fn holds(&mut self, expr: &Expr, field: &CompiledField) -> bool {
        expr.holds(&self.scope).unwrap_or_else(|_| {
            self.push(field, MessageKey::CheckFailed.into(), Severity::Warning);
            false
        })
    }

    fn push(&mut self, field: &CompiledField, message: Message, severity: Severity) {
        self.keep(at_field(field, message, severity));
    }

    fn keep(&mut self, message: FieldMessage) {
        let list = if message.severity == Severity::Error { &mut self.out.errors } else { &mut self.out.warnings };
        if !list.contains(&message) {
            list.push(message);
        }
    }

    /// Messages in the order of the page, so that the first is the first seen.
    fn sort(&mut self) {
        let place = |m: &FieldMessage| self.form.fields().iter().position(|f| f.key() == m.field).unwrap_or(usize::MAX);
        self.out.errors.sort_by_key(place);
        self.out.warnings.sort_by_key(place);
    }
}

/// A computed value as the control reads it; money is computed in fen.
fn from_logic(field: &CompiledField, value: &Val) -> Value {
    let json = value.to_json();
    match (field.control.key(), json.as_i64()) {
        ("money", Some(_)) => Value::String(field.control.input_value(&json)),
        _ => json,
    }
}
