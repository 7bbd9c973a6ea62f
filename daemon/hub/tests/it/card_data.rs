//! No card number gets into the store, the log, events, receipts or HQ, whichever field it is typed into and whatever
//! is scanned.

use std::{fs, path::Path};

use axum::http::StatusCode;
use drivers::simulate::{SimulatedCardTerminal, TerminalFault, TerminalProtocol};
use serde_json::{Map, Value, json};
use store::EngineKind;
use tracing_subscriber::filter::LevelFilter;

use crate::common::{
    CEREAL, ask, enter, headquarters::Headquarters, lane::Lane, log::Log, open, open_with, shop::Shop, wait_for,
};

/// A card number as somebody may type it.
const TYPED: &str = "4761.7390.0101.0119";

/// The same, as it is on the card.
const NUMBER: &str = "4761739001010119";

/// Generates a value of a schema with the card number in place of one string: counts the strings, and plants it in the
/// `plant`-th.
struct Planter<'d> {
    document: &'d Value,
    plant: usize,
    seen: usize,
}

impl Planter<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/")) {
            return self.value(&self.document["components"]["schemas"][name].clone(), depth);
        }
        for several in ["oneOf", "anyOf"] {
            if let Some(all) = schema[several].as_array() {
                let other = all.iter().find(|schema| schema["type"] != "null");
                return other.map_or(Value::Null, |schema| self.value(schema, depth));
            }
        }
        if let Some(all) = schema["allOf"].as_array() {
            let parts = all.iter().map(|schema| self.value(schema, depth));
            let members = parts.filter_map(|part| part.as_object().cloned()).flatten();
            return Value::Object(members.collect());
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
        match kind {
            "object" if depth < 8 => {
                let properties = schema["properties"].as_object().cloned().unwrap_or_default();
                let members = properties.iter().map(|(name, schema)| (name.clone(), self.value(schema, depth + 1)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            "array" => json!([self.value(&schema["items"], depth + 1)]),
            "integer" | "number" => json!(1),
            "boolean" => json!(true),
            "string" => {
                self.seen += 1;
                json!(if self.seen == self.plant { TYPED } else { "818981" })
            }
            _ => Value::Null,
        }
    }
}

/// Whether any file in a directory contains one of the texts.
fn holds(directory: &Path, texts: &[&str]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, texts);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        texts.iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    })
}

/// The operations of a method, with a text for each part of their paths that varies.
fn operations<'d>(document: &'d Value, method: &'d str, part: &'d str) -> impl Iterator<Item = (String, &'d Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.filter_map(move |(path, methods)| {
        let parts: Vec<_> = path.split('/').map(|word| if word.starts_with('{') { part } else { word }).collect();
        Some((parts.join("/"), methods.get(method)?))
    })
}

/// Plants a card number in each text of each command, one at a time.
async fn type_it_into_every_command(lane: &Lane, document: &Value) {
    let mut planted = 0;
    for (path, operation) in operations(document, "post", "1") {
        let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        if operation["x-permission"] == "public" {
            continue;
        }
        for plant in 1.. {
            let mut planter = Planter { document, plant, seen: 0 };
            let body = planter.value(body, 0);
            if planter.seen < plant {
                break;
            }
            planted += 1;
            let mut kinds = Vec::new();
            for header in [("authorization", &*lane.token), ("cookie", &*lane.cookie)] {
                let key = format!("plant-{planted}-{}", header.0);
                let head = [header, ("idempotency-key", &key)];
                let answer = ask(&lane.router, "POST", &path, &head, &body.to_string()).await;
                assert!(!answer.body.to_string().contains(TYPED), "{path} repeats it: {}", answer.body);
                kinds.push(answer.body["type"].as_str().unwrap_or_default().to_owned());
            }
            let refused = kinds.iter().any(|kind| kind == "/problems/card-number-refused");
            let is_named = kinds.iter().all(|kind| kind == "/problems/bad-request" || kind == "/problems/forbidden");
            assert!(refused || is_named, "{path} with {body}: {kinds:?}");
        }
    }
    assert!(planted >= 40, "only {planted} texts were found");
}

/// Writes it into paths, parameters and headers, also of requests that are refused for something else.
async fn write_it_around_bodies(lane: &Lane, document: &Value) {
    for method in ["get", "post"] {
        // A command without such a part may be one that is good: to log out.
        for (path, _) in
            operations(document, method, NUMBER).filter(|(path, _)| method == "get" || path.contains(NUMBER))
        {
            let path = format!("{path}?after={NUMBER}&before={NUMBER}&query={TYPED}&ticket={NUMBER}");
            for header in [("authorization", &*lane.token), ("cookie", &*lane.cookie)] {
                let head = [header, ("idempotency-key", "in-the-path"), ("user-agent", NUMBER)];
                let answer = ask(&lane.router, &method.to_uppercase(), &path, &head, "{}").await;
                assert!(method == "get" || !answer.status.is_success(), "{path}: {}", answer.body);
            }
        }
    }
    let path = format!("/api/v1/stock/policies/{NUMBER}");
    let large = " ".repeat(600 * 1024);
    assert_eq!(ask(&lane.router, "POST", &path, &[("cookie", &lane.cookie)], &large).await.status, 413);
    let key = [("cookie", &*lane.cookie), ("idempotency-key", TYPED)];
    assert!(!ask(&lane.router, "POST", "/api/v1/drawer", &key, "{}").await.status.is_success());
    for path in ["/api/v1/session", "/api/v1/pairing"] {
        let tried = ask(&lane.router, "POST", path, &[], &json!({ "code": NUMBER }).to_string()).await;
        assert!(!tried.status.is_success(), "{path}");
    }
    for header in [("authorization", &*format!("Bearer {NUMBER}")), ("cookie", NUMBER)] {
        assert_eq!(ask(&lane.router, "GET", "/api/v1/devices", &[header], "").await.status, 401);
    }
}

#[test]
fn a_card_number_is_stored_and_sent_nowhere() {
    let test = "card_data::a_card_number_is_stored_and_sent_nowhere";
    Log::alone(test, LevelFilter::TRACE, async |log| {
        let hq = Headquarters::start().await;
        let lane = Lane::open(EngineKind::Sqlite, &hq.config()).await;
        let document = hub::document();
        type_it_into_every_command(&lane, &document).await;
        write_it_around_bodies(&lane, &document).await;
        for code in [NUMBER, "4761 7390 0101 0119", ";4761739001010119=25121010000000000000?"] {
            lane.scanner.scan("]C0", code).await.unwrap();
        }
        let scans = |heard: &Value| -> Vec<String> {
            let events = heard["events"].as_array().unwrap().iter().filter(|event| event["event"] == "scan");
            events.map(|event| event["data"].as_str().unwrap().to_owned()).collect()
        };
        let heard = lane.wait_for("/api/v1/lanes/me/events", |heard| scans(heard).len() == 3).await;
        let told = ["****************", "**** **** **** ****", ";****************=********************?"];
        assert_eq!(scans(&heard), told);
        lane.sell("sale-000001").await;
        let papers = format!("{:?} {:?}", lane.papers(1).await, lane.labels.printed());
        hq.wait_for_sales(1).await;

        let mut told = vec![("the log", log.text()), ("paper", papers), ("events", heard.to_string())];
        for path in ["/api/v1/devices", "/api/v1/status", "/api/v1/audit", "/api/v1/sales"] {
            let person = [("cookie", &*lane.cookie)];
            told.push((path, ask(&lane.router, "GET", path, &person, "").await.body.to_string()));
        }
        for (place, text) in told {
            for number in [TYPED, NUMBER, "4761 7390 0101 0119"] {
                let line = text.lines().find(|line| line.contains(number));
                assert_eq!(line, None, "{place} has {number}");
            }
        }
        for directory in [lane.directory.path(), hq.directory.path()] {
            assert!(!holds(directory, &[TYPED, NUMBER]), "{}", directory.display());
        }
    });
}

/// What a terminal reads from the stripe of the card.
const TRACK: &str = "=28122010000000000731";

#[test]
fn a_card_number_from_a_terminal_is_stored_and_sent_nowhere() {
    let test = "card_data::a_card_number_from_a_terminal_is_stored_and_sent_nowhere";
    Log::alone(test, LevelFilter::TRACE, async |log| {
        for protocol in TerminalProtocol::ALL {
            let terminal = SimulatedCardTerminal::bind(protocol, "127.0.0.1:0".parse().unwrap()).await.unwrap();
            terminal.fault(TerminalFault::FullPan).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let device = terminal.config("terminal-1", directory.path()).unwrap();
            let lane = format!("payment_terminal = \"terminal-1\"\n{device}");
            let shop = Shop::enter(open_with(directory.path(), EngineKind::Sqlite, &lane), directory.path()).await;
            let is_ready = |devices: &Value| devices[0]["health"]["state"] == "ready";
            wait_for(&shop.router, "/api/v1/devices", ("cookie", &shop.cookie), is_ready).await;
            let sale = json!({ "lines": [{ "sku": "818981" }], "card": true });
            let sold = shop.till(1, "/api/v1/sales", sale).await.expect(StatusCode::OK);
            let payment = shop.read("/api/v1/payments/p1").await;
            let masked = payment["card"]["masked_pan"].as_str().unwrap();
            assert!(masked.ends_with("*0119"), "{}: {masked}", protocol.name());
            let mut told = vec![sold, payment];
            let sale = format!("/api/v1/sales/{}", told[0]["sale"].as_str().unwrap());
            for path in [&*sale, &format!("{sale}/receipt"), "/api/v1/audit", "/api/v1/status", "/api/v1/devices"] {
                told.push(shop.read(path).await);
            }
            let told = json!(told).to_string();
            for text in [NUMBER, TRACK] {
                assert!(!told.contains(text), "{}: {text} in {told}", protocol.name());
            }
            assert!(!holds(directory.path(), &[NUMBER, TRACK]), "{} in the files", protocol.name());
        }
        for text in [NUMBER, TRACK] {
            assert_eq!(log.text().lines().find(|line| line.contains(text)), None, "the log");
        }
    });
}

#[tokio::test]
async fn numbers_similar_to_card_numbers_are_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let person = [("cookie", &*cookie), ("idempotency-key", "the-catalog")];
    assert_eq!(ask(&router, "POST", "/api/v1/items", &person, CEREAL).await.status, 200);
    for (number, reference) in
        ["order 1764201600000-77", "2026-11-28 12:34:56", "4006381333931", "T-0001 2345 6789"].into_iter().enumerate()
    {
        let key = format!("47617390-0101-0119-8000-{number:012}");
        let sale = json!({ "reference": reference, "lines": [{ "sku": "818981" }],
            "tenders": [{ "tender": "cash", "amount": 369 }] });
        let head = [("authorization", &*token), ("idempotency-key", &*key)];
        let sold = ask(&router, "POST", "/api/v1/sales", &head, &sale.to_string()).await;
        assert_eq!(sold.status, 200, "{reference}: {}", sold.body);
    }
    let sale =
        json!({ "reference": TYPED, "lines": [{ "sku": "818981" }], "tenders": [{ "tender": "cash", "amount": 369 }] });
    let head = [("authorization", &*token), ("idempotency-key", "sale-000001")];
    let refused = ask(&router, "POST", "/api/v1/sales", &head, &sale.to_string()).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (422, &json!("/problems/card-number-refused")));
}
