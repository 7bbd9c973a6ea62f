//! `store-hub-provision`: identities for stores.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::SystemTime};

use clap::{Parser, Subcommand};
use provisioning::{Names, ProvisioningError, StoreAuthority, renew, write_store};
use serde::Serialize;

/// Create and renew identities of stores
#[derive(Parser)]
#[command(name = "store-hub-provision", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a store's certificate authority and its hub's certificate
    CreateStore {
        /// The name of the store: letters, digits, `-`
        #[arg(long)]
        store: String,
        /// The directory for the files; created if it does not exist
        #[arg(long)]
        dir: PathBuf,
        /// A host name by which registers reach the hub
        #[arg(long = "hostname")]
        hosts: Vec<String>,
        /// An IP address by which registers reach the hub
        #[arg(long = "address")]
        addresses: Vec<IpAddr>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Renew a certificate with the same names and key, and replace its file
    Renew {
        /// The directory of the store's authority (ca.pem and ca.key)
        #[arg(long)]
        dir: PathBuf,
        /// The certificate to renew; default: hub.pem in that directory
        #[arg(long)]
        certificate: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Created {
    store: String,
    directory: PathBuf,
    authority_sha256: String,
    hub_sha256: String,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::CreateStore { store, dir, hosts, addresses, json } => {
            create(&store, dir, &Names { hosts, addresses }).and_then(|created| tell(&created, json))
        }
        Command::Renew { dir, certificate } => {
            let certificate = certificate.unwrap_or_else(|| dir.join("hub.pem"));
            renew(&dir, &certificate, SystemTime::now()).map_err(|error| error.to_string()).map(|renewed| {
                println!("Renewed {}, valid until {}.", certificate.display(), renewed.until);
                println!("  SHA-256 {}", renewed.fingerprint);
                println!("A running hub loads it within a minute; registers and browsers need no change.");
            })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("store-hub-provision: {why}");
            ExitCode::FAILURE
        }
    }
}

fn tell(created: &Created, json: bool) -> Result<(), String> {
    if json {
        let text = serde_json::to_string_pretty(created).map_err(|error| error.to_string())?;
        println!("{text}");
        return Ok(());
    }
    println!("Created the identity of store {} in {}:", created.store, created.directory.display());
    println!("  ca.pem    install it on registers and in browsers, so that they trust this store's hub");
    println!("            SHA-256 {}", created.authority_sha256);
    println!("  ca.key    keep it away from the hub: whoever has it can create hubs of this store");
    println!("  hub.pem   the hub's certificate, valid for 398 days: listen.certificate in its config");
    println!("            SHA-256 {}", created.hub_sha256);
    println!("  hub.key   its key: listen.key in its config");
    println!("Before it expires, renew it with `store-hub-provision renew`.");
    Ok(())
}

fn create(store: &str, directory: PathBuf, names: &Names) -> Result<Created, String> {
    let failed = |error: ProvisioningError| error.to_string();
    let authority = StoreAuthority::create(store, SystemTime::now()).map_err(failed)?;
    // The name that a broker's access list has for the hub.
    let hub = authority.issue(store, names).map_err(failed)?;
    let identity = authority.identity();
    write_store(&directory, &identity, &hub).map_err(failed)?;
    Ok(Created {
        store: store.to_owned(),
        directory,
        authority_sha256: identity.fingerprint,
        hub_sha256: hub.fingerprint,
    })
}
