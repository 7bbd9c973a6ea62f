//! The program `store-hub-hq`.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use bridge::BridgeConfig;
use tokio::sync::watch;

use crate::world::{self, Embedded, Memory, MemoryInbox, item, until};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_store-hub-hq"))
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_a_file_are_sent_to_a_hub_and_refusals_are_printed() {
    let broker = Embedded::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("items.json");
    let items = [item(1, 100), item(2, 0), item(3, 300)];
    std::fs::write(&path, items.each_ref().map(|item| serde_json::to_string(item).unwrap()).join("\n")).unwrap();

    let (_store, last) = watch::channel(0);
    let outbox = Arc::new(Memory::new(last));
    let inbox = Arc::new(MemoryInbox::default());
    let address = format!("mqtt://{}", broker.address);
    let config = BridgeConfig { broker: world::broker(broker.address), software: "test".into() };
    let _bridge = bridge::start(config, outbox, inbox.clone());

    let mut program = program();
    program.args(["ingest", "--broker", &address, "--to", "store-1", "--publish-items"]).arg(&path);
    program.arg("--ledger").arg(directory.path().join("hq.db"));
    let mut child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let printed = tokio::task::spawn_blocking(move || {
        lines.map_while(Result::ok).any(|line| line.contains("1 refused") && line.contains("2 applied"))
    });
    until("the hub has the items", || inbox.items().len() == 2).await;
    assert_eq!(inbox.items(), [item(1, 100), item(3, 300)]);
    let printed = tokio::time::timeout(world::LIMIT, printed).await.unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(printed);
}

#[test]
fn items_need_a_hub_and_a_hub_needs_items() {
    for arguments in [["--to", "store-1"], ["--publish-items", "items.json"]] {
        let output = program()
            .args(["ingest", "--broker", "mqtt://127.0.0.1:1", "--ledger", "/nowhere/hq.db"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}

/// Two stores, the nearer with stock for one order.
fn route_files(directory: &std::path::Path) -> [std::path::PathBuf; 2] {
    let store = |name: &str, lat: f64, quota: i64| {
        serde_json::json!({
            "store": name, "at": { "lat": lat, "lon": 0.0 }, "heard_at_ms": 1_795_500_000_000_i64,
            "parcel": 400, "per_km": 2,
            "stock": [{ "sku": "818981", "unit": "each", "quota": quota }],
        })
    };
    let stores = serde_json::json!({
        "now_ms": 1_795_500_000_000_i64,
        "stores": [store("near", 0.1, 2000), store("far", 1.0, 9000)],
    });
    let order = |name: &str| {
        serde_json::json!({
            "order": name, "to": { "point": { "lat": 0.0, "lon": 0.0 } },
            "lines": [{ "line": 1, "sku": "818981", "quantity": { "milli": 2000, "unit": "each" } }],
        })
    };
    let paths = ["orders.json", "stores.json"].map(|name| directory.join(name));
    std::fs::write(&paths[0], format!("{}\n{}\n", order("web-1"), order("web-2"))).unwrap();
    std::fs::write(&paths[1], stores.to_string()).unwrap();
    paths
}

#[test]
fn orders_of_a_file_are_routed_one_after_another_with_reasons() {
    let directory = tempfile::tempdir().unwrap();
    let [orders, stores] = route_files(directory.path());
    let route = |more: &[&str]| {
        let mut program = program();
        program.arg("route").arg("--orders").arg(&orders).arg("--stock").arg(&stores).args(more);
        let output = program.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = route(&[]);
    let (first, second) = text.split_once("order web-2").unwrap();
    assert!(first.contains("exact") && first.contains("near ") && first.contains("not far"), "{text}");
    assert!(first.contains("line 1: 2 of 818981") && first.contains("would cost"), "{text}");
    assert!(second.contains("not near") && second.contains("has no stock of it for the web"), "{text}");
    let plans: Vec<serde_json::Value> =
        route(&["--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(plans.len(), 2);
    assert_eq!(plans[0]["parts"][0]["store"], "near");
    assert_eq!(plans[0]["others"][0]["why"], "costlier");
    assert_eq!(plans[1]["others"][0], serde_json::json!({ "store": "near", "why": "no_stock", "line": 1 }));
}

#[test]
fn errors_in_a_file_of_orders_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let [orders, stores] = route_files(directory.path());
    std::fs::write(&orders, r#"{"order":"web-1","to":{"zone":"NE1"},"lines":[]}"#).unwrap();
    let output = program().arg("route").arg("--orders").arg(&orders).arg("--stock").arg(&stores).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("orders.json: order web-1: lines is out of range; 1 to 400"), "{told}");
}
