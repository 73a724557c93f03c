//! Forms, from their definition to what an answer says about an entity. Pure:
//! no clock, no database, no network; today and everything known come in.
//!
//! The path of one form: [`definition`] is read and checked against the
//! [`model`]; [`compile`] turns it into a [`CompiledForm`] (a JSON Schema
//! 2020-12 plus parsed logic); [`view`] lays it out for a template;
//! [`validate`] judges what was posted; [`extract`] says which attributes of
//! which entity were said, confirmed or only shown; [`columns`] does the same
//! for a row of a sheet.
//!
//! To add a control: one file in `controls/`, one line in `controls::ALL`.
//! To add an operator: one entry in `logic/operator.rs`, its cases in
//! `tests/cases/logic.json`.

pub mod builder;
pub mod columns;
pub mod compile;
pub mod controls;
pub mod definition;
pub mod extract;
pub mod fault;
pub mod known;
pub mod logic;
pub mod message;
pub mod model;
pub mod schema;
pub mod text;
pub mod validate;
pub mod view;

pub use compile::{CompiledField, CompiledForm, compile};
pub use definition::{FormDefinition, check};
pub use extract::{Confirm, Extraction, extract};
pub use fault::Fault;
pub use jiff::civil::Date;
pub use known::{Fact, FactState, Known};
pub use message::{FieldMessage, Severity};
pub use model::{AttributeRef, Class, Model};
pub use text::{Lang, Text};
pub use validate::{Context, Validated, validate};
pub use view::{FormView, form_view};

/// Answers by field key. What a browser posts, what a sheet row holds and what
/// is stored all have this shape; only the normalized ones are canonical.
pub type Map = serde_json::Map<String, serde_json::Value>;
