//! What a form will cost its fillers: what is known already, and minutes of people's time.

use std::collections::BTreeMap;

use form_runtime::{Class, CompiledField, CompiledForm};

use crate::access::{Columns, Permission, Principal};
use crate::app::App;
use crate::entities;
use crate::error::AppError;
use crate::platform::database::Exec;

/// Persons looked at; enough to say "most" or "few".
const SAMPLE: i64 = 300;
/// The statement for somebody who sees everybody; the scoped one differs in its predicate only.
pub(super) const KNOWN_SAMPLE_ALL_SHARDS: &str =
    "SELECT r.origin FROM record_person r ORDER BY r.updated_at DESC LIMIT $1";

/// The burden of a form, shown before it is published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Burden {
    /// fields that a filler sees
    pub fields: usize,
    /// fields bound to the knowledge model: their answers are never asked again while fresh
    pub bound: usize,
    /// label of each bound field of the subject with the share of persons of whom it is known, in percent
    pub known: Vec<(String, i64)>,
    /// how many persons were looked at
    pub sampled: usize,
    /// estimated minutes for one filling, as declared or from the controls and what is known
    pub minutes: u32,
    /// whether the maker gave the minutes
    pub declared: bool,
}

/// Estimates the burden for fillers in the principal's scope.
pub async fn burden(
    app: &App,
    principal: &Principal,
    form: &CompiledForm,
    lang: web::Lang,
) -> Result<Burden, AppError> {
    let lang = super::language(lang);
    let counts =
        if form.subject() == Some(Class::Person) { known_counts(app, principal).await? } else { Counts::default() };
    let share = |field: &CompiledField| -> Option<i64> {
        let attribute = field.definition.bind.as_ref()?.of_subject()?;
        let known = counts.by_attribute.get(&attribute.key).copied().unwrap_or(0);
        Some(web::percent_of(known, counts.persons))
    };
    let asked = || form.fields().iter().filter(|field| field.definition.computed.is_none());
    let seconds: i64 = asked().map(|field| seconds(field) * (100 - share(field).unwrap_or(0)) / 100 + 1).sum();
    let declared = form.definition().settings.minutes;
    Ok(Burden {
        fields: asked().count(),
        bound: asked().filter(|field| field.definition.bind.is_some()).count(),
        known: asked().filter_map(|field| Some((field.definition.label.get(lang).to_owned(), share(field)?))).collect(),
        sampled: counts.persons as usize,
        minutes: declared.unwrap_or_else(|| (seconds as u32).div_ceil(60).max(1)),
        declared: declared.is_some(),
    })
}

/// Seconds that answering takes when nothing is known, by kind of control: half a minute for free text,
/// a few seconds for a tap; long numbers are read off a card.
fn seconds(field: &CompiledField) -> i64 {
    match field.control.key() {
        "boolean" | "choice" => 4,
        "multiple_choice" => 8,
        "long_text" => 40,
        "citizen_number" | "bank_card" | "uscc" => 30,
        "address" | "place" => 25,
        "date" | "phone" => 12,
        _ => 10,
    }
}

#[derive(Default)]
struct Counts {
    persons: i64,
    by_attribute: BTreeMap<String, i64>,
}

async fn known_counts(app: &App, principal: &Principal) -> Result<Counts, AppError> {
    let mut args = Vec::new();
    let columns = Columns { place: Some("r.community_id"), organization: None, post: None };
    let predicate = principal.rows(Permission::PersonRead, columns, &mut args);
    args.push(SAMPLE.into());
    let sql = KNOWN_SAMPLE_ALL_SHARDS
        .replace("ORDER BY", &format!("WHERE {predicate} ORDER BY"))
        .replace("LIMIT $1", &format!("LIMIT ${}", args.len()));
    let rows: Vec<(String,)> = app.read().all_built(sql, args).await?;
    let mut counts = Counts { persons: rows.len() as i64, ..Counts::default() };
    for (origin,) in rows {
        for key in entities::known_attributes(&origin) {
            *counts.by_attribute.entry(key).or_default() += 1;
        }
    }
    Ok(counts)
}
