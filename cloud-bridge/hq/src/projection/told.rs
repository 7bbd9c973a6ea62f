//! An event, read; and why one is not taken.

use commerce::OrderId;
use contract::{
    BadBody, Epoch, Event, HubId, Placeholder, SaleCompleted, Sequence, StockMoved, StockOpened, Stream,
    audit::{self, AuditRecorded},
    cash::{self, CashMoved, DayClosed, ShiftClosed, TerminalReconciled},
    customer, gift_card,
    kind::{Body as Bounded, EventKind},
    message::{OVERSIZED, UNREADABLE},
    order, quota, sale, stock, transfer,
};

use crate::{
    database::DatabaseError,
    orders::settle::{CHANGED, REFUND_DUE},
};

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Whose.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// In which stream.
    pub stream: Stream,
    /// The event.
    pub event: Event,
    /// When HQ got it: milliseconds since 1970, UTC.
    pub received_at_ms: i64,
}

/// An event, read, for projections.
pub(crate) struct Told<'e> {
    pub(crate) stored: &'e Stored,
    pub(crate) body: &'e Body,
    /// Of a sale: HQ has not heard of it before, in this epoch or in an earlier one.
    pub(crate) is_first: bool,
}

/// What an event says.
pub(crate) enum Body {
    Sale(Box<SaleCompleted>),
    Stock(StockMoved),
    Opening(StockOpened),
    /// A part of an order changed, or was stated.
    Part {
        order: OrderId,
        part: u32,
    },
    /// An entry of an audit trail.
    Audit(Box<AuditRecorded>),
    /// A shift was closed.
    ShiftClosed(Box<ShiftClosed>),
    /// Cash was moved without a sale.
    CashMoved(Box<CashMoved>),
    /// A business day was closed.
    DayClosed(Box<DayClosed>),
    /// A payment terminal was asked to close its day.
    TerminalReconciled(Box<TerminalReconciled>),
    /// An event without projection: [`crate::orders`] [`crate::gift_cards`] or [`crate::customers`] processes it, or
    /// wrote it.
    Aside,
}

/// Why an event goes into quarantine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error("the hub could not send it: {}", .0.escape_debug())]
    NotSent(String),
    #[error("the hub already sent another sale as `{}`: was its disk set back, or copied?", .0.escape_debug())]
    Reused(String),
    #[error("unknown kind of event `{}`; update HQ", .0.escape_debug())]
    Kind(String),
    #[error("the sum `{column}` of {of} cannot be represented with it")]
    Sum { column: &'static str, of: String },
    #[error("invalid business day `{}`", .0.escape_debug())]
    Day(String),
    #[error("{what} has {bytes} bytes; the limit is {most}")]
    TooLong { what: &'static str, bytes: usize, most: usize },
    #[error("a text contains U+0000, which the database does not accept")]
    Nul,
    #[error(transparent)]
    Number(#[from] DatabaseError),
}

/// The longest text that an index has room for, in bytes.
pub(crate) const MAX_KEY: usize = 255;

/// A text that is looked up by an index.
pub(crate) fn key<'t>(what: &'static str, text: &'t str) -> Result<&'t str, Unusable> {
    if text.len() > MAX_KEY {
        return Err(Unusable::TooLong { what, bytes: text.len(), most: MAX_KEY });
    }
    Ok(text)
}

/// Reads an event and checks that it adds up.
pub(crate) fn read(event: &Event) -> Result<Body, Unusable> {
    if sale::COMPLETED.is(event) {
        Ok(Body::Sale(Box::new(sale::COMPLETED.read(event)?)))
    } else if stock::MOVED.is(event) {
        Ok(Body::Stock(stock::MOVED.read(event)?))
    } else if stock::OPENED.is(event) {
        Ok(Body::Opening(stock::OPENED.read(event)?))
    } else if order::ADVANCED.is(event) {
        let advanced = order::ADVANCED.read(event)?;
        Ok(Body::Part { order: advanced.order, part: advanced.part })
    } else if order::STATED.is(event) {
        let fulfilment = order::STATED.read(event)?.fulfilment;
        Ok(Body::Part { order: fulfilment.terms.order, part: fulfilment.part })
    } else if audit::RECORDED.is(event) {
        Ok(Body::Audit(Box::new(audit::RECORDED.read(event)?)))
    } else if cash::SHIFT_CLOSED.is(event) {
        Ok(Body::ShiftClosed(Box::new(cash::SHIFT_CLOSED.read(event)?)))
    } else if cash::MOVED.is(event) {
        Ok(Body::CashMoved(Box::new(cash::MOVED.read(event)?)))
    } else if cash::DAY_CLOSED.is(event) {
        Ok(Body::DayClosed(Box::new(cash::DAY_CLOSED.read(event)?)))
    } else if cash::TERMINAL_RECONCILED.is(event) {
        Ok(Body::TerminalReconciled(Box::new(cash::TERMINAL_RECONCILED.read(event)?)))
    } else if let Some(aside) = aside(event) {
        aside.map(|()| Body::Aside)
    } else if is_placeholder(&event.kind) {
        let told: Result<Placeholder, _> = serde_json::from_str(event.body.get());
        Err(Unusable::NotSent(
            told.map_or_else(|error| error.to_string(), |told| format!("{}: {}", told.kind, told.why)),
        ))
    } else {
        Err(Unusable::Kind(event.kind.clone()))
    }
}

/// Checks an event without projection; `None` for other events.
fn aside(event: &Event) -> Option<Result<(), Unusable>> {
    fn checked<B: Bounded>(kind: &EventKind<B>, event: &Event) -> Option<Result<(), Unusable>> {
        kind.is(event).then(|| kind.read(event).map(drop).map_err(Unusable::Body))
    }
    checked(&order::PLACED, event)
        .or_else(|| checked(&order::WITHDRAWN, event))
        .or_else(|| checked(&quota::CHANGED, event))
        .or_else(|| checked(&transfer::DISPATCHED, event))
        .or_else(|| checked(&cash::SHIFT_OPENED, event))
        .or_else(|| checked(&gift_card::MOVED, event))
        .or_else(|| checked(&customer::CHANGED, event))
        .or_else(|| checked(&customer::ERASURE_REQUESTED, event))
        .or_else(|| checked(&customer::RECEIPT_REQUESTED, event))
        .or_else(|| checked(&customer::PROFILES_REQUESTED, event))
        .or_else(|| [CHANGED, REFUND_DUE].contains(&event.kind.as_str()).then_some(Ok(())))
}

/// Whether it stands for an event that the hub could not send.
pub(crate) fn is_placeholder(kind: &str) -> bool {
    [UNREADABLE, OVERSIZED].contains(&kind)
}

/// Whether the sequence of a stored event is what a person is told: `store-1 7 sales 42`.
impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sequence(sequence) = self.event.sequence;
        write!(f, "{} {} {} {sequence}", self.hub, self.epoch, self.stream)
    }
}
