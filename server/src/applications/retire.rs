//! Taking an application out of use: nothing is deleted, running tasks and open cases go on.

use serde_json::json;

use super::store::{self, Object};
use crate::app::App;
use crate::error::AppError;
use crate::ledgers;
use crate::platform::database::Tx;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::shard_by_hash;
use crate::tasks::templates;

/// Retires an application and everything in it. Installing it again brings it back.
pub async fn retire(app: &App, key: &str, actor: &Actor) -> Result<(), AppError> {
    let (key, actor, now) = (key.to_owned(), actor.clone(), app.now());
    app.lanes
        .write(shard_by_hash(key.as_bytes()), vec![], move |tx| {
            let (key, actor) = (key.clone(), actor.clone());
            Box::pin(async move {
                let mut found = store::find(tx, &key).await?.ok_or(AppError::NotFound)?;
                if found.state == "retired" {
                    return Ok(());
                }
                for one in store::objects(tx, &key).await?.iter().filter(|one| one.state == "installed") {
                    object(tx, one, now).await?;
                }
                found.state = "retired".into();
                store::put(tx, &found).await?;
                let event = Event {
                    kind: "application.retired",
                    subject_class: "application",
                    subject_id: None,
                    actor,
                    at: now,
                    payload: json!({ "application": key, "version": found.version }),
                };
                event.write(tx, shard_by_hash(key.as_bytes())).await?;
                Ok(())
            })
        })
        .await
}

/// Takes one object out of the lists it appears in.
pub(super) async fn object(tx: &mut Tx, object: &Object, now: i64) -> Result<(), AppError> {
    match object.kind.as_str() {
        "forms" => store::set_form_state(tx, object.object_id, "retired", now).await?,
        "ledgers" => ledgers::retire(tx, object.object_id).await?,
        "channels" => store::close_channel(tx, object.object_id).await?,
        "tasks" => templates::retire(tx, &format!("{}/{}", object.app_key, object.key)).await?,
        _ => {}
    }
    store::put_objects(tx, &[Object { state: "retired".into(), ..object.clone() }]).await?;
    Ok(())
}
