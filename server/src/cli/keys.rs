//! `hutong keys`: rotation.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CliError, Output};
use crate::app::App;
use crate::error::AppError;
use crate::platform::ids::Id;
use crate::platform::jobs;
use crate::rekeying::rotate::{self, KNOWN, Retired};
use crate::start::{self, Place};

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Add a new version, write with it from now on, and encrypt and index everything anew; may be run
    /// while the installation serves
    Rotate,
    /// Take the older versions out of the key file, if nothing stored needs them any more
    Retire,
}

/// Runs one of them.
pub async fn carry_out(place: &Place, command: Keys, output: &Output) -> Result<(), CliError> {
    let app = start::open(place).await?;
    let done = match command {
        Keys::Rotate => rotate(&app, output).await,
        Keys::Retire => retire(&app, output).await,
    };
    app.db.close().await;
    done
}

async fn rotate(app: &App, output: &Output) -> Result<(), CliError> {
    let (version, job) = rotate::rotate(app, KNOWN).await?;
    output.say(
        &format!("version {version} of the keys writes from now on; what is stored is encrypted anew"),
        &json!({ "version": version, "job": job }),
    );
    let result = wait(app, job, output).await?;
    output.say(
        &format!(
            "{} values were encrypted anew; the older versions are still in the key file: `hutong keys retire` takes them out",
            result["done"]
        ),
        &result,
    );
    match result["unreadable"].as_i64() {
        Some(0) | None => Ok(()),
        Some(count) => Err(CliError::Refused(format!("{count} values cannot be read with any key; see the log"))),
    }
}

/// Waits for the job; where no server takes it, works here.
async fn wait(app: &App, job: Id, output: &Output) -> Result<Value, CliError> {
    let bar = output.progress(1, "encrypting anew");
    let mut here: Option<tokio::task::JoinHandle<()>> = None;
    for round in 0_u64.. {
        let row = jobs::find(&mut app.read(), job).await.map_err(AppError::from)?;
        let row = row.ok_or(CliError::Refused("the job is gone".into()))?;
        bar.set_length(row.total.max(1) as u64);
        bar.set_position(row.done as u64);
        match (row.state.as_str(), round) {
            ("done", _) => {
                bar.finish_and_clear();
                app.stop();
                if let Some(here) = here.take() {
                    let _: Result<(), tokio::task::JoinError> = here.await;
                }
                return Ok(row.result.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default());
            }
            ("failed", _) => return Err(CliError::Refused(format!("it failed: {}", row.result.unwrap_or_default()))),
            ("queued", 20) => here = Some(tokio::spawn(jobs::work(app.clone()))),
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(CliError::Refused("the job did not end".into()))
}

async fn retire(app: &App, output: &Output) -> Result<(), CliError> {
    match rotate::retire(app, KNOWN).await? {
        Retired::Versions(versions) if versions.is_empty() => {
            output.say("there is only one version", &json!({ "retired": versions }));
            Ok(())
        }
        Retired::Versions(versions) => {
            output.say(
                &format!(
                    "taken out: {versions:?}. Backups made before need the key file as it was: keep your copy of it with them"
                ),
                &json!({ "retired": versions }),
            );
            Ok(())
        }
        Retired::Needed(pass) => Err(CliError::Refused(format!(
            "{} values still need an older version ({} of them cannot be read at all); run `hutong keys rotate` to the end first",
            pass.found, pass.unreadable
        ))),
    }
}
