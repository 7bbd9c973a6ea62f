//! mosquitto as a chain runs it: TLS, a certificate from each client, and the access list of `docs/brokers.md`. It
//! keeps nothing on disk, so killing it loses whatever it had taken and not delivered.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    shop::{LIMIT, failed, free_port},
    until,
};

const ACCESS_LIST: &str = "pattern write store-hub/v1/up/+/%u/+\npattern read store-hub/v1/down/%u/#\n\n\
    user hq\ntopic read store-hub/v1/up/#\ntopic write store-hub/v1/down/#\n";

/// A broker; ends with this value.
pub struct Broker {
    program: PathBuf,
    config: PathBuf,
    child: Option<Child>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Broker {
    /// Starts one that shows the certificate in the directory `identity` and trusts clients by the authorities in the
    /// directories `clients`.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(directory: &Path, identity: &Path, clients: &[&Path]) -> Result<Self, String> {
        let places = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
        let program = places.into_iter().map(PathBuf::from).find(|path| path.exists());
        let program = program.ok_or("mosquitto is not installed; run ./tests/run, or install it")?;
        let home = directory.join("broker");
        fs::create_dir_all(&home).map_err(failed("make the broker's directory"))?;
        let mut authorities = String::new();
        for client in clients {
            authorities += &fs::read_to_string(client.join("ca.pem")).map_err(failed("read ca.pem"))?;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let place = home.display();
        let config = format!(
            "listener {} 127.0.0.1\ncafile {place}/clients.pem\ncertfile {place}/hub.pem\nkeyfile {place}/hub.key\n\
             require_certificate true\nuse_identity_as_username true\nacl_file {place}/acl\n",
            address.port()
        );
        let read = |name: &str| fs::read_to_string(identity.join(name)).map_err(failed(name));
        let files = [
            ("clients.pem", authorities),
            ("hub.pem", read("hub.pem")?),
            ("hub.key", read("hub.key")?),
            ("acl", ACCESS_LIST.to_owned()),
            ("mosquitto.conf", config),
        ];
        for (name, text) in files {
            fs::write(home.join(name), text).map_err(failed(name))?;
        }
        // Started as root, it reads them as another user.
        for path in [directory, &home] {
            fs::set_permissions(path, PermissionsExt::from_mode(0o755)).map_err(failed("set permissions"))?;
        }
        let mut broker = Self { program, config: home.join("mosquitto.conf"), child: None, address };
        broker.restart()?;
        Ok(broker)
    }

    /// Kills it, if it runs, and starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&self.config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().map_err(failed("start mosquitto"))?);
        let listens = until(LIMIT, || TcpStream::connect(self.address).is_ok());
        if listens { Ok(()) } else { Err(format!("mosquitto does not listen on {}", self.address)) }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
