//! MQTT 5 packets, as far as a proxy must know them (sections 2.1 and 3.3 of the standard).

/// The highest remaining length, in bytes: four bytes of seven bits.
const MOST: usize = 268_435_455;

/// A whole packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet(pub(super) Vec<u8>);

/// Cuts a stream of bytes into packets.
#[derive(Debug, Default)]
pub struct Framer(Vec<u8>);

impl Framer {
    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole packet, if it is there.
    ///
    /// # Errors
    /// The bytes are not MQTT.
    pub fn packet(&mut self) -> Result<Option<Packet>, String> {
        let (mut length, mut header) = (0, 1);
        loop {
            let Some(byte) = self.0.get(header) else { return Ok(None) };
            length |= usize::from(byte & 0x7f) << (7 * (header - 1));
            header += 1;
            if byte & 0x80 == 0 {
                break;
            }
            if header > 4 {
                return Err("the remaining length has more than four bytes".into());
            }
        }
        if self.0.len() < header + length {
            return Ok(None);
        }
        let rest = self.0.split_off(header + length);
        Ok(Some(Packet(std::mem::replace(&mut self.0, rest))))
    }
}

impl Packet {
    /// Whether it is a PUBLISH.
    pub fn is_publish(&self) -> bool {
        self.0.first().is_some_and(|byte| byte >> 4 == 3)
    }

    /// The topic of a PUBLISH.
    pub fn topic(&self) -> Option<&str> {
        let (_, topic) = self.split().filter(|_| self.is_publish())?;
        std::str::from_utf8(topic).ok()
    }

    /// A copy of a PUBLISH at quality of service 0: it arrives once more, and nobody acknowledges it.
    pub fn copy(&self) -> Option<Self> {
        let (body, topic) = self.split().filter(|_| self.is_publish())?;
        let first = *self.0.first()?;
        let (name, rest) = body.split_at_checked(2 + topic.len())?;
        let has_id = first & 0b0110 != 0;
        let rest = if has_id { rest.get(2..)? } else { rest };
        let mut copy = vec![first & !0b1110];
        let mut length = name.len() + rest.len();
        if length > MOST {
            return None;
        }
        loop {
            let [byte, ..] = length.to_le_bytes();
            length >>= 7;
            copy.push(if length > 0 { byte | 0x80 } else { byte & 0x7f });
            if length == 0 {
                break;
            }
        }
        copy.extend_from_slice(name);
        copy.extend_from_slice(rest);
        Some(Self(copy))
    }

    /// Everything behind the fixed header, and the text that it begins with.
    fn split(&self) -> Option<(&[u8], &[u8])> {
        let header = 1 + self.0.get(1..)?.iter().take(4).position(|byte| byte & 0x80 == 0)? + 1;
        let body = self.0.get(header..)?;
        let length = usize::from(u16::from_be_bytes(body.get(..2)?.try_into().ok()?));
        Some((body, body.get(2..2 + length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// QoS 1, retained, topic `a/b`, id 7, no properties, 200 bytes of payload.
    fn publish() -> Packet {
        let mut bytes = vec![0b0011_0011, 0xd0, 1, 0, 3, b'a', b'/', b'b', 0, 7, 0];
        bytes.extend([9; 200]);
        Packet(bytes)
    }

    #[test]
    fn packets_are_found_however_their_bytes_come() {
        let ping = Packet(vec![0xc0, 0]);
        let stream = [ping.0.clone(), publish().0, ping.0.clone()].concat();
        let (mut framer, mut found) = (Framer::default(), Vec::new());
        for byte in stream {
            framer.feed(&[byte]);
            found.extend(framer.packet().unwrap());
        }
        assert_eq!(found, [ping.clone(), publish(), ping]);
        framer.feed(&[0x30, 0xff, 0xff, 0xff, 0xff]);
        assert!(framer.packet().is_err());
    }

    #[test]
    fn a_copy_says_the_same_without_an_id() {
        let copy = publish().copy().unwrap();
        assert_eq!((publish().topic(), copy.topic()), (Some("a/b"), Some("a/b")));
        assert_eq!(copy.0[..9], [0b0011_0001, 0xce, 1, 0, 3, b'a', b'/', b'b', 0]);
        assert_eq!(copy.0[9..], [9; 200]);
        assert_eq!(copy.copy().unwrap(), copy);
        assert_eq!(Packet(vec![0xc0, 0]).copy(), None);
    }
}
