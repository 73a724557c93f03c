//! `hutong demo --activity N`: made-up workers and residents submit N times a minute, through the same
//! use-cases as real ones, so that boards move. When all visits are made, the next round is sent out.

use std::time::Duration;

use serde_json::json;

use super::city::COMMUNITIES;
use super::people::citizen_number;
use super::random::{Random, name};
use super::story;
use crate::access::Permission;
use crate::app::App;
use crate::channels::store as channels;
use crate::channels::submit::{Request, Submitted, submit};
use crate::error::AppError;
use crate::forms;
use crate::platform::events::Actor;
use crate::platform::ids::{Id, new_free_id};
use crate::tasks::acts::By;
use crate::tasks::work_store::{self, Wanted};

/// One in so many submissions is a resident's.
const RESIDENTS: u64 = 4;

/// Who did what in one beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// a worker visited
    Visit,
    /// a resident filed
    Case,
    /// all visits are made: another round was begun
    Round,
    /// the round is still being sent out
    Nothing,
}

/// Goes on until the process ends; a beat that fails is logged and the next one tried.
pub async fn run(app: App, per_minute: u32) {
    let mut random = Random::new(app.now() as u64);
    let mut clock = tokio::time::interval(Duration::from_mins(1) / per_minute.max(1));
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if let Err(error) = beat(&app, &mut random).await {
            tracing::warn!(%error, "a made-up submission failed");
        }
    }
}

/// One submission, if there is somebody to submit something.
pub async fn beat(app: &App, random: &mut Random) -> Result<Beat, AppError> {
    if random.below(RESIDENTS) == 0 && resident(app, random).await? {
        return Ok(Beat::Case);
    }
    let mut workers = story::WORKERS.to_vec();
    if random.percent(50) {
        workers.reverse();
    }
    for (login, title) in workers {
        let worker = story::by(app, login, Some(title)).await?;
        if let Some(task) = waiting(app, &worker).await? {
            story::visit(app, task, &worker, 1, random).await?;
            return Ok(Beat::Visit);
        }
    }
    next_round(app).await
}

/// The task of the first item that waits for a worker.
async fn waiting(app: &App, worker: &By) -> Result<Option<Id>, AppError> {
    let Some((post, organization)) = worker.principal.post().zip(worker.principal.organization()) else {
        return Ok(None);
    };
    let wanted = Wanted { states: vec!["open"], mine: Some((post, organization)), limit: 1, ..Wanted::default() };
    let items = work_store::list(&mut app.read(), &wanted, &worker.principal, Permission::ItemRead).await?;
    Ok(items.first().map(|item| item.task_id))
}

/// Sends the visits out again, unless a round is on its way.
async fn next_round(app: &App) -> Result<Beat, AppError> {
    let manager = story::by(app, "liuhui", None).await?;
    let tasks = crate::tasks::store::tasks_seen(&mut app.read(), &manager.principal).await?;
    if tasks.iter().any(|task| task.state == "dispatching") {
        return Ok(Beat::Nothing);
    }
    story::round(app, &manager).await?;
    Ok(Beat::Round)
}

/// A resident of one of the communities files at the open channel; false where none is open.
async fn resident(app: &App, random: &mut Random) -> Result<bool, AppError> {
    let code = COMMUNITIES[random.below(COMMUNITIES.len() as u64) as usize];
    let Some(place) = app.geography().by_code(code).map(|place| place.id) else { return Ok(false) };
    let Some(channel) = channels::open_at(&mut app.read(), place).await?.into_iter().next() else { return Ok(false) };
    let published = forms::published(app, channel.form_version_id).await?;
    let woman = random.percent(55);
    let birth = format!("19{}{:02}{:02}", 35 + random.below(25), 1 + random.below(12), 1 + random.below(28));
    let number = citizen_number("140202", &birth, random.below(450) * 2 + u64::from(!woman));
    let posted = json!({
        "name": name(random, woman, true),
        "id_no": number,
        "phone": format!("139{:08}", random.below(100_000_000)),
        "living_alone": "false",
        "needs": [random.pick(&["meals", "cleaning", "medicine", "repair", "company"])],
    });
    let request = Request {
        channel,
        published,
        place,
        client_id: new_free_id(app.now()),
        posted: posted.as_object().cloned().unwrap_or_default(),
        actor: Actor::default(),
        filer: None,
    };
    match submit(app, &request).await? {
        Submitted::Stored(_) => Ok(true),
        other => Err(AppError::Internal(format!("a made-up request is refused: {other:?}"))),
    }
}
