//! Logs: text on a terminal, one JSON object a line elsewhere. Never personal data: routes instead of
//! paths, ids instead of names; what people type is not logged at any level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Begins logging to the error stream; `HUTONG_LOG` chooses levels (`info,server=debug`).
pub fn begin() {
    let filter = EnvFilter::try_from_env("HUTONG_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_sessions_core=error"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let begun = if std::io::stderr().is_terminal() {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    if let Err(fault) = begun {
        tracing::debug!(%fault, "logging had begun already");
    }
}
