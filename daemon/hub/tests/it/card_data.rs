//! No field of the API lets a card number into the store.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::common::{CEREAL, ask, enter, open};

/// A card number as somebody may type it.
const TYPED: &str = "4761.7390.0101.0119";

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

#[tokio::test]
async fn no_field_of_any_command_accepts_a_card_number() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, router) = open(directory.path());
    let (cookie, token) = enter(&router, directory.path(), "till-1").await;
    let document = hub::document();
    let mut planted = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let operation = &methods["post"];
        let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        if operation["x-permission"] == "public" {
            continue;
        }
        let path: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
        let path = path.join("/");
        for plant in 1.. {
            let mut planter = Planter { document: &document, plant, seen: 0 };
            let body = planter.value(body, 0);
            if planter.seen < plant {
                break;
            }
            planted += 1;
            let mut kinds = Vec::new();
            for header in [("authorization", &*token), ("cookie", &*cookie)] {
                let key = format!("plant-{planted}-{}", header.0);
                let answer = ask(&router, "POST", &path, &[header, ("idempotency-key", &key)], &body.to_string()).await;
                assert!(!answer.body.to_string().contains(TYPED), "{path} repeats it: {}", answer.body);
                kinds.push(answer.body["type"].as_str().unwrap_or_default().to_owned());
            }
            let refused = kinds.iter().any(|kind| kind == "/problems/card-number-refused");
            let is_named = kinds.iter().all(|kind| kind == "/problems/bad-request" || kind == "/problems/forbidden");
            assert!(refused || is_named, "{path} with {body}: {kinds:?}");
        }
    }
    assert!(planted >= 40, "only {planted} texts were found");
    for (path, key) in [("/api/v1/drawer", TYPED), ("/api/v1/stock/policies/4761739001010119", "policy-01")] {
        let answer = ask(&router, "POST", path, &[("cookie", &cookie), ("idempotency-key", key)], "{}").await;
        assert!(!answer.status.is_success(), "{path}");
    }
    assert!(!holds(&directory.path().join("data"), &[TYPED, "4761739001010119"]));
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
