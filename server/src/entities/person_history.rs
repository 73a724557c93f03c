//! Beside a person's facts: what was said and by whom, relations, who serves, who looked.

use std::collections::HashMap;

use form_runtime::{Class, Model};
use web::pages::entities::{LinkRow, Serving, Statement};

use super::observation::Observation;
use super::record::PersonRecord;
use super::{show, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::database::Exec;
use crate::platform::ids::Id;

/// Statements about a person, the newest first.
pub async fn observations(
    app: &App,
    record: &PersonRecord,
    before: i64,
    limit: i64,
) -> Result<Vec<Observation>, AppError> {
    Ok(app.read().all(store::OBSERVATIONS, args![record.shard, record.id, before, limit]).await?)
}

/// Names of who recorded the statements, by account.
pub(super) async fn recorders(app: &App, history: &[Observation]) -> Result<HashMap<Id, String>, AppError> {
    let mut accounts: Vec<Id> = history.iter().filter_map(|o| o.account_id).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut names = HashMap::new();
    for account in accounts {
        let found: Option<(Id, String)> = app.read().optional(store::RECORDERS, args![account]).await?;
        names.extend(found);
    }
    Ok(names)
}

/// A statement in words.
pub(super) fn statement(
    app: &App,
    viewer: &Viewer,
    model: &Model,
    names: &HashMap<Id, String>,
    observation: &Observation,
) -> Result<Statement, AppError> {
    let said = observation.said()?;
    let separator = if viewer.lang == web::Lang::En { ", " } else { "、" };
    let labels: Vec<String> = said.keys().map(|key| show::label(model, viewer.lang, Class::Person, key)).collect();
    let confirmed = observation.confirmed()?.len();
    let mut parts = Vec::new();
    if let Some(name) = observation.account_id.and_then(|id| names.get(&id)) {
        parts.push(name.clone());
    }
    parts.push(viewer.text(&format!("entities-source-{}", observation.source_kind), &[]));
    if !labels.is_empty() {
        parts.push(viewer.text("entities-said", &[("what", labels.join(separator).into())]));
    }
    if confirmed > 0 {
        parts.push(viewer.text("entities-confirmed", &[("n", (confirmed as i64).into())]));
    }
    let (kind, state) = match observation.state.as_str() {
        "pending" => ("warn", Some("entities-state-pending")),
        "rejected" => ("", Some("entities-state-rejected")),
        _ => ("good", None),
    };
    parts.extend(state.map(|key| viewer.text(key, &[])));
    Ok(Statement {
        title: if observation.source_title.is_empty() {
            viewer.text("entities-untitled", &[])
        } else {
            observation.source_title.clone()
        },
        note: parts.join(" · "),
        at: app.clock.minute_text(observation.observed_at),
        kind,
    })
}

type LinkOf = (Id, String, String, Id, String, Id, String, Option<String>);

/// Relations of a person; the other end is named only within the viewer's scope.
pub(super) async fn links(
    app: &App,
    viewer: &Viewer,
    model: &Model,
    record: &PersonRecord,
) -> Result<Vec<LinkRow>, AppError> {
    let rows: Vec<LinkOf> = app.read().all(store::LINKS, args![record.shard, record.id]).await?;
    let (geography, directory) = (app.geography(), app.directory());
    let mut out = Vec::new();
    for (_, kind, from_class, from, to_class, to, ..) in rows {
        let outward = from == record.id;
        let (class, other) = if outward { (to_class, to) } else { (from_class, from) };
        let label = model.relation(&kind).map_or(kind.clone(), |relation| match (outward, viewer.lang) {
            (_, web::Lang::En) if !relation.en.is_empty() => relation.en.clone(),
            (false, _) if !relation.inverse_zh.is_empty() => relation.inverse_zh.clone(),
            _ => relation.zh.clone(),
        });
        let (name, href) = match class.as_str() {
            "person" => match super::reveal::visible(app, viewer, Permission::PersonRead, other).await {
                Ok(person) => (person.name.clone(), Some(format!("/people/{other}"))),
                Err(_) => (viewer.text("entities-out-of-scope", &[]), None),
            },
            "place" => (geography.get(other).map(|p| p.full_name.to_string()).unwrap_or_default(), None),
            _ => (directory.organization(other).map(|o| o.name.clone()).unwrap_or_default(), None),
        };
        out.push(LinkRow { label, name, href });
    }
    Ok(out)
}

/// Who governs and serves the person now, and why.
pub(super) fn serving(app: &App, viewer: &Viewer, record: &PersonRecord) -> Vec<Serving> {
    let (geography, directory) = (app.geography(), app.directory());
    let Some(community) = record.community_id else {
        return Vec::new();
    };
    let mut out = Vec::new();
    if let Some(committee) = directory.governing(community) {
        out.push(Serving {
            kind: viewer.text("entities-territorial", &[]),
            name: committee.name.clone(),
            why: viewer.text("entities-lives-here", &[]),
        });
    }
    for grid in directory.grids_in(community) {
        let covers = grid.premises.is_empty() || record.premises_id.is_some_and(|id| grid.premises.contains(&id));
        for worker in grid.workers.iter().filter(|_| covers).filter_map(|post| directory.holder(*post)) {
            out.push(Serving {
                kind: viewer.text("entities-grid", &[]),
                name: format!("{}，{}", worker.name, grid.name),
                why: viewer.text("entities-in-grid", &[]),
            });
        }
    }
    if let Some(above) = geography.get(community).and_then(|place| place.parent).and_then(|id| directory.governing(id))
    {
        out.push(Serving {
            kind: viewer.text("entities-above", &[]),
            name: above.name.clone(),
            why: viewer.text("entities-governs-community", &[]),
        });
    }
    out
}

/// Who saw secrets of this person in the last 30 days, and how often.
pub(super) async fn looked_at(app: &App, viewer: &Viewer, record: &PersonRecord) -> Result<Vec<String>, AppError> {
    let since = app.now() - 30 * DAY;
    let rows: Vec<(String, i64)> = app.read().all(store::LOOKED_AT, args![record.shard, record.id, since]).await?;
    Ok(rows
        .into_iter()
        .map(|(name, times)| viewer.text("entities-looked", &[("name", name.into()), ("n", times.into())]))
        .collect())
}
