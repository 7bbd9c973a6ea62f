//! A terminal's transaction and the numbers that identify it.
//!
//! ZVT carries no id of the register. So the numbers of the terminal's last transaction are stored before a payment,
//! and compared with those of its last transaction after a lost link. Both the dialogue and the settling of doubts use
//! one comparison, [`Numbers::same`].

use serde::{Deserialize, Serialize};

use crate::payment_terminal::{Amount, Entry, MaskedPan, Record, TerminalReference};

/// The numbers of a transaction. Without trace and receipt, the terminal has no transaction yet.
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
        if self.same_terminal(other) == Some(false) {
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

    /// Whether both are of the same terminal; `None` if one of them has no terminal id.
    pub(super) fn same_terminal(&self, other: &Self) -> Option<bool> {
        Some(self.terminal_id.as_ref()? == other.terminal_id.as_ref()?)
    }

    /// Whether there is a transaction: a number that identifies it.
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

/// A charge that is to be reversed or refunded: a receipt number, which is unique at one terminal only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Original {
    terminal_id: Option<String>,
    pub(super) receipt: u16,
}

impl Original {
    /// Reads a reference of this protocol; `None` if it has no receipt number.
    pub(super) fn of(reference: &TerminalReference) -> Option<Self> {
        let receipt = reference.get("receipt")?.parse().ok().filter(|number| *number < 10_000)?;
        Some(Self { terminal_id: reference.get("terminal_id").map(str::to_owned), receipt })
    }

    /// Requires that the terminal with this last transaction made the charge. On another one, the receipt number is
    /// that of another customer.
    pub(super) fn require_at(&self, last: &Numbers) -> Result<(), String> {
        match (&self.terminal_id, &last.terminal_id) {
            (Some(own), Some(here)) if own != here => Err(format!(
                "terminal {own} made the charge, and this is terminal {here}: use the menu of terminal {own}"
            )),
            _ => Ok(()),
        }
    }
}

/// A transaction as recorded by the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) amount: Amount,
    pub(super) trace: Numbers,
    /// Date (MMDD) and time (HHMMSS) as sent by the terminal.
    pub(super) time: Option<String>,
    pub(super) card: Option<MaskedPan>,
    pub(super) card_name: Option<String>,
    pub(super) entry: Option<Entry>,
    pub(super) authorisation: Option<String>,
    pub(super) offline: bool,
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
            entry: transaction.entry,
            authorisation: transaction.authorisation,
            token: None,
            offline: transaction.offline,
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
        assert_eq!(Original::of(&reference), None);
    }

    #[test]
    fn a_charge_is_only_known_at_its_terminal() {
        for (own, here, known) in [("a", "a", true), ("a", "b", false), ("", "b", true), ("a", "", true)] {
            let original = Original::of(&trace(own, None, Some(231)).reference()).unwrap();
            assert_eq!(original.receipt, 231);
            assert_eq!(original.require_at(&trace(here, Some(8), Some(9))).is_ok(), known, "{own:?} {here:?}");
        }
    }
}
