//! Knowledge: the city's vocabulary (城市知识体系), to be read; its versions are kept.
//!
//! Owns `model_version`. The model itself is [`form_runtime::Model`], pure; this room keeps which version
//! was in force when, and shows it. Must not know who uses an attribute.
//!
//! The usual next thing is a code list: one entry in `form-runtime/model/codelists.json`.

pub mod api;
pub mod pages;

use std::sync::Arc;

use form_runtime::Model;
use serde_json::json;
use web::Lang;

use crate::args;
use crate::platform::database::{Exec, StoreError};
use crate::platform::ids::new_free_id;

const NEWEST: &str = "SELECT number, note FROM model_version ORDER BY number DESC LIMIT 1";
const ADD: &str = "INSERT INTO model_version (id, number, content, note, created_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (number) DO NOTHING";

/// Every statement of this room, for the prepare test.
pub const STATEMENTS: &[&str] = &[NEWEST, ADD];

/// The language as the model names it.
pub fn model_lang(lang: Lang) -> form_runtime::Lang {
    match lang {
        Lang::ZhCn => form_runtime::Lang::ZhCn,
        Lang::En => form_runtime::Lang::En,
    }
}

/// The model in force.
pub fn model() -> Arc<Model> {
    Model::shipped()
}

/// Whether the shipped model is the version in force.
pub async fn seeded(conn: &mut impl Exec) -> Result<bool, StoreError> {
    let newest: Option<(i64, String)> = conn.optional(NEWEST, vec![]).await?;
    Ok(newest.is_some_and(|(_, note)| note == model().version()))
}

/// Records the shipped model as the version in force, unless it is recorded already. Returns its number.
pub async fn seed(tx: &mut impl Exec, now: i64) -> Result<i64, StoreError> {
    let model = model();
    let newest: Option<(i64, String)> = tx.optional(NEWEST, vec![]).await?;
    if let Some((number, note)) = &newest
        && note == model.version()
    {
        return Ok(*number);
    }
    let number = newest.map_or(0, |row| row.0) + 1;
    let keys: Vec<String> = model.attributes().map(|(at, _)| at.to_string()).collect();
    let content = json!({"version": model.version(), "attributes": keys}).to_string();
    tx.execute(ADD, args![new_free_id(now), number, content, model.version(), now]).await?;
    Ok(number)
}
