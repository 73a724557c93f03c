//! The last visit of a subject: what a worker found there before.

use std::collections::HashMap;
use std::sync::LazyLock;

use form_runtime::Map;

use crate::app::App;
use crate::args;
use crate::entities::{PersonRecord, RECORD_PERSON};
use crate::error::AppError;
use crate::platform::database::bulk::{chunk, keys, tuples};
use crate::platform::database::{Arg, Cells, Exec, StoreError, Taken};
use crate::platform::gathered::Keyed;
use crate::platform::ids::{Id, shard_of};
use crate::platform::secrets::is_sealed;

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

/// A person's record with the visit before, as one row. The visit's submission lies in the person's shard unless it
/// came from another one.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct PersonSeen {
    #[sqlx(flatten)]
    record: PersonRecord,
    seen_at: Option<i64>,
    seen_submission: Option<Id>,
    seen_post: Option<Id>,
    seen_form: Option<Id>,
    seen_answers: Option<String>,
}

static PERSON_SEEN: LazyLock<String> = LazyLock::new(|| {
    let columns: Vec<String> = RECORD_PERSON.columns.iter().map(|column| format!("r.{column}")).collect();
    format!(
        "SELECT {}, v.observed_at AS seen_at, v.submission_id AS seen_submission, v.post_id AS seen_post, \
         s.form_version_id AS seen_form, s.answers AS seen_answers FROM record_person r \
         LEFT JOIN observation v ON v.shard = r.shard AND v.id = (SELECT o.id FROM observation o WHERE o.shard = r.shard \
         AND o.entity_id = r.id AND o.source_kind = 'worker' AND o.state = 'current' AND o.submission_id IS NOT NULL \
         ORDER BY o.observed_at DESC, o.id DESC LIMIT 1) \
         LEFT JOIN submission s ON s.shard = v.shard AND s.id = v.submission_id",
        columns.join(", ")
    )
});

impl Keyed for PersonSeen {
    type Key = (i64, Id);

    fn sql(rows: usize) -> String {
        format!("{} WHERE {}", *PERSON_SEEN, keys(["r.id", "r.shard"], rows))
    }

    fn args(key: &(i64, Id)) -> [Arg; 2] {
        PersonRecord::args(key)
    }

    fn key(&self) -> (i64, Id) {
        self.record.key()
    }
}

impl Taken for PersonSeen {
    fn taken(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            record: PersonRecord::taken(cells)?,
            seen_at: cells.take()?,
            seen_submission: cells.take()?,
            seen_post: cells.take()?,
            seen_form: cells.take()?,
            seen_answers: cells.take()?,
        })
    }
}

/// What holds of a person and the last visit, if there is a record.
pub(super) async fn person_with_visit(
    app: &App,
    shard: i64,
    id: Id,
) -> Result<Option<(PersonRecord, Option<LastVisit>)>, AppError> {
    let Some(seen) = app.visited.get((shard, id)).await? else { return Ok(None) };
    let last = match (seen.seen_at, seen.seen_submission, seen.seen_form, seen.seen_answers) {
        (Some(at), Some(submission), Some(form), Some(answers)) => {
            Some(visit(app, at, submission, seen.seen_post, form, &answers)?)
        }
        (Some(_), ..) => last_visits(app, &[id]).await?.remove(&id),
        _ => None,
    };
    Ok(Some((seen.record, last)))
}

/// The last visits of many subjects, two queries in all.
pub async fn last_visits(app: &App, subjects: &[Id]) -> Result<HashMap<Id, LastVisit>, AppError> {
    type Seen = (Id, i64, Option<Id>, Option<Id>);
    let mut db = app.read();
    let mut seen: Vec<Seen> = Vec::new();
    let mut rest = subjects;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let args = now.iter().flat_map(|id| args![shard_of(*id), *id]).collect();
        seen.extend(db.all_built::<Seen>(visits_sql(now.len()), args).await?);
    }
    let submissions: Vec<Id> = seen.iter().filter_map(|row| row.2).collect();
    let mut answers: HashMap<Id, (Id, String)> = HashMap::new();
    let mut rest = submissions.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk(rest.len(), 2));
        rest = later;
        let args = now.iter().flat_map(|id| args![*id, shard_of(*id)]).collect();
        let rows: Vec<(Id, Id, String)> = db.all_built(answers_sql(now.len()), args).await?;
        answers.extend(rows.into_iter().map(|row| (row.0, (row.1, row.2))));
    }
    let mut found = HashMap::new();
    for (subject, at, submission, post) in seen {
        if let Some((submission, (form, text))) = submission.and_then(|id| Some((id, answers.remove(&id)?))) {
            found.insert(subject, visit(app, at, submission, post, form, &text)?);
        }
    }
    Ok(found)
}

fn visit(
    app: &App,
    at: i64,
    submission: Id,
    post: Option<Id>,
    form_version: Id,
    answers: &str,
) -> Result<LastVisit, StoreError> {
    let mut answers: Map = serde_json::from_str(answers)?;
    answers.retain(|_, value| !is_sealed(value));
    let by = post.and_then(|post| app.directory().holder(post).map(|holder| holder.name.clone()));
    Ok(LastVisit { at, by, submission, form_version, answers })
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
    format!("SELECT id, form_version_id, answers FROM submission WHERE (id, shard) IN (VALUES {})", tuples(rows, 2, 1))
}

/// One of each statement built here, for the prepare test.
pub fn samples() -> Vec<String> {
    vec![PersonSeen::sql(2), visits_sql(2), answers_sql(2)]
}
