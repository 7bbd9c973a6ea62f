//! How an item's stock is kept: by item, by a person.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{
    Quantity, Sku, Unit,
    stock::{Policy, Refusal, Rule},
};
use serde::{Deserialize, Serialize};
use store::{Name, StoreError, Table, Transaction};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{POSITIONS, once, position};
use crate::{
    audit::{self, Act},
    extract::InPath,
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command},
};

/// Policies by SKU.
pub(super) static POLICIES: Table<Name, Policy> = Table::new("stock_policy");

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(show, set))
}

/// An item's policy; quantities by the item's unit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyRequest {
    /// What a sale may do to on_hand.
    rule: Rule,
    /// Kept back from reservations, and a part of the reorder point.
    #[serde(default)]
    safety_stock: Option<Quantity>,
    /// Days from an order to its delivery, at most 365.
    #[serde(default)]
    lead_time_days: u16,
    /// Days that a delivery should last, at most 365.
    #[serde(default)]
    cover_days: u16,
    /// Orders are multiples of this; one unit without it.
    #[serde(default)]
    pack: Option<Quantity>,
}

/// A policy, and whether it still holds.
#[derive(Serialize, ToSchema)]
struct PolicyView {
    #[serde(flatten)]
    policy: Policy,
    /// The unit by which the item is sold now, if the policy is by another. It must be set again: until then no safety stock is kept back of what is
    /// sold now, and nothing of it is reordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    sold_by: Option<Unit>,
}

/// A policy that was set.
#[derive(Serialize, Deserialize, ToSchema)]
struct PolicySet {
    /// Whether there was another before.
    replaced: bool,
}

/// An item of the catalog by its SKU in a path, and its unit.
pub(super) fn on_file(hub: &Hub, sku: &Sku) -> Result<Unit, Problem> {
    let catalog = hub.catalog.load();
    let item = catalog.sku(sku).map(|item| item.price.per);
    item.ok_or_else(|| Problem::not_found("item", format!("no item has the SKU {sku}")))
}

/// Whether goods are the store's: on file and by the unit they are sold in, or of old with a position by that unit. A SKU that was keyed wrong would make
/// stock that nobody can sell.
pub(super) fn known<'a>(hub: &Hub, goods: impl IntoIterator<Item = (&'a Sku, Unit)>) -> Result<(), Problem> {
    let catalog = hub.catalog.load();
    for (sku, asked) in goods {
        let kept = catalog.sku(sku).map(|item| item.price.per);
        if kept == Some(asked) || hub.store.get(&POSITIONS, (sku.as_str(), asked.name()))?.is_some() {
            continue;
        }
        let sku = sku.clone();
        return Err(match kept {
            Some(kept) => Refusal::WrongUnit { sku, kept, asked }.into(),
            None => Problem::not_found("item", format!("no item has the SKU {sku}")),
        });
    }
    Ok(())
}

/// Writes a policy, and its rule beside the stock: there a sale finds it without another read.
pub(super) fn put(transaction: &mut Transaction<'_>, policy: &Policy) -> Result<(), StoreError> {
    transaction.put(&POLICIES, policy.sku.as_str(), policy)?;
    for unit in Unit::ALL {
        let key = (policy.sku.as_str(), unit.name());
        // The item's own position is made if it is not there yet.
        if unit == policy.unit || transaction.get(&POSITIONS, key)?.is_some() {
            let mut position = position(transaction, &policy.sku, unit)?;
            position.rule = policy.rule;
            transaction.put(&POSITIONS, key, &position)?;
        }
    }
    Ok(())
}

/// An item's stock policy
#[utoipa::path(get, path = "/api/v1/stock/policies/{sku}", tag = "stock", params(("sku" = String, Path)),
    responses((status = 200, body = PolicyView), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn show(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<String>,
) -> Result<Json<PolicyView>, Problem> {
    let sku: Sku = sku.parse().map_err(Problem::bad_request)?;
    let policy = hub.store.get(&POLICIES, sku.as_str())?.ok_or_else(|| {
        Problem::not_found(
            "policy",
            format!("item {sku} has no stock policy; it is tracked, may go below zero, and is not reordered"),
        )
    })?;
    let sold_by = policy.outdated(hub.catalog.load().sku(&sku).map(|item| item.price.per));
    Ok(Json(PolicyView { policy, sold_by }))
}

/// Set an item's stock policy
///
/// It counts from the next basket on; a basket that is being paid is sold by the policy it began with. The audit trail has it.
#[utoipa::path(post, path = "/api/v1/stock/policies/{sku}", tag = "stock", request_body = PolicyRequest,
    params(("sku" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = PolicySet), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn set(
    State(hub): State<Arc<Hub>>,
    InPath(sku): InPath<String>,
    command: Command<PolicyRequest>,
) -> Result<Json<PolicySet>, Problem> {
    command.by_person()?;
    let sku: Sku = sku.parse().map_err(Problem::bad_request)?;
    let unit = on_file(&hub, &sku)?;
    let by_unit = |quantity: Option<Quantity>, otherwise| match quantity {
        Some(quantity) if quantity.unit() != unit => {
            Err(Problem::from(Refusal::WrongUnit { sku: sku.clone(), kept: unit, asked: quantity.unit() }))
        }
        Some(quantity) => Ok(quantity),
        None => Quantity::new(otherwise, unit).map_err(|error| Problem::bad_request(error.to_string())),
    };
    let request = &command.body;
    let (safety_stock, pack) = (by_unit(request.safety_stock, 0)?, by_unit(request.pack, 1000)?);
    let days = (request.lead_time_days, request.cover_days);
    let policy = Policy::new(sku.clone(), request.rule, safety_stock, pack, days)?;
    once(&hub, command, move |transaction, by, _| {
        let replaced = transaction.get(&POLICIES, policy.sku.as_str())?.is_some();
        put(transaction, &policy)?;
        audit::record(transaction, &by.name, Act::PolicySet { policy })?;
        Ok(PolicySet { replaced })
    })
    .await
}
