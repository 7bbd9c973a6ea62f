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
    /// Sales of a day, by store and id.
    OF_DAY = "api_sale/of_day";
    /// Sales of a customer, the newest first.
    OF_CUSTOMER = "api_sale/of_customer";
    /// Sales with a receipt's number.
    OF_RECEIPT = "api_sale/of_receipt";
    /// A sale with its event.
    ONE = "api_sale/one";
}

/// There is no such sale.
static SALE_UNKNOWN: Kind = Kind::new(
    "sale-unknown",
    StatusCode::NOT_FOUND,
    "Unknown sale",
    "HQ has no such sale of the store, or not yet: see how far the store is by `GET /api/v1/stores/{store}`.",
);

/// Greater than any store's name.
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
    /// Which store.
    pub(crate) store: String,
    /// Unique in the store.
    pub(crate) sale: String,
    /// In which epoch of the store it was told.
    pub(crate) epoch: i64,
    /// Its number among the store's sales of that epoch.
    pub(crate) sequence: i64,
    /// The register's own reference: an order number, a basket; the sale's id if it gave none.
    pub(crate) reference: String,
    /// Which register.
    pub(crate) register: String,
    /// Who was at the register, if somebody was signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operator: Option<String>,
    /// Its receipt's number, by register and fiscal year.
    pub(crate) receipt: i64,
    /// The fiscal year, by the calendar year in which it begins.
    pub(crate) fiscal_year: i64,
    /// The day it counts to, `2026-11-24`.
    #[schema(format = Date)]
    pub(crate) business_day: String,
    /// When: milliseconds since 1970, UTC.
    pub(crate) sold_at_ms: i64,
    /// The customer, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub(crate) currency: String,
    /// The sums.
    pub(crate) totals: Totals,
}

/// The sums of a sale.
#[derive(Serialize, ToSchema)]
pub(crate) struct Totals {
    /// All lines at their shelf price.
    pub(crate) regular: i64,
    /// What the store took off.
    pub(crate) discount: i64,
    /// What was owed.
    pub(crate) net: i64,
    /// What makers pay back.
    pub(crate) manufacturer_coupon: i64,
    /// What was handed over.
    pub(crate) tendered: i64,
    /// What went back in cash.
    pub(crate) change: i64,
}

/// How many columns [`SaleInList`] has before its totals.
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

/// What was sold, and how it was paid.
#[derive(Serialize, Deserialize, ToSchema)]
struct Parts {
    /// What was sold.
    lines: Vec<SaleLine>,
    /// How it was paid.
    tenders: Vec<SaleTender>,
}

/// A line of a sale.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleLine {
    /// Its number on the basket.
    number: u32,
    /// The item's number; none if it was not on file and had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gtin: Option<String>,
    /// False if it was sold though it was not in the catalog.
    on_file: bool,
    /// As printed.
    description: String,
    /// Thousandths of the unit.
    quantity_milli: i64,
    /// The unit.
    unit: String,
    /// At its shelf price, for the whole quantity.
    regular: i64,
    /// Why the amount was keyed rather than taken from the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyed_because: Option<String>,
    /// What the store took off.
    #[serde(default)]
    discounts: Vec<SaleDiscount>,
    /// `regular` less `discounts`.
    net: i64,
}

/// Money taken off a line.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleDiscount {
    /// Why.
    reason: String,
    /// By whom: `loyalty`, `store_coupon`, `promotion`, `manager`.
    origin: String,
    /// How much.
    amount: i64,
}

/// A part of the payment.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleTender {
    /// `cash`, `card`, `manufacturer_coupon`.
    kind: String,
    /// What was handed over or authorised.
    amount: i64,
    /// For cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<SaleCard>,
}

/// What a card payment leaves behind.
#[derive(Serialize, Deserialize, ToSchema)]
struct SaleCard {
    /// The hub's payment.
    payment: String,
    /// At most six and four digits of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    masked_pan: Option<String>,
    /// Scheme or card name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    /// The numbers by which the terminal knows it; the names are its protocol's.
    #[serde(default)]
    reference: BTreeMap<String, String>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The business day, `2026-11-24`: sales by store and id.
    day: Option<String>,
    /// The customer: sales from the newest.
    customer: Option<String>,
    /// The store: with `day`, or with all three of a receipt.
    store: Option<String>,
    /// Of a receipt: its register.
    register: Option<String>,
    /// Of a receipt: its fiscal year.
    fiscal_year: Option<u16>,
    /// Of a receipt: its number.
    receipt: Option<u32>,
    /// `next` of the page before; from the first without it.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// List sales
///
/// By one of: a `day`, and a `store` if you like; a `customer`; or a receipt: `store`, `register`, `fiscal_year` and
/// `receipt`. A store that was restored from a backup may have given a receipt's number twice: then there are two.
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
                return Err(BAD_REQUEST.because(format!("`day` {}: as in 2026-11-24", day.escape_debug())));
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
    params(("store" = String, Path, description = "The store."), ("sale" = String, Path, description = "The sale's id.")),
    responses((status = 200, body = Sale, description = "The sale with its lines and tenders.")))]
async fn read(
    State(api): State<Arc<Api>>,
    InPath((store, sale)): InPath<(String, String)>,
) -> Result<Json<Sale>, Problem> {
    let row = api.database.read(&ONE, values![&store, &sale]).await?.pop();
    let Some(Row(mut columns)) = row else {
        let (store, sale) = (store.escape_debug(), sale.escape_debug());
        return Err(SALE_UNKNOWN.because(format!("HQ has no sale {sale} of {store}, or not yet")));
    };
    let body = columns.pop().map(|body| Row(vec![body]).read::<(String,)>()).transpose()?;
    let body = body.map(|(body,)| body).unwrap_or_default();
    let parts = serde_json::from_str(&body).map_err(|error| {
        tracing::error!(%error, store, sale, "the event of a sale cannot be read");
        FAULT.because("the event of this sale cannot be read; the server's log says more")
    })?;
    Ok(Json(Sale { sale: in_list(Row(columns))?, parts }))
}
