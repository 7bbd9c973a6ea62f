//! Decides whether a payment in doubt was charged: a pure comparison of the journal from before it with the terminal's
//! last transaction.
//!
//! A transaction is identified by terminal, trace, receipt and amount. The amount alone never decides, because the
//! previous customer may have paid the same. The terminal reports its id when the hub registers, so that a new terminal
//! in its place is recognised even if neither has a transaction.
//!
//! | journal before the payment | terminal's last transaction | result |
//! | --- | --- | --- |
//! | nothing was known | any | not charged: the driver sends no such payment |
//! | of another terminal | any | unknown: the terminal was exchanged |
//! | no transaction, or the terminal has no id | any | unknown: the terminal may have been exchanged |
//! | no transaction | none | not charged |
//! | a transaction | none | unknown: the terminal was reset |
//! | a transaction | the same | not charged |
//! | a transaction, or none | a different one, approved, same amount | charged |
//! | a transaction, or none | a different one, approved, different amount | unknown: somebody used it by hand |
//! | any | a different one, failed | not charged |
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
    /// The terminal has no transaction; this is its id.
    Nothing(Numbers),
}

impl Inquiry {
    fn numbers(&self) -> &Numbers {
        match self {
            Self::Last(transaction) => &transaction.trace,
            Self::LastFailed(numbers) | Self::Nothing(numbers) => numbers,
        }
    }
}

/// Compares the journal with the terminal's report.
pub(super) fn judge(before: Option<&Numbers>, asked: Amount, inquiry: Inquiry) -> Resolution {
    let not_charged = |why: &str| Resolution::NotCharged { why: why.to_owned() };
    let unknown = |why: String| Resolution::Unknown { why };
    let Some(before) = before else {
        return not_charged("the terminal had not reported its last transaction, so nothing was sent");
    };
    match before.same_terminal(inquiry.numbers()) {
        Some(false) => return unknown("the terminal was exchanged; read the journal of the previous one".into()),
        None if !before.can_be_compared() => {
            return unknown(
                "the terminal had no transaction before this payment and does not report its id, so it may have been \
                 exchanged; read its journal, and that of the previous one"
                    .into(),
            );
        }
        _ => {}
    }
    let last = match inquiry {
        Inquiry::Nothing(_) if before.can_be_compared() => {
            return unknown(
                "the terminal has no transaction, but had one before this payment: it was exchanged or reset; read \
                 the journal of the previous one"
                    .into(),
            );
        }
        Inquiry::Nothing(_) => return not_charged("the terminal has no transaction"),
        Inquiry::LastFailed(_) => return not_charged("the terminal's last transaction failed"),
        Inquiry::Last(last) => last,
    };
    // If there was none before, any identifiable transaction is new.
    let same =
        if before.can_be_compared() { before.same(&last.trace) } else { last.trace.can_be_compared().then_some(false) };
    match same {
        Some(true) => not_charged("the terminal's last transaction is from before this payment"),
        Some(false) if last.amount == asked => Resolution::Charged(last.into()),
        Some(false) => unknown(format!(
            "the terminal's last transaction has {}, this payment {asked}: somebody used the terminal in between",
            last.amount
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
        Inquiry::Last(Transaction { amount: Amount { minor, currency: 840 }, trace, ..Transaction::default() })
    }

    fn judged(before: Option<&Numbers>, inquiry: Inquiry) -> &'static str {
        match judge(before, ASKED, inquiry) {
            Resolution::Charged(_) => "charged",
            Resolution::NotCharged { .. } => "not",
            _ => "unknown",
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let charged = |inquiry| judged(Some(&trace(7)), inquiry);
        assert_eq!(charged(Inquiry::Nothing(terminal("52523535"))), "unknown", "it was reset");
        assert_eq!(charged(Inquiry::Nothing(Numbers::default())), "unknown", "perhaps a new one");
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

    fn terminal(id: &str) -> Numbers {
        Numbers { terminal_id: Some(id.into()), ..Numbers::default() }
    }

    #[test]
    fn the_first_transaction_of_a_terminal_is_this_payment() {
        let new = terminal("52523535");
        assert_eq!(judged(Some(&new), Inquiry::Nothing(new.clone())), "not");
        assert_eq!(judged(Some(&new), Inquiry::LastFailed(trace(1))), "not");
        assert_eq!(judged(Some(&new), transaction(trace(1), 500)), "charged");
        assert_eq!(judged(Some(&new), transaction(new.clone(), 500)), "unknown", "no numbers");
    }

    /// Neither terminal had a transaction before the payment.
    #[test]
    fn an_answer_of_another_new_terminal_proves_nothing() {
        for before in [terminal("11111111"), Numbers::default()] {
            for inquiry in [
                Inquiry::Nothing(terminal("52523535")),
                Inquiry::LastFailed(trace(1)),
                transaction(trace(1), 500),
                transaction(Numbers { terminal_id: None, ..trace(1) }, 500),
            ] {
                assert_eq!(judged(Some(&before), inquiry.clone()), "unknown", "{before:?}, {inquiry:?}");
            }
        }
    }

    #[test]
    fn a_different_currency_is_a_different_amount() {
        let euros = Amount { minor: 500, currency: 978 };
        let judged = judge(Some(&trace(7)), euros, transaction(trace(8), 500));
        let Resolution::Unknown { why } = judged else { panic!("{judged:?}") };
        assert!(why.contains("500 minor units of currency 840, this payment 500 minor units of currency 978"), "{why}");
    }
}
