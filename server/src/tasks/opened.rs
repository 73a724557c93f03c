//! An item as its worker opens it: the form, what is known of the subject, the visit before.

use std::collections::BTreeMap;
use std::sync::Arc;

use form_runtime::controls::Kind;
use form_runtime::definition::Owner;
use form_runtime::{AttributeRef, Class, CompiledField, Fact, FactState, Known, Map};
use serde_json::Value;

use super::model::{Item, Task};
use super::visits::{self, LastVisit};
use crate::app::App;
use crate::entities::{self, PersonRecord, Sealed, plain};
use crate::error::AppError;
use crate::forms::{self, Published};
use crate::platform::database::StoreError;
use crate::platform::ids::shard_of;

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
    let (record, last) = record_and_visit(app, &item).await?;
    let last = last.filter(|last| Some(last.submission) != item.submission_id);
    // Answers of another form are shown in words, never carried over by field.
    let same = match &last {
        Some(last) => forms::published(app, last.form_version).await?.form_id == published.form_id,
        None => false,
    };
    let known = known(app, &item, &published, &record, last.as_ref().filter(|_| same))?;
    Ok(Opened { task, item, published, record, known, last })
}

/// What holds of the subject, and the visit before. Every filing reads it: of a person it is one statement.
async fn record_and_visit(app: &App, item: &Item) -> Result<(Record, Option<LastVisit>), AppError> {
    let Some(subject) = item.subject_id else { return Ok((Record::None, None)) };
    let shard = item.subject_shard.unwrap_or_else(|| shard_of(subject));
    let class = item.subject_class.parse().ok();
    if class == Some(Class::Person)
        && let Some((record, last)) = visits::person_with_visit(app, shard, subject).await?
    {
        return Ok((Record::Person(Box::new(record)), last));
    }
    let record = match class {
        None | Some(Class::Person) => None,
        Some(class) => plain::find(&mut app.read(), class, shard, subject).await?,
    };
    let last = visits::last_visits(app, &[subject]).await?.remove(&subject);
    Ok((record.map_or(Record::None, |record| Record::Plain(Box::new(record))), last))
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
