//! `/api/openapi.json`: OpenAPI 3.1, built from what each room says of its operations.
//!
//! A room lists its operations in `api.rs` as `pub const OPERATIONS: &[Operation]`, and that list here. A
//! test compares them with the URL table: every route under `/api/v1` has exactly one.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::access::Permission;
use crate::app::App;

/// A query parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// its name
    pub name: &'static str,
    /// what it means
    pub about: &'static str,
}

/// One operation of the API.
#[derive(Clone, Copy)]
pub struct Operation {
    /// `get`, `post`, `put`, `patch`, `delete`, as in the URL table
    pub method: &'static str,
    /// as in the URL table: `/api/v1/tasks/{id}`
    pub path: &'static str,
    /// the room
    pub tag: &'static str,
    /// one line
    pub summary: &'static str,
    /// what it needs; none when anybody (or anybody signed in) may ask
    pub permission: Option<Permission>,
    /// query parameters besides `cursor` and `limit`
    pub query: &'static [Param],
    /// whether it is a list with `cursor` and `limit`
    pub paged: bool,
    /// whether it needs `If-Match`
    pub if_match: bool,
    /// JSON Schema of the body
    pub request: Option<fn() -> Value>,
    /// status of success
    pub status: u16,
    /// JSON Schema of the answer (of one row, when paged)
    pub response: Option<fn() -> Value>,
}

impl Operation {
    /// A reading operation for anybody signed in; change the fields that differ.
    pub const GET: Self = Self {
        method: "get",
        path: "",
        tag: "",
        summary: "",
        permission: None,
        query: &[],
        paged: false,
        if_match: false,
        request: None,
        status: 200,
        response: None,
    };
    /// A writing operation that makes something.
    pub const POST: Self = Self { method: "post", status: 201, ..Self::GET };

    fn parameters(&self) -> Vec<Value> {
        let mut all: Vec<Value> = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let paging = [
            Param { name: "cursor", about: "next_cursor of the page before" },
            Param { name: "limit", about: "1 to 200, 50 when absent" },
        ];
        let paging = if self.paged { paging.as_slice() } else { &[] };
        all.extend(self.query.iter().chain(paging).map(|param| {
            json!({"name": param.name, "in": "query", "description": param.about, "schema": {"type": "string"}})
        }));
        if self.if_match {
            all.push(json!({"name": "If-Match", "in": "header", "required": true, "schema": {"type": "string"},
                "description": "ETag of the version that was changed"}));
        }
        if self.method == "post" {
            all.push(json!({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200},
                "description": "a repeat with the same key and content gets the first answer"}));
        }
        all
    }

    fn document(&self) -> Value {
        let row = self.response.map_or_else(|| json!({}), |schema| schema());
        let schema = if self.paged {
            json!({"type": "object", "required": ["items"], "properties": {
                "items": {"type": "array", "items": row}, "next_cursor": {"type": ["string", "null"]}}})
        } else {
            row
        };
        let mut success = json!({"description": "success"});
        if self.response.is_some() {
            success["content"] = json!({"application/json": {"schema": schema}});
        }
        let mut out = json!({
            "tags": [self.tag],
            "summary": self.summary,
            "operationId": self.id(),
            "parameters": self.parameters(),
            "responses": { self.status.to_string(): success, "default": {"$ref": "#/components/responses/Problem"} },
        });
        if let Some(request) = self.request {
            out["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": request()}}});
        }
        if let Some(permission) = self.permission {
            out["description"] = json!(format!("Needs the permission `{}` within scope.", permission.key()));
        }
        out
    }

    fn id(&self) -> String {
        let path: String = self.path.trim_start_matches("/api/v1/").chars().filter(|c| !"{}".contains(*c)).collect();
        format!("{}_{}", self.method, path.replace(['/', '-', '.'], "_"))
    }
}

/// What a writing operation needs whatever it is about, by method (in lower case) and path of the URL
/// table. What came into the mailbox is handled by the highest unit also without `case.handle`.
pub fn permission_of(method: &str, path: &str) -> Option<Permission> {
    static NEEDED: LazyLock<HashMap<(&str, &str), Permission>> = LazyLock::new(|| {
        let writing = operations().into_iter().filter(|operation| operation.method != "get");
        let needed = writing.filter_map(|operation| Some(((operation.method, operation.path), operation.permission?)));
        needed.filter(|(_, permission)| *permission != Permission::CaseHandle).collect()
    });
    NEEDED.get(&(method, path)).copied()
}

/// Operations of the platform itself.
const PLATFORM: &[Operation] = &[Operation {
    path: "/api/v1/jobs/{id}",
    tag: "jobs",
    summary: "How far long work is that the caller asked for",
    response: Some(job_schema),
    ..Operation::GET
}];

fn job_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "kind": {"type": "string"},
        "state": {"enum": ["queued", "running", "done", "failed"]},
        "done": {"type": "integer"}, "total": {"type": "integer"}, "message": {"type": "string"},
        "attempts": {"type": "integer"}, "result": {}}})
}

/// Every operation of the house.
pub fn operations() -> Vec<&'static Operation> {
    let rooms: &[&'static [Operation]] = &[
        PLATFORM,
        crate::administration::set_up_api::OPERATIONS,
        crate::administration::places_api::OPERATIONS,
        crate::administration::grids_api::OPERATIONS,
        crate::administration::premises_api::OPERATIONS,
        crate::administration::organizations_api::OPERATIONS,
        crate::administration::posts_api::OPERATIONS,
        crate::administration::staff_api::OPERATIONS,
        crate::administration::working_days_api::OPERATIONS,
        crate::administration::import_api::OPERATIONS,
        crate::access::api::OPERATIONS,
        crate::access::admin_api::OPERATIONS,
        crate::entities::api::OPERATIONS,
        crate::ledgers::api::OPERATIONS,
        crate::measures::api::OPERATIONS,
        crate::tasks::api::OPERATIONS,
        crate::tasks::item_api::OPERATIONS,
        crate::tasks::item_acts_api::OPERATIONS,
        crate::exchange::ledger_subjects::OPERATIONS,
        crate::knowledge::api::OPERATIONS,
        crate::forms::edit_api::OPERATIONS,
        crate::forms::api::OPERATIONS,
        crate::channels::api::OPERATIONS,
        crate::audit::api::OPERATIONS,
    ];
    rooms.iter().copied().flatten().collect()
}

/// The document.
pub fn document(name: &str, base_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = operation.document();
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("{name} API"), "version": env!("CARGO_PKG_VERSION"),
            "description": "Conventions: lists have cursor and limit; changes need If-Match; errors are application/problem+json (RFC 9457) with code, pointer and request id; instants are UTC microseconds, dates are civil dates in the installation's zone."},
        "servers": [{"url": if base_url.is_empty() { "/" } else { base_url }}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": {"description": "what is wrong and where",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}},
            "schemas": {"Problem": {"type": "object", "required": ["title", "status", "code", "request_id"], "properties": {
                "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
                "code": {"type": "string"}, "detail": {"type": "string"}, "request_id": {"type": "string"},
                "current": {"description": "the newer value, when If-Match was stale"},
                "errors": {"type": "array", "items": {"type": "object", "properties": {
                    "pointer": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}}}}}}}
        }
    })
}

/// `GET /api/openapi.json`
pub async fn show(State(app): State<App>) -> Json<Value> {
    let installation = app.installation.load();
    Json(document(&installation.name, &installation.base_url))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_of_the_api_is_described_once_and_nothing_else_is() {
        let routes: BTreeSet<(String, String)> = crate::routes::ROUTES
            .iter()
            .filter(|(_, path)| path.starts_with("/api/v1/"))
            .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        let described: Vec<(String, String)> =
            operations().iter().map(|o| (o.method.to_owned(), o.path.to_owned())).collect();
        let unique: BTreeSet<(String, String)> = described.iter().cloned().collect();
        assert_eq!(unique.len(), described.len(), "described twice");
        assert_eq!(routes, unique, "left: the URL table, right: OPERATIONS of the rooms");
    }

    #[test]
    fn the_document_is_whole() {
        let document = document("互通", "https://hutong.example");
        assert_eq!(document["openapi"], "3.1.0");
        let job = &document["paths"]["/api/v1/jobs/{id}"]["get"];
        assert_eq!(job["parameters"][0]["name"], "id");
        assert!(job["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["state"].is_object());
        let ids: Vec<String> = operations().iter().map(|o| o.id()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "operation ids are unique");
    }
}
