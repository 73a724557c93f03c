//! `hutong audit`: the sealed events.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{CliError, Output};
use crate::app::App;
use crate::audit::accept::{self, Start};
use crate::audit::verify;
use crate::start::{self, Place};

/// What can be asked of the sealed events.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Recompute every chain and compare it with the signed heads outside the database
    Verify {
        /// A list of heads that was kept elsewhere, to be compared as well
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
    /// Accept an older state of the database that was restored on purpose
    Accept,
}

/// Runs one of them.
pub async fn carry_out(place: &Place, command: Audit, output: &Output) -> Result<(), CliError> {
    let app = start::open(place).await?;
    let done = match command {
        Audit::Verify { heads } => verify(&app, heads, output).await,
        Audit::Accept => accept(&app, output).await,
    };
    app.db.close().await;
    done
}

async fn verify(app: &App, heads: Option<PathBuf>, output: &Output) -> Result<(), CliError> {
    let bar = output.progress(0, "chains");
    let report = verify::verify(app, heads.as_deref(), |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })
    .await?;
    bar.finish_and_clear();
    let mut text: Vec<String> = report.wrong.iter().map(|wrong| format!("FAULT  {}", wrong.text)).collect();
    if report.wrong_count > report.wrong.len() {
        text.push(format!("FAULT  and {} more", report.wrong_count - report.wrong.len()));
    }
    text.push(format!(
        "{} events in {} blocks of {} chains; {} older lists compared",
        report.events, report.blocks, report.shards, report.history
    ));
    text.push(report.window());
    text.extend(report.public_keys.iter().map(|(version, key)| format!("signing key {version}: {key}")));
    output.say(&text.join("\n"), &json!(report));
    if report.wrong_count == 0 { Ok(()) } else { Err(CliError::Tampered(report.wrong_count)) }
}

async fn accept(app: &App, output: &Output) -> Result<(), CliError> {
    let accepted = accept::accept(app).await?;
    let text = match &accepted.lost {
        None => format!("the database had everything that was signed; list {} is signed", accepted.number),
        Some(lost) => {
            format!("accepted: {lost}\n{} lists were put away; list {} is signed", accepted.put_away, accepted.number)
        }
    };
    output.say(&text, &json!(accepted));
    Ok(())
}

/// Refuses to serve a database that has forgotten what was signed.
pub async fn at_start(app: &App, output: &Output) -> Result<(), CliError> {
    match accept::check(app).await? {
        Start::Well => Ok(()),
        Start::NoFile(text) => {
            output.fault(&text);
            Ok(())
        }
        Start::Refused(text) => Err(CliError::Refused(text)),
    }
}
