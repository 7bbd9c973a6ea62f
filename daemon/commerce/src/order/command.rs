//! Commands, the store's policy, and the changes that result.

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

/// A quantity of a line, in thousandths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LineAmount))]
pub struct Amount {
    /// The line.
    pub line: u32,
    /// The quantity.
    pub milli: i64,
}

/// Why a store rejects units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = RejectionReason))]
pub enum Reason {
    /// The goods are not there.
    NoStock,
    /// The goods are damaged.
    Damaged,
    /// The store is too busy.
    NoCapacity,
    /// The store is closing.
    Closing,
    /// The offer arrived after its deadline.
    TooLate,
}

/// Why picked goods were not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum GivenUp {
    /// The customer, the shop or HQ cancelled the order.
    Cancelled,
    /// The customer did not come.
    Expired,
}

impl GivenUp {
    /// The resulting state of the order.
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
    /// The name on its label.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub name: String,
    /// The temperature zone.
    pub zone: Zone,
}

/// A substitute for an ordered item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Substitute {
    /// The item.
    pub sku: Sku,
    /// The printed description.
    pub description: String,
    /// The current price.
    pub price: Price,
    /// The temperature zone of the goods.
    pub zone: Zone,
    /// The customer's minimum age.
    pub minimum_age: u8,
}

/// A line that is handed over: scanned, or counted by a person if it has no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The line and the quantity.
    pub amount: Amount,
    /// The item whose code was scanned; `None` if it was counted.
    pub scanned: Option<Sku>,
}

/// How the customer showed that the order is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With the pickup code, typed or scanned.
    Code(String),
    /// With a document, which a person checked.
    Document,
}

/// The handed-over goods and the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The goods: every line was scanned or counted.
    pub checked: Vec<Checked>,
    /// The customer's proof.
    pub proof: Proof,
    /// The minimum age in years that a person verified.
    pub age_checked: Option<u8>,
    /// The payment at the handover, without the prepayment.
    pub paid: Minor,
    /// Whether ready goods that were not checked stay in the store.
    pub partial: bool,
}

/// A command for a fulfilment. Scanned codes, prices and places are looked up before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Accept everything that is offered.
    Accept,
    /// Reject the amounts, or everything that is offered if there are no amounts.
    Reject {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// The reason.
        reason: Reason,
    },
    /// Claim lines for picking. The picker's own claims are renewed.
    Claim {
        /// The picker.
        picker: OperatorId,
        /// The lines: all or none are claimed.
        lines: Vec<u32>,
    },
    /// Give up the claim of a line.
    Unclaim {
        /// The picker.
        picker: OperatorId,
        /// The line.
        line: u32,
    },
    /// Pick goods.
    Pick {
        /// The picker.
        picker: OperatorId,
        /// The line.
        line: u32,
        /// The item whose code was scanned.
        scanned: Sku,
        /// The quantity.
        quantity: Quantity,
    },
    /// The rest of the line can't be found.
    Short {
        /// The picker.
        picker: OperatorId,
        /// The line.
        line: u32,
    },
    /// Substitute another item for the rest of the line.
    Substitute {
        /// The picker.
        picker: OperatorId,
        /// The line.
        line: u32,
        /// The substitute.
        with: Substitute,
        /// The quantity. The line is replaced up to this quantity; the rest must be picked or reported short.
        quantity: Quantity,
    },
    /// Pack goods and put them into a staging place.
    Pack {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// The place.
        place: Place,
        /// The highest temperature of the goods, in tenths of a degree Celsius.
        probe_deci_celsius: Option<i16>,
    },
    /// Notify the customer that the packed goods are ready.
    MakeReady,
    /// The customer has arrived.
    Arrive {
        /// The place.
        bay: Option<String>,
    },
    /// The customer receives the goods.
    HandOver(Handover),
    /// The carrier receives the goods.
    Ship {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// The carrier's tracking number.
        tracking: Option<String>,
    },
    /// Cancel the amounts, or everything that is open if there are no amounts.
    Cancel {
        /// The lines and quantities.
        amounts: Vec<Amount>,
    },
    /// Keep the goods longer for the customer.
    Extend {
        /// The new deadline.
        until_ms: i64,
    },
    /// Put cancelled or expired goods back.
    PutBack {
        /// The line and the quantity.
        amount: Amount,
        /// The condition of the goods.
        condition: Condition,
    },
    /// The lines of an order that is paid at collection cost what they cost today.
    Reprice {
        /// Lines and their prices.
        prices: Vec<(u32, Price)>,
    },
    /// Effects of time: claims and uncollected orders expire, deadlines pass.
    Tick,
}

/// How a store handles orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether offers are accepted automatically, as far as there is stock.
    pub auto_accept: bool,
    /// The duration of a picker's claim.
    pub claim_ms: i64,
    /// The allowed deviation of weighed goods, in thousandths of the ordered quantity.
    pub tolerance_permille: i64,
    /// The maximum temperature of chilled goods at staging, in tenths of a degree Celsius.
    pub chilled_deci_celsius: i16,
    /// The same for frozen goods.
    pub frozen_deci_celsius: i16,
    /// How long ready goods are kept, unless the order has a deadline.
    pub keep_ms: i64,
    /// The deadline for answers to offers.
    pub accept_within_ms: i64,
    /// The deadline for handovers after the customer's arrival.
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
    /// The maximum temperature of goods in a zone; `None` for ambient goods.
    pub fn warmest(&self, zone: Zone) -> Option<i16> {
        match zone {
            Zone::Ambient => None,
            Zone::Chilled => Some(self.chilled_deci_celsius),
            Zone::Frozen => Some(self.frozen_deci_celsius),
        }
    }
}

/// The inputs of a decision besides the fulfilment.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The current time: milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// The store's policy.
    pub policy: &'a Policy,
}

/// A change that results from a command. All changes of one command belong in one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderChange))]
pub enum Change {
    /// Units of a line moved from one state to another.
    Moved {
        /// The line.
        line: u32,
        /// The step.
        step: Step,
        /// The previous state.
        from: State,
        /// The new state.
        to: State,
        /// The quantity, in thousandths.
        milli: i64,
    },
    /// The reason of a rejection, in addition to [`Self::Moved`].
    Rejected {
        /// The reason.
        reason: Reason,
    },
    /// A picker claimed a line.
    Claimed {
        /// The line.
        line: u32,
        /// The picker and the end of the claim.
        claim: Claim,
    },
    /// Weighed goods deviate from the ordered quantity.
    Weighed {
        /// The line.
        line: u32,
        /// The difference, in thousandths; negative for less.
        milli: i64,
    },
    /// A line was added for a substitute.
    Added {
        /// The line.
        line: Box<Line>,
    },
    /// Goods were put into a staging place.
    Staged {
        /// The line.
        line: u32,
        /// The place, the quantity and the temperature.
        staged: Staged,
    },
    /// The customer was notified.
    Readied {
        /// The time.
        at_ms: i64,
    },
    /// The customer has arrived.
    Arrived {
        /// The time and the place.
        arrival: Arrival,
    },
    /// The goods are kept longer.
    Extended {
        /// The new deadline.
        until_ms: i64,
    },
    /// Picked goods were given up.
    GaveUp {
        /// The reason.
        why: GivenUp,
    },
    /// A line costs what it costs today.
    Repriced {
        /// The line.
        line: u32,
        /// The price.
        price: Price,
    },
    /// The carrier's tracking number.
    Tracked {
        /// The number.
        number: String,
    },
    /// The checks of a handover.
    Checked {
        /// Whether the proof was the code; otherwise it was a document.
        by_code: bool,
        /// The minimum age that was verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        age: Option<u8>,
    },
    /// A deadline was missed. Reported once.
    Breached {
        /// The clock.
        clock: Clock,
        /// The deadline.
        due_ms: i64,
    },
    /// The fulfilment is finished: no unit is open.
    Ended {
        /// The time.
        at_ms: i64,
    },
    /// A stock movement. A handover's movement is the movement of its sale; the others have the fulfilment's
    /// reservation as their reference.
    Stock {
        /// The reason.
        kind: stock::Kind,
        /// The lines.
        lines: Vec<stock::Line>,
        /// Whether somebody already has the goods, so that the booking must not be refused.
        settled: bool,
    },
}
