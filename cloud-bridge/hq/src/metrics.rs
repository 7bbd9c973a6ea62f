//! HQ's metrics, in the text format of OpenMetrics: figures of the ledger, read on request. docs/metrics.md explains
//! each. They have no names of stores: [`Ledger::fleet`] does.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    Ledger,
    database::{DatabaseError, statement::statements, values},
    moment::now_ms,
    report::totals::QUARANTINED,
};

statements! {
    /// The events that HQ lacks, by stream.
    LAG = "fleet/lag";
    /// The number of stopped hubs.
    STOPPED = "fleet/stopped";
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStream {
    stream: String,
}

/// The metrics as text.
///
/// # Errors
/// The database fails.
pub async fn text(ledger: &Ledger) -> Result<String, DatabaseError> {
    let mut registry = Registry::with_prefix("store_hub_hq");
    let mut gauge = |name: &str, help: &str, value: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let count = async |statement| {
        let rows = ledger.database().read(statement, values![]).await?;
        rows.into_iter().next().map_or(Ok(0), |row| row.read::<(i64,)>().map(|(count,)| count))
    };
    gauge("hubs_stopped", "Hubs whose store has stopped", count(&STOPPED).await?);
    gauge("quarantined_events", "Events without an effect", count(&QUARANTINED).await?);
    let alarms = i64::try_from(ledger.alarms().await?.len()).unwrap_or(i64::MAX);
    gauge("alarms", "Conditions that need a person", alarms);
    let (hubs, now_ms) = (Family::<InState, Gauge>::default(), now_ms());
    // Both kinds are always shown, even when their count is zero.
    let [online, offline] = ["online", "offline"].map(|state| hubs.get_or_create_owned(&InState { state }));
    for presence in ledger.presence().await?.values() {
        if presence.is_online_at(now_ms) {
            online.inc()
        } else {
            offline.inc()
        };
    }
    registry.register("hubs", "Hubs by the state of their connection", hubs);
    let lag = Family::<OfStream, Gauge>::default();
    for row in ledger.database().read(&LAG, values![]).await? {
        let (stream, lacks): (String, i64) = row.read()?;
        lag.get_or_create(&OfStream { stream }).set(lacks);
    }
    registry.register("lag_events", "Events that hubs have and HQ lacks", lag);
    let mut text = String::new();
    // Writing to a `String` does not fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

/// `GET /metrics`, for a listener that only the monitoring reaches.
pub fn routes(ledger: Ledger) -> Router {
    Router::new().route("/metrics", get(answer)).with_state(ledger)
}

async fn answer(State(ledger): State<Ledger>) -> Response {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match text(&ledger).await {
        Ok(text) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "could not read the metrics");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
