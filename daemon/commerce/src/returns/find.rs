//! What a sale is looked for by, if its receipt is missing.

use serde::{Deserialize, Serialize};

use crate::{sale::Sale, tender::Tender};

/// What the customer has instead of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SoughtBy {
    /// The number of an order, or another reference that the register gave the sale.
    Order(String),
    /// The hash of a card that paid.
    Card(String),
    /// The serial number of a unit.
    Serial(String),
    /// The customer's id.
    Customer(String),
}

impl SoughtBy {
    /// The key of an index: the kind and the value.
    pub fn key(&self) -> String {
        match self {
            Self::Order(order) => format!("o{order}"),
            Self::Card(card) => format!("c{card}"),
            Self::Serial(serial) => format!("s{serial}"),
            Self::Customer(customer) => format!("k{customer}"),
        }
    }

    /// The value that is looked for.
    pub fn value(&self) -> &str {
        match self {
            Self::Order(value) | Self::Card(value) | Self::Serial(value) | Self::Customer(value) => value,
        }
    }

    /// Everything by which a sale is found.
    pub fn of(sale: &Sale) -> Vec<Self> {
        let card = |tender: &Tender| match tender {
            Tender::Card { slip, .. } => slip.identity.clone().map(Self::Card),
            _ => None,
        };
        let lines = sale.lines.iter().filter(|line| line.sells());
        let serials = lines.filter_map(|line| line.particulars.serial.clone()).map(Self::Serial);
        let mut keys: Vec<_> = sale.reference.clone().map(Self::Order).into_iter().collect();
        keys.extend(sale.tenders.iter().filter_map(card));
        keys.extend(serials);
        keys.extend(sale.customer.clone().map(Self::Customer));
        keys
    }
}
