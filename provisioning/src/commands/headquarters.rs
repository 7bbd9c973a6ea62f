//! `store-hub-provision hq …`

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use contract::publication::SigningKey;
use link::BrokerAddress;
use provisioning::{
    Names,
    headquarters::{Headquarters, Settings},
    write_new,
};
use serde_json::json;
use time::OffsetDateTime;

use super::{tell, text};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create HQ's root and issuing authority, once for the whole chain
    Init {
        /// The directory for the files; created if it does not exist
        #[arg(long = "authority", default_value = "/etc/store-hub-hq/authority")]
        authority: PathBuf,
        /// Where hubs reach the enrolment service: https://HOST:PORT
        #[arg(long)]
        service: String,
        /// Where hubs reach the broker: mqtts://HOST:PORT
        #[arg(long)]
        broker: BrokerAddress,
        /// The file of the key by which HQ signs publications, made by `store-hub-hq signing-key`
        #[arg(long)]
        signing_key: Option<PathBuf>,
        /// How many days a hub's identity is valid
        #[arg(long, default_value_t = 90)]
        identity_days: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Create a certificate for one of HQ's own programs: the broker, the ingest, the enrolment service
    Certificate {
        /// Its name; the broker's access list has `hq` for HQ's programs
        name: String,
        /// The directory of HQ's authority
        #[arg(long = "authority", default_value = "/etc/store-hub-hq/authority")]
        authority: PathBuf,
        /// A host name by which hubs reach it
        #[arg(long = "hostname")]
        hosts: Vec<String>,
        /// An IP address by which hubs reach it
        #[arg(long = "address")]
        addresses: Vec<IpAddr>,
        /// The directory for NAME.pem and NAME.key
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
}

/// The public part of a signing key.
fn public_key(path: &Path) -> Result<String, String> {
    let secret = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let key = SigningKey::from_secret(secret.trim()).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(key.public().to_string())
}

pub(crate) fn run(command: Command) -> Result<(), String> {
    let now = OffsetDateTime::now_utc();
    match command {
        Command::Init { authority, service, broker, signing_key, identity_days, json } => {
            if !service.starts_with("https://") || service.ends_with('/') {
                return Err(format!("--service {service}: expected https://HOST:PORT"));
            }
            if !broker.tls {
                return Err(format!("--broker {broker}: expected mqtts://HOST:PORT"));
            }
            let publications_key = signing_key.as_deref().map(public_key).transpose()?;
            let settings = Settings { service, broker, publications_key, identity_days };
            let headquarters = Headquarters::init(&authority, &settings, now).map_err(text)?;
            let value = json!({ "authority": authority, "root_sha256": headquarters.root() });
            tell(json, &value, || {
                println!("Created HQ's authority in {}:", authority.display());
                println!("  root.pem     registers and HQ's programs trust it; SHA-256 {}", headquarters.root());
                println!("  root.key     nothing needs it before the issuing authority ends: move it offline now");
                println!("  issuing.pem  signs hubs; valid for ten years");
                println!("  issuing.key  its key, for `serve` and the other commands");
                println!("  hq.toml      what every hub's config has in common");
            })
        }
        Command::Certificate { name, authority, hosts, addresses, dir } => {
            let headquarters = Headquarters::open(&authority).map_err(text)?;
            let (certificate, key) = headquarters.program(&name, &Names { hosts, addresses }, now).map_err(text)?;
            let [certificate_file, key_file] = ["pem", "key"].map(|ending| format!("{name}.{ending}"));
            write_new(&dir, &[(&key_file, &key, 0o600), (&certificate_file, &certificate, 0o644)]).map_err(text)?;
            println!("Created {certificate_file} and {key_file} in {}, valid for 398 days.", dir.display());
            Ok(())
        }
    }
}
