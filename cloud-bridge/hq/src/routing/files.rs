//! Networks and orders as files: JSON.
//!
//! ```json
//! {
//!   "now_ms": 1795500000000,
//!   "policy": { "most_stores": 3, "weights": { "money_permille": 1000, "hour": 50, "stock": 200, "split": 300 } },
//!   "stores": [
//!     { "store": "store-1", "at": { "lat": 54.97, "lon": -1.61 }, "zones": ["NE1"], "keeps": ["ambient", "chilled"],
//!       "open": [{ "from_ms": 1795478400000, "to_ms": 1795521600000 }], "heard_at_ms": 1795499990000,
//!       "open_orders": 4, "capacity": 20, "prepare_minutes": 30, "parcel": 395, "per_km": 2, "handling": 20,
//!       "stock": [{ "sku": "818981", "unit": "each", "quota": 4000, "confirmed": 0 }] }
//!   ]
//! }
//! ```
//!
//! Orders are in an array or follow each other, for example one per line:
//!
//! ```json
//! { "order": "web-1", "to": { "point": { "lat": 54.99, "lon": -1.6 } }, "due_ms": 1795550000000,
//!   "lines": [{ "line": 1, "sku": "818981", "quantity": { "milli": 2000, "unit": "each" }, "zone": "ambient" }],
//!   "rejected_by": ["store-7"] }
//! ```
//!
//! `to` is a `point`, a `zone`, or the `store` for pickup. Amounts are in minor units, quantities in
//! thousandths. Optional are: `policy` and each of its fields (`weights` as a whole); of a store all but `store`,
//! `heard_at_ms` and `stock`;
//! of an order `due_ms`, `rejected_by` and `parts_elsewhere`.

use std::collections::{BTreeSet, HashMap};

use commerce::{Sku, Unit, order::Zone};
use contract::HubId;
use serde::Deserialize;

use super::{
    Destination, Network, Point, Policy, Request, Stock, Store, Window,
    policy::{MAX_SPLITS, Weights},
    request::MAX_LINES,
};

/// The maximum number of stores.
const MAX_STORES: usize = 20_000;
/// The maximum of a cost, in minor units.
const MAX_MINOR: i64 = 10_000_000;
/// The maximum of a weight.
const MAX_WEIGHT: u32 = 10_000_000;
/// The maximum of a duration: a year, in minutes.
const MAX_MINUTES: i64 = 366 * 24 * 60;
/// The maximum quantity of an item.
const MAX_MILLI: i64 = commerce::Quantity::MAX_MILLI;

/// An invalid file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not JSON of this form.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// A value is out of range.
    #[error("{what}: {field} is out of range; {range}")]
    OutOfRange {
        /// The store or order.
        what: String,
        /// The field.
        field: &'static str,
        /// The allowed range.
        range: &'static str,
    },
    /// Named more than once.
    #[error("{what}: duplicate {field}")]
    Twice {
        /// The store or order.
        what: String,
        /// The repeated name.
        field: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    now_ms: i64,
    #[serde(default)]
    policy: Policy,
    stores: Vec<StoreFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreFile {
    store: HubId,
    #[serde(default)]
    at: Option<Point>,
    #[serde(default)]
    zones: Vec<String>,
    #[serde(default = "ambient")]
    keeps: Vec<Zone>,
    #[serde(default)]
    open: Option<Vec<Window>>,
    heard_at_ms: i64,
    #[serde(default)]
    open_orders: u32,
    #[serde(default = "unlimited")]
    capacity: u32,
    #[serde(default)]
    prepare_minutes: i64,
    #[serde(default)]
    parcel: i64,
    #[serde(default)]
    per_km: i64,
    #[serde(default)]
    handling: i64,
    stock: Vec<StockFile>,
}

fn ambient() -> Vec<Zone> {
    vec![Zone::Ambient]
}

fn unlimited() -> u32 {
    u32::MAX
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StockFile {
    sku: Sku,
    unit: Unit,
    #[serde(default)]
    quota: i64,
    #[serde(default)]
    confirmed: i64,
}

/// Reads a network and its policy.
///
/// # Errors
/// It is not JSON of this form, or a value is out of range.
pub fn network(json: &str) -> Result<(Network, Policy), FileError> {
    let file: NetworkFile = serde_json::from_str(json)?;
    check_policy(&file.policy)?;
    if file.stores.len() > MAX_STORES {
        return Err(out_of_range("the network", "stores", "at most 20,000"));
    }
    let mut seen = BTreeSet::new();
    for store in &file.stores {
        if !seen.insert(&store.store) {
            return Err(FileError::Twice { what: "the network".into(), field: store.store.to_string() });
        }
    }
    let stores = file.stores.into_iter().map(store).collect::<Result<_, _>>()?;
    Ok((Network { now_ms: file.now_ms, stores }, file.policy))
}

pub(crate) fn check_policy(policy: &Policy) -> Result<(), FileError> {
    let Weights { money_permille, hour, stock, split } = policy.weights;
    let checks = [
        ("most_stores", (1..=MAX_SPLITS).contains(&policy.most_stores), "1 to 8"),
        ("most_metres", policy.most_metres >= 0, "not negative"),
        ("offline_after_minutes", (0..=MAX_MINUTES).contains(&policy.offline_after_minutes), "0 to a year"),
        ("ms_per_km", (0..=86_400_000).contains(&policy.ms_per_km), "0 to a day"),
        ("weights", [money_permille, hour, stock, split].iter().all(|weight| *weight <= MAX_WEIGHT), "0 to 10,000,000"),
    ];
    all_in_range("the policy", &checks)
}

fn store(file: StoreFile) -> Result<Store, FileError> {
    let what = file.store.to_string();
    let minor = 0..=MAX_MINOR;
    let checks = [
        ("at", file.at.is_none_or(Point::is_valid), "-90 to 90 and -180 to 180 degrees"),
        ("prepare_minutes", (0..=MAX_MINUTES).contains(&file.prepare_minutes), "0 to a year"),
        ("parcel", minor.contains(&file.parcel), "0 to 10,000,000 minor units"),
        ("per_km", minor.contains(&file.per_km), "0 to 10,000,000 minor units"),
        ("handling", minor.contains(&file.handling), "0 to 10,000,000 minor units"),
    ];
    all_in_range(&what, &checks)?;
    let mut stock = HashMap::with_capacity(file.stock.len());
    for StockFile { sku, unit, quota, confirmed } in file.stock {
        if [quota, confirmed].iter().any(|milli| !(0..=MAX_MILLI).contains(milli)) {
            return Err(out_of_range(&what, "stock", "0 to 1,000,000,000 thousandths"));
        }
        if stock.insert((sku.clone(), unit), Stock { quota, confirmed }).is_some() {
            return Err(FileError::Twice { what, field: format!("item {sku}") });
        }
    }
    Ok(Store {
        store: file.store,
        at: file.at,
        zones: file.zones,
        keeps: file.keeps,
        open: file.open,
        heard_at_ms: file.heard_at_ms,
        open_orders: file.open_orders,
        capacity: file.capacity,
        prepare_ms: file.prepare_minutes * 60_000,
        parcel: file.parcel,
        per_km: file.per_km,
        handling: file.handling,
        stock,
    })
}

/// Reads orders.
///
/// # Errors
/// They are not JSON of this form, or a value is out of range.
pub fn orders(json: &str) -> Result<Vec<Request>, FileError> {
    let requests: Vec<Request> = if json.trim_start().starts_with('[') {
        serde_json::from_str(json)?
    } else {
        serde_json::Deserializer::from_str(json).into_iter().collect::<Result<_, _>>()?
    };
    requests.iter().try_for_each(check_request)?;
    Ok(requests)
}

fn check_request(request: &Request) -> Result<(), FileError> {
    let what = format!("order {}", request.order);
    let is_on_earth = !matches!(&request.to, Destination::Point(point) if !point.is_valid());
    let has_goods = request.lines.iter().all(|line| line.quantity.milli() > 0);
    let checks = [
        ("to", is_on_earth, "-90 to 90 and -180 to 180 degrees"),
        ("lines", (1..=MAX_LINES).contains(&request.lines.len()), "1 to 400"),
        ("quantity", has_goods, "more than zero"),
    ];
    all_in_range(&what, &checks)?;
    let mut seen = BTreeSet::new();
    match request.lines.iter().find(|line| !seen.insert(line.line)) {
        Some(line) => Err(FileError::Twice { what, field: format!("line {}", line.line) }),
        None => Ok(()),
    }
}

fn all_in_range(what: &str, checks: &[(&'static str, bool, &'static str)]) -> Result<(), FileError> {
    let bad = checks.iter().find(|(_, is_in_range, _)| !is_in_range);
    bad.map_or(Ok(()), |(field, _, range)| Err(out_of_range(what, field, range)))
}

fn out_of_range(what: &str, field: &'static str, range: &'static str) -> FileError {
    FileError::OutOfRange { what: what.into(), field, range }
}
