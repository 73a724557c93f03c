//! Publishing: a draft becomes an immutable version.

use form_runtime::{Fault, FormDefinition, Model, check, compile};
use serde_json::json;

use super::store::{self, FORM_VERSION, Form};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::bulk::OnKey;
use crate::platform::database::{StoreError, Tx};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, new_id, shard_of};
use crate::platform::secrets::{digest, hex};

/// What publishing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `form_version.id`
    pub id: Id,
    /// 1, 2, …
    pub number: i64,
    /// false when the newest version already says exactly this
    pub new: bool,
}

/// What stands in the way of publishing: the faults of the definition, and what a published form must
/// have besides.
pub fn obstacles(definition: &FormDefinition) -> Vec<Fault> {
    let mut faults = Vec::new();
    if definition.title.is_empty() {
        faults.push(Fault::new("/title", "还没有标题，请先写上", "There is no title yet; write one"));
    }
    if definition.fields.is_empty() {
        faults.push(Fault::new(
            "/fields",
            "还没有要填的内容，请至少添加一项",
            "There is no field yet; add at least one",
        ));
    }
    for (index, field) in definition.fields.iter().enumerate() {
        if field.label.is_empty() {
            faults.push(Fault::new(
                format!("/fields/{index}/label"),
                format!("第 {} 项还没有名称，请写上", index + 1),
                format!("Field {} has no label; write one", index + 1),
            ));
        }
    }
    if faults.is_empty() {
        faults.extend(check(definition, &Model::shipped()));
    }
    faults
}

/// SHA-256 of a definition's canonical text, in hex.
pub fn content_hash(definition: &FormDefinition) -> String {
    hex(&digest(definition.to_json().as_bytes()))
}

/// Publishes the draft of `form` as it was read (its `version` must still hold). Publishing the same
/// content again makes no new version.
pub async fn publish(app: &App, form: &Form, actor: &Actor) -> Result<Version, AppError> {
    let definition = super::edit::definition(form)?;
    let faults = obstacles(&definition);
    if !faults.is_empty() {
        return Err(AppError::Invalid(super::edit::as_faults(&faults)));
    }
    let (form, actor, now) = (form.clone(), actor.clone(), app.now());
    let version = app
        .lanes
        .write(shard_of(form.id), vec![form.id], move |tx| {
            let (form, actor, definition) = (form.clone(), actor.clone(), definition.clone());
            Box::pin(async move { publish_in(tx, &form, &definition, &actor, now).await })
        })
        .await?;
    Ok(version)
}

/// The same inside an open transaction, for the installation of applications.
pub async fn publish_in(
    tx: &mut Tx,
    form: &Form,
    definition: &FormDefinition,
    actor: &Actor,
    now: i64,
) -> Result<Version, AppError> {
    let compiled =
        compile(definition, &Model::shipped()).map_err(|faults| AppError::Invalid(super::edit::as_faults(&faults)))?;
    let content_hash = content_hash(definition);
    let before = store::latest(tx, form.id).await?;
    if let Some(same) = before.as_ref().filter(|row| row.content_hash == content_hash) {
        return Ok(Version { id: same.id, number: same.number, new: false });
    }
    let number = before.map_or(1, |row| row.number + 1);
    let shard = shard_of(form.id);
    let id = new_id(shard, now);
    let schema = compiled.schema().to_string();
    let row = args![id, form.id, number, definition.to_json(), schema, &content_hash, now, actor.account];
    FORM_VERSION.write(tx, vec![row], OnKey::Fail).await?;
    let class = compiled.subject().map_or("", form_runtime::Class::key).to_owned();
    let title = serde_json::to_string(&definition.title).map_err(StoreError::from)?;
    let published = Form { state: "published".into(), class, title, draft: definition.to_json(), ..form.clone() };
    store::update_draft(tx, &published, now).await?;
    let event = Event {
        kind: "form.published",
        subject_class: "form",
        subject_id: Some(form.id),
        actor: actor.clone(),
        at: now,
        payload: json!({"version": id, "number": number, "content": content_hash}),
    };
    event.write(tx, shard).await?;
    Ok(Version { id, number, new: true })
}
