//! The routes of sales: sell a whole basket in one command, list and read sales and receipts.

use std::sync::Arc;

use app::{
    health,
    payments::{SaleVoided, VoidSale, void_sale},
    selling::{self, READ, SELL, SaleDone, SaleRequest, VOID_SALE, WholeSale},
};
use axum::{Json, extract::State, response::Response};
use commerce::{Minor, RegisterName, Sale, SaleId};
use contract::Stream;
use serde::Serialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::entry::Entry;
use crate::{
    coupons,
    hub::Hub,
    payments,
    printing::{picture::PictureFormat, receipt},
    trail,
    web::{Command, InPath, InQuery, Page, Problem, Routes, reading},
};

/// The routes of sales.
pub(crate) fn routes() -> Routes {
    let capabilities =
        &["selling", "catalog", "recalls", "serials", "stock", "gift_cards", "payments", "devices", "roles"];
    Routes::new("sales", "Completed sales and their receipts", capabilities)
        .command(&SELL, routes!(sell))
        .command(&VOID_SALE, routes!(void))
        .read(&READ, routes!(list))
        .read(&READ, routes!(read))
        .read(&READ, routes!(read_receipt))
        .read(&READ, routes!(picture))
        .read(&READ, routes!(at_headquarters))
}

/// A sale in a list.
#[derive(Serialize, ToSchema)]
struct SaleInList {
    #[serde(flatten)]
    done: SaleDone,
    /// The sequence number.
    sequence: u64,
    /// The register.
    register: RegisterName,
    /// The time of the sale: milliseconds since 1970, UTC.
    sold_at_ms: i64,
    /// The number of lines.
    lines: usize,
    /// The net total.
    net: Minor,
}

/// Sell a whole basket in one command
///
/// With `card`, the answer waits for the payment terminal. If the card is declined, the basket stays open: pay it in
/// another way or abandon it.
#[utoipa::path(post, path = "/api/v1/sales", request_body = SaleRequest,
    responses((status = 200, body = SaleDone), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn sell(State(hub): State<Arc<Hub>>, command: Command<SaleRequest>) -> Result<Json<SaleDone>, Problem> {
    let register = command.by.register()?.clone();
    let (by, pays_by_card) = (command.by.clone(), command.body.card);
    let pricing = hub.prices.at(by.at_ms);
    // Built before the commit and refused inside it, so that a repeat gets its answer even if an item has changed.
    let mut entry = Entry::default();
    let command = command.map(|request| {
        let SaleRequest { reference, customer, buyer, reservations, lines, tenders, card: _ } = request;
        let catalog = hub.catalog.load();
        let lines =
            lines.into_iter().map(|line| entry.line(&hub, &catalog, by.at_ms, line)).collect::<Result<_, _>>()?;
        WholeSale { currency: hub.currency(), reference, customer, buyer, reservations, lines, tenders }
            .basket(&by, pricing.as_ref())
    });
    if let Ok(basket) = &command.body {
        coupons::learn_of(&hub, &by.actor.station, &basket.buyer.coupons, basket.customer.as_deref()).await;
    }
    if pays_by_card {
        // The basket stays open if the card is declined.
        entry.spend();
        return Ok(Json(payments::sell_by_card(&hub, &register, command).await?));
    }
    let context = hub.sale_context(&register, by.at_ms);
    let sold = command.commit(&hub.store, Purpose::Money, move |transaction, by, basket| {
        selling::sell(transaction, by, basket?, &context)
    });
    let sold = sold.await?;
    entry.spend();
    trail::about(sold.sale);
    Ok(Json(sold))
}

/// Void a sale of the day
///
/// The void is a sale with the opposite amounts and a receipt of its own; the goods are on hand again. Give back
/// `cash`; the hub reverses the card `payments` by itself, and a person decides what a terminal refuses. A register can
/// void its own sales, a person any.
#[utoipa::path(post, path = "/api/v1/sales/{id}/void", request_body = VoidSale, params(("id" = SaleId, Path)),
    responses((status = 200, body = SaleVoided), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn void(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
    command: Command<VoidSale>,
) -> Result<Json<SaleVoided>, Problem> {
    let sale = {
        let hub = Arc::clone(&hub);
        reading(move || Ok(selling::find_sale(&hub.store, id))).await?
    };
    // Refused inside the commit, so that a repeat gets its answer.
    let context = sale.map(|sale| hub.sale_context(&sale.register, command.by.at_ms));
    let voided = command.commit(&hub.store, Purpose::Money, move |transaction, by, request| {
        void_sale(transaction, by, id, request, &context?)
    });
    let voided = voided.await?;
    trail::about(voided.void.sale);
    Ok(Json(voided))
}

/// List sales, newest first
#[utoipa::path(get, path = "/api/v1/sales", params(Page), responses((status = 200, body = [SaleInList])))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(page): InQuery<Page>) -> Result<Json<Vec<SaleInList>>, Problem> {
    let sales = reading(move || Ok(selling::last_readable_sales(&hub.store, page.before, page.limit())?)).await?;
    let view = |sale: &Sale| SaleInList {
        done: sale.into(),
        sequence: sale.id.sequence,
        register: sale.register.clone(),
        sold_at_ms: sale.sold_at_ms,
        lines: sale.lines.len(),
        net: sale.totals.net,
    };
    Ok(Json(sales.iter().map(view).collect()))
}

/// Get a sale
#[utoipa::path(get, path = "/api/v1/sales/{id}", params(("id" = SaleId, Path)),
    responses((status = 200, body = Sale), (status = 404, body = Problem)))]
async fn read(State(hub): State<Arc<Hub>>, InPath(id): InPath<SaleId>) -> Result<Json<Sale>, Problem> {
    reading(move || selling::find_sale(&hub.store, id)).await.map(Json)
}

/// Get a sale's receipt as printed, line by line
#[utoipa::path(get, path = "/api/v1/sales/{id}/receipt", params(("id" = SaleId, Path)),
    responses((status = 200, body = [String]), (status = 404, body = Problem)))]
async fn read_receipt(State(hub): State<Arc<Hub>>, InPath(id): InPath<SaleId>) -> Result<Json<Vec<String>>, Problem> {
    let text = reading(move || {
        let sale = selling::find_sale(&hub.store, id)?;
        Ok(receipt::text(&hub, &sale)?)
    });
    text.await.map(Json)
}

/// Get a picture of a sale's receipt as printed
#[utoipa::path(get, path = "/api/v1/sales/{id}/receipt/picture", params(("id" = SaleId, Path), PictureFormat),
    responses((status = 200, content((String = "image/png"), (String = "image/svg+xml"))),
        (status = 404, body = Problem)))]
async fn picture(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
    InQuery(format): InQuery<PictureFormat>,
) -> Result<Response, Problem> {
    reading(move || {
        let sale = selling::find_sale(&hub.store, id)?;
        Ok(format.of(&receipt::picture(&hub, &sale)?))
    })
    .await
}

/// Whether HQ has a sale.
#[derive(Serialize, ToSchema)]
struct AtHeadquarters {
    /// Whether HQ has acknowledged it.
    received: bool,
    /// When it was first seen that HQ has it: milliseconds since 1970, UTC. The hub looks every minute, and remembers
    /// it for a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at_ms: Option<i64>,
}

/// Find out whether HQ has a sale, and since when
#[utoipa::path(get, path = "/api/v1/sales/{id}/headquarters", params(("id" = SaleId, Path)),
    responses((status = 200, body = AtHeadquarters), (status = 404, body = Problem)))]
async fn at_headquarters(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<SaleId>,
) -> Result<Json<AtHeadquarters>, Problem> {
    let find = move || {
        let sale = selling::find_sale(&hub.store, id)?;
        let received = hub.store.outbox_span(Stream::sales().as_str())?.acknowledged >= id.sequence;
        let seen = health::first_with_sale(&hub.store, id.sequence, sale.sold_at_ms)?;
        Ok(AtHeadquarters { received, seen_at_ms: seen.filter(|_| received).map(|sample| sample.at_ms) })
    };
    reading(find).await.map(Json)
}
