//! The tenders of a refund: by the shares of the sale's tenders, cards first, cash last.
//!
//! | the sale was paid by | given back to | if that fails |
//! | --- | --- | --- |
//! | card, in this store | the same card, by its payment | store credit; cash where the policy allows it |
//! | card, in another store | store credit | |
//! | points | the account that paid; of another store's sale, the customer's account | store credit |
//! | gift card, store credit | the same card; store credit for those of another store | store credit |
//! | manufacturer's coupon | the coupon: its claim is withdrawn | |
//! | the web shop | the web shop, by HQ's refund task | |
//! | cash | cash; store credit where the decision says so | |
//!
//! A step that is done stays done, whatever happens to the others.

use serde::{Deserialize, Serialize};

use super::{Decision, ReturnTicket, SoldIn};
use crate::{
    gift_card::CardKind, ids::PaymentId, money::Minor, pricing::share::capped_shares, sale::Sale, tender::Tender,
};

/// Where a part of a refund goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum RefundTo {
    /// The card of a payment of this store.
    Card {
        /// The payment.
        payment: PaymentId,
    },
    /// The web shop.
    Prepaid {
        /// The payment's number in the shop.
        reference: String,
    },
    /// The gift card or store credit of this store that paid.
    GiftCard {
        /// The movement with which it paid.
        movement: u64,
        /// The kind of card.
        kind: CardKind,
        /// The last four digits of its number.
        card: String,
    },
    /// The points of a customer, which paid in another store.
    Points {
        /// The customer.
        customer: String,
    },
    /// A manufacturer's coupon.
    ManufacturerCoupon,
    /// New store credit.
    StoreCredit,
    /// The till.
    Cash,
}

impl RefundTo {
    /// The key of records about it: the kind, with the number of a payment.
    pub fn key(&self) -> String {
        match self {
            Self::Card { payment } => format!("card:{payment}"),
            Self::Prepaid { reference } => format!("prepaid:{reference}"),
            Self::GiftCard { movement, .. } => format!("gift_card:{movement}"),
            Self::Points { customer } => format!("points:{customer}"),
            Self::ManufacturerCoupon => "manufacturer_coupon".into(),
            Self::StoreCredit => "store_credit".into(),
            Self::Cash => "cash".into(),
        }
    }
}

/// What is left of a tender of the sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = LeftOfTender))]
pub struct Left {
    /// Where it is given back.
    pub to: RefundTo,
    /// What it paid.
    pub paid: Minor,
    /// What is left of that.
    pub left: Minor,
}

/// The state of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = RefundStepState))]
pub enum StepState {
    /// Not yet.
    Planned,
    /// Given back: it is a tender of the basket.
    Done,
    /// It failed, and another step took its place.
    Failed {
        /// Why.
        why: String,
    },
}

/// A step of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RefundStep {
    /// Where the money goes.
    pub refund: RefundTo,
    /// How much.
    pub amount: Minor,
    /// Whether it went.
    pub status: StepState,
}

/// What is left of the tenders of a sale. `back` has what was given back before, by the key of [`RefundTo`]. `own` says
/// whether the sale is of this store.
pub fn left_of(sale: &Sale, own: bool, back: impl Fn(&RefundTo) -> Minor) -> Vec<Left> {
    let mut left: Vec<Left> = Vec::new();
    let mut add = |to: RefundTo, amount: Minor| match left.iter_mut().find(|left| left.to == to) {
        Some(left) => left.paid = left.paid + amount,
        None => left.push(Left { to, paid: amount, left: Minor::ZERO }),
    };
    for tender in &sale.tenders {
        let amount = tender.amount();
        match tender {
            Tender::Cash { .. } => add(RefundTo::Cash, amount),
            Tender::Card { slip, .. } if own => add(RefundTo::Card { payment: slip.payment }, amount),
            Tender::GiftCard { kind, card, movement, .. } if own => {
                add(RefundTo::GiftCard { movement: *movement, kind: *kind, card: card.clone() }, amount);
            }
            Tender::GiftCard { kind: CardKind::LoyaltyPoints, .. } if sale.customer.is_some() => {
                add(RefundTo::Points { customer: sale.customer.clone().unwrap_or_default() }, amount);
            }
            Tender::Card { .. } | Tender::GiftCard { .. } => add(RefundTo::StoreCredit, amount),
            Tender::ManufacturerCoupon { .. } => add(RefundTo::ManufacturerCoupon, amount),
            Tender::Prepaid { reference, .. } => add(RefundTo::Prepaid { reference: reference.clone() }, amount),
        }
    }
    // An exchange was paid with what was left of the sales before it.
    let traded =
        sale.returns.iter().filter(|ticket| own && ticket.sale.as_ref().is_none_or(|sold| sold.store.is_none()));
    for before in traded.flat_map(|ticket| &ticket.left) {
        add(before.to.clone(), before.left);
    }
    if sale.totals.change.is_positive() {
        add(RefundTo::Cash, -sale.totals.change);
    }
    left.retain(|left| left.paid.is_positive());
    for left in &mut left {
        left.left = (left.paid - back(&left.to)).max(Minor::ZERO);
    }
    left
}

/// Divides a refund among what is left of the sale's tenders.
pub fn plan(refund: Minor, left: &[Left], decision: &Decision) -> Vec<RefundStep> {
    let step = |refund: RefundTo, amount: Minor| RefundStep { refund, amount, status: StepState::Planned };
    if !refund.is_positive() {
        return Vec::new();
    }
    if decision.store_credit_only {
        return vec![step(RefundTo::StoreCredit, refund)];
    }
    let weights: Vec<i64> = left.iter().map(|left| left.paid.get()).collect();
    let caps: Vec<i64> = left.iter().map(|left| left.left.get()).collect();
    let shares = capped_shares(refund.get(), &weights, &caps);
    let mut steps: Vec<RefundStep> = Vec::new();
    let mut add = |to: RefundTo, amount: i64| {
        let amount = Minor::new(amount).unwrap_or(Minor::ZERO);
        let to = if to == RefundTo::Cash && !decision.cash { RefundTo::StoreCredit } else { to };
        match steps.iter_mut().find(|step| step.refund == to) {
            Some(step) => step.amount = step.amount + amount,
            None => steps.push(step(to, amount)),
        }
    };
    let mut rest = refund.get();
    for (left, share) in left.iter().zip(shares) {
        rest -= share;
        if share > 0 {
            add(left.to.clone(), share);
        }
    }
    // More than the tenders have left: what rounding cash took, or goods without a receipt, which are paid in cash up
    // to the policy's limit.
    if rest > 0 {
        let may_be_cash = left.is_empty() || left.iter().any(|left| left.to == RefundTo::Cash);
        add(if may_be_cash { RefundTo::Cash } else { RefundTo::StoreCredit }, rest);
    }
    steps.sort_by(|one, other| one.refund.cmp(&other.refund));
    steps
}

/// Divides the refund of a basket among the tenders of the sales of its returns. What an earlier return of a sale takes
/// from a tender, a later one of the same sale finds no more.
pub(crate) fn plan_all(refund: Minor, returns: &[ReturnTicket]) -> Vec<RefundStep> {
    let (mut rest, mut steps) = (refund, Vec::<RefundStep>::new());
    let mut taken: Vec<(&SoldIn, RefundStep)> = Vec::new();
    for ticket in returns {
        let amount = ticket.refund.min(rest).max(Minor::ZERO);
        rest = rest - amount;
        let mut left = ticket.left.clone();
        for (_, step) in taken.iter().filter(|(sold, _)| ticket.sale.as_ref() == Some(*sold)) {
            for left in left.iter_mut().filter(|left| left.to == step.refund) {
                left.left = (left.left - step.amount).max(Minor::ZERO);
            }
        }
        for step in plan(amount, &left, &ticket.decision) {
            taken.extend(ticket.sale.as_ref().map(|sold| (sold, step.clone())));
            match steps.iter_mut().find(|known| known.refund == step.refund) {
                Some(known) => known.amount = known.amount + step.amount,
                None => steps.push(step),
            }
        }
    }
    steps.sort_by(|one, other| one.refund.cmp(&other.refund));
    steps
}

/// Replaces a step that failed: by cash where it is allowed, or else by store credit. Returns false if nothing can take
/// its place.
pub fn fall_back(steps: &mut Vec<RefundStep>, failed: &RefundTo, why: &str, to_cash: bool) -> bool {
    let found = steps.iter_mut().find(|step| step.refund == *failed && step.status == StepState::Planned);
    let Some(step) = found.filter(|step| !matches!(step.refund, RefundTo::StoreCredit | RefundTo::Cash)) else {
        return false;
    };
    step.status = StepState::Failed { why: why.to_owned() };
    let amount = step.amount;
    let refund = if to_cash { RefundTo::Cash } else { RefundTo::StoreCredit };
    match steps.iter_mut().find(|step| step.refund == refund && step.status == StepState::Planned) {
        Some(step) => step.amount = step.amount + amount,
        None => steps.push(RefundStep { refund, amount, status: StepState::Planned }),
    }
    steps.sort_by(|one, other| one.refund.cmp(&other.refund));
    true
}
