//! An async serial line: `serialport` configures and locks it, the runtime reads and writes.
//!
//! The line is opened twice: non-blocking for the runtime, and by `serialport`, whose reads would block. The line
//! settings belong to the terminal, so both descriptors share them, and the exclusive lock of `serialport` keeps other
//! programs out while the connection lasts. There are no threads and no polling delays.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rustix::fs::OFlags;
use serialport::{DataBits, FlowControl, StopBits, TTYPort};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::unix::pipe,
};

use super::{Parity, SerialLine};

/// An open line that is not registered with the runtime yet.
pub(super) struct OpenLine {
    file: File,
    hold: TTYPort,
}

/// The runtime's pipe ends can read and write any pollable file, and a terminal is one.
pub(super) struct SerialWire {
    reader: pipe::Receiver,
    writer: pipe::Sender,
    /// Keeps the line settings and the lock.
    _hold: TTYPort,
}

impl OpenLine {
    /// Opens a line. Blocks.
    pub(super) fn open(path: &Path, line: SerialLine) -> Result<Self, String> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).map_err(|error| error.to_string())?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
            .map_err(|error| error.to_string())?;
        let hold = serialport::new(path.to_string_lossy(), line.baud)
            .data_bits(if line.data == 7 { DataBits::Seven } else { DataBits::Eight })
            .parity(match line.parity {
                Parity::None => serialport::Parity::None,
                Parity::Even => serialport::Parity::Even,
                Parity::Odd => serialport::Parity::Odd,
            })
            .stop_bits(if line.stop == 2 { StopBits::Two } else { StopBits::One })
            .flow_control(FlowControl::None)
            .timeout(Duration::ZERO)
            .open_native()
            .map_err(|error| error.to_string())?;
        Ok(Self { file, hold })
    }

    /// Registers the line with the current runtime.
    pub(super) fn register(self) -> io::Result<SerialWire> {
        let writer = pipe::Sender::from_file_unchecked(self.file.try_clone()?)?;
        let reader = pipe::Receiver::from_file_unchecked(self.file)?;
        Ok(SerialWire { reader, writer, _hold: self.hold })
    }
}

impl AsyncRead for SerialWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl AsyncWrite for SerialWire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(context)
    }
}
