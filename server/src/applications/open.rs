//! Binding an installed channel to places and opening it.

use serde_json::json;

use super::format::Kind;
use super::store;
use crate::app::App;
use crate::error::AppError;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, shard_of};

/// Opens the draft channel `key` (`app/key`) for the residents of `places`. An open one stays as it is.
pub async fn open_channel(app: &App, key: &str, places: Vec<Id>, actor: &Actor) -> Result<(), AppError> {
    let (key, actor, now) = (key.to_owned(), actor.clone(), app.now());
    app.lanes
        .write(0, vec![], move |tx| {
            let (key, actor, places) = (key.clone(), actor.clone(), places.clone());
            Box::pin(async move {
                let (of, name) = key.split_once('/').ok_or(AppError::NotFound)?;
                let object = store::object(tx, of, Kind::Channels.key(), name).await?.ok_or(AppError::NotFound)?;
                let id = object.object_id;
                if store::channel_state(tx, id).await?.as_deref() != Some("draft") {
                    return Ok(());
                }
                store::open_channel(tx, id, &places).await?;
                let event = Event {
                    kind: "channel.opened",
                    subject_class: "channel",
                    subject_id: Some(id),
                    actor,
                    at: now,
                    payload: json!({ "places": places }),
                };
                event.write(tx, shard_of(id)).await?;
                Ok(())
            })
        })
        .await
}
