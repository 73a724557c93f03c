//! Editing a draft: every edit replaces the whole draft of a form that nobody changed meanwhile.

use form_runtime::builder::{self, FieldDraft};
use form_runtime::{FormDefinition, Text, definition as definitions};
use serde_json::json;

use super::store::{self, Form};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::database::StoreError;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_free_id, shard_of};

/// Characters of a title.
const TITLE: usize = 60;

/// The definition of a form's draft.
pub fn definition(form: &Form) -> Result<FormDefinition, AppError> {
    definitions::parse(&form.draft)
        .map_err(|fault| AppError::Store(StoreError::Corrupt(format!("draft of form {}: {fault:?}", form.id))))
}

/// The drafts of the plain builder; none when the definition holds more than it can show.
pub fn drafts(definition: &FormDefinition) -> Option<Vec<FieldDraft>> {
    builder::from_definition(definition)
}

/// Faults of a definition as field messages; the text travels as an argument of one text key.
pub fn as_faults(faults: &[form_runtime::Fault]) -> Vec<Fault> {
    faults
        .iter()
        .map(|fault| Fault::new(&fault.pointer, "forms-fault").with("zh", &fault.message).with("en", &fault.message_en))
        .collect()
}

/// Whether the viewer may change the form.
pub fn may_edit(app: &App, viewer: &Viewer, form: &Form) -> bool {
    let place = form.organization_id.and_then(|id| app.directory().organization(id)?.place);
    viewer.may(app, Permission::FormEdit, place, form.organization_id)
}

/// A form that the viewer may read: a published one, or a draft it may change. Anything else does not
/// exist for it.
pub async fn load(app: &App, viewer: &Viewer, id: Id) -> Result<Form, AppError> {
    require_reader(viewer)?;
    let form = store::form(&mut app.read(), id).await?.ok_or(AppError::NotFound)?;
    if form.state == "published" || may_edit(app, viewer, &form) { Ok(form) } else { Err(AppError::NotFound) }
}

/// Forms are for those who make forms, tasks or channels.
pub fn require_reader(viewer: &Viewer) -> Result<(), AppError> {
    let readers = [Permission::FormEdit, Permission::TaskIssue, Permission::ChannelEdit];
    if readers.iter().any(|permission| viewer.principal.has(*permission)) {
        return Ok(());
    }
    viewer.principal.require(Permission::FormEdit)
}

/// Makes an empty form with a title, kept by the viewer's organization.
pub async fn create(app: &App, viewer: &Viewer, title: &str, title_en: &str) -> Result<Id, AppError> {
    viewer.principal.require(Permission::FormEdit)?;
    let title = title_text(title, title_en)?;
    let now = app.now();
    let id = new_free_id(now);
    let definition = FormDefinition { id: "form".into(), title: title.clone(), ..FormDefinition::default() };
    let form = Form {
        id,
        app_key: None,
        title: serde_json::to_string(&title).map_err(StoreError::from)?,
        class: String::new(),
        organization_id: viewer.principal.organization(),
        state: "draft".into(),
        draft: definition.to_json(),
        version: 1,
        created_by: viewer.principal.account(),
        created_at: now,
        updated_at: now,
    };
    if !may_edit(app, viewer, &form) {
        return Err(AppError::Forbidden);
    }
    let actor = viewer.actor();
    app.lanes
        .write(shard_of(id), Vec::new(), move |tx| {
            let (form, actor) = (form.clone(), actor.clone());
            Box::pin(async move {
                store::insert(tx, &form).await?;
                event("form.created", form.id, &actor, now, json!({})).write(tx, shard_of(form.id)).await?;
                Ok::<_, AppError>(())
            })
        })
        .await?;
    Ok(id)
}

/// A title of 1 to 60 characters, or what is wrong with it.
pub fn title_text(title: &str, title_en: &str) -> Result<Text, AppError> {
    let (title, title_en) = (title.trim(), title_en.trim());
    if title.is_empty() {
        return Err(AppError::invalid("title", "forms-title-missing"));
    }
    if title.chars().count() > TITLE || title_en.chars().count() > 2 * TITLE {
        return Err(AppError::Invalid(vec![Fault::new("title", "forms-title-long").with("limit", TITLE)]));
    }
    Ok(Text::both(title, title_en))
}

/// Stores a changed definition as the draft of `form`, which must still stand at its version.
///
/// A published form stays published: its versions do not change, the draft is the next one.
pub async fn save(app: &App, viewer: &Viewer, form: &Form, definition: &FormDefinition) -> Result<(), AppError> {
    if !may_edit(app, viewer, form) {
        return Err(AppError::Forbidden);
    }
    let text = definition.to_json();
    // What is stored must be readable again, whatever was typed.
    definitions::parse(&text).map_err(|faults| AppError::Invalid(as_faults(&faults)))?;
    let title = serde_json::to_string(&definition.title).map_err(StoreError::from)?;
    let changed = Form { title, draft: text, ..form.clone() };
    let (actor, now) = (viewer.actor(), app.now());
    app.lanes
        .write(shard_of(form.id), vec![form.id], move |tx| {
            let (form, actor) = (changed.clone(), actor.clone());
            Box::pin(async move {
                store::update_draft(tx, &form, now).await?;
                event("form.edited", form.id, &actor, now, json!({})).write(tx, shard_of(form.id)).await?;
                Ok::<_, AppError>(())
            })
        })
        .await
}

fn event(kind: &'static str, form: Id, actor: &Actor, at: i64, payload: serde_json::Value) -> Event {
    Event { kind, subject_class: "form", subject_id: Some(form), actor: actor.clone(), at, payload }
}
