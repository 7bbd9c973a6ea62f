//! All routes together, and the OpenAPI document made from them.

use std::{sync::Arc, time::Instant};

use app::CAPABILITIES;
use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use utoipa::{
    OpenApi,
    openapi::{
        RefOr, Schema,
        schema::{Object, ObjectBuilder, Type},
    },
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    authenticate::authenticate,
    body::whole_body,
    detached::detached,
    problem::{Problem, tell, type_of},
    routes::Routes,
};
use crate::{
    hub::Hub,
    ration::Ration,
    web::{METHOD_UNKNOWN, ROUTE_UNKNOWN},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Store hub",
        description = "The LAN API of a store's hub. Every command (POST) carries an `Idempotency-Key`; a repeat gets the first answer, also after a \
            restart. Amounts are integers in minor units of the store's currency. Errors are RFC 9457 problem details with stable `type`s. Each \
            operation names its permission in `x-permission`."
    ),
    components(schemas(Problem))
)]
struct Document;

fn routes() -> OpenApiRouter<Arc<Hub>> {
    let mut all = OpenApiRouter::with_openapi(Document::openapi());
    for Routes { tag, router } in crate::routes() {
        all = all.merge(router);
        all.get_openapi_mut().tags.get_or_insert_default().push(tag);
    }
    if let Some(components) = &mut all.get_openapi_mut().components {
        // A closed list: programs may rely on it.
        if let Some(RefOr::T(Schema::Object(problem))) = components.schemas.get_mut("Problem") {
            problem.properties.insert("type".into(), problem_types().into());
        }
    }
    all
}

/// Every type that a problem may have.
fn problem_types() -> Object {
    let kinds = CAPABILITIES.iter().flat_map(|capability| capability.refusals).copied();
    let kinds: Vec<_> = kinds.chain(super::KINDS.iter().copied()).collect();
    let described = kinds.iter().map(|kind| format!("- `{}` {}", type_of(kind), kind.doc)).collect::<Vec<_>>();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(kinds.iter().map(|kind| type_of(kind))))
        .description(Some(format!("Which kind. Never changes.\n\n{}", described.join("\n"))))
        .build()
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().split_for_parts().1
}

/// All routes of a hub, and those that whoever embeds it adds.
pub(crate) fn router(hub: Arc<Hub>, more: Router) -> Router {
    let (router, document) = routes().split_for_parts();
    // Made once: it does not change while the hub runs.
    let document = serde_json::to_string(&document).unwrap_or_default();
    router
        .merge(crate::pages())
        .merge(more.with_state(()))
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .fallback(|| async { Problem::from(ROUTE_UNKNOWN.because("there is no such route; see /api/v1/openapi.json")) })
        .method_not_allowed_fallback(|| async {
            Problem::from(METHOD_UNKNOWN.because("the route does not have this method; see /api/v1/openapi.json"))
        })
        .layer(from_fn(detached))
        .layer(from_fn(whole_body))
        .layer(from_fn_with_state(Arc::clone(&hub), authenticate))
        .layer(from_fn_with_state(Arc::new(Ration::default()), tell))
        .layer(from_fn_with_state(Arc::clone(&hub), count))
        .with_state(hub)
}

/// Counts requests for the metrics.
async fn count(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let asked = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    hub.requests.count(method.as_str(), route, response.status().as_u16(), asked.elapsed());
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::web::routes::{PERMISSION, PUBLIC};

    /// What somebody who is not known yet may call.
    const PUBLIC_OPERATIONS: [&str; 2] = ["registers_log_in", "registers_pair"];

    fn each_operation(mut take: impl FnMut(&str, &str, &serde_json::Value)) {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                take(path, method, operation);
            }
        }
    }

    #[test]
    fn every_operation_is_described_and_named_once() {
        let mut ids = BTreeSet::new();
        each_operation(|path, method, operation| {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            let success =
                operation["responses"].as_object().unwrap().keys().any(|status| !status.starts_with(['4', '5']));
            assert!(success, "{method} {path} never succeeds");
        });
        assert!(ids.len() >= 40, "{} operations", ids.len());
    }

    #[test]
    fn every_operation_names_a_permission_of_the_table() {
        let known: BTreeSet<_> = CAPABILITIES
            .iter()
            .flat_map(|capability| capability.permissions)
            .map(|permission| permission.name)
            .collect();
        each_operation(|path, method, operation| {
            let id = operation["operationId"].as_str().unwrap();
            let permission =
                operation[PERMISSION].as_str().unwrap_or_else(|| panic!("{method} {path} names no permission"));
            if PUBLIC_OPERATIONS.contains(&id) {
                assert_eq!(permission, PUBLIC, "{id}");
            } else {
                assert!(known.contains(permission), "{id} names `{permission}`, which nobody declares");
            }
        });
    }

    #[test]
    fn every_command_carries_an_idempotency_key() {
        each_operation(|path, method, operation| {
            let has_key = operation["parameters"].to_string().contains("Idempotency-Key");
            let is_public = operation[PERMISSION] == PUBLIC;
            assert_eq!(has_key, method == "post" && !is_public, "{method} {path}");
        });
    }

    #[test]
    fn problem_types_are_unique_and_listed() {
        let document = serde_json::to_value(document()).unwrap();
        let types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
        let unique: BTreeSet<_> = types.iter().map(|kind| kind.as_str().unwrap()).collect();
        assert_eq!(unique.len(), types.len());
        assert!(unique.contains("/problems/stock-insufficient") && unique.contains("/problems/route-unknown"));
    }
}
