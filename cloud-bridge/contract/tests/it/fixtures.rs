//! Messages of earlier versions stay readable. A fixture, `NAME@CASE.json`, is a message or body that a version wrote.
//! It is never changed; a new case gets a new file.

use std::{collections::BTreeSet, fs, path::PathBuf};

use contract::{
    Acknowledgement, Answered, Asked, Batch, Body, DownAcknowledgement, DownBatch, DownItem, Event, Gone, Hello,
    Placeholder, Positions, Sequence, Telemetry, Wire, audit, cash, customer, gift_card, guide, item,
    kind::{Carrier, Kind},
    order,
    publication::{Announcement, Manifest, PublicationStates},
    quota, sale, stock, transfer,
};
use serde::{Serialize, de::DeserializeOwned};
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

/// The body of a signed document.
fn document<T: DeserializeOwned + Serialize>(json: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(json.clone()).unwrap()).unwrap()
}

fn body<M: Carrier, B: Body>(kind: &Kind<M, B>, carrier: &M) -> Value {
    serde_json::to_value(kind.read(carrier).unwrap()).unwrap()
}

/// Reads a fixture and writes it again.
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
        "order.offered" => body(&order::OFFERED, &wanted),
        "order.cancelled" => body(&order::CANCELLED, &wanted),
        "order.extended" => body(&order::EXTENDED, &wanted),
        "customer.arrived" => body(&order::ARRIVED, &wanted),
        "order.tracked" => body(&order::TRACKED, &wanted),
        "order.advanced" => body(&order::ADVANCED, &event),
        "order.stated" => body(&order::STATED, &event),
        "order.placed" => body(&order::PLACED, &event),
        "order.withdrawn" => body(&order::WITHDRAWN, &event),
        "quota.changed" => body(&quota::CHANGED, &event),
        "quota.answered" => body(&quota::ANSWERED, &wanted),
        "transfer.dispatched" => body(&transfer::DISPATCHED, &event),
        "transfer.announced" => body(&transfer::ANNOUNCED, &wanted),
        "customer.changed" => body(&customer::CHANGED, &event),
        "erasure.requested" => body(&customer::ERASURE_REQUESTED, &event),
        "receipt.requested" => body(&customer::RECEIPT_REQUESTED, &event),
        "profiles.requested" => body(&customer::PROFILES_REQUESTED, &event),
        "customer.told" => body(&customer::TOLD, &wanted),
        "customer.gone" => body(&customer::GONE, &wanted),
        "programme.published" => body(&customer::PROGRAMME, &wanted),
        "rules.published" => body(&guide::RULES, &wanted),
        "giftcard.moved" => body(&gift_card::MOVED, &event),
        "giftcard.recalled" => body(&gift_card::RECALLED, &wanted),
        "audit.recorded" => body(&audit::RECORDED, &event),
        "shift.opened" => body(&cash::SHIFT_OPENED, &event),
        "cash.moved" => body(&cash::MOVED, &event),
        "shift.closed" => body(&cash::SHIFT_CLOSED, &event),
        "day.closed" => body(&cash::DAY_CLOSED, &event),
        "terminal.reconciled" => body(&cash::TERMINAL_RECONCILED, &event),
        "publications" => message::<PublicationStates>(json),
        "announcement" => document::<Announcement>(json),
        "manifest" => {
            serde_json::from_value::<Manifest>(json.clone()).unwrap().check().unwrap();
            document::<Manifest>(json)
        }
        "hub.unreadable" | "hub.oversized" => {
            serde_json::to_value(serde_json::from_value::<Placeholder>(json.clone()).unwrap()).unwrap()
        }
        other => panic!("fixture `{other}`: unknown message or kind"),
    }
}

#[test]
fn messages_of_earlier_versions_read_back_unchanged() {
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

/// Checked by an independent validator.
#[test]
fn fixtures_are_valid_and_every_required_member_is_required() {
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
