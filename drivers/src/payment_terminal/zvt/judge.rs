//! Decides whether a payment in doubt was charged: a pure comparison of the journal from before it with the terminal's
//! last transaction.
//!
//! A transaction is identified by terminal, trace, receipt and amount. The amount alone never decides, because the
//! previous customer may have paid the same.
//!
//! | journal before the payment | terminal's last transaction | result |
//! | --- | --- | --- |
//! | nothing was known | any | not charged: the driver sends no such payment |
//! | no transaction | none | not charged |
//! | a transaction | none | unknown: the terminal was exchanged or reset |
//! | a transaction | the same | not charged |
//! | a transaction, or none | a different one, approved, same amount | charged |
//! | a transaction, or none | a different one, approved, different amount | unknown: somebody used the terminal by hand after it |
//! | any | a different one, failed | not charged |
//! | a transaction of another terminal | any | unknown: the terminal was exchanged |
//! | any | without numbers to compare | unknown |

use super::transaction::{Numbers, Transaction};
use crate::payment_terminal::{Amount, Resolution};

/// What the terminal reported of its last transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inquiry {
    /// It was approved, whoever requested it.
    Last(Transaction),
    /// It was declined or reversed; these are its numbers.
    LastFailed(Numbers),
    /// The terminal has no transaction.
    Nothing,
}

/// Compares the journal with the terminal's report.
pub(super) fn judge(before: Option<&Numbers>, asked: Amount, inquiry: Inquiry) -> Resolution {
    let not_charged = |why: &str| Resolution::NotCharged { why: why.to_owned() };
    let unknown = |why: String| Resolution::Unknown { why };
    let Some(before) = before else {
        return not_charged("the terminal had not reported its last transaction, so nothing was sent");
    };
    let last = match &inquiry {
        Inquiry::Nothing if *before == Numbers::default() => return not_charged("the terminal has no transaction"),
        Inquiry::Nothing => {
            return unknown(
                "the terminal has no transaction, but had one before this payment: it was exchanged or reset; read the journal \
                 of the previous one"
                    .into(),
            );
        }
        Inquiry::Last(transaction) => &transaction.trace,
        Inquiry::LastFailed(trace) => trace,
    };
    if before.is_of_another_terminal(last) {
        return unknown("the terminal was exchanged; read the journal of the previous one".into());
    }
    let Inquiry::Last(last) = inquiry else {
        return not_charged("the terminal's last transaction failed");
    };
    // If there was none before, any identifiable transaction is new.
    let same = if *before == Numbers::default() {
        last.trace.can_be_compared().then_some(false)
    } else {
        before.same(&last.trace)
    };
    match same {
        Some(true) => not_charged("the terminal's last transaction is from before this payment"),
        Some(false) if last.amount == asked => Resolution::Charged(last.into()),
        Some(false) => unknown(format!(
            "the terminal's last transaction has {} minor units of currency {}, this payment {} of currency {}: \
             somebody used the terminal in between",
            last.amount.minor, last.amount.currency, asked.minor, asked.currency
        )),
        None => unknown(
            "the terminal's trace and receipt numbers do not distinguish its last transaction from the previous one"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Amount = Amount { minor: 500, currency: 840 };

    fn trace(number: u32) -> Numbers {
        Numbers { terminal_id: Some("52523535".into()), trace: Some(number), receipt: Some(1) }
    }

    fn transaction(trace: Numbers, minor: u64) -> Inquiry {
        Inquiry::Last(Transaction {
            amount: Amount { minor, currency: 840 },
            trace,
            time: None,
            card: None,
            card_name: None,
            receipt_text: vec![],
        })
    }

    fn judged(before: Option<&Numbers>, inquiry: Inquiry) -> &'static str {
        match judge(before, ASKED, inquiry) {
            Resolution::Charged(_) => "charged",
            Resolution::NotCharged { .. } => "not",
            Resolution::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let charged = |inquiry| judged(Some(&trace(7)), inquiry);
        assert_eq!(charged(Inquiry::Nothing), "unknown", "a new terminal in place of the one used");
        assert_eq!(judged(Some(&Numbers::default()), Inquiry::Nothing), "not");
        assert_eq!(charged(transaction(trace(7), 500)), "not", "the previous customer paid the same amount");
        assert_eq!(charged(transaction(trace(8), 500)), "charged");
        assert_eq!(charged(transaction(trace(8), 501)), "unknown");
        assert_eq!(charged(Inquiry::LastFailed(trace(8))), "not");
        assert_eq!(charged(transaction(Numbers::default(), 500)), "unknown");
        let elsewhere = Numbers { terminal_id: Some("11111111".into()), ..trace(8) };
        assert_eq!(charged(transaction(elsewhere.clone(), 500)), "unknown");
        assert_eq!(charged(Inquiry::LastFailed(elsewhere)), "unknown");
        assert_eq!(
            charged(transaction(Numbers { receipt: Some(2), ..trace(7) }, 500)),
            "unknown",
            "contradicting numbers"
        );
        assert_eq!(judged(None, transaction(trace(8), 500)), "not", "no payment is sent without a journal");
    }

    #[test]
    fn the_first_transaction_of_a_terminal_is_this_payment() {
        assert_eq!(judged(Some(&Numbers::default()), transaction(trace(1), 500)), "charged");
        assert_eq!(judged(Some(&Numbers::default()), transaction(Numbers::default(), 500)), "unknown");
    }

    #[test]
    fn a_different_currency_is_a_different_amount() {
        let euros = Amount { minor: 500, currency: 978 };
        let judged = judge(Some(&trace(7)), euros, transaction(trace(8), 500));
        assert!(matches!(judged, Resolution::Unknown { .. }));
    }
}
