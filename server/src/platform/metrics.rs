//! Figures for `/metrics`: one recorder per process.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0];

fn handle() -> Option<&'static PrometheusHandle> {
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
                .ok()
                .and_then(|builder| builder.install_recorder().ok())
        })
        .as_ref()
}

/// Counts one answered request by route, never by path.
pub fn request(method: &str, route: &str, status: u16, took: Duration) {
    if handle().is_none() {
        return;
    }
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", "route" => route.to_owned()).record(took.as_secs_f64());
}

/// Sets a gauge.
pub fn gauge(name: &'static str, value: f64) {
    if handle().is_some() {
        metrics::gauge!(name).set(value);
    }
}

/// Counts something that happened.
pub fn count(name: &'static str, by: u64) {
    if handle().is_some() {
        metrics::counter!(name).increment(by);
    }
}

/// The text of the Prometheus exposition format.
pub fn render() -> String {
    handle().map(PrometheusHandle::render).unwrap_or_default()
}
