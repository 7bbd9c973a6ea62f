//! The line between the store and HQ: a TCP forwarder that can be cut. What is cut is really cut: connections are
//! dropped, new ones refused to pass.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The line. It ends with this value.
pub(crate) struct Wan {
    address: SocketAddr,
    up: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Wan {
    /// Lays a line to `far`.
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

    /// The store's end.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts or mends it; gives how it is then.
    pub(crate) fn toggle(&self) -> bool {
        self.up.send_modify(|up| *up = !*up);
        *self.up.borrow()
    }

    /// How it is, now and later.
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
