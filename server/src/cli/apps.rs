//! Applications on the command line: look at a folder, or install it.

use std::path::Path;

use serde_json::json;

use super::{CliError, Output};
use crate::applications;
use crate::platform::events::Actor;
use crate::start::{self, Place};

/// Finds everything wrong with a folder, without touching any data.
pub fn check(dir: &Path, output: &Output) -> Result<(), CliError> {
    let faults = applications::check(dir);
    for fault in &faults {
        output.say(
            &format!("{}: {}", fault.place(), fault.text(output.lang())),
            &json!({ "file": fault.file, "at": fault.at, "zh-CN": fault.zh, "en": fault.en }),
        );
    }
    if !faults.is_empty() {
        return Err(CliError::Faults(faults.len()));
    }
    output.say(output.pick("没有发现问题", "no fault found"), &json!({ "faults": 0 }));
    Ok(())
}

/// Installs a folder, or brings what is installed to what it says; with any fault nothing is changed.
pub async fn install(place: &Place, dir: &Path, output: &Output) -> Result<(), CliError> {
    check_quietly(dir, output)?;
    let app = start::open(place).await?;
    let done = applications::install(&app, dir, &Actor::default()).await;
    let done = done.map_err(|error| CliError::of(error, output))?;
    app.db.close().await;
    let mut text = format!("{} {}", done.app, done.version);
    for (zh, en, list) in [
        ("新增", "new", &done.made),
        ("改动", "changed", &done.changed),
        ("停用", "retired", &done.retired),
        ("保留", "kept as they run", &done.kept),
    ] {
        if !list.is_empty() {
            text.push_str(&format!("\n  {}: {}", output.pick(zh, en), list.join(", ")));
        }
    }
    if done.is_unchanged() {
        text.push_str(output.pick("：与已安装的相同", ": as it is installed"));
    }
    output.say(
        &text,
        &json!({ "app": done.app, "version": done.version, "before": done.before, "new": done.made,
            "changed": done.changed, "unchanged": done.unchanged, "retired": done.retired, "kept": done.kept }),
    );
    Ok(())
}

fn check_quietly(dir: &Path, output: &Output) -> Result<(), CliError> {
    if applications::check(dir).is_empty() { Ok(()) } else { check(dir, output) }
}
