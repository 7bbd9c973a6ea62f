//! Counters of answered requests for the metrics. Requests are counted by route pattern, so the number of series is
//! limited by the number of routes.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the duration histogram, in seconds.
const BOUNDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0, 100.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Counts requests.
pub(crate) struct Requests {
    registry: Registry,
    answered: Family<Answered, Counter>,
    took: Family<Route, Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("store_hub");
        let answered = Family::default();
        let took = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        registry.register("http_requests", "Requests answered", answered.clone());
        registry.register("http_request_seconds", "How long they took", took.clone());
        Self { registry, answered, took }
    }
}

impl Requests {
    /// Counts a request. `route` is `None` for an unknown route.
    pub(crate) fn count(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = if known.contains(&method) { method } else { "other" }.to_owned();
        let route = route.unwrap_or("none").to_owned();
        self.took.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.answered.get_or_create(&Answered { method, route, status: status.into() }).inc();
    }

    /// The metrics.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }
}
