//! All routes together, and the OpenAPI document made from them.

use std::sync::Arc;

use axum::{Router, http::header, routing::get};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{audit, catalog, devices, events, hub::Hub, payments, problem::Problem, registers, selling, status, stock};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Store hub",
        description = "The LAN API of a store's hub. Every command (POST) carries an `Idempotency-Key`; a repeat gets the first answer, also after a \
            restart. Amounts are integers in minor units of the store's currency. Errors are RFC 9457 problem details with stable `type`s."
    ),
    tags(
        (name = "registers", description = "Pairing registers, logging people in"),
        (name = "items", description = "The catalog"),
        (name = "baskets", description = "Baskets at the till"),
        (name = "payments", description = "Card payments"),
        (name = "sales", description = "Completed sales and their receipts"),
        (name = "stock", description = "The stock ledger: positions, movements, reservations, receiving, transfers, counts, reordering"),
        (name = "devices", description = "Scales, scanners, printers, terminals"),
        (name = "events", description = "What happens, over a WebSocket"),
        (name = "status", description = "The store on one page"),
        (name = "audit", description = "Who did what")
    )
)]
struct Document;

fn routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(registers::router())
        .merge(catalog::router())
        .merge(selling::router())
        .merge(payments::router())
        .merge(stock::router())
        .merge(devices::router())
        .merge(events::router())
        .merge(status::router())
        .merge(audit::router())
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().split_for_parts().1
}

/// All routes of a hub.
pub fn router(hub: Arc<Hub>) -> Router {
    let (router, document) = routes().split_for_parts();
    // Made once: it does not change while the hub runs.
    let document = serde_json::to_string(&document).unwrap_or_default();
    router
        .route(
            "/api/v1/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }),
        )
        .fallback(|| async { Problem::not_found("route", "there is no such route; see /api/v1/openapi.json") })
        .with_state(hub)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_described_and_every_command_takes_an_idempotency_key() {
        let document = serde_json::to_value(super::document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 40, "{} paths", paths.len());
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
                if path.starts_with("/api/v1/stock/") && method == "post" {
                    assert!(operation["parameters"].to_string().contains("Idempotency-Key"), "{path}");
                }
            }
        }
        for path in ["/api/v1/baskets", "/api/v1/baskets/{id}/lines", "/api/v1/baskets/{id}/complete", "/api/v1/sales"]
        {
            let parameters = paths[path]["post"]["parameters"].to_string();
            assert!(parameters.contains("Idempotency-Key"), "{path}");
        }
    }
}
