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
        assert_eq!(has_key, method != "get", "{id}");
    });
    assert!(ids.len() >= 13, "{ids:?}");
}

#[test]
fn nobody_without_a_key_gets_through_anywhere() {
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
