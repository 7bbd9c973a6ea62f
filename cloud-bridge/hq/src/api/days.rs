//! Days: what each store sold on a business day, by tender.

use std::{collections::HashMap, sync::Arc};

use axum::{Json, extract::State};
use contract::HubId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Api,
    extract::{InQuery, Page, limit, read_cursor},
    problem::{BAD_REQUEST, Problem},
    routes::Routes,
    scope::Scope,
};
use crate::{
    database::{DatabaseError, Row, statement::statements, value::values},
    exports::Day,
};

statements! {
    /// The days of stores.
    RANGE = "day/range";
    /// The tenders of these days.
    RANGE_TENDERS = "day/range_tenders";
}

pub(super) fn routes(api: &Arc<Api>) -> Routes {
    Routes::new(api, "days", "Sales by store and business day").read(Scope::SalesRead, &[], routes!(list))
}

/// What a store sold on a business day. Amounts are in minor units of the currency.
#[derive(Serialize, ToSchema)]
struct StoreDay {
    /// The store.
    store: String,
    /// The business day, such as `2026-11-24`.
    business_day: String,
    /// The currency, ISO 4217.
    currency: String,
    /// The number of sales.
    sales: i64,
    /// The number of lines.
    lines: i64,
    /// The sum of all lines at shelf prices.
    regular: i64,
    /// The sum of all discounts.
    discount: i64,
    /// The amount owed for the goods.
    net: i64,
    /// The sum of manufacturers' coupons.
    manufacturer_coupon: i64,
    /// The amount owed with deposits, fees, added taxes and the rounding of cash: the takings of the Z report.
    owed: i64,
    /// The number of sales that void others. They are among `sales`.
    voids: i64,
    /// Their amount owed for the goods, negative. It is in `net`.
    voided: i64,
    /// The totals by tender.
    tenders: Vec<DayTender>,
}

/// The total of a kind of tender on a day.
#[derive(Serialize, ToSchema)]
struct DayTender {
    /// The kind, such as `cash` or `card`. `prepaid` is what the web shop was paid for orders that the store handed
    /// over: the channel web.
    kind: String,
    /// The number of tenders.
    tenders: i64,
    /// The amount; for cash without the change.
    amount: i64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The first business day, such as `2026-11-24`.
    from: String,
    /// The last business day.
    to: String,
    /// A store. Default: all.
    store: Option<HubId>,
    /// The `next` of the page before. Default: the first page.
    after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// After the name of any store.
const PAST_ALL: &str = "~";

/// A store, a business day and a currency.
type Key = (String, String, String);

fn day(row: Row) -> Result<StoreDay, DatabaseError> {
    let (store, business_day, currency, sales, lines, regular, discount, net, coupon, owed, voids, voided) =
        row.read()?;
    Ok(StoreDay {
        store,
        business_day,
        currency,
        sales,
        lines,
        regular,
        discount,
        net,
        manufacturer_coupon: coupon,
        owed,
        voids,
        voided,
        tenders: Vec::new(),
    })
}

fn key(day: &StoreDay) -> Key {
    (day.store.clone(), day.business_day.clone(), day.currency.clone())
}

/// List business days
///
/// What stores sold from one business day to another, in the order of store and day. A day without a sale is absent.
#[utoipa::path(get, path = "/api/v1/days", params(Asked),
    responses((status = 200, body = Page<StoreDay>, description = "A page of days.")))]
async fn list(State(api): State<Arc<Api>>, InQuery(asked): InQuery<Asked>) -> Result<Json<Page<StoreDay>>, Problem> {
    let limit = limit(asked.limit, 100, 500)?;
    let moment = |text: &str| text.parse::<Day>().map_err(|why| BAD_REQUEST.because(why));
    let (from, to) = (moment(&asked.from)?.to_string(), moment(&asked.to)?.to_string());
    let (hub, business_day, currency): Key = asked.after.as_deref().map(read_cursor).transpose()?.unwrap_or_default();
    let store = asked.store.as_ref().map(HubId::as_str);
    let (first, last) = (store.unwrap_or_default(), store.unwrap_or(PAST_ALL));
    let rows = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let asked = values![hub, business_day, currency, first, last, from.as_str(), to.as_str(), rows];
    let rows = api.database.read(&RANGE, asked).await?;
    let days = rows.into_iter().map(day).collect::<Result<Vec<_>, _>>()?;
    let mut page = Page::of(days, limit, key);
    if let Some((first, last)) = page.items.first().zip(page.items.last()) {
        let ((hub, day, currency), (last_hub, last_day, last_currency)) = (key(first), key(last));
        let asked = values![hub, day, currency, last_hub, last_day, last_currency, from, to];
        let mut tenders: HashMap<Key, Vec<DayTender>> = HashMap::new();
        for row in api.database.read(&RANGE_TENDERS, asked).await? {
            let (hub, business_day, currency, kind, number, amount) = row.read()?;
            let of_day = tenders.entry((hub, business_day, currency)).or_default();
            of_day.push(DayTender { kind, tenders: number, amount });
        }
        for day in &mut page.items {
            day.tenders = tenders.remove(&key(day)).unwrap_or_default();
        }
    }
    Ok(Json(page))
}
