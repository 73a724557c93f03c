//! Every table in exactly one class. A test compares this list with both migrated databases.

/// How a table is spread and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Small, copied everywhere, held whole in memory where hot.
    Reference,
    /// Begins with `shard`, first in its primary key, uniques and foreign keys.
    Sharded,
    /// Found by a key of its own (task, session, digest).
    OwnKey,
}

use Class::{OwnKey, Reference, Sharded};

/// Table name and class, by migration.
pub const TABLES: &[(&str, Class)] = &[
    ("schema_migration", OwnKey),
    ("setting", Reference),
    ("entity", Sharded),
    ("event", Sharded),
    ("outbox", Sharded),
    ("job", OwnKey),
    ("lease", OwnKey),
    ("web_session", OwnKey),
    ("stored_file", OwnKey),
    ("idempotency", OwnKey),
    ("working_day", Reference),
    ("tree_version", Reference),
    ("place", Reference),
    ("place_ancestor", Reference),
    ("place_code", Reference),
    ("premises", Sharded),
    ("organization", Reference),
    ("organization_ancestor", Reference),
    ("jurisdiction", Reference),
    ("staff", Reference),
    ("post", Reference),
    ("grid", Reference),
    ("grid_premises", Reference),
    ("grid_worker", Reference),
    ("account", OwnKey),
    ("role", Reference),
    ("role_grant", Reference),
    ("api_token", OwnKey),
    ("personal_link", OwnKey),
    ("model_version", Reference),
    ("record_person", Sharded),
    ("record_place", Sharded),
    ("record_event", Sharded),
    ("record_thing", Sharded),
    ("record_organization", Sharded),
    ("observation", Sharded),
    ("link", Sharded),
    ("identity_claim", OwnKey),
    ("application", Reference),
    ("application_object", Reference),
    ("form", Reference),
    ("form_version", Reference),
    ("submission", Sharded),
    ("ledger", Reference),
    ("rule", Reference),
    ("task", Reference),
    ("task_template", Reference),
    ("task_row", OwnKey),
    ("dry_run", OwnKey),
    ("dry_run_row", OwnKey),
    ("assignment", OwnKey),
    ("item", Sharded),
    ("movement", Sharded),
    ("delta", Sharded),
    ("partial_total", Sharded),
    ("node_total", OwnKey),
    ("day_total", OwnKey),
    ("channel", Reference),
    ("channel_scope", Reference),
    ("service_case", Sharded),
    ("case_step", Sharded),
];
