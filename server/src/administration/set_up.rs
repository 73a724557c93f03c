//! Set-up from nothing: name, address, root place and first administrator. Open only with the code that
//! the server prints at its first start, and closed for ever once the administrator exists.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;

use axum::Form;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::json;
use web::{Choice, Field, FieldKind};

use super::form::{self, ErrorLine, Posted};
use super::places::done;
use super::staff::is_login;
use crate::access::pages::peer;
use crate::access::password::{one_time, weakness};
use crate::access::{Holder, Reach, Viewer, create_account, grant_to, seed_roles};
use crate::app::App;
use crate::directory::{published_holidays, working_days};
use crate::error::{AppError, Fault};
use crate::geography::{self, PROVINCES, PlaceLine};
use crate::platform::books;
use crate::platform::events::{Actor, Event};
use crate::platform::secrets::digest;
use crate::platform::settings;

/// File in the data folder that keeps the code until the set-up is done.
pub const CODE: &str = "set-up-code";

/// The one-time code of an installation that is not set up yet: made at the first start, kept in the data
/// folder for its owner only. The server prints it.
pub fn code(app: &App) -> Result<Option<String>, AppError> {
    if app.installation.load().set_up {
        return Ok(None);
    }
    let file = app.data.join(CODE);
    let disk = |fault: std::io::Error| AppError::Internal(format!("{}: {fault}", file.display()));
    match std::fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
        _ => {
            let code = one_time();
            let mut out = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&file)
                .map_err(disk)?;
            out.write_all(code.as_bytes()).map_err(disk)?;
            Ok(Some(code))
        }
    }
}

#[derive(Serialize)]
struct SetUpPage {
    fields: Vec<Field>,
    place_fields: Vec<Field>,
    account_fields: Vec<Field>,
    errors: Vec<ErrorLine>,
}

fn page(app: &App, viewer: &Viewer, posted: &Posted, faults: &[Fault]) -> Result<Response, AppError> {
    let errors = form::told(viewer, faults);
    let field = |kind, name: &str, needed: bool| {
        let mut field = form::field(viewer, kind, name, &format!("setup-{name}"), posted, &errors);
        field.required = needed;
        field
    };
    let hinted = |mut field: Field, key: &str| {
        field.hint = Some(viewer.text(key, &[]));
        field
    };
    let mut province = hinted(field(FieldKind::Select, "province", false), "setup-province-hint");
    province.options = PROVINCES.iter().map(|(code, name)| Choice::new(*code, *name)).collect();
    let mut password = hinted(field(FieldKind::Password, "password", true), "setup-password-hint");
    password.autocomplete = Some("new-password".to_owned());
    let mut again = field(FieldKind::Password, "again", true);
    again.autocomplete = Some("new-password".to_owned());
    let mut login = hinted(field(FieldKind::Text, "login", true), "setup-login-hint");
    login.autocomplete = Some("username".to_owned());
    let context = SetUpPage {
        fields: vec![
            hinted(field(FieldKind::Text, "code", true), "setup-code-hint"),
            hinted(field(FieldKind::Text, "name", true), "setup-name-hint"),
            hinted(field(FieldKind::Text, "address", true), "setup-address-hint"),
        ],
        place_fields: vec![
            province,
            hinted(field(FieldKind::Text, "city", false), "setup-city-hint"),
            hinted(field(FieldKind::Text, "city-code", false), "setup-city-code-hint"),
        ],
        account_fields: vec![login, password, again],
        errors,
    };
    let mut frame = viewer.frame(app, viewer.text("setup-title", &[]), None);
    frame.has_errors = !context.errors.is_empty();
    let html = viewer.render(app, "administration/set_up.html", &frame, context)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, html).into_response())
}

/// `GET /setup`: gone once the first administrator exists.
pub async fn show(State(app): State<App>, viewer: Viewer) -> Result<Response, AppError> {
    if app.installation.load().set_up {
        return Err(AppError::NotFound);
    }
    let host = app.installation.load().base_url.clone();
    let posted = Posted::from([("address".to_owned(), host)]);
    page(&app, &viewer, &posted, &[])
}

/// `POST /setup`
pub async fn set_up(
    State(app): State<App>,
    viewer: Viewer,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(posted): Form<Posted>,
) -> Result<Response, AppError> {
    let Some(expected) = code(&app)? else { return Err(AppError::NotFound) };
    app.gate.sign_in(peer(info.as_deref()), CODE)?;
    match form::faults_of(carry_out(&app, &expected, &posted, viewer.actor()).await)? {
        Ok(()) => Ok(done(&viewer, "/sign-in?next=/admin", "setup-done")),
        Err(faults) => page(&app, &viewer, &posted, &faults),
    }
}

/// Sets the installation up with what was filled in: all of it, or nothing and what is wrong.
pub async fn carry_out(app: &App, expected: &str, posted: &Posted, actor: Actor) -> Result<(), AppError> {
    let mut faults = faults_of(expected, posted);
    if faults.is_empty() {
        faults = root_place(app, posted, actor.clone()).await?.err().unwrap_or_default();
    }
    if !faults.is_empty() {
        return Err(AppError::Invalid(faults));
    }
    let hashed = app.gate.hashing.hash(posted.get("password").map_or("", String::as_str)).await?;
    let (now, today) = (app.now(), app.clock.today_text());
    let name = form::text(posted, "name").to_owned();
    let address = form::text(posted, "address").trim_end_matches('/').to_owned();
    let login = form::text(posted, "login").to_lowercase();
    app.lanes
        .write(0, vec![], move |tx| {
            let (hashed, name, address, login, today, actor) =
                (hashed.clone(), name.clone(), address.clone(), login.clone(), today.clone(), actor.clone());
            async move {
                // Two browsers may have passed the code at the same time, perhaps in two processes.
                books::alone(tx, "set-up").await?;
                if settings::get(tx, settings::SET_UP_AT).await?.is_some() {
                    return Err(AppError::NotFound);
                }
                seed_roles(tx).await?;
                working_days::put(tx, &published_holidays()).await?;
                let account = create_account(tx, now, &login, &hashed, None, false).await?;
                grant_to(tx, now, &today, Holder::Account(account), "administrator", Reach::All).await?;
                settings::put(tx, settings::NAME, &name).await?;
                settings::put(tx, settings::BASE_URL, &address).await?;
                settings::put(tx, settings::SET_UP_AT, &now.to_string()).await?;
                let event = Event {
                    kind: "installation.set-up",
                    subject_class: "account",
                    subject_id: Some(account),
                    actor: Actor { account: Some(account), ..actor },
                    at: now,
                    payload: json!({}),
                };
                event.write(tx, 0).await?;
                Ok(())
            }
            .boxed()
        })
        .await?;
    crate::start::reload(app).await.map_err(|fault| AppError::Internal(fault.to_string()))?;
    if let Err(fault) = std::fs::remove_file(app.data.join(CODE)) {
        tracing::warn!(%fault, "the set-up code could not be removed; it opens nothing any more");
    }
    Ok(())
}

fn faults_of(expected: &str, posted: &Posted) -> Vec<Fault> {
    let mut faults = Vec::new();
    let value = |name: &str| form::text(posted, name);
    if digest(value("code").to_lowercase().as_bytes()) != digest(expected.as_bytes()) {
        faults.push(Fault::new("code", "setup-code-wrong"));
    }
    let name = value("name");
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        faults.push(Fault::new("name", "setup-name-bad"));
    }
    if !is_address(value("address")) {
        faults.push(Fault::new("address", "setup-address-bad"));
    }
    let (province, city, code) = (value("province"), value("city"), value("city-code"));
    if !city.is_empty() || !code.is_empty() {
        let fits = code.len() >= 4
            && code.len() <= 12
            && code.bytes().all(|b| b.is_ascii_digit())
            && code.starts_with(province);
        if province.is_empty() {
            faults.push(Fault::new("province", "setup-province-needed"));
        }
        if city.is_empty() {
            faults.push(Fault::new("city", "setup-city-needed"));
        }
        if !fits {
            faults.push(Fault::new("city-code", "setup-city-code-bad"));
        }
    }
    let login = value("login").to_lowercase();
    if !is_login(&login) {
        faults.push(Fault::new("login", "directory-login-bad"));
    }
    let password = posted.get("password").map_or("", String::as_str);
    if let Some(key) = weakness(&login, password) {
        faults.push(Fault::new("password", key));
    } else if posted.get("again").map_or("", String::as_str) != password {
        faults.push(Fault::new("again", "setup-password-differs"));
    }
    faults
}

/// `http` or `https`, a host, perhaps a port, nothing after.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.trim_end_matches('/');
        !host.is_empty()
            && host.len() <= 200
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

/// Makes the province and, if given, the city, unless they are there already.
async fn root_place(app: &App, posted: &Posted, actor: Actor) -> Result<Result<(), Vec<Fault>>, AppError> {
    let province = form::text(posted, "province");
    let Some((code, name)) = geography::province_of(province) else { return Ok(Ok(())) };
    let mut lines = vec![PlaceLine { line: 1, code, level: 1, name: name.to_owned(), parent: None }];
    let city = form::text(posted, "city");
    if !city.is_empty() {
        let code = format!("{:0<12}", form::text(posted, "city-code"));
        lines.push(PlaceLine { line: 2, code, level: 2, name: city.to_owned(), parent: None });
    }
    let mut plan = geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text());
    if plan.fault_count > 0 {
        plan.faults
            .iter_mut()
            .for_each(|fault| fault.at = if fault.at == "row 2" { "city-code" } else { "province" }.to_owned());
        return Ok(Err(plan.faults));
    }
    if plan.places.is_empty() {
        return Ok(Ok(()));
    }
    geography::import(app, plan, actor, "", |_, _| {}).await?;
    Ok(Ok(()))
}
