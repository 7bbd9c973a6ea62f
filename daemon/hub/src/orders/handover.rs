//! Goods leave the store: collected at a register, or with a carrier.

use std::sync::Arc;

use app::{
    Refusal,
    orders::{self, Collect, Part},
    selling::{self, HandedOver, SELL},
};
use axum::{Json, extract::State};
use commerce::{
    OrderId, Price, ScannedCode, Sku,
    order::{Amount, Checked, Proof},
};
use serde::Deserialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::picking::scanned;
use crate::{
    hub::Hub,
    trail,
    web::{Command, InPath, Problem, Routes},
};

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes.command(&SELL, routes!(hand_over)).command(&SELL, routes!(ship))
}

/// A line that is handed over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckedLine {
    /// The line.
    line: u32,
    /// The quantity, in thousandths of its unit.
    milli: i64,
    /// The scanned barcode; without it and `sku`, the line was counted.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0400008189811")]
    gtin: Option<ScannedCode>,
    /// Alternatively the retailer's number.
    #[serde(default)]
    sku: Option<Sku>,
}

/// A handover to a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandOver {
    /// The goods: every ready line, scanned or counted.
    #[schema(min_items = 1, max_items = 400)]
    checked: Vec<CheckedLine>,
    /// The pickup code, typed or scanned from the customer's phone. Without it, a person has checked a document.
    #[serde(default)]
    #[schema(max_length = 64)]
    code: Option<String>,
    /// The minimum age in years that a person verified.
    #[serde(default)]
    age_checked: Option<u8>,
    /// Whether ready goods that are not in `checked` stay in the store.
    #[serde(default)]
    partial: bool,
}

/// Hand an order over to its customer
///
/// What is paid already is sold at once. Otherwise the answer has a basket with the goods: pay and complete it as any
/// other, and the goods are handed over with its sale. Until then the order takes no other step; abandon the basket to
/// free it.
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/handover", request_body = HandOver,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = HandedOver), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn hand_over(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<HandOver>,
) -> Result<Json<HandedOver>, Problem> {
    let part = Part { order, part };
    let prices = if hub.config.orders.todays_prices { todays_prices(&hub, &part) } else { Vec::new() };
    let catalog = Arc::clone(&hub.catalog.load());
    // Looked up before the commit and refused inside it, so that a repeat gets its answer even if an item has changed.
    let command = command.map(move |HandOver { checked, code, age_checked, partial }| {
        let check = |CheckedLine { line, milli, gtin, sku }: CheckedLine| {
            let scanned = match (gtin, sku) {
                (None, sku) => sku,
                (gtin, sku) => Some(scanned(&catalog, gtin, sku.as_ref())?.sku),
            };
            Ok::<_, Refusal>(Checked { amount: Amount { line, milli }, scanned })
        };
        let checked = checked.into_iter().map(check).collect::<Result<_, _>>()?;
        let proof = code.map_or(Proof::Document, Proof::Code);
        Ok(Collect::HandOver { checked, proof, age_checked, partial, prices })
    });
    leave(&hub, part, command).await
}

/// What the items of a part cost now.
fn todays_prices(hub: &Hub, part: &Part) -> Vec<(Sku, Price)> {
    let Ok(view) = orders::order(&hub.store, part) else { return Vec::new() };
    let catalog = hub.catalog.load();
    let price = |sku: Sku| catalog.sku(&sku).map(|item| item.price).map(|price| (sku, price));
    view.fulfilment.lines.into_iter().filter_map(|line| price(line.ordered.sku)).collect()
}

/// Goods that leave with a carrier, or for another store.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Shipment {
    /// The lines and quantities.
    #[schema(min_items = 1, max_items = 400)]
    amounts: Vec<Amount>,
    /// The carrier's tracking number.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    tracking: Option<String>,
}

/// Ship goods of an order: with a carrier to the customer, which is a sale, or to the store that receives a transfer
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/shipment", request_body = Shipment,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = HandedOver), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn ship(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Shipment>,
) -> Result<Json<HandedOver>, Problem> {
    let command = command.map(|Shipment { amounts, tracking }| Ok(Collect::Ship { amounts, tracking }));
    leave(&hub, Part { order, part }, command).await
}

/// Takes goods out of the store, as a sale.
async fn leave(hub: &Hub, part: Part, command: Command<Result<Collect, Refusal>>) -> Result<Json<HandedOver>, Problem> {
    let context = hub.sale_context(command.by.register()?, command.by.at_ms);
    let left = command.commit(&hub.store, Purpose::Money, move |transaction, by, asked| {
        selling::hand_over(transaction, by, &context, &part, asked?)
    });
    let left = left.await?;
    if let HandedOver::Sold { sale } = &left {
        trail::about(sale.sale);
    }
    Ok(Json(left))
}
