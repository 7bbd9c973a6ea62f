//! Kinds of events and of items from HQ: their names, streams and bodies.
//!
//! Code that writes or reads a body uses the kind's static, such as [`sale::COMPLETED`](crate::sale::COMPLETED), so the
//! name, the stream and the body's type always match. Unknown kinds are the reader's affair: HQ keeps such events for a
//! person, a hub refuses such items with a reason.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    audit, cash, customer, down::DownItem, gift_card, message::Event, name::Stream, order, quota, sale, stock, transfer,
};

/// The maximum length of a kind's name, in bytes.
pub const MAX_KIND: usize = 64;

/// A message part that carries a body of some kind.
pub trait Carrier {
    /// The name of the kind.
    fn kind(&self) -> &str;
    /// The body's JSON.
    fn body(&self) -> &RawValue;
}

impl Carrier for Event {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn body(&self) -> &RawValue {
        &self.body
    }
}

impl Carrier for DownItem {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn body(&self) -> &RawValue {
        &self.body
    }
}

/// A body. It is checked whenever it is read: neither end trusts the other's sums.
pub trait Body: Serialize + DeserializeOwned {
    /// Checks what the types alone cannot guarantee.
    ///
    /// # Errors
    /// The first violation.
    fn check(&self) -> Result<(), BadBody>;
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The body is of another kind.
    #[error("expected kind `{expected}`, found `{}`", found.escape_debug())]
    Kind {
        /// The expected kind.
        expected: &'static str,
        /// The actual kind.
        found: String,
    },
    /// The body does not have the kind's form.
    #[error("invalid body of `{kind}`: {why}")]
    Unreadable {
        /// The kind.
        kind: &'static str,
        /// The parser's error.
        why: String,
    },
    /// The operator's name is invalid.
    #[error("invalid operator: 1 to {} printable characters, at most {} bytes", sale::MAX_OPERATOR, sale::MAX_OPERATOR)]
    Operator,
    /// The sums of a sale do not add up.
    #[error(transparent)]
    Sums(#[from] sale::Inconsistent),
    /// A line is impossible for its movement.
    #[error(transparent)]
    Moved(#[from] stock::Impossible),
    /// A sale was reported as a separate movement.
    #[error("a sale's stock travels with the sale, not as a movement")]
    SaleAsMovement,
    /// A part of an opening is invalid.
    #[error(transparent)]
    Opened(#[from] stock::BadOpening),
    /// An order, or a step of one, that is out of bounds.
    #[error(transparent)]
    Order(#[from] order::BadOrder),
    /// Totals of a quota that can't be.
    #[error(transparent)]
    Quota(#[from] quota::BadQuota),
    /// An act without a valid name.
    #[error(transparent)]
    Audit(#[from] audit::BadAct),
    /// A report of cash that can't be.
    #[error(transparent)]
    Cash(#[from] cash::BadCash),
    /// A notice of a transfer that can't be.
    #[error(transparent)]
    Transfer(#[from] transfer::BadTransfer),
    /// A movement of a gift card is inconsistent.
    #[error(transparent)]
    GiftCard(#[from] gift_card::BadGiftCard),
    /// A message about a customer is inconsistent.
    #[error(transparent)]
    Customer(#[from] customer::BadCustomer),
}

/// A kind whose bodies of type `B` are carried by `M`.
pub struct Kind<M, B> {
    name: &'static str,
    stream: Stream,
    of: PhantomData<fn(M) -> B>,
}

/// A kind of event: from a hub to HQ.
pub type EventKind<B> = Kind<Event, B>;

/// A kind of item: from HQ to a hub.
pub type DownKind<B> = Kind<DownItem, B>;

impl<M: Carrier, B: Body> Kind<M, B> {
    pub(crate) const fn new(name: &'static str, stream: Stream) -> Self {
        Self { name, stream, of: PhantomData }
    }

    /// The name, such as `sale.completed`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The stream.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether a carrier is of this kind.
    pub fn is(&self, carrier: &M) -> bool {
        carrier.kind() == self.name
    }

    /// Reads and checks the body.
    ///
    /// # Errors
    /// The carrier is of another kind, its body has another form, or its sums do not add up.
    pub fn read(&self, carrier: &M) -> Result<B, BadBody> {
        if !self.is(carrier) {
            return Err(BadBody::Kind { expected: self.name, found: carrier.kind().to_owned() });
        }
        let body: B = serde_json::from_str(carrier.body().get()).map_err(|error| self.unreadable(&error))?;
        body.check().map(|()| body)
    }

    /// Writes a body. It is not checked, so that a person at the other end sees a faulty body whole.
    ///
    /// # Errors
    /// It cannot be serialized.
    pub fn write(&self, body: &B) -> Result<Box<RawValue>, BadBody> {
        to_raw_value(body).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &serde_json::Error) -> BadBody {
        BadBody::Unreadable { kind: self.name, why: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequence;

    #[test]
    fn a_body_is_read_by_its_own_kind_only() {
        let body = crate::StockOpened { at_ms: 1, lines: vec![] };
        let kind = stock::OPENED.name().to_owned();
        let event = Event { sequence: Sequence(1), kind, occurred_at_ms: 1, body: stock::OPENED.write(&body).unwrap() };
        assert_eq!(stock::OPENED.read(&event), Ok(body));
        assert!(matches!(stock::MOVED.read(&event), Err(BadBody::Kind { expected: "stock.moved", .. })));
        let renamed = Event { kind: stock::MOVED.name().into(), ..event };
        assert!(matches!(stock::MOVED.read(&renamed), Err(BadBody::Unreadable { kind: "stock.moved", .. })));
    }
}
