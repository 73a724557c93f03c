//! The raw rate: the very rows of submissions, prepared beforehand, through the same grouped statements,
//! without HTTP, validation and access. A process of its own on the same data, while no server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use server::access::tokens;
use server::app::App;
use server::platform::events::Actor;
use server::platform::ids::new_id;
use server::platform::lane::{Outcome, WriteSet};
use server::start::{self, Place};
use server::tasks::acts::{self, By};
use server::tasks::opened;
use server::tasks::submit::{Planned, Posted, plan};

use crate::city;
use crate::client::{Fault, plain_text};
use crate::machine::own_cpu;
use crate::paths::answers;

/// The same number of writers as the HTTP measurement has connections.
const WRITERS: usize = 64;

/// Prints `{good, seconds, cpu}`.
pub async fn main(place: Place, first: usize, seconds: f64) -> Result<(), Fault> {
    let city = city::read(&place.data)?;
    let app = start::open(&place).await.map_err(|fault| fault.to_string())?;
    let workers = server::jobs::start(&app);
    // More than the fastest machine writes in that time.
    let most = (seconds * 20_000.0) as usize;
    let mut sets = Vec::new();
    for (at, (worker, item)) in city.items.iter().skip(first).take(most.min(city.items.len() / 4)).enumerate() {
        let principal = tokens::principal(&app, &city.workers[*worker]).await.map_err(plain_text)?.ok_or("no token")?;
        let actor = Actor { account: principal.account(), post: principal.post(), ..Actor::default() };
        let by = By { principal, actor };
        let (task, item) = acts::load(&app, &by, *item).await.map_err(plain_text)?;
        let opened = opened::open(&app, task, item).await.map_err(plain_text)?;
        let posted = Posted {
            client_id: new_id(opened.item.shard, app.now()),
            answers: serde_json::from_value(answers(at))?,
            confirm_all: false,
            item_version: None,
            record_version: None,
        };
        let Ok(Planned::Now(set, _)) = plan(&app, &by, &opened, &posted).await.map_err(plain_text)? else {
            return Err("an answer was refused".into());
        };
        sets.push(*set);
    }
    let (good, taken, cpu) = write(&app, sets, seconds).await?;
    println!("{}", serde_json::json!({ "good": good, "seconds": taken, "cpu": cpu, "prepared": most }));
    app.stop();
    workers.ended().await;
    app.db.close().await;
    Ok(())
}

async fn write(app: &App, sets: Vec<WriteSet>, seconds: f64) -> Result<(usize, f64, f64), Fault> {
    let sets: Arc<Vec<std::sync::Mutex<Option<WriteSet>>>> =
        Arc::new(sets.into_iter().map(|set| std::sync::Mutex::new(Some(set))).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let cpu = own_cpu();
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (app, sets, next) = (app.clone(), sets.clone(), next.clone());
            tokio::spawn(async move {
                let mut good = 0;
                while Instant::now() < end {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(set) = sets.get(at).and_then(|set| set.lock().ok()?.take()) else { break };
                    good += usize::from(matches!(app.lanes.submit(set).await, Ok(Outcome::Stored)));
                }
                good
            })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        good += task.await?;
    }
    let taken = began.elapsed().as_secs_f64();
    Ok((good, taken, own_cpu() - cpu))
}
