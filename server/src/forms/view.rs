//! The builder's page in words.

use form_runtime::builder::{self, FieldDraft};
use form_runtime::{Class, FormDefinition, Lang, Model, controls};
use web::pages::forms::{DraftField, FormEdit, VersionRow};
use web::{Choice, Field, FieldError, FieldKind};

use super::publish::{content_hash, obstacles};
use super::store::{self, Form};
use super::{edit, lang_map, language, to_text};
use crate::access::Viewer;
use crate::app::App;
use crate::error::{AppError, Fault};

/// Faults as lines of a summary.
pub fn said(viewer: &Viewer, faults: &[form_runtime::Fault]) -> Vec<FieldError> {
    let zh = viewer.lang == web::Lang::ZhCn;
    let text = |fault: &form_runtime::Fault| if zh { &fault.message } else { &fault.message_en }.clone();
    faults.iter().map(|fault| FieldError { name: None, text: text(fault) }).collect()
}

/// Field messages as lines of a summary.
pub fn errors(viewer: &Viewer, faults: &[Fault]) -> Vec<FieldError> {
    faults.iter().map(|fault| FieldError { name: None, text: fault.text(viewer.lang) }).collect()
}

/// The title in the viewer's language.
pub fn title(viewer: &Viewer, form: &Form) -> String {
    viewer.lang.pick(&lang_map(&to_text(&form.title))).to_owned()
}

/// The builder; `open` is the field that was just touched.
pub async fn edit_page(
    app: &App,
    viewer: &Viewer,
    form: &Form,
    open: &str,
    errors: Vec<FieldError>,
) -> Result<FormEdit, AppError> {
    let definition = edit::definition(form)?;
    let versions = store::versions(&mut app.read(), form.id).await?;
    let drafts = edit::drafts(&definition);
    let href = format!("/forms/{}", form.id);
    let may_edit = edit::may_edit(app, viewer, form);
    Ok(FormEdit {
        title: title(viewer, form),
        version: form.version,
        state: viewer.text(&format!("forms-state-{}", form.state), &[]),
        may_edit,
        plain: drafts.is_some(),
        unpublished: versions.first().is_none_or(|latest| latest.content_hash != content_hash(&definition)),
        settings: settings(viewer, &definition),
        fields: drafts.map(|drafts| fields(viewer, &drafts, &href, open)).unwrap_or_default(),
        controls: controls::ALL.iter().map(|c| Choice::new(c.key(), c.name(language(viewer.lang)))).collect(),
        attributes: if may_edit { attributes(viewer, definition.subject) } else { Vec::new() },
        obstacles: said(viewer, &obstacles(&definition)),
        errors,
        versions: versions
            .iter()
            .map(|row| VersionRow {
                title: viewer.text("forms-version", &[("n", row.number.into())]),
                at: app.clock.minute_text(row.published_at),
                href: format!("{href}/preview?version={}", row.number),
            })
            .collect(),
        href,
    })
}

fn input(kind: FieldKind, name: &str, label: String, value: &str) -> Field {
    Field { value: value.to_owned(), ..Field::new(kind, name, label) }
}

fn settings(viewer: &Viewer, definition: &FormDefinition) -> Vec<Field> {
    let say = |key: &str| viewer.text(key, &[]);
    let mut title = input(FieldKind::Text, "title", say("forms-title-label"), definition.title.get(Lang::ZhCn));
    title.required = true;
    let minutes = definition.settings.minutes.map(|n| n.to_string()).unwrap_or_default();
    vec![
        title,
        input(FieldKind::Text, "title_en", say("forms-title-en"), definition.title.exact(Lang::En).unwrap_or_default()),
        input(FieldKind::LongText, "intro", say("forms-intro"), definition.intro.get(Lang::ZhCn)),
        input(FieldKind::Integer, "minutes", say("forms-minutes-input"), &minutes),
    ]
}

fn fields(viewer: &Viewer, drafts: &[FieldDraft], href: &str, open: &str) -> Vec<DraftField> {
    let model = Model::shipped();
    let lang = language(viewer.lang);
    let label = |draft: &FieldDraft| if draft.label.is_empty() { draft.key.clone() } else { draft.label.clone() };
    let last = drafts.len().saturating_sub(1);
    drafts
        .iter()
        .enumerate()
        .map(|(index, draft)| {
            let bound = draft.bind.parse::<form_runtime::definition::Binding>().ok();
            let bound = bound.and_then(|bind| Some(model.attribute(&bind.attribute)?.name(lang).to_owned()));
            let other = drafts.iter().find(|other| other.key == draft.when_field);
            DraftField {
                key: draft.key.clone(),
                label: label(draft),
                control: controls::control(&draft.control).map_or(String::new(), |c| c.name(lang).to_owned()),
                required: draft.required,
                bound,
                when: other.map(|other| {
                    let value = match draft.when_value.as_str() {
                        "true" => viewer.text("common-yes", &[]),
                        "false" => viewer.text("common-no", &[]),
                        value => value.to_owned(),
                    };
                    viewer.text("forms-when", &[("label", label(other).into()), ("value", value.into())])
                }),
                action: format!("{href}/fields/{}", draft.key),
                inputs: inputs(viewer, drafts, draft),
                open: draft.key == open,
                first: index == 0,
                last: index == last,
            }
        })
        .collect()
}

fn inputs(viewer: &Viewer, drafts: &[FieldDraft], draft: &FieldDraft) -> Vec<Field> {
    let say = |key: &str| viewer.text(key, &[]);
    let lang = language(viewer.lang);
    let named = |name: &str| format!("{name}-{}", draft.key);
    let one = |kind, name: &str, label: &str, value: &str| input(kind, &named(name), say(label), value);
    let mut label = one(FieldKind::Text, "label", "forms-label", &draft.label);
    label.required = true;
    let mut control = one(FieldKind::Select, "control", "forms-control", &draft.control);
    control.options = controls::ALL.iter().map(|c| Choice::new(c.key(), c.name(lang))).collect();
    control.required = true;
    let mut required = one(FieldKind::MultiChoice, "required", "forms-required", "");
    required.options = vec![Choice::new("yes", say("forms-required-input"))];
    required.values = if draft.required { vec!["yes".into()] } else { vec![] };
    let mut all = vec![
        label,
        one(FieldKind::Text, "label_en", "forms-label-en", &draft.label_en),
        control,
        one(FieldKind::Text, "hint", "forms-hint", &draft.hint),
        required,
    ];
    if matches!(draft.control.as_str(), "choice" | "multiple_choice") {
        let mut choices = one(FieldKind::LongText, "choices", "forms-choices", &draft.choices);
        choices.hint = Some(say("forms-choices-hint"));
        all.push(choices);
    }
    if draft.control == "date" {
        let mut today = one(FieldKind::MultiChoice, "today", "forms-today", "");
        today.options = vec![Choice::new("yes", say("forms-today-input"))];
        today.values = if draft.today { vec!["yes".into()] } else { vec![] };
        all.push(today);
    }
    let mut bind = one(FieldKind::Select, "bind", "forms-bind", &draft.bind);
    bind.options = bindings(viewer, draft);
    bind.hint = Some(say("forms-bind-none"));
    let mut when = one(FieldKind::Select, "when_field", "forms-when-field", &draft.when_field);
    when.hint = Some(say("forms-when-always"));
    when.options = drafts
        .iter()
        .filter(|other| other.key != draft.key)
        .map(|other| {
            Choice::new(&other.key, viewer.text("forms-when-option", &[("label", other.label.clone().into())]))
        })
        .collect();
    let mut value = one(FieldKind::Text, "when_value", "forms-when-value", &draft.when_value);
    value.hint = Some(say("forms-when-value-hint"));
    all.extend([bind, when, value]);
    all
}

/// Attributes of people and of the event that the field's control can hold.
fn bindings(viewer: &Viewer, draft: &FieldDraft) -> Vec<Choice> {
    let Some(control) = controls::control(&draft.control) else { return Vec::new() };
    let lang = language(viewer.lang);
    let model = Model::shipped();
    let of = |class: Class, owner: &str| -> Vec<Choice> {
        model
            .attributes_of(class)
            .filter(|attribute| control.datatypes().contains(&attribute.datatype))
            .map(|attribute| Choice::new(format!("{owner}.{class}.{}", attribute.key), attribute.name(lang)))
            .collect()
    };
    let mut all = of(Class::Person, "subject");
    all.extend(of(Class::Event, "event"));
    if !draft.bind.is_empty() && !all.iter().any(|choice| choice.value == draft.bind) {
        all.insert(0, Choice::new(&draft.bind, &draft.bind));
    }
    all
}

/// Attributes that a new field can be made from: those of the subject's class (people first).
fn attributes(viewer: &Viewer, subject: Option<Class>) -> Vec<Choice> {
    let model = Model::shipped();
    let lang = language(viewer.lang);
    let class = subject.unwrap_or(Class::Person);
    model
        .attributes()
        .filter(|(at, _)| at.class == class && builder::control_for(&model, at).is_some())
        .map(|(at, attribute)| Choice::new(at.to_string(), attribute.name(lang)))
        .collect()
}
