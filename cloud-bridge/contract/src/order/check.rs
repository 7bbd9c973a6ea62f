//! What a message about orders must hold.

use commerce::{
    MAX_LINES, MAX_TEXT, OrderId, Sku,
    order::{Amount, Change, Fulfilment},
};

use super::{
    CustomerArrived, Destination, MAX_CHANGES, OrderAdvanced, OrderCancelled, OrderExtended, OrderOffered, OrderPlaced,
    OrderStated, OrderTracked, OrderWithdrawn, QuotaSpent, Tracked,
};
use crate::kind::{BadBody, Body};

/// A body of the stream `orders` that is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrder {
    /// Parts count from 1.
    #[error("order {order}: invalid part 0; parts count from 1")]
    Part {
        /// The order.
        order: OrderId,
    },
    /// Too many entries, or none where there must be one.
    #[error("order {order}: {count} {what}; expected {least} to {most}")]
    Count {
        /// The order.
        order: OrderId,
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A quantity of nothing, or of more than the lines have.
    #[error("order {order}: item {sku} has {milli} thousandths, out of range")]
    Quantity {
        /// The order.
        order: OrderId,
        /// The item.
        sku: Sku,
        /// The quantity.
        milli: i64,
    },
    /// An accepted amount of nothing, of more than the line has, or of no line.
    #[error("order {order}, line {line}: {milli} accepted thousandths, out of range or a duplicate")]
    Accepted {
        /// The order.
        order: OrderId,
        /// The line.
        line: u32,
        /// The amount.
        milli: i64,
    },
    /// The states of a line do not sum to its quantity.
    #[error("order {order}, line {line}: its states sum to {sum} thousandths, not {quantity}")]
    Sum {
        /// The order.
        order: OrderId,
        /// The line.
        line: u32,
        /// The sum over its states.
        sum: i64,
        /// Its quantity with its variance.
        quantity: i64,
    },
    /// Stock movements travel elsewhere.
    #[error("order {order}: a stock movement among the changes; it belongs in `stock.moved` or the sale")]
    Stock {
        /// The order.
        order: OrderId,
    },
    /// A text that is too long.
    #[error("order {order}: `{field}` has {bytes} bytes; the limit is {MAX_TEXT}")]
    Text {
        /// The order.
        order: OrderId,
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
}

fn counted(order: &OrderId, what: &'static str, count: usize, least: usize, most: usize) -> Result<(), BadOrder> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(BadOrder::Count { order: order.clone(), what, count, least, most })
}

fn numbered(order: &OrderId, part: u32) -> Result<(), BadOrder> {
    if part == 0 { Err(BadOrder::Part { order: order.clone() }) } else { Ok(()) }
}

fn text(order: &OrderId, field: &'static str, text: &str) -> Result<(), BadOrder> {
    let bytes = text.len();
    if bytes <= MAX_TEXT { Ok(()) } else { Err(BadOrder::Text { order: order.clone(), field, bytes }) }
}

/// Checks only the bounds; the rules of an order are checked by who takes it ([`Order::check`]).
impl Body for OrderOffered {
    fn check(&self) -> Result<(), BadBody> {
        let (order, lines) = (&self.order.terms.order, &self.order.lines);
        numbered(order, self.part)?;
        counted(order, "lines", lines.len(), 1, MAX_LINES)?;
        counted(order, "quota entries", self.spent.len(), 0, MAX_LINES)?;
        for (at, QuotaSpent { sku, unit, milli, .. }) in self.spent.iter().enumerate() {
            let of_item = |line: &&commerce::order::Ordered| line.sku == *sku && line.quantity.unit() == *unit;
            let most: i64 = lines.iter().filter(of_item).map(|line| line.quantity.milli()).sum();
            let is_twice = self.spent.iter().take(at).any(|other| other.sku == *sku && other.unit == *unit);
            if !(1..=most).contains(milli) || is_twice {
                return Err(BadOrder::Quantity { order: order.clone(), sku: sku.clone(), milli: *milli }.into());
            }
        }
        counted(order, "accepted amounts", self.accepted.len(), 0, MAX_LINES)?;
        for (at, Amount { line, milli }) in self.accepted.iter().enumerate() {
            let of_line = self.order.line(*line).filter(|of| (1..=of.quantity.milli()).contains(milli));
            if of_line.is_none() || self.accepted.iter().take(at).any(|other| other.line == *line) {
                return Err(BadOrder::Accepted { order: order.clone(), line: *line, milli: *milli }.into());
            }
        }
        Ok(())
    }
}

impl Body for OrderCancelled {
    fn check(&self) -> Result<(), BadBody> {
        numbered(&self.order, self.part)?;
        Ok(counted(&self.order, "amounts", self.amounts.len(), 0, 2 * MAX_LINES)?)
    }
}

impl Body for OrderExtended {
    fn check(&self) -> Result<(), BadBody> {
        Ok(numbered(&self.order, self.part)?)
    }
}

impl Body for CustomerArrived {
    fn check(&self) -> Result<(), BadBody> {
        numbered(&self.order, self.part)?;
        Ok(self.bay.as_ref().map_or(Ok(()), |bay| text(&self.order, "bay", bay))?)
    }
}

impl Body for OrderTracked {
    fn check(&self) -> Result<(), BadBody> {
        match &self.answer {
            Tracked::Accepted { .. } => Ok(()),
            Tracked::Refused { why } => Ok(text(&self.order, "why", why)?),
        }
    }
}

impl Body for OrderAdvanced {
    fn check(&self) -> Result<(), BadBody> {
        numbered(&self.order, self.part)?;
        counted(&self.order, "changes", self.changes.len(), 1, MAX_CHANGES)?;
        if self.changes.iter().any(|change| matches!(change, Change::Stock { .. })) {
            return Err(BadOrder::Stock { order: self.order.clone() }.into());
        }
        Ok(())
    }
}

impl Body for OrderStated {
    fn check(&self) -> Result<(), BadBody> {
        let Fulfilment { terms, part, lines, .. } = &self.fulfilment;
        numbered(&terms.order, *part)?;
        counted(&terms.order, "lines", lines.len(), 1, 2 * MAX_LINES)?;
        for line in lines {
            let quantity = line.ordered.quantity.milli().saturating_add(line.variance);
            let sum = line.units.values().fold(0_i64, |sum, milli| sum.saturating_add(*milli));
            if sum != quantity {
                let (order, line) = (terms.order.clone(), line.ordered.number);
                return Err(BadOrder::Sum { order, line, sum, quantity }.into());
            }
        }
        Ok(())
    }
}

impl Body for OrderPlaced {
    fn check(&self) -> Result<(), BadBody> {
        let order = &self.order.terms.order;
        if let Destination::Zone(zone) = &self.to {
            text(order, "zone", zone)?;
        }
        Ok(counted(order, "lines", self.order.lines.len(), 1, MAX_LINES)?)
    }
}

impl Body for OrderWithdrawn {
    fn check(&self) -> Result<(), BadBody> {
        Ok(())
    }
}
