//! Logs: text on a terminal, one JSON object a line elsewhere. Never personal data: routes instead of
//! paths, ids instead of names; what people type is not logged at any level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Libraries that write addresses or statements at their lower levels: whatever is asked for, no more is
/// heard of them, since a path or a query may hold what people typed.
const CAPPED: [&str; 4] = ["sqlx=warn", "tower_http=warn", "tower_sessions=error", "tower_sessions_core=error"];

/// The levels that are heard when `wanted` is asked for; nonsense counts as `info`.
pub fn filter(wanted: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    CAPPED.iter().filter_map(|capped| capped.parse().ok()).fold(filter, EnvFilter::add_directive)
}

/// Begins logging to the error stream; `HUTONG_LOG` chooses levels (`info,server=debug`).
pub fn begin() {
    let wanted = std::env::var("HUTONG_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = filter(&wanted);
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
