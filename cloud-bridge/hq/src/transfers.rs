//! Transfers between stores, followed from one store's ledger into the other's.
//!
//! A transfer has two halves: what the sender booked (sent; then arrived or short, once a person there confirms it) and
//! what the receiver booked (received). Their movements refer to it by the same name
//! ([`reference`](commerce::stock::transfer::reference)). Until both halves agree, the goods are in two ledgers or in
//! none, and the transfer is in the report, also one that is simply on its way.
//!
//! | what happens | what is reported |
//! | --- | --- |
//! | nobody enters the truck at the other store | sent, and nothing else |
//! | it is received, and nobody tells the sender | sent and received |
//! | it is received twice, or more than was sent | more received than arrived |
//! | the sender confirms more or less than was received | received and arrived differ |
//! | the receiver does not track an item | sent, maybe arrived, and never received: its movement lacks the line |
//! | HQ's ledger began after the transfer left | received or arrived, never sent |
//!
//! A hub that is restored from a backup takes the numbers of movements again that it had given since. With its first
//! sale or other movement of the new epoch, those of the same number and later are undone: its ledger does not have
//! them.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    Unit,
    stock::{Kind, transfer::referred},
};
use contract::{Epoch, HubId, StockMoved, stock::Moved};
use serde::Serialize;

/// The movements of transfers, by hub and number.
#[derive(Clone, Default)]
pub(crate) struct Transfers(BTreeMap<(HubId, u64), Half>);

/// A movement of a transfer, in the ledger of one store.
#[derive(Clone)]
struct Half {
    epoch: Epoch,
    /// The sender, and its transfer.
    transfer: (HubId, String),
    kind: Kind,
    at_ms: i64,
    lines: Vec<Moved>,
}

/// An item of a transfer on which the two stores do not agree; quantities in thousandths of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uneven {
    /// The sender.
    pub from: HubId,
    /// Its transfer.
    pub transfer: String,
    /// When it left: milliseconds since 1970, UTC. None if HQ has not heard of it.
    pub sent_at_ms: Option<i64>,
    /// The stores that received of it; more than one is a mistake.
    pub received_by: BTreeSet<HubId>,
    /// Of what.
    pub sku: String,
    /// By which unit.
    pub unit: Unit,
    /// What left.
    pub sent: i64,
    /// What the other store has received.
    pub received: i64,
    /// What the sender was told has arrived.
    pub arrived: i64,
    /// What the sender was told never did.
    pub short: i64,
}

impl Uneven {
    fn of(from: &HubId, transfer: &str, line: &Moved) -> Self {
        Self {
            from: from.clone(),
            transfer: transfer.to_owned(),
            sent_at_ms: None,
            received_by: BTreeSet::new(),
            sku: line.sku.clone(),
            unit: line.unit,
            sent: 0,
            received: 0,
            arrived: 0,
            short: 0,
        }
    }

    fn is_even(&self) -> bool {
        self.sent == self.arrived.saturating_add(self.short) && self.received == self.arrived
    }
}

impl Transfers {
    /// A movement of this number was booked in an epoch: the hub's ledger no longer has those of earlier epochs from
    /// there on.
    pub(crate) fn undo(&mut self, hub: &HubId, epoch: Epoch, movement: u64) {
        let from_there_on = (hub.clone(), movement)..=(hub.clone(), u64::MAX);
        let undone = self.0.range(from_there_on).filter(|(_, half)| half.epoch < epoch);
        for key in undone.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.0.remove(&key);
        }
    }

    /// Takes note of a movement that is not a sale, of any kind.
    pub(crate) fn note(&mut self, hub: &HubId, epoch: Epoch, moved: &StockMoved) {
        self.undo(hub, epoch, moved.movement);
        let Some(transfer) = followed(hub, moved) else { return };
        let half = Half { epoch, transfer, kind: moved.kind, at_ms: moved.at_ms, lines: moved.lines.clone() };
        // A late movement of an earlier epoch does not replace that of a later one.
        self.0.entry((hub.clone(), moved.movement)).or_insert(half);
    }

    /// Items of transfers whose halves do not match, by sender, transfer and item.
    pub(crate) fn uneven(&self) -> Vec<Uneven> {
        let mut told: BTreeMap<(&HubId, &str, &str, Unit), Uneven> = BTreeMap::new();
        for ((hub, _), Half { transfer: (from, transfer), kind, at_ms, lines, .. }) in &self.0 {
            for line in lines {
                let item = told.entry((from, transfer, &line.sku, line.unit));
                let item = item.or_insert_with(|| Uneven::of(from, transfer, line));
                let sum = match kind {
                    Kind::TransferOut => {
                        item.sent_at_ms = Some(*at_ms);
                        &mut item.sent
                    }
                    Kind::TransferIn => {
                        item.received_by.insert(hub.clone());
                        &mut item.received
                    }
                    Kind::Arrival => &mut item.arrived,
                    _ => &mut item.short,
                };
                *sum = sum.saturating_add(line.quantity_milli);
            }
        }
        told.into_values().filter(|item| !item.is_even()).collect()
    }
}

/// The transfer that a movement is of, if it can be followed. Nobody speaks for the sender but the sender.
fn followed(hub: &HubId, moved: &StockMoved) -> Option<(HubId, String)> {
    let is_senders = match moved.kind {
        Kind::TransferOut | Kind::Arrival | Kind::Shortfall => true,
        Kind::TransferIn => false,
        _ => return None,
    };
    let (from, transfer) = referred(&moved.reference)?;
    let from: HubId = from.parse().ok()?;
    (!is_senders || from == *hub).then(|| (from, transfer.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(number: u8) -> HubId {
        format!("store-{number}").parse().unwrap()
    }

    /// A movement of so many pieces, at a moment that is its number.
    fn moved(movement: u64, kind: Kind, reference: &str, pieces: i64) -> StockMoved {
        let (sku, unit, quantity_milli) = ("818981".into(), Unit::Each, pieces * 1000);
        let lines = vec![Moved { sku, quantity_milli, unit, from: None, to: None }];
        let at_ms = i64::try_from(movement).unwrap();
        StockMoved { movement, kind, reference: reference.into(), at_ms, by: commerce::Actor::console(), lines }
    }

    /// What is reported of the one item there is: sent, received, arrived, short.
    fn told(transfers: &Transfers) -> Option<[i64; 4]> {
        let uneven = transfers.uneven();
        assert!(uneven.len() <= 1, "{uneven:?}");
        uneven.first().map(|item| [item.sent, item.received, item.arrived, item.short])
    }

    #[test]
    fn a_transfer_is_reported_until_both_stores_tell_the_same() {
        let mut transfers = Transfers::default();
        transfers.note(&hub(1), Epoch(7), &moved(1, Kind::TransferOut, "store-1/7-1", 9));
        assert_eq!(told(&transfers), Some([9_000, 0, 0, 0]));
        transfers.note(&hub(2), Epoch(3), &moved(1, Kind::TransferIn, "store-1/7-1", 5));
        transfers.note(&hub(2), Epoch(3), &moved(2, Kind::TransferIn, "store-1/7-1", 3));
        assert_eq!(told(&transfers), Some([9_000, 8_000, 0, 0]));
        let uneven = transfers.uneven();
        assert_eq!((uneven[0].sent_at_ms, &uneven[0].received_by), (Some(1), &[hub(2)].into()));
        transfers.note(&hub(1), Epoch(7), &moved(2, Kind::Arrival, "store-1/7-1", 8));
        transfers.note(&hub(1), Epoch(7), &moved(3, Kind::Shortfall, "store-1/7-1", 1));
        assert_eq!(told(&transfers), None);
        // Somebody enters the same truck elsewhere.
        transfers.note(&hub(3), Epoch(1), &moved(4, Kind::TransferIn, "store-1/7-1", 8));
        assert_eq!(told(&transfers), Some([9_000, 16_000, 8_000, 1_000]));
        assert_eq!(transfers.uneven()[0].received_by, [hub(2), hub(3)].into());
    }

    #[test]
    fn the_sender_alone_speaks_for_itself_and_a_documents_number_is_of_no_transfer() {
        let mut transfers = Transfers::default();
        transfers.note(&hub(2), Epoch(3), &moved(1, Kind::Arrival, "store-1/7-1", 9));
        transfers.note(&hub(1), Epoch(7), &moved(1, Kind::TransferOut, "1", 9));
        transfers.note(&hub(2), Epoch(3), &moved(2, Kind::TransferIn, "1", 9));
        transfers.note(&hub(2), Epoch(3), &moved(3, Kind::Return, "store-1/7-1", 9));
        assert_eq!(told(&transfers), None);
    }

    #[test]
    fn a_restored_store_replaces_the_movements_that_its_backup_lacks() {
        let mut transfers = Transfers::default();
        let sent = moved(4, Kind::TransferOut, "store-1/7-1", 9);
        transfers.note(&hub(1), Epoch(7), &sent);
        transfers.note(&hub(2), Epoch(3), &moved(1, Kind::TransferIn, "store-1/7-1", 9));
        // After the backup that is restored below: known to no book any more.
        transfers.note(&hub(1), Epoch(7), &moved(5, Kind::Arrival, "store-1/7-1", 9));
        assert_eq!(told(&transfers), None);
        // Sent again, because the backup did not know that HQ has it.
        transfers.note(&hub(1), Epoch(8), &sent);
        assert_eq!(told(&transfers), Some([9_000, 9_000, 0, 0]));
        transfers.note(&hub(1), Epoch(8), &moved(5, Kind::Receipt, "1", 1));
        transfers.note(&hub(1), Epoch(8), &moved(6, Kind::Arrival, "store-1/7-1", 9));
        assert_eq!(told(&transfers), None);
    }
}
