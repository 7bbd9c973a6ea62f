//! What was sent in the past goes on being read. A fixture is a message or a body as some version wrote it, named for
//! what it is, `NAME@CASE.json`; it is never changed. A new case gets a new file.

use std::{collections::BTreeSet, fs, path::PathBuf};

use contract::{
    Acknowledgement, Answered, Asked, Batch, Body, DownAcknowledgement, DownBatch, DownItem, Event, Gone, Hello,
    Placeholder, Positions, Sequence, Telemetry, Wire, item,
    kind::{Carrier, Kind},
    sale, stock,
};
use serde_json::{Value, value::to_raw_value};

use crate::schemas::of_this_version;

/// Name, case, JSON.
fn fixtures() -> Vec<(String, String, Value)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1");
    let read = |path: PathBuf| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (name, case) = stem.split_once('@').expect("NAME@CASE.json");
        (name.to_owned(), case.to_owned(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())
    };
    fs::read_dir(directory).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

fn message<W: Wire>(json: &Value) -> Value {
    let content_type = format!("application/vnd.store-hub.{}+json; version=1", W::NAME);
    let read = W::decode(Some(&content_type), &serde_json::to_vec(json).unwrap()).unwrap();
    serde_json::to_value(read).unwrap()
}

fn body<M: Carrier, B: Body>(kind: &Kind<M, B>, carrier: &M) -> Value {
    serde_json::to_value(kind.read(carrier).unwrap()).unwrap()
}

/// Reads a fixture, and writes it again.
fn rewritten(name: &str, json: &Value) -> Value {
    let raw = to_raw_value(json).unwrap();
    let event = Event { sequence: Sequence(1), kind: name.to_owned(), occurred_at_ms: 1, body: raw.clone() };
    let wanted = DownItem { sequence: Sequence(1), kind: name.to_owned(), body: raw };
    match name {
        "acknowledgement" => message::<Acknowledgement>(json),
        "answer" => message::<Answered>(json),
        "batch" => message::<Batch>(json),
        "down-batch" => message::<DownBatch>(json),
        "gone" => message::<Gone>(json),
        "hello" => message::<Hello>(json),
        "positions" => message::<Positions>(json),
        "question" => message::<Asked>(json),
        "received" => message::<DownAcknowledgement>(json),
        "telemetry" => message::<Telemetry>(json),
        "sale.completed" => body(&sale::COMPLETED, &event),
        "stock.moved" => body(&stock::MOVED, &event),
        "stock.opened" => body(&stock::OPENED, &event),
        "item.changed" => body(&item::CHANGED, &wanted),
        "hub.unreadable" | "hub.oversized" => {
            serde_json::to_value(serde_json::from_value::<Placeholder>(json.clone()).unwrap()).unwrap()
        }
        other => panic!("the fixture `{other}` is of no known message or kind"),
    }
}

#[test]
fn what_was_sent_in_the_past_is_read_and_means_the_same() {
    for (name, case, json) in fixtures() {
        assert_eq!(rewritten(&name, &json), json, "{name}@{case}");
    }
}

#[test]
fn every_message_and_kind_has_a_fixture() {
    let there: BTreeSet<_> = fixtures().into_iter().map(|(name, ..)| name).collect();
    let missing: Vec<_> = of_this_version().into_keys().filter(|name| !there.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// By a validator that knows nothing of these types.
#[test]
fn fixtures_are_valid_by_the_schemas_and_without_a_required_member_they_are_not() {
    let schemas = of_this_version();
    for (name, case, json) in fixtures() {
        let schema = &schemas[&name];
        let validator = jsonschema::validator_for(schema).unwrap();
        if let Err(error) = validator.validate(&json) {
            panic!("{name}@{case}: {error} at {}", error.instance_path());
        }
        let required = schema["required"].as_array().unwrap();
        assert!(!required.is_empty(), "{name}");
        for member in required {
            let mut without = json.clone();
            without.as_object_mut().unwrap().remove(member.as_str().unwrap());
            assert!(!validator.is_valid(&without), "{name}@{case} without {member}");
        }
    }
}
