//! The face of Hutong: page templates, texts in two languages, committed assets.
//!
//! Pages are rendered on the server and work without JavaScript; scripts only
//! make them quicker. Nothing here knows the database or HTTP.
//!
//! # How to add a page
//!
//! 1. Template: `web/templates/<room>/<page>.html`. It starts with
//!    `{% extends "layouts/staff.html" %}` (or `resident`, `plain`, `wall`) and
//!    fills `{% block main %}`. Shared pieces come from `parts/ui.html`,
//!    `parts/form.html` and `parts/data.html`: `{% from "parts/ui.html" import chip %}`.
//! 2. Context: a `#[derive(Serialize)]` struct in `web/src/pages/<room>.rs`. An
//!    unknown name in a template is an error, so an optional value is an
//!    `Option` field, never a missing one.
//! 3. Texts: `web/texts/zh-CN/<room>.ftl` and `web/texts/en/<room>.ftl`, every
//!    key starting with the room's name. Templates say `t("room-key", n=3)`,
//!    Rust says [`text`].
//! 4. Render: `renderer.render("<room>/<page>.html", lang, &frame, &context)?`
//!    with a [`PageFrame`]; the template sees the frame as `page`, the language
//!    tag as `lang`, and the fields of the context by their names.
//!
//! The content-security policy forbids inline style and script: no `style=`,
//! no `<style>`, no `on…=`. Widths are `<progress>` values or SVG attributes.
//!
//! What templates can call besides minijinja's own filters:
//!
//! | call | gives |
//! |---|---|
//! | `t("key", name=value)` | the text, escaped |
//! | `asset("staff.css")` | its address with the content hash |
//! | `icon("phone")` | an `<svg>` of the sprite, hidden from screen readers |
//! | `url_query(params, page=2)` | `?…` with values replaced; `none` removes one |
//! | `percent_of(done, total)` | whole percent; 100 only when all is done |
//! | `scale(percent)` | `s0` … `s6` |
//! | `x \| number`, `x \| percent` | `12,840`, `55%` |
//! | `d \| date`, `d \| day` | `2026-11-23`, `11 月 23 日` or `23 Nov` |
//! | `map \| pick` | the text of a language map in the reader's language |

mod assets;
mod field;
mod filters;
mod form_page;
mod frame;
mod lang;
pub mod pages;
mod render;
mod texts;
pub mod viz;

pub use assets::{Asset, asset_file, asset_url};
pub use field::{Choice, Field, FieldKind, Known};
pub use filters::{group_thousands, percent_of};
pub use form_page::{FieldError, FormPage, FormSection};
pub use frame::{HelpLine, OtherPost, PageFrame, SignedIn, Tab, TabLink, Toast, ToastKind, Undo};
pub use lang::{Lang, LangMap};
pub use render::{RenderError, Renderer};
pub use texts::{TextArg, text};
