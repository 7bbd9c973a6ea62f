//! Transfers between stores: the notice of a transfer comes down by itself. Stream `orders`, both directions.
//!
//! - **Up, `transfer.dispatched`:** the sender's hub sends it in the commit in which the goods leave.
//! - **Down, `transfer.announced`:** HQ sends the same body on to the receiver's hub, which enters it as a notice, to
//!   receive the goods against. HQ first checks that the event is from the hub that it names as the sender.
//!
//! A transfer is entered once, by its name. If a person has already entered it from the paper, the item has no effect.
//! If it is late or the line is cut, the person may do so.

use commerce::{
    MAX_LINES, Sku, Unit,
    stock::{Kind as Movement, State, transfer::Name},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, DownKind, EventKind, Kind},
    name::{HubId, Stream},
    stock::{self, Moved},
};

/// Up: goods left for another store.
pub static DISPATCHED: EventKind<TransferDispatched> = Kind::new("transfer.dispatched", Stream::orders());
/// Down: goods are on their way from another store.
pub static ANNOUNCED: DownKind<TransferAnnounced> = Kind::new("transfer.announced", Stream::orders());

/// Goods left for another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransferDispatched {
    /// The transfer.
    pub notice: TransferNotice,
}

/// Goods are on their way from another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransferAnnounced {
    /// The transfer.
    pub notice: TransferNotice,
}

/// The notice of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransferNotice {
    /// The sender's hub.
    pub from: HubId,
    /// The transfer's name.
    #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9]+-[0-9]+$"))]
    pub transfer: Name,
    /// The receiver's hub.
    pub to: HubId,
    /// When the goods left: milliseconds since 1970, UTC.
    pub dispatched_at_ms: i64,
    /// The goods; each item once.
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 400))]
    pub lines: Vec<Sent>,
}

/// A quantity of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sent {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// Thousandths of the unit, more than zero.
    pub milli: i64,
}

/// A notice that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTransfer {
    /// From a store to itself.
    #[error("transfer {transfer} is from {hub} to itself")]
    ToItself {
        /// The transfer.
        transfer: Name,
        /// The hub.
        hub: HubId,
    },
    /// Too many lines, or none.
    #[error("transfer {transfer} has {lines} lines; expected 1 to {MAX_LINES}")]
    Lines {
        /// The transfer.
        transfer: Name,
        /// How many.
        lines: usize,
    },
}

impl TransferNotice {
    fn check(&self) -> Result<(), BadBody> {
        let transfer = self.transfer;
        if self.from == self.to {
            return Err(BadTransfer::ToItself { transfer, hub: self.from.clone() }.into());
        }
        if !(1..=MAX_LINES).contains(&self.lines.len()) {
            return Err(BadTransfer::Lines { transfer, lines: self.lines.len() }.into());
        }
        let moved = |Sent { sku, unit, milli }: &Sent| Moved {
            sku: sku.to_string(),
            quantity_milli: *milli,
            unit: *unit,
            from: Some(State::OnHand),
            to: Some(State::InTransit),
        };
        Ok(stock::verify(Movement::TransferOut, &self.lines.iter().map(moved).collect::<Vec<_>>())?)
    }
}

impl Body for TransferDispatched {
    fn check(&self) -> Result<(), BadBody> {
        self.notice.check()
    }
}

impl Body for TransferAnnounced {
    fn check(&self) -> Result<(), BadBody> {
        self.notice.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_names_two_stores_and_some_goods() {
        let sent = |milli| Sent { sku: "4711".parse().unwrap(), unit: Unit::Each, milli };
        let good = TransferNotice {
            from: "store-1".parse().unwrap(),
            transfer: "7-1".parse().unwrap(),
            to: "store-2".parse().unwrap(),
            dispatched_at_ms: 1,
            lines: vec![sent(3000)],
        };
        assert_eq!(good.check(), Ok(()));
        let itself = TransferNotice { to: good.from.clone(), ..good.clone() };
        assert!(matches!(itself.check(), Err(BadBody::Transfer(BadTransfer::ToItself { .. }))));
        for lines in [vec![], vec![sent(1000); MAX_LINES + 1]] {
            let wrong = TransferNotice { lines, ..good.clone() };
            assert!(matches!(wrong.check(), Err(BadBody::Transfer(BadTransfer::Lines { .. }))));
        }
        assert!(matches!(TransferNotice { lines: vec![sent(0)], ..good }.check(), Err(BadBody::Moved(_))));
    }
}
