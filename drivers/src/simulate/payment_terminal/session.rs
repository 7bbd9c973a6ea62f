//! One link with a register: receives commands and sends messages byte by byte.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Booked, BookedState, Decline, Point, Quirk, State, lock};

/// A link.
pub(super) struct Session<'a, S> {
    stream: S,
    state: &'a Mutex<State>,
    pending: Vec<u8>,
    /// Data that is sent together with the next write.
    held: Vec<u8>,
    /// Commands that arrived while an acknowledgement was awaited.
    crossed: VecDeque<([u8; 2], Vec<u8>)>,
    /// The point where this link is dropped.
    drop_at: Option<Point>,
}

/// The link has ended, by accident or on purpose.
pub(super) struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

const ACK: &[u8] = &[0x80, 0x00, 0x00];

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(stream: S, state: &'a Mutex<State>) -> Self {
        Self { stream, state, pending: Vec::new(), held: Vec::new(), crossed: VecDeque::new(), drop_at: None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(self.state)
    }

    pub(super) async fn serve(mut self) -> Result<(), Over> {
        loop {
            let (code, data) = self.command().await?;
            if self.state().is(Quirk::Mute) {
                continue;
            }
            match code {
                [0x06, 0x00] => {
                    if let [_, _, _, _, high, low, ..] = *data {
                        self.state().currency = [high, low];
                    }
                    self.acknowledge().await?;
                    let (id, currency) = {
                        let state = self.state();
                        (state.terminal_id, state.currency)
                    };
                    let data = [&[0x19, 0x00, 0x29], &id[..], &[0x49], &currency].concat();
                    self.lead(&framed([0x06, 0x0f], &data)).await?;
                }
                [0x06, 0x01] => self.authorise(&data, BookedState::Charged).await?,
                [0x06, 0x31] => self.authorise(data.get(3..).unwrap_or_default(), BookedState::Refund).await?,
                [0x06, 0x50] => self.close_day().await?,
                [0x06, 0x70] => {
                    self.acknowledge().await?;
                    self.lead(b"\x06\xd1\x13\x00Host connection OK").await?;
                    self.lead(&[0x06, 0x0f, 0x00]).await?;
                }
                [0x06, 0x20] => self.repeat_receipt().await?,
                [0x06, 0x30] => self.reverse(&data).await?,
                [0x05, 0x01] => {
                    self.acknowledge().await?;
                    let state = self.state().enquired();
                    // The software version with its length in three digits, then the state.
                    let version = [0x06, 0x0f, 0x0b, 0xf0, 0xf0, 0xf7, b'2', b'.', b'1', b'4', b'.', b'1', b'5'];
                    self.lead(&[version.as_slice(), &[state]].concat()).await?;
                }
                [0x80 | 0x84, _] => {}
                // A late abort, or an unknown command.
                _ => self.write(&[0x84, 0x83, 0x00]).await?,
            }
        }
    }

    async fn command(&mut self) -> Result<([u8; 2], Vec<u8>), Over> {
        match self.crossed.pop_front() {
            Some(command) => Ok(command),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Result<([u8; 2], Vec<u8>), Over> {
        loop {
            let header = match *self.pending {
                [_, _, 0xff, low, high, ..] => Some((5, usize::from(low) | usize::from(high) << 8)),
                [_, _, 0xff, ..] => None,
                [_, _, length, ..] => Some((3, usize::from(length))),
                _ => None,
            };
            if let Some((start, length)) = header
                && self.pending.len() >= start + length
            {
                let frame: Vec<u8> = self.pending.drain(..start + length).collect();
                return Ok(([frame[0], frame[1]], frame[start..].to_vec()));
            }
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer).await? {
                0 => return Err(Over),
                length => self.pending.extend_from_slice(&buffer[..length]),
            }
        }
    }

    async fn acknowledge(&mut self) -> Result<(), Over> {
        if self.state().is(Quirk::Merge) {
            self.held.extend(ACK);
            return Ok(());
        }
        self.write(ACK).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let bytes = [std::mem::take(&mut self.held).as_slice(), bytes].concat();
        let split = self.state().split.unwrap_or(bytes.len()).max(1);
        for piece in bytes.chunks(split) {
            self.stream.write_all(piece).await?;
            if split < bytes.len() {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Sends a frame and waits for its acknowledgement; returns its two bytes.
    async fn lead(&mut self, frame: &[u8]) -> Result<[u8; 2], Over> {
        self.write(frame).await?;
        self.acknowledgement().await
    }

    async fn acknowledgement(&mut self) -> Result<[u8; 2], Over> {
        loop {
            match self.receive().await? {
                (code @ [0x80 | 0x84, _], _) => return Ok(code),
                command => self.crossed.push_back(command),
            }
        }
    }

    /// Drops the link if it is to be dropped at this point.
    fn reached(&self, point: Point) -> Result<(), Over> {
        if self.drop_at == Some(point) { Err(Over) } else { Ok(()) }
    }

    /// A charge or refund.
    async fn authorise(&mut self, data: &[u8], kind: BookedState) -> Result<(), Over> {
        let drop_at = self.state().drop_at.take();
        self.drop_at = drop_at;
        self.reached(Point::CommandReceived)?;
        let [0x04, a, b, c, d, e, f, ..] = *data else {
            return self.write(&[0x84, 0x83, 0x00]).await;
        };
        let minor = [a, b, c, d, e, f]
            .iter()
            .fold(0, |minor, byte| minor * 100 + u64::from(byte >> 4) * 10 + u64::from(byte & 15));
        if self.state().busy > 0 {
            return self.write(&[0x84, 0x9c, 0x00]).await;
        }
        self.acknowledge().await?;
        let paid = self.customer().await.inspect_err(|_| {
            let mut state = self.state();
            if let Some(enquiries) = state.carry_on {
                (state.busy, state.unfinished) = (enquiries, Some((minor, kind)));
            }
        })?;
        if !paid {
            return Ok(());
        }
        let booked = self.state().book(minor, kind);
        let vote = self.result_acknowledged(&booked).await.inspect_err(|_| {
            if self.state().is(Quirk::ReverseUnacknowledged) {
                self.give_back(booked.receipt);
            }
        })?;
        self.reached(Point::ResultAcknowledged)?;
        let fails = self.state().is(Quirk::FailAfterApproval);
        if vote == [0x84, 0x66] || fails {
            self.give_back(booked.receipt);
            self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
            return Ok(());
        }
        let think = self.state().think_before_text;
        tokio::time::sleep(think).await;
        self.text(&booked).await?;
        self.reached(Point::TextSent)?;
        self.write(&[0x06, 0x0f, 0x00]).await?;
        self.reached(Point::CompletionSent)?;
        self.acknowledgement().await?;
        self.reached(Point::CompletionAcknowledged)
    }

    /// Customer and bank: returns whether the payment was made; if not, the register was told.
    async fn customer(&mut self) -> Result<bool, Over> {
        self.reached(Point::CommandAcknowledged)?;
        self.write(&[0x04, 0xff, 0x01, 0x0a]).await?;
        self.reached(Point::StatusSent)?;
        self.acknowledgement().await?;
        self.reached(Point::StatusAcknowledged)?;
        let waits = self.state().is(Quirk::WaitForAbort);
        if waits {
            let (code, _) = self.command().await?;
            if code == [0x06, 0xb0] {
                self.acknowledge().await?;
                if !self.state().is(Quirk::ApproveAfterAbort) {
                    self.lead(&[0x06, 0x1e, 0x01, 0x6c]).await?;
                    return Ok(false);
                }
            }
        }
        let think = self.state().think;
        tokio::time::sleep(think).await;
        let declined = self.state().decline_next.take();
        let Some(code) = declined else { return Ok(true) };
        let (abort, result) = ([0x06, 0x1e, 0x01, code], [0x04, 0x0f, 0x02, 0x27, code]);
        let by = self.state().decline;
        match by {
            Decline::Abort => self.lead(&abort).await?,
            Decline::ResultThenAbort => {
                self.lead(&result).await?;
                self.lead(&abort).await?
            }
            Decline::AbortThenResult => {
                self.lead(&abort).await?;
                self.lead(&result).await?
            }
            Decline::ResultThenCompletion => {
                self.lead(&result).await?;
                self.lead(&[0x06, 0x0f, 0x00]).await?
            }
        };
        Ok(false)
    }

    /// Sends the result and waits for the vote.
    async fn result_acknowledged(&mut self, booked: &Booked) -> Result<[u8; 2], Over> {
        self.reached(Point::Booked)?;
        let result = self.result(booked, 0x00);
        self.write(&result).await?;
        self.reached(Point::ResultSent)?;
        let vote = self.acknowledgement().await?;
        let again = self.state().is(Quirk::RepeatResult);
        if again { self.lead(&result).await } else { Ok(vote) }
    }

    async fn text(&mut self, booked: &Booked) -> Result<(), Over> {
        let pan = if self.state().is(Quirk::FullPan) { "4761739001010119" } else { "476173xxxxxx0119" };
        let lines = [
            "** CARD PAYMENT **".to_owned(),
            "Terminal 52523535".to_owned(),
            format!("Trace {:06}  Receipt {:04}", booked.trace, booked.receipt),
            format!("VISA {pan}"),
            "Payment approved".to_owned(),
        ];
        let blocks = self.state().is(Quirk::PrintBlocks);
        if blocks {
            self.lead(&block(0x01, &["** MERCHANT COPY **".to_owned()])).await?;
            self.lead(&block(0x02, &lines)).await?;
            return Ok(());
        }
        for line in lines {
            let mut frame = vec![0x06, 0xd1, u8::try_from(line.len() + 1).unwrap_or(0), 0x00];
            frame.extend(line.bytes());
            self.write(&frame).await?;
            self.reached(Point::LineSent)?;
            self.acknowledgement().await?;
        }
        Ok(())
    }

    async fn repeat_receipt(&mut self) -> Result<(), Over> {
        if self.state().busy > 0 {
            return self.write(&[0x84, 0x9c, 0x00]).await;
        }
        self.acknowledge().await?;
        let last = self.state().journal.last().cloned();
        match last {
            None => {
                self.lead(&[0x06, 0x1e, 0x01, 0x83]).await?;
            }
            Some(booked) => {
                let code = if booked.state == BookedState::Reversed { 0x6c } else { 0x00 };
                let result = self.result(&booked, code);
                self.lead(&result).await?;
                self.text(&booked).await?;
                self.lead(&[0x06, 0x0f, 0x00]).await?;
            }
        }
        Ok(())
    }

    /// The totals of the day: all cards are Visa, the fifth scheme.
    async fn close_day(&mut self) -> Result<(), Over> {
        let drop_at = self.state().drop_at.take();
        self.drop_at = drop_at;
        self.reached(Point::CommandReceived)?;
        self.acknowledge().await?;
        self.reached(Point::CommandAcknowledged)?;
        let (count, sum) = {
            let mut state = self.state();
            let day = &state.journal[state.day..];
            let of = |wanted: BookedState| day.iter().filter(move |booked| booked.state == wanted);
            let sum = |wanted: BookedState| of(wanted).map(|booked| booked.minor).sum::<u64>();
            let count = of(BookedState::Charged).chain(of(BookedState::Refund)).count() as u64;
            let totals = (count, sum(BookedState::Charged).saturating_sub(sum(BookedState::Refund)));
            state.day = state.journal.len();
            totals
        };
        self.reached(Point::Booked)?;
        let mut data = vec![0x27, 0x00, 0x60, 0xf0, 0xf5, 0xf3, 0x00, 0x01, 0x00, 0x02];
        for scheme in 0..7 {
            let (count, sum) = if scheme == 4 { (count, sum) } else { (0, 0) };
            data.extend(bcd(count, 1));
            data.extend(bcd(sum, 6));
        }
        self.write(&framed([0x04, 0x0f], &data)).await?;
        self.reached(Point::ResultSent)?;
        self.acknowledgement().await?;
        self.lead(b"\x06\xd1\x0b\x00END OF DAY").await?;
        self.lead(&[0x06, 0x0f, 0x00]).await?;
        Ok(())
    }

    async fn reverse(&mut self, data: &[u8]) -> Result<(), Over> {
        let drop_at = self.state().drop_at.take();
        self.drop_at = drop_at;
        self.reached(Point::CommandReceived)?;
        let receipt = match *data {
            [_, _, _, 0x87, high, low, ..] => [high, low]
                .iter()
                .fold(0, |number, byte| number * 100 + u16::from(byte >> 4) * 10 + u16::from(byte & 15)),
            _ => return self.write(&[0x84, 0x83, 0x00]).await,
        };
        self.acknowledge().await?;
        self.reached(Point::CommandAcknowledged)?;
        // Please wait.
        self.write(&[0x04, 0xff, 0x01, 0x17]).await?;
        self.reached(Point::StatusSent)?;
        self.acknowledgement().await?;
        self.reached(Point::StatusAcknowledged)?;
        let found = self.state().journal.iter().find(|booked| booked.receipt == receipt).cloned();
        match found {
            Some(booked) if booked.state == BookedState::Charged => {
                self.give_back(receipt);
                self.reached(Point::Booked)?;
                let result = self.result(&booked, 0x00);
                self.write(&result).await?;
                self.reached(Point::ResultSent)?;
                self.acknowledgement().await?;
                self.reached(Point::ResultAcknowledged)?;
                self.write(&[0x06, 0x0f, 0x00]).await?;
                self.reached(Point::CompletionSent)?;
                self.acknowledgement().await?;
                self.reached(Point::CompletionAcknowledged)?;
            }
            Some(_) => {
                self.lead(&[0x06, 0x1e, 0x01, 0xb4]).await?;
            }
            None => {
                self.lead(&[0x06, 0x1e, 0x01, 0xb5]).await?;
            }
        }
        Ok(())
    }

    fn give_back(&self, receipt: u16) {
        if let Some(booked) = self.state().journal.iter_mut().find(|booked| booked.receipt == receipt) {
            booked.state = BookedState::Reversed;
        }
    }

    /// A status information, `04 0F`.
    fn result(&self, booked: &Booked, code: u8) -> Vec<u8> {
        let mut data = vec![0x27, code, 0x04];
        data.extend(bcd(booked.minor, 6));
        data.push(0x49);
        data.extend(self.state().currency);
        data.push(0x0b);
        data.extend(bcd(u64::from(booked.trace), 3));
        data.extend([0x0c, 0x14, 0x15, 0x16, 0x0d, 0x11, 0x24, 0x29]);
        data.extend(self.state().terminal_id);
        data.push(0x87);
        data.extend(bcd(u64::from(booked.receipt), 2));
        if self.state().is(Quirk::FullPan) {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19]);
            data.extend([
                0x23, 0xf1, 0xf3, 0x47, 0x61, 0x73, 0x90, 0x01, 0x01, 0x01, 0x19, 0xd2, 0x81, 0x22, 0x01, 0x00,
            ]);
        } else {
            data.extend([0x22, 0xf0, 0xf8, 0x47, 0x61, 0x73, 0xee, 0xee, 0xee, 0x01, 0x19]);
        }
        data.extend([0x8a, 0x0a, 0x8b, 0xf0, 0xf5]);
        data.extend(b"VISA\0");
        data.push(0x3b);
        data.extend(b"A7B8C9\0\0");
        // Online or not, contactless.
        let online = u8::from(!self.state().is(Quirk::Offline));
        data.extend([0x06, 0x08, 0x1f, 0x11, 0x01, online, 0x1f, 0x12, 0x01, 0x02]);
        framed([0x04, 0x0f], &data)
    }
}

/// A text block: whose receipt it is, and its lines.
fn block(whose: u8, lines: &[String]) -> Vec<u8> {
    let short = |length: usize| u8::try_from(length).unwrap_or(0);
    let texts: Vec<u8> = lines.iter().flat_map(|line| [&[0x07, short(line.len())], line.as_bytes()].concat()).collect();
    let container = [&[0x1f, 0x07, 0x01, whose, 0x25, 0x81, short(texts.len())], texts.as_slice()].concat();
    framed([0x06, 0xd3], &[&[0x06, 0x82, 0x00, short(container.len())], container.as_slice()].concat())
}

/// Two decimal digits per byte.
fn bcd(number: u64, bytes: u32) -> Vec<u8> {
    (0..bytes)
        .rev()
        .map(|place| u8::try_from(number / 100_u64.pow(place) % 100).unwrap_or(0))
        .map(|pair| pair / 10 * 16 + pair % 10)
        .collect()
}

fn framed(code: [u8; 2], data: &[u8]) -> Vec<u8> {
    let mut frame = code.to_vec();
    match u8::try_from(data.len()) {
        Ok(length) if length < 0xff => frame.push(length),
        _ => frame.extend([
            0xff,
            u8::try_from(data.len() % 256).unwrap_or(0),
            u8::try_from(data.len() / 256).unwrap_or(0),
        ]),
    }
    frame.extend(data);
    frame
}
