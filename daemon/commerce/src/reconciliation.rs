//! The reconciliation of a payment terminal: its totals at the end of the day, against the store's records.
//!
//! A terminal reports sums by scheme and no transactions. Where a sum differs, the store's transactions of the scheme
//! are listed, with those first that may explain the difference. The count of a scheme is told and not compared,
//! because terminals count reversals in different ways.
//!
//! ```text
//! Due --begin--> Running --+--> Agrees | Differs
//!  ^                       +--> NotReconciled --repeat--+
//!  +----------------------------------------------------+
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{BusinessDay, PaymentId};

/// The scheme of cards whose scheme the terminal did not tell.
const NO_SCHEME: &str = "card";

/// A number of transactions and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = SchemeSum))]
pub struct Sum {
    /// The number of transactions.
    pub count: u64,
    /// Charges less refunds, in minor units.
    pub minor: i64,
}

/// A scheme, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SchemeCompared {
    /// The scheme, as it was first named.
    pub scheme: String,
    /// By the store's records.
    pub store: Sum,
    /// By the terminal.
    pub terminal: Sum,
    /// What the terminal has more than the store, in minor units.
    pub difference: i64,
}

/// Why a transaction may explain a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Doubt {
    /// Its amount is the difference.
    SameAmount,
    /// A person decided that it was charged, or the terminal reported nothing more of it.
    Bare,
    /// The terminal approved it without its bank.
    Offline,
    /// It was charged and reversed.
    Reversed,
}

/// A card transaction of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReconciledTransaction))]
pub struct Transaction {
    /// The payment, or the refund.
    pub payment: PaymentId,
    /// The scheme, if the terminal told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// What it moved: negative for a refund, zero if it was reversed; in minor units.
    pub minor: i64,
    /// When it was started: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The number on the terminal's receipt, if it told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Why it may explain a difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
}

/// How a terminal's totals compare with the store's records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// Every scheme that one of them has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemes: Vec<SchemeCompared>,
    /// The store's transactions of the schemes that differ, doubtful ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactions: Vec<Transaction>,
}

impl Comparison {
    /// Whether no scheme differs.
    pub fn agrees(&self) -> bool {
        self.schemes.iter().all(|scheme| scheme.difference == 0)
    }
}

/// What became of a reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = ReconciliationOutcome))]
pub enum Outcome {
    /// The hub will ask the terminal.
    Due,
    /// The terminal is being asked.
    Running,
    /// The terminal did not close its day, or its totals are lost.
    NotReconciled {
        /// Why.
        why: String,
    },
    /// The terminal's totals are those of the store.
    Agrees {
        /// The comparison.
        #[serde(flatten)]
        compared: Comparison,
    },
    /// They differ.
    Differs {
        /// The comparison.
        #[serde(flatten)]
        compared: Comparison,
    },
}

/// The reconciliation of a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reconciliation {
    /// Counted from 1 in the store.
    pub number: u64,
    /// The terminal.
    pub terminal: String,
    /// The number of the business day that was closed; absent if a person closed the terminal's day by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<u64>,
    /// The date of that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_day: Option<BusinessDay>,
    /// When this became its outcome: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The last payment of the store before those that are compared; `p0` if there is none.
    pub after: PaymentId,
    /// The last payment that is compared.
    pub up_to: PaymentId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The terminal's report, without anything like a card number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<String>,
}

/// A scheme without what terminals write differently: `Visa` and `VISA ` are one.
fn plain(scheme: Option<&str>) -> String {
    let letters = scheme.unwrap_or(NO_SCHEME).chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Compares a terminal's sums by scheme with the store's transactions.
pub fn compare(transactions: Vec<Transaction>, terminal: &[(String, Sum)]) -> Comparison {
    let mut schemes: BTreeMap<String, SchemeCompared> = BTreeMap::new();
    let unseen = |name: &str| SchemeCompared {
        scheme: name.to_owned(),
        store: Sum::default(),
        terminal: Sum::default(),
        difference: 0,
    };
    let add = |sum: &mut Sum, more: Sum| {
        sum.count = sum.count.saturating_add(more.count);
        sum.minor = sum.minor.saturating_add(more.minor);
    };
    for transaction in &transactions {
        let name = transaction.scheme.as_deref();
        let scheme = schemes.entry(plain(name)).or_insert_with(|| unseen(name.unwrap_or(NO_SCHEME)));
        add(&mut scheme.store, Sum { count: 1, minor: transaction.minor });
    }
    for (name, sum) in terminal {
        add(&mut schemes.entry(plain(Some(name))).or_insert_with(|| unseen(name)).terminal, *sum);
    }
    for scheme in schemes.values_mut() {
        scheme.difference = scheme.terminal.minor.saturating_sub(scheme.store.minor);
    }
    let difference = |transaction: &Transaction| {
        schemes.get(&plain(transaction.scheme.as_deref())).map_or(0, |scheme| scheme.difference)
    };
    let mut listed: Vec<Transaction> = transactions.into_iter().filter(|one| difference(one) != 0).collect();
    for transaction in &mut listed {
        if transaction.minor != 0 && transaction.minor.saturating_abs() == difference(transaction).saturating_abs() {
            transaction.doubt = Some(Doubt::SameAmount);
        }
    }
    listed.sort_by_key(|transaction| (transaction.doubt.is_none(), transaction.doubt, transaction.payment));
    Comparison { schemes: schemes.into_values().collect(), transactions: listed }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(payment: u64, scheme: Option<&str>, minor: i64) -> Transaction {
        let scheme = scheme.map(str::to_owned);
        Transaction { payment: PaymentId(payment), scheme, minor, at_ms: 1, receipt: None, doubt: None }
    }

    fn told(scheme: &str, count: u64, minor: i64) -> (String, Sum) {
        (scheme.to_owned(), Sum { count, minor })
    }

    #[test]
    fn schemes_agree_however_they_are_written_and_counted() {
        let ours = vec![of(1, Some("Visa"), 369), of(2, Some("VISA"), 0), of(3, None, 100), of(4, Some("girocard"), -50)];
        let compared = compare(ours, &[told("VISA ", 1, 369), told("card", 1, 100), told("Girocard", 1, -50)]);
        assert!(compared.agrees(), "{compared:?}");
        assert_eq!((compared.schemes.len(), compared.transactions.len()), (3, 0));
    }

    #[test]
    fn a_difference_lists_the_transactions_that_may_explain_it_first() {
        let offline = Transaction { doubt: Some(Doubt::Offline), ..of(2, Some("Visa"), 200) };
        let ours = vec![of(1, Some("Visa"), 100), offline, of(3, Some("Visa"), 369), of(4, Some("Amex"), 5)];
        let compared = compare(ours, &[told("Visa", 2, 300), told("Amex", 1, 5), told("Maestro", 1, 7)]);
        assert!(!compared.agrees());
        let differences: Vec<_> = compared.schemes.iter().map(|one| (&*one.scheme, one.difference)).collect();
        assert_eq!(differences, [("Amex", 0), ("Maestro", 7), ("Visa", -369)]);
        let listed: Vec<_> = compared.transactions.iter().map(|one| (one.payment.0, one.doubt)).collect();
        assert_eq!(listed, [(3, Some(Doubt::SameAmount)), (2, Some(Doubt::Offline)), (1, None)]);
    }

    proptest! {
        #[test]
        fn differences_are_what_the_terminal_has_more(
            ours in proptest::collection::vec((0_usize..4, -900_i64..900), 0..20),
            theirs in proptest::collection::vec((0_usize..4, -900_i64..900), 0..8),
        ) {
            let name = |index: usize| ["Visa", "Amex", "JCB", "card"][index];
            let transactions: Vec<_> =
                (1..).zip(&ours).map(|(number, (index, minor))| of(number, Some(name(*index)), *minor)).collect();
            let terminal: Vec<_> = theirs.iter().map(|(index, minor)| told(name(*index), 1, *minor)).collect();
            let compared = compare(transactions, &terminal);
            let more: i64 = compared.schemes.iter().map(|scheme| scheme.difference).sum();
            let sum = |all: &[(usize, i64)]| all.iter().map(|(_, minor)| minor).sum::<i64>();
            prop_assert_eq!(more, sum(&theirs) - sum(&ours));
            prop_assert_eq!(compared.agrees(), compared.schemes.iter().all(|one| one.store.minor == one.terminal.minor));
        }
    }
}
