//! Frames: `STX payload ETX LRC`, `SOH text EOT`, and the acknowledgements.

use serde::Deserialize;
use tokio::io::AsyncReadExt;

use crate::{
    payment_terminal::{scrub::scrub, simple::Trouble},
    transport::Wire,
};

pub(super) const SOH: u8 = 0x01;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
pub(super) const EOT: u8 = 0x04;
pub(super) const ACK: u8 = 0x06;
pub(super) const NAK: u8 = 0x15;

/// The longest frame.
const MAX_BYTES: usize = 2048;

/// Which bytes are part of the LRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lrc {
    /// The payload alone.
    #[default]
    Payload,
    /// With `STX`.
    WithStx,
    /// With `ETX`.
    WithEtx,
    /// With both.
    WithBoth,
}

impl Lrc {
    fn of(self, payload: &[u8]) -> u8 {
        let stx = matches!(self, Self::WithStx | Self::WithBoth).then_some(STX);
        let etx = matches!(self, Self::WithEtx | Self::WithBoth).then_some(ETX);
        payload.iter().copied().chain(stx).chain(etx).fold(0x7f, |lrc, byte| lrc ^ byte)
    }

    /// The frame of a request or an answer.
    pub(super) fn frame(self, payload: &[u8]) -> Vec<u8> {
        [&[STX], payload, &[ETX, self.of(payload)]].concat()
    }

    /// `ACK` or `NAK`.
    pub(super) fn control(self, byte: u8) -> Vec<u8> {
        vec![byte, ETX, self.of(&[byte])]
    }
}

/// What a terminal sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Ack,
    Nak,
    Progress(String),
    Payload(String),
    Damaged,
}

#[derive(Default)]
pub(super) struct Reader {
    pub(super) pending: Vec<u8>,
}

impl Reader {
    /// The next frame.
    pub(super) async fn next(&mut self, wire: &mut dyn Wire, lrc: Lrc) -> Result<Heard, Trouble> {
        loop {
            if let Some(heard) = self.take(lrc) {
                return Ok(heard);
            }
            if self.pending.len() > MAX_BYTES {
                return Err(Trouble::Protocol("a frame that does not end".into()));
            }
            let mut buffer = [0; 512];
            match wire.read(&mut buffer).await {
                Ok(0) => return Err(Trouble::Lost("the terminal closed the link".into())),
                Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
                Err(error) => return Err(Trouble::Lost(error.to_string())),
            }
        }
    }

    /// The next whole frame. Bytes outside a frame are dropped.
    pub(super) fn take(&mut self, lrc: Lrc) -> Option<Heard> {
        let start = self.pending.iter().position(|byte| matches!(*byte, SOH | STX | ACK | NAK))?;
        self.pending.drain(..start);
        let first = *self.pending.first()?;
        let end = match first {
            SOH => self.pending.iter().position(|byte| *byte == EOT)? + 1,
            STX => self.pending.iter().position(|byte| *byte == ETX)? + 2,
            _ => 3,
        };
        if self.pending.len() < end {
            return None;
        }
        let frame: Vec<u8> = self.pending.drain(..end).collect();
        let text = |bytes: &[u8]| -> String {
            bytes
                .iter()
                .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' })
                .collect()
        };
        Some(match first {
            ACK => Heard::Ack,
            NAK => Heard::Nak,
            SOH => Heard::Progress(scrub(text(&frame[1..end - 1]).trim())),
            _ => {
                let payload = &frame[1..end - 2];
                if lrc.of(payload) == frame[end - 1] { Heard::Payload(text(payload)) } else { Heard::Damaged }
            }
        })
    }
}
