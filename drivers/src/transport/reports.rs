//! Reports of USB HID devices on a byte stream: each has its length before it, as two bytes, the high one first.

use std::io;

use tokio::io::AsyncReadExt;

use super::Wire;

/// The longest report that is read.
pub(crate) const LONGEST_REPORT: usize = 1024;

/// Reads reports from a wire.
#[derive(Debug, Default)]
pub(crate) struct Reports(Vec<u8>);

impl Reports {
    /// The next report. Cancel-safe.
    pub(crate) async fn next(&mut self, wire: &mut dyn Wire) -> io::Result<Vec<u8>> {
        loop {
            if let Some(report) = self.take()? {
                return Ok(report);
            }
            let mut bytes = [0; 256];
            match wire.read(&mut bytes).await? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it was unplugged")),
                length => self.0.extend_from_slice(&bytes[..length]),
            }
        }
    }

    fn take(&mut self) -> io::Result<Option<Vec<u8>>> {
        let [high, low, rest @ ..] = self.0.as_slice() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length > LONGEST_REPORT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a report of {length} bytes")));
        }
        let Some(report) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.0.drain(..2 + length);
        Ok(Some(report))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(report: &[u8]) -> Vec<u8> {
        [&u16::try_from(report.len()).unwrap().to_be_bytes(), report].concat()
    }

    #[test]
    fn an_overlong_report_is_an_error() {
        assert!(Reports(vec![0xff, 0xff, 1]).take().is_err());
    }

    proptest! {
        #[test]
        fn reports_arrive_whole_in_any_pieces(
            sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
            piece in 1_usize..50,
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(|report| framed(report)).collect();
            let (mut reports, mut read) = (Reports::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                reports.0.extend_from_slice(piece);
                while let Some(report) = reports.take().unwrap() {
                    read.push(report);
                }
            }
            prop_assert_eq!(read, sent);
            prop_assert!(reports.0.is_empty());
        }
    }
}
