//! What would change in a person's current record: before and after, attribute by attribute.

use form_runtime::{AttributeRef, Model};
use web::pages::channels::Change;

use super::model::Case;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::entities::{self, PersonRecord, same, show};
use crate::error::AppError;

/// The attributes that a case speaks of. Values before are shown only to whoever may see that person.
pub async fn changes(app: &App, viewer: &Viewer, case: &Case) -> Result<Vec<Change>, AppError> {
    let Some(id) = case.observation_id else { return Ok(Vec::new()) };
    let Some(observation) = entities::review::find(app, id).await? else { return Ok(Vec::new()) };
    let class = observation.class()?;
    let record = match (case.subject_shard, case.subject_id) {
        (Some(shard), Some(subject)) => entities::find(&mut app.read(), shard, subject).await?,
        _ => None,
    };
    let seen = record.as_ref().is_none_or(|record| may_see(app, viewer, record));
    let fields = record.as_ref().map(PersonRecord::fields).transpose()?.unwrap_or_default();
    let (model, refused) = (Model::shipped(), observation.refused());
    let text = |at: &AttributeRef, value: &serde_json::Value| show::text(app, &model, viewer.lang, at, value);
    let rows = observation.said()?.into_iter().map(|(key, value)| {
        let at = AttributeRef::new(class, key.clone());
        let before = fields.values.get(&key).filter(|value| !value.is_null());
        Change {
            label: show::label(&model, viewer.lang, class, &key),
            after: text(&at, &value),
            before: before.filter(|_| seen).map(|before| text(&at, before)),
            hidden: before.is_some() && !seen,
            changed: before.is_none_or(|before| !same(&app.keys, &at, before, &value)) || !seen,
            refused: refused.contains(&key),
            key,
        }
    });
    Ok(rows.collect())
}

/// Whether the viewer may see the person's record.
pub fn may_see(app: &App, viewer: &Viewer, record: &PersonRecord) -> bool {
    viewer.may(app, Permission::PersonRead, record.community_id, None)
}

/// Refused attributes must be among those said.
pub async fn check_refused(app: &App, case: &Case, refused: &[String]) -> Result<(), AppError> {
    let Some(id) = case.observation_id.filter(|_| !refused.is_empty()) else { return Ok(()) };
    let said = match entities::review::find(app, id).await? {
        Some(observation) => observation.said()?,
        None => return Err(AppError::NotFound),
    };
    match refused.iter().find(|key| !said.contains_key(*key)) {
        Some(key) => Err(AppError::invalid(format!("/refused/{key}"), "entities-not-said")),
        None => Ok(()),
    }
}
