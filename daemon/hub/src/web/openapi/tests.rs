use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use app::CAPABILITIES;

use super::*;
use crate::web::routes::{PERMISSION, PUBLIC};

/// Operations that need no authentication.
const PUBLIC_OPERATIONS: [&str; 2] = ["registers_log_in", "registers_pair"];

fn each_operation(mut take: impl FnMut(&str, &str, &Value)) {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            take(path, method, operation);
        }
    }
}

/// `docs/openapi.json` shows reviewers the changes of the contract.
#[test]
fn the_document_under_docs_is_the_one_that_the_hub_serves() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        let text = serde_json::to_string_pretty(&document()).unwrap();
        fs::write(&path, text + "\n").unwrap();
    }
    let there: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(there == document(), "run `cargo run -p store-hub -- openapi > docs/openapi.json` and review the change");
}

#[test]
fn every_operation_is_described_and_named_once() {
    let mut ids = BTreeSet::new();
    each_operation(|path, method, operation| {
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        let success = operation["responses"].as_object().unwrap().keys().any(|status| !status.starts_with(['4', '5']));
        assert!(success, "{method} {path} never succeeds");
    });
    assert!(ids.len() >= 40, "{} operations", ids.len());
}

#[test]
fn every_referenced_schema_exists() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} is not there");
                }
                fields.values().for_each(|inner| check(inner, document));
            }
            Value::Array(items) => items.iter().for_each(|inner| check(inner, document)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[test]
fn no_two_types_have_the_same_schema_name() {
    let mut named = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for (name, schema) in crate::routes().into_iter().flat_map(|routes| routes.schemas) {
        let schema = serde_json::to_value(schema).unwrap();
        if *named.entry(name.clone()).or_insert_with(|| schema.clone()) != schema {
            twice.insert(name);
        }
    }
    assert_eq!(twice, BTreeSet::new(), "give one of the types another name: #[schema(as = ...)]");
}

#[test]
fn every_answer_is_described_and_every_problem_has_its_types() {
    let document = document();
    each_operation(|_, _, operation| {
        let id = &operation["operationId"];
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{id} {status}");
            assert!(response["headers"]["Store-Hub-Epoch"].is_object(), "{id} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                let name = schema.as_str().unwrap().rsplit('/').next().unwrap();
                let properties = &document["components"]["schemas"][name]["properties"];
                assert!(!properties["type"]["enum"].as_array().unwrap().is_empty(), "{id} {status}");
                assert_eq!(properties["status"]["const"].to_string(), *status, "{id}");
            }
        }
    });
}

#[test]
fn a_problem_lists_the_members_that_programs_read() {
    let schemas = &document()["components"]["schemas"];
    let properties = &schemas["BasketsUnprocessableEntityProblem"]["properties"];
    assert_eq!(properties["due"]["type"], "integer");
    assert_eq!(properties["available"]["type"], "integer");
    assert_eq!(properties["field"]["type"], "string");
    assert_eq!(schemas["RegistersTooManyRequestsProblem"]["properties"]["retry_after_s"]["type"], "integer");
}

#[test]
fn every_operation_names_a_permission_of_the_table() {
    let known: BTreeSet<_> =
        CAPABILITIES.iter().flat_map(|capability| capability.permissions).map(|permission| permission.name).collect();
    each_operation(|path, method, operation| {
        let id = operation["operationId"].as_str().unwrap();
        let permission =
            operation[PERMISSION].as_str().unwrap_or_else(|| panic!("{method} {path} names no permission"));
        let schemes = operation["security"].as_array().unwrap();
        if PUBLIC_OPERATIONS.contains(&id) {
            assert_eq!((permission, schemes.len()), (PUBLIC, 0), "{id}");
        } else {
            assert!(known.contains(permission), "{id} names `{permission}`, which nobody declares");
            assert!(!schemes.is_empty(), "{id}: no security scheme");
        }
    });
}

#[test]
fn every_command_carries_an_idempotency_key() {
    each_operation(|path, method, operation| {
        let has_key = operation["parameters"].to_string().contains("Idempotency-Key");
        let is_public = operation[PERMISSION] == PUBLIC;
        // The record of a key would hold a digest of the PIN.
        let has_pin = ["operators_sign_in", "operators_sign_override", "operators_add", "gift_cards_present"];
        // They change nothing, and what they ask for is personal: it must not be in an address.
        let reads = ["customers_search", "customers_export", "customers_present_points", "returns_search"];
        let operation_id = operation["operationId"].as_str().unwrap();
        let is_keyless = is_public || has_pin.contains(&operation_id) || reads.contains(&operation_id);
        assert_eq!(has_key, method == "post" && !is_keyless, "{method} {path}");
    });
}

#[test]
fn every_kind_of_refusal_is_a_problem_of_some_operation() {
    let documented = routes().1.slugs();
    // Except for kinds that any path answers, and those only for HQ's inbox.
    for kind in CAPABILITIES.iter().flat_map(|capability| capability.refusals) {
        assert!(documented.contains(kind.slug), "no operation documents `{}`", kind.slug);
    }
}

#[test]
fn descriptions_contain_no_rust() {
    let document = document().to_string();
    for leak in ["[`", "::", "serde", "](#"] {
        let place =
            document.find(leak).map(|place| document[place.saturating_sub(80)..].chars().take(160).collect::<String>());
        assert_eq!(place, None, "{leak}");
    }
}

#[test]
fn a_body_is_required_where_a_command_needs_members() {
    each_operation(|_, _, operation| {
        let required = operation["requestBody"]["required"].as_bool();
        match operation["operationId"].as_str().unwrap() {
            "baskets_open" | "baskets_complete" | "payments_pay" => assert_eq!(required, Some(false)),
            "baskets_tender" | "sales_sell" | "stock_enter_notice" => assert_eq!(required, Some(true)),
            _ => {}
        }
    });
}

#[test]
fn every_event_has_its_members() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let events = schemas["Event"]["oneOf"].as_array().unwrap();
    let names: Vec<_> =
        events.iter().map(|event| event["$ref"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    for name in ["EventDeviceScan", "EventDeviceWeight", "EventDeviceHealthOffline", "EventSaleCompleted"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let scan = &schemas["EventDeviceScan"]["properties"];
    assert!(
        scan["data"].is_object()
            && scan["symbology"].is_object()
            && scan["decoded"].is_object()
            && scan["lane"].is_object()
    );
}

#[test]
fn every_example_belongs_to_an_operation() {
    let examples: serde_json::Map<String, Value> = serde_json::from_str(include_str!("examples.json")).unwrap();
    let mut ids = BTreeSet::new();
    each_operation(|_, _, operation| {
        ids.insert(operation["operationId"].as_str().unwrap().to_owned());
    });
    for id in examples.keys() {
        assert!(ids.contains(id), "{id}");
    }
}
