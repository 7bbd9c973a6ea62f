//! Whether an answer is one that the OpenAPI document describes: its status, its content type and its body.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| Runtime::new().unwrap().block_on(hq::api::document()).unwrap());

/// Validators by the reference of their schema.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The operation of a request; paths with fewer parameters come first.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let asked: Vec<_> = path.split('/').collect();
    let is_it = |template: &str| {
        let parts: Vec<_> = template.split('/').collect();
        let same = |(part, asked): (&&str, &&str)| part == asked || (part.starts_with('{') && !asked.is_empty());
        parts.len() == asked.len() && parts.iter().zip(&asked).all(same)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(template, _)| is_it(template)).min_by_key(|(it, _)| it.matches('{').count())?;
    found.1.get(method.to_ascii_lowercase())
}

/// The validator of a schema, which is a reference or a small schema of its own.
fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let found = validators.entry(schema.to_string()).or_insert_with(|| {
        let mut whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"]
        });
        whole["allOf"] = json!([schema]);
        Arc::new(jsonschema::validator_for(&whole).unwrap())
    });
    Arc::clone(found)
}

/// Fails unless the document describes the answer. Paths and methods that the API does not have are described in the
/// document's text only.
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: undocumented status: {answer:?}");
    let Some(content) = response["content"].as_object() else {
        return assert!(answer.text.is_empty(), "{method} {path}: undocumented body: {answer:?}");
    };
    let kind = answer.headers["content-type"].to_str().unwrap().split(';').next().unwrap();
    let content = content.get(kind);
    let schema = &content.unwrap_or_else(|| panic!("{method} {path}: undocumented content type: {answer:?}"))["schema"];
    if kind.ends_with("json") {
        let body = answer.json();
        let faults: Vec<_> =
            validator(schema).iter_errors(&body).map(|fault| format!("{fault} at {}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{method} {path}: {faults:#?}: {answer:?}");
    }
}
