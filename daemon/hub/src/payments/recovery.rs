//! Whether a payment in doubt was charged: a pure comparison of what was journalled with what the terminal says.
//!
//! ZVT knows no id of ours; a transaction is known by (terminal, trace, receipt, amount). The amount alone must never match: the customer before may
//! have paid the same.
//!
//! | the terminal's last transaction | verdict |
//! | --- | --- |
//! | none at all | not charged |
//! | the one journalled before this payment | not charged |
//! | another, approved, same amount | charged |
//! | another, approved, other amount | unknown: somebody used the terminal by hand, ours may lie before it |
//! | another, failed | not charged |
//! | it gives no numbers to compare | unknown |

use drivers::payment_terminal::{Inquiry, Record, Trace};

/// What an inquiry proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The terminal booked it.
    Charged(Record),
    /// It did not.
    NotCharged,
    /// It can't be told.
    Unknown(String),
}

/// Compares. `before` is the terminal's last transaction as journalled before the payment, `minor` and `currency` its amount.
pub fn judge(before: &Trace, minor: u64, currency: u16, inquiry: Inquiry) -> Verdict {
    match inquiry {
        Inquiry::Nothing | Inquiry::LastFailed { .. } => Verdict::NotCharged,
        Inquiry::Last(record) => match is_same(before, &record.trace) {
            Some(true) => Verdict::NotCharged,
            Some(false) if record.amount.minor == minor && record.amount.currency == currency => {
                Verdict::Charged(record)
            }
            Some(false) => Verdict::Unknown(format!(
                "the terminal's last transaction is {} minor units, this payment is {minor}: somebody used the terminal in between",
                record.amount.minor
            )),
            None => Verdict::Unknown("the terminal gives no trace or receipt number to compare".into()),
        },
    }
}

/// Whether two traces name the same transaction; `None` if they have nothing to compare by.
fn is_same(before: &Trace, last: &Trace) -> Option<bool> {
    if *before == Trace::default() {
        // The terminal had made none: any is a new one, if it can be told at all.
        return (last.trace.is_some() || last.receipt.is_some()).then_some(false);
    }
    match (before.trace.zip(last.trace), before.receipt.zip(last.receipt)) {
        (Some((a, b)), _) => Some(a == b),
        (None, Some((a, b))) => Some(a == b),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use drivers::payment_terminal::Amount;

    use super::*;

    fn trace(number: u32) -> Trace {
        Trace { terminal_id: Some("52523535".into()), trace: Some(number), receipt: Some(1) }
    }

    fn record(number: u32, minor: u64) -> Inquiry {
        Inquiry::Last(Record {
            amount: Amount { minor, currency: 840 },
            trace: trace(number),
            terminal_time: None,
            card: None,
            card_name: None,
            receipt_text: vec![],
        })
    }

    #[test]
    fn every_row_of_the_table() {
        let charged = |inquiry| match judge(&trace(7), 500, 840, inquiry) {
            Verdict::Charged(_) => "charged",
            Verdict::NotCharged => "not",
            Verdict::Unknown(_) => "unknown",
        };
        assert_eq!(charged(Inquiry::Nothing), "not");
        assert_eq!(charged(record(7, 500)), "not", "the customer before paid the same amount");
        assert_eq!(charged(record(8, 500)), "charged");
        assert_eq!(charged(record(8, 501)), "unknown");
        assert_eq!(charged(Inquiry::LastFailed { code: 0x6c, trace: trace(8) }), "not");
        let Inquiry::Last(mut blank) = record(8, 500) else { unreachable!() };
        blank.trace = Trace::default();
        assert_eq!(charged(Inquiry::Last(blank)), "unknown");
    }

    #[test]
    fn a_terminals_first_transaction_is_ours() {
        assert!(matches!(judge(&Trace::default(), 500, 840, record(1, 500)), Verdict::Charged(_)));
    }

    #[test]
    fn another_currency_is_another_amount() {
        assert!(matches!(judge(&trace(7), 500, 978, record(8, 500)), Verdict::Unknown(_)));
    }
}
