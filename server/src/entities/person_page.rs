//! What stands on a person's page.

use std::collections::HashMap;

use form_runtime::known::FactState;
use form_runtime::{AttributeRef, Class, Model};
use serde_json::Value;
use web::pages::entities::{LinkRow, PersonFact, PersonPage, Serving, Statement};

use super::known::{source_text, state};
use super::merge::Origin;
use super::observation::Observation;
use super::record::PersonRecord;
use super::search::age;
use super::sealed::Sealed;
use super::{show, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::database::Exec;
use crate::platform::ids::Id;

/// Statements on one page.
const STATEMENTS: i64 = 20;
/// Attributes that every record should have: missing ones are named.
const EXPECTED: [&str; 8] =
    ["name", "id_no", "sex", "birth_date", "mobile", "residence_place", "residence_addr", "live_alone"];

/// A reveal that was asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// which attribute
    pub attribute: Option<String>,
    /// its value, if the reason was good
    pub clear: Option<String>,
    /// what is wrong with the reason
    pub error: Option<String>,
}

/// The page of a record that the viewer may see.
pub async fn context(
    app: &App,
    viewer: &Viewer,
    record: &PersonRecord,
    before: Option<i64>,
    asked: Asked,
) -> Result<PersonPage, AppError> {
    let model = Model::shipped();
    let before = before.unwrap_or(i64::MAX);
    let mut history = observations(app, record, before, STATEMENTS + 1).await?;
    let older = history.len() > STATEMENTS as usize;
    history.truncate(STATEMENTS as usize);
    let names = recorders(app, &history).await?;
    let facts = facts(app, viewer, &model, record, &asked)?;
    let gaps = EXPECTED
        .iter()
        .filter(|key| !facts.iter().any(|fact| fact.key == **key))
        .map(|key| show::label(&model, viewer.lang, Class::Person, key))
        .collect();
    let (waiting,): (i64,) = app.read().one(store::WAITING, args![record.shard, record.id]).await?;
    Ok(PersonPage {
        id: record.id.to_string(),
        name: if record.name.is_empty() { viewer.text("entities-no-name", &[]) } else { record.name.clone() },
        note: note(app, viewer, &model, record),
        chips: chips(app, viewer, record),
        made_up: record.made_up,
        facts,
        gaps,
        older_href: history.last().filter(|_| older).map(|o| format!("/people/{}?before={}", record.id, o.recorded_at)),
        statements: history.iter().map(|o| statement(app, viewer, &model, &names, o)).collect::<Result<_, _>>()?,
        waiting,
        links: links(app, viewer, &model, record).await?,
        serving: serving(app, viewer, record),
        looked_at: looked_at(app, viewer, record).await?,
        reason_error: asked.error,
        reason_for: asked.attribute.filter(|_| asked.clear.is_none()),
    })
}

/// Statements about a person, the newest first.
pub async fn observations(
    app: &App,
    record: &PersonRecord,
    before: i64,
    limit: i64,
) -> Result<Vec<Observation>, AppError> {
    Ok(app.read().all(store::OBSERVATIONS, args![record.shard, record.id, before, limit]).await?)
}

fn note(app: &App, viewer: &Viewer, model: &Model, record: &PersonRecord) -> String {
    let sex = record.sex.as_ref().map(|code| {
        show::text(app, model, viewer.lang, &AttributeRef::new(Class::Person, "sex"), &Value::from(code.as_str()))
    });
    let years = record
        .birth_date
        .as_deref()
        .and_then(|date| age(app.clock.today(), date))
        .map(|years| viewer.text("entities-years", &[("n", years.into())]));
    let parts: Vec<String> = [sex, years].into_iter().flatten().collect();
    parts.join(if viewer.lang == web::Lang::En { ", " } else { "，" })
}

fn chips(app: &App, viewer: &Viewer, record: &PersonRecord) -> Vec<String> {
    let years = record.birth_date.as_deref().and_then(|date| age(app.clock.today(), date));
    let mut chips = Vec::new();
    if record.living_alone == Some(true) {
        chips.push(viewer.text("ledgers-alone", &[]));
    }
    // 高龄: from 80 on, as the old-age allowance counts it.
    if years.is_some_and(|years| years >= 80) {
        chips.push(viewer.text("entities-aged", &[]));
    }
    chips
}

fn facts(
    app: &App,
    viewer: &Viewer,
    model: &Model,
    record: &PersonRecord,
    asked: &Asked,
) -> Result<Vec<PersonFact>, AppError> {
    let mut known = record.facts()?;
    let may_reveal = viewer.may(app, Permission::PersonReveal, record.community_id, None);
    let order: Vec<String> = EXPECTED
        .iter()
        .map(|key| (*key).to_owned())
        .chain(model.attributes_of(Class::Person).map(|attribute| attribute.key.clone()))
        .collect();
    let mut facts = Vec::new();
    for key in order {
        let Some((value, origin)) = known.remove(&key) else { continue };
        let at = AttributeRef::new(Class::Person, key.clone());
        let (chip, chip_kind) = freshness(app, viewer, model, &at, &origin);
        let words = |value: &Value| show::text(app, model, viewer.lang, &at, value);
        facts.push(PersonFact {
            label: show::label(model, viewer.lang, Class::Person, &key),
            value: words(&value),
            note: origin_words(app, viewer, &origin),
            chip,
            chip_kind,
            contender: origin.contender.as_ref().map(|contender| {
                let day = app.clock.zoned(contender.at).date().to_string();
                viewer.text(
                    "entities-says-otherwise",
                    &[("day", day.into()), ("value", words(&contender.value).into())],
                )
            }),
            revealable: may_reveal && Sealed::from_value(&value).is_some(),
            clear: asked.clear.clone().filter(|_| asked.attribute.as_deref() == Some(&key)),
            key,
        });
    }
    Ok(facts)
}

/// `2026-05-08 人口基础信息，王强`, and when somebody later said or confirmed the same.
fn origin_words(app: &App, viewer: &Viewer, origin: &Origin) -> String {
    let (said, seen) = (app.clock.zoned(origin.at).date(), app.clock.zoned(origin.seen).date());
    let mut words = format!("{said} {}", source_text(app, origin)).trim_end().to_owned();
    if seen != said {
        words.push_str(&viewer.text("entities-checked-again", &[("day", seen.to_string().into())]));
    }
    words
}

/// How long ago somebody last said so, in words; a stale or disputed value stands out.
fn freshness(app: &App, viewer: &Viewer, model: &Model, at: &AttributeRef, origin: &Origin) -> (String, &'static str) {
    let days = (app.now() - origin.seen).max(0) / DAY;
    match state(model, at, origin, app.now()) {
        FactState::Disputed => (viewer.text("entities-two-answers", &[]), "warn"),
        FactState::Stale => (viewer.text("entities-months-unchecked", &[("n", (days / 30).into())]), "warn"),
        FactState::Fresh if days == 0 => (viewer.text("entities-today", &[]), "good"),
        FactState::Fresh => (viewer.text("entities-days-ago", &[("n", days.into())]), "good"),
    }
}

async fn recorders(app: &App, history: &[Observation]) -> Result<HashMap<Id, String>, AppError> {
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

fn statement(
    app: &App,
    viewer: &Viewer,
    model: &Model,
    names: &HashMap<Id, String>,
    observation: &Observation,
) -> Result<Statement, AppError> {
    let said = observation.said()?;
    let separator = if viewer.lang == web::Lang::En { ", " } else { "、" };
    let labels: Vec<String> =
        said.keys().map(|key| show::label(model, viewer.lang, Class::Person, key)).collect();
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

async fn links(app: &App, viewer: &Viewer, model: &Model, record: &PersonRecord) -> Result<Vec<LinkRow>, AppError> {
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
                Ok(person) => (person.name, Some(format!("/people/{other}"))),
                Err(_) => (viewer.text("entities-out-of-scope", &[]), None),
            },
            "place" => (geography.get(other).map(|p| p.full_name.clone()).unwrap_or_default(), None),
            _ => (directory.organization(other).map(|o| o.name.clone()).unwrap_or_default(), None),
        };
        out.push(LinkRow { label, name, href });
    }
    Ok(out)
}

/// Who governs and serves the person now, and why.
fn serving(app: &App, viewer: &Viewer, record: &PersonRecord) -> Vec<Serving> {
    let (geography, directory) = (app.geography(), app.directory());
    let Some(community) = record.community_id else { return Vec::new() };
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
    if let Some(above) = geography.get(community).and_then(|place| place.parent).and_then(|id| directory.governing(id)) {
        out.push(Serving {
            kind: viewer.text("entities-above", &[]),
            name: above.name.clone(),
            why: viewer.text("entities-governs-community", &[]),
        });
    }
    out
}

/// Who saw secrets of this person in the last 30 days, and how often.
async fn looked_at(app: &App, viewer: &Viewer, record: &PersonRecord) -> Result<Vec<String>, AppError> {
    let since = app.now() - 30 * DAY;
    let rows: Vec<(String, i64)> = app.read().all(store::LOOKED_AT, args![record.shard, record.id, since]).await?;
    Ok(rows
        .into_iter()
        .map(|(name, times)| viewer.text("entities-looked", &[("name", name.into()), ("n", times.into())]))
        .collect())
}
