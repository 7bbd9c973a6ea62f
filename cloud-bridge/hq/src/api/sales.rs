//! Sales: by day, by customer, by receipt, by id.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InPath, InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, FAULT, Kind, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::database::{DatabaseError, Row, statement::statements, value::values};

statements! {
    /// The sales of a day, by store and id.
    OF_DAY = "api_sale/of_day";
    /// The sales of a customer, newest first.
    OF_CUSTOMER = "api_sale/of_customer";
    /// The sales with a receipt number.
    OF_RECEIPT = "api_sale/of_receipt";
    /// A sale and its event.
    ONE = "api_sale/one";
}

/// Unknown sale.
static SALE_UNKNOWN: Kind = Kind::new(
    "sale-unknown",
    StatusCode::NOT_FOUND,
    "Unknown sale",
    "HQ does not have this sale of the store, or not yet; `GET /api/v1/stores/{store}` tells how far HQ is.",
);

/// After the name of any store.
const PAST_ALL: &str = "~";

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "sales", "Completed sales").read(Scope::SalesRead, &[], routes!(list)).read(
        Scope::SalesRead,
        &[&SALE_UNKNOWN],
        routes!(read),
    )
}

/// A sale in a list. Amounts are in minor units (cents) of its currency.
#[derive(Serialize, ToSchema)]
pub(crate) struct SaleInList {
    /// The store.
    pub(crate) store: String,
    /// The sale's id, unique in the store.
    pub(crate) sale: String,
    /// The epoch of the store.
    pub(crate) epoch: i64,
    /// Its sequence in the store's stream of sales.
    pub(crate) sequence: i64,
    /// The register's own reference, such as an order number or a basket id; the sale's id if there is none.
    pub(crate) reference: String,
    /// The register.
    pub(crate) register: String,
    /// The operator at the register, if signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<String>,
    /// The receipt number, per register and fiscal year.
    pub(crate) receipt: i64,
    /// The fiscal year, by the calendar year in which it begins.
    pub(crate) fiscal_year: i64,
    /// The business day, such as `2026-11-24`.
    #[schema(format = Date)]
    pub(crate) business_day: String,
    /// When it was completed: milliseconds since 1970, UTC.
    pub(crate) sold_at_ms: i64,
    /// The customer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
    /// The currency, ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub(crate) currency: String,
    /// The sums.
    pub(crate) totals: Totals,
}

/// The sums of a sale.
#[derive(Serialize, ToSchema)]
pub(crate) struct Totals {
    /// The sum of all lines at shelf prices.
    pub(crate) regular: i64,
    /// The sum of all discounts.
    pub(crate) discount: i64,
    /// The amount owed.
    pub(crate) net: i64,
    /// The sum of manufacturers' coupons.
    pub(crate) manufacturer_coupon: i64,
    /// The sum handed over.
    pub(crate) tendered: i64,
    /// The change, in cash.
    pub(crate) change: i64,
}

/// The number of columns of [`SaleInList`] before its totals.
const BEFORE_TOTALS: usize = 13;

fn in_list(Row(mut columns): Row) -> Result<SaleInList, DatabaseError> {
    let totals = columns.split_off(BEFORE_TOTALS.min(columns.len()));
    let currency = columns.pop().map(|currency| Row(vec![currency]).read::<(String,)>()).transpose()?;
    let (
        store,
        sale,
        epoch,
        sequence,
        reference,
        register,
        operator,
        receipt,
        fiscal_year,
        business_day,
        sold_at_ms,
        customer,
    ) = Row(columns).read()?;
    let (regular, discount, net, manufacturer_coupon, tendered, change) = Row(totals).read()?;
    Ok(SaleInList {
        store,
        sale,
        epoch,
        sequence,
        reference,
        register,
        operator,
        receipt,
        fiscal_year,
        business_day,
        sold_at_ms,
        customer,
        currency: currency.map(|(currency,)| currency).unwrap_or_default(),
        totals: Totals { regular, discount, net, manufacturer_coupon, tendered, change },
    })
}

/// A completed sale.
#[derive(Serialize, ToSchema)]
struct Sale {
    #[serde(flatten)]
    sale: SaleInList,
    #[serde(flatten)]
    parts: Parts,
}

/// The lines and payments of a sale.
#[derive(Serialize, Deserialize, ToSchema)]
struct Parts {
    /// The lines.
    lines: Vec<SaleLine>,
    /// The payments.
    tenders: Vec<SaleTender>,
}

/// A line of a sale.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleLine {
    /// The line's number in the basket.
    number: u32,
    /// The item; absent if it was not on file and had no SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    /// The item's GTIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gtin: Option<String>,
    /// Whether the item was in the catalog.
    on_file: bool,
    /// The description, as printed.
    description: String,
    /// The quantity in thousandths of the unit.
    quantity_milli: i64,
    /// The unit.
    unit: String,
    /// The amount at the shelf price, for the whole quantity.
    regular: i64,
    /// Why the amount was keyed instead of taken from the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyed_because: Option<String>,
    /// The discounts.
    #[serde(default)]
    discounts: Vec<SaleDiscount>,
    /// `regular` less `discounts`.
    net: i64,
}

/// A discount on a line.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleDiscount {
    /// The reason.
    reason: String,
    /// The origin: `loyalty`, `store_coupon`, `promotion` or `manager`.
    origin: String,
    /// The amount.
    amount: i64,
}

/// A payment, or a part of it.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleTender {
    /// The kind: `cash`, `card` or `manufacturer_coupon`.
    kind: String,
    /// The amount handed over or authorised.
    amount: i64,
    /// The card payment's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<SaleCard>,
}

/// The record of a card payment.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleCard {
    /// The hub's id of the payment.
    payment: String,
    /// At most the first six and last four digits of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    masked_pan: Option<String>,
    /// The card scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    /// The terminal's reference; its names are those of the terminal's protocol.
    #[serde(default)]
    reference: BTreeMap<String, String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The business day, such as `2026-11-24`: its sales by store and id.
    day: Option<String>,
    /// The customer: their sales, newest first.
    customer: Option<String>,
    /// The store: with `day`, or with the other three of a receipt.
    store: Option<String>,
    /// The register of a receipt.
    register: Option<String>,
    /// The fiscal year of a receipt.
    fiscal_year: Option<u16>,
    /// The number of a receipt.
    receipt: Option<u32>,
    /// The `next` of the page before. Default: the first page.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List sales
///
/// By a `day`, optionally in a `store`; by `customer`; or by receipt: `store`, `register`, `fiscal_year` and `receipt`.
/// A store that was restored from a backup may have used a receipt number twice; then both sales are returned.
#[utoipa::path(get, path = "/api/v1/sales", params(Asked),
    responses((status = 200, body = Page<SaleInList>, description = "A page of sales.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<SaleInList>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let rows = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    let read = async |statement, parameters| -> Result<Vec<SaleInList>, Problem> {
        let rows = api.database.read(statement, parameters).await?;
        Ok(rows.into_iter().map(in_list).collect::<Result<_, _>>()?)
    };
    let after = asked.after.as_deref();
    let page = match asked {
        Asked { day: Some(day), customer: None, store, register: None, fiscal_year: None, receipt: None, .. } => {
            if day.parse::<jiff::civil::Date>().is_err() {
                return Err(BAD_REQUEST
                    .because(format!("invalid `day` {}: expected a form like 2026-11-24", day.escape_debug())));
            }
            let first = || (store.clone().unwrap_or_default(), String::new());
            let (from, sale) = after.map(read_cursor).transpose()?.unwrap_or_else(first);
            let last = store.as_deref().unwrap_or(PAST_ALL);
            let sales = read(&OF_DAY, values![day, from, sale, last, rows]).await?;
            Page::of(sales, limit, |last| (last.store.clone(), last.sale.clone()))
        }
        Asked {
            customer: Some(customer),
            day: None,
            store: None,
            register: None,
            fiscal_year: None,
            receipt: None,
            ..
        } => {
            let first = || (i64::MAX, String::new(), String::new());
            let (sold, store, sale) = after.map(read_cursor).transpose()?.unwrap_or_else(first);
            let sales = read(&OF_CUSTOMER, values![customer, sold, store, sale, rows]).await?;
            Page::of(sales, limit, |last| (last.sold_at_ms, last.store.clone(), last.sale.clone()))
        }
        Asked {
            store: Some(store),
            register: Some(register),
            fiscal_year: Some(fiscal_year),
            receipt: Some(receipt),
            day: None,
            customer: None,
            ..
        } => {
            let from: String = after.map(read_cursor).transpose()?.unwrap_or_default();
            let sales = read(&OF_RECEIPT, values![store, fiscal_year, register, receipt, from, rows]).await?;
            Page::of(sales, limit, |last| last.sale.clone())
        }
        _ => {
            return Err(BAD_REQUEST.because(
                "ask by `day`, and `store` if you like; or by `customer`; or by `store`, `register`, `fiscal_year` and \
                 `receipt`",
            ));
        }
    };
    Ok(Json(page))
}

/// Read a sale
#[utoipa::path(get, path = "/api/v1/stores/{store}/sales/{sale}",
    params(
        ("store" = String, Path, description = "The store."),
        ("sale" = String, Path, description = "The sale's id.")
    ),
    responses((status = 200, body = Sale, description = "The sale with its lines and tenders.")))]
async fn read(
    State(api): State<Arc<Api>>,
    InPath((store, sale)): InPath<(String, String)>,
) -> Result<Json<Sale>, Problem> {
    let row = api.database.read(&ONE, values![&store, &sale]).await?.pop();
    let Some(Row(mut columns)) = row else {
        let (store, sale) = (store.escape_debug(), sale.escape_debug());
        return Err(SALE_UNKNOWN.because(format!("HQ does not have sale {sale} of {store}, or not yet")));
    };
    let body = columns.pop().map(|body| Row(vec![body]).read::<(String,)>()).transpose()?;
    let body = body.map(|(body,)| body).unwrap_or_default();
    let parts = serde_json::from_str(&body).map_err(|error| {
        tracing::error!(%error, store, sale, "could not read the event of a sale");
        FAULT.because("could not read the event of this sale; see the server's log")
    })?;
    Ok(Json(Sale { sale: in_list(Row(columns))?, parts }))
}
