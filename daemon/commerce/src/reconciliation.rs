//! Reconciliation: what a payment terminal says that it booked, against the store's own bookings.
//!
//! The store books what each terminal did in one sequence per store: a charge, a refund (negative), a reversal (the
//! opposite of its charge). A reconciliation covers the bookings since the terminal's last one. It is cut by their
//! numbers and never by a clock.
//!
//! - A terminal reports sums by scheme and no transactions. So the sums are compared by scheme, and if they differ, the
//!   bookings that can be the cause are listed. One that explains a difference alone is marked: the terminal lacks it,
//!   or has it although a person decided that it was not charged.
//! - Terminals name schemes differently, and a payment that a person decided has no scheme. If the whole agrees, such
//!   bookings do not count as a difference. Neither do counts: terminals count reversals in different ways.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    actor::Actor,
    cash::{Sum, sum_of},
    ids::{BasketId, BusinessDay, PaymentId, RegisterName},
    money::{Currency, Minor},
    tender::CardReference,
};

/// The most bookings that a comparison lists.
pub const MAX_LISTED: usize = 200;

/// A card scheme, as terminals total them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CardScheme))]
pub enum Scheme {
    /// girocard.
    Girocard,
    /// Mastercard and Maestro.
    Mastercard,
    /// Visa and V PAY.
    Visa,
    /// American Express.
    Amex,
    /// JCB.
    Jcb,
    /// Diners Club and Discover.
    Diners,
    /// Another, or an unknown one.
    Other,
}

impl Scheme {
    /// The scheme that a terminal or a card names: `VISA Credit`, `mc`, `eftpos_girocard`.
    pub fn named(name: &str) -> Self {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        if has(&["girocard", "electroniccash"]) {
            Self::Girocard
        } else if has(&["mastercard", "maestro"]) || plain.starts_with("mc") {
            Self::Mastercard
        } else if has(&["visa", "vpay"]) {
            Self::Visa
        } else if has(&["americanexpress", "amex"]) {
            Self::Amex
        } else if has(&["jcb"]) {
            Self::Jcb
        } else if has(&["diners", "discover"]) {
            Self::Diners
        } else {
            Self::Other
        }
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Girocard => "girocard",
            Self::Mastercard => "Mastercard",
            Self::Visa => "Visa",
            Self::Amex => "American Express",
            Self::Jcb => "JCB",
            Self::Diners => "Diners",
            Self::Other => "others",
        }
    }
}

/// What a terminal did with a payment, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = TerminalBooking))]
pub struct Booking {
    /// Counted from 1 in the store.
    pub number: u64,
    /// The terminal.
    pub terminal: String,
    /// The payment.
    pub payment: PaymentId,
    /// Its basket.
    pub basket: BasketId,
    /// Its register.
    pub register: RegisterName,
    /// What was booked, in minor units: negative for a refund or reversal; zero if a person's decision changed nothing.
    pub amount: Minor,
    /// What the payment was for, in minor units; negative for a refund.
    pub requested: Minor,
    /// Whether a person decided it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decided: bool,
    /// The scheme or card name, as the terminal reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// The masked card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_pan: Option<String>,
    /// The terminal's numbers.
    #[serde(default, skip_serializing_if = "CardReference::is_empty")]
    pub reference: CardReference,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Booking {
    /// Its scheme.
    pub fn of_scheme(&self) -> Scheme {
        self.scheme.as_deref().map_or(Scheme::Other, Scheme::named)
    }

    /// Whether it alone explains that the terminal has `difference` more than the store.
    fn explains(&self, difference: Minor) -> bool {
        let is_missing = !self.amount.is_zero() && self.amount == -difference;
        let was_charged = self.decided && self.amount.is_zero() && self.requested == difference;
        is_missing || was_charged
    }
}

/// The total of a scheme, as a terminal reports it: charges less refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The scheme, as the terminal names it.
    pub scheme: String,
    /// The number of transactions and their sum, in minor units.
    pub sum: Sum,
}

/// A scheme by the terminal's total and by the store's bookings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SchemeSums {
    /// The scheme.
    pub scheme: Scheme,
    /// By the terminal.
    pub terminal: Sum,
    /// By the store.
    pub store: Sum,
}

impl SchemeSums {
    /// What the terminal has more than the store, in minor units.
    pub fn difference(&self) -> Minor {
        sum_of(self.terminal.amount, -self.store.amount)
    }
}

/// A booking that can be the cause of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// The booking.
    #[serde(flatten)]
    pub booking: Booking,
    /// Whether it alone explains the difference of its scheme.
    pub explains: bool,
}

/// A terminal's totals against the store's bookings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = TerminalComparison))]
pub struct Comparison {
    /// Whether the sums agree, by scheme as far as both name the scheme.
    pub agrees: bool,
    /// By the terminal, in minor units: charges less refunds.
    pub terminal: Minor,
    /// By the store.
    pub store: Minor,
    /// What the terminal has more than the store.
    pub difference: Minor,
    /// By scheme, without those that neither has.
    pub schemes: Vec<SchemeSums>,
    /// If they differ: the bookings that can be the cause, those first that explain a difference alone, and among them
    /// those of payments that a person decided. At most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more_suspects: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Whether something has no scheme on one side. It can be of any scheme on the other.
fn is_mixed(schemes: &[SchemeSums]) -> bool {
    schemes.iter().any(|sums| sums.scheme == Scheme::Other)
}

impl Comparison {
    /// Compares.
    pub fn of(totals: &[Total], bookings: &[Booking]) -> Self {
        let mut sums = BTreeMap::<Scheme, (Sum, Sum)>::new();
        for total in totals {
            let (terminal, _) = sums.entry(Scheme::named(&total.scheme)).or_default();
            terminal.add(total.sum.count, total.sum.amount);
        }
        for booking in bookings.iter().filter(|booking| !booking.amount.is_zero()) {
            let (_, store) = sums.entry(booking.of_scheme()).or_default();
            store.add(1, booking.amount);
        }
        let schemes: Vec<_> =
            sums.into_iter().map(|(scheme, (terminal, store))| SchemeSums { scheme, terminal, store }).collect();
        let sum = |amount: fn(&SchemeSums) -> Minor| schemes.iter().map(amount).fold(Minor::ZERO, sum_of);
        let (terminal, store) = (sum(|sums| sums.terminal.amount), sum(|sums| sums.store.amount));
        let difference = sum_of(terminal, -store);
        let agrees =
            difference.is_zero() && (is_mixed(&schemes) || schemes.iter().all(|sums| sums.difference().is_zero()));
        let mut comparison =
            Self { agrees, terminal, store, difference, schemes, suspects: Vec::new(), more_suspects: 0 };
        if !agrees {
            comparison.suspect(bookings);
        }
        comparison
    }

    /// Whether its sums are those of its schemes.
    pub fn adds_up(&self) -> bool {
        let sum = |amount: fn(&SchemeSums) -> Minor| self.schemes.iter().map(amount).fold(Minor::ZERO, sum_of);
        let (terminal, store) = (sum(|sums| sums.terminal.amount), sum(|sums| sums.store.amount));
        (self.terminal, self.store) == (terminal, store) && self.difference == sum_of(terminal, -store)
    }

    fn suspect(&mut self, bookings: &[Booking]) {
        let of = |scheme: Scheme| self.schemes.iter().find(|sums| sums.scheme == scheme).map(SchemeSums::difference);
        let is_mixed = is_mixed(&self.schemes);
        let payments = |is_so: fn(&Booking) -> bool| -> BTreeSet<u64> {
            bookings.iter().filter(|booking| is_so(booking)).map(|booking| booking.payment.0).collect()
        };
        let (decided, booked) = (payments(|booking| booking.decided), payments(|booking| !booking.amount.is_zero()));
        let suspect = |booking: &Booking| {
            // A person has confirmed what is booked already.
            if booking.amount.is_zero() && booked.contains(&booking.payment.0) {
                return None;
            }
            let booking = Booking { decided: decided.contains(&booking.payment.0), ..booking.clone() };
            let is_of_any = is_mixed || booking.decided;
            let difference = if is_of_any { self.difference } else { of(booking.of_scheme())? };
            let explains = booking.explains(difference);
            (!difference.is_zero()).then_some(Suspect { booking, explains })
        };
        let mut suspects: Vec<_> = bookings.iter().filter_map(suspect).collect();
        suspects.sort_by_key(|suspect| (!suspect.explains, !suspect.booking.decided, suspect.booking.number));
        self.more_suspects = suspects.len().saturating_sub(MAX_LISTED) as u64;
        suspects.truncate(MAX_LISTED);
        self.suspects = suspects;
    }
}

/// How a reconciliation ended, or where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReconciliationState))]
pub enum State {
    /// The terminal is to be asked.
    Due,
    /// The terminal is asked.
    Asked {
        /// The last booking that its totals can have.
        through: u64,
    },
    /// The terminal closed its day and reported its totals.
    Reconciled {
        /// When: milliseconds since 1970, UTC.
        at_ms: i64,
        /// The last booking before those that were compared.
        after: u64,
        /// The last booking that was compared.
        through: u64,
        /// Its totals against the store's bookings.
        result: Comparison,
        /// The terminal's report.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        report: Vec<String>,
    },
    /// The terminal reported no totals. It can be asked again.
    NotReconciled {
        /// When: milliseconds since 1970, UTC.
        at_ms: i64,
        /// The reason in words.
        why: String,
        /// Whether it may have closed its day, and only the answer was lost.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_be_closed: bool,
    },
}

/// A reconciliation of a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = TerminalReconciliation))]
pub struct Reconciliation {
    /// Counted from 1 in the store.
    pub number: u64,
    /// The terminal.
    pub terminal: String,
    /// The number of the business day that it was asked for; 0 if the store has had none.
    pub day: u64,
    /// The date of that day.
    pub business_day: BusinessDay,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Who wanted it.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub asked_at_ms: i64,
    /// The state.
    #[serde(flatten)]
    pub state: State,
}

impl Reconciliation {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Reconciled { .. } | State::NotReconciled { .. })
    }

    /// The result, if the terminal reported its totals.
    pub fn comparison(&self) -> Option<&Comparison> {
        match &self.state {
            State::Reconciled { result, .. } => Some(result),
            _ => None,
        }
    }
}

/// Where the next reconciliation of a terminal begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The last booking of the last reconciliation.
    #[serde(default)]
    pub after: u64,
    /// The last bookings of later attempts whose answers were lost: the terminal may have begun again after one of
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<u64>,
}

impl Cut {
    /// The most lost answers that are remembered.
    const MAX_LOST: usize = 16;

    /// The answer of an attempt was lost.
    pub fn lose(&mut self, through: u64) {
        if !self.lost.contains(&through) && through > self.after {
            self.lost.push(through);
        }
        if self.lost.len() > Self::MAX_LOST {
            self.lost.remove(0);
        }
    }

    /// Compares the terminal's totals with the bookings after the cut; returns the number before the first that was
    /// compared. If answers were lost, the terminal may have begun again after one of these attempts: the first
    /// beginning counts that agrees, and otherwise the whole.
    pub fn compare(&self, totals: &[Total], bookings: &[Booking]) -> (u64, Comparison) {
        let from = |after: u64| {
            let later: Vec<_> = bookings.iter().filter(|booking| booking.number > after).cloned().collect();
            (after, Comparison::of(totals, &later))
        };
        let whole = from(self.after);
        if whole.1.agrees {
            return whole;
        }
        self.lost.iter().map(|after| from(*after)).find(|(_, comparison)| comparison.agrees).unwrap_or(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(number: u64, amount: i64, scheme: Option<&str>) -> Booking {
        Booking {
            number,
            terminal: "terminal-1".into(),
            payment: PaymentId(number),
            basket: BasketId(number),
            register: "till-1".parse().unwrap(),
            amount: Minor::literal(amount),
            requested: Minor::literal(amount),
            decided: false,
            scheme: scheme.map(str::to_owned),
            masked_pan: None,
            reference: CardReference::default(),
            at_ms: 1,
        }
    }

    fn total(scheme: &str, count: u64, amount: i64) -> Total {
        Total { scheme: scheme.into(), sum: Sum { count, amount: Minor::literal(amount) } }
    }

    fn explained(comparison: &Comparison) -> Vec<(u64, bool)> {
        comparison.suspects.iter().map(|suspect| (suspect.booking.number, suspect.explains)).collect()
    }

    #[test]
    fn schemes_are_known_by_the_names_that_terminals_give_them() {
        for (name, scheme) in [
            ("VISA", Scheme::Visa),
            ("Visa Debit contactless", Scheme::Visa),
            ("vpay", Scheme::Visa),
            ("mc", Scheme::Mastercard),
            ("maestro", Scheme::Mastercard),
            ("Debit Mastercard", Scheme::Mastercard),
            ("eftpos_girocard", Scheme::Girocard),
            ("girocard", Scheme::Girocard),
            ("American Express", Scheme::Amex),
            ("amex", Scheme::Amex),
            ("JCB", Scheme::Jcb),
            ("Diners", Scheme::Diners),
            ("bancontact", Scheme::Other),
            ("", Scheme::Other),
        ] {
            assert_eq!(Scheme::named(name), scheme, "{name}");
        }
        for scheme in [Scheme::Girocard, Scheme::Mastercard, Scheme::Visa, Scheme::Amex, Scheme::Jcb, Scheme::Diners] {
            assert_eq!(Scheme::named(scheme.name()), scheme);
        }
    }

    #[test]
    fn charges_refunds_and_reversals_agree_with_the_terminals_totals() {
        let bookings =
            [booking(1, 1_000, Some("VISA")), booking(2, 500, Some("mc")), booking(3, -1_000, Some("visa credit"))];
        let comparison = Comparison::of(&[total("Mastercard", 1, 500), total("Visa", 2, 0)], &bookings);
        assert!(comparison.agrees && comparison.suspects.is_empty(), "{comparison:?}");
        assert_eq!((comparison.terminal.get(), comparison.store.get()), (500, 500));
    }

    #[test]
    fn a_booking_that_the_terminal_lacks_is_found() {
        let bookings = [booking(1, 1_000, Some("visa")), booking(2, 369, Some("visa")), booking(3, 369, Some("mc"))];
        let comparison = Comparison::of(&[total("visa", 1, 1_000), total("mc", 1, 369)], &bookings);
        assert!(!comparison.agrees);
        assert_eq!(comparison.difference.get(), -369);
        assert_eq!(explained(&comparison), [(2, true), (1, false)], "only Visa differs");
    }

    #[test]
    fn a_charge_that_a_person_denied_is_found() {
        let mut denied = booking(2, 0, None);
        (denied.decided, denied.requested) = (true, Minor::literal(500));
        let bookings = [booking(1, 1_000, Some("visa")), denied];
        let comparison = Comparison::of(&[total("visa", 2, 1_500)], &bookings);
        assert_eq!(comparison.difference.get(), 500);
        assert_eq!(explained(&comparison), [(2, true), (1, false)]);
    }

    /// Approved, doubted, and confirmed by a person: the decision books nothing more.
    #[test]
    fn what_a_person_confirmed_is_marked() {
        let mut confirmed = booking(3, 0, Some("visa"));
        (confirmed.payment, confirmed.decided) = (PaymentId(2), true);
        let bookings = [booking(1, 369, Some("visa")), booking(2, 369, Some("visa")), confirmed];
        let comparison = Comparison::of(&[total("visa", 1, 369)], &bookings);
        assert_eq!(explained(&comparison), [(2, true), (1, true)]);
        assert!(comparison.suspects[0].booking.decided && !comparison.suspects[1].booking.decided);
    }

    #[test]
    fn sums_that_agree_in_two_schemes_only_together_differ() {
        let bookings = [booking(1, 100, Some("visa")), booking(2, 200, Some("mc"))];
        let exchanged = [total("visa", 1, 200), total("mc", 1, 100)];
        let comparison = Comparison::of(&exchanged, &bookings);
        assert_eq!((comparison.agrees, comparison.difference.get()), (false, 0));
        let mut decided = booking(2, 200, None);
        decided.decided = true;
        let comparison = Comparison::of(&[total("visa", 1, 100), total("mc", 1, 200)], &[bookings[0].clone(), decided]);
        assert!(comparison.agrees, "a person's decision has no scheme: {comparison:?}");
    }

    #[test]
    fn the_list_of_suspects_is_bounded() {
        let bookings: Vec<_> = (1..=500).map(|number| booking(number, 100 + i64::from(number == 400), None)).collect();
        let comparison = Comparison::of(&[total("visa", 499, 49_900)], &bookings);
        assert_eq!((comparison.suspects.len(), comparison.more_suspects), (MAX_LISTED, 300));
        assert_eq!(explained(&comparison)[0], (400, true));
    }

    #[test]
    fn after_a_lost_answer_the_terminal_may_have_begun_again() {
        let mut cut = Cut { after: 1, lost: vec![] };
        cut.lose(2);
        cut.lose(2);
        cut.lose(1);
        assert_eq!(cut.lost, [2]);
        let bookings = [booking(2, 100, Some("visa")), booking(3, 30, Some("visa"))];
        let closed_twice = |amount| cut.compare(&[total("visa", 1, amount)], &bookings);
        assert_eq!((closed_twice(130).0, closed_twice(130).1.agrees), (1, true), "the lost one did not close it");
        assert_eq!((closed_twice(30).0, closed_twice(30).1.agrees), (2, true));
        let (after, neither) = closed_twice(50);
        assert_eq!((after, neither.difference.get()), (1, -80));
        (0..100).for_each(|number| cut.lose(100 + number));
        assert_eq!((cut.lost.len(), cut.lost.last()), (16, Some(&199)));
    }
}
