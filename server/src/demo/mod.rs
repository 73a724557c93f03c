//! The demo city: Datong from its real list of divisions, with made-up organizations' staff, doors and
//! residents. Everything generated is a function of one seed, and what is about people is marked.
//!
//! Owns no table: it calls the rooms as an administrator would. Building again over a city that was
//! broken off completes it.
//!
//! The usual next thing is another sign-in: one line in `cast.rs`.

pub mod activity;
mod cast;
mod city;
mod people;
mod random;
mod requests;
mod story;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use serde::{Deserialize, Serialize};

use crate::access::{password, tokens};
use crate::app::App;
use crate::directory::{published_holidays, working_days};
use crate::error::AppError;
use crate::platform::events::{Actor, Event};
use crate::platform::settings;
use crate::{access, geography};

pub use cast::{PASSWORD, SIGN_INS, SignIn};
pub use people::citizen_number;
pub use random::Random;
pub use story::FOLDER as APPLICATION;

/// The list of divisions, as committed under `examples/datong`.
const PLACES: &[u8] = include_bytes!("../../../examples/datong/places.tsv");
/// What the installation calls itself.
const NAME: &str = "大同市政民互通平台";
/// File in the data folder with the accounts and their tokens, readable by its owner only.
const ACCOUNTS: &str = "demo-accounts.json";

/// One sign-in of the demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAccount {
    /// what is typed
    pub login: String,
    /// the same for all
    pub password: String,
    /// full name
    pub name: String,
    /// key of the built-in role
    pub role: String,
    /// name of the organization, empty for the administrator
    pub organization: String,
    /// title of the post
    pub post: String,
    /// API token in that post
    pub token: String,
}

/// Everybody who can sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoAccounts {
    /// in the order to print them
    pub accounts: Vec<DemoAccount>,
}

/// The demo city and its accounts: built now if it is not there yet. Refuses a database that holds
/// something else.
pub async fn build(app: &App, base_url: &str) -> Result<DemoAccounts, AppError> {
    let stored = settings::all(&mut app.read()).await?;
    let has = |key: &str| stored.iter().any(|(known, _)| known == key);
    if has(settings::SET_UP_AT) && !has(settings::DEMO) {
        return Err(AppError::Conflict("setup-demo-other-city"));
    }
    if !has(settings::SET_UP_AT) {
        begin(app, base_url).await?;
        city::build(app).await?;
        people::build(app).await?;
        story::build(app).await?;
        finish(app).await?;
        crate::start::reload(app).await.map_err(|fault| AppError::Internal(fault.to_string()))?;
    }
    accounts(app).await
}

async fn begin(app: &App, base_url: &str) -> Result<(), AppError> {
    let base_url = base_url.to_owned();
    app.lanes
        .write(0, vec![], move |tx| {
            let base_url = base_url.clone();
            Box::pin(async move {
                settings::put(tx, settings::NAME, NAME).await?;
                settings::put(tx, settings::BASE_URL, &base_url).await?;
                settings::put(tx, settings::DEMO, "1").await?;
                access::seed_roles(tx).await?;
                working_days::put(tx, &published_holidays()).await?;
                Ok::<_, AppError>(())
            })
        })
        .await?;
    if app.geography().is_empty() {
        let lines = geography::read_places(PLACES, "places.tsv").map_err(AppError::Invalid)?;
        let plan = geography::plan(&lines, &app.geography(), app.now(), &app.clock.today_text());
        geography::import(app, plan, Actor::default(), "Datong", |_, _| {}).await?;
    }
    Ok(())
}

async fn finish(app: &App) -> Result<(), AppError> {
    let now = app.now();
    let event = Event {
        kind: "demo.built",
        subject_class: "place",
        subject_id: app.geography().root().map(|place| place.id),
        actor: Actor::default(),
        at: now,
        payload: serde_json::json!({}),
    };
    app.lanes
        .write(0, vec![], move |tx| {
            let event = event.clone();
            Box::pin(async move {
                settings::put(tx, settings::SET_UP_AT, &now.to_string()).await?;
                event.write(tx, 0).await?;
                Ok::<_, AppError>(())
            })
        })
        .await
}

/// The accounts of a built city: as kept in the data folder, or with new tokens.
async fn accounts(app: &App) -> Result<DemoAccounts, AppError> {
    let file = app.data.join(ACCOUNTS);
    if let Ok(text) = std::fs::read_to_string(&file)
        && let Ok(kept) = serde_json::from_str::<DemoAccounts>(&text)
    {
        return Ok(kept);
    }
    let directory = app.directory();
    let mut accounts = Vec::with_capacity(SIGN_INS.len());
    for person in SIGN_INS {
        let Some(account) = access::store::account_by_login(&mut app.read(), person.login).await? else { continue };
        let post = account.staff_id.and_then(|staff| directory.posts_of(staff).min_by_key(|post| (post.rank, post.id)));
        let token = tokens::create(app, account.id, post.map(|post| post.id), "demo", None, Actor::default()).await?;
        accounts.push(DemoAccount {
            login: person.login.to_owned(),
            password: PASSWORD.to_owned(),
            name: person.name.to_owned(),
            role: person.role.to_owned(),
            organization: post
                .and_then(|post| directory.organization(post.organization))
                .map_or_else(String::new, |unit| unit.name.clone()),
            post: post.map_or_else(String::new, |post| post.title.clone()),
            token,
        });
    }
    let accounts = DemoAccounts { accounts };
    let text = serde_json::to_string_pretty(&accounts).unwrap_or_default();
    let written = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file);
    if let Err(fault) = written.and_then(|mut out| out.write_all(text.as_bytes())) {
        tracing::warn!(%fault, "the demo accounts could not be kept");
    }
    Ok(accounts)
}

/// The password of every demo account, hashed on its own for each.
fn hashed() -> password::Hashed {
    password::hash_now(PASSWORD)
}
