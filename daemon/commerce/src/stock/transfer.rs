//! Goods sent to another store. They are in transit until somebody confirms what arrived; the rest is recorded as a
//! shortfall.
//!
//! Every movement of a transfer, at either store, has the same [`reference`], so HQ can follow the goods from one
//! store's books to the other's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Line, Refusal, State, Sums};
use crate::{item::Sku, quantity::Unit};

/// Goods sent to another store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transfer {
    /// The number of the transfer, from 1.
    pub id: u64,
    /// Its name at the other store.
    pub transfer: String,
    /// The other store.
    pub to: String,
    /// When it was dispatched: milliseconds since 1970, UTC.
    pub dispatched_at_ms: i64,
    /// When its arrival was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at_ms: Option<i64>,
    /// The quantities sent and arrived.
    pub lines: Vec<TransferLine>,
}

/// An item of a transfer; quantities in thousandths of the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransferLine {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// The quantity sent.
    pub sent: i64,
    /// The quantity that the other store received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<i64>,
}

/// A transfer's name at the other store, unique for all time: the epoch of the sender's store, `-`, and the transfer's
/// number there. A name has only one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name {
    /// The epoch of the sender's store.
    pub epoch: u64,
    /// The number of the transfer.
    pub id: u64,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.id)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(epoch, id)| Some((epoch.parse().ok()?, id.parse().ok()?)));
        let name = parts.map(|(epoch, id)| Self { epoch, id }).filter(|name| name.to_string() == text);
        name.ok_or_else(|| {
            format!(
                "invalid transfer name `{}`: expected epoch and number, such as `1764201600000-4`",
                text.escape_debug()
            )
        })
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

/// The reference of a transfer's movements at both stores: `SENDER/TRANSFER`. A sender's name contains no `/`.
pub fn reference(sender: &str, transfer: &str) -> String {
    format!("{sender}/{transfer}")
}

/// The sender and the transfer that a reference names; `None` if it is not of a transfer.
pub fn referred(reference: &str) -> Option<(&str, &str)> {
    reference.split_once('/')
}

impl Transfer {
    /// A new transfer.
    pub fn new(transfer: Name, to: String, dispatched_at_ms: i64, sent: Sums) -> Self {
        let line = |((sku, unit), sent)| TransferLine { sku, unit, sent, arrived: None };
        let (id, transfer) = (transfer.id, transfer.to_string());
        Self { id, transfer, to, dispatched_at_ms, arrived_at_ms: None, lines: sent.into_iter().map(line).collect() }
    }

    /// The quantities sent.
    pub fn sent(&self) -> Sums {
        self.lines.iter().map(|line| ((line.sku.clone(), line.unit), line.sent)).collect()
    }

    /// Whether the goods are still in transit.
    pub fn is_under_way(&self) -> bool {
        self.arrived_at_ms.is_none()
    }

    /// Records what the other store received. Returns the lines of what arrived and of the shortfall; their sum is what
    /// was sent. A surplus is recorded but moves nothing, because it never left these books.
    ///
    /// # Errors
    /// Already confirmed, or an item arrived that was never sent.
    pub fn arrive(&mut self, at_ms: i64, mut arrived: Sums) -> Result<(Vec<Line>, Vec<Line>), Refusal> {
        if !self.is_under_way() {
            return Err(Refusal::Closed { document: "transfer" });
        }
        let (mut there, mut short) = (Sums::new(), Sums::new());
        for line in &mut self.lines {
            let place = (line.sku.clone(), line.unit);
            let came = arrived.remove(&place).unwrap_or(0);
            line.arrived = Some(came);
            there.insert(place.clone(), came.min(line.sent));
            short.insert(place, (line.sent - came).max(0));
        }
        if let Some(((sku, _), _)) = arrived.pop_first() {
            return Err(Refusal::NoSuchItem { sku, document: "transfer" });
        }
        self.arrived_at_ms = Some(at_ms);
        let leave = |sums| Line::of(sums, Some(State::InTransit), None);
        Ok((leave(there), leave(short)))
    }
}
