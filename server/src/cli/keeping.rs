//! `hutong backup`, `hutong restore`, `hutong move`.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::{CliError, Output};
use crate::keeping::{self, KeepError, Seen};
use crate::platform::clock::Clock;
use crate::start::{Place, StartError, ZONE};

fn clock() -> Result<Clock, CliError> {
    Ok(Clock::system(ZONE).map_err(StartError::from)?)
}

/// A bar that follows `done` of `total`, and what ends it.
fn bar(output: &Output, what: &str) -> (Seen, impl FnOnce()) {
    let bar = output.progress(0, what);
    let shown = bar.clone();
    let seen: Seen = Arc::new(move |done, total| {
        shown.set_length(total);
        shown.set_position(done);
    });
    (seen, move || bar.finish_and_clear())
}

/// Keeps the installation in a file.
pub async fn backup(place: &Place, file: &Path, with_keys: bool, output: &Output) -> Result<(), CliError> {
    let clock = clock()?;
    let (seen, end) = bar(output, "keeping");
    let kept = keeping::backup(place, file, with_keys, Arc::new(move || clock.now()), seen).await;
    end();
    let kept = kept?;
    let (head, manifest) = (&kept.head, &kept.manifest);
    let mut text = format!("{}: {} rows and {} files, {} bytes", file.display(), head.rows, manifest.files, kept.bytes);
    if head.keys.is_empty() {
        text.push_str("\nno key file was found: without the keys personal data in it cannot be read");
    } else if !with_keys {
        let names: Vec<&str> = head.keys.iter().map(|key| key.name.as_str()).collect();
        text.push_str(&format!(
            "\nthe keys are not in it: keep {} ({}) in another place; a restore asks for it",
            place.keys_file().display(),
            names.join(", ")
        ));
    }
    for lost in &manifest.missing_files {
        text.push_str(&format!("\nLOST  the stored file {lost} is not on the disk: look for it in an older backup"));
    }
    let value = json!({ "file": file, "bytes": kept.bytes, "head": head, "manifest": manifest });
    output.say(&text, &value);
    Ok(())
}

/// Says what is in a backup.
pub async fn check(file: &Path, output: &Output) -> Result<(), CliError> {
    let (seen, end) = bar(output, "reading");
    let archive = file.to_owned();
    let checked =
        tokio::task::spawn_blocking(move || keeping::check(&archive, &seen)).await.map_err(KeepError::from)?;
    end();
    let checked = checked?;
    let (head, manifest) = (checked.head, checked.manifest);
    let text = format!(
        "{} is whole: {} ({}), {} rows in {} tables, {} files",
        file.display(),
        head.installation,
        head.engine,
        head.rows,
        manifest.tables.len(),
        manifest.files
    );
    output.say(&text, &json!({ "head": head, "manifest": manifest }));
    Ok(())
}

/// Makes an installation of a backup and looks it over.
pub async fn restore(place: &Place, file: &Path, keys: Option<&Path>, output: &Output) -> Result<(), CliError> {
    let (seen, end) = bar(output, "restoring");
    let restored = keeping::restore(place, file, keys, clock()?.now(), seen).await;
    end();
    let restored = restored?;
    let faults: Vec<String> = restored
        .checks
        .iter()
        .filter_map(|check| check.fault.as_ref().map(|fault| format!("{} {}: {fault}", check.name, check.about)))
        .collect();
    let mut text = format!(
        "{} rows and {} files were restored, each table as it was kept; {} checks",
        restored.head.rows,
        restored.manifest.files,
        restored.checks.len()
    );
    for fault in &faults {
        text.push_str(&format!("\nFAULT  {fault}"));
    }
    let value = json!({ "rows": restored.head.rows, "files": restored.manifest.files, "checks": restored.checks.len(),
        "faults": faults, "taken_at": restored.head.taken_at, "tables": restored.manifest.tables });
    output.say(&text, &value);
    if faults.is_empty() { Ok(()) } else { Err(CliError::Unwell(faults.len())) }
}

/// Moves the installation to another database.
pub async fn move_to(place: &Place, to: &str, output: &Output) -> Result<(), CliError> {
    let target = keeping::target_of(place, to)?;
    let (seen, end) = bar(output, "moving");
    let moved = keeping::move_to(place, &target, clock()?.now(), seen).await;
    end();
    let moved = moved?;
    let rows: u64 = moved.tables.iter().map(|table| table.rows).sum();
    let serve = match &target.database_url {
        Some(_) => format!("hutong serve --data {} --database-url {}", target.data.display(), moved.to),
        None => format!("hutong serve --data {}", target.data.display()),
    };
    let text = format!(
        "moved to {}: {rows} rows and {} files, each table the same on both sides\nserve it with: {serve}\nthe old copy is as it was and is not served any more",
        moved.to, moved.files
    );
    output.say(&text, &json!({ "to": moved.to, "rows": rows, "files": moved.files, "tables": moved.tables }));
    Ok(())
}

/// Lets a moved copy be served again.
pub async fn undo_move(place: &Place, output: &Output) -> Result<(), CliError> {
    let was = keeping::forget_move(place).await?;
    let text = match &was {
        Some(to) => format!("this copy is served again; make sure that nobody uses {to} any more"),
        None => "this installation was not moved: nothing was changed".to_owned(),
    };
    output.say(&text, &json!({ "was_moved_to": was }));
    Ok(())
}
