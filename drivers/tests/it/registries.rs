//! The protocol lists: unique names, working defaults, and helpful errors.

use std::collections::HashSet;

use drivers::{
    customer_display, label_printer, payment_terminal, receipt_printer,
    registry::{Protocol, Setup, prepare},
    scale, scanner,
};
use serde_json::{Map, Value, json};

use super::{DOLLARS, setup, start};

/// Checks that hold for every registry. Nothing needs to listen at the address: a driver starts and is offline.
fn holds<D: ?Sized>(protocols: &[Protocol<D>], names: &[&str]) {
    let listed: Vec<&str> = protocols.iter().map(|protocol| protocol.name).collect();
    assert_eq!(listed, names);
    assert_eq!(listed.iter().collect::<HashSet<_>>().len(), listed.len(), "unique");
    for protocol in protocols {
        let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
        assert!(protocol.name.chars().all(plain), "{}", protocol.name);
        let mut named = setup("device-1", "tcp://127.0.0.1:1", json!({}));
        named.protocol = Some(protocol.name.into());
        named.settings = required(protocol.name);
        let prepared = prepare(protocols, named.clone()).unwrap();
        // nexo reads files when it starts.
        if protocol.name != "nexo" {
            let context = drivers::registry::StartContext { currency: DOLLARS, events: std::sync::Arc::new(|_| {}) };
            drop(prepared.start(&context).unwrap());
        }
        named.settings.insert("colour".into(), json!("blue"));
        let error = prepare(protocols, named).err().unwrap().to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }
    let mut unknown = setup("device-1", "tcp://127.0.0.1:1", json!({}));
    unknown.protocol = Some("carrier-pigeon".into());
    let error = prepare(protocols, unknown).err().unwrap().to_string();
    assert_eq!(error, format!("unknown protocol `carrier-pigeon`; expected one of: {}", names.join(", ")));
}

/// The settings that a protocol requires.
fn required(protocol: &str) -> Map<String, Value> {
    let settings = match protocol {
        "nexo" => json!({
            "poi_id": "V400m-1", "ca_file": "/none", "passphrase_file": "/none",
            "key_identifier": "hub", "key_version": 1,
        }),
        "ecr17" => json!({ "terminal_id": "12345678" }),
        _ => json!({}),
    };
    settings.as_object().unwrap().clone()
}

#[tokio::test]
async fn scales() {
    holds(scale::PROTOCOLS, &["toledo-8217", "mt-sics", "nci", "cas", "dialog-06", "hid"]);
    let mut toledo = setup("scale-1", "tcp://127.0.0.1:1", json!({ "unit": "stone" }));
    toledo.protocol = Some("toledo-8217".into());
    let error = prepare(scale::PROTOCOLS, toledo).err().unwrap().to_string();
    assert!(error.contains("kilogram") && error.contains("pound"), "{error}");
}

#[tokio::test]
async fn scanners() {
    holds(scanner::PROTOCOLS, &["serial", "hid", "keyboard"]);
}

#[tokio::test]
async fn customer_displays() {
    holds(customer_display::PROTOCOLS, &["esc-pos"]);
}

#[tokio::test]
async fn label_printers() {
    holds(label_printer::PROTOCOLS, &["zpl", "tspl", "epl2", "cpcl"]);
    let coarse = setup("labels-1", "tcp://127.0.0.1:1", json!({ "dpi": 150 }));
    let error = prepare(label_printer::PROTOCOLS, Setup { protocol: Some("zpl".into()), ..coarse }).err().unwrap();
    assert!(error.to_string().contains("dpi = 150; expected 203, 300 or 600"), "{error}");
}

#[tokio::test]
async fn receipt_printers() {
    holds(receipt_printer::PROTOCOLS, &["esc-pos", "star-line"]);
    let printer = |columns: u8| Setup {
        protocol: Some("esc-pos".into()),
        ..setup("receipts-1", "tcp://127.0.0.1:1", json!({ "columns": columns }))
    };
    for columns in [19, 65] {
        let error = prepare(receipt_printer::PROTOCOLS, printer(columns)).err().unwrap().to_string();
        assert!(error.contains("20 to 64"), "{error}");
    }
    let wide = printer(48);
    assert_eq!(start(receipt_printer::PROTOCOLS, wide).0.columns(), 48);
}

#[tokio::test]
async fn payment_terminals() {
    holds(payment_terminal::PROTOCOLS, &["zvt", "nexo", "ecr17", "caisse-ap"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let begin = || {
        let terminal = setup("terminal-1", "tcp://127.0.0.1:1", json!({ "protocol": "zvt", "password_file": file }));
        let context = drivers::registry::StartContext { currency: DOLLARS, events: std::sync::Arc::new(|_| {}) };
        prepare(payment_terminal::PROTOCOLS, terminal).unwrap().start(&context).err().map(|error| error.to_string())
    };
    assert!(begin().unwrap().contains("could not read the password from"));
    std::fs::write(&file, "12345").unwrap();
    assert!(begin().unwrap().contains("six digits"));
    std::fs::write(&file, "123456\n").unwrap();
    assert_eq!(begin(), None);
}
