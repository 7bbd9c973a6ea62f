//! mosquitto as HQ's broker or as a store's bridge.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The time limit for its start.
const STARTED: Duration = Duration::from_secs(20);

/// A running mosquitto, killed when this value is dropped.
pub(super) struct Mosquitto {
    child: Child,
    pub(super) address: SocketAddr,
}

/// A free address of the loopback interface.
///
/// # Errors
/// No port is free.
pub(super) async fn free() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

impl Mosquitto {
    /// Starts it at an address, open to everybody, with more lines of config. Clients may have 1,000 messages in flight
    /// instead of the default of 20.
    ///
    /// # Errors
    /// It is not installed, or does not listen.
    pub(super) async fn start(home: &Path, address: SocketAddr, lines: &str) -> Result<Self, String> {
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = program.into_iter().find(|path| Path::new(path).exists());
        let program = program.ok_or("mosquitto is not installed: apt-get install mosquitto")?;
        fs::create_dir_all(home).map_err(|error| error.to_string())?;
        let config = home.join("mosquitto.conf");
        // Started as root, it would switch to a user who can't write here.
        let user = if fs::metadata("/proc/self").is_ok_and(|process| is_roots(&process)) { "user root\n" } else { "" };
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n{user}{lines}",
            address.port()
        );
        fs::write(&config, text).map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mosquitto = Self { child: command.spawn().map_err(|error| error.to_string())?, address };
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if began.elapsed() > STARTED {
                return Err(format!("mosquitto does not listen on {address}"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(mosquitto)
    }
}

fn is_roots(process: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(process) == 0
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
