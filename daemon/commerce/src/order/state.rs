//! The state machine of an order's units: the states, the steps between them, and the stock movements of each step.

use serde::{Deserialize, Serialize};

use super::{Kind, Zone};
use crate::stock::{self, State as Place};

/// The state of a unit of an order line. Sorted along the way, the open states first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderState))]
pub enum State {
    /// HQ offered it to this store.
    Offered,
    /// The store accepted it.
    Accepted,
    /// A picker has claimed it.
    Picking,
    /// Taken off the shelf, scanned or weighed.
    Picked,
    /// Packed, and in a staging place of its temperature zone.
    Packed,
    /// The customer was notified.
    Ready,
    /// The customer is waiting for it.
    Arrived,
    /// The customer has it. Final.
    HandedOver,
    /// The carrier has it. Final.
    Shipped,
    /// The store rejected it. Final here; HQ routes it again.
    Rejected,
    /// It was not on the shelf. Final.
    Short,
    /// Replaced by another item, which has its own line. Final.
    Substituted,
    /// Cancelled before it was picked. Final.
    Cancelled,
    /// Not collected in time, and never picked. Final.
    Expired,
    /// Cancelled or expired after it was picked: the goods must be put back. The customer's order is finished.
    Returning,
    /// Put back. Final.
    Returned,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Offered,
        Self::Accepted,
        Self::Picking,
        Self::Picked,
        Self::Packed,
        Self::Ready,
        Self::Arrived,
        Self::HandedOver,
        Self::Shipped,
        Self::Rejected,
        Self::Short,
        Self::Substituted,
        Self::Cancelled,
        Self::Expired,
        Self::Returning,
        Self::Returned,
    ];

    /// The name used in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::Picking => "picking",
            Self::Picked => "picked",
            Self::Packed => "packed",
            Self::Ready => "ready",
            Self::Arrived => "arrived",
            Self::HandedOver => "handed_over",
            Self::Shipped => "shipped",
            Self::Rejected => "rejected",
            Self::Short => "short",
            Self::Substituted => "substituted",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Returning => "returning",
            Self::Returned => "returned",
        }
    }

    /// Whether the store still owes it to the customer. Stock is reserved for open units.
    pub fn is_open(self) -> bool {
        self <= Self::Arrived
    }

    /// Whether HQ may route it to another store: this store did not deliver it, and the customer still wants it.
    pub fn may_be_routed_again(self) -> bool {
        matches!(self, Self::Rejected | Self::Short)
    }

    /// The state of a set of units: of a line, a fulfilment or an order.
    ///
    /// While units are open, this is the earliest open state, except that accepted units count as picking if others are
    /// further on. Otherwise it is the best final state. `None` if there are no units.
    pub fn of_many(states: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut states: Vec<Self> = states.into_iter().collect();
        states.sort_unstable();
        states.dedup();
        let open: Vec<Self> = states.iter().copied().filter(|state| state.is_open()).collect();
        match (open.first(), open.len()) {
            (Some(Self::Accepted), 2..) => Some(Self::Picking),
            (Some(state), _) => Some(*state),
            (None, _) => Self::ENDS.into_iter().find(|end| states.contains(end)),
        }
    }

    /// The final states, the best first.
    const ENDS: [Self; 9] = [
        Self::HandedOver,
        Self::Shipped,
        Self::Returning,
        Self::Returned,
        Self::Expired,
        Self::Cancelled,
        Self::Substituted,
        Self::Short,
        Self::Rejected,
    ];
}

/// A transition of units from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderStep))]
pub enum Step {
    /// The store accepts the offer.
    Accept,
    /// The store rejects the offer.
    Reject,
    /// A picker claims a line.
    Claim,
    /// The picker gives the line up, or the claim expires.
    Unclaim,
    /// The picker takes the goods.
    Pick,
    /// The picker can't find the goods.
    Short,
    /// The picker takes another item instead.
    Substitute,
    /// Packed and put into a staging place.
    Pack,
    /// The customer is notified.
    MakeReady,
    /// The customer arrives.
    Arrive,
    /// The customer receives the goods.
    HandOver,
    /// The carrier, or the truck to another store, receives the goods.
    Ship,
    /// The customer, the shop or HQ cancels.
    Cancel,
    /// The customer did not come.
    Expire,
    /// The goods are put back on the shelf, or written off.
    Return,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Accept,
        Self::Reject,
        Self::Claim,
        Self::Unclaim,
        Self::Pick,
        Self::Short,
        Self::Substitute,
        Self::Pack,
        Self::MakeReady,
        Self::Arrive,
        Self::HandOver,
        Self::Ship,
        Self::Cancel,
        Self::Expire,
        Self::Return,
    ];

    /// The name used in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Claim => "claim",
            Self::Unclaim => "unclaim",
            Self::Pick => "pick",
            Self::Short => "short",
            Self::Substitute => "substitute",
            Self::Pack => "pack",
            Self::MakeReady => "make_ready",
            Self::Arrive => "arrive",
            Self::HandOver => "hand_over",
            Self::Ship => "ship",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Return => "return",
        }
    }

    /// Whether this step takes units from one state to another: the table of transitions.
    ///
    /// Goods can leave from any state after acceptance, unless a picker has claimed them, so that a waiting customer is
    /// not sent away because of a step that nobody entered.
    pub fn allows(self, from: State, to: State) -> bool {
        use State::{
            Accepted, Arrived, Cancelled, Expired, HandedOver, Offered, Packed, Picked, Picking, Ready, Rejected,
            Returned, Returning, Shipped, Short, Substituted,
        };
        matches!(
            (self, from, to),
            (Self::Accept, Offered, Accepted)
                | (Self::Reject, Offered, Rejected)
                | (Self::Claim, Accepted, Picking)
                | (Self::Unclaim, Picking, Accepted)
                | (Self::Pick, Picking, Picked)
                | (Self::Short, Accepted | Picking, Short)
                | (Self::Substitute, Picking, Substituted)
                | (Self::Pack, Picked, Packed)
                | (Self::MakeReady, Packed, Ready)
                | (Self::Arrive, Ready, Arrived)
                | (Self::HandOver, Accepted | Picked | Packed | Ready | Arrived, HandedOver)
                | (Self::Ship, Accepted | Picked | Packed, Shipped)
                | (Self::Cancel, Offered | Accepted | Picking, Cancelled)
                | (Self::Expire, Offered | Accepted | Picking, Expired)
                | (Self::Cancel | Self::Expire, Picked | Packed | Ready | Arrived, Returning)
                | (Self::Return, Returning, Returned)
        )
    }

    /// Whether orders of a kind have this step: only orders that are collected are made ready and handed over, and only
    /// the others are shipped.
    pub fn is_of(self, kind: Kind) -> bool {
        match self {
            Self::MakeReady | Self::Arrive | Self::HandOver | Self::Expire => kind.is_fetched(),
            Self::Ship => !kind.is_fetched(),
            _ => true,
        }
    }

    /// The state after this step; `None` if the step takes no units from `from`.
    pub fn target(self, from: State) -> Option<State> {
        State::ALL.into_iter().find(|to| self.allows(from, *to))
    }

    /// The states from which this step takes units, in order: the latest first, so that packed goods are handed over
    /// first; but cancellations begin with the units that took the least work.
    pub fn sources(self) -> impl Iterator<Item = State> {
        let mut sources: Vec<State> = State::ALL.into_iter().filter(|from| self.target(*from).is_some()).collect();
        if !matches!(self, Self::Cancel | Self::Expire) {
            sources.reverse();
        }
        sources.into_iter()
    }
}

/// The stock movements of units that reach the state `to`, in order, each with its source and destination. All belong
/// in the commit of the step.
///
/// Open units are reserved. Picked goods that are given up are on hand again at once, except cold goods, which are
/// quarantined until somebody has inspected them.
pub fn stock(kind: Kind, zone: Zone, to: State) -> Vec<(stock::Kind, Option<Place>, Option<Place>)> {
    let release = (stock::Kind::Release, Some(Place::Reserved), Some(Place::OnHand));
    match to {
        State::Shipped if kind == Kind::Transfer => {
            vec![release, (stock::Kind::TransferOut, Some(Place::OnHand), Some(Place::InTransit))]
        }
        State::HandedOver | State::Shipped => vec![(stock::Kind::Sale, Some(Place::Reserved), None)],
        State::Returning if zone.is_cold() => {
            vec![release, (stock::Kind::Quarantine, Some(Place::OnHand), Some(Place::Quarantined))]
        }
        State::Rejected | State::Short | State::Substituted | State::Cancelled | State::Expired | State::Returning => {
            vec![release]
        }
        _ => Vec::new(),
    }
}

/// The stock movement when goods are put back in a condition; `None` if the books already have them in the right
/// place.
pub fn put_back(zone: Zone, condition: stock::Condition) -> Option<(stock::Kind, Option<Place>, Option<Place>)> {
    let from = if zone.is_cold() { Place::Quarantined } else { Place::OnHand };
    let to = condition.state();
    let kind = match to {
        Place::OnHand => stock::Kind::Clear,
        Place::Quarantined => stock::Kind::Quarantine,
        _ => stock::Kind::Damage,
    };
    (from != to).then_some((kind, Some(from), Some(to)))
}
