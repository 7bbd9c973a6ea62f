//! Cuts a byte stream into answers, however the bytes arrive.

/// How the answers of a protocol begin and end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The first byte; anything before it is noise.
    pub(super) start: Option<u8>,
    /// The end.
    pub(super) end: End,
    /// The bits that count: 7F where the eighth is the parity of a line with the wrong settings.
    pub(super) mask: u8,
}

/// The end of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// This byte, which is kept.
    At(u8),
    /// This many bytes in all.
    After(usize),
}

/// The longest answer of any scale. A longer one is garbage.
const LONGEST: usize = 96;

/// An answer in progress. Pure.
#[derive(Debug, Default)]
pub(super) struct Frame(Vec<u8>);

/// The answer was longer than any scale's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Vec<u8>);

impl Frame {
    /// Adds a byte; returns the answer once it is complete.
    pub(super) fn push(&mut self, byte: u8, shape: Shape) -> Option<Result<Vec<u8>, TooLong>> {
        let byte = byte & shape.mask;
        match shape.start {
            // Within a frame of a fixed length any byte may occur.
            Some(start) if byte == start && matches!(shape.end, End::At(_)) => self.0.clear(),
            Some(start) if byte != start && self.0.is_empty() => return None,
            _ => {}
        }
        self.0.push(byte);
        let ended = match shape.end {
            End::At(end) => byte == end,
            End::After(length) => self.0.len() >= length,
        };
        if ended {
            return Some(Ok(std::mem::take(&mut self.0)));
        }
        (self.0.len() >= LONGEST).then(|| Err(TooLong(std::mem::take(&mut self.0))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: Shape = Shape { start: Some(2), end: End::At(b'\r'), mask: 0x7f };

    #[test]
    fn noise_before_the_start_and_an_interrupted_answer_are_skipped() {
        let mut frame = Frame::default();
        let bytes = [&b"xx\x0200.1\x82"[..], b"00.550\x8d"].concat();
        let answers: Vec<_> = bytes.iter().filter_map(|byte| frame.push(*byte, TEXT)).collect();
        assert_eq!(answers, [Ok(b"\x0200.550\r".to_vec())]);
    }

    proptest! {
        #[test]
        fn every_answer_is_bounded(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            start in prop::option::of(any::<u8>()),
            end in any::<u8>(),
            length in 1_usize..40,
            fixed in any::<bool>(),
        ) {
            let end = if fixed { End::After(length) } else { End::At(end) };
            let mut frame = Frame::default();
            for byte in bytes {
                match frame.push(byte, Shape { start, end, mask: 0xff }) {
                    Some(Ok(answer) | Err(TooLong(answer))) => prop_assert!(answer.len() <= LONGEST),
                    None => prop_assert!(frame.0.len() < LONGEST),
                }
            }
        }
    }
}
