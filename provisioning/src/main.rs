//! `store-hub-provision`: identities for stores.

use std::{net::IpAddr, path::PathBuf, process::ExitCode, time::SystemTime};

use clap::{Parser, Subcommand};
use provisioning::{Names, ProvisioningError, StoreAuthority, renew, write_store};
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
    /// Sign a new certificate with the names and the key of an old one, and put it in its place
    Renew {
        /// The directory of the store's authority: its ca.pem and ca.key
        #[arg(long)]
        dir: PathBuf,
        /// The certificate's file; hub.pem of that directory without it
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
                println!("{} is renewed, valid until {}.", certificate.display(), renewed.until);
                println!("  SHA-256 {}", renewed.fingerprint);
                println!("A hub that runs takes it over within a minute; nobody has to trust anything new.");
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
    println!("Store {} has its identity in {}:", created.store, created.directory.display());
    println!("  ca.pem    give it to registers and people's browsers, so that they trust this store's hub");
    println!("            SHA-256 {}", created.authority_sha256);
    println!("  ca.key    keep it away from the hub: whoever has it can create hubs of this store");
    println!("  hub.pem   the hub's certificate, valid for 398 days: listen.certificate in its config");
    println!("            SHA-256 {}", created.hub_sha256);
    println!("  hub.key   its key: listen.key in its config");
    println!("Before the 398 days are over, `store-hub-provision renew` signs a new hub.pem.");
    Ok(())
}

fn create(store: &str, directory: PathBuf, names: &Names) -> Result<Created, String> {
    let failed = |error: ProvisioningError| error.to_string();
    let authority = StoreAuthority::create(store, SystemTime::now()).map_err(failed)?;
    // The name by which a broker's access list knows the hub.
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
