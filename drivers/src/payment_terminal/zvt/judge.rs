//! Whether a payment in doubt was charged: a pure comparison of what was journalled before it with the terminal's last
//! transaction.
//!
//! A transaction is known by (terminal, trace, receipt, amount). The amount alone never decides: the customer before
//! may have paid the same.
//!
//! | journalled before the payment | the terminal's last transaction | the payment was |
//! | --- | --- | --- |
//! | nothing was known | any | not charged: the driver sends no such payment |
//! | that there was none | none at all | not charged |
//! | a transaction | none at all | unknown: the terminal was exchanged or reset |
//! | a transaction | the same | not charged |
//! | a transaction, or that there was none | another one, approved, same amount | charged |
//! | a transaction, or that there was none | another one, approved, other amount | unknown: somebody used the terminal by hand, ours may lie before it |
//! | any | another one, failed | not charged |
//! | a transaction of another terminal | any | unknown: the terminal was exchanged |
//! | any | without numbers to compare | unknown |

use super::transaction::{Numbers, Transaction};
use crate::payment_terminal::{Amount, Resolution};

/// What the terminal told of its last transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inquiry {
    /// It was approved, whoever asked for it.
    Last(Transaction),
    /// It was declined or reversed; these are its numbers.
    LastFailed(Numbers),
    /// The terminal holds no transaction.
    Nothing,
}

/// Compares.
pub(super) fn judge(before: Option<&Numbers>, asked: Amount, inquiry: Inquiry) -> Resolution {
    let not_charged = |why: &str| Resolution::NotCharged { why: why.to_owned() };
    let unknown = |why: String| Resolution::Unknown { why };
    let Some(before) = before else {
        return not_charged("the terminal had not told its last transaction, so nothing was sent");
    };
    let last = match &inquiry {
        Inquiry::Nothing if *before == Numbers::default() => return not_charged("the terminal holds no transaction"),
        Inquiry::Nothing => {
            return unknown(
                "the terminal holds no transaction, and did before this payment: it was exchanged or reset; read the journal of \
                 the one before"
                    .into(),
            );
        }
        Inquiry::Last(transaction) => &transaction.trace,
        Inquiry::LastFailed(trace) => trace,
    };
    if before.is_of_another_terminal(last) {
        return unknown("the terminal was exchanged; read the journal of the one before".into());
    }
    let Inquiry::Last(last) = inquiry else {
        return not_charged("the terminal's last transaction failed");
    };
    // Where none had been made, any is a new one, if it can be told from others at all.
    let same = if *before == Numbers::default() {
        last.trace.can_be_compared().then_some(false)
    } else {
        before.same(&last.trace)
    };
    match same {
        Some(true) => not_charged("the terminal's last transaction is the one before this payment"),
        Some(false) if last.amount == asked => Resolution::Charged(last.into()),
        Some(false) => unknown(format!(
            "the terminal's last transaction is of {} minor units of currency {}, this payment of {} of currency {}: \
             somebody used the terminal in between",
            last.amount.minor, last.amount.currency, asked.minor, asked.currency
        )),
        None => unknown(
            "the terminal's trace and receipt numbers do not tell its last transaction from the one before".into(),
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
        assert_eq!(charged(Inquiry::Nothing), "unknown", "a fresh terminal in the place of the one that was asked");
        assert_eq!(judged(Some(&Numbers::default()), Inquiry::Nothing), "not");
        assert_eq!(charged(transaction(trace(7), 500)), "not", "the customer before paid the same amount");
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
    fn the_first_transaction_of_a_terminal_is_ours() {
        assert_eq!(judged(Some(&Numbers::default()), transaction(trace(1), 500)), "charged");
        assert_eq!(judged(Some(&Numbers::default()), transaction(Numbers::default(), 500)), "unknown");
    }

    #[test]
    fn another_currency_is_another_amount() {
        let euros = Amount { minor: 500, currency: 978 };
        let judged = judge(Some(&trace(7)), euros, transaction(trace(8), 500));
        assert!(matches!(judged, Resolution::Unknown { .. }));
    }
}
