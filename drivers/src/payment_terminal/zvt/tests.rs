//! The driver's frames compared with an independent implementation, in both directions: the `zvt` crate.

use proptest::prelude::*;
use zvt::{ZvtSerializer, packets};

use super::{
    Registration,
    apdu::Decoder,
    packets::{Command, Message},
};
use crate::payment_terminal::MaskedPan;

const SETTINGS: Registration = Registration { password: [0x12, 0x34, 0x56], currency: 978, serial: false };

/// The driver's interpretation of bytes from the wire.
fn heard(bytes: &[u8]) -> Message {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let frame = decoder.next().unwrap();
    assert!(decoder.next().is_none());
    Message::of(&frame)
}

#[test]
fn an_independent_parser_reads_the_drivers_commands() {
    let sent = Command::Register.encode(&SETTINGS);
    let (read, rest) = packets::Registration::zvt_deserialize(&sent).unwrap();
    assert!(rest.is_empty());
    assert_eq!((read.password, read.config_byte, read.currency), (123_456, 0x9e, Some(978)));
    assert_eq!(read.zvt_serialize(), sent);

    let sent = Command::Enquire.encode(&SETTINGS);
    let (read, rest) = packets::StatusEnquiry::zvt_deserialize(&sent).unwrap();
    assert!(rest.is_empty());
    assert_eq!(read, packets::StatusEnquiry { password: None, service_byte: None, tlv: None });
    assert_eq!(read.zvt_serialize(), sent);

    assert_eq!(packets::Ack {}.zvt_serialize(), Command::Acknowledge.encode(&SETTINGS));

    let sent = Command::CloseDay.encode(&SETTINGS);
    let (read, rest) = packets::EndOfDay::zvt_deserialize(&sent).unwrap();
    assert_eq!((read.password, rest.len()), (123_456, 0));
    let sent = Command::Diagnose.encode(&SETTINGS);
    let (read, rest) = packets::Diagnosis::zvt_deserialize(&sent).unwrap();
    assert_eq!((read.zvt_serialize(), rest.len()), (sent.clone(), 0));
}

#[test]
fn the_driver_reads_an_independent_encoders_messages() {
    assert_eq!(heard(&packets::Ack {}.zvt_serialize()), Message::Taken);
    assert_eq!(heard(&packets::Abort { error: 0x6c }.zvt_serialize()), Message::Aborted(0x6c));
    let progress = packets::IntermediateStatusInformation { status: 0x0a, timeout: Some(30) };
    assert_eq!(heard(&progress.zvt_serialize()), Message::Progress("insert or tap the card".into()));
    let line = packets::PrintLine { attribute: 0x40, text: "Card 4761739001010119".into() };
    assert_eq!(heard(&line.zvt_serialize()), Message::Text(vec!["Card 476173******0119".into()]));
}

#[test]
fn both_read_the_completion_of_an_enquiry_alike() {
    // As real terminals complete it: a version, the state, and perhaps a TLV container. (The crate's own encoder leaves
    // out the F in the length's digits, so it only decodes here.)
    for rest in [&[0x9c][..], &[0x00, 0x06, 0x06, 0x1f, 0x44, 0x03, 0x52, 0x52, 0x35]] {
        let data = [b"\xf0\xf1\xf0APP-v2.0.9", rest].concat();
        let frame = [&[0x06, 0x0f, u8::try_from(data.len()).unwrap()], data.as_slice()].concat();
        let (read, _) = packets::ReceiptPrintoutCompletion::zvt_deserialize(&frame).unwrap();
        let Message::Completed { state, .. } = heard(&frame) else { panic!("no completion") };
        assert_eq!(state, read.terminal_status_code);
    }
}

proptest! {
    /// The driver reads any numbers of a result as the independent encoder wrote them.
    #[test]
    fn results_are_read_as_encoded(
        code in any::<u8>(), minor in 0_usize..1_000_000_000_000, trace in 0_usize..1_000_000,
            receipt in 0_usize..10_000, time in 0_usize..240_000, date in 101_usize..1232,
    ) {
        let status = packets::StatusInformation {
            result_code: Some(code),
            amount: Some(minor),
            trace_number: Some(trace),
            receipt_no: Some(receipt),
            currency: Some(978),
            terminal_id: Some(52_523_535),
            time: Some(time),
            date: Some(date),
            card_number: Some(4_761_739_001_010_119),
            card_name: Some("VISA".into()),
            ..packets::StatusInformation::default()
        };
        let Message::Status(fields) = heard(&status.zvt_serialize()) else { panic!("no status") };
        prop_assert_eq!((fields.result, fields.minor, fields.currency),
            (Some(code), u64::try_from(minor).ok(), Some(978)));
        prop_assert_eq!((fields.trace.trace, fields.trace.receipt),
            (u32::try_from(trace).ok(), u16::try_from(receipt).ok()));
        prop_assert_eq!(fields.trace.terminal_id.as_deref(), Some("52523535"));
        prop_assert_eq!((fields.time, fields.date), (Some(format!("{time:06}")), Some(format!("{date:04}"))));
        prop_assert_eq!(fields.card.as_ref().map(MaskedPan::as_str), Some("476173******0119"));
        prop_assert_eq!((fields.card_name.as_deref(), fields.stopped_at), (Some("VISA"), None));
    }
}
