//! What a resident with a query code sees: the state of the one case, in plain words.

use form_runtime::Map;

use super::codes;
use super::model::{Case, Correction, Step, StepKind};
use super::store;
use crate::app::App;
use crate::error::AppError;
use crate::forms;

/// The case of a code as typed; none when there is no such case. Costs the same for every code.
pub async fn find(app: &App, typed: &str) -> Result<Option<Case>, AppError> {
    let Some(digest) = codes::digest(app, typed) else { return Ok(None) };
    Ok(store::case_by_code_all_shards(&mut app.read(), digest).await?)
}

/// What the worker asked for last.
pub fn correction(steps: &[Step]) -> Option<Correction> {
    let asked = steps.iter().rev().find(|step| step.kind == StepKind::CorrectionAsked.key())?;
    serde_json::from_str(asked.note.as_deref()?).ok()
}

/// The answers given so far, secrets opened: they are judged again together with what is corrected.
pub async fn answers(app: &App, case: &Case) -> Result<Map, AppError> {
    let row =
        forms::store::submission(&mut app.read(), case.shard, case.submission_id).await?.ok_or(AppError::NotFound)?;
    let published = forms::published(app, row.form_version_id).await?;
    forms::submit::open_answers(&app.keys, &published, &row.answers)
}
