//! Requests as an independent encoder writes them, and frames from noise.

use proptest::prelude::*;

use super::{
    frame::{EOT, SOH},
    *,
};

fn protocol(lrc: Lrc) -> Ecr17 {
    Ecr17 { terminal_id: "12345678".into(), register_id: "87654321".into(), lrc, currency: 978 }
}

#[test]
fn an_independent_encoder_writes_the_same_requests() {
    use ecr17_protocol::{codec::PacketCodec, lrc::LrcMode, protocol as theirs};
    let (terminal, register) = ("12345678", "87654321");
    let ours = protocol(Lrc::Payload);
    let payment = theirs::build_payment(terminal, register, 650, '0', false, false, "").unwrap();
    assert_eq!((ours.payment(650).unwrap(), payment.len()), (payment.clone(), 167));
    assert_eq!(ours.payment(100_000_000), None);
    assert_eq!(ours.reversal("000042"), theirs::build_reversal(terminal, register, "000042").unwrap());
    assert_eq!(ours.last_result(), theirs::build_send_last_result(terminal, register, false).unwrap());
    assert_eq!(ours.closing(), theirs::build_close_session(terminal, register, false).unwrap());
    assert_eq!(ours.header('s'), theirs::build_status(terminal).unwrap());
    for (lrc, mode) in [
        (Lrc::Payload, LrcMode::Std),
        (Lrc::WithStx, LrcMode::StxNoext),
        (Lrc::WithEtx, LrcMode::Noext),
        (Lrc::WithBoth, LrcMode::Stx),
    ] {
        let (ours, theirs) = (protocol(lrc), PacketCodec::new(mode));
        let frame = ours.lrc.frame(payment.as_bytes());
        let agree = frame == theirs.encode_application(payment.as_bytes())
            && ours.lrc.control(ACK) == theirs.encode_control(ACK);
        // Their modes are named differently; each of ours must be one of theirs.
        let any = [LrcMode::Std, LrcMode::Stx, LrcMode::Noext, LrcMode::StxNoext]
            .into_iter()
            .any(|mode| PacketCodec::new(mode).encode_application(payment.as_bytes()) == frame);
        assert!(agree || any, "{lrc:?}");
    }
}

#[test]
fn frames_are_split_from_noise_and_checked() {
    let ours = protocol(Lrc::Payload);
    let mut damaged = ours.lrc.frame(b"AB");
    *damaged.last_mut().unwrap() ^= 1;
    let wire =
        [&b"xx"[..], &ours.lrc.control(ACK), &[SOH], b"INSERIRE CARTA", &[EOT], &damaged, &ours.lrc.frame(b"AB")];
    let mut reader = Reader { pending: wire.concat() };
    let heard: Vec<Heard> = std::iter::from_fn(|| reader.take(Lrc::Payload)).collect();
    let expected = [Heard::Ack, Heard::Progress("INSERIRE CARTA".into()), Heard::Damaged, Heard::Payload("AB".into())];
    assert_eq!(heard, expected);
}

proptest! {
    #[test]
    fn the_reader_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut reader = Reader { pending: bytes };
        while let Some(heard) = reader.take(Lrc::WithBoth) {
            if let Heard::Payload(payload) = heard {
                let answer = Answer(payload);
                let _ = (answer.result(), answer.stan(), answer.why());
            }
        }
    }
}
