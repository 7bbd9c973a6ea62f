//! The input and output of a payment, common to all protocols.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::scrub::scrub;

/// An amount in minor units of a currency given by its ISO 4217 number (978 is EUR, 840 USD).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Minor units, greater than zero.
    pub minor: u64,
    /// ISO 4217 numeric code.
    pub currency: u16,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minor units of currency {}", self.minor, self.currency)
    }
}

/// What a terminal is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Charge a card.
    Charge,
    /// Give money back to a card, for a transaction of this terminal or for none.
    Refund {
        /// The numbers of the charge.
        original: Option<TerminalReference>,
    },
    /// Cancel a charge of this terminal.
    Reversal {
        /// The numbers of the charge.
        original: TerminalReference,
    },
}

/// A transaction as stored by the hub before it is sent to the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The hub's own id of the transaction, for protocols that carry one: unique in the store, 1 to 10 letters and
    /// digits.
    pub reference: String,
    /// What to do.
    pub operation: Operation,
    /// The amount.
    pub amount: Amount,
    /// The terminal's [`journal`](super::PaymentTerminal::journal) before the payment.
    pub before: Journal,
}

/// The data that a driver needs to settle a payment in doubt. Opaque: only the driver that wrote it can read it.
///
/// The default means "nothing is known yet"; no driver sends a payment with such a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Journal(Value);

impl Journal {
    /// The maximum size of a journal, in bytes of JSON.
    pub const MAX_BYTES: usize = 1024;

    /// Makes a journal of a driver's own record. If the record is too long or not JSON (a bug of the driver), the
    /// journal is unknown, and no payment is sent.
    pub(crate) fn of(record: &impl Serialize) -> Self {
        serde_json::to_value(record).ok().and_then(|value| Self::try_from(value).ok()).unwrap_or_default()
    }

    /// The driver's own record; `None` if another driver wrote it.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.0.clone()).ok()
    }

    /// Whether nothing was known.
    pub fn is_unknown(&self) -> bool {
        self.0.is_null()
    }
}

impl TryFrom<Value> for Journal {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let bytes = value.to_string().len();
        if bytes > Self::MAX_BYTES {
            return Err(format!("Invalid terminal journal: {bytes} bytes; the maximum is {}", Self::MAX_BYTES));
        }
        Ok(Self(value))
    }
}

impl From<Journal> for Value {
    fn from(journal: Journal) -> Self {
        journal.0
    }
}

/// A terminal's numbers for a transaction, under the names of its protocol (`trace`, `receipt`).
///
/// Bounded, and free of card numbers: of any card number, only the first six and last four digits are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct TerminalReference(BTreeMap<String, String>);

impl TerminalReference {
    /// The maximum number of entries.
    pub const MAX_ENTRIES: usize = 6;
    /// The maximum length of a name, which has lower-case letters, digits and `_`.
    pub const MAX_NAME: usize = 24;
    /// The maximum length of a value, which has printable ASCII other than `"` and `\`.
    pub const MAX_VALUE: usize = 40;

    /// Adds an entry. Drops invalid characters, truncates what is too long, and ignores a seventh entry: a payment is
    /// not refused for its numbers.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        let clean: String = scrub(value).chars().filter(|char| may_stand(*char)).take(Self::MAX_VALUE).collect();
        if self.0.len() < Self::MAX_ENTRIES && !clean.is_empty() {
            self.0.insert(name.to_owned(), clean);
        }
        self
    }

    /// The value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All entries, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn may_stand(char: char) -> bool {
    (char.is_ascii_graphic() || char == ' ') && !matches!(char, '"' | '\\')
}

impl TryFrom<BTreeMap<String, String>> for TerminalReference {
    type Error = &'static str;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, &'static str> {
        let name_ok = |name: &str| {
            (1..=Self::MAX_NAME).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let value_ok = |value: &str| {
            (1..=Self::MAX_VALUE).contains(&value.len()) && value.chars().all(may_stand) && scrub(value) == value
        };
        if entries.len() > Self::MAX_ENTRIES || !entries.iter().all(|(name, value)| name_ok(name) && value_ok(value)) {
            return Err(
                "Invalid terminal reference: at most 6 entries, names of 1 to 24 lower-case letters, digits or \
                        `_`, values of 1 to 40 printable ASCII characters, no card numbers",
            );
        }
        Ok(Self(entries))
    }
}

impl From<TerminalReference> for BTreeMap<String, String> {
    fn from(reference: TerminalReference) -> Self {
        reference.0
    }
}

/// A masked card number: at most the first six and last four digits, by construction. PCI DSS 3.4.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaskedPan(String);

impl MaskedPan {
    /// Masks a card number, given its first digits (at most 6 are kept) and its last (at most 4 are kept).
    pub fn new(leading: &str, trailing: &str) -> Self {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let (leading, trailing) = (digits(leading), digits(trailing));
        let lead = leading.get(..6).unwrap_or(&leading);
        let tail = &trailing[trailing.len().saturating_sub(4)..];
        Self(format!("{lead}******{tail}"))
    }

    /// The masked number, such as `476173******0119`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MaskedPan {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once("******") {
            Some((lead, tail))
                if lead.len() <= 6
                    && tail.len() <= 4
                    && lead.bytes().chain(tail.bytes()).all(|byte| byte.is_ascii_digit()) =>
            {
                Ok(Self(text))
            }
            _ => Err("Invalid masked card number: at most six digits, six asterisks, at most four digits"),
        }
    }
}

impl From<MaskedPan> for String {
    fn from(pan: MaskedPan) -> Self {
        pan.0
    }
}

/// How a card was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Chip.
    Chip,
    /// Contactless card or phone.
    Contactless,
    /// Magnetic stripe.
    Stripe,
    /// Keyed in at the terminal.
    Manual,
    /// A code on a display.
    Qr,
}

/// A transaction as recorded by the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The authorised amount, which may differ from the requested one.
    pub amount: Amount,
    /// The terminal's numbers.
    pub reference: TerminalReference,
    /// The terminal's date and time, in the protocol's format.
    pub terminal_time: Option<String>,
    /// The masked card number, if the terminal sent it.
    pub masked_pan: Option<MaskedPan>,
    /// The card scheme or name, if the terminal sent it.
    pub scheme: Option<String>,
    /// How the card was read.
    pub entry: Option<Entry>,
    /// The bank's authorisation code.
    pub authorisation: Option<String>,
    /// The token of the card.
    pub token: Option<String>,
    /// Whether it was approved without the bank.
    pub offline: bool,
    /// The text for the customer's receipt, without anything like a card number.
    pub receipt_text: Vec<String>,
}

/// The totals of a closed day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// By scheme, as the terminal names it; those without a transaction are omitted.
    pub schemes: Vec<SchemeTotal>,
    /// The terminal's report, without anything like a card number.
    pub report: Vec<String>,
}

/// The total of a scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemeTotal {
    /// The scheme.
    pub scheme: String,
    /// The number of transactions.
    pub count: u32,
    /// Charges less refunds, in minor units.
    pub minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_reference_round_trips_and_keeps_no_card_number() {
        let reference = TerminalReference::default().with("trace", "17").with("card", "4761739001010119");
        assert_eq!(reference.get("card"), Some("476173******0119"));
        let json = serde_json::to_string(&reference).unwrap();
        assert_eq!(json, r#"{"card":"476173******0119","trace":"17"}"#);
        assert_eq!(read::<TerminalReference>(&json).unwrap(), reference);
    }

    #[test]
    fn a_reference_from_outside_is_bounded() {
        let long = "1".repeat(41);
        for bad in [
            r#"{"a":"1","b":"1","c":"1","d":"1","e":"1","f":"1","g":"1"}"#.to_owned(),
            format!(r#"{{"a":"{long}"}}"#),
            format!(r#"{{"{}":"1"}}"#, "a".repeat(25)),
            r#"{"Trace":"1"}"#.to_owned(),
            r#"{"trace":"4761739001010119"}"#.to_owned(),
            r#"{"trace":"a\nb"}"#.to_owned(),
        ] {
            assert!(read::<TerminalReference>(&bad).unwrap_err().contains("Invalid terminal reference"), "{bad}");
        }
        let cut = TerminalReference::default().with("trace", &format!("\"\\\n{long}"));
        assert_eq!(cut.get("trace").map(str::len), Some(40));
    }

    #[test]
    fn an_oversized_journal_is_unknown() {
        let kept = Journal::of(&[1, 2]);
        assert_eq!((kept.read::<Vec<u8>>(), kept.read::<String>()), (Some(vec![1, 2]), None));
        assert!(Journal::of(&"x".repeat(2000)).is_unknown());
        assert!(read::<Journal>(&format!("\"{}\"", "x".repeat(2000))).unwrap_err().contains("2002 bytes"));
        assert!(Journal::default().is_unknown() && !kept.is_unknown());
    }
}
