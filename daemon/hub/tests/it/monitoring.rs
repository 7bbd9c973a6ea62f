//! The dashboard and the alert rules name metrics that the hub has. Those of headquarters are compared in
//! `cloud-bridge/hq/tests/it/api/monitoring.rs`.

use std::{collections::BTreeSet, fs, path::Path};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::common::{ENGINE, ask, open_with};

/// The metrics that the files in `systemd/monitoring` name, without the endings that queries add.
fn named() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systemd/monitoring");
    let mut named = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (place, _) in text.match_indices("store_hub_") {
            let name: String = text[place..].chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
            let base = ["_total", "_bucket"].iter().find_map(|end| name.strip_suffix(end));
            named.insert(base.unwrap_or(&name).to_owned());
        }
    }
    named
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_metrics_that_the_hub_has() {
    let directory = tempfile::tempdir().unwrap();
    // Not there, and in the metrics all the same.
    let more = "[headquarters]\nbroker = \"mqtt://127.0.0.1:1\"\n[[receipt_printer]]\nname = \"receipts-1\"\n\
                protocol = \"esc-pos\"\naddress = \"tcp://127.0.0.1:1\"\n";
    let (_hub, router) = open_with(directory.path(), ENGINE, more);
    ask(&router, "GET", "/api/v1/status", &[], "").await;
    let mut stream = UnixStream::connect(directory.path().join("data/hub.sock")).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).await.unwrap();
    let there: BTreeSet<_> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let named: Vec<_> = named().into_iter().filter(|name| !name.starts_with("store_hub_hq_")).collect();
    let missing: Vec<_> = named.iter().filter(|name| !there.contains(name.as_str())).collect();
    assert!(named.len() >= 15 && missing.is_empty(), "{missing:?} are not in {there:?}");
}
