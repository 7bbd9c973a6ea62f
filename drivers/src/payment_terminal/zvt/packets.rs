//! The commands that the hub sends, and the terminal's messages as the dialogue sees them.
//!
//! A message is reduced to what the hub may know ([`bmp`], [`text`]) when it is read; the raw frame is dropped.

use super::{
    Registration,
    apdu::{Apdu, encode},
    bmp::{self, Fields},
    result::progress_in_words,
    text,
};
use crate::payment_terminal::Amount;

/// The hub's commands. Codes from PA00P015; see the sources in the [module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `06 00`
    Register,
    /// `05 01`, without the password, which is only allowed together with a service byte.
    Enquire,
    /// `06 01`
    Authorise(Amount),
    /// `06 B0`
    Abort,
    /// `06 20`
    RepeatReceipt,
    /// `06 30`, for the transaction with this receipt number.
    Reverse(u16),
    /// `06 31`, for the transaction with this receipt number, or for none.
    Refund(Amount, Option<u16>),
    /// `06 50`
    CloseDay,
    /// `06 70`
    Diagnose,
    /// `80 00`
    Acknowledge,
    /// `84 66`: the goods were not handed over; the terminal reverses the payment.
    NotIssued,
    /// `84 83`: unknown or impossible.
    Impossible,
}

/// The configuration byte: 02 the hub prints payment receipts, 04 and administration receipts, 08 intermediate
/// statuses, 10 no amounts typed in at the terminal (required for `06 20` to report the result), 80 receipt text by
/// print messages.
const CONFIG: u8 = 0x9e;

impl Command {
    /// Encodes the frame.
    pub(super) fn encode(self, settings: &Registration) -> Vec<u8> {
        let password = settings.password.as_slice();
        match self {
            Self::Register => {
                encode((0x06, 0x00), &[password, &[CONFIG], &bcd(u64::from(settings.currency), 2)].concat())
            }
            Self::Enquire => encode((0x05, 0x01), &[]),
            Self::Authorise(amount) => {
                let (minor, currency) = (bcd(amount.minor, 6), bcd(u64::from(amount.currency), 2));
                encode((0x06, 0x01), &[&[0x04], minor.as_slice(), &[0x49], &currency].concat())
            }
            Self::Abort => encode((0x06, 0xb0), &[]),
            Self::RepeatReceipt => encode((0x06, 0x20), password),
            Self::Reverse(receipt) => encode((0x06, 0x30), &[password, &[0x87], &bcd(u64::from(receipt), 2)].concat()),
            Self::Refund(amount, receipt) => {
                let (minor, currency) = (bcd(amount.minor, 6), bcd(u64::from(amount.currency), 2));
                let receipt = receipt.map(|number| [&[0x87], bcd(u64::from(number), 2).as_slice()].concat());
                let receipt = receipt.unwrap_or_default();
                encode((0x06, 0x31), &[password, &[0x04], &minor, &[0x49], &currency, &receipt].concat())
            }
            Self::CloseDay => encode((0x06, 0x50), password),
            Self::Diagnose => encode((0x06, 0x70), &[]),
            Self::Acknowledge => encode((0x80, 0x00), &[]),
            Self::NotIssued => encode((0x84, 0x66), &[]),
            Self::Impossible => encode((0x84, 0x83), &[]),
        }
    }
}

/// The terminal's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// `80 00`, `84 00`: the command is taken. Its data, if any, is ignored.
    Taken,
    /// `84 xx`: the command is refused.
    Refused(u8),
    /// `04 0F`: the result of a transaction.
    Status(Fields),
    /// `04 FF`: progress, as the terminal puts it or by its code. Never a result, not even code 1C, "approved".
    Progress(String),
    /// `06 D1`, `06 D3`: text for the customer's receipt.
    Text(Vec<String>),
    /// `06 0F`: the end. In answer to an enquiry it has the state, where 00 is ready; in answer to the registration,
    /// the terminal's id. Both are meaningless after other commands.
    Completed { state: u8, terminal_id: Option<String> },
    /// `06 1E`: the end, without success.
    Aborted(u8),
    /// Anything else.
    Unknown,
}

impl Message {
    /// Decodes a frame.
    pub(super) fn of(frame: &Apdu) -> Self {
        let first = || frame.data.first().copied();
        match frame.code {
            (0x80 | 0x84, 0x00) => Self::Taken,
            (0x84, code) => Self::Refused(code),
            (0x04, 0x0f) => Self::Status(bmp::parse(&frame.data)),
            (0x04, 0xff) => Self::Progress(progress(&frame.data)),
            (0x06, 0xd1) => Self::Text(text::line(&frame.data)),
            (0x06, 0xd3) => Self::Text(text::block(&frame.data)),
            (0x06, 0x0f) => {
                Self::Completed { state: enquired(&frame.data), terminal_id: bmp::parse(&frame.data).trace.terminal_id }
            }
            // An abort without a code is a fault of the terminal: FF.
            (0x06, 0x1e) => Self::Aborted(first().unwrap_or(0xff)),
            _ => Self::Unknown,
        }
    }
}

/// An intermediate status: a code, a time-out, and perhaps a text for the display in the TLV container, which is used
/// if the code says so (FF).
fn progress(data: &[u8]) -> String {
    let code = data.first().copied().unwrap_or(0);
    let text = match (code, data) {
        (0xff, [_, _, 0x06, container @ ..] | [_, 0x06, container @ ..]) => text::display(container),
        _ => None,
    };
    text.unwrap_or_else(|| progress_in_words(code))
}

/// The state in the completion of an enquiry: alone, or after the software version, which has its length in three
/// digits (`F0 F0 F7 …`).
fn enquired(data: &[u8]) -> u8 {
    let state = match *data {
        // An empty completion is not a refusal.
        [] => Some(&0),
        [a @ 0xf0..=0xf9, b @ 0xf0..=0xf9, c @ 0xf0..=0xf9, ref rest @ ..] => {
            let length = [a, b, c].iter().fold(0, |length, digit| length * 10 + usize::from(digit & 0x0f));
            rest.get(length)
        }
        _ => data.first(),
    };
    // 9A: protocol error. An unreadable state is not "ready".
    state.copied().unwrap_or(0x9a)
}

/// Binary coded decimal in a fixed number of bytes.
fn bcd(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut coded = vec![0; bytes];
    for byte in coded.iter_mut().rev() {
        let pair = u8::try_from(number % 100).unwrap_or(0);
        *byte = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
    coded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: Registration = Registration { password: [0x12, 0x34, 0x56], currency: 978, serial: false };

    #[test]
    fn commands_are_the_published_bytes() {
        let euros = Command::Authorise(Amount { minor: 1000, currency: 978 });
        // From a capture of a sale over EUR 10.00, which is framed by DLE STX and DLE ETX.
        assert_eq!(euros.encode(&SETTINGS), [0x06, 0x01, 0x0a, 0x04, 0, 0, 0, 0, 0x10, 0, 0x49, 0x09, 0x78]);
        assert_eq!(Command::Register.encode(&SETTINGS), [0x06, 0x00, 0x06, 0x12, 0x34, 0x56, 0x9e, 0x09, 0x78]);
        assert_eq!(Command::Reverse(231).encode(&SETTINGS), [0x06, 0x30, 0x06, 0x12, 0x34, 0x56, 0x87, 0x02, 0x31]);
        assert_eq!(Command::RepeatReceipt.encode(&SETTINGS), [0x06, 0x20, 0x03, 0x12, 0x34, 0x56]);
        assert_eq!(Command::CloseDay.encode(&SETTINGS), [0x06, 0x50, 0x03, 0x12, 0x34, 0x56]);
        assert_eq!(Command::Diagnose.encode(&SETTINGS), [0x06, 0x70, 0x00]);
        let refund = Command::Refund(Amount { minor: 250, currency: 978 }, Some(31)).encode(&SETTINGS);
        let amount = [0x12, 0x34, 0x56, 0x04, 0, 0, 0, 0, 0x02, 0x50, 0x49, 0x09, 0x78, 0x87, 0x00, 0x31];
        assert_eq!(refund, [&[0x06, 0x31, 0x10], &amount[..]].concat());
        assert_eq!(Command::Acknowledge.encode(&SETTINGS), [0x80, 0x00, 0x00]);
        assert_eq!(Command::NotIssued.encode(&SETTINGS), [0x84, 0x66, 0x00]);
        assert_eq!(Command::Abort.encode(&SETTINGS), [0x06, 0xb0, 0x00]);
    }

    #[test]
    fn an_enquiry_is_answered_with_or_without_a_software_version() {
        let said = |data: &[u8]| Message::of(&Apdu { code: (0x06, 0x0f), data: data.to_vec() });
        let said = |data: &[u8]| match said(data) {
            Message::Completed { state, terminal_id: None } => state,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(&[0x9c]), 0x9c);
        assert_eq!(said(b"\xf0\xf0\xf72.14.15\x00"), 0);
        assert_eq!(said(b"\xf0\xf0\xf72.14.15\xdc"), 0xdc);
        assert_eq!(said(&[]), 0);
        assert_eq!(said(b"\xf0\xf0\xf72.14.15"), 0x9a, "cut off");
    }

    #[test]
    fn a_terminal_reports_its_id_at_the_registration() {
        let data = [0x19, 0x00, 0x29, 0x52, 0x52, 0x35, 0x35, 0x49, 0x09, 0x78];
        let said = Message::of(&Apdu { code: (0x06, 0x0f), data: data.to_vec() });
        assert_eq!(said, Message::Completed { state: 0x19, terminal_id: Some("52523535".into()) });
    }

    #[test]
    fn an_acknowledgement_may_carry_data() {
        assert_eq!(Message::of(&Apdu { code: (0x80, 0x00), data: vec![6; 1089] }), Message::Taken);
        assert_eq!(Message::of(&Apdu { code: (0x84, 0x9c), data: vec![] }), Message::Refused(0x9c));
    }

    proptest! {
        #[test]
        fn the_decoder_never_panics(code in any::<(u8, u8)>(), data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::of(&Apdu { code, data });
        }
    }
}
