//! Stock promised to somebody: set aside, then sold or released.
//!
//! ```text
//!           claim (a basket names it)            complete
//!   Open ----------------------------> InBasket ----------> Sold
//!    | ^---------- the basket is abandoned --|
//!    `-- release --> Released <-- release ---' (only for a reservation that the hub made for a basket being paid)
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
    /// The number of the reservation, from 1.
    pub id: u64,
    /// The order, customer or basket that it is for.
    pub reference: String,
    /// Who made it.
    pub by: Actor,
    /// When it was made: milliseconds since 1970, UTC.
    pub reserved_at_ms: i64,
    /// Made by the hub for a basket that is being paid, not by a command.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// The current state.
    #[serde(flatten)]
    pub state: ReservationState,
    /// The stock set aside.
    pub lines: Vec<Reserved>,
}

/// A line of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReservedStock))]
pub struct Reserved {
    /// The item.
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
    /// Waiting to be collected.
    Open,
    /// At the till.
    InBasket {
        /// The basket.
        basket: BasketId,
    },
    /// Collected and paid. Stock that the sale did not take is on_hand again.
    Sold {
        /// The sale's id.
        sale: SaleId,
    },
    /// Released.
    Released,
}

impl Reservation {
    /// The lines of sums.
    pub fn lines(sums: Sums) -> Vec<Reserved> {
        sums.into_iter().map(|((sku, unit), milli)| Reserved { sku, milli, unit }).collect()
    }

    /// The sums set aside.
    pub fn sums(&self) -> Sums {
        self.lines.iter().map(|line| ((line.sku.clone(), line.unit), line.milli)).collect()
    }

    /// Whether stock is set aside.
    pub fn holds(&self) -> bool {
        matches!(self.state, ReservationState::Open | ReservationState::InBasket { .. })
    }

    /// Adds the reservation to a basket.
    ///
    /// # Errors
    /// It is in another basket, sold or released.
    pub fn claim(&mut self, basket: BasketId) -> Result<(), Refusal> {
        self.is_open()?;
        self.state = ReservationState::InBasket { basket };
        Ok(())
    }

    /// Releases the reservation.
    ///
    /// # Errors
    /// It is in a basket, sold or released.
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

/// Takes what a sale wants from the stock set aside: returns the part sold and the part left over.
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
