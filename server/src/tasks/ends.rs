//! Ends that are no visit: a proposed void and its confirmation, and a correction of what was submitted.

use super::acts::{self, By, Change};
use super::model::ItemState;
use super::{discover, store};
use crate::app::App;
use crate::error::AppError;
use crate::forms;
use crate::platform::ids::Id;

/// Why an item falls away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// 已迁出
    MovedAway,
    /// 已去世
    Died,
    /// 重复
    Duplicate,
    /// 其他, with a note
    Other,
}

impl Why {
    /// In the order a page offers them.
    pub const ALL: [Self; 4] = [Self::MovedAway, Self::Died, Self::Duplicate, Self::Other];

    /// Stable key; its text is `work-void-KEY`.
    pub fn key(self) -> &'static str {
        match self {
            Self::MovedAway => "moved-away",
            Self::Died => "died",
            Self::Duplicate => "duplicate",
            Self::Other => "other",
        }
    }

    /// By key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.key() == key)
    }
}

/// Proposes that an item falls away; the level above decides.
pub async fn propose_void(app: &App, by: &By, item: Id, why: Why, note: &str) -> Result<(), AppError> {
    let (task, item) = acts::load(app, by, item).await?;
    acts::running(&task)?;
    if !by.handles(app, &item) {
        return Err(AppError::Forbidden);
    }
    acts::to_be_done(&item)?;
    let note = if why == Why::Other || !note.trim().is_empty() { acts::reason(note)? } else { String::new() };
    let mut change = Change::of(&item, "void_proposed", app.now());
    ItemState::VoidProposed.key().clone_into(&mut change.after.state);
    change.after.reason = Some(format!("void.{}|{note}", why.key()));
    change.note.clone_from(&change.after.reason);
    acts::write(app, &task, by, &[], vec![change]).await
}

/// The level above says whether a proposed void stands. Refused, the item is open again.
pub async fn settle_void(app: &App, by: &By, item: Id, confirm: bool, note: &str) -> Result<(), AppError> {
    let (task, item) = acts::load(app, by, item).await?;
    acts::running(&task)?;
    let judge = acts::giver(app, &item).await?;
    let allowed = match &judge {
        Some(above) => by.answers_for(app, above),
        None => by.assigns(app, &item),
    };
    if !allowed {
        return Err(AppError::Forbidden);
    }
    if item.state != ItemState::VoidProposed.key() {
        return Err(AppError::Conflict("work-conflict-not-proposed"));
    }
    let now = app.now();
    let mut change = Change::of(&item, if confirm { "void_confirmed" } else { "void_refused" }, now);
    if confirm {
        ItemState::Void.key().clone_into(&mut change.after.state);
        change.after.done_at = Some(now);
    } else {
        let note = acts::reason(note)?;
        // What was found and submitted stands; what was never done is open again.
        let back = if item.parent_item_id.is_some() { ItemState::Done } else { ItemState::Open };
        back.key().clone_into(&mut change.after.state);
        change.after.reason = Some(format!("refused|{note}"));
        change.note = Some(note);
    }
    let mut changes = vec![change];
    if let (false, Some(unit)) = (confirm, item.parent_item_id) {
        // One more counts than its unit has certified.
        let unit = store::item(&mut app.read(), item.shard, unit).await?;
        if unit.state == ItemState::Done.key() {
            changes.push(discover::reopened(&unit, now));
        }
    }
    acts::write(app, &task, by, &[], changes).await
}

/// Sends a submission back to its holder, naming the fields to be put right (退回修改).
pub async fn correct(app: &App, by: &By, item: Id, fields: &[String], note: &str) -> Result<(), AppError> {
    let note = acts::reason(note)?;
    let (task, item) = acts::load(app, by, item).await?;
    acts::running(&task)?;
    let above = acts::giver(app, &item).await?.is_some_and(|above| by.answers_for(app, &above));
    if !above && !by.assigns(app, &item) {
        return Err(AppError::Forbidden);
    }
    let submitted = item.submission_id.is_some() && item.parent_item_id.is_none();
    if !submitted || ![ItemState::Done.key(), ItemState::Review.key()].contains(&item.state.as_str()) {
        return Err(AppError::Conflict("work-conflict-not-submitted"));
    }
    let published = forms::published(app, task.form_version_id).await?;
    if fields.is_empty() || fields.iter().any(|field| published.compiled.field(field).is_none()) {
        return Err(AppError::invalid("fields", "work-fields-needed"));
    }
    let mut change = Change::of(&item, "correction", app.now());
    ItemState::Correction.key().clone_into(&mut change.after.state);
    change.after.done_at = None;
    change.after.reason = Some(format!("correction.{}|{note}", fields.join(",")));
    change.note = Some(note);
    acts::write(app, &task, by, &[], vec![change]).await
}
