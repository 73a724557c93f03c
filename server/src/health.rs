//! `/healthz`: the process answers. `/readyz`: it can do its work.

/// The process is up.
pub async fn live() -> &'static str {
    "ok\n"
}
