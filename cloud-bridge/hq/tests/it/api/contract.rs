//! The OpenAPI document.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

fn document() -> Value {
    Runtime::new().unwrap().block_on(api::document()).unwrap()
}

fn each_operation(mut take: impl FnMut(&str, &str, &Value)) {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            take(path, method, operation);
        }
    }
}

/// `docs/hq-openapi.json` is what reviewers see of a change of the contract.
#[test]
fn the_document_under_docs_is_the_one_that_hq_serves() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hq-openapi.json");
    let there: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let how = "run `cargo run -p hq -- openapi > docs/hq-openapi.json` and look at the change";
    assert!(there == document(), "{how}");
    on_each_engine(|hq| {
        let served = hq.ask(Method::GET, "/api/v1/openapi.json", None, &[], "");
        assert!(served.json() == there, "{how}");
        let page = hq.ask(Method::GET, "/docs", None, &[], "");
        assert!(page.status == 200 && page.text.contains("docs.js"));
    });
}

#[test]
fn every_operation_is_named_once_and_has_a_scope() {
    let (mut ids, known) = (BTreeSet::new(), Scope::ALL.map(Scope::name));
    each_operation(|path, method, operation| {
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(known.contains(&operation["x-scope"].as_str().unwrap()), "{id}");
        assert_eq!(operation["security"], json!([{ "api_key": [] }]), "{id}");
        let has_key = operation["parameters"].to_string().contains("Idempotency-Key");
        // A question that needs a body is a POST, too, and changes nothing.
        let changes = method != "get" && !operation["x-scope"].as_str().unwrap().ends_with(":read");
        assert_eq!(has_key, changes, "{id}");
    });
    assert!(ids.len() >= 13, "{ids:?}");
}

#[test]
fn every_operation_needs_a_key() {
    let mut asked = Vec::new();
    each_operation(|path, method, _| asked.push((method.to_owned(), path.replace(['{', '}'], ""))));
    on_each_engine(|hq| {
        for (method, path) in &asked {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let answer = hq.ask(method, path, None, &[("idempotency-key", "key-000001")], "{}");
            assert!(matches!(answer.status, 401 | 429), "{path}: {answer:?}");
        }
    });
}

/// Every operation with a key of each scope: the scope in the document lets in, no other does.
#[test]
fn every_operation_is_open_to_its_scope_only() {
    let mut asked = Vec::new();
    each_operation(|path, method, operation| {
        let scope = operation["x-scope"].as_str().unwrap().to_owned();
        asked.push((method.to_ascii_uppercase(), path.replace(['{', '}'], ""), scope));
    });
    on_each_engine(|hq| {
        let add = |scope| hq.runtime.block_on(keys::add(hq.ledger.database(), "of one scope", &[scope])).unwrap();
        let keys: Vec<_> = Scope::ALL.into_iter().map(|scope| (scope.name(), add(scope))).collect();
        let mut wrong = Vec::new();
        for (method, path, needed) in &asked {
            for (scope, key) in &keys {
                let ask = || {
                    let method = Method::from_bytes(method.as_bytes()).unwrap();
                    hq.ask(method, path, Some(key), &[("idempotency-key", "key-000001")], "{}")
                };
                // A new key is known within a second.
                let known = || Some(ask()).filter(|answer| !matches!(answer.status, 401 | 429));
                let answer = until("the key is known", known);
                let is_let_in = answer.status != 403;
                if is_let_in != (scope == needed) {
                    wrong.push(format!("{method} {path} with {scope}: {}", answer.status));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
        assert!(asked.len() * keys.len() >= 130);
    });
}

#[test]
fn every_answer_is_described_and_every_problem_has_its_types() {
    let document = document();
    each_operation(|_, _, operation| {
        let id = &operation["operationId"];
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{id} {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                let schema = document.pointer(schema.as_str().unwrap().trim_start_matches('#')).unwrap();
                assert!(!schema["properties"]["type"]["enum"].as_array().unwrap().is_empty(), "{id} {status}");
                assert_eq!(schema["properties"]["status"]["const"].to_string(), *status, "{id}");
                assert_eq!(response["headers"]["Retry-After"].is_object(), matches!(&**status, "429" | "503"), "{id}");
            }
        }
    });
}
