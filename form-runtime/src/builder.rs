//! A form as a list of drafts, for the plain server-rendered builder: every
//! edit is a pure function of the posted drafts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::controls::{self, Kind};
use crate::definition::{Binding, ChoiceDefinition, FieldDefinition, FormDefinition};
use crate::model::{AttributeRef, Class, is_key};
use crate::{Fault, Lang, Model, Text};

/// One field as the builder's page posts it. Texts are what was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FieldDraft {
    /// Stable key; given by [`add`] and never changed by an edit.
    pub key: String,
    /// Key of the control.
    pub control: String,
    /// Chinese label.
    pub label: String,
    /// English label; may be empty.
    pub label_en: String,
    /// Chinese hint; may be empty.
    pub hint: String,
    /// Must be answered.
    pub required: bool,
    /// A date that begins as the day of filling.
    pub today: bool,
    /// Binding as text; empty for unbound.
    pub bind: String,
    /// Options, one a line.
    pub choices: String,
    /// Key of the field it depends on; empty for always visible.
    pub when_field: String,
    /// The value that field must have.
    pub when_value: String,
}

/// Adds a field at the end, with a free key.
pub fn add(drafts: &mut Vec<FieldDraft>, control: &str) -> usize {
    // One of `len + 1` numbers is free.
    let mut number = drafts.len() + 1;
    while drafts.iter().any(|d| d.key == format!("field_{number}")) {
        number += 1;
    }
    let key = format!("field_{number}");
    drafts.push(FieldDraft { key, control: control.into(), ..FieldDraft::default() });
    drafts.len() - 1
}

/// Adds a field for an attribute of the subject: its name, control, options
/// and binding follow from the model. `None` when no control fits it.
pub fn add_attribute(drafts: &mut Vec<FieldDraft>, model: &Model, at: &AttributeRef) -> Option<usize> {
    let attribute = model.attribute(at)?;
    let control = control_for(model, at)?;
    let index = add(drafts, control);
    let free = is_key(&attribute.key) && !drafts.iter().any(|d| d.key == attribute.key);
    let draft = &mut drafts[index];
    if free {
        draft.key.clone_from(&attribute.key);
    }
    draft.label.clone_from(&attribute.zh);
    attribute.name(Lang::En).clone_into(&mut draft.label_en);
    let owner = if at.class == Class::Event { "event" } else { "subject" };
    draft.bind = format!("{owner}.{at}");
    Some(index)
}

/// The control that the model suggests for an attribute.
pub fn control_for(model: &Model, at: &AttributeRef) -> Option<&'static str> {
    let attribute = model.attribute(at)?;
    if at.class == Class::Person && at.key == "name" {
        return Some("person_name");
    }
    if attribute.class.is_some_and(|class| class != Class::Place) {
        return None;
    }
    let wanted = if attribute.many && attribute.code_list.is_some() { Kind::List } else { Kind::Text };
    // A control made for the datatype before one that merely takes it.
    let made_for = |c: &dyn controls::Control| c.datatypes().first() == Some(&attribute.datatype);
    let takes = |c: &dyn controls::Control| c.datatypes().contains(&attribute.datatype);
    let all = || controls::ALL.iter().copied();
    all()
        .find(|c| made_for(*c) && c.kind() == wanted)
        .or_else(|| all().find(|c| made_for(*c)))
        .or_else(|| all().find(|c| takes(*c)))
        .map(controls::Control::key)
}

/// Removes a field and every condition that named it.
pub fn remove(drafts: &mut Vec<FieldDraft>, key: &str) {
    drafts.retain(|d| d.key != key);
    for draft in drafts.iter_mut().filter(|d| d.when_field == key) {
        draft.when_field.clear();
        draft.when_value.clear();
    }
}

/// Moves a field up (negative) or down; stops at the ends.
pub fn move_by(drafts: &mut Vec<FieldDraft>, key: &str, by: isize) {
    let Some(from) = drafts.iter().position(|d| d.key == key) else {
        return;
    };
    let to = from.saturating_add_signed(by).min(drafts.len() - 1);
    let draft = drafts.remove(from);
    drafts.insert(to, draft);
}

/// Changes the control; a binding that no longer fits is dropped.
pub fn change_control(drafts: &mut [FieldDraft], key: &str, control: &str, model: &Model) {
    let Some(found) = controls::control(control) else {
        return;
    };
    for draft in drafts.iter_mut().filter(|d| d.key == key) {
        found.key().clone_into(&mut draft.control);
        let bind: Option<Binding> = draft.bind.parse().ok();
        let attribute = bind.as_ref().and_then(|b| model.attribute(&b.attribute));
        if attribute.is_none_or(|a| !found.datatypes().contains(&a.datatype)) {
            draft.bind.clear();
        }
    }
}

/// The definition that the drafts describe, to be checked before publishing.
///
/// # Errors
/// Bindings that cannot be read, at `/fields/N/bind`.
pub fn to_definition(id: &str, title: Text, drafts: &[FieldDraft]) -> Result<FormDefinition, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fields = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let bind = match draft.bind.trim() {
            "" => None,
            text => match text.parse::<Binding>() {
                Ok(bind) => Some(bind),
                Err(error) => {
                    faults.push(Fault::new(
                        format!("/fields/{index}/bind"),
                        format!("绑定“{text}”写得不对，例如 subject.person.name"),
                        error,
                    ));
                    None
                }
            },
        };
        let visible = (!draft.when_field.is_empty()).then(|| condition(drafts, draft));
        fields.push(FieldDefinition {
            key: draft.key.clone(),
            control: draft.control.clone(),
            label: Text::both(draft.label.trim(), draft.label_en.trim()),
            hint: if draft.hint.trim().is_empty() { Text::default() } else { Text::zh(draft.hint.trim()) },
            bind,
            required: draft.required.then_some(Value::Bool(true)),
            visible,
            default: (draft.today && kind_of(draft) == Some(Kind::Date)).then(|| json!({ "today": [] })),
            choices: choices(draft),
            ..FieldDefinition::default()
        });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(FormDefinition { id: id.into(), title, fields, ..FormDefinition::default() })
}

fn kind_of(draft: &FieldDraft) -> Option<Kind> {
    controls::control(&draft.control).map(controls::Control::kind)
}

/// A field that one other field shows.
fn condition(drafts: &[FieldDraft], draft: &FieldDraft) -> Value {
    let var = json!({ "var": draft.when_field });
    let other = drafts.iter().find(|d| d.key == draft.when_field);
    let kind = other.and_then(kind_of);
    let value = draft.when_value.trim();
    match kind {
        Some(Kind::Boolean) => {
            let yes = !matches!(value, "false" | "否" | "no" | "0");
            json!({ "==": [var, yes] })
        }
        Some(Kind::List) => json!({ "any_in": [var, [value]] }),
        Some(Kind::Number) => {
            json!({ "==": [var, value.parse::<i64>().map_or(Value::Null, Value::from)] })
        }
        Some(Kind::Date) => json!({ "==": [var, { "date": value }] }),
        _ => json!({ "==": [var, value] }),
    }
}

/// One option a line; `value=label` where the stored value is another.
fn choices(draft: &FieldDraft) -> Vec<ChoiceDefinition> {
    let lines = draft.choices.lines().map(str::trim).filter(|l| !l.is_empty());
    lines
        .map(|line| {
            let (value, label) = line.split_once('=').unwrap_or((line, line));
            ChoiceDefinition { value: value.trim().into(), label: Text::zh(label.trim()), when: None }
        })
        .collect()
}

/// The drafts of a definition that the plain builder can show. `None` when it
/// holds more than a draft can (other logic, checks, sections, bounds): editing
/// it here would lose something.
pub fn from_definition(definition: &FormDefinition) -> Option<Vec<FieldDraft>> {
    let drafts: Vec<FieldDraft> = definition.fields.iter().map(draft_of).collect();
    let again = to_definition(&definition.id, definition.title.clone(), &drafts).ok()?;
    let again = FormDefinition {
        intro: definition.intro.clone(),
        subject: definition.subject,
        settings: definition.settings.clone(),
        ..again
    };
    (again == *definition).then_some(drafts)
}

fn draft_of(field: &FieldDefinition) -> FieldDraft {
    let lines = field.choices.iter().map(|c| match c.label.get(Lang::ZhCn) {
        label if label == c.value => label.to_owned(),
        label => format!("{}={label}", c.value),
    });
    let (when_field, when_value) = field.visible.as_ref().and_then(simple).unwrap_or_default();
    FieldDraft {
        key: field.key.clone(),
        control: field.control.clone(),
        label: field.label.get(Lang::ZhCn).to_owned(),
        label_en: field.label.exact(Lang::En).unwrap_or_default().to_owned(),
        hint: field.hint.get(Lang::ZhCn).to_owned(),
        required: field.required == Some(Value::Bool(true)),
        today: field.default == Some(json!({ "today": [] })),
        bind: field.bind.as_ref().map(ToString::to_string).unwrap_or_default(),
        choices: lines.collect::<Vec<_>>().join("\n"),
        when_field,
        when_value,
    }
}

fn simple(visible: &Value) -> Option<(String, String)> {
    let args = visible.get("==").or_else(|| visible.get("any_in"))?;
    let field = args.get(0)?.get("var")?.as_str()?;
    let value = match args.get(1)? {
        Value::Array(items) => items.first()?.as_str()?.to_owned(),
        Value::Object(date) => date.get("date")?.as_str()?.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some((field.to_owned(), value))
}
