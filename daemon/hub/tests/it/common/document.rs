//! The hub's OpenAPI document, which every answer and event of the tests must follow.
//!
//! The document is taken at its word: an answer has a status, a type and members that it lists. Clients ignore unknown
//! members, so the document leaves objects open; here they are closed, because a member that the document does not
//! list is a mistake in the document.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

/// The document.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(hub::document);

/// The schemas, with closed objects.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    close(&mut schemas);
    schemas
});

/// Validators by their schema. Compiled once, because the tests validate thousands of answers.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Closes all objects with members.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            for schema in keywords.values_mut() {
                close(schema);
            }
            if keywords.get("type") == Some(&json!("object")) && keywords.contains_key("properties") {
                keywords.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(list) => {
            for schema in list {
                close(schema);
            }
        }
        _ => {}
    }
}

/// The validator of a schema.
fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = validators.entry(schema.to_string()).or_insert_with(|| {
        let mut schema = schema.clone();
        close(&mut schema);
        schema["components"] = json!({ "schemas": *CLOSED });
        Arc::new(jsonschema::draft202012::new(&schema).unwrap())
    });
    Arc::clone(compiled)
}

/// Where a value departs from a schema of the document; empty if nowhere.
pub(crate) fn departures(schema: &Value, value: &Value) -> String {
    let mut found = Vec::new();
    for error in validator(schema).iter_errors(value) {
        explain(&error, &mut found);
    }
    found.join("; ")
}

/// Explains an error; of the alternatives of `oneOf`, the one with the fewest errors.
fn explain(error: &ValidationError<'_>, found: &mut Vec<String>) {
    if let ValidationErrorKind::OneOfNotValid { context } = error.kind()
        && let Some(nearest) = context.iter().min_by_key(|errors| errors.len())
    {
        for error in nearest {
            explain(error, found);
        }
    } else {
        found.push(format!("`{}` {error}", error.instance_path()));
    }
}

/// The operation of a request; `None` for a path or method that the document does not have.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path: Vec<_> = path.split('?').next().unwrap_or_default().split('/').collect();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let is_of = |template: &str| {
        let template: Vec<_> = template.split('/').collect();
        let agrees = |(ours, given): (&&str, &&str)| ours.starts_with('{') || ours == given;
        template.len() == path.len() && template.iter().zip(&path).all(agrees)
    };
    // As in the router, a path without parameters goes first.
    let found =
        paths.iter().filter(|(template, _)| is_of(template)).min_by_key(|(template, _)| template.matches('{').count());
    found?.1.get(method.to_ascii_lowercase())
}

/// Checks an answer.
///
/// # Panics
/// The document does not describe it.
pub(crate) fn check_answer(method: &str, path: &str, status: u16, kind: &str, bytes: &[u8]) {
    let Some(operation) = operation(method, path) else {
        let is_elsewhere = !path.starts_with("/api/") || path.starts_with("/api/v1/openapi.json");
        assert!(is_elsewhere || matches!(status, 400 | 404 | 405), "{method} {path}: {status}, but no such operation");
        return;
    };
    let answer = &operation["responses"][status.to_string()];
    let said = String::from_utf8_lossy(bytes);
    assert!(answer.is_object(), "{method} {path}: the document has no {status}, answered with {said}");
    let Some(content) = answer["content"].as_object() else {
        assert!(bytes.is_empty(), "{method} {path}: {status} has no body in the document, but {said}");
        return;
    };
    let schema = content.get(kind.split(';').next().unwrap_or_default());
    let schema =
        schema.unwrap_or_else(|| panic!("{method} {path}: {status} is {kind}, which the document does not have"));
    if !kind.contains("json") {
        return;
    }
    let value: Value = serde_json::from_slice(bytes).unwrap();
    let departures = departures(&schema["schema"], &value);
    assert!(departures.is_empty(), "{method} {path}: {status} departs from the document: {departures}\n{value}");
}

/// Checks an event of the WebSocket.
///
/// # Panics
/// The document does not describe it.
pub(crate) fn check_event(event: &Value) {
    let departures = departures(&json!({ "$ref": "#/components/schemas/Event" }), event);
    assert!(departures.is_empty(), "the event departs from the document: {departures}\n{event}");
}
