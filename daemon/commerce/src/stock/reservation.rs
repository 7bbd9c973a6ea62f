//! Stock promised to somebody: set aside, and then sold or released.
//!
//! ```text
//!           claim (a basket names it)            complete
//!   Open ----------------------------> InBasket ----------> Sold
//!    | ^---------- the basket is abandoned --|
//!    `-- release --> Released <-- release ---' (only what the hub itself holds for a basket that is being paid)
//! ```

use serde::{Deserialize, Serialize};

use super::{Refusal, Sums};
use crate::{
    actor::Actor,
    ids::{BasketId, SaleId},
    item::Sku,
    quantity::Unit,
};

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reservation {
    /// Counts from 1.
    pub id: u64,
    /// For whom or what: an order, a customer, a basket.
    pub reference: String,
    /// Who asked for it.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub reserved_at_ms: i64,
    /// Made by the hub for a basket that is being paid, not by anybody's command.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// Where it stands.
    #[serde(flatten)]
    pub state: ReservationState,
    /// What is set aside.
    pub lines: Vec<Reserved>,
}

/// A line of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReservedStock))]
pub struct Reserved {
    /// Of what.
    pub sku: Sku,
    /// Thousandths of the unit.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
}

/// The states of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ReservationState {
    /// Waits to be fetched.
    Open,
    /// At the till.
    InBasket {
        /// Where.
        basket: BasketId,
    },
    /// Fetched and paid. What the sale did not take is on_hand again.
    Sold {
        /// The sale's id.
        sale: SaleId,
    },
    /// Given up.
    Released,
}

impl Reservation {
    /// Lines of sums.
    pub fn lines(sums: Sums) -> Vec<Reserved> {
        sums.into_iter().map(|((sku, unit), milli)| Reserved { sku, milli, unit }).collect()
    }

    /// What it has set aside.
    pub fn sums(&self) -> Sums {
        self.lines.iter().map(|line| ((line.sku.clone(), line.unit), line.milli)).collect()
    }

    /// Whether stock is set aside for it.
    pub fn holds(&self) -> bool {
        matches!(self.state, ReservationState::Open | ReservationState::InBasket { .. })
    }

    /// A basket takes it.
    ///
    /// # Errors
    /// Another has it, or it is over.
    pub fn claim(&mut self, basket: BasketId) -> Result<(), Refusal> {
        self.is_open()?;
        self.state = ReservationState::InBasket { basket };
        Ok(())
    }

    /// It is given up.
    ///
    /// # Errors
    /// A basket has it, or it is over.
    pub fn release(&mut self) -> Result<(), Refusal> {
        self.is_open()?;
        self.state = ReservationState::Released;
        Ok(())
    }

    fn is_open(&self) -> Result<(), Refusal> {
        match self.state {
            ReservationState::Open => Ok(()),
            ReservationState::InBasket { basket } => Err(Refusal::InBasket { basket }),
            ReservationState::Sold { .. } | ReservationState::Released => {
                Err(Refusal::Closed { document: "reservation" })
            }
        }
    }
}

/// Takes what a sale wants out of what is set aside: what is sold of it, and what is left of it.
pub fn take(wanted: &mut Sums, set_aside: Sums) -> (Sums, Sums) {
    let (mut sold, mut left) = (Sums::new(), Sums::new());
    for (place, milli) in set_aside {
        let taken = wanted.get_mut(&place).map_or(0, |wanted| {
            let taken = milli.min(*wanted);
            *wanted -= taken;
            taken
        });
        left.insert(place.clone(), milli - taken);
        sold.insert(place, taken);
    }
    (sold, left)
}
