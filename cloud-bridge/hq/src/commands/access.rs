//! Arguments for the broker.

use std::{fs, path::PathBuf, sync::Arc};

use clap::Args;
use link::{Broker, BrokerAddress, Identity, Login};

use super::Failure;

/// The broker, and this program's credentials.
#[derive(Args)]
pub(crate) struct BrokerArguments {
    /// The broker, such as mqtts://hq.example.com:8883.
    #[arg(long)]
    broker: BrokerAddress,
    /// PEM file of the authority that signed the broker's certificate; required for mqtts.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// PEM file of this program's certificate, if the broker requires one.
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
    /// The user name, if the broker requires one.
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// A file whose first line is the password.
    #[arg(long, requires = "username")]
    password_file: Option<PathBuf>,
}

impl BrokerArguments {
    /// The broker, and the identity presented to it.
    pub(crate) fn access(self) -> Result<(Broker, Option<Arc<Identity>>), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Arguments(error.to_string());
        let login = self.username.zip(self.password_file).map(|(username, file)| {
            let text = fs::read_to_string(&file)
                .map_err(|error| Failure::Arguments(format!("could not read {}: {error}", file.display())))?;
            Ok::<_, Failure>(Login { username, password: text.lines().next().unwrap_or_default().to_owned() })
        });
        let (address, login) = (self.broker, login.transpose()?);
        if !address.tls {
            return Ok((Broker { address, tls: None, login }, None));
        }
        let missing = "mqtts needs --ca, the PEM file of the authority that signed the broker's certificate";
        let ca = self.ca.ok_or_else(|| failed(&missing))?;
        let roots = link::trust::roots_from_file(&ca).map_err(|error| failed(&error))?;
        let own = self.certificate.zip(self.key);
        let identity = own.map(|(certificate, key)| Identity::open(&certificate, &key).map(Arc::new));
        let identity = identity.transpose().map_err(|error| failed(&error))?;
        let tls = link::client_config(roots, identity.clone()).map_err(|error| failed(&error))?;
        Ok((Broker { address, tls: Some(tls), login }, identity))
    }
}
