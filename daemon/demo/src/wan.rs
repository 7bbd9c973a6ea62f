//! The connection between the store and HQ: a TCP forwarder that can be cut. While it is cut, existing connections are
//! dropped and new ones are not forwarded.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The forwarder; it stops when this is dropped.
pub(crate) struct Wan {
    address: SocketAddr,
    up: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Wan {
    /// Starts forwarding to `far`.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) async fn lay(far: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, state) = watch::channel(true);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut state = state.clone();
                if *state.borrow() {
                    tokio::spawn(async move {
                        tokio::select! {
                            () = forward(near, far) => {}
                            _ = state.wait_for(|up| !up) => {}
                        }
                    });
                }
            }
        });
        Ok(Self { address, up, task })
    }

    /// The address for the store.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts or restores the connection; returns the new state.
    pub(crate) fn toggle(&self) -> bool {
        self.up.send_modify(|up| *up = !*up);
        *self.up.borrow()
    }

    /// Cuts or restores the connection.
    pub(crate) fn set(&self, up: bool) {
        self.up.send_replace(up);
    }

    /// The state as it changes.
    pub(crate) fn state(&self) -> watch::Receiver<bool> {
        self.up.subscribe()
    }
}

impl Drop for Wan {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut near: TcpStream, far: SocketAddr) {
    if let Ok(mut far) = TcpStream::connect(far).await {
        let _ = copy_bidirectional(&mut near, &mut far).await;
    }
}
