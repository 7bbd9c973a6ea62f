//! Kinds of events and of items from HQ: what each is called, in which stream it travels, and which body it carries.
//!
//! Whoever writes or reads a body names the kind as a static, such as [`sale::COMPLETED`](crate::sale::COMPLETED):
//! the name, the stream and the body's type cannot be mixed up. A kind that the reader does not know is left to the
//! reader: HQ keeps such events for a person, a hub refuses such items with a reason.

use std::{any::type_name, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use crate::{down::DownItem, item, message::Event, name::Stream, sale, stock};

/// The longest name of a kind that is taken, in bytes.
pub const MAX_KIND: usize = 64;

/// What carries a body of some kind.
pub trait Carrier {
    /// The name of the kind.
    fn kind(&self) -> &str;
    /// The body, as it travels.
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

/// What a kind carries. It is checked whenever it is read: neither end trusts the other to add up.
pub trait Body: Serialize + DeserializeOwned {
    /// Checks what the types alone do not hold.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn check(&self) -> Result<(), BadBody>;
}

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The carrier is of another kind.
    #[error("expected kind `{expected}`, found `{}`", found.escape_debug())]
    Kind {
        /// The kind that was asked for.
        expected: &'static str,
        /// The carrier's.
        found: String,
    },
    /// Not of the kind's form.
    #[error("invalid body of `{kind}`: {why}")]
    Unreadable {
        /// Which kind.
        kind: &'static str,
        /// What the parser said.
        why: String,
    },
    /// The operator's name.
    #[error("invalid operator: 1 to {} printable characters, at most {} bytes", sale::MAX_OPERATOR, sale::MAX_OPERATOR)]
    Operator,
    /// A sale that does not add up.
    #[error(transparent)]
    Sums(#[from] sale::Inconsistent),
    /// A line that its movement cannot have.
    #[error(transparent)]
    Moved(#[from] stock::Impossible),
    /// A sale reported as a movement of its own.
    #[error("a sale's stock travels with the sale, not as a movement")]
    SaleAsMovement,
    /// A part of an opening that cannot be.
    #[error(transparent)]
    Opened(#[from] stock::BadOpening),
}

/// A kind of what `M` carries, with bodies of type `B`.
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

    /// What it is called, as in `sale.completed`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// In which stream it travels.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether a carrier says that it is of this kind.
    pub fn is(&self, carrier: &M) -> bool {
        carrier.kind() == self.name
    }

    /// Reads and checks the body.
    ///
    /// # Errors
    /// The carrier is of another kind, or its body is not of this kind's form, or does not add up.
    pub fn read(&self, carrier: &M) -> Result<B, BadBody> {
        if !self.is(carrier) {
            return Err(BadBody::Kind { expected: self.name, found: carrier.kind().to_owned() });
        }
        let body: B = serde_json::from_str(carrier.body().get()).map_err(|error| self.unreadable(&error))?;
        body.check().map(|()| body)
    }

    /// Writes a body as it travels. It is not checked: what does not add up is for a person at the other end to see
    /// whole.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn write(&self, body: &B) -> Result<Box<RawValue>, BadBody> {
        to_raw_value(body).map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &serde_json::Error) -> BadBody {
        BadBody::Unreadable { kind: self.name, why: error.to_string() }
    }

    fn listed(&self) -> Listed {
        Listed { name: self.name, stream: self.stream.clone(), body: type_name::<B>() }
    }
}

/// A kind, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is called.
    pub name: &'static str,
    /// In which stream it travels.
    pub stream: Stream,
    /// The type of its body.
    pub body: &'static str,
}

/// All kinds of events that a hub sends.
pub fn events() -> Vec<Listed> {
    vec![sale::COMPLETED.listed(), stock::MOVED.listed(), stock::OPENED.listed()]
}

/// All kinds of items that HQ sends.
pub fn items() -> Vec<Listed> {
    vec![item::CHANGED.listed()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Sequence;

    #[test]
    fn names_of_kinds_are_unique_and_name_one_thing_and_what_happened_to_it() {
        let all = [events(), items()].concat();
        let names: HashSet<_> = all.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), all.len());
        for Listed { name, .. } in all {
            let (thing, happened) = name.split_once('.').unwrap();
            let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
            assert!(is_word(thing) && is_word(happened) && name.len() <= MAX_KIND, "{name}");
        }
    }

    #[test]
    fn a_kind_keeps_its_name_stream_and_body() {
        let listed = |Listed { name, stream, body }| format!("{name} {stream} {}", body.rsplit(':').next().unwrap());
        assert_eq!(
            [events(), items()].concat().into_iter().map(listed).collect::<Vec<_>>(),
            [
                "sale.completed sales SaleCompleted",
                "stock.moved stock StockMoved",
                "stock.opened stock StockOpened",
                "item.changed items Item"
            ]
        );
    }

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
