//! What the API of channels and cases looks like, for the OpenAPI document.

use serde_json::{Value, json};

use crate::access::Permission;
use crate::openapi::{Operation, Param};

/// What this room offers.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/api/v1/channels",
        tag: "channels",
        summary: "Open channels and those within scope, newest first",
        permission: Some(Permission::ChannelEdit),
        paged: true,
        response: Some(channel_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/channels",
        tag: "channels",
        summary: "Make a channel from a published form, perhaps open at once",
        permission: Some(Permission::ChannelEdit),
        request: Some(new_channel_schema),
        response: Some(channel_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/channels/{id}",
        tag: "channels",
        summary: "One channel",
        permission: Some(Permission::ChannelEdit),
        response: Some(channel_schema),
        ..Operation::GET
    },
    Operation {
        method: "patch",
        path: "/api/v1/channels/{id}",
        tag: "channels",
        summary: "Change what a channel says, when it is open, how soon and by how many it is answered",
        permission: Some(Permission::ChannelEdit),
        if_match: true,
        request: Some(change_channel_schema),
        response: Some(channel_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/channels/{id}/open",
        tag: "channels",
        summary: "Open a channel to residents",
        permission: Some(Permission::ChannelEdit),
        if_match: true,
        status: 200,
        response: Some(channel_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/channels/{id}/close",
        tag: "channels",
        summary: "Close a channel; its cases are still handled",
        permission: Some(Permission::ChannelEdit),
        if_match: true,
        status: 200,
        response: Some(channel_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/channels/{id}/cases",
        tag: "channels",
        summary: "Submit as a resident, without an account; the same client_id gets the first slip, other answers under it 409",
        request: Some(new_case_schema),
        response: Some(slip_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/query",
        tag: "channels",
        summary: "How far a case is, by its query code",
        request: Some(query_schema),
        status: 200,
        response: Some(state_schema),
        ..Operation::POST
    },
    Operation {
        path: "/api/v1/cases",
        tag: "cases",
        summary: "Cases within scope, soonest due first",
        permission: Some(Permission::CaseRead),
        query: &[
            Param { name: "state", about: "open, accepted, correction, review, done, rejected, or waiting" },
            Param { name: "channel", about: "only those of one channel" },
        ],
        paged: true,
        response: Some(case_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/cases/{id}",
        tag: "cases",
        summary: "One case: answers (secrets masked), what would change in the record, what happened",
        permission: Some(Permission::CaseRead),
        response: Some(case_schema),
        ..Operation::GET
    },
    Operation {
        path: "/api/v1/cases/{id}/{act}",
        tag: "cases",
        summary: "claim, give {to}, transfer {to, reason}, correct {fields, text}, answer {answer, refused} (accepts what was said), send-back {reason}, reject {reason}; 204 when the case left the caller's scope",
        permission: Some(Permission::CaseHandle),
        if_match: true,
        request: Some(act_schema),
        status: 200,
        response: Some(case_schema),
        ..Operation::POST
    },
];

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn instant() -> Value {
    json!({"type": ["integer", "null"]})
}

fn channel_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": id(), "slug": {"type": "string"}, "path": {"type": "string"}, "title": {"type": "object"},
        "intro": {"type": "object"}, "form_version": id(), "organization": id(),
        "places": {"type": "array", "items": id()}, "review": {"enum": ["none", "worker"]},
        "working_days": {"type": ["integer", "null"]}, "state": {"enum": ["draft", "open", "closed"]},
        "opens_at": instant(), "closes_at": instant(), "created_at": {"type": "integer"}, "version": {"type": "integer"}}})
}

fn new_channel_schema() -> Value {
    json!({"type": "object", "required": ["title", "form_version", "places"], "properties": {
        "title": {"type": "string", "maxLength": 60}, "title_en": {"type": "string", "maxLength": 120},
        "intro": {"type": "string", "maxLength": 1000}, "intro_en": {"type": "string", "maxLength": 2000},
        "form_version": id(), "places": {"type": "array", "minItems": 1, "items": id()},
        "review": {"enum": ["none", "worker"], "default": "none"},
        "working_days": {"type": "integer", "minimum": 1, "maximum": 250},
        "opens_on": {"type": "string", "format": "date"}, "closes_on": {"type": "string", "format": "date"},
        "open": {"type": "boolean", "default": false}}})
}

fn change_channel_schema() -> Value {
    json!({"type": "object", "description": "what is absent stays; null takes a limit away", "properties": {
        "title": {"type": "string", "maxLength": 60}, "title_en": {"type": "string", "maxLength": 120},
        "intro": {"type": "string", "maxLength": 1000}, "intro_en": {"type": "string", "maxLength": 2000},
        "review": {"enum": ["none", "worker"]}, "working_days": {"type": ["integer", "null"], "minimum": 1, "maximum": 250},
        "opens_on": {"type": ["string", "null"], "format": "date"}, "closes_on": {"type": ["string", "null"], "format": "date"}}})
}

fn new_case_schema() -> Value {
    json!({"type": "object", "required": ["place", "client_id", "answers"], "properties": {
        "place": id(), "client_id": id(), "answers": {"type": "object"}}})
}

fn slip_schema() -> Value {
    json!({"type": "object", "properties": {"slip": {"type": "string"}, "query_code": {"type": "string"}}})
}

fn query_schema() -> Value {
    json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}})
}

fn steps() -> Value {
    json!({"type": "array", "items": {"type": "object", "properties": {
        "kind": {"type": "string"}, "at": {"type": "integer"}, "post": {"type": ["string", "null"]},
        "note": {"type": ["string", "null"]}}}})
}

fn state_schema() -> Value {
    json!({"type": "object", "properties": {
        "slip": {"type": "string"}, "state": {"enum": ["open", "accepted", "correction", "done", "rejected"]},
        "answer": {"type": ["string", "null"]}, "due_at": instant(), "steps": steps(),
        "correction": {"type": ["object", "null"], "properties": {
            "text": {"type": "string"}, "fields": {"type": "array", "items": {"type": "string"}}}}}})
}

fn case_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "id": id(), "channel": id(), "label": text, "slip": text, "place": id(), "holder_organization": id(),
        "holder_post": {"type": ["string", "null"]},
        "state": {"enum": ["open", "accepted", "correction", "review", "done", "rejected"]},
        "answer": {"type": ["string", "null"]}, "filed_by_post": {"type": ["string", "null"]}, "due_at": instant(),
        "created_at": {"type": "integer"}, "moved_at": {"type": "integer"}, "done_at": instant(),
        "version": {"type": "integer"}, "steps": steps(),
        "answers": {"type": "array", "items": {"type": "object", "properties": {
            "key": text, "label": text, "value": text, "masked": {"type": "boolean"}}}},
        "changes": {"type": "array", "items": {"type": "object", "properties": {
            "key": text, "label": text, "before": {"type": ["string", "null"]}, "after": text,
            "hidden": {"type": "boolean"}, "changed": {"type": "boolean"}, "refused": {"type": "boolean"}}}}}})
}

fn act_schema() -> Value {
    json!({"type": "object", "properties": {
        "to": id(), "reason": {"type": "string"}, "text": {"type": "string"}, "answer": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "string"}},
        "refused": {"type": "array", "items": {"type": "string"}}}})
}
