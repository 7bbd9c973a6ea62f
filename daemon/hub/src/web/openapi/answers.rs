//! Completes all answers: descriptions, headers and, for the main operations, examples.

use serde_json::{Map, Value, json};

use crate::web::problem::RETRY_AFTER;

/// Examples by operation: of the request, and of the answers by status.
const EXAMPLES: &str = include_str!("examples.json");

/// Completes all operations of a document.
pub(super) fn complete(document: &mut Value) {
    document["components"]["headers"] = json!({
        "StoreHubVersion": {
            "description": "The version of the hub.", "schema": {"type": "string"}, "example": super::VERSION
        },
        "StoreHubEpoch": {
            "description": "The epoch of the store. If it changes, the store was restored from a backup: \
                everything after the backup is gone, including the answers to commands.",
            "schema": {"type": "integer", "format": "int64", "minimum": 1}, "example": 1_764_201_600_000_u64
        },
        "WwwAuthenticate": {
            "description": "The scheme of tokens; people log in instead.", "schema": {"type": "string"},
            "example": "Bearer"
        },
        "RetryAfter": {
            "description": "Seconds until the next attempt.",
            "schema": {"type": "integer", "minimum": 0}, "example": 60
        }
    });
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let schemas = document["components"]["schemas"].clone();
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let example = examples.get(&id);
        if let Some(request) = example.and_then(|example| example.get("request")) {
            operation["requestBody"]["content"]["application/json"]["example"] = request.clone();
        }
        if operation.get("requestBody").is_some() {
            // Without a body, a command has none of its optional members.
            let needed = body(&operation["requestBody"], &schemas)
                .is_some_and(|(schema, _)| schema.get("oneOf").is_some() || !is_empty(&schema["required"]));
            operation["requestBody"]["required"] = needed.into();
        }
        let Some(responses) = operation["responses"].as_object_mut() else { continue };
        for (status, response) in responses {
            if response["description"].as_str().is_none_or(str::is_empty) {
                response["description"] = description(response, &schemas).into();
            }
            if let Some(answer) = example.and_then(|example| example.get(status)) {
                response["content"]["application/json"]["example"] = answer.clone();
            }
            let mut headers = json!({
                "Store-Hub-Version": {"$ref": "#/components/headers/StoreHubVersion"},
                "Store-Hub-Epoch": {"$ref": "#/components/headers/StoreHubEpoch"}
            });
            if has_retry_after(response, &schemas) {
                headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"});
            }
            if status == "401" {
                headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/WwwAuthenticate"});
            }
            response["headers"] = headers;
        }
    }
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_none_or(Vec::is_empty)
}

/// The schema of the body of a request or response, and whether the body is a list.
fn body<'s>(message: &Value, schemas: &'s Value) -> Option<(&'s Value, bool)> {
    let content = message["content"].as_object()?.values().next()?;
    let (schema, is_list) = match content["schema"].get("items") {
        Some(items) => (items, true),
        None => (&content["schema"], false),
    };
    let name = schema["$ref"].as_str()?.rsplit('/').next()?;
    Some((&schemas[name], is_list))
}

/// The description of a successful answer, from its schema.
fn description(response: &Value, schemas: &Value) -> String {
    let first_line = |schema: &Value| schema["description"].as_str()?.lines().next().map(str::to_owned);
    match body(response, schemas) {
        Some((schema, false)) => first_line(schema).unwrap_or_else(|| "Done.".into()),
        Some((schema, true)) => format!("A list of: {}", first_line(schema).unwrap_or_default()),
        None => "Done.".into(),
    }
}

fn has_retry_after(response: &Value, schemas: &Value) -> bool {
    body(response, schemas).is_some_and(|(schema, _)| schema["properties"].get(RETRY_AFTER).is_some())
}
