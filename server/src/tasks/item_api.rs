//! JSON of items: list them, look at one, fill it, find and certify.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use form_runtime::Map;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::{self, By};
use super::discover::{self, Certified};
use super::model::{Item, ItemState};
use super::opened::{self, Opened};
use super::submit::{self, Posted, Refused, Slip};
use super::words;
use super::work_store::{self, NEVER, Wanted};
use crate::access::{Permission, Viewer};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::forms;
use crate::forms::submit::open_answers;
use crate::openapi::{Operation, Param};
use crate::platform::api::{Listed, Paging, Sent, etag, sent};
use crate::platform::ids::{Id, derived_id, shard_of};

/// What this file offers; acts on items stand in `item_acts_api.rs`.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/items",
        tag: "items",
        summary: "Items within scope, soonest due first",
        permission: Some(Permission::ItemRead),
        query: &[
            Param { name: "task", about: "of one task" },
            Param {
                name: "state",
                about: "open, review, correction, void_proposed, done, waived, void; several by commas",
            },
            Param { name: "place", about: "at a place or below" },
            Param { name: "organization", about: "held in an organization or inside it" },
            Param { name: "part", about: "at one part (assignment) of the task itself" },
            Param { name: "found_under", about: "found under a unit's item" },
            Param {
                name: "holder",
                about: "`mine`: held by the caller's post, or by nobody in its organization; `none`: 待认领",
            },
            Param { name: "changed", about: "true or false: whether the visit found a change" },
            Param { name: "late", about: "true: past their due instant" },
        ],
        paged: true,
        response: Some(item_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/items/{id}",
        tag: "items",
        summary: "One item with what is known by field (secrets as masks) and the last visit",
        permission: Some(Permission::ItemRead),
        response: Some(opened_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/items/{id}/submissions",
        tag: "items",
        summary: "Fill an item; the same client_id (or Idempotency-Key) and answers give the first slip again",
        permission: Some(Permission::ItemHandle),
        request: Some(posted_schema),
        response: Some(slip_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/items/{id}/finds",
        tag: "items",
        summary: "Add a subject found under a unit's item of a discovery",
        permission: Some(Permission::ItemHandle),
        request: Some(posted_schema),
        response: Some(slip_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/items/{id}/certify",
        tag: "items",
        summary: "Certify how many subjects a unit found; zero must be confirmed",
        permission: Some(Permission::ItemHandle),
        request: Some(certify_schema),
        status: 200,
        response: Some(item_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/submissions/{id}",
        tag: "items",
        summary: "A submission of an item within scope: its slip and answers (secrets as masks)",
        permission: Some(Permission::ItemRead),
        response: Some(submission_schema),
        ..Operation::GET
    },
];

/// An item in a list.
pub fn item_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "task": {"type": "string"}, "part": {"type": "string"},
        "subject": {"type": ["object", "null"], "properties": {"class": {"type": "string"}, "id": {"type": "string"}}},
        "label": {"type": "string"}, "place": {"type": "string"}, "organization": {"type": "string"},
        "post": {"type": ["string", "null"], "description": "null is 待认领"},
        "state": {"enum": ["open", "review", "correction", "void_proposed", "done", "waived", "void"]},
        "reason": {"type": ["string", "null"]}, "due_at": {"type": ["integer", "null"]}, "done_at": {"type": ["integer", "null"]},
        "changed": {"type": ["boolean", "null"]}, "certified": {"type": ["integer", "null"]},
        "found_under": {"type": ["string", "null"]}, "submission": {"type": ["string", "null"]}, "version": {"type": "integer"}}})
}

fn opened_schema() -> Value {
    let mut schema = item_schema();
    schema["properties"]["form_version"] = json!({"type": "string"});
    schema["properties"]["record_version"] = json!({"type": "integer"});
    schema["properties"]["known"] = json!({"type": "object", "additionalProperties": {"type": "object", "properties": {
        "value": {}, "mask": {"type": "string"}, "text": {"type": "string"}, "since": {"type": "string"},
        "source": {"type": "string"}, "state": {"enum": ["fresh", "stale", "disputed"]}}}});
    schema["properties"]["last_visit"] = json!({"type": ["object", "null"]});
    schema
}

fn posted_schema() -> Value {
    json!({"type": "object", "properties": {
        "client_id": {"type": "string", "format": "uuid", "description": "made by the client; needed unless Idempotency-Key is sent"},
        "answers": {"type": "object", "description": "by field key, as text or canonical JSON; absent means unchanged"},
        "confirm_all": {"type": "boolean", "description": "没有变化: everything known still holds"},
        "item_version": {"type": "integer"}, "record_version": {"type": "integer"}}})
}

/// A slip.
pub fn slip_schema() -> Value {
    json!({"type": "object", "properties": {"submission": {"type": "string"}, "slip": {"type": "string"}, "repeated": {"type": "boolean"}}})
}

fn certify_schema() -> Value {
    json!({"type": "object", "required": ["number"], "properties": {"number": {"type": "integer", "minimum": 0}, "zero_confirmed": {"type": "boolean"}}})
}

fn submission_schema() -> Value {
    json!({"type": "object", "properties": {"id": {"type": "string"}, "item": {"type": "string"}, "slip": {"type": "string"},
        "form_version": {"type": "string"}, "submitted_at": {"type": "integer"}, "by": {"type": ["string", "null"]}, "answers": {"type": "object"}}})
}

/// An item for a program.
pub fn item_json(item: &Item) -> Value {
    json!({
        "id": item.id, "task": item.task_id, "part": item.assignment_id,
        "subject": item.subject_id.map(|id| json!({"class": item.subject_class, "id": id})),
        "label": item.label, "place": item.place_id, "organization": item.holder_organization, "post": item.holder_post,
        "state": item.state, "reason": item.reason, "due_at": item.due_at, "done_at": item.done_at, "changed": item.changed,
        "certified": item.certified, "found_under": item.parent_item_id, "submission": item.submission_id, "version": item.version,
    })
}

fn opened_json(opened: &Opened) -> Value {
    let mut body = item_json(&opened.item);
    body["form_version"] = json!(opened.published.id);
    body["record_version"] = json!(opened.record.version());
    let known: Map = opened
        .known
        .0
        .iter()
        .filter(|(_, fact)| fact.is_known())
        .map(|(key, fact)| {
            let all = json!({"value": fact.value, "mask": fact.mask, "text": fact.text, "since": fact.since,
                "source": fact.source, "state": fact.state});
            let mut told = all.as_object().cloned().unwrap_or_default();
            told.retain(|_, value| !value.is_null());
            (key.clone(), Value::Object(told))
        })
        .collect();
    body["known"] = Value::Object(known);
    body["last_visit"] = opened.last.as_ref().map_or(Value::Null, |last| {
        json!({"at": last.at, "by": last.by, "submission": last.submission, "form_version": last.form_version, "answers": last.answers})
    });
    body
}

/// Filters of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ask {
    task: Option<Id>,
    state: Option<String>,
    place: Option<Id>,
    organization: Option<Id>,
    part: Option<Id>,
    found_under: Option<Id>,
    holder: Option<String>,
    changed: Option<String>,
    late: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

fn flag(text: Option<&String>, name: &str) -> Result<Option<bool>, AppError> {
    match text.map(String::as_str) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(AppError::invalid(name, "work-api-flag")),
    }
}

/// `GET /api/v1/items`
pub async fn list(
    State(app): State<App>,
    viewer: Viewer,
    Query(ask): Query<Ask>,
) -> Result<Json<Listed<Value>>, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let limit = ask.paging.limit()?;
    let states = ask.state.as_deref().unwrap_or("").split(',').filter(|key| !key.is_empty());
    let states = states
        .map(|key| {
            ItemState::from_key(key).map(ItemState::key).ok_or_else(|| AppError::invalid("state", "work-api-state"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mine = match ask.holder.as_deref() {
        Some("mine") => viewer.staff().map(|staff| Some((staff.post, staff.organization)))?,
        None | Some("none") => None,
        Some(_) => return Err(AppError::invalid("holder", "work-api-holder")),
    };
    let wanted = Wanted {
        task: ask.task,
        states,
        node: ask.place,
        under: ask.organization,
        assignment: ask.part,
        found_under: ask.found_under,
        mine,
        unclaimed: ask.holder.as_deref() == Some("none"),
        changed: flag(ask.changed.as_ref(), "changed")?,
        late_at: (flag(ask.late.as_ref(), "late")? == Some(true)).then(|| app.now()),
        after: ask.paging.after()?,
        limit: limit + 1,
    };
    let rows = work_store::list(&mut app.read(), &wanted, &viewer.principal, Permission::ItemRead).await?;
    let page = Listed::cut(rows, limit, |item| (item.due_at.unwrap_or(NEVER), item.id));
    Ok(Json(page.map(|item| item_json(&item))))
}

async fn open(app: &App, by: &By, id: Id) -> Result<Opened, AppError> {
    let (task, item) = acts::load(app, by, id).await?;
    opened::open(app, task, item).await
}

/// `GET /api/v1/items/{id}`
pub async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let opened = open(&app, &By::of(&viewer), id).await?;
    Ok(([etag(opened.item.version)], Json(opened_json(&opened))).into_response())
}

/// What is sent to fill an item.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filling {
    client_id: Option<Id>,
    answers: Map,
    confirm_all: bool,
    item_version: Option<i64>,
    record_version: Option<i64>,
}

impl Filling {
    /// Without a client's id, the `Idempotency-Key` of the caller's account makes one.
    fn posted(self, viewer: &Viewer, headers: &HeaderMap, item: &Item) -> Result<Posted, AppError> {
        let key = headers.get("idempotency-key").map(|key| {
            let account = viewer.principal.account().unwrap_or_default();
            derived_id(item.shard, item.created_at, &[b"key", account.as_bytes(), item.id.as_bytes(), key.as_bytes()])
        });
        Ok(Posted {
            client_id: self.client_id.or(key).ok_or_else(|| AppError::invalid("/client_id", "work-api-client-id"))?,
            answers: self.answers,
            confirm_all: self.confirm_all,
            item_version: self.item_version,
            record_version: self.record_version,
        })
    }
}

fn slip(slip: &Slip) -> Response {
    let status = if slip.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let body = json!({"submission": slip.submission_id, "slip": slip.slip_code, "repeated": slip.repeated});
    (status, Json(body)).into_response()
}

/// `POST /api/v1/items/{id}/submissions`
pub async fn fill(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    headers: HeaderMap,
    body: Sent<Filling>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    let opened = open(&app, &by, id).await?;
    let posted = sent(body)?.posted(&viewer, &headers, &opened.item)?;
    match submit::submit_opened(&app, &by, &opened, posted).await? {
        Ok(stored) => Ok(slip(&stored)),
        Err(Refused::Fields(messages)) => Err(forms::answer_faults(&messages)),
        Err(Refused::Moved) => Err(AppError::Stale(opened_json(&open(&app, &by, id).await?))),
    }
}

/// `POST /api/v1/items/{id}/finds`
pub async fn find(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    headers: HeaderMap,
    body: Sent<Filling>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    let (_, item) = acts::load(&app, &by, id).await?;
    let posted = sent(body)?.posted(&viewer, &headers, &item)?;
    match discover::found(&app, &by, id, posted).await? {
        Ok(stored) => Ok(slip(&stored)),
        Err(Refused::Fields(messages)) => Err(forms::answer_faults(&messages)),
        Err(Refused::Moved) => Err(AppError::Stale(item_json(&acts::load(&app, &by, id).await?.1))),
    }
}

/// What is certified.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certify {
    number: i64,
    #[serde(default)]
    zero_confirmed: bool,
}

/// `POST /api/v1/items/{id}/certify`
pub async fn certify(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    body: Sent<Certify>,
) -> Result<Response, AppError> {
    viewer.principal.require(Permission::ItemHandle)?;
    let by = By::of(&viewer);
    acts::load(&app, &by, id).await?;
    let Certify { number, zero_confirmed } = sent(body)?;
    match discover::certify(&app, &by, id, number, zero_confirmed).await? {
        Certified::Done => {
            let (_, item) = acts::load(&app, &by, id).await?;
            Ok(([etag(item.version)], Json(item_json(&item))).into_response())
        }
        Certified::AskZero => Err(AppError::invalid("/zero_confirmed", "work-api-zero")),
        Certified::Differs { found } => {
            let fault = Fault::new("/number", "work-certify-differs").with("said", number).with("found", found);
            Err(AppError::Invalid(vec![fault]))
        }
    }
}

/// `GET /api/v1/submissions/{id}`
pub async fn submission(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Json<Value>, AppError> {
    viewer.principal.require(Permission::ItemRead)?;
    let stored = forms::store::submission(&mut app.read(), shard_of(id), id).await?;
    let stored = stored.filter(|stored| stored.door_kind == "item").ok_or(AppError::NotFound)?;
    let (_, item) = acts::load(&app, &By::of(&viewer), stored.door_id).await?;
    let published = forms::published(&app, stored.form_version_id).await?;
    let mut answers = open_answers(&app.keys, &published, &stored.answers)?;
    for key in published.compiled.secret_fields() {
        if let (Some(value), Some(field)) = (answers.get_mut(key), published.compiled.field(key)) {
            *value = field.control.mask(value).into();
        }
    }
    Ok(Json(json!({
        "id": stored.id, "item": item.id, "slip": stored.slip_code, "form_version": stored.form_version_id,
        "submitted_at": stored.submitted_at, "by": stored.post_id.and_then(|post| words::person(&app, post)), "answers": answers,
    })))
}
