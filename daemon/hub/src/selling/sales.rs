//! The routes of sales: sell a whole basket in one command, list and read sales and receipts.

use std::sync::Arc;

use app::selling::{self, READ, SELL, SaleDone, SaleRequest, WholeSale};
use axum::{Json, extract::State};
use commerce::{Minor, RegisterName, Sale, SaleId};
use serde::Serialize;
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    payments,
    printing::receipt,
    trail,
    web::{Command, InPath, InQuery, Page, Problem, Routes, reading},
};

/// The routes of sales.
pub(crate) fn routes() -> Routes {
    Routes::new("sales", "Completed sales and their receipts", &["selling", "catalog", "stock", "payments", "devices"])
        .command(&SELL, routes!(sell))
        .read(&READ, routes!(list))
        .read(&READ, routes!(read))
        .read(&READ, routes!(read_receipt))
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
    responses((status = 200, body = SaleDone), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn sell(State(hub): State<Arc<Hub>>, command: Command<SaleRequest>) -> Result<Json<SaleDone>, Problem> {
    let register = command.by.register()?.clone();
    let (by, pays_by_card) = (command.by.clone(), command.body.card);
    // Built before the commit and refused inside it, so that a repeat gets its answer even if an item has changed.
    let command = command.map(|request| {
        let SaleRequest { reference, customer, reservations, lines, tenders, card: _ } = request;
        let catalog = hub.catalog.load();
        let lines = lines.into_iter().map(|line| line.find(&catalog)).collect::<Result<_, _>>()?;
        WholeSale { currency: hub.currency(), reference, customer, reservations, lines, tenders }.basket(&by)
    });
    if pays_by_card {
        return Ok(Json(payments::sell_by_card(&hub, &register, command).await?));
    }
    let context = hub.sale_context(&register, by.at_ms);
    let sold = command.commit(&hub.store, Purpose::Money, move |transaction, by, basket| {
        selling::sell(transaction, by, basket?, &context)
    });
    let sold = sold.await?;
    trail::about(sold.sale);
    Ok(Json(sold))
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
