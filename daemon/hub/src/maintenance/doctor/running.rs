//! What only the running hub knows. Its answers are read leniently: during an upgrade the doctor and the hub are of
//! different versions.

use hyper::{Method, StatusCode};
use serde_json::Value;

use super::Finding;
use crate::{config::Config, maintenance::admin};

/// More waiting events than this are worth a look while HQ is connected.
const MUCH_LAG: u64 = 1_000;

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let stopped = "see `journalctl -u store-hub -n 50`; start it with `systemctl start store-hub`";
    let status = match admin::ask(&config.store.data, Method::GET, "/status").await {
        Ok(None) => return vec![Finding::fail("hub", "process", "not running", stopped)],
        Err(why) => {
            return vec![Finding::fail("hub", "process", why, "run doctor as the hub's user, or restart the hub")];
        }
        Ok(Some((_, body))) => serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let mut findings = vec![Finding::ok("hub", "process", "running")];
    findings.push(database(admin::ask(&config.store.data, Method::POST, "/heartbeat").await));
    findings.extend(read(&status));
    findings
}

fn database(answer: Result<Option<(StatusCode, axum::body::Bytes)>, String>) -> Finding {
    let advice = "free up space, check the disk with `smartctl -a`, then restart the hub; `store-hub store check` \
                  checks the whole store while it is stopped";
    match answer {
        Ok(Some((StatusCode::OK, _))) => Finding::ok("database", "heartbeat", "a commit became durable"),
        Ok(Some((_, why))) => Finding::fail("database", "heartbeat", String::from_utf8_lossy(&why).trim_end(), advice),
        Ok(None) => Finding::fail("database", "heartbeat", "the hub has just stopped", advice),
        Err(why) => Finding::fail("database", "heartbeat", why, advice),
    }
}

/// The findings in a hub's status.
fn read(status: &Value) -> Vec<Finding> {
    let texts = |name: &str| status[name].as_array().into_iter().flatten();
    let mut findings = Vec::new();
    for fault in texts("faults").filter_map(Value::as_str) {
        // The number in a message changes; the message up to it says what it is about.
        let subject: String = fault.chars().take_while(|char| !char.is_ascii_digit()).take(60).collect();
        findings.push(Finding::warn("hub", subject.trim_end(), fault, "the message says what to do"));
    }
    if let Some(fault) = status["clock"]["fault"].as_str() {
        findings.push(Finding::warn("clock", "trust", fault, "set the clock, or agree to it at the console"));
    }
    for payment in texts("payments_in_doubt") {
        let (subject, why) = (format!("payment {}", text(&payment["payment"])), text(&payment["why"]));
        findings.push(Finding::warn("hub", subject, why, &text(&payment["what_to_do"])));
    }
    if status["keeping"]["encrypted"] == Value::Bool(false) {
        let advice = "anybody with the disk can read it; see `Encryption` in `Operating a store`";
        findings.push(Finding::warn("database", "encryption", "the store is not encrypted", advice));
    }
    for device in texts("devices") {
        let (name, health) = (text(&device["device"]), &device["health"]);
        findings.push(match health["state"].as_str() {
            Some("ready") => Finding::ok("devices", name, text(&device["kind"])),
            state => {
                let value = health["why"].as_str().or(state).unwrap_or("unknown").to_owned();
                let advice = "check power and cable; `store-hub devices list` shows what is plugged in";
                Finding::warn("devices", name, value, advice)
            }
        });
    }
    if let Some(headquarters) = status.get("headquarters").filter(|it| !it.is_null()) {
        findings.extend(lag(headquarters));
    }
    findings
}

fn lag(headquarters: &Value) -> [Finding; 2] {
    let lacks = headquarters["lacks"].as_u64().unwrap_or_default();
    let is_connected = headquarters["connected"].as_bool().unwrap_or_default();
    let offline = "the store sells without HQ; check the router, and `dns` and `broker` above";
    let connection = if is_connected {
        Finding::ok("hub", "connection to HQ", "connected")
    } else {
        let trouble = headquarters["trouble"].as_str().unwrap_or("HQ does not answer");
        Finding::warn("hub", "connection to HQ", trouble, offline)
    };
    let value = format!("HQ lacks {lacks} events");
    let lag = if is_connected && lacks > MUCH_LAG {
        Finding::warn("lag", "events", value, "if it does not shrink within minutes, ask HQ: `store-hub-hq fleet`")
    } else {
        Finding::ok("lag", "events", value)
    };
    [connection, lag]
}

/// A value as text, without quotes.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::Level, *};

    #[test]
    fn devices_faults_and_lag_are_read_from_the_status() {
        let status = json!({
            "faults": ["listen.certificate: the certificate expires in 3 days"],
            "clock": { "fault": "the clock is behind" },
            "payments_in_doubt": [{ "payment": "p7", "why": "the terminal does not answer", "what_to_do": "decide" }],
            "devices": [
                { "device": "scale-1", "kind": "scale", "health": { "state": "ready" } },
                { "device": "scanner-1", "kind": "scanner", "health": { "state": "offline", "why": "no such file" } },
            ],
            "headquarters": { "connected": true, "has": 5, "lacks": 1_001 },
        });
        let found = read(&status);
        let level = |check: &str, subject: &str| {
            let finding = found.iter().find(|finding| finding.check == check && finding.subject == subject);
            finding.unwrap_or_else(|| panic!("{check} {subject}: {found:#?}")).level
        };
        assert_eq!(level("devices", "scale-1"), Level::Ok);
        assert_eq!(level("devices", "scanner-1"), Level::Warn);
        assert_eq!(level("hub", "payment p7"), Level::Warn);
        assert_eq!(level("clock", "trust"), Level::Warn);
        assert_eq!((level("lag", "events"), level("hub", "connection to HQ")), (Level::Warn, Level::Ok));
        assert_eq!(level("hub", "listen.certificate: the certificate expires in"), Level::Warn);
    }

    #[test]
    fn a_status_of_another_version_is_no_failure() {
        assert_eq!(read(&json!({})), []);
        assert_eq!(read(&json!({ "devices": "later", "headquarters": 3 })).len(), 2);
    }
}
