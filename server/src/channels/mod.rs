//! Channels (服务通道) and cases (办件): what is offered to residents, and one request each.
//!
//! Owns `channel`, `channel_scope`, `service_case` and `case_step`. A case lies in the shard of the
//! community whose page was opened, together with its submission; what it says about a person waits as
//! a pending observation until the worker who handles the case accepts it. A resident's page, message
//! and timing are the same whether the person is known here or not.
//!
//! Must not know tasks; must not decide what an answer means (`form-runtime`) or what holds now
//! (`entities`).
//!
//! The usual next thing is an act on a case: a function in `handle.rs` that ends in `record`, a kind of
//! [`model::StepKind`] with its two texts, and a button in `web/templates/channels/case.html`.

pub mod api;
mod api_schema;
pub mod case_pages;
pub mod change;
mod codes;
mod compare;
pub mod edit;
pub mod edit_pages;
pub mod feedback;
pub mod handle;
pub mod model;
pub mod pages;
pub mod public;
mod public_form;
pub mod query;
pub mod query_pages;
pub mod scope;
pub mod store;
pub mod submit;
pub mod todo;

pub use model::{Case, CaseState, Channel, Step};
