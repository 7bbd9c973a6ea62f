//! The machine of an order's units: the states, the steps between them, and the stock that moves with a step.

use serde::{Deserialize, Serialize};

use super::{Kind, Zone};
use crate::stock::{self, State as Place};

/// Where a unit of an order line stands. In the order of the way, the open ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderState))]
pub enum State {
    /// HQ wants it of this store.
    Offered,
    /// The store will do it.
    Accepted,
    /// A picker has claimed it.
    Picking,
    /// Taken off the shelf, scanned or weighed.
    Picked,
    /// Packed, and in a staging place of its temperature zone.
    Packed,
    /// The customer was told to come.
    Ready,
    /// The customer waits for it.
    Arrived,
    /// The customer has it. Over.
    HandedOver,
    /// The carrier has it. Over.
    Shipped,
    /// The store will not do it. Over here; HQ routes it again.
    Rejected,
    /// It was not on the shelf. Over.
    Short,
    /// Another item goes in its place, on a line of its own. Over.
    Substituted,
    /// Given up before it was picked. Over.
    Cancelled,
    /// Not fetched in time, and never picked. Over.
    Expired,
    /// Given up after it was picked: the goods wait to be put back. The customer's order is over.
    Returning,
    /// Put back. Over.
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

    /// Whether the store still owes it to the customer. As long as it does, stock is reserved for it.
    pub fn is_open(self) -> bool {
        self <= Self::Arrived
    }

    /// Whether HQ may want it of another store: this one never gave it, and the customer still waits.
    pub fn is_back_in_the_pool(self) -> bool {
        matches!(self, Self::Rejected | Self::Short)
    }

    /// What many units come to: a line's state, a fulfilment's, an order's.
    ///
    /// While something is open, that of the unit furthest back; accepted units of which others are under way are in
    /// picking. When nothing is open, the best that came of any of them. `None` if there are no units.
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

    /// The ends, the best first.
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

/// What takes units from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderStep))]
pub enum Step {
    /// The store takes the offer.
    Accept,
    /// The store does not.
    Reject,
    /// A picker takes a line.
    Claim,
    /// The picker leaves it, or the claim ran out.
    Unclaim,
    /// The picker has it in hand.
    Pick,
    /// The picker can't find it.
    Short,
    /// The picker takes another item for it.
    Substitute,
    /// Packed and put into a staging place.
    Pack,
    /// The customer is told.
    MakeReady,
    /// The customer is there.
    Arrive,
    /// The customer gets it.
    HandOver,
    /// The carrier, or the truck to another store, gets it.
    Ship,
    /// The customer, the shop or HQ gives it up.
    Cancel,
    /// Nobody came.
    Expire,
    /// Put back on the shelf, or what became of it.
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

    /// Whether it takes units from here to there: the machine.
    ///
    /// Goods leave from any state after the acceptance that no picker has claimed: a customer who waits at the counter
    /// is not sent away because nobody pressed a button.
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

    /// Whether orders of a kind take it: only what goes to a customer by hand is made ready and handed over, only what
    /// travels is shipped.
    pub fn is_of(self, kind: Kind) -> bool {
        match self {
            Self::MakeReady | Self::Arrive | Self::HandOver | Self::Expire => kind.is_fetched(),
            Self::Ship => !kind.is_fetched(),
            _ => true,
        }
    }

    /// Where it takes units from here; `None` if it takes none.
    pub fn target(self, from: State) -> Option<State> {
        State::ALL.into_iter().find(|to| self.allows(from, *to))
    }

    /// The states it takes units from, in the order in which it does: those furthest on first, so that what is handed
    /// over is what was packed; but what is given up is what has the least work in it.
    pub fn sources(self) -> impl Iterator<Item = State> {
        let mut sources: Vec<State> = State::ALL.into_iter().filter(|from| self.target(*from).is_some()).collect();
        if !matches!(self, Self::Cancel | Self::Expire) {
            sources.reverse();
        }
        sources.into_iter()
    }
}

/// The movements of stock that go with units that go from one state to another, in this order, each with where it takes
/// them. All belong into the commit of the step.
///
/// What is open is reserved. Goods that were picked and are given up are on hand again at once, but what has to be kept
/// cold is quarantined until somebody has looked at it.
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

/// The movement of stock when goods are put back, in the condition in which they are; `None` if they are where the
/// books have them.
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
