//! The open orders on the page: how many there are, and the most urgent ones.

use app::{orders, stock};
use commerce::{
    Actor, OrderId, Quantity,
    order::{Line, State},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::hub::Hub;

/// The number of orders on the page.
const ORDERS: usize = 8;

/// The number of lines of each.
const LINES: usize = 3;

/// The states in which an order needs the store.
const STATES: [State; 8] = [
    State::Offered,
    State::Accepted,
    State::Picking,
    State::Picked,
    State::Packed,
    State::Ready,
    State::Arrived,
    State::Returning,
];

/// The customer orders of the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct OrderFigures {
    /// The number of open orders, including those whose goods must be put back.
    pub(crate) open: u64,
    /// The most urgent ones, at most 8.
    pub(crate) urgent: Vec<UrgentOrder>,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct UrgentOrder {
    /// The order.
    order: OrderId,
    /// The part.
    part: u32,
    /// Its state.
    state: State,
    /// The customer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// When it is due: milliseconds since 1970, UTC.
    due_ms: i64,
    /// Its first lines, at most 3.
    lines: Vec<UrgentLine>,
}

/// A line of an open order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct UrgentLine {
    /// The printed description.
    description: String,
    /// The ordered quantity.
    quantity: Quantity,
    /// The quantity of the item that the web may still sell, in thousandths.
    kept_for_web: i64,
}

impl OrderFigures {
    /// The orders of a hub. Reads the store; the cost does not depend on the number of orders.
    pub(super) fn of(hub: &Hub) -> Self {
        Self::read(hub).unwrap_or_else(|error| {
            tracing::error!(%error, "could not read the orders");
            Self::default()
        })
    }

    fn read(hub: &Hub) -> Result<Self, store::StoreError> {
        let open = orders::open_count(&hub.store)?;
        if open == 0 {
            return Ok(Self::default());
        }
        let mut parts = Vec::new();
        for state in STATES {
            parts.extend(orders::in_state(&hub.store, state, None, ORDERS)?);
        }
        parts.sort_by(|a, b| {
            let (a, b) = (&a.fulfilment.terms, &b.fulfilment.terms);
            (a.due_ms, &a.order).cmp(&(b.due_ms, &b.order))
        });
        parts.truncate(ORDERS);
        let urgent = parts.into_iter().map(|view| {
            let (terms, lines) = (view.fulfilment.terms, view.fulfilment.lines);
            UrgentOrder {
                order: terms.order,
                part: view.fulfilment.part,
                state: view.state,
                customer: terms.customer.map(|customer| customer.name),
                due_ms: terms.due_ms,
                lines: lines.iter().take(LINES).map(|line| UrgentLine::of(hub, line)).collect(),
            }
        });
        Ok(Self { open, urgent: urgent.collect() })
    }
}

impl UrgentLine {
    fn of(hub: &Hub, line: &Line) -> Self {
        let ordered = &line.ordered;
        let positions = stock::positions_of(&hub.store, &Actor::console(), &ordered.sku).unwrap_or_default();
        let unit = ordered.quantity.unit();
        let kept_for_web = positions.iter().find(|view| view.position.unit == unit).map_or(0, |view| view.kept_for_web);
        Self { description: ordered.description.clone(), quantity: ordered.quantity, kept_for_web }
    }
}
