//! What an unverified resident said waits here until the worker handling the case decides.

use form_runtime::{AttributeRef, Model};
use serde_json::json;

use super::observation::{Observation, SourceKind};
use super::outbox::{drain_all_shards, take_into_record};
use super::store;
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::database::{Exec, StoreError};
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, shard_of};

/// The worker's decision on an observation that waits.
#[derive(Clone, Debug)]
pub struct Review {
    /// attributes that are not accepted; empty accepts the whole
    pub refused: Vec<String>,
    /// who decides
    pub actor: Actor,
}

/// An observation by id. One that is still on its way through the outbox is taken in first.
pub async fn find(app: &App, id: Id) -> Result<Option<Observation>, StoreError> {
    let shard = shard_of(id);
    let found = app.read().optional(store::OBSERVATION, args![shard, id]).await?;
    if found.is_some() {
        return Ok(found);
    }
    while drain_all_shards(app).await? == 256 {}
    app.read().optional(store::OBSERVATION, args![shard, id]).await
}

/// What waits: the observation, if it is still undecided.
pub async fn pending(app: &App, id: Id) -> Result<Option<Observation>, StoreError> {
    Ok(find(app, id).await?.filter(|observation| observation.state == "pending"))
}

/// Accepts what waits, wholly or without the refused attributes: it becomes current at once, believed
/// like what a resident tells a worker. Accepting twice changes nothing; after a rejection it is refused.
pub async fn accept(app: &App, id: Id, review: Review) -> Result<(), AppError> {
    settle(app, id, review, "current").await
}

/// Rejects what waits. It stays as an observation and never enters the record.
pub async fn reject(app: &App, id: Id, actor: Actor) -> Result<(), AppError> {
    settle(app, id, Review { refused: Vec::new(), actor }, "rejected").await
}

async fn settle(app: &App, id: Id, review: Review, state: &'static str) -> Result<(), AppError> {
    let found = find(app, id).await?.ok_or(AppError::NotFound)?;
    check_refused(&found, &review.refused)?;
    let (shard, subject, now) = (found.shard, found.entity_id, app.now());
    let keys = app.keys.clone();
    app.lanes
        .write(shard, vec![subject, id], move |tx| {
            let (review, keys) = (review.clone(), keys.clone());
            Box::pin(async move {
                let mut observation: Observation = tx.one(store::OBSERVATION, args![shard, id]).await?;
                if observation.state != "pending" {
                    let same = observation.state == state;
                    return if same { Ok(()) } else { Err(AppError::Conflict("entities-already-decided")) };
                }
                let decision = json!({
                    "decided_by": review.actor.post,
                    "decided_at": now,
                    "refused": review.refused,
                });
                state.clone_into(&mut observation.state);
                if state == "current" {
                    SourceKind::Resident.key().clone_into(&mut observation.source_kind);
                }
                observation.certification = Some(decision.to_string());
                observation.recorded_at = now;
                let settled = args![
                    shard,
                    id,
                    state,
                    &observation.source_kind,
                    &observation.certification,
                    observation.recorded_at,
                ];
                tx.execute(store::SETTLE, settled).await?;
                if state == "current" {
                    take_into_record(&keys, tx, &observation).await?;
                }
                let event = Event {
                    kind: if state == "current" { "observation.accepted" } else { "observation.rejected" },
                    subject_class: "person",
                    subject_id: Some(subject),
                    actor: review.actor.clone(),
                    at: now,
                    payload: json!({"observation": id, "refused": review.refused}),
                };
                event.write(tx, shard).await?;
                Ok(())
            })
        })
        .await
}

fn check_refused(observation: &Observation, refused: &[String]) -> Result<(), AppError> {
    let said = observation.said()?;
    let class = observation.class()?;
    let model = Model::shipped();
    for key in refused {
        let known = said.contains_key(key) && model.attribute(&AttributeRef::new(class, key.clone())).is_some();
        if !known {
            return Err(AppError::invalid(format!("/refused/{key}"), "entities-not-said"));
        }
    }
    Ok(())
}
