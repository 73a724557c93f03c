//! Page of administrators: what is installed, what it consists of, what is wrong with it by now.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{Html, Response};
use serde::Serialize;
use serde_json::json;
use web::{Tab, ToastKind};

use super::format::Kind;
use super::store::{self, Application, Object};
use super::{Fault, check_installed, retire};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::platform::http::redirect_with_toast;

#[derive(Serialize)]
struct Page {
    apps: Vec<AppCard>,
}

#[derive(Serialize)]
struct AppCard {
    key: String,
    title: String,
    version: String,
    installed_at: String,
    retired: bool,
    objects: Vec<ObjectRow>,
    faults: Vec<FaultRow>,
}

#[derive(Serialize)]
struct ObjectRow {
    kind: String,
    key: String,
    title: String,
    href: Option<String>,
    retired: bool,
}

#[derive(Serialize)]
struct FaultRow {
    place: String,
    text: String,
}

/// Where people find what an object became.
fn href(object: &Object) -> Option<String> {
    let id = object.object_id;
    match object.kind.as_str() {
        "forms" => Some(format!("/forms/{id}")),
        "ledgers" => Some(format!("/ledgers/{id}")),
        "channels" => Some(format!("/channels/{id}")),
        "tasks" => Some(format!("/tasks/new?template={}/{}", object.app_key, object.key)),
        _ => None,
    }
}

/// The title that an object's file gives it, if it has one.
fn title(object: &Object, lang: web::Lang) -> String {
    let content: serde_json::Value = serde_json::from_str(&object.content).unwrap_or_default();
    content
        .get("title")
        .map_or_else(String::new, |title| forms::to_text(&title.to_string()).get(forms::language(lang)).to_owned())
}

/// The contents judged against the model and the engine of today.
fn faults(app: &Application, objects: &[Object], others: &[&str]) -> Vec<Fault> {
    let title: serde_json::Value = serde_json::from_str(&app.title).unwrap_or_default();
    let head = json!({ "id": app.key, "version": app.version, "title": title, "needs": { "applications": others } });
    let installed = objects.iter().filter(|object| object.state == "installed");
    let contents = installed.filter_map(|o| Some((Kind::from_key(&o.kind)?, o.key.clone(), o.content.clone())));
    check_installed(&head.to_string(), contents)
}

async fn cards(app: &App, viewer: &Viewer) -> Result<Vec<AppCard>, AppError> {
    let mut conn = app.read();
    let apps = store::list(&mut conn).await?;
    let mut cards = Vec::with_capacity(apps.len());
    for one in &apps {
        let objects = store::objects(&mut conn, &one.key).await?;
        let installed: Vec<&str> = apps
            .iter()
            .filter(|other| other.state == "installed" && other.key != one.key)
            .map(|other| other.key.as_str())
            .collect();
        let found = if one.state == "installed" { faults(one, &objects, &installed) } else { Vec::new() };
        let by_kind: BTreeMap<&str, usize> = Kind::ALL.iter().enumerate().map(|(at, kind)| (kind.key(), at)).collect();
        let mut rows: Vec<&Object> = objects.iter().collect();
        rows.sort_by_key(|object| (by_kind.get(object.kind.as_str()).copied(), object.key.clone()));
        cards.push(AppCard {
            key: one.key.clone(),
            title: forms::to_text(&one.title).get(forms::language(viewer.lang)).to_owned(),
            version: one.version.clone(),
            installed_at: app.clock.minute_text(one.installed_at),
            retired: one.state != "installed",
            objects: rows
                .into_iter()
                .map(|object| ObjectRow {
                    kind: viewer.text(&format!("applications-kind-{}", object.kind), &[]),
                    key: format!("{}/{}", object.app_key, object.key),
                    title: title(object, viewer.lang),
                    href: if object.state == "installed" { href(object) } else { None },
                    retired: object.state != "installed",
                })
                .collect(),
            faults: found
                .iter()
                .map(|fault| FaultRow { place: fault.place(), text: fault.text(viewer.lang).to_owned() })
                .collect(),
        });
    }
    Ok(cards)
}

/// `GET /admin/apps`
pub async fn index(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let page = Page { apps: cards(&app, &viewer).await? };
    viewer.page(&app, "applications/index.html", "applications-title", Some(Tab::Admin), page)
}

/// `POST /admin/apps/{key}/retire`
pub async fn take_out(State(app): State<App>, viewer: Viewer, Path(key): Path<String>) -> Result<Response, AppError> {
    // It concerns the whole city.
    viewer.require_at(&app, Permission::Administer, app.geography().root().map(|place| place.id), None)?;
    retire(&app, &key, &viewer.actor()).await?;
    Ok(redirect_with_toast("/admin/apps", ToastKind::Good, viewer.text("applications-retired-toast", &[])))
}
