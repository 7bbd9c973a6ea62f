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
        let output = program().args(["ingest", "--broker", "mqtt://127.0.0.1:1"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}
