//! Commands that look at or change the data without serving.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{CliError, Output};
use crate::access::{store as accounts, tokens};
use crate::administration::address_book;
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::clock::Clock;
use crate::platform::events::Actor;
use crate::start::{self, Place, StartError, ZONE};
use crate::{doctor as examination, geography};

/// Brings the database to the schema of this version.
pub async fn migrate(place: &Place, output: &Output) -> Result<(), CliError> {
    let clock = Clock::system(ZONE).map_err(StartError::from)?;
    let db = place.database(clock.now()).await?;
    output.say(
        &format!("the {} database has the schema of this version", db.engine()),
        &json!({ "engine": db.engine() }),
    );
    db.close().await;
    Ok(())
}

/// Looks at the whole installation; ends with a fault when something is wrong.
pub async fn doctor(place: &Place, output: &Output) -> Result<(), CliError> {
    let app = start::open(place).await?;
    let checks = examination::examine(&app, |check| {
        let about = if check.about.is_empty() { String::new() } else { format!(" ({})", check.about) };
        let text = match &check.fault {
            None => format!("ok     {}{about}, {:.1} s", check.name, check.took.as_secs_f64()),
            Some(fault) => format!("FAULT  {}{about}: {fault}", check.name),
        };
        output.say(&text, &json!({
            "check": check.name, "about": check.about, "fault": check.fault, "milliseconds": check.took.as_millis() as u64,
        }));
    })
    .await?;
    app.db.close().await;
    let faults = checks.iter().filter(|check| check.fault.is_some()).count();
    if faults == 0 { Ok(()) } else { Err(CliError::Unwell(faults)) }
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(file).map_err(|fault| CliError::File(PathBuf::from(file), fault))
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Prints faults by place and ends with their number.
fn refuse(output: &Output, faults: &[Fault], count: usize) -> CliError {
    for fault in faults {
        let text = fault.text(output.lang());
        output.say(&format!("{}: {text}", fault.at), &json!({ "at": fault.at, "code": fault.key, "message": text }));
    }
    CliError::Faults(count)
}

/// Imports places from a file, or says what an import would do.
pub async fn import_places(place: &Place, file: &Path, dry_run: bool, output: &Output) -> Result<(), CliError> {
    let bytes = read(file)?;
    let app = start::open(place).await?;
    let lines = geography::read_places(&bytes, &name(file)).map_err(|faults| refuse(output, &faults, faults.len()))?;
    let plan = geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text());
    if plan.fault_count > 0 {
        return Err(refuse(output, &plan.faults, plan.fault_count));
    }
    let (new, renamed, unchanged) = (plan.places.len(), plan.renamed.len(), plan.unchanged);
    let counts = json!({ "new": new, "renamed": renamed, "unchanged": unchanged, "by_level": plan.by_level, "dry_run": dry_run });
    if !dry_run {
        let bar = output.progress(new as u64, "places");
        geography::import(&app, plan, Actor::default(), &name(file), |done, _| bar.set_position(done as u64)).await?;
        bar.finish_and_clear();
    }
    let verb = if dry_run { "would be" } else { "were" };
    output.say(&format!("{new} places {verb} added, {renamed} renamed, {unchanged} are as the file says"), &counts);
    close(&app).await;
    Ok(())
}

/// Imports the address book from a file, or says what an import would do. Passwords are printed once.
pub async fn import_address_book(place: &Place, file: &Path, dry_run: bool, output: &Output) -> Result<(), CliError> {
    let bytes = read(file)?;
    let app = start::open(place).await?;
    let report = if dry_run {
        address_book::look(&app, &bytes, &name(file), true).await?
    } else {
        address_book::apply(&app, &bytes, &name(file), true, Actor::default()).await?
    };
    if report.fault_count > 0 {
        return Err(refuse(output, &report.faults, report.fault_count));
    }
    let verb = if dry_run { "would be" } else { "were" };
    let mut text = format!(
        "{} organizations, {} posts and {} people {verb} added",
        report.organizations, report.posts, report.staff
    );
    for login in report.logins.iter().filter(|login| !login.password.is_empty()) {
        text.push_str(&format!("\n  {:<16} {}  {}", login.login, login.password, login.name));
    }
    let counts = json!({ "organizations": report.organizations, "posts": report.posts, "people": report.staff,
        "unchanged": report.unchanged, "logins": report.logins, "dry_run": dry_run });
    output.say(&text, &counts);
    close(&app).await;
    Ok(())
}

/// Makes a bearer token in the account's first post and prints it once.
pub async fn create_token(place: &Place, login: &str, title: &str, output: &Output) -> Result<(), CliError> {
    let app = start::open(place).await?;
    let account = accounts::account_by_login(&mut app.read(), login).await.map_err(AppError::from)?;
    let Some(account) = account else {
        return Err(CliError::Refused(format!("there is no account {login}")));
    };
    let directory = app.directory();
    let post = account.staff_id.and_then(|staff| directory.posts_of(staff).min_by_key(|post| (post.rank, post.id)));
    let token = tokens::create(&app, account.id, post.map(|post| post.id), title, None, Actor::default()).await?;
    output.say(&token, &json!({ "account": login, "token": token }));
    close(&app).await;
    Ok(())
}

async fn close(app: &App) {
    app.db.close().await;
}
