//! The decision on a return, and the rules behind it.
//!
//! | rule | fires when | outcome |
//! | --- | --- | --- |
//! | `window` | the goods are older than their window | deny, overrideable |
//! | `final_sale` | goods of the class do not come back | deny, overrideable |
//! | `no_receipt` | without a receipt, beyond the limit or without an identity | deny, overrideable |
//! | `blind_count` (R1) | a third return without a receipt in 30 days | deny, overrideable |
//! | `blind_value` (R2) | more than the limit without receipts in 30 days | deny |
//! | `high_value` (R3) | a third return of high value in 30 days, over all stores | override |
//! | `serial` (R5) | the unit was not sold, or came back already | deny, overrideable by an audited override |
//! | `card_as_cash` (R6) | cash for a card sale of the last ten minutes | no cash |
//! | `shared_card` (R7) | a third customer returns to one card in 7 days | override |
//! | `refused_before` | a third attempt in 7 days: returns of the sale, or by the customer, were refused | override |
//! | `unverified` (R9) | another store's receipt that HQ could not confirm, beyond the limit | store credit only |
//!
//! Within the strictest outcome every rule that fired is listed. The functions [`shift_alerts`] and [`Alert`] are about
//! cashiers, not customers: many refunds in a shift (R4), and receipts that are keyed instead of scanned (R8).
//!
//! Clocks of stores differ by minutes. A past return counts if it lies in the window or up to [`SKEW_MS`] in the
//! future.

use serde::{Deserialize, Serialize};

use super::policy::Policies;
use crate::{ids::BusinessDay, money::Minor};

/// How far the clocks of two stores may differ.
pub const SKEW_MS: i64 = 5 * 60 * 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The window of the rules for identities.
const WINDOW_MS: i64 = 30 * DAY_MS;
/// The window of refused attempts.
pub const REFUSED_WINDOW_MS: i64 = 7 * DAY_MS;
/// The window of returns to one card.
const CARD_WINDOW_MS: i64 = 7 * DAY_MS;
/// The window of [`Rule::CardAsCash`].
const JUST_SOLD_MS: i64 = 10 * 60 * 1000;

/// How a receipt was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Validated {
    /// By this store's own records; HQ was asked for returns in other stores.
    Local,
    /// By this store's own records; HQ could not be asked for returns in other stores.
    Offline,
    /// By HQ.
    Headquarters,
    /// Without a receipt.
    NoReceipt,
}

/// The outcome, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnOutcome))]
pub enum Outcome {
    /// The goods come back.
    Authorize,
    /// They come back if a second person agrees.
    AuthorizeWithOverride,
    /// They don't, unless somebody whose role allows it agrees.
    DenyOverrideable,
    /// They don't.
    Deny,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnRule))]
pub enum Rule {
    /// The goods are older than their window.
    Window,
    /// Goods of the class do not come back.
    FinalSale,
    /// Without a receipt.
    NoReceipt,
    /// Many returns without a receipt.
    BlindCount,
    /// Much value without receipts.
    BlindValue,
    /// Many returns of high value.
    HighValue,
    /// The unit was not sold, or came back.
    Serial,
    /// Cash for a card sale.
    CardAsCash,
    /// Several customers return to one card.
    SharedCard,
    /// Attempts were refused before.
    RefusedBefore,
    /// The receipt could not be verified.
    Unverified,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 11] = [
        Self::Window,
        Self::FinalSale,
        Self::NoReceipt,
        Self::BlindCount,
        Self::BlindValue,
        Self::HighValue,
        Self::Serial,
        Self::CardAsCash,
        Self::SharedCard,
        Self::RefusedBefore,
        Self::Unverified,
    ];

    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::FinalSale => "final_sale",
            Self::NoReceipt => "no_receipt",
            Self::BlindCount => "blind_count",
            Self::BlindValue => "blind_value",
            Self::HighValue => "high_value",
            Self::Serial => "serial",
            Self::CardAsCash => "card_as_cash",
            Self::SharedCard => "shared_card",
            Self::RefusedBefore => "refused_before",
            Self::Unverified => "unverified",
        }
    }
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = FiredRule))]
pub struct Fired {
    /// The rule.
    pub rule: Rule,
    /// What it asks for.
    pub outcome: Outcome,
    /// Why it fired, with the values.
    pub why: String,
}

/// The decision on a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnDecision))]
pub struct Decision {
    /// The strictest outcome of the rules that fired.
    pub outcome: Outcome,
    /// The rules that fired, the strictest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<Fired>,
    /// Whether the refund may be cash.
    pub cash: bool,
    /// Whether the refund may only be store credit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub store_credit_only: bool,
}

/// A line of a return, for the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketLine {
    /// The department of the item.
    pub department: String,
    /// What is given back.
    pub refund: Minor,
    /// Why its serial number is not accepted.
    pub serial_fault: Option<String>,
}

/// A return to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The time: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The date by the store's calendar.
    pub today: BusinessDay,
    /// The sale's business day and time; absent without a receipt.
    pub sold: Option<(BusinessDay, i64)>,
    /// How the receipt was verified.
    pub validated: Validated,
    /// Whether the receipt is of another store.
    pub other_store: bool,
    /// Whether nothing of the sale was paid in cash.
    pub paid_by_card: bool,
    /// The customer's groups.
    pub groups: Vec<String>,
    /// The customer's first identity, if one was taken.
    pub who: Option<String>,
    /// The hash of the card that paid.
    pub card: Option<String>,
    /// The number of other baskets of the last 7 days in which a return of the sale, or by the customer, was refused.
    pub refused_before: usize,
    /// The lines.
    pub lines: Vec<TicketLine>,
}

/// A return of the past.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = PastReturn))]
pub struct Past {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The store and the sale that took the goods back, such as `store-1/1-7`: each counts once.
    pub key: String,
    /// What was given back.
    pub refund: Minor,
    /// Whether there was a receipt.
    pub receipted: bool,
    /// The customer's first identity, to tell customers of one card apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The hash of the card that paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
}

/// Decides on a return. `history` has the past returns of the customer's identities and of the card, from this store
/// and from others, in any order; the same return may be in it twice.
pub fn decide(policies: &Policies, ticket: &Ticket, history: &[Past]) -> Decision {
    let mut past: Vec<&Past> = history.iter().collect();
    past.sort();
    past.dedup_by(|one, other| one.key == other.key);
    let within = |past: &&&Past, window: i64| {
        past.at_ms > ticket.at_ms.saturating_sub(window) && past.at_ms <= ticket.at_ms.saturating_add(SKEW_MS)
    };
    let mut fired = Vec::new();
    let mut fire = |rule, outcome, why: String| fired.push(Fired { rule, outcome, why });
    let refund: Minor = ticket.lines.iter().map(|line| line.refund).sum();
    let blind = ticket.validated == Validated::NoReceipt;
    for line in &ticket.lines {
        if policies.department.get(&line.department).is_some_and(|class| class.final_sale) {
            let why = format!("goods of department {} do not come back", line.department);
            fire(Rule::FinalSale, Outcome::DenyOverrideable, why);
        }
        if let Some((sold, _)) = ticket.sold {
            let (age, window) = (days_between(sold, ticket.today), policies.window(&line.department, &ticket.groups));
            if age >= i64::from(window) {
                let why = format!("sold {age} days ago; the window is {window} days");
                fire(Rule::Window, Outcome::DenyOverrideable, why);
            }
        }
        if let Some(fault) = &line.serial_fault {
            fire(Rule::Serial, Outcome::DenyOverrideable, fault.clone());
        }
    }
    if blind {
        if refund > policies.without_receipt {
            let (amount, most) = (refund.get(), policies.without_receipt.get());
            let why = format!("{amount} minor units without a receipt; at most {most}");
            fire(Rule::NoReceipt, Outcome::DenyOverrideable, why);
        } else if ticket.who.is_none() {
            let why = "a return without a receipt needs the customer's identity".to_owned();
            fire(Rule::NoReceipt, Outcome::DenyOverrideable, why);
        }
        let earlier: Vec<_> = past.iter().filter(|past| !past.receipted && within(past, WINDOW_MS)).collect();
        if earlier.len() >= 2 {
            let why = format!("{} returns without a receipt in 30 days already", earlier.len());
            fire(Rule::BlindCount, Outcome::DenyOverrideable, why);
        }
        let value = refund + earlier.iter().map(|past| past.refund).sum();
        if value > policies.without_receipt && !earlier.is_empty() {
            let (value, most) = (value.get(), policies.without_receipt.get());
            let why = format!("{value} minor units without receipts in 30 days; at most {most}");
            fire(Rule::BlindValue, Outcome::Deny, why);
        }
    }
    let high = past.iter().filter(|past| past.refund >= policies.high_value && within(past, WINDOW_MS)).count();
    if refund >= policies.high_value && high >= 2 {
        let why = format!("{high} returns of high value in 30 days already");
        fire(Rule::HighValue, Outcome::AuthorizeWithOverride, why);
    }
    if let Some(card) = &ticket.card {
        let mut others: Vec<_> = past
            .iter()
            .filter(|past| past.card.as_ref() == Some(card) && within(past, CARD_WINDOW_MS))
            .filter_map(|past| past.who.as_ref())
            .filter(|who| ticket.who.as_ref() != Some(*who))
            .collect();
        others.sort();
        others.dedup();
        if others.len() >= 2 {
            let why = format!("{} other customers returned to this card in 7 days", others.len());
            fire(Rule::SharedCard, Outcome::AuthorizeWithOverride, why);
        }
    }
    if ticket.refused_before >= 2 {
        let why = format!("{} attempts were refused in 7 days already", ticket.refused_before);
        fire(Rule::RefusedBefore, Outcome::AuthorizeWithOverride, why);
    }
    let mut cash = true;
    let just_sold = |(_, sold_at_ms): (BusinessDay, i64)| ticket.at_ms.saturating_sub(sold_at_ms) < JUST_SOLD_MS;
    if ticket.paid_by_card && ticket.sold.is_some_and(just_sold) {
        cash = false;
        let why = "paid by card less than ten minutes ago: no cash".to_owned();
        fire(Rule::CardAsCash, Outcome::Authorize, why);
    }
    let unverified = blind || ticket.other_store && ticket.validated == Validated::Offline;
    let store_credit_only = unverified && refund > policies.unverified;
    if store_credit_only {
        let why = format!("{} minor units without a verified receipt: store credit only", refund.get());
        fire(Rule::Unverified, Outcome::Authorize, why);
    }
    fired.sort_by_key(|fired| (std::cmp::Reverse(fired.outcome), fired.rule));
    fired.dedup();
    let outcome = fired.first().map_or(Outcome::Authorize, |fired| fired.outcome);
    Decision { outcome, fired, cash: cash && !store_credit_only, store_credit_only }
}

/// The days from one business day to another.
pub fn days_between(from: BusinessDay, to: BusinessDay) -> i64 {
    to.days() - from.days()
}

/// The returns of a cashier in a shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftReturns {
    /// How many.
    pub count: u64,
    /// How many of their receipts were keyed instead of scanned.
    pub keyed: u64,
}

/// What is unusual in a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReturnAlert))]
pub enum Alert {
    /// Five returns or more, and more than three times the store's mean (R4).
    ManyReturns,
    /// Four keyed receipts or more, and half of all (R8).
    KeyedReceipts,
}

impl Alert {
    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManyReturns => "many_returns",
            Self::KeyedReceipts => "keyed_receipts",
        }
    }
}

/// The alerts of a shift; `others` has the store's shifts before it: how many, and the sum of their returns.
pub fn shift_alerts(shift: ShiftReturns, others: (u64, u64)) -> Vec<Alert> {
    let (shifts, returns) = others;
    let mut alerts = Vec::new();
    if shift.count >= 5 && (shifts == 0 || shift.count.saturating_mul(shifts) > returns.saturating_mul(3)) {
        alerts.push(Alert::ManyReturns);
    }
    if shift.keyed >= 4 && shift.keyed * 2 >= shift.count {
        alerts.push(Alert::KeyedReceipts);
    }
    alerts
}
