//! `store-hub-provision`: identities for stores.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::SystemTime};

use clap::{Parser, Subcommand};
use provisioning::{Names, ProvisioningError, StoreAuthority, write_store};
use serde::Serialize;

/// Identities for stores.
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
        /// The store: letters, digits, `-`
        #[arg(long)]
        store: String,
        /// Where the files go; created if it does not exist
        #[arg(long)]
        dir: PathBuf,
        /// A host name under which registers reach the hub
        #[arg(long = "hostname")]
        hosts: Vec<String>,
        /// An IP address under which registers reach the hub
        #[arg(long = "address")]
        addresses: Vec<IpAddr>,
        /// Answer as one JSON object
        #[arg(long)]
        json: bool,
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
    let Command::CreateStore { store, dir, hosts, addresses, json } = Arguments::parse().command;
    match create(&store, dir, &Names { hosts, addresses }) {
        Ok(created) if json => match serde_json::to_string_pretty(&created) {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("store-hub-provision: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(created) => {
            let dir = created.directory.display();
            println!("Store {} has its identity in {dir}:", created.store);
            println!("  ca.pem    give it to registers and people's browsers, so that they trust this store's hub");
            println!("            SHA-256 {}", created.authority_sha256);
            println!("  ca.key    keep it away from the hub: whoever has it can create hubs of this store");
            println!("  hub.pem   the hub's certificate, valid for 398 days: listen.certificate in its config");
            println!("            SHA-256 {}", created.hub_sha256);
            println!("  hub.key   its key: listen.key in its config");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("store-hub-provision: {error}");
            ExitCode::FAILURE
        }
    }
}

fn create(store: &str, directory: PathBuf, names: &Names) -> Result<Created, ProvisioningError> {
    let authority = StoreAuthority::create(store, SystemTime::now())?;
    let hub = authority.issue(&format!("hub of {store}"), names)?;
    let identity = authority.identity();
    write_store(&directory, &identity, &hub)?;
    Ok(Created {
        store: store.to_owned(),
        directory,
        authority_sha256: identity.fingerprint,
        hub_sha256: hub.fingerprint,
    })
}
