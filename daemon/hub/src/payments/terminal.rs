//! Between stored payments and terminals: what to send, and what the answer means.

use app::{
    Refusal,
    payments::{self, Approval, NOT_REVERSIBLE, Payment},
};
use commerce::{
    CardReference, EntryMode, Minor, PaymentState,
    payment::{self as life, Doubted, Finding},
};
use drivers::payment_terminal::{
    Amount, Capabilities, Entry, Inquiry, Intent, Journal, Operation, Record, Resolution, TerminalReference,
};

use crate::{digest, hub::Hub};

/// How the terminal can be asked, for the rules.
pub(super) fn inquiry(can: &Capabilities) -> life::Inquiry {
    match can.inquiry {
        Inquiry::ById => life::Inquiry::ById,
        Inquiry::LastOnly => life::Inquiry::LastOnly,
        Inquiry::None => life::Inquiry::None,
    }
}

/// Whether the state is that of a reversal.
pub(super) fn is_reversal(state: &PaymentState) -> bool {
    matches!(state, PaymentState::Reversing | PaymentState::Unknown { was: Doubted::Reversing, .. })
}

/// The transaction for the terminal's driver. A journal that no driver wrote settles nothing and is never sent.
pub(super) fn intent(hub: &Hub, payment: &Payment) -> Result<Intent, Refusal> {
    let is_reversal = is_reversal(&payment.state);
    let operation = match payment.refund_of {
        _ if is_reversal => Operation::Reversal { original: original(payment)? },
        Some(of) => Operation::Refund { original: Some(original(&payments::read(&hub.store, of)?)?) },
        None => Operation::Charge,
    };
    let minor = if is_reversal { payment.charged() } else { payment.amount };
    Ok(Intent {
        reference: reference(hub.store.epoch(), payment.id.0, is_reversal),
        operation,
        amount: Amount { minor: u64::try_from(minor.get()).unwrap_or(0), currency: hub.currency().number() },
        before: Journal::try_from(payment.before.clone()).unwrap_or_default(),
    })
}

/// The terminal's numbers of a charge.
fn original(payment: &Payment) -> Result<TerminalReference, Refusal> {
    let numbers = payment.card.as_ref().map(|card| card.reference.clone()).filter(|numbers| !numbers.is_empty());
    let reference =
        numbers.and_then(|numbers| TerminalReference::try_from(std::collections::BTreeMap::from(numbers)).ok());
    reference.ok_or_else(|| {
        let detail = format!("the terminal's numbers of payment {} are not known; use the terminal's menu", payment.id);
        NOT_REVERSIBLE.because(detail).member("left", 0)
    })
}

/// The hub's id of a transaction at its terminal: ten letters and digits, unique over restores of the store. Four name
/// the epoch, in seconds; six the transaction.
fn reference(epoch: u64, payment: u64, is_reversal: bool) -> String {
    let digits = |mut number: u64, length: usize| {
        let mut digits = vec![b'0'; length];
        for digit in digits.iter_mut().rev() {
            let value = u8::try_from(number % 36).unwrap_or(0);
            *digit = if value < 10 { b'0' + value } else { b'A' + value - 10 };
            number /= 36;
        }
        String::from_utf8_lossy(&digits).into_owned()
    };
    format!("{}{}", digits(epoch / 1000, 4), digits(payment * 2 + u64::from(is_reversal), 6))
}

/// Whether an approved amount can become a tender: the requested one, or a part of it where the terminal may approve a
/// part.
pub(super) fn is_acceptable(intent: &Intent, got: Amount, can: &Capabilities) -> bool {
    let is_part = can.partial && got.minor > 0 && got.minor < intent.amount.minor;
    got.currency == intent.amount.currency
        && (got.minor == intent.amount.minor || is_part && intent.operation == Operation::Charge)
}

/// What the terminal's answer to an inquiry means for the payment.
pub(super) fn finding(hub: &Hub, payment: &Payment, resolution: Resolution) -> (Finding, Option<Record>) {
    let is_reversal = is_reversal(&payment.state);
    match resolution {
        Resolution::Charged(_) if is_reversal => (Finding::Reversed, None),
        Resolution::Charged(record) => {
            let can = hub.devices.terminal(&payment.terminal).map(|device| device.capabilities());
            let fits = can
                .is_ok_and(|can| intent(hub, payment).is_ok_and(|intent| is_acceptable(&intent, record.amount, &can)));
            if fits {
                (Finding::Charged { offline: record.offline }, Some(record))
            } else {
                let why = format!("the terminal booked {} instead", record.amount);
                (Finding::Inconclusive { why }, None)
            }
        }
        // The terminal refuses to reverse it, so it is still charged.
        Resolution::NotCharged { .. } if is_reversal => (Finding::Charged { offline: false }, None),
        Resolution::NotCharged { why } => (Finding::NotCharged { why }, None),
        Resolution::NotFound { why } => (Finding::NotFound { why }, None),
        Resolution::Submitted(record) => (Finding::Submitted, (!is_reversal).then_some(record)),
        Resolution::Unknown { why } => (Finding::Inconclusive { why }, None),
    }
}

/// The terminal's data of an approval, for the store. A reversal does not change those of the charge.
pub(super) fn approval(payment: &Payment, record: &Record, identity_key: &str) -> Option<Approval> {
    if is_reversal(&payment.state) {
        return None;
    }
    let entry = record.entry.map(|entry| match entry {
        Entry::Chip => EntryMode::Chip,
        Entry::Contactless => EntryMode::Contactless,
        Entry::Stripe => EntryMode::Stripe,
        Entry::Manual => EntryMode::Manual,
        Entry::Qr => EntryMode::Qr,
    });
    Some(Approval {
        amount: i64::try_from(record.amount.minor).ok().and_then(Minor::new),
        masked_pan: record.masked_pan.as_ref().map(|pan| pan.as_str().to_owned()),
        scheme: record.scheme.clone(),
        entry,
        authorisation: record.authorisation.clone(),
        token: record.token.clone(),
        identity: record.token.as_ref().map(|token| digest::card(identity_key, token)),
        reference: CardReference::of(record.reference.iter()),
        receipt_text: record.receipt_text.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_ten_letters_and_digits_and_differ() {
        let first = reference(1_795_535_302_325, 1, false);
        assert_eq!((first.as_str(), first.len()), ("0JWM000002", 10));
        let others = [reference(1_795_535_302_325, 1, true), reference(1_795_535_302_325, 2, false)];
        assert!(!others.contains(&first) && !others.contains(&reference(1_795_535_309_000, 1, false)), "{others:?}");
        assert_eq!(reference(u64::MAX, u64::MAX / 4, true).len(), 10);
    }
}
