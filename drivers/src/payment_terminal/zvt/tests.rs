//! The driver's frames as an independent implementation reads them: the `zvt` crate.

use zvt::{ZvtSerializer, packets};

use super::apdu;

#[test]
fn an_independent_parser_reads_what_the_driver_sends_and_the_other_way() {
    let registration = apdu::encode((0x06, 0x00), &[0x12, 0x34, 0x56, 0x9e, 0x09, 0x78]);
    let (read, rest) = packets::Registration::zvt_deserialize(&registration).unwrap();
    assert!(rest.is_empty());
    assert_eq!((read.password, read.config_byte, read.currency), (123_456, 0x9e, Some(978)));

    let status = packets::StatusInformation {
        result_code: Some(0),
        amount: Some(1234),
        trace_number: Some(77),
        receipt_no: Some(12),
        currency: Some(978),
        terminal_id: Some(52_523_535),
        ..packets::StatusInformation::default()
    };
    let mut decoder = apdu::Decoder::default();
    decoder.push(&status.zvt_serialize());
    let frame = decoder.next().unwrap();
    assert_eq!(frame.code, (0x04, 0x0f));
    let fields = super::bmp::parse(&frame.data);
    assert_eq!((fields.result, fields.minor, fields.currency), (Some(0), Some(1234), Some(978)));
    assert_eq!((fields.trace.trace, fields.trace.receipt), (Some(77), Some(12)));
    assert_eq!(fields.trace.terminal_id.as_deref(), Some("52523535"));
}
