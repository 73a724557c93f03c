//! Figures for `/metrics`: one recorder per process.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;
use metrics::{Counter, Histogram};
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

/// The figures of one route: found by its text, where naming them anew costs more than some requests do.
struct Route {
    took: Histogram,
    answered: HashMap<(&'static str, u16), Counter>,
}

static ROUTES: LazyLock<RwLock<HashMap<String, Route>>> = LazyLock::new(RwLock::default);

/// Counts one answered request by route, never by path.
pub fn request(method: &Method, route: &str, status: u16, took: Duration) {
    if handle().is_none() {
        return;
    }
    let (kind, seconds) = ((usual(method), status), took.as_secs_f64());
    let count = |route: &Route| {
        let answered = route.answered.get(&kind)?;
        answered.increment(1);
        route.took.record(seconds);
        Some(())
    };
    let known = ROUTES.read().unwrap_or_else(PoisonError::into_inner).get(route).and_then(count);
    if known.is_none() {
        let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
        let took = || metrics::histogram!("http_request_seconds", "route" => route.to_owned());
        let found = routes.entry(route.to_owned()).or_insert_with(|| Route { took: took(), answered: HashMap::new() });
        let labels = [("method", kind.0.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        found.answered.entry(kind).or_insert_with(|| metrics::counter!("http_requests_total", &labels));
        count(found);
    }
}

/// The name of a method; what callers make up is one, or they could make the figures grow without end.
fn usual(method: &Method) -> &'static str {
    const USUAL: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    USUAL.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_callers_make_up_are_one() {
        for made_up in ["BREW", "WHEN"] {
            let method = Method::from_bytes(made_up.as_bytes()).unwrap_or_default();
            request(&method, "/of-this-test", 405, Duration::from_millis(3));
        }
        request(&Method::GET, "/of-this-test", 200, Duration::from_millis(3));
        let text = render();
        let of_this_test = |part: &str| text.lines().any(|line| line.contains("/of-this-test") && line.contains(part));
        assert!(of_this_test(r#"method="other""#) && of_this_test(" 2"), "{text}");
        assert!(of_this_test(r#"method="GET""#) && !text.contains("BREW"), "{text}");
    }
}
