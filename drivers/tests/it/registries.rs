//! The protocol lists: unique names, working defaults, and helpful errors.

use std::collections::HashSet;

use drivers::{
    label_printer, payment_terminal, receipt_printer,
    registry::{Protocol, SetupError, prepare},
    scale, scanner,
};
use serde_json::{Value, json};

use super::{DOLLARS, setup, start};

fn refused<D: ?Sized>(protocols: &[Protocol<D>], settings: Value) -> SetupError {
    prepare(protocols, setup("device-1", "tcp://127.0.0.1:1", settings)).err().unwrap()
}

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
        drop(start(protocols, named.clone()));
        named.settings.insert("colour".into(), json!("blue"));
        let error = prepare(protocols, named).err().unwrap().to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }
    let mut unknown = setup("device-1", "tcp://127.0.0.1:1", json!({}));
    unknown.protocol = Some("carrier-pigeon".into());
    let error = prepare(protocols, unknown).err().unwrap().to_string();
    assert_eq!(error, format!("unknown protocol `carrier-pigeon`; expected one of: {}", names.join(", ")));
}

#[tokio::test]
async fn scales() {
    holds(scale::PROTOCOLS, &["toledo-8217"]);
    let error = refused(scale::PROTOCOLS, json!({ "unit": "stone" })).to_string();
    assert!(error.contains("kilogram") && error.contains("pound"), "{error}");
}

#[tokio::test]
async fn scanners() {
    holds(scanner::PROTOCOLS, &["serial"]);
}

#[tokio::test]
async fn label_printers() {
    holds(label_printer::PROTOCOLS, &["zpl"]);
}

#[tokio::test]
async fn receipt_printers() {
    holds(receipt_printer::PROTOCOLS, &["esc-pos"]);
    for columns in [19, 65] {
        let error = refused(receipt_printer::PROTOCOLS, json!({ "columns": columns })).to_string();
        assert!(error.contains("20 to 64"), "{error}");
    }
    let wide = setup("receipts-1", "tcp://127.0.0.1:1", json!({ "columns": 48 }));
    assert_eq!(start(receipt_printer::PROTOCOLS, wide).0.columns(), 48);
}

#[tokio::test]
async fn payment_terminals() {
    holds(payment_terminal::PROTOCOLS, &["zvt"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let begin = || {
        let terminal = setup("terminal-1", "tcp://127.0.0.1:1", json!({ "password_file": file }));
        let context = drivers::registry::StartContext { currency: DOLLARS, events: std::sync::Arc::new(|_| {}) };
        prepare(payment_terminal::PROTOCOLS, terminal).unwrap().start(&context).err().map(|error| error.to_string())
    };
    assert!(begin().unwrap().contains("could not read the password from"));
    std::fs::write(&file, "12345").unwrap();
    assert!(begin().unwrap().contains("six digits"));
    std::fs::write(&file, "123456\n").unwrap();
    assert_eq!(begin(), None);
}
