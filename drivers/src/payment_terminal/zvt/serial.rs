//! The framing of ZVT on serial lines (PA00P016): `DLE STX`, the frame with every `10` doubled, `DLE ETX`, a CRC with
//! the low byte first. The receiver answers with `ACK` or `NAK`.
//!
//! The CRC-16 has the reflected polynomial 8408 and starts at 0; it covers the frame as it is, without doubling, and
//! the `ETX`.
//!
//! | failure | effect |
//! | --- | --- |
//! | a frame of ours is answered with `NAK`, or not within 5 s | sent again, at most three times; then closed |
//! | a frame of the terminal has a wrong CRC | answered with `NAK`; the terminal repeats it |
//! | a byte is outside a frame | dropped |
//! | a frame does not end | its first 64 KiB are dropped |

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep_until},
};

use super::apdu::{Decoder, MAX_DATA, encode};
use crate::transport::Wire;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ACK: u8 = 0x06;
const DLE: u8 = 0x10;
const NAK: u8 = 0x15;

/// The attempts to send a frame.
const ATTEMPTS: u32 = 3;

/// The limit for `ACK` or `NAK`.
const ANSWER: Duration = Duration::from_secs(5);

/// The bytes that wait between driver and line.
const BUFFER: usize = 4096;

/// A wire that carries frames as on TCP, over a serial line.
pub(super) fn unframed(line: Box<dyn Wire>) -> Box<dyn Wire> {
    let (near, far) = duplex(BUFFER);
    // It ends when either side is closed.
    tokio::spawn(carry(line, far));
    Box::new(near)
}

/// Carries frames until a side is closed or the line does not answer.
async fn carry(mut line: Box<dyn Wire>, mut driver: DuplexStream) {
    let (mut from_driver, mut from_line) = (Decoder::default(), Unframer::default());
    let mut waiting: VecDeque<Vec<u8>> = VecDeque::new();
    // The frame on the line, how often it was sent, and when it should have been answered.
    let mut sent: Option<(Vec<u8>, u32, Instant)> = None;
    let (mut near, mut far) = ([0; 1024], [0; 1024]);
    loop {
        if sent.is_none()
            && let Some(next) = waiting.pop_front()
        {
            sent = Some((next, 0, Instant::now()));
        }
        if let Some((frame, attempts @ 0, due)) = &mut sent {
            if line.write_all(frame).await.is_err() {
                return;
            }
            (*attempts, *due) = (1, Instant::now() + ANSWER);
        }
        let due = sent.as_ref().map(|(_, _, due)| *due);
        let mut is_refused = false;
        tokio::select! {
            read = driver.read(&mut near) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    from_driver.push(&near[..length]);
                    while let Some(apdu) = from_driver.next() {
                        waiting.push_back(frame(&encode(apdu.code, &apdu.data)));
                    }
                }
            },
            read = line.read(&mut far) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => for heard in from_line.push(&far[..length]) {
                    let answer = match heard {
                        Heard::Frame(apdu) if driver.write_all(&apdu).await.is_err() => return,
                        Heard::Frame(_) => ACK,
                        Heard::Damaged => NAK,
                        Heard::Ack => {
                            sent = None;
                            continue;
                        }
                        Heard::Nak => {
                            is_refused = true;
                            continue;
                        }
                    };
                    if line.write_all(&[answer]).await.is_err() {
                        return;
                    }
                },
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => is_refused = true,
        }
        if let Some((frame, attempts, due)) = sent.as_mut().filter(|_| is_refused) {
            if *attempts == ATTEMPTS || line.write_all(frame).await.is_err() {
                return;
            }
            (*attempts, *due) = (*attempts + 1, Instant::now() + ANSWER);
        }
    }
}

/// Frames an APDU.
fn frame(apdu: &[u8]) -> Vec<u8> {
    let mut framed = vec![DLE, STX];
    for byte in apdu {
        framed.push(*byte);
        if *byte == DLE {
            framed.push(DLE);
        }
    }
    framed.extend([DLE, ETX]);
    framed.extend(crc(apdu).to_le_bytes());
    framed
}

/// The CRC of a frame and the `ETX` after it.
fn crc(apdu: &[u8]) -> u16 {
    apdu.iter().chain([&ETX]).fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x8408 } else { crc >> 1 })
    })
}

/// What the line says.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Frame(Vec<u8>),
    Damaged,
    Ack,
    Nak,
}

/// Splits the bytes of a line.
#[derive(Default)]
struct Unframer {
    place: Place,
    frame: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Outside,
    /// A `DLE` outside a frame.
    Begin,
    Inside,
    /// A `DLE` inside a frame.
    Escaped,
    CrcLow,
    CrcHigh(u8),
}

impl Unframer {
    fn push(&mut self, bytes: &[u8]) -> Vec<Heard> {
        bytes.iter().filter_map(|byte| self.next(*byte)).collect()
    }

    fn next(&mut self, byte: u8) -> Option<Heard> {
        use Place as P;
        let (place, heard) = match (self.place, byte) {
            (P::Outside, ACK) => (P::Outside, Some(Heard::Ack)),
            (P::Outside, NAK) => (P::Outside, Some(Heard::Nak)),
            (P::Outside, DLE) => (P::Begin, None),
            (P::Begin | P::Escaped, STX) => {
                self.frame.clear();
                (P::Inside, None)
            }
            (P::Outside | P::Begin, _) => (P::Outside, None),
            (P::Inside, DLE) => (P::Escaped, None),
            (P::Inside, byte) | (P::Escaped, byte @ DLE) => {
                self.frame.push(byte);
                if self.frame.len() > MAX_DATA + 5 { (P::Outside, Some(Heard::Damaged)) } else { (P::Inside, None) }
            }
            (P::Escaped, ETX) => (P::CrcLow, None),
            (P::Escaped, _) => (P::Outside, Some(Heard::Damaged)),
            (P::CrcLow, low) => (P::CrcHigh(low), None),
            (P::CrcHigh(low), high) => {
                let frame = std::mem::take(&mut self.frame);
                let is_whole = crc(&frame) == u16::from_le_bytes([low, high]);
                (P::Outside, Some(if is_whole { Heard::Frame(frame) } else { Heard::Damaged }))
            }
        };
        self.place = place;
        heard
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_the_published_bytes() {
        // From ecrterm's tests: the completion of an enquiry, and a sale over EUR 10.00 with a doubled 10.
        let enquired = [0x06, 0x0f, 0x0b, 0xf0, 0xf0, 0xf7, 0x32, 0x2e, 0x31, 0x34, 0x2e, 0x31, 0x35, 0x00];
        assert_eq!(frame(&enquired), [&[0x10, 0x02], &enquired[..], &[0x10, 0x03, 0xb1, 0x11]].concat());
        let sale = [0x06, 0x01, 0x0a, 0x04, 0, 0, 0, 0, 0x10, 0, 0x49, 0x09, 0x78];
        let wire =
            [0x10, 0x02, 0x06, 0x01, 0x0a, 0x04, 0, 0, 0, 0, 0x10, 0x10, 0, 0x49, 0x09, 0x78, 0x10, 0x03, 0x27, 0x60];
        assert_eq!(frame(&sale), wire);
        for (apdu, crc_on_wire) in
            [([0x80, 0, 0], [0xf5, 0x1f]), ([0x06, 0x0f, 0], [0xc6, 0x33]), ([0x84, 0x83, 0], [0x91, 0x8e])]
        {
            assert_eq!(crc(&apdu).to_le_bytes(), crc_on_wire);
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_and_the_next_is_read() {
        let mut unframer = Unframer::default();
        let mut damaged = frame(&[0x80, 0, 0]);
        damaged[3] ^= 1;
        let wire = [&[0xff, ACK][..], &damaged, &[NAK], &frame(&[0x06, 0x0f, 0])].concat();
        let heard = [Heard::Ack, Heard::Damaged, Heard::Nak, Heard::Frame(vec![0x06, 0x0f, 0])];
        assert_eq!(unframer.push(&wire), heard);
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_is_sent_three_times_and_then_the_link_is_closed() {
        let (line, mut device) = duplex(256);
        let mut wire = unframed(Box::new(line));
        wire.write_all(&[0x05, 0x01, 0x00]).await.unwrap();
        let framed = frame(&[0x05, 0x01, 0x00]);
        // Refused once, then not answered.
        for refused in [true, false, false] {
            let mut heard = vec![0; framed.len()];
            device.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, framed);
            if refused {
                device.write_all(&[NAK]).await.unwrap();
            }
        }
        assert_eq!(device.read(&mut [0; 1]).await.unwrap(), 0, "closed");
        assert_eq!(wire.read(&mut [0; 1]).await.unwrap(), 0, "closed");
    }

    proptest! {
        #[test]
        fn frames_are_read_however_they_are_split(apdu in proptest::collection::vec(any::<u8>(), 0..400),
            cut in 1_usize..20) {
            let mut unframer = Unframer::default();
            let heard: Vec<Heard> = frame(&apdu).chunks(cut).flat_map(|chunk| unframer.push(chunk)).collect();
            prop_assert_eq!(heard, [Heard::Frame(apdu)]);
        }

        #[test]
        fn the_unframer_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = Unframer::default().push(&bytes);
        }
    }
}
