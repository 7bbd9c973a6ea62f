//! Addresses of devices, and the wires behind them: serial lines and TCP sockets as one kind of byte stream.

/// Any full-duplex byte stream to a device.
pub trait Wire: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Wire for T {}

/// Where a device is. H1 writes the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {}
