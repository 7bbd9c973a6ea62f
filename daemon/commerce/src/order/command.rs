//! What is asked of a fulfilment, under which policy, and what comes of it.

use serde::{Deserialize, Serialize};

use super::{
    Line, State, Step, Zone,
    clock::Clock,
    fulfilment::{Arrival, Claim, Staged},
};
use crate::{
    ids::OperatorId,
    item::{Price, Sku},
    money::Minor,
    quantity::Quantity,
    stock::{self, Condition},
};

/// So much of a line, in thousandths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LineAmount))]
pub struct Amount {
    /// Which line.
    pub line: u32,
    /// How much.
    pub milli: i64,
}

/// Why a store does not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = RejectionReason))]
pub enum Reason {
    /// It is not there.
    NoStock,
    /// It is there, and not fit to be sold.
    Damaged,
    /// Too much to do.
    NoCapacity,
    /// The store closes.
    Closing,
}

/// Why goods that were picked were not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum GivenUp {
    /// The customer, the shop or HQ cancelled it.
    Cancelled,
    /// Nobody came.
    Expired,
}

impl GivenUp {
    /// The state of the order then.
    pub fn state(self) -> State {
        match self {
            Self::Cancelled => State::Cancelled,
            Self::Expired => State::Expired,
        }
    }
}

/// A staging place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = StagingPlace))]
pub struct Place {
    /// As its label says.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub name: String,
    /// How cold it is kept.
    pub zone: Zone,
}

/// An item in another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// Which.
    pub sku: Sku,
    /// As printed.
    pub description: String,
    /// Its price today.
    pub price: Price,
    /// How it has to be kept.
    pub zone: Zone,
    /// How old the customer has to be.
    pub minimum_age: u8,
}

/// A line that is handed over: scanned, or counted by a person where there is nothing to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which line, and how much.
    pub amount: Amount,
    /// The item whose code was scanned; `None` if it was counted.
    pub scanned: Option<Sku>,
}

/// How the customer showed that the order is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the code, as typed or scanned.
    Code(String),
    /// To a person, by a document.
    Document,
}

/// What the customer gets, and what was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// What: every line was scanned or counted.
    pub checked: Vec<Checked>,
    /// How the customer showed that it is theirs.
    pub proof: Proof,
    /// The age in years that somebody saw the customer to have at least.
    pub age_checked: Option<u8>,
    /// What the sale takes in for it, without what was prepaid.
    pub paid: Minor,
    /// What is ready and was not checked stays here.
    pub partial: bool,
}

/// What is asked of a fulfilment. Scanned codes, prices and places are looked up before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Take all that is offered.
    Accept,
    /// Don't do so much of it; all that is offered, if no amounts are named.
    Reject {
        /// How much of which lines.
        amounts: Vec<Amount>,
        /// Why.
        reason: Reason,
    },
    /// Take lines to pick them. A claim that is the picker's own is renewed.
    Claim {
        /// Who.
        picker: OperatorId,
        /// Which lines: all or none.
        lines: Vec<u32>,
    },
    /// Leave a line to others.
    Unclaim {
        /// Who.
        picker: OperatorId,
        /// Which line.
        line: u32,
    },
    /// Picked.
    Pick {
        /// Who.
        picker: OperatorId,
        /// Which line.
        line: u32,
        /// The item whose code was scanned.
        scanned: Sku,
        /// How much.
        quantity: Quantity,
    },
    /// What is left of the line can't be found.
    Short {
        /// Who.
        picker: OperatorId,
        /// Which line.
        line: u32,
    },
    /// Another item for what is left of the line.
    Substitute {
        /// Who.
        picker: OperatorId,
        /// Which line.
        line: u32,
        /// Which item.
        with: Substitute,
        /// How much of it. A line is replaced up to this much; what is left stays to be picked or reported short.
        quantity: Quantity,
    },
    /// Pack, and put into a staging place.
    Pack {
        /// How much of which lines.
        amounts: Vec<Amount>,
        /// Where.
        place: Place,
        /// How warm the warmest of it is, in tenths of a degree Celsius.
        probe_deci_celsius: Option<i16>,
    },
    /// Tell the customer to come for what is packed.
    MakeReady,
    /// The customer is there.
    Arrive {
        /// Where.
        bay: Option<String>,
    },
    /// The customer gets it.
    HandOver(Handover),
    /// The carrier gets it.
    Ship {
        /// How much of which lines.
        amounts: Vec<Amount>,
        /// By which number the carrier knows it.
        tracking: Option<String>,
    },
    /// Give so much of it up; all that is open, if no amounts are named.
    Cancel {
        /// How much of which lines.
        amounts: Vec<Amount>,
    },
    /// Keep it longer for the customer.
    Extend {
        /// Until when.
        until_ms: i64,
    },
    /// Put back what was given up.
    PutBack {
        /// How much of which line.
        amount: Amount,
        /// How it is.
        condition: Condition,
    },
    /// What time does: claims run out, promises break, what nobody fetches expires.
    Tick,
}

/// How a store works orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Offers are accepted without anybody's doing, as far as there is stock.
    pub auto_accept: bool,
    /// How long a picker has a line.
    pub claim_ms: i64,
    /// How much more or less weighed goods may come to than was ordered, in thousandths of it.
    pub tolerance_permille: i64,
    /// The warmest that chilled goods may be when they are staged, in tenths of a degree Celsius.
    pub chilled_deci_celsius: i16,
    /// The same of frozen goods.
    pub frozen_deci_celsius: i16,
    /// How long what is ready is kept, if the order does not say.
    pub keep_ms: i64,
    /// How long an offer may wait for an answer.
    pub accept_within_ms: i64,
    /// How long a customer who is there may wait.
    pub hand_over_within_ms: i64,
}

impl Default for Policy {
    /// Accepted at once; claims of 15 minutes; 5 % tolerance; at most 5 °C for chilled and -15 °C for frozen goods
    /// (what EU Directive 89/108 allows quick-frozen goods in local distribution); kept for 72 hours; an answer within
    /// 10 minutes, a handover within 5.
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            auto_accept: true,
            claim_ms: 15 * MINUTE,
            tolerance_permille: 50,
            chilled_deci_celsius: 50,
            frozen_deci_celsius: -150,
            keep_ms: 72 * 60 * MINUTE,
            accept_within_ms: 10 * MINUTE,
            hand_over_within_ms: 5 * MINUTE,
        }
    }
}

impl Policy {
    /// The warmest that goods of a zone may be; `None` if nobody measures.
    pub fn warmest(&self, zone: Zone) -> Option<i16> {
        match zone {
            Zone::Ambient => None,
            Zone::Chilled => Some(self.chilled_deci_celsius),
            Zone::Frozen => Some(self.frozen_deci_celsius),
        }
    }
}

/// What a decision looks at besides the fulfilment.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// How the store works.
    pub policy: &'a Policy,
}

/// What a command comes to. All changes of one command belong into one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderChange))]
pub enum Change {
    /// Units of a line went from one state to another.
    Moved {
        /// Which line.
        line: u32,
        /// By which step.
        step: Step,
        /// From which state.
        from: State,
        /// To which.
        to: State,
        /// How much, in thousandths.
        milli: i64,
    },
    /// Why the units that [`Self::Moved`] tells to be rejected are.
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// A picker has a line.
    Claimed {
        /// Which line.
        line: u32,
        /// Who, and until when.
        claim: Claim,
    },
    /// Weighed goods came to more or less than was ordered.
    Weighed {
        /// Which line.
        line: u32,
        /// How much more, in thousandths; negative for less.
        milli: i64,
    },
    /// A substitute's line.
    Added {
        /// The line.
        line: Box<Line>,
    },
    /// Goods were put into a staging place.
    Staged {
        /// Which line's.
        line: u32,
        /// Where, how much, how warm.
        staged: Staged,
    },
    /// The customer was told.
    Readied {
        /// When.
        at_ms: i64,
    },
    /// The customer is there.
    Arrived {
        /// Since when, and where.
        arrival: Arrival,
    },
    /// It is kept longer.
    Extended {
        /// Until when.
        until_ms: i64,
    },
    /// Goods that were picked are not wanted.
    GaveUp {
        /// Why.
        why: GivenUp,
    },
    /// The carrier has a number for it.
    Tracked {
        /// Which.
        number: String,
    },
    /// How a handover was checked.
    Checked {
        /// Whether by the code; else by a document.
        by_code: bool,
        /// The age that was checked against.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        age: Option<u8>,
    },
    /// A promise was broken. Told once.
    Breached {
        /// Which.
        clock: Clock,
        /// When it was due.
        due_ms: i64,
    },
    /// Nothing of it is open any more.
    Ended {
        /// When.
        at_ms: i64,
    },
    /// Stock moves. A sale's movement is that of the sale which the handover is; the others have the fulfilment's
    /// reservation as their reference.
    Stock {
        /// Why.
        kind: stock::Kind,
        /// What.
        lines: Vec<stock::Line>,
        /// The goods are in somebody's hand: no book can refuse it.
        settled: bool,
    },
}
