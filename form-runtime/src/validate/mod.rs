//! Judging what was posted. The server always decides: whatever a browser
//! checked is checked again here.

mod run;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::Value;

use crate::controls::is_blank;
use crate::message::{FieldMessage, Message, MessageKey, Severity};
use crate::{CompiledField, CompiledForm, Known, Map};

/// What validation cannot know by itself.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Today in the installation's zone.
    pub today: Date,
}

/// The outcome of [`validate`].
#[derive(Clone, Debug, Default)]
pub struct Validated {
    /// Canonical answers of the visible fields, posted and known together.
    pub normalized: Map,
    /// Keys that the person answered, with a value that could be read.
    pub said: BTreeSet<String>,
    /// Keys that the person emptied although a value was known.
    pub cleared: BTreeSet<String>,
    /// What must be put right, in the order of the fields.
    pub errors: Vec<FieldMessage>,
    /// What is only pointed out (warnings and infos).
    pub warnings: Vec<FieldMessage>,
    /// Whether each field is visible.
    pub visible: BTreeMap<String, bool>,
}

impl Validated {
    /// Nothing stands in the way.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The first error at a field.
    pub fn error_of(&self, field: &str) -> Option<&FieldMessage> {
        self.errors.iter().find(|m| m.field == field)
    }
}

/// Validates posted answers (by field key; text as a browser or a sheet gives
/// it, or canonical JSON) merged with what the page showed.
///
/// - An absent answer leaves the known value unchanged; so do an empty answer
///   and the mask itself at a secret field. An empty answer at another known
///   field clears it.
/// - A hidden field's answer is dropped; required counts only while visible.
pub fn validate(form: &CompiledForm, answers: &Map, known: &Known, ctx: Context) -> Validated {
    run::Run::new(form, answers, known, ctx).finish()
}

/// Reads one answer through the field's control.
///
/// # Errors
/// What to tell the person.
pub fn read_answer(field: &CompiledField, raw: &Value, ctx: Context) -> Result<Option<Value>, FieldMessage> {
    if is_blank(raw) {
        return Ok(None);
    }
    let read = field.control.read(raw, &field.options, ctx.today);
    read.map(Some).map_err(|message| at_field(field, message, Severity::Error))
}

/// Puts a message at a field. The value of a secret never goes into one.
pub(crate) fn at_field(field: &CompiledField, message: Message, severity: Severity) -> FieldMessage {
    FieldMessage {
        field: field.key().to_owned(),
        key: message.key,
        args: message.args,
        severity,
        label: field.label().clone(),
        custom: None,
    }
}

/// The message of an answer under a key that the form does not have.
pub(crate) fn unknown_field(key: &str) -> FieldMessage {
    let message = Message::new(MessageKey::UnknownField).arg("now", key);
    FieldMessage {
        field: key.to_owned(),
        key: message.key,
        args: message.args,
        severity: Severity::Error,
        label: crate::Text::zh(key),
        custom: None,
    }
}
