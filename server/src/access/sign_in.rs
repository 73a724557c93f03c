//! Signing in and out, changing post and password: the use-cases.

use std::net::IpAddr;

use tower_sessions::Session;

use super::store::{self, Account};
use super::{Viewer, password, tokens};
use crate::app::App;
use crate::error::AppError;
use crate::platform::events::{Actor, Event};
use crate::platform::ids::{Id, shard_of};
use crate::platform::sessions::{self, ACCOUNT, POST, fault as session_fault};

/// Checks a login and password; none when they do not fit or the account is suspended, which the page
/// does not tell apart.
pub async fn check(app: &App, peer: IpAddr, login: &str, password: &str) -> Result<Option<Account>, AppError> {
    let login = login.trim();
    app.gate.sign_in(peer, login)?;
    let found = store::account_by_login(&mut app.read(), login).await?;
    let hash = found.as_ref().map(|account| account.password_hash.clone());
    let fits = app.gate.hashing.verify(password, hash).await?;
    Ok(found.filter(|account| fits && account.active()))
}

/// Begins a session for an account: under a new id, so that one known before is worth nothing.
pub async fn begin(app: &App, session: &Session, account: &Account, request_id: &str) -> Result<(), AppError> {
    session.clear().await;
    session.cycle_id().await.map_err(session_fault)?;
    session.insert(ACCOUNT, account.id).await.map_err(session_fault)?;
    // Here, and not by the layer around: it answers a store that fails with a bare 500.
    session.save().await.map_err(session_fault)?;
    let actor = Actor { account: Some(account.id), request_id: Some(request_id.to_owned()), ..Actor::default() };
    record(app, account.id, "account.signed_in", actor).await
}

/// Ends the session.
pub async fn end(session: &Session) -> Result<(), AppError> {
    session.flush().await.map_err(session_fault)
}

/// Goes on acting in another post of one's own (切换身份).
pub async fn change_post(app: &App, viewer: &Viewer, session: &Session, post: Id) -> Result<(), AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let loaded = store::load(app, account, Some(post)).await?.ok_or(AppError::SignIn)?;
    if loaded.principal.post() != Some(post) {
        return Err(AppError::NotFound);
    }
    session.insert(POST, post).await.map_err(session_fault)?;
    session.save().await.map_err(session_fault)?;
    let event = Event {
        kind: "account.acts_in",
        subject_class: "account",
        subject_id: Some(account),
        actor: Actor { post: Some(post), ..viewer.actor() },
        at: app.now(),
        payload: serde_json::json!({"post": post}),
    };
    let shard = shard_of(account);
    app.lanes
        .write(shard, vec![], move |tx| {
            let event = event.clone();
            Box::pin(async move {
                store::set_last_post(tx, account, post).await?;
                event.write(tx, shard).await
            })
        })
        .await
        .map_err(AppError::from)
}

/// Changes one's own password; every other session of the account ends. Faults name the fields
/// `current`, `password`, `again`.
pub async fn change_password(
    app: &App,
    viewer: &Viewer,
    session: &Session,
    current: &str,
    chosen: &str,
    again: &str,
) -> Result<(), AppError> {
    let id = viewer.principal.account().ok_or(AppError::SignIn)?;
    let account = store::account(&mut app.read(), id).await?.ok_or(AppError::SignIn)?;
    if !app.gate.hashing.verify(current, Some(account.password_hash.clone())).await? {
        return Err(AppError::invalid("current", "sign-in-password-wrong"));
    }
    if let Some(key) = password::weakness(&account.login, chosen) {
        return Err(AppError::invalid("password", key));
    }
    if chosen == current {
        return Err(AppError::invalid("password", "sign-in-password-same"));
    }
    if chosen != again {
        return Err(AppError::invalid("again", "sign-in-password-differs"));
    }
    let hashed = app.gate.hashing.hash(chosen).await?;
    let keep = session.id().map(|id| id.to_string());
    let (shard, now, actor) = (shard_of(id), app.now(), viewer.actor());
    let event = Event {
        kind: "account.password_changed",
        subject_class: "account",
        subject_id: Some(id),
        actor,
        at: now,
        payload: serde_json::json!({}),
    };
    app.lanes
        .write(shard, vec![], move |tx| {
            let (hashed, keep, event) = (hashed.clone(), keep.clone(), event.clone());
            Box::pin(async move {
                store::set_password(tx, id, &hashed, false).await?;
                sessions::end_all(tx, id, keep.as_deref()).await?;
                tokens::revoke_all(tx, id, now).await?;
                event.write(tx, shard).await
            })
        })
        .await
        .map_err(AppError::from)
}

async fn record(app: &App, account: Id, kind: &'static str, actor: Actor) -> Result<(), AppError> {
    let event = Event {
        kind,
        subject_class: "account",
        subject_id: Some(account),
        actor,
        at: app.now(),
        payload: serde_json::json!({}),
    };
    let shard = shard_of(account);
    app.lanes
        .write_first(shard, vec![], move |tx| {
            let event = event.clone();
            Box::pin(async move { event.write(tx, shard).await })
        })
        .await
        .map_err(AppError::from)
}
