//! The stock of each store, by item.

use std::collections::BTreeMap;

use commerce::{Unit, stock::State};
use contract::{Epoch, HubId};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Value, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Positions after one, by hub, epoch and item.
    PAGE = "stock/page";
    /// The positions of a hub in an epoch.
    OF_HUB = "stock/of_hub";
}

/// The number of positions read at once.
const AT_ONCE: i64 = 2_000;

/// A position of an item in one unit, in thousandths: the sum of HQ's events, or a position that the hub sent before
/// its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The item.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// Available for sale; negative if more was sold than was known.
    pub on_hand: i64,
    /// Reserved.
    pub reserved: i64,
    /// In transit to another store.
    pub in_transit: i64,
    /// Quarantined.
    pub quarantined: i64,
    /// Damaged.
    pub damaged: i64,
    /// When the hub sent it before its events, if they have not all arrived: milliseconds since 1970, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_at_ms: Option<i64>,
}

/// Positions by item and unit: thousandths in each state, in the order of [`State::ALL`].
pub type Positions = BTreeMap<(String, Unit), [i64; State::ALL.len()]>;

impl Ledger {
    /// Passes on all positions, by hub, epoch and item. In a store's latest epoch they equal the store's own once all
    /// its events have arrived.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn stock<E: From<DatabaseError>>(&self, mut take: impl FnMut(Stock) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", -1_i64, "", ""], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |row| take(stock(row)?)).await?;
        Ok(snapshot.commit().await?)
    }

    /// The positions of a store after the opening, the sales and the other movements of an epoch.
    ///
    /// # Errors
    /// The database fails.
    pub async fn positions(&self, hub: &HubId, epoch: Epoch) -> Result<Positions, DatabaseError> {
        let parameters = values![hub.as_str(), Value::unsigned("epoch", epoch.0)?];
        let rows = self.database().read(&OF_HUB, parameters).await?;
        let position = |row: Row| {
            let (sku, name, on_hand, reserved, in_transit, quarantined, damaged) = row.read::<Position>()?;
            Ok(((sku, unit(&name)?), [on_hand, reserved, in_transit, quarantined, damaged]))
        };
        rows.into_iter().map(position).collect()
    }
}

/// A row of a hub's positions.
type Position = (String, String, i64, i64, i64, i64, i64);

fn unit(name: &str) -> Result<Unit, DatabaseError> {
    let bad = || DatabaseError::Column { column: 0, expected: "a unit", found: name.to_owned() };
    Unit::ALL.into_iter().find(|unit| unit.name() == name).ok_or_else(bad)
}

fn stock(row: Row) -> Result<Stock, DatabaseError> {
    type Columns = (String, u64, String, String, i64, i64, i64, i64, i64, Option<i64>);
    let (hub, epoch, sku, name, on_hand, reserved, in_transit, quarantined, damaged, told_at_ms): Columns =
        row.read()?;
    let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
    let (hub, unit) = (hub.parse().map_err(bad)?, unit(&name)?);
    Ok(Stock { hub, epoch: Epoch(epoch), sku, unit, on_hand, reserved, in_transit, quarantined, damaged, told_at_ms })
}
