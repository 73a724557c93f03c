//! An item as its worker opens it: the form, what is known of the subject, the visit before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use form_runtime::controls::Kind;
use form_runtime::definition::Owner;
use form_runtime::{AttributeRef, Class, CompiledField, Fact, FactState, Known, Map};
use serde_json::Value;

use super::model::{Item, Task};
use crate::app::App;
use crate::entities::{self, PersonRecord, Sealed, plain};
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::database::bulk::{chunk, tuples};
use crate::platform::database::{Arg, Exec, StoreError};
use crate::platform::ids::{Id, shard_of};

/// The last visit of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct LastVisit {
    /// instant
    pub at: i64,
    /// who holds the post it was recorded in
    pub by: Option<String>,
    /// the submission
    pub submission: Id,
    /// the form version that was filled
    pub form_version: Id,
    /// its answers that are not secret
    pub answers: Map,
}

/// The current record of the subject.
#[derive(Clone, Debug)]
pub enum Record {
    /// nothing yet, or no subject
    None,
    /// a person
    Person(Box<PersonRecord>),
    /// an organization, place, thing or event
    Plain(Box<plain::PlainRecord>),
}

impl Record {
    /// Its version; 0 where there is none.
    pub fn version(&self) -> i64 {
        match self {
            Self::None => 0,
            Self::Person(record) => record.version,
            Self::Plain(record) => record.version,
        }
    }

    /// The person's record.
    pub fn person(&self) -> Option<&PersonRecord> {
        if let Self::Person(record) = self { Some(record) } else { None }
    }
}

/// An item with everything that its page shows.
#[derive(Clone, Debug)]
pub struct Opened {
    /// the task
    pub task: Task,
    /// the item
    pub item: Item,
    /// its form
    pub published: Arc<Published>,
    /// the subject
    pub record: Record,
    /// by field
    pub known: Known,
    /// the visit before this one
    pub last: Option<LastVisit>,
}

/// Reads what an item's page needs.
pub async fn open(app: &App, task: Task, item: Item) -> Result<Opened, AppError> {
    let published = forms::published(app, task.form_version_id).await?;
    let record = record(app, &item).await?;
    let last = match item.subject_id {
        Some(subject) => last_visits(app, &[subject])
            .await?
            .remove(&subject)
            .filter(|last| Some(last.submission) != item.submission_id),
        None => None,
    };
    // Answers of another form are shown in words, never carried over by field.
    let same = match &last {
        Some(last) => forms::published(app, last.form_version).await?.form_id == published.form_id,
        None => false,
    };
    let known = known(app, &item, &published, &record, last.as_ref().filter(|_| same))?;
    Ok(Opened { task, item, published, record, known, last })
}

async fn record(app: &App, item: &Item) -> Result<Record, AppError> {
    let Some(subject) = item.subject_id else { return Ok(Record::None) };
    let shard = item.subject_shard.unwrap_or_else(|| shard_of(subject));
    let mut db = app.read();
    let found = match item.subject_class.parse().ok() {
        Some(Class::Person) => entities::find(&mut db, shard, subject).await?.map(|r| Record::Person(Box::new(r))),
        Some(class) => plain::find(&mut db, class, shard, subject).await?.map(|r| Record::Plain(Box::new(r))),
        None => None,
    };
    Ok(found.unwrap_or(Record::None))
}

/// What is known by field: the current record, else the sheet the task came with, else (asked again,
/// prefilled) what the same form was told at the last visit.
fn known(
    app: &App,
    item: &Item,
    published: &Published,
    record: &Record,
    last: Option<&LastVisit>,
) -> Result<Known, AppError> {
    let form = &published.compiled;
    let facts = match record {
        Record::None => BTreeMap::new(),
        Record::Person(record) => {
            let asked = |key: &str| form.subject_field(&AttributeRef::new(Class::Person, key)).is_some();
            entities::known_of(app, record, true, asked)?
        }
        Record::Plain(record) => plain_facts(app, record)?,
    };
    let mut known = Known::of_subject(form, &facts);
    let sheet: Map = serde_json::from_str(&item.sheet).unwrap_or_default();
    for (key, value) in sheet {
        let secret = form.field(&key).is_none_or(|field| field.secret);
        if !secret && known.get(&key).is_none() {
            known.0.insert(key, Fact::of(value));
        }
    }
    if let Some(last) = last {
        let since = Some(app.clock.date_of(last.at));
        for field in form.fields().iter().filter(|field| is_finding(field)) {
            if let (None, Some(value)) = (known.get(field.key()), last.answers.get(field.key())) {
                let fact = Fact {
                    value: Some(value.clone()),
                    since,
                    source: last.by.clone(),
                    state: FactState::Stale,
                    ..Fact::default()
                };
                known.0.insert(field.key().to_owned(), fact);
            }
        }
    }
    Ok(known)
}

/// A question about the visit itself, not about the subject: asked each time.
pub(super) fn is_finding(field: &CompiledField) -> bool {
    let of_subject = field.definition.bind.as_ref().is_some_and(|bind| bind.owner == Owner::Subject);
    !of_subject && !field.secret && field.control.kind() != Kind::Date
}

fn plain_facts(app: &App, record: &plain::PlainRecord) -> Result<BTreeMap<String, Fact>, StoreError> {
    let fields = record.fields()?;
    let mut facts = BTreeMap::new();
    for (key, value) in fields.values {
        if Sealed::from_value(&value).is_some() {
            continue;
        }
        let origin = fields.origin.get(&key);
        let text = entities::known::place_name(app, &value);
        let since = origin.map(|origin| app.clock.date_of(origin.seen));
        let source = origin.map(|origin| entities::known::source_text(app, origin)).filter(|text| !text.is_empty());
        facts.insert(key, Fact { value: Some(value), text, since, source, ..Fact::default() });
    }
    Ok(facts)
}

/// What the last visit found, in one line: choices and remarks, at most 60 characters.
pub fn last_text(published: &Published, last: &LastVisit, lang: form_runtime::Lang) -> String {
    let mut parts = Vec::new();
    for field in published.compiled.fields().iter().filter(|field| is_finding(field)) {
        let Some(value) = last.answers.get(field.key()) else { continue };
        let text = match field.control.kind() {
            Kind::Boolean if *value == Value::Bool(true) => field.label().get(lang).to_owned(),
            Kind::Boolean => continue,
            _ => field.control.display(value, &field.options, lang),
        };
        if !text.trim().is_empty() {
            parts.push(text);
        }
    }
    let whole = parts.join(if lang == form_runtime::Lang::En { ", " } else { "，" });
    if whole.chars().count() > 60 { format!("{}…", whole.chars().take(60).collect::<String>()) } else { whole }
}

/// The last visits of many subjects, two queries in all.
pub async fn last_visits(app: &App, subjects: &[Id]) -> Result<HashMap<Id, LastVisit>, AppError> {
    type Seen = (Id, i64, Option<Id>, Option<Id>);
    let mut db = app.read();
    let directory = app.directory();
    let mut seen: Vec<Seen> = Vec::new();
    let mut rest = subjects;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        seen.extend(db.all_built::<Seen>(visits_sql(now.len()), keys(now)).await?);
    }
    let submissions: Vec<Id> = seen.iter().filter_map(|row| row.2).collect();
    let mut answers: HashMap<Id, (Id, String)> = HashMap::new();
    let mut rest = submissions.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let rows: Vec<(Id, Id, String)> = db.all_built(answers_sql(now.len()), keys(now)).await?;
        answers.extend(rows.into_iter().map(|row| (row.0, (row.1, row.2))));
    }
    let mut found = HashMap::new();
    for (subject, at, submission, post) in seen {
        let Some((submission, (form_version, text))) = submission.and_then(|id| Some((id, answers.remove(&id)?)))
        else {
            continue;
        };
        let mut answers: Map = serde_json::from_str(&text).map_err(StoreError::from)?;
        answers.retain(|_, value| !value.as_str().is_some_and(|text| text.starts_with("enc:")));
        let by = post.and_then(|post| directory.holder(post)).map(|holder| holder.name.clone());
        found.insert(subject, LastVisit { at, by, submission, form_version, answers });
    }
    Ok(found)
}

fn keys(ids: &[Id]) -> Vec<Arg> {
    ids.iter().flat_map(|id| [Arg::from(shard_of(*id)), Arg::from(*id)]).collect()
}

fn visits_sql(rows: usize) -> String {
    format!(
        "SELECT entity_id, observed_at, submission_id, post_id FROM (SELECT entity_id, observed_at, submission_id, post_id, \
         row_number() OVER (PARTITION BY entity_id ORDER BY observed_at DESC, id DESC) AS place FROM observation \
         WHERE (shard, entity_id) IN (VALUES {}) AND source_kind = 'worker' AND state = 'current' AND submission_id IS NOT NULL) seen \
         WHERE place = 1",
        tuples(rows, 2, 1)
    )
}

fn answers_sql(rows: usize) -> String {
    format!("SELECT id, form_version_id, answers FROM submission WHERE (shard, id) IN (VALUES {})", tuples(rows, 2, 1))
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    vec![visits_sql(2), answers_sql(2)]
}
