//! `hutong app check` and `hutong app install`.

use std::path::Path;

use serde_json::json;

use super::{CliError, Output};
use crate::applications::{self, Fault};
use crate::platform::events::Actor;
use crate::start::{self, Place};

/// Prints what is wrong with a folder; ends well when nothing is.
pub fn check(dir: &Path, output: &Output) -> Result<(), CliError> {
    let faults = applications::check(dir);
    if !faults.is_empty() {
        return Err(refuse(output, &faults));
    }
    output.say(&format!("{} has no fault", dir.display()), &json!({ "folder": dir, "faults": [] }));
    Ok(())
}

/// Installs a folder that has no fault, or upgrades what is installed.
pub async fn install(place: &Place, dir: &Path, output: &Output) -> Result<(), CliError> {
    // The faults of a folder have their file and place: better told than as one refusal.
    let faults = applications::check(dir);
    if !faults.is_empty() {
        return Err(refuse(output, &faults));
    }
    let app = start::open(place).await?;
    let bar = output.progress(1, "installing");
    let done = applications::install(&app, dir, &Actor::default()).await;
    bar.finish_and_clear();
    app.db.close().await;
    let done = done.map_err(|error| CliError::of(error, output))?;
    let mut text = match &done.before {
        None => format!("{} {} is installed", done.app, done.version),
        Some(_) if done.is_unchanged() => {
            format!("{} {} is installed already; nothing changed", done.app, done.version)
        }
        Some(before) => format!("{} went from {before} to {}", done.app, done.version),
    };
    for (what, names) in
        [("new", &done.made), ("changed", &done.changed), ("retired", &done.retired), ("kept as it is", &done.kept)]
    {
        for name in names {
            text.push_str(&format!("\n  {what}: {name}"));
        }
    }
    output.say(&text, &json!(done));
    Ok(())
}

fn refuse(output: &Output, faults: &[Fault]) -> CliError {
    for fault in faults {
        let text = format!("{}: {}", fault.place(), fault.text(output.lang()));
        output.say(&text, &json!({ "file": fault.file, "at": fault.at, "message": fault.en, "message_zh": fault.zh }));
    }
    CliError::Faults(faults.len())
}
