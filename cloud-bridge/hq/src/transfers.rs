//! Transfers between stores, matched across the ledgers of both.
//!
//! A transfer has two halves: the sender's movements (sent; then arrived or short, once a person there confirms it) and
//! the receiver's (received). Both refer to it by the same name ([`reference`](commerce::stock::transfer::reference)).
//! Until both halves agree, the goods are in two ledgers or in none, and the transfer is reported, even if it is simply
//! in transit.
//!
//! | case | report |
//! | --- | --- |
//! | nobody registers the delivery at the receiver | sent only |
//! | it is received, and nobody confirms it at the sender | sent and received |
//! | it is received twice, or more than was sent | more received than arrived |
//! | the sender confirms more or less than was received | received and arrived differ |
//! | the receiver does not track an item | sent, maybe arrived, and never received: its movement lacks the line |
//! | HQ's ledger began after the transfer was sent | received or arrived, never sent |
//!
//! A hub restored from a backup reuses the numbers of movements that it booked after the backup. From its first
//! movement in the new epoch on, movements of earlier epochs with the same or higher numbers are ignored: its ledger
//! does not have them.

use std::collections::BTreeSet;

use commerce::{
    Unit,
    stock::{Kind, transfer::referred},
};
use contract::{HubId, StockMoved};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Value, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Items of movements of transfers that are still in the books, after one: by sender, transfer and item.
    PAGE = "transfer/page";
}

/// The number of rows read at once.
const AT_ONCE: i64 = 2_000;

/// An item of a transfer on which the stores do not agree; quantities in thousandths of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uneven {
    /// The sender.
    pub from: HubId,
    /// The sender's name of the transfer.
    pub transfer: String,
    /// When it was sent: milliseconds since 1970, UTC. None if HQ does not know.
    pub sent_at_ms: Option<i64>,
    /// The stores that received it; more than one is an error.
    pub received_by: BTreeSet<HubId>,
    /// The item.
    pub sku: String,
    /// The unit.
    pub unit: Unit,
    /// The quantity sent.
    pub sent: i64,
    /// The quantity received by the other store.
    pub received: i64,
    /// The quantity that the sender recorded as arrived.
    pub arrived: i64,
    /// The quantity that the sender recorded as missing.
    pub short: i64,
}

impl Uneven {
    fn is_even(&self) -> bool {
        self.sent == self.arrived.saturating_add(self.short) && self.received == self.arrived
    }

    fn is_of(&self, half: &Half) -> bool {
        (&self.from, &self.transfer, &self.sku, self.unit) == (&half.sender, &half.transfer, &half.sku, half.unit)
    }

    fn add(&mut self, half: &Half) {
        let sum = match half.kind {
            Kind::TransferOut => {
                self.sent_at_ms = Some(half.at_ms);
                &mut self.sent
            }
            Kind::TransferIn => {
                self.received_by.insert(half.hub.clone());
                &mut self.received
            }
            Kind::Arrival => &mut self.arrived,
            _ => &mut self.short,
        };
        *sum = sum.saturating_add(half.quantity_milli);
    }
}

/// An item of a movement, in the books of one store.
struct Half {
    sender: HubId,
    transfer: String,
    sku: String,
    unit: Unit,
    hub: HubId,
    kind: Kind,
    at_ms: i64,
    quantity_milli: i64,
}

/// Adds up halves that come by sender, transfer and item.
#[derive(Default)]
struct Matching {
    open: Option<Uneven>,
    uneven: Vec<Uneven>,
}

impl Matching {
    fn add(&mut self, half: &Half) {
        if self.open.as_ref().is_some_and(|open| !open.is_of(half)) {
            self.close();
        }
        let none = || Uneven {
            from: half.sender.clone(),
            transfer: half.transfer.clone(),
            sent_at_ms: None,
            received_by: BTreeSet::new(),
            sku: half.sku.clone(),
            unit: half.unit,
            sent: 0,
            received: 0,
            arrived: 0,
            short: 0,
        };
        self.open.get_or_insert_with(none).add(half);
    }

    fn close(&mut self) {
        self.uneven.extend(self.open.take().filter(|item| !item.is_even()));
    }
}

impl Ledger {
    /// Items of transfers on which the two stores do not agree, or not yet: by sender, transfer and item.
    ///
    /// # Errors
    /// The database fails.
    pub async fn transfers(&self) -> Result<Vec<Uneven>, DatabaseError> {
        let mut snapshot = self.database().snapshot().await?;
        let mut matching = Matching::default();
        let first = values!["", "", "", "", "", -1_i64, -1_i64, -1_i64];
        let pages = Pages::after(first, &PAGE, AT_ONCE);
        pages
            .each(&mut snapshot, |row| {
                matching.add(&half(row)?);
                Ok::<_, DatabaseError>(())
            })
            .await?;
        snapshot.commit().await?;
        matching.close();
        Ok(matching.uneven)
    }
}

fn half(row: Row) -> Result<Half, DatabaseError> {
    type Columns = (String, String, String, String, String, Value, Value, Value, String, i64, i64);
    let (sender, transfer, sku, unit, hub, _, _, _, kind, at_ms, quantity_milli): Columns = row.read()?;
    let bad = |found: String| DatabaseError::Column { column: 0, expected: "a half of a transfer", found };
    let unit = Unit::ALL.into_iter().find(|known| known.name() == unit).ok_or_else(|| bad(unit))?;
    let kind = FOLLOWED.into_iter().find(|known| kind_name(*known) == kind).ok_or_else(|| bad(kind))?;
    let (sender, hub) = (sender.parse().map_err(bad)?, hub.parse().map_err(bad)?);
    Ok(Half { sender, transfer, sku, unit, hub, kind, at_ms, quantity_milli })
}

/// The kinds of a transfer's movements.
const FOLLOWED: [Kind; 4] = [Kind::TransferOut, Kind::TransferIn, Kind::Arrival, Kind::Shortfall];

/// The name of a kind in a row.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::TransferOut => "transfer_out",
        Kind::TransferIn => "transfer_in",
        Kind::Arrival => "arrival",
        _ => "shortfall",
    }
}

/// The transfer that a movement is of, if it can be followed. Nobody speaks for the sender but the sender.
pub(crate) fn followed(hub: &HubId, moved: &StockMoved) -> Option<(HubId, String)> {
    let is_senders = match moved.kind {
        Kind::TransferOut | Kind::Arrival | Kind::Shortfall => true,
        Kind::TransferIn => false,
        _ => return None,
    };
    let (from, transfer) = referred(&moved.reference)?;
    let from: HubId = from.parse().ok()?;
    (!is_senders || from == *hub).then(|| (from, transfer.to_owned()))
}
