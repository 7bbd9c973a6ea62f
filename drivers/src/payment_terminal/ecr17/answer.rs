//! Answers: fields at fixed places.

use crate::payment_terminal::{Entry, MaskedPan, scrub::scrub};

/// The payload of an answer: ASCII, with fields at fixed places.
pub(super) struct Answer(pub(super) String);

impl Answer {
    /// A field by its place, counted from 1; `None` if it is not there as a whole.
    pub(super) fn field(&self, place: usize, length: usize) -> Option<&str> {
        self.0.get(place - 1..place - 1 + length)
    }

    /// 00 done, 01 refused, 05 no card, 09 unknown tag.
    pub(super) fn result(&self) -> Option<&str> {
        self.field(11, 2)
    }

    /// The transaction's number.
    pub(super) fn stan(&self) -> Option<&str> {
        self.field(60, 6).filter(|stan| stan.bytes().all(|byte| byte.is_ascii_digit()) && *stan != "000000")
    }

    /// The reason of a refusal.
    pub(super) fn why(&self) -> String {
        self.text(13, 24).unwrap_or_else(|| "declined".into())
    }

    pub(super) fn time(&self) -> Option<String> {
        self.field(41, 7).map(str::to_owned)
    }

    /// The card: at most the first six and the last four digits.
    pub(super) fn card(&self) -> Option<MaskedPan> {
        let pan = self.field(13, 19)?.trim_start_matches('0');
        let leading: String = if pan.len() < 13 { String::new() } else { pan.chars().take(6).collect() };
        let tail = pan.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        Some(MaskedPan::new(&leading, &tail))
    }

    pub(super) fn scheme(&self) -> Option<String> {
        self.text(49, 11)
    }

    pub(super) fn entry(&self) -> Option<Entry> {
        match self.field(32, 3)? {
            "ICC" => Some(Entry::Chip),
            "MAG" => Some(Entry::Stripe),
            "CLI" | "CLM" => Some(Entry::Contactless),
            "MAN" => Some(Entry::Manual),
            _ => None,
        }
    }

    pub(super) fn authorisation(&self) -> Option<String> {
        self.text(35, 6)
    }

    fn text(&self, place: usize, length: usize) -> Option<String> {
        self.field(place, length).map(|text| scrub(text.trim())).filter(|text| !text.is_empty())
    }
}
