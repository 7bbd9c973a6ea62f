//! The body of `stock.moved`, and what a sale took from the stock.
//!
//! HQ keeps the same positions as the store, from two streams: a sale carries what it moved ([`SaleCompleted::moved`](crate::SaleCompleted::moved)), every other
//! movement is an event of the stream `stock`. Sums don't depend on the order in which they are added, so the streams need not be in step.

use commerce::{
    Unit,
    stock::{Kind, State},
};
use serde::{Deserialize, Serialize};

/// The kind of an event that carries a [`StockMoved`].
pub const KIND: &str = "stock.moved";

/// A movement that is not a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMoved {
    /// Its number in the hub's ledger; sales have theirs in between.
    pub movement: u64,
    /// Why.
    pub kind: Kind,
    /// What it belongs to: a notice, a transfer, a count, a reservation; or a person's reason.
    pub reference: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// Who: a register, or the console.
    pub by: String,
    /// What moved.
    pub lines: Vec<Moved>,
}

/// So much of an item, from one state to another; outside the store where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Of what.
    pub sku: String,
    /// Thousandths of the unit, more than zero.
    pub quantity_milli: i64,
    /// The unit.
    pub unit: Unit,
    /// Where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// Where it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<State>,
}

/// A line that is no movement of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{quantity_milli} thousandths of item {sku} move as no {kind:?} can")]
pub struct Impossible {
    /// Of what.
    pub sku: String,
    /// How much.
    pub quantity_milli: i64,
    /// The movement's kind.
    pub kind: Kind,
}

/// Checks that lines are movements of a kind.
///
/// # Errors
/// The first that is not.
pub fn verify(kind: Kind, lines: &[Moved]) -> Result<(), Impossible> {
    match lines.iter().find(|line| line.quantity_milli <= 0 || !kind.allows(line.from, line.to)) {
        None => Ok(()),
        Some(Moved { sku, quantity_milli, .. }) => {
            Err(Impossible { sku: sku.clone(), quantity_milli: *quantity_milli, kind })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_movement_of_its_kind_is_found() {
        let moved =
            |quantity_milli, from, to| Moved { sku: "818981".into(), quantity_milli, unit: Unit::Each, from, to };
        let sold = moved(1000, Some(State::Reserved), None);
        assert_eq!(verify(Kind::Sale, std::slice::from_ref(&sold)), Ok(()));
        for wrong in [moved(0, Some(State::OnHand), None), moved(-1, Some(State::OnHand), None), moved(1, None, None)] {
            assert!(verify(Kind::Sale, &[sold.clone(), wrong]).is_err());
        }
        assert!(verify(Kind::Receipt, &[sold]).is_err());
    }
}
