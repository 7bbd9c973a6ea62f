//! Frames: class, instruction, length, data. A length of `FF` is followed by a two-byte length with the low byte first
//! (as in real captures).

/// The maximum length of a frame's data, in bytes.
pub(super) const MAX_DATA: usize = 64 * 1024 - 1;

/// A frame. It has no `Debug`, because it may contain card data.
pub(super) struct Apdu {
    /// The class and instruction.
    pub(super) code: (u8, u8),
    /// The data.
    pub(super) data: Vec<u8>,
}

/// Encodes a frame.
pub(super) fn encode(code: (u8, u8), data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![code.0, code.1];
    match u8::try_from(data.len()) {
        Ok(length) if length < 0xff => bytes.push(length),
        _ => {
            let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
            bytes.push(0xff);
            bytes.extend(length.to_le_bytes());
        }
    }
    bytes.extend(&data[..data.len().min(MAX_DATA)]);
    bytes
}

/// Splits a stream of bytes into frames; the network may split and merge them.
#[derive(Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next complete frame.
    pub(super) fn next(&mut self) -> Option<Apdu> {
        let (header, length) = match *self.pending.as_slice() {
            [_, _, 0xff, low, high, ..] => (5, usize::from(u16::from_le_bytes([low, high]))),
            [_, _, length, ..] if length != 0xff => (3, usize::from(length)),
            _ => return None,
        };
        let frame = self.pending.get(..header + length)?;
        let apdu = Apdu { code: (frame[0], frame[1]), data: frame[header..].to_vec() };
        self.pending.drain(..header + length);
        Some(apdu)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_captures_are_frames() {
        // Registration, completion, intermediate status, list of pre-authorisations.
        for capture in [
            &[0x06, 0x00, 0x06, 0x12, 0x34, 0x56, 0xde, 0x09, 0x78][..],
            &[0x06, 0x0f, 0x0a, 0x19, 0x10, 0x29, 0x52, 0x52, 0x35, 0x35, 0x49, 0x09, 0x78],
            &[0x04, 0xff, 0x01, 0x17],
            &[0x06, 0x1e, 0x04, 0xb8, 0x87, 0xff, 0xff],
        ] {
            let mut decoder = Decoder::default();
            decoder.push(capture);
            let apdu = decoder.next().unwrap();
            assert_eq!(encode(apdu.code, &apdu.data), capture);
            assert!(decoder.next().is_none());
        }
    }

    #[test]
    fn long_lengths_have_their_low_byte_first() {
        assert_eq!(&encode((0x06, 0xd3), &[0; 0x0461])[..5], [0x06, 0xd3, 0xff, 0x61, 0x04]);
    }

    #[test]
    fn a_frame_of_the_maximum_length_is_read() {
        let mut decoder = Decoder::default();
        decoder.push(&encode((0x06, 0xd3), &vec![7; MAX_DATA + 1]));
        assert_eq!(decoder.next().unwrap().data.len(), MAX_DATA);
        assert!(decoder.next().is_none());
    }

    proptest! {
        #[test]
        fn the_decoder_never_panics_and_buffers_at_most_a_frame(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2048), 0..60),
        ) {
            let mut decoder = Decoder::default();
            for chunk in chunks {
                decoder.push(&chunk);
                while decoder.next().is_some() {}
                prop_assert!(decoder.pending.len() < MAX_DATA + 5);
            }
        }

        /// However the bytes are split, the same frames are decoded.
        #[test]
        fn frames_survive_any_chunking(
            frames in proptest::collection::vec((any::<(u8, u8)>(), proptest::collection::vec(any::<u8>(), 0..600)),
                1..8),
            cut in 1_usize..50,
        ) {
            let wire: Vec<u8> = frames.iter().flat_map(|(code, data)| encode(*code, data)).collect();
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for chunk in wire.chunks(cut) {
                decoder.push(chunk);
                while let Some(apdu) = decoder.next() {
                    got.push((apdu.code, apdu.data));
                }
            }
            prop_assert_eq!(got, frames);
        }
    }
}
