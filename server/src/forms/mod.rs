//! Forms: drafts, published versions, and what a filled form becomes.
//!
//! Owns `form`, `form_version` and `submission`. A version is immutable once published; a submission
//! keeps its version. [`submit::prepare`] is the one way from a posted page, sheet row or API body to a
//! write set; whoever owns the door (a task's item, a channel's case) adds its own rows.
//!
//! Must not know tasks, channels or ledgers; must not decide what an answer means: that is
//! `form-runtime`.
//!
//! To add a setting of a form: a member of `form_runtime::definition::Settings`, its input in
//! `web/templates/forms/edit.html`, one line in [`edit`].

mod answers;
pub mod api;
pub mod edit;
pub mod edit_api;
mod estimate;
pub mod pages;
pub mod publish;
mod shelf;
pub mod store;
pub mod submit;
mod view;

pub use answers::{answer_faults, answers_of, lang_map, language, to_text};
pub use estimate::{Burden, burden};
pub use shelf::{Published, Shelf, choices, latest, published};
