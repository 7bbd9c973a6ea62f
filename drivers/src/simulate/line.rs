//! Where a simulated device is found: a pseudo-terminal, a TCP port, or a file such as the near end of a USB gadget.

use std::{
    io,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::OFlags,
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, unix::pipe},
    time::sleep,
};

use super::pty::Pty;
use crate::transport::{Address, SerialLine};

/// Where to listen.
#[derive(Clone, Debug)]
pub enum Place {
    /// A pseudo-terminal, with a symbolic link as its stable name.
    Pty(Option<PathBuf>),
    /// A TCP port; 0 for any.
    Tcp(SocketAddr),
    /// A device file, such as `/dev/hidg0` or `/dev/ttyGS0` of a USB gadget.
    File(PathBuf),
}

/// The device's end of its connections.
pub(super) enum Port {
    Pty(Pty),
    Tcp(TcpListener),
    File(Ends),
}

/// An open device file. The runtime's pipe ends can read and write any file that can be polled.
pub(super) struct Ends {
    reader: pipe::Receiver,
    writer: pipe::Sender,
}

/// One connection.
pub(super) enum Line<'p> {
    Pty(&'p Pty),
    Tcp(TcpStream),
    File(&'p Ends),
}

impl Port {
    /// Opens the place; returns where it is, so that the device can be plugged in again at the same place.
    pub(super) fn open(place: &Place) -> io::Result<(Self, Place)> {
        match place {
            Place::Pty(link) => {
                let pty = Pty::open(link.as_deref())?;
                let kept = Place::Pty(link.clone());
                Ok((Self::Pty(pty), kept))
            }
            Place::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                Ok((Self::Tcp(TcpListener::from_std(listener)?), Place::Tcp(address)))
            }
            Place::File(path) => {
                let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
                let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
                let file = std::fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
                if let Ok(mut raw) = tcgetattr(&file) {
                    raw.make_raw();
                    tcsetattr(&file, OptionalActions::Now, &raw)?;
                }
                let writer = pipe::Sender::from_file_unchecked(file.try_clone()?)?;
                let reader = pipe::Receiver::from_file_unchecked(file)?;
                Ok((Self::File(Ends { reader, writer }), place.clone()))
            }
        }
    }

    /// The address for the driver's config.
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Pty(pty) => Ok(Address::Serial { path: pty.path().to_owned(), line: SerialLine::default() }),
            Self::Tcp(listener) => {
                let address = listener.local_addr()?;
                Ok(Address::Tcp { host: address.ip().to_string(), port: address.port() })
            }
            // The driver finds the other end by what the gadget says of itself.
            Self::File(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The path of a pseudo-terminal.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Pty(pty) => Some(pty.path()),
            Self::Tcp(_) | Self::File(_) => None,
        }
    }

    /// Whether there is a connection after this one.
    pub(super) fn has_connections(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// The next connection; a pseudo-terminal has one that lasts.
    pub(super) async fn accept(&self) -> io::Result<Line<'_>> {
        match self {
            Self::Pty(pty) => Ok(Line::Pty(pty)),
            Self::File(ends) => Ok(Line::File(ends)),
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Line::Tcp(stream))
            }
        }
    }
}

impl Line<'_> {
    /// Reads at least one byte.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pty(pty) => pty.read(buffer).await,
            Self::File(ends) => loop {
                ends.reader.readable().await?;
                match ends.reader.try_read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read,
                }
            },
            Self::Tcp(stream) => match stream.read(buffer).await? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                length => Ok(length),
            },
        }
    }

    /// Sends bytes.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Pty(pty) => pty.write_all(bytes).await,
            Self::File(ends) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    ends.writer.writable().await?;
                    match ends.writer.try_write(rest) {
                        Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
            Self::Tcp(stream) => stream.write_all(bytes).await,
        }
    }

    /// Sends an answer as a fault makes it.
    pub(super) async fn answer(&mut self, bytes: &[u8], fault: Fault) -> io::Result<()> {
        match fault {
            Fault::Silent => Ok(()),
            Fault::Garbage if !bytes.is_empty() => self.write_all(b"\x02~!@#\r\n\x03\x04").await,
            Fault::Cut => self.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default()).await,
            Fault::Slow => {
                for byte in bytes {
                    self.write_all(&[*byte]).await?;
                    sleep(Duration::from_millis(10)).await;
                }
                Ok(())
            }
            _ => self.write_all(bytes).await,
        }
    }
}

/// What is wrong with a simulated device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It does not answer.
    Silent,
    /// It answers with bytes that its protocol does not have.
    Garbage,
    /// It stops in the middle of each answer.
    Cut,
    /// Each answer has a wrong check byte, where the protocol has one; otherwise as [`Garbage`](Self::Garbage).
    WrongCheck,
    /// It sends a byte every 10 ms.
    Slow,
    /// A scale whose plate never settles.
    Moving,
    /// A scale with more on it than it can weigh.
    Over,
    /// A scale below zero.
    Under,
}

impl std::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pty", "")) => Ok(Self::Pty(None)),
            Some(("pty", path)) => Ok(Self::Pty(Some(PathBuf::from(path)))),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(PathBuf::from(path))),
            Some(("tcp", address)) => {
                let address = address.trim_start_matches('/');
                let why = |error| format!("`{}` is not an IP address and port: {error}", address.escape_debug());
                address.parse().map(Self::Tcp).map_err(why)
            }
            _ => Err(format!(
                "invalid place `{}`; expected pty:/tmp/scale, tcp:127.0.0.1:4001 or file:/dev/hidg0",
                text.escape_debug()
            )),
        }
    }
}

impl std::str::FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "silent" => Ok(Self::Silent),
            "garbage" => Ok(Self::Garbage),
            "cut" => Ok(Self::Cut),
            "wrong-check" => Ok(Self::WrongCheck),
            "slow" => Ok(Self::Slow),
            "moving" => Ok(Self::Moving),
            "over" => Ok(Self::Over),
            "under" => Ok(Self::Under),
            other => Err(format!(
                "unknown fault `{}`; expected none, silent, garbage, cut, wrong-check, slow, moving, over or under",
                other.escape_debug()
            )),
        }
    }
}
