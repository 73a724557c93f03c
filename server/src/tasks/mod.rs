//! Tasks (任务): something demanded from above, split and dispatched down the tree by rule.
//!
//! Owns `task`, `task_row`, `rule`, `dry_run`, `dry_run_row`, `assignment`, `item`, `movement`. A task has one
//! of three shapes (清单 listed, 摸排 discovery, 报表 unit return); each level of its chain passes straight
//! through or waits. Must not know channels or ledgers' pages; subjects of a ledger arrive as rows.
//!
//! The one path of work: rows ([`rows`]) -> planner ([`plan`]) -> a sink. The dry run and the dispatch are
//! the same planner with two sinks, so what was shown is what is sent.
//!
//! To add a shape: a variant of [`model::TaskShape`], its rows in [`rows`], and its end in `submit.rs`.

pub mod act_pages;
pub mod acts;
pub mod api;
mod asked;
pub mod conservation;
pub mod counters;
pub mod counting;
pub mod create;
pub mod discover;
pub mod dispatch;
pub mod dry_run;
pub mod ends;
pub mod examples;
#[cfg(feature = "fault-hooks")]
pub mod faults;
pub mod holding;
pub mod how_pages;
pub mod item_acts_api;
pub mod item_api;
pub mod item_pages;
pub mod jobs;
pub mod model;
pub mod opened;
pub mod own;
pub mod pages;
pub mod pass_on;
pub mod plan;
pub mod rows;
mod rule_form;
pub mod sheet_down;
pub mod sheet_pages;
mod sheet_rows;
pub mod sheet_up;
mod show;
pub mod store;
pub mod submit;
pub mod templates;
pub mod todo;
pub mod visits;
pub mod what_pages;
pub mod whom_pages;
pub mod words;
pub mod work_pages;
pub mod work_store;
pub mod worker_list;

pub use model::{ItemState, Relay, Task, TaskShape};
pub use submit::Counting;

/// One of each statement that the files about items build, for the prepare test.
pub fn work_samples() -> Vec<String> {
    [work_store::samples(), visits::samples(), discover::samples(), todo::samples(), counters::samples()].concat()
}
