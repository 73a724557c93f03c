//! Is everything there that was acknowledged, and nothing half?

use std::collections::HashMap;

use server::audit::accept::{self, Start};
use server::platform::database::Exec;
use server::platform::files;
use server::platform::ids::Id;
use server::start;

use super::postgres::Postgres;
use super::program;
use super::world::Copy;

/// Everything that is wrong with an installation: `acks` must be there once each, and at least so many sheets.
pub async fn wrong(copy: &Copy, acks: &[Id], sheets: usize) -> Vec<String> {
    // Its own syncs are of no use here: the power does not go a second time.
    match copy.postgres(None, &["fsync=off"]) {
        Ok(pg) => with(copy, pg.as_ref(), acks, sheets).await,
        Err(log) => vec![format!("PostgreSQL does not start: {}", tail(&log))],
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(6)..].join("\n")
}

/// The same while its PostgreSQL runs.
pub async fn with(copy: &Copy, pg: Option<&Postgres>, acks: &[Id], sheets: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for command in [&["doctor"][..], &["audit", "verify"][..]] {
        let done = program::run(command, &copy.options(pg));
        if !done.status.success() {
            wrong.push(format!("{}: {}", command.join(" "), tail(&program::said(&done))));
        }
    }
    let app = match start::open(&copy.place(pg)).await {
        Ok(app) => app,
        Err(fault) => {
            wrong.push(format!("does not open: {fault}"));
            return wrong;
        }
    };
    match accept::check(&app).await {
        Ok(Start::Well) => {}
        other => wrong.push(format!("the signed heads: {other:?}")),
    }
    let rows: Result<Vec<(Id,)>, _> = app.read().all("SELECT client_id FROM submission", vec![]).await;
    match rows {
        Ok(rows) => {
            let mut counts: HashMap<Id, usize> = HashMap::new();
            rows.into_iter().for_each(|(client,)| *counts.entry(client).or_default() += 1);
            let lost = acks.iter().filter(|client| !counts.contains_key(client)).count();
            let twice = counts.values().filter(|count| **count > 1).count();
            if lost + twice > 0 {
                wrong.push(format!("of {} acknowledged {lost} are lost, {twice} are there twice", acks.len()));
            }
        }
        Err(fault) => wrong.push(format!("submissions cannot be read: {fault}")),
    }
    let stored: Vec<(Id,)> = app.read().all("SELECT id FROM stored_file", vec![]).await.unwrap_or_default();
    if stored.len() < sheets {
        wrong.push(format!("of {sheets} sheets {} are there", stored.len()));
    }
    for (file,) in stored {
        if let Err(fault) = files::get(&app, file).await {
            wrong.push(format!("file {file}: {fault}"));
        }
    }
    app.db.close().await;
    wrong
}
