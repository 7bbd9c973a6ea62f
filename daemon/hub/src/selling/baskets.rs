//! The routes of baskets.

use std::sync::Arc;

use app::{
    pricing::BuyerRequest,
    selling::{
        self, ABANDON, BASKET_UNKNOWN, BasketStatus, LineRequest, OpenBasket, Opened, SELL, SaleDone, TenderRequest,
        VOID_TENDER,
    },
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{Basket, BasketId, Discount, Minor, Totals};
use serde::Serialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{customer::Customer, entry::Entry, parking};
use crate::{
    coupons,
    hub::Hub,
    payments, trail,
    web::{Asker, Command, Empty, InPath, Problem, Routes},
};

/// The routes of baskets.
pub(crate) fn routes() -> Routes {
    let capabilities = &[
        "selling",
        "catalog",
        "recalls",
        "serials",
        "stock",
        "payments",
        "devices",
        "pricing",
        "gift_cards",
        "customers",
        "roles",
    ];
    Routes::new("baskets", "Baskets", capabilities)
        .command(&SELL, routes!(open))
        .read(&SELL, routes!(read))
        .command(&SELL, routes!(identify))
        .command(&SELL, routes!(add_line))
        .command(&SELL, routes!(void_line))
        .command(&SELL, routes!(discount_line))
        .command(&SELL, routes!(tender))
        .command(&VOID_TENDER, routes!(void_tender))
        .command(&SELL, routes!(complete))
        .command(&ABANDON, routes!(abandon))
        .read(&SELL, routes!(parking::list_parked))
        .command(&SELL, routes!(parking::park))
        .command(&SELL, routes!(parking::recall))
}

/// A basket with its totals.
#[derive(Serialize, ToSchema)]
struct BasketView {
    #[serde(flatten)]
    basket: Basket,
    /// The totals.
    totals: Totals,
    /// The amount still due; negative if change is due.
    due: Minor,
}

/// Open a basket
#[utoipa::path(post, path = "/api/v1/baskets", request_body = OpenBasket, responses((status = 201, body = Opened)))]
async fn open(
    State(hub): State<Arc<Hub>>,
    command: Command<OpenBasket>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    let (currency, asker) = (hub.currency(), command.by.actor.station.clone());
    let pricing = hub.prices.at(command.by.at_ms);
    let opened = command.commit(&hub.store, Purpose::Money, move |transaction, by, request| {
        selling::open(transaction, by, currency, pricing.as_ref(), request)
    });
    let opened = opened.await?;
    coupons::learn(&hub, &asker, opened.id).await;
    Ok((StatusCode::CREATED, Json(opened)))
}

/// Get a basket with its lines
#[utoipa::path(get, path = "/api/v1/baskets/{id}", params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketView), (status = 404, body = Problem)))]
async fn read(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
) -> Result<Json<BasketView>, Problem> {
    let own = selling::basket(&hub.store, id)?.filter(|basket| actor.register_name() == Some(&basket.register));
    let basket = own.ok_or_else(|| BASKET_UNKNOWN.because(format!("{actor} has no basket {id}")))?;
    Ok(Json(BasketView { totals: basket.totals(), due: basket.due(), basket }))
}

/// Say what is known about the customer
///
/// Groups for member prices and personal offers, store coupons, the number of a tax exemption, and the age that was
/// checked. It replaces what was sent before, and the basket is priced again. For coupons with limits, the answer waits
/// up to 1.5 seconds for HQ to say how often they were used in other stores. Goods with a minimum age or with hours in
/// which they may be sold are checked when the first tender comes.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/buyer", request_body = BuyerRequest, params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn identify(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<BuyerRequest>,
) -> Result<Json<BasketStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let customer = Customer::of(&hub, &command.by);
    let asker = command.by.actor.station.clone();
    let identified = command.commit(&hub.store, Purpose::Money, move |transaction, by, buyer| {
        selling::identify(transaction, by, id, pricing.as_ref(), buyer)
    });
    let identified = customer.sees(identified.await?);
    coupons::learn(&hub, &asker, id).await;
    Ok(Json(identified))
}

/// Add a line: scanned, keyed, weighed, or not on file
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines", request_body = LineRequest, params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn add_line(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<LineRequest>,
) -> Result<Json<BasketStatus>, Problem> {
    // Looked up before the commit and refused inside it, so that a repeat gets its answer even if the item has changed.
    let mut entry = Entry::default();
    let at_ms = command.by.at_ms;
    let customer = Customer::of(&hub, &command.by);
    let command = command.map(|line| entry.line(&hub, &hub.catalog.load(), at_ms, line));
    let pricing = hub.prices.at(at_ms);
    let added = command.commit(&hub.store, Purpose::Money, move |transaction, by, found| {
        selling::add_line(transaction, by, id, pricing.as_ref(), found?)
    });
    let added = added.await?;
    entry.spend();
    Ok(Json(customer.sees(added)))
}

/// Void a line
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines/{line}/void", request_body = Empty,
    params(("id" = BasketId, Path), ("line" = u32, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn void_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(BasketId, u32)>,
    command: Command<Empty>,
) -> Result<Json<BasketStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let customer = Customer::of(&hub, &command.by);
    let voided = command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
        selling::void_line(transaction, by, id, pricing.as_ref(), line)
    });
    Ok(Json(customer.sees(voided.await?)))
}

/// Apply a discount to a line
#[utoipa::path(post, path = "/api/v1/baskets/{id}/lines/{line}/discounts", request_body = Discount,
    params(("id" = BasketId, Path), ("line" = u32, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn discount_line(
    State(hub): State<Arc<Hub>>,
    InPath((id, line)): InPath<(BasketId, u32)>,
    command: Command<Discount>,
) -> Result<Json<BasketStatus>, Problem> {
    let pricing = hub.prices.at(command.by.at_ms);
    let customer = Customer::of(&hub, &command.by);
    let discounted = command.commit(&hub.store, Purpose::Money, move |transaction, by, discount| {
        selling::discount_line(transaction, by, id, pricing.as_ref(), line, discount)
    });
    Ok(Json(customer.sees(discounted.await?)))
}

/// Add a tender in cash, by coupon or gift card; for payment cards see payments
///
/// A gift card is presented first. Change is given on cash only: a coupon that exceeds the amount due is refused, and
/// so is an implausible amount of cash.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/tenders", request_body = TenderRequest,
    params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn tender(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<TenderRequest>,
) -> Result<Json<BasketStatus>, Problem> {
    let customer = Customer::of(&hub, &command.by);
    let tendered = command.commit(&hub.store, Purpose::Money, move |transaction, by, tender| {
        selling::tender(transaction, by, id, tender)
    });
    Ok(Json(customer.sees(tendered.await?)))
}

/// Void a tender: the money is given back
///
/// A card payment is reversed at its terminal; the answer waits for it, and a refusal of the terminal leaves the tender
/// as it is. The tender stays on record, and the audit trail has an entry. When all tenders are voided, the lines can
/// change again. A person at the console can do this for any register.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/tenders/{tender}/void", request_body = Empty,
    params(("id" = BasketId, Path), ("tender" = u32, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn void_tender(
    State(hub): State<Arc<Hub>>,
    InPath((id, tender)): InPath<(BasketId, u32)>,
    command: Command<Empty>,
) -> Result<Json<BasketStatus>, Problem> {
    Ok(Json(payments::void_tender(&hub, id, tender, command).await?))
}

/// Complete a paid basket as a sale
#[utoipa::path(post, path = "/api/v1/baskets/{id}/complete", request_body = Empty, params(("id" = BasketId, Path)),
    responses((status = 200, body = SaleDone), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn complete(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Empty>,
) -> Result<Json<SaleDone>, Problem> {
    let context = hub.sale_context(command.by.register()?, command.by.at_ms);
    let customer = Customer::of(&hub, &command.by);
    let sold = command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
        selling::complete_basket(transaction, by, id, &context)
    });
    let sold = sold.await?;
    trail::about(sold.sale);
    customer.receives(sold.totals.change);
    Ok(Json(sold))
}

/// Abandon a basket
///
/// Its reservations are open again. Cash and coupons must be given back first; card payments, also one that is approved
/// later, are reversed by the hub. A person at the console can abandon any register's basket; recorded in the audit
/// trail.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/abandon", request_body = Empty, params(("id" = BasketId, Path)),
    responses((status = 200, body = BasketStatus), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn abandon(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Empty>,
) -> Result<Json<BasketStatus>, Problem> {
    let abandoned = command.commit(&hub.store, Purpose::Money, move |transaction, by, Empty {}| {
        app::payments::abandon(transaction, by, id)
    });
    Ok(Json(abandoned.await?))
}
