//! What sales brought in, and what else went into a till and out of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::{money::Minor, sale::Sale};

/// A number of things and the sum of their amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CashSum))]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// The sum, in minor units.
    pub amount: Minor,
}

impl Sum {
    /// Adds more of them.
    pub(crate) fn add(&mut self, count: u64, amount: Minor) {
        self.count = self.count.saturating_add(count);
        self.amount = sum_of(self.amount, amount);
    }
}

/// Movements of cash by kind.
pub type Moved = BTreeMap<Kind, Sum>;

/// The takings of some sales.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Takings {
    /// The number of sales.
    pub sales: u64,
    /// The sequence number of the first sale in the stream of sales; 0 without sales.
    pub first_sale: u64,
    /// The sequence number of the last sale; 0 without sales.
    pub last_sale: u64,
    /// The amount for the goods.
    pub net: Minor,
    /// Discounts.
    pub discount: Minor,
    /// The amount that customers owed: goods, deposits, fees and added taxes.
    pub owed: Minor,
    /// What they paid by kind of tender, such as `card`; `cash` less the change that was given.
    pub tenders: BTreeMap<String, Sum>,
}

impl Takings {
    /// The takings of one sale.
    pub fn of(sale: &Sale) -> Self {
        let mut tenders = BTreeMap::<String, Sum>::new();
        for tender in &sale.tenders {
            tenders.entry(tender.kind().to_owned()).or_default().add(1, tender.amount());
        }
        if !sale.totals.change.is_zero() {
            tenders.entry(CASH.to_owned()).or_default().add(0, -sale.totals.change);
        }
        let sequence = sale.id.sequence;
        Self {
            sales: 1,
            first_sale: sequence,
            last_sale: sequence,
            net: sale.totals.net,
            discount: sale.totals.discount,
            owed: sale.totals.owed(),
            tenders,
        }
    }

    /// Adds other takings.
    pub fn add(&mut self, more: &Self) {
        if more.sales > 0 {
            self.first_sale = if self.sales == 0 { more.first_sale } else { self.first_sale.min(more.first_sale) };
            self.last_sale = self.last_sale.max(more.last_sale);
        }
        self.sales = self.sales.saturating_add(more.sales);
        self.net = sum_of(self.net, more.net);
        self.discount = sum_of(self.discount, more.discount);
        self.owed = sum_of(self.owed, more.owed);
        for (kind, sum) in &more.tenders {
            self.tenders.entry(kind.clone()).or_default().add(sum.count, sum.amount);
        }
    }

    /// The sum of some takings.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        all.into_iter().for_each(|takings| sum.add(takings));
        sum
    }

    /// The cash, less the change that was given.
    pub fn cash(&self) -> Minor {
        self.tenders.get(CASH).map_or(Minor::ZERO, |sum| sum.amount)
    }
}

/// The kind of a cash tender.
const CASH: &str = "cash";

/// Adds movements.
pub(super) fn add_moved(moved: &mut Moved, kind: Kind, sum: Sum) {
    moved.entry(kind).or_default().add(sum.count, sum.amount);
}

/// What movements put into a till, less what they took out.
pub(super) fn net_moved(moved: &Moved) -> Minor {
    let signed = |(kind, sum): (&Kind, &Sum)| if kind.puts_in() { sum.amount } else { -sum.amount };
    moved.iter().map(signed).fold(Minor::ZERO, sum_of)
}

/// A sum that stays within the range of amounts: a shift must stay readable, whatever was sold.
pub fn sum_of(one: Minor, other: Minor) -> Minor {
    const LIMIT: i64 = 1_000_000_000_000_000;
    Minor::literal(one.get().saturating_add(other.get()).clamp(-LIMIT, LIMIT))
}
