//! What stands on a person's page.

use form_runtime::known::FactState;
use form_runtime::{AttributeRef, Class, Model};
use serde_json::Value;
use web::pages::entities::{PersonFact, PersonPage};

use super::known::{source_text, state};
use super::merge::Origin;
use super::person_history::{links, looked_at, observations, recorders, serving, statement};
use super::record::PersonRecord;
use super::sealed::Sealed;
use super::search::age;
use super::{show, store};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::args;
use crate::error::AppError;
use crate::platform::clock::DAY;
use crate::platform::database::Exec;

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
        let Some((value, origin)) = known.remove(&key) else {
            continue;
        };
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
                viewer
                    .text("entities-says-otherwise", &[("day", day.into()), ("value", words(&contender.value).into())])
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
    match state(model, at.class, &at.key, origin, app.now()) {
        FactState::Disputed => (viewer.text("entities-two-answers", &[]), "warn"),
        FactState::Stale => (viewer.text("entities-months-unchecked", &[("n", (days / 30).into())]), "warn"),
        FactState::Fresh if days == 0 => (viewer.text("entities-today", &[]), "good"),
        FactState::Fresh => (viewer.text("entities-days-ago", &[("n", days.into())]), "good"),
    }
}
