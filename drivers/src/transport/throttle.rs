//! A limit on how fast a device is read, so that one that floods costs little processor time.
//!
//! The rest waits in the system's buffers: a TCP peer is slowed down, a serial line loses bytes. [`MOST`] per
//! [`WINDOW`] is more than the fastest serial line (921,600 bits per second) can send.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::Wire;

/// The bytes read per window.
const MOST: usize = 64 * 1024;

/// The length of a window.
const WINDOW: Duration = Duration::from_millis(250);

/// A connection that is read at a limited rate.
pub(crate) struct Throttle {
    wire: Box<dyn Wire>,
    left: usize,
    end: Pin<Box<Sleep>>,
}

impl Throttle {
    /// Limits a connection.
    pub(crate) fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, left: MOST, end: Box::pin(sleep(WINDOW)) }
    }
}

impl AsyncRead for Throttle {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            ready!(self.end.as_mut().poll(context));
        }
        if self.end.is_elapsed() || self.end.deadline() <= Instant::now() {
            self.left = MOST;
            self.end.as_mut().reset(Instant::now() + WINDOW);
        }
        let room = into.remaining().min(self.left);
        let mut part = ReadBuf::new(into.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.wire).poll_read(context, &mut part))?;
        let read = part.filled().len();
        into.advance(read);
        self.left -= read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Throttle {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, join, repeat, sink};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_device_that_floods_is_read_at_a_limited_rate() {
        let (began, mut bytes) = (Instant::now(), vec![0; 16 * MOST]);
        Throttle::new(Box::new(join(repeat(7), sink()))).read_exact(&mut bytes).await.unwrap();
        let windows = began.elapsed().as_millis() / WINDOW.as_millis();
        assert_eq!(windows, 15, "the first is read at once");
    }

    #[tokio::test(start_paused = true)]
    async fn an_ordinary_device_is_not_delayed() {
        let (mut device, wire) = tokio::io::duplex(64 * 1024);
        let (mut throttle, began) = (Throttle::new(Box::new(wire)), Instant::now());
        for _ in 0..8 {
            device.write_all(&[7; 4096]).await.unwrap();
            throttle.read_exact(&mut [0; 4096]).await.unwrap();
            throttle.write_all(b"ok").await.unwrap();
            device.read_exact(&mut [0; 2]).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
