//! A terminal's transaction and the numbers that identify it.
//!
//! ZVT carries no id of the register. So the numbers of the terminal's last transaction are stored before a payment,
//! and compared with those of its last transaction after a lost link. Both the dialogue and the settling of doubts use
//! one comparison, [`Numbers::same`].

use serde::{Deserialize, Serialize};

use crate::payment_terminal::{Amount, MaskedPan, Record, TerminalReference};

/// The numbers of a transaction. Without any, it means "no transaction yet".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbers {
    /// The terminal (BMP 29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) terminal_id: Option<String>,
    /// Trace number (BMP 0B).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<u32>,
    /// Receipt number (BMP 87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<u16>,
}

impl Numbers {
    /// Whether both are the same transaction of the same terminal; `None` if the numbers do not decide.
    ///
    /// | trace numbers | receipt numbers | same |
    /// | --- | --- | --- |
    /// | differ | any | no |
    /// | equal | equal, or one is missing | yes |
    /// | equal | differ | undecided: one of the numbers was counted differently |
    /// | one is missing | equal / differ | yes / no |
    /// | one is missing | one is missing | undecided |
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        if self.is_of_another_terminal(other) {
            return Some(false);
        }
        let equal = |pair: Option<(u32, u32)>| pair.map(|(one, other)| one == other);
        let traces = equal(self.trace.zip(other.trace));
        let receipts = equal(self.receipt.map(u32::from).zip(other.receipt.map(u32::from)));
        match (traces, receipts) {
            (Some(true), Some(false)) | (None, None) => None,
            (Some(same), _) | (None, Some(same)) => Some(same),
        }
    }

    /// Whether both name a terminal, and a different one.
    pub(super) fn is_of_another_terminal(&self, other: &Self) -> bool {
        self.terminal_id.as_ref().zip(other.terminal_id.as_ref()).is_some_and(|(one, other)| one != other)
    }

    /// Whether there is a number that identifies it.
    pub(super) fn can_be_compared(&self) -> bool {
        self.trace.is_some() || self.receipt.is_some()
    }

    fn reference(&self) -> TerminalReference {
        let entries = [
            ("terminal_id", self.terminal_id.clone()),
            ("trace", self.trace.map(|number| number.to_string())),
            ("receipt", self.receipt.map(|number| number.to_string())),
        ];
        let entries = entries.into_iter().filter_map(|(name, value)| Some((name, value?)));
        entries.fold(TerminalReference::default(), |reference, (name, value)| reference.with(name, &value))
    }
}

/// The receipt number in a reference of this protocol; a reversal needs it.
pub(super) fn receipt_of(reference: &TerminalReference) -> Option<u16> {
    reference.get("receipt")?.parse().ok().filter(|number| *number < 10_000)
}

/// A transaction as recorded by the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) amount: Amount,
    pub(super) trace: Numbers,
    /// Date (MMDD) and time (HHMMSS) as sent by the terminal.
    pub(super) time: Option<String>,
    pub(super) card: Option<MaskedPan>,
    pub(super) card_name: Option<String>,
    pub(super) receipt_text: Vec<String>,
}

impl From<Transaction> for Record {
    fn from(transaction: Transaction) -> Self {
        Self {
            amount: transaction.amount,
            reference: transaction.trace.reference(),
            terminal_time: transaction.time,
            masked_pan: transaction.card,
            scheme: transaction.card_name,
            receipt_text: transaction.receipt_text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(terminal: &str, trace: Option<u32>, receipt: Option<u16>) -> Numbers {
        Numbers { terminal_id: (!terminal.is_empty()).then(|| terminal.into()), trace, receipt }
    }

    #[test]
    fn every_row_of_the_comparison() {
        for (one, other, same) in [
            ((Some(7), Some(1)), (Some(8), Some(1)), Some(false)),
            ((Some(7), Some(1)), (Some(8), Some(2)), Some(false)),
            ((Some(7), Some(1)), (Some(7), Some(1)), Some(true)),
            ((Some(7), Some(1)), (Some(7), None), Some(true)),
            ((Some(7), Some(1)), (Some(7), Some(2)), None),
            ((None, Some(1)), (Some(7), Some(1)), Some(true)),
            ((None, Some(1)), (Some(7), Some(2)), Some(false)),
            ((None, Some(1)), (Some(7), None), None),
            ((None, None), (None, None), None),
        ] {
            let (one, other) = (trace("a", one.0, one.1), trace("a", other.0, other.1));
            assert_eq!((one.same(&other), other.same(&one)), (same, same), "{one:?} {other:?}");
        }
        let (here, there, nowhere) =
            (trace("a", Some(7), Some(1)), trace("b", Some(7), Some(1)), trace("", Some(7), Some(1)));
        assert_eq!((here.same(&there), here.same(&nowhere)), (Some(false), Some(true)));
    }

    #[test]
    fn a_reference_has_the_numbers_of_the_transaction() {
        let reference = trace("52523535", Some(7), None).reference();
        let entries: Vec<_> = reference.iter().collect();
        assert_eq!(entries, [("terminal_id", "52523535"), ("trace", "7")]);
        assert_eq!(receipt_of(&reference), None);
        assert_eq!(receipt_of(&trace("", None, Some(231)).reference()), Some(231));
    }
}
