//! Sales: sell a whole basket in one command, look sales up, see receipts.

use std::sync::Arc;

use axum::{Json, extract::State};
use commerce::{Basket, Minor, Sale};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Counter, LineRequest, SaleDone, announce, answer, basket_routes::TenderRequest, complete, find_sale, last_sales,
    print, receipt,
};
use crate::{
    extract::{InPath, InQuery},
    hub::{Hub, now_ms},
    payments,
    problem::Problem,
    registers::{Caller, Command},
    stock,
};

pub(super) fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(sell, list)).routes(routes!(read)).routes(routes!(read_receipt))
}

/// A whole sale in one command, for registers that keep their own basket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaleRequest {
    /// The register's own reference; travels to HQ.
    #[serde(default)]
    reference: Option<String>,
    /// The customer, if known.
    #[serde(default)]
    customer: Option<String>,
    /// Stock reservations that the customer has come for.
    #[serde(default)]
    reservations: Vec<u64>,
    /// At least one.
    lines: Vec<LineRequest>,
    /// Cash and coupons.
    #[serde(default)]
    tenders: Vec<TenderRequest>,
    /// The rest by card, on the terminal of the register's lane.
    #[serde(default)]
    card: bool,
}

/// Which sales.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Sales before this sequence; the newest without it.
    before: Option<u64>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
}

/// A sale in a list.
#[derive(Serialize, ToSchema)]
struct SaleInList {
    #[serde(flatten)]
    done: SaleDone,
    /// Its place in the stream.
    sequence: u64,
    /// Which register.
    register: String,
    /// When: milliseconds since 1970, UTC.
    sold_at_ms: i64,
    /// How many lines.
    lines: usize,
    /// What was owed.
    net: Minor,
}

/// Sell a whole basket at once
///
/// With `card`, the answer waits for the payment terminal. A declined card leaves the basket open: pay it otherwise or abandon it.
#[utoipa::path(post, path = "/api/v1/sales", tag = "sales", request_body = SaleRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = SaleDone), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem), (status = 503, body = Problem)))]
async fn sell(State(hub): State<Arc<Hub>>, command: Command<SaleRequest>) -> Result<Json<SaleDone>, Problem> {
    let register = command.register()?.to_owned();
    let request = command.body;
    let catalog = hub.catalog.load();
    let lines = request.lines.into_iter().map(|line| line.find(&catalog)).collect::<Result<Vec<_>, _>>()?;
    drop(catalog);
    // The id is the commit's to give; everything else can be built, and refused, before it.
    let mut basket =
        Basket::open(String::new(), register.clone(), hub.currency(), now_ms(), request.reference, request.customer)?;
    basket.reservations = request.reservations;
    for line in lines {
        line.add_to(&mut basket)?;
    }
    for tender in request.tenders {
        basket.tender(tender.into())?;
    }
    if request.card {
        return payments::sell_by_card(&hub, command.key, register, basket).await.map(Json);
    }
    let counter = Counter::of(&hub, &register);
    let printer = counter.clone();
    let (once, sale) = hub
        .store
        .commit(move |transaction| {
            let mut made = None;
            let once = transaction.once(&command.key, |transaction| {
                // It opens and ends in this command: nobody will ask for it, so it is not stored.
                basket.id = format!("b{}", transaction.next_number("basket")?);
                stock::claim(transaction, &basket)?;
                let sale = complete(transaction, &mut basket, &counter, false)?;
                Ok::<_, Problem>(SaleDone::from(&*made.insert(sale)))
            })?;
            Ok::<_, Problem>((once, made))
        })
        .await?;
    if let Some(sale) = sale {
        announce(&hub, &sale);
        print(&hub, &printer);
    }
    Ok(Json(answer(once)?.0))
}

/// Sales, newest first
#[utoipa::path(get, path = "/api/v1/sales", tag = "sales", params(Which), responses((status = 200, body = [SaleInList])))]
async fn list(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InQuery(which): InQuery<Which>,
) -> Result<Json<Vec<SaleInList>>, Problem> {
    let sales = last_sales(&hub.store, which.before, which.limit.unwrap_or(20).clamp(1, 100))?;
    let view = |sale: &Sale| SaleInList {
        done: sale.into(),
        sequence: sale.sequence,
        register: sale.register.clone(),
        sold_at_ms: sale.sold_at_ms,
        lines: sale.lines.len(),
        net: sale.totals.net,
    };
    Ok(Json(sales.iter().map(view).collect()))
}

/// A sale, whole
#[utoipa::path(get, path = "/api/v1/sales/{id}", tag = "sales", params(("id" = String, Path)),
    responses((status = 200, body = Sale), (status = 404, body = Problem)))]
async fn read(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<String>) -> Result<Json<Sale>, Problem> {
    find_sale(&hub.store, &id).map(Json)
}

/// A sale's receipt, line by line as it is printed
#[utoipa::path(get, path = "/api/v1/sales/{id}/receipt", tag = "sales", params(("id" = String, Path)),
    responses((status = 200, body = [String]), (status = 404, body = Problem)))]
async fn read_receipt(
    _: Caller,
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
) -> Result<Json<Vec<String>>, Problem> {
    let sale = find_sale(&hub.store, &id)?;
    Ok(Json(receipt::text(&hub, &sale)?))
}
