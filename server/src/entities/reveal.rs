//! A secret in clear, for a reason that is written down and logged. Only ever the answer to a POST.

use std::sync::Arc;

use form_runtime::{AttributeRef, Class};
use serde_json::json;

use super::record::{PersonRecord, find};
use super::sealed::Sealed;
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::StoreError;
use crate::platform::database::bulk::{OnKey, Shape};
use crate::platform::events::Event;
use crate::platform::ids::{Id, new_id, shard_of};

/// Shortest reason, in characters.
pub const SHORTEST: usize = 4;
/// Longest reason, in characters.
pub const LONGEST: usize = 200;

/// The context a reason is sealed under.
pub const REASON: &str = "reveal.reason";

/// Columns of a reason: apart from its event, which is never changed, so that the keys can be.
const REVEAL_REASON: Shape = Shape {
    table: "reveal_reason",
    columns: &["shard", "id", "entity_id", "reason", "created_at"],
    key: &["id", "shard"],
};

/// The record of a person whom the viewer may see; none is told apart from not allowed.
pub async fn visible(
    app: &App,
    viewer: &Viewer,
    permission: Permission,
    id: Id,
) -> Result<Arc<PersonRecord>, AppError> {
    viewer.principal.require(permission)?;
    let read = async { Ok::<_, StoreError>(find(&mut app.read(), shard_of(id), id).await?.map(Arc::new)) };
    let record = app.people.get(app.lanes.changes(), id, read).await?;
    let record = Option::clone(&record).ok_or(AppError::NotFound)?;
    if viewer.may(app, permission, record.community_id, None) { Ok(record) } else { Err(AppError::NotFound) }
}

/// The clear value of a secret attribute. The event with the reason commits before the value is read.
pub async fn reveal(app: &App, viewer: &Viewer, id: Id, attribute: &str, reason: &str) -> Result<String, AppError> {
    viewer.principal.require(Permission::PersonReveal)?;
    let record = visible(app, viewer, Permission::PersonRead, id).await?;
    if !viewer.may(app, Permission::PersonReveal, record.community_id, None) {
        return Err(AppError::Forbidden);
    }
    let reason = reason.trim();
    if !(SHORTEST..=LONGEST).contains(&reason.chars().count())
        || reason.chars().filter(char::is_ascii_digit).count() >= 8
    {
        return Err(AppError::invalid("reason", "entities-reason-needed"));
    }
    let sealed = record.value(attribute).and_then(|value| Sealed::from_value(&value)).ok_or(AppError::NotFound)?;
    let (shard, now) = (record.shard, app.now());
    let reason_id = new_id(shard, now);
    let why = args![shard, reason_id, id, app.keys.seal_text(REASON, reason), now];
    let event = Event {
        kind: "person.revealed",
        subject_class: Class::Person.key(),
        subject_id: Some(id),
        actor: viewer.actor(),
        at: now,
        payload: json!({"attribute": attribute, "reason_id": reason_id}),
    };
    app.lanes
        .write(shard, Vec::new(), move |tx| {
            let (event, why) = (event.clone(), why.clone());
            Box::pin(async move {
                REVEAL_REASON.write(tx, vec![why], OnKey::Fail).await?;
                event.write(tx, shard).await
            })
        })
        .await
        .map_err(|fault: StoreError| AppError::from(fault))?;
    Ok(sealed.open(&app.keys, &AttributeRef::new(Class::Person, attribute))?)
}
