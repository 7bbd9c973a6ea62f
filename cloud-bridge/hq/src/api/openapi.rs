//! All routes, and the OpenAPI document generated from them.
//!
//! Clients are generated from the document. `docs/hq-openapi.json` is its committed copy; a test compares them, so that
//! every change of the API is reviewed.

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Api,
    extract::most,
    resources,
    routes::{API_KEY, Problems, Routes},
    scope::Scope,
};

#[derive(OpenApi)]
#[openapi(info(
    title = "Store hub HQ",
    description = "What headquarters knows of all stores: for web shop, ERP and loyalty.\n\n\
            - Every request shows an API key, `Authorization: Bearer KEY`; each operation names the scope that the key \
            needs in `x-scope`.\n\
            - Every command carries an `Idempotency-Key`. A repeat under the same key gets the first answer; a refused \
            command left no trace, so its key may be used again.\n\
            - Lists come in pages: `next` of a page is `after` of the next one. It is opaque.\n\
            - Amounts are integers in minor units (cents) of the currency beside them, quantities integers in \
            thousandths of their unit, moments milliseconds since 1970, UTC.\n\
            - Errors are RFC 9457 problem details. Their `type` never changes its meaning. Any path may answer 404 \
            `/problems/route-unknown` and 405 `/problems/method-not-allowed`.\n\
            - A request with a member that the document does not have is refused, so that a misspelt one is not lost.\n\
            - Within `/api/v1` members of answers and types of problems may be added; ignore unknown ones."
))]
struct Document;

/// All routes and their document.
pub(super) fn routes(api: &Arc<Api>) -> (Router<Arc<Api>>, Value) {
    let mut all = OpenApiRouter::with_openapi(Document::openapi());
    let mut problems = Problems::default();
    for Routes { tag, router, problems: more, .. } in resources(api) {
        all = all.merge(router);
        all.get_openapi_mut().tags.get_or_insert_default().push(tag);
        problems.extend(more);
    }
    let (router, document) = all.split_for_parts();
    (router, finish(&document, &problems))
}

/// Completes the document generated from the attributes.
fn finish(document: &utoipa::openapi::OpenApi, problems: &Problems) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["servers"] = json!([{
        "url": "https://{address}",
        "description": "Headquarters",
        "variables": {"address": {
            "default": "hq.example.com:8444",
            "description": "Host and port, as in `store-hub-hq serve --listen`."
        }}
    }]);
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| format!("- `{scope}` {}", scope.doc())).collect();
    document["components"]["securitySchemes"] = json!({
        API_KEY: {
            "type": "http", "scheme": "bearer",
            "description": format!("An API key from `store-hub-hq key add`. Its scopes:\n\n{}", scopes.join("\n"))
        }
    });
    document["components"]["headers"] = json!({
        "RetryAfter": {
            "description": "When to retry, in seconds.",
            "schema": {"type": "integer", "minimum": 0}, "example": 1
        }
    });
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        problems.describe(schemas);
        for (name, schema) in schemas {
            // utoipa inlines a page's items.
            if let Some(item) = name.strip_prefix("Page_") {
                schema["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
            }
        }
    }
    let operations = document["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(serde_json::Map::values_mut) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let most = most(parameter["name"].as_str().unwrap_or_default());
            let schema = &mut parameter["schema"];
            let types = &schema["type"];
            let is_text = types == "string" || types.as_array().is_some_and(|types| types.contains(&json!("string")));
            if is_text && schema.get("enum").is_none() && schema.get("maxLength").is_none() {
                schema["maxLength"] = most.into();
            }
        }
        let content = operation["responses"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
        for (_, body) in content.filter_map(|response| response.get_mut("content")?.as_object_mut()).flatten() {
            // utoipa declares bytes as a list of numbers.
            if body["schema"]["items"]["format"] == "int32" {
                body["schema"] = json!({"type": "string", "format": "binary"});
            }
        }
        for status in ["429", "503"] {
            if operation["responses"].get(status).is_some() {
                operation["responses"][status]["headers"] =
                    json!({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}});
            }
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{database::Database, feed::Feed, webhooks::Reach};

    /// The last of two types with one name would describe both.
    #[tokio::test]
    async fn each_schema_has_a_name_of_its_own() {
        let database = Database::in_memory().await.unwrap();
        let feed = Feed::start(database.clone()).await.unwrap();
        let mut all = BTreeMap::new();
        for (name, schema) in
            resources(&Api::new(database, feed, Reach::Public, None)).into_iter().flat_map(|it| it.schemas)
        {
            let schema = serde_json::to_value(schema).unwrap();
            let first = all.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*first, schema, "two types are named {name}");
        }
        assert!(all.len() > 50, "{}", all.len());
    }
}
