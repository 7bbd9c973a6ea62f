//! The API of picking apps: claim, pick, short, substitute, pack, make ready, put back.

#![allow(unused_qualifications)] // in what a macro makes of `params(…)`

use std::sync::Arc;

use app::{
    Refusal,
    catalog::{Catalog, ITEM_UNKNOWN},
    orders::{self, ClaimBatch, Claimed, PICK, Part, PartView, Pick, READ},
    refusal::BAD_REQUEST,
};
use axum::{Json, extract::State};
use commerce::{
    Item, OperatorId, OrderId, Quantity, ScannedCode, Sku,
    order::{Amount, Command as OrderCommand, Place, Substitute, Zone, batch},
    stock::Condition,
};
use serde::Deserialize;
use store::Purpose;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{parts::run, route::stop};
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
};

/// Parts that are looked at to plan a cart.
const LOOKED_AT: usize = 200;

/// Orders on one cart are due within an hour of each other.
const WITHIN_MS: i64 = 60 * 60 * 1000;

/// Adds the routes.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .command(&PICK, routes!(next))
        .read(&READ, routes!(own))
        .command(&PICK, routes!(claim))
        .command(&PICK, routes!(unclaim))
        .command(&PICK, routes!(pick))
        .command(&PICK, routes!(short))
        .command(&PICK, routes!(substitute))
        .command(&PICK, routes!(pack))
        .command(&PICK, routes!(ready))
        .command(&PICK, routes!(put_back))
}

/// A cart for a picker.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NextCart {
    /// The picker. Default: the operator of the request.
    #[serde(default)]
    picker: Option<OperatorId>,
    /// Only goods of this temperature zone. Default: the most urgent cart of any.
    #[serde(default)]
    zone: Option<Zone>,
}

/// Claim the most urgent cart: the lines of some orders in one temperature zone, in the order of the route
///
/// Lines that the picker has claimed already may be among them. Empty if nothing is left to pick.
#[utoipa::path(post, path = "/api/v1/orders/next", request_body = NextCart,
    responses((status = 200, body = Claimed), (status = 422, body = Problem)))]
async fn next(State(hub): State<Arc<Hub>>, command: Command<NextCart>) -> Result<Json<Claimed>, Problem> {
    let (NextCart { picker, zone }, at_ms) = (command.body.clone(), command.by.at_ms);
    let picker = orders::picker(&command.by, picker)?;
    let (planned, whose) = (Arc::clone(&hub), picker.clone());
    let totes = reading(move || {
        let picks = orders::queue_to_pick(&planned.store, LOOKED_AT)?;
        Ok(plan(&planned, picks, zone, &whose, at_ms))
    });
    let batch = ClaimBatch { picker: Some(picker), totes: totes.await? };
    let claimed = command.map(|_| batch).commit(&hub.store, Purpose::Ordinary, orders::claim_batch);
    let mut claimed = claimed.await?;
    let catalog = hub.catalog.load();
    claimed
        .picks
        .sort_by_cached_key(|pick| (stop(&hub.config.orders, &catalog, &pick.sku), pick.of.clone(), pick.line));
    Ok(Json(claimed))
}

/// The most urgent cart that a picker may have.
fn plan(hub: &Hub, picks: Vec<Pick>, zone: Option<Zone>, picker: &OperatorId, now_ms: i64) -> Vec<(Part, Vec<u32>)> {
    let (catalog, policy) = (hub.catalog.load(), &hub.config.orders);
    let is_free = |pick: &Pick| pick.is_free_for(picker, now_ms);
    let wanted = picks.into_iter().filter(|pick| zone.is_none_or(|zone| pick.zone == zone) && is_free(pick));
    let task = |pick: Pick| batch::Task {
        stop: stop(policy, &catalog, &pick.sku),
        order: pick.of.order,
        part: pick.of.part,
        line: pick.line,
        zone: pick.zone,
        due_ms: pick.due_ms,
    };
    let cart = batch::Cart { totes: policy.totes.into(), within_ms: WITHIN_MS };
    let Some(first) = batch::plan(wanted.map(task).collect(), cart).into_iter().next() else { return Vec::new() };
    let lines_of = |order: &OrderId, part: u32| {
        first.walk.iter().filter(|task| task.order == *order && task.part == part).map(|task| task.line).collect()
    };
    first
        .totes
        .iter()
        .map(|(order, part)| (Part { order: order.clone(), part: *part }, lines_of(order, *part)))
        .collect()
}

/// Whose claims are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// The picker.
    picker: OperatorId,
}

/// List the lines that a picker has claimed, in the order of the route
#[utoipa::path(get, path = "/api/v1/orders/claimed", params(Whose), responses((status = 200, body = Claimed)))]
async fn own(State(hub): State<Arc<Hub>>, InQuery(Whose { picker }): InQuery<Whose>) -> Result<Json<Claimed>, Problem> {
    let read = Arc::clone(&hub);
    let mut picks = reading(move || Ok(orders::picked_by(&read.store, &picker, LOOKED_AT)?)).await?;
    let catalog = hub.catalog.load();
    picks.sort_by_cached_key(|pick| (stop(&hub.config.orders, &catalog, &pick.sku), pick.of.clone(), pick.line));
    Ok(Json(Claimed { picks }))
}

/// A body that may name the picker; by default it is the operator of the request.
trait Picker {
    /// The picker.
    fn picker(&self) -> Option<&OperatorId>;
}

impl Picker for Lines {
    fn picker(&self) -> Option<&OperatorId> {
        self.picker.as_ref()
    }
}

impl Picker for OfLine {
    fn picker(&self) -> Option<&OperatorId> {
        self.picker.as_ref()
    }
}

impl Picker for Taken {
    fn picker(&self) -> Option<&OperatorId> {
        self.picker.as_ref()
    }
}

/// Runs a command of the picker on a part.
async fn run_as_picker<T: Picker + Send + 'static>(
    hub: &Hub,
    part: Part,
    command: Command<T>,
    make: impl FnOnce(OperatorId, T) -> Result<OrderCommand, Refusal> + Send + 'static,
) -> Result<Json<PartView>, Problem> {
    let done = command.commit(&hub.store, Purpose::Ordinary, move |transaction, by, body| {
        let picker = orders::picker(by, body.picker().cloned())?;
        orders::run(transaction, by, &part, make(picker, body)?)
    });
    Ok(Json(done.await?))
}

/// Lines to claim.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// The picker. Default: the operator of the request.
    #[serde(default)]
    picker: Option<OperatorId>,
    /// The lines: all or none are claimed.
    #[schema(min_items = 1, max_items = 400)]
    lines: Vec<u32>,
}

/// Claim lines of an order; the picker's own claims are renewed
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/claims", request_body = Lines,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn claim(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Lines>,
) -> Result<Json<PartView>, Problem> {
    let make = |picker, Lines { lines, picker: _ }| Ok(OrderCommand::Claim { picker, lines });
    run_as_picker(&hub, Part { order, part }, command, make).await
}

/// A line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfLine {
    /// The picker. Default: the operator of the request.
    #[serde(default)]
    picker: Option<OperatorId>,
    /// The line.
    line: u32,
}

/// Give up the claim of a line
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/unclaim", request_body = OfLine,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn unclaim(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<OfLine>,
) -> Result<Json<PartView>, Problem> {
    let make = |picker, OfLine { line, picker: _ }| Ok(OrderCommand::Unclaim { picker, line });
    run_as_picker(&hub, Part { order, part }, command, make).await
}

/// Goods that a picker takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Taken {
    /// The picker. Default: the operator of the request.
    #[serde(default)]
    picker: Option<OperatorId>,
    /// The line.
    line: u32,
    /// The scanned barcode.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0400008189811")]
    gtin: Option<ScannedCode>,
    /// Alternatively the retailer's number, for goods without a barcode.
    #[serde(default)]
    sku: Option<Sku>,
    /// The quantity: pieces, or the weight.
    quantity: Quantity,
}

/// The item of a scanned code or a number.
pub(super) fn scanned(catalog: &Catalog, gtin: Option<ScannedCode>, sku: Option<&Sku>) -> Result<Item, Refusal> {
    let (found, asked) = match (gtin, sku) {
        (Some(code), None) => (catalog.scanned(code), format!("GTIN {code}")),
        (None, Some(sku)) => (catalog.sku(sku), format!("SKU {sku}")),
        _ => return Err(BAD_REQUEST.because("send `gtin` or `sku`, and not both")),
    };
    let unknown = || ITEM_UNKNOWN.because(format!("unknown item: {asked}; put it back"));
    found.map(|on_file| on_file.item.clone()).ok_or_else(unknown)
}

/// Pick goods: a wrong item is refused, and so is a weight beyond the tolerance
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/picks", request_body = Taken,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn pick(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Taken>,
) -> Result<Json<PartView>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let make = move |picker, Taken { line, gtin, sku, quantity, picker: _ }| {
        // Goods that were ordered may have left the catalog.
        let scanned = match (gtin, sku) {
            (None, Some(sku)) => sku,
            (gtin, sku) => scanned(&catalog, gtin, sku.as_ref())?.sku,
        };
        Ok(OrderCommand::Pick { picker, line, scanned, quantity })
    };
    run_as_picker(&hub, Part { order, part }, command, make).await
}

/// Report that the rest of a line can't be found
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/shorts", request_body = OfLine,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn short(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<OfLine>,
) -> Result<Json<PartView>, Problem> {
    let make = |picker, OfLine { line, picker: _ }| Ok(OrderCommand::Short { picker, line });
    run_as_picker(&hub, Part { order, part }, command, make).await
}

/// Take another item instead, as the customer chose; the lower price is charged
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/substitutes", request_body = Taken,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn substitute(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Taken>,
) -> Result<Json<PartView>, Problem> {
    let catalog = Arc::clone(&hub.catalog.load());
    let part = Part { order, part };
    // Refused inside the commit, so that a repeat gets its answer.
    let view = orders::order(&hub.store, &part);
    let make = move |picker, Taken { line, gtin, sku, quantity, picker: _ }| {
        let view = view?;
        let Item { sku, description, price, .. } = scanned(&catalog, gtin, sku.as_ref())?;
        // It is kept as the ordered goods are, and sold to the same customers.
        let ordered = view.fulfilment.line(line).map(|line| &line.ordered);
        let zone = ordered.map(|ordered| ordered.zone).unwrap_or_default();
        let minimum_age = ordered.map_or(0, |ordered| ordered.minimum_age);
        let with = Substitute { sku, description, price, zone, minimum_age };
        Ok(OrderCommand::Substitute { picker, line, with, quantity })
    };
    run_as_picker(&hub, part, command, make).await
}

/// Goods that are packed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Packed {
    /// The lines and quantities.
    #[schema(min_items = 1, max_items = 400)]
    amounts: Vec<Amount>,
    /// The staging place.
    place: Place,
    /// The highest temperature of the goods, in tenths of a degree Celsius; required for cold goods.
    #[serde(default)]
    probe_deci_celsius: Option<i16>,
}

/// Pack goods and put them into a staging place of their temperature zone
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/packs", request_body = Packed,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn pack(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Packed>,
) -> Result<Json<PartView>, Problem> {
    let make =
        |Packed { amounts, place, probe_deci_celsius }| OrderCommand::Pack { amounts, place, probe_deci_celsius };
    run(&hub, Part { order, part }, command, make).await
}

/// Make an order ready: everything is packed, and HQ notifies the customer
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/ready", request_body = Empty,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn ready(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<Empty>,
) -> Result<Json<PartView>, Problem> {
    run(&hub, Part { order, part }, command, |Empty {}| OrderCommand::MakeReady).await
}

/// Goods that are put back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutBack {
    /// The line.
    line: u32,
    /// The quantity, in thousandths of the unit.
    milli: i64,
    /// The condition of the goods.
    condition: Condition,
}

/// Put cancelled or expired goods back
#[utoipa::path(post, path = "/api/v1/orders/{order}/{part}/returns", request_body = PutBack,
    params(("order" = OrderId, Path), ("part" = u32, Path)),
    responses((status = 200, body = PartView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn put_back(
    State(hub): State<Arc<Hub>>,
    InPath((order, part)): InPath<(OrderId, u32)>,
    command: Command<PutBack>,
) -> Result<Json<PartView>, Problem> {
    let make = |PutBack { line, milli, condition }| OrderCommand::PutBack { amount: Amount { line, milli }, condition };
    run(&hub, Part { order, part }, command, make).await
}
